"""The same requests through the gate and through nginx to the same origin: what the client gets and what the origin got are the same."""
import hashlib
import os
import shutil
import socket
import subprocess

import pytest

from gate import closed, free_port, read_until, wait_for
from origin import Origin, response

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(not NGINX, reason="nginx is not installed")

CONFIGURATION = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; client_max_body_size 200m;
    map $http_upgrade $upgrades {{ default upgrade; "" ""; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{origin}; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
            proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgrades;
        }}
    }}
}}
"""
LARGE = os.urandom(1 << 20) * 16
FILE = os.urandom(100_000)


def answer(request, client):
    """An origin with a file, an echo and a door to something else than HTTP."""
    path = request.line.split()[1]
    if path == "/file":
        if request.field("If-None-Match") == '"f"':
            return b'HTTP/1.1 304 Not Modified\r\nETag: "f"\r\n\r\n'
        body, status, more = FILE, 200, []
        wanted = request.field("Range")
        if wanted:
            start, end = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
            if start >= len(FILE):
                return response(416, b"", f"Content-Range: bytes */{len(FILE)}")
            body, status, more = FILE[start:end + 1], 206, [f"Content-Range: bytes {start}-{end}/{len(FILE)}"]
        whole = response(status, body, 'ETag: "f"', "Accept-Ranges: bytes", *more)
        return whole.split(b"\r\n\r\n")[0] + b"\r\n\r\n" if request.line.startswith("HEAD") else whole
    if path == "/large":
        return response(200, LARGE)
    if path == "/chunks":
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    if path == "/close":
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end"
    if path == "/empty":
        return b"HTTP/1.1 204 No Content\r\n\r\n"
    if path == "/socket":
        client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        while data := client.recv(65536):
            client.sendall(data[::-1])
        return None
    if path == "/refuse":
        return response(413, b"too much", "Connection: close")
    return response(200, hashlib.sha256(request.body).hexdigest().encode(), f"X-Method: {request.line.split()[0]}")


@pytest.fixture
def pair(gates, folder):
    """(port of the gate, port of nginx, origin) with one origin behind both."""
    with Origin(answer) as origin:
        port = free_port()
        home = folder / "nginx"
        home.mkdir()
        (home / "nginx.conf").write_text(CONFIGURATION.format(folder=home, port=port, origin=origin.port))
        process = subprocess.Popen([NGINX, "-p", str(home), "-c", str(home / "nginx.conf")], stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: not closed(port))
            yield gates(origin=origin).port, port, origin
        finally:
            process.terminate()
            process.wait(10)


def ask(port, path, *words, body=None, timeout=60):
    """What curl saw: status, the fields that an origin sets, the body's hash."""
    command = ["curl", "-s", "-i", "--http1.1", "-o", "-", *words, f"http://127.0.0.1:{port}{path}"]
    seen = subprocess.run(command, input=body, capture_output=True, timeout=timeout)
    assert seen.returncode == 0, (command, seen.stderr)
    head, rest = seen.stdout.split(b"\r\n\r\n", 1)
    # Interim answers are the proxy's own affair, what comes behind them is not.
    while head.split()[1].startswith(b"1"):
        head, rest = rest.split(b"\r\n\r\n", 1)
    fields = {}
    for line in head.decode().split("\r\n")[1:]:
        name, value = line.split(": ", 1)
        if name.lower() not in ("date", "server", "connection", "keep-alive", "x-request-id"):
            fields[name.lower()] = value
    return head.split()[1], fields, hashlib.sha256(rest).hexdigest()


def arrived(request):
    """What of a request must not depend on the proxy: its line, its body, and the fields that the client wrote."""
    named = ("range", "if-none-match", "x-mine", "content-type", "cookie", "host")
    return request.line, hashlib.sha256(request.body).hexdigest(), [
        (name.lower(), value) for name, value in request.fields if name.lower() in named and name.lower() != "host"]


CASES = {
    "a file": ["/file"],
    "HEAD": ["/file", "--head"],
    "a range": ["/file", "-H", "Range: bytes=10-2000"],
    "the last byte": ["/file", "-r", "99999-99999"],
    "a range behind the end": ["/file", "-r", "200000-200001"],
    "not modified": ["/file", "-H", 'If-None-Match: "f"'],
    "a large download": ["/large"],
    "chunks": ["/chunks"],
    "an answer that ends with its connection": ["/close"],
    "no content": ["/empty"],
    "OPTIONS": ["/echo?a=b%20c", "-X", "OPTIONS"],
    "DELETE": ["/echo", "-X", "DELETE", "-H", "X-Mine: yes", "-H", "Cookie: a=b"],
}
UPLOADS = {
    "a form": (b"a=b&c=d", []),
    "a large upload": (LARGE, ["-T", "-", "-H", "Transfer-Encoding:", "-H", f"Content-Length: {len(LARGE)}"]),
    "a large upload in chunks": (LARGE, ["-T", "-"]),
    "an upload that waits for 100": (LARGE[:2_000_000], ["-T", "-", "-H", "Expect: 100-continue"]),
    "an empty upload": (b"", ["-X", "POST", "-H", "Content-Length: 0"]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_request_without_body_goes_as_through_nginx(pair, name):
    ours, nginx, origin = pair
    path, *words = CASES[name]
    results = [ask(port, path, *words) for port in (ours, nginx)]
    assert results[0] == results[1]
    assert arrived(origin.requests[0]) == arrived(origin.requests[1])


@pytest.mark.parametrize("name", UPLOADS)
def test_an_upload_goes_as_through_nginx(pair, name):
    ours, nginx, origin = pair
    body, words = UPLOADS[name]
    results = [ask(port, "/echo", *(words or ["--data-binary", "@-"]), body=body) for port in (ours, nginx)]
    assert results[0] == results[1]
    assert arrived(origin.requests[0]) == arrived(origin.requests[1])
    assert origin.requests[0].body == body


def test_a_refusal_of_an_upload_reaches_the_client_as_through_nginx(pair):
    ours, nginx, _ = pair
    results = [ask(port, "/refuse", "--data-binary", "@-", body=b"x" * 500_000) for port in (ours, nginx)]
    assert results[0] == results[1] and results[0][0] == b"413"


def test_a_websocket_carries_both_ways_as_through_nginx(pair):
    ours, nginx, _ = pair
    results = []
    for port in (ours, nginx):
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            head = read_until(client, b"\r\n\r\n")
            said = b""
            for word in (b"one", b"two"):
                client.sendall(word)
                said += client.recv(100)
            results.append((head.split(b"\r\n")[0], b"upgrade: websocket" in head.lower(), said))
    assert results[0] == results[1] and results[0][2] == b"enoowt"
