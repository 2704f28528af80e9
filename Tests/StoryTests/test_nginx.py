"""A real nginx behind the gate: everything that passes to it directly passes through the gate alike."""
import gzip
import hashlib
import http.client
import os
import shutil
import socket
import subprocess
import threading

import pytest

from gate import free_port, read_all, read_until, wait_for

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(not NGINX, reason="nginx is not installed")

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 200m;
    keepalive_requests 50;
    types {{ text/html html; application/octet-stream bin; text/plain txt; }}
    server {{
        listen 127.0.0.1:{port};
        listen unix:{folder}/nginx.sock;
        root {folder}/root;
        location /gzip/ {{ alias {folder}/root/; gzip on; gzip_min_length 1; gzip_types text/plain; }}
        location /put/ {{ root {folder}; dav_methods PUT DELETE; create_full_put_path on; }}
        location /moved {{ return 301 /elsewhere; }}
        location /empty {{ return 204; }}
        location /closing/ {{ alias {folder}/root/; keepalive_timeout 0; }}
        location /echo {{ return 200 "$request_method $http_x_mine $host $http_x_forwarded_for $content_length"; }}
        # A server that nginx asks itself, in HTTP/1.1 and chunks without a length.
        location /chunks/ {{ alias {folder}/root/; ssi on; ssi_types *; chunked_transfer_encoding on; }}
    }}
}}
"""


class Nginx:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.root = folder / "root"
        for name in ("root", "put"):
            (folder / name).mkdir(parents=True)
        self.files = {
            "index.html": b"<p>hello</p>", "text.txt": b"all the same " * 5000, "data.bin": os.urandom(300_000),
            "large.bin": os.urandom(1 << 20) * 48, "none.txt": b""}
        for name, content in self.files.items():
            (self.root / name).write_bytes(content)
        (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=self.port))
        os.chmod(folder, 0o755)
        self.process = subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"],
                                        stderr=subprocess.DEVNULL)
        wait_for(lambda: self.process.poll() is not None or socket.socket().connect_ex(("127.0.0.1", self.port)) == 0)
        assert self.process.poll() is None, (folder / "error.log").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def accesses(self):
        return (self.folder / "access.log").read_text().splitlines()


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    running = Nginx(tmp_path_factory.mktemp("nginx"))
    yield running
    running.stop()


@pytest.fixture
def gate(gates, nginx):
    return gates(upstream={"servers": [f"http://127.0.0.1:{nginx.port}"]})


def both(gate, nginx, *words, **named):
    """The same request to nginx through the gate and directly: answers, without what must differ."""
    answers = []
    for port in (gate.port, nginx.port):
        status, headers, body = gate.request(*words, **named, port=port)
        hop = ("connection", "keep-alive", "transfer-encoding", "date")
        answers.append((status, sorted((name.lower(), value) for name, value in headers.items() if name.lower() not in hop), body))
    return answers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/text.txt", "/none.txt", "/absent", "/moved", "/empty", "/data.bin?x=%20"])
def test_simple_requests_pass_alike(gate, nginx, method, path):
    through, direct = both(gate, nginx, method, path)
    assert through == direct


@pytest.mark.parametrize("wanted", ["bytes=0-99", "bytes=299900-", "bytes=-100", "bytes=0-0,100-199", "bytes=400000-", "bytes=x"])
def test_ranges_pass_alike(gate, nginx, wanted):
    through, direct = both(gate, nginx, path="/data.bin", headers={"Range": wanted})
    if "," in wanted:
        # The boundary is made by chance each time.
        assert through[0] == direct[0] == 206 and len(through[2]) == len(direct[2])
        assert nginx.files["data.bin"][100:200] in through[2]
    else:
        assert through == direct
        assert through[0] in (200, 206, 416)


def test_what_did_not_change_is_not_sent_again(gate, nginx):
    _, headers, _ = gate.request(path="/text.txt")
    for condition in ({"If-None-Match": headers["ETag"]}, {"If-Modified-Since": headers["Last-Modified"]}):
        with gate.connect() as client:
            lines = "".join(f"{name}: {value}\r\n" for name, value in condition.items())
            for _ in range(3):
                client.sendall(f"GET /text.txt HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())
                answer = read_until(client, b"\r\n\r\n")
                assert answer.startswith(b"HTTP/1.1 304") and answer.endswith(b"\r\n\r\n")


def test_squeezed_answers_pass(gate, nginx):
    status, headers, body = gate.request(path="/gzip/text.txt", headers={"Accept-Encoding": "gzip"})
    assert (status, headers["Content-Encoding"]) == (200, "gzip") and len(body) < 10_000
    assert gzip.decompress(body) == nginx.files["text.txt"]
    assert gate.request(path="/gzip/text.txt")[2] == nginx.files["text.txt"]


def test_chunks_pass(gate, nginx):
    with gate.connect() as client:
        client.sendall(b"GET /chunks/text.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        head = read_until(client, b"\r\n\r\n").split(b"\r\n\r\n")[0].lower()
        assert b"transfer-encoding: chunked" in head and b"content-length" not in head
    assert gate.request(path="/chunks/text.txt")[2] == nginx.files["text.txt"]
    with gate.connect() as old:
        old.sendall(b"GET /chunks/text.txt HTTP/1.0\r\nHost: a\r\n\r\n")
        head, body = read_all(old).split(b"\r\n\r\n", 1)
        assert body == nginx.files["text.txt"] and b"chunked" not in head.lower()


def test_fields_arrive(gate, nginx):
    _, _, body = gate.request("GET", "/echo", headers={"X-Mine": "yes", "Host": "sso.example"})
    assert body == b"GET yes sso.example 127.0.0.1 "


# nginx itself answers 500 to a PUT whose length is 0.
@pytest.mark.parametrize("size, chunked", [(0, True), (1, False), (1, True), (70_000, False), (70_000, True)])
def test_uploads_arrive_whole(gate, nginx, size, chunked):
    content = os.urandom(size)
    name = f"/put/upload-{size}-{chunked}"
    pieces = (content[start:start + 8192] for start in range(0, size, 8192)) if chunked else content
    connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=10)
    connection.request("PUT", name, body=pieces, headers={} if chunked else {"Content-Length": str(size)}, encode_chunked=chunked)
    assert connection.getresponse().status in (201, 204)
    connection.close()
    assert (nginx.folder / name[1:]).read_bytes() == content


def test_a_large_download_and_a_large_upload_pass_whole(gate, nginx):
    large = nginx.files["large.bin"]
    status, headers, body = gate.request(path="/large.bin")
    assert status == 200 and hashlib.sha256(body).digest() == hashlib.sha256(large).digest()
    assert gate.request("PUT", "/put/large", body=large)[0] in (201, 204)
    assert hashlib.sha256((nginx.folder / "put/large").read_bytes()).digest() == hashlib.sha256(large).digest()


def test_a_post_that_nginx_refuses_early_gets_its_answer(gate, nginx):
    """nginx answers 405 without reading the body, and 413 for one that is too long."""
    for size, status in ((10, 405), (1 << 20, 405), (300 << 20, 413)):
        with gate.connect() as client:
            client.sendall(b"POST /text.txt HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
            try:
                client.sendall(b"x" * min(size, 1 << 20))
            except OSError:
                pass
            assert read_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 %d" % status)
    assert gate.request()[0] == 200


def test_connections_to_nginx_are_kept_and_its_closing_costs_nothing(gate, nginx):
    with gate.connect() as client:
        for number in range(200):
            # nginx closes each connection after 50 requests.
            path = b"/closing/index.html" if number % 10 == 0 else b"/index.html"
            client.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            assert read_until(client, b"<p>hello</p>").startswith(b"HTTP/1.1 200")
    assert 20 <= gate.metric("loginward_upstream_connections_total") <= 40


def test_many_clients_get_what_they_asked_for(gate, nginx):
    wrong = []

    def work(number):
        for step in range(10):
            name = ("index.html", "text.txt", "data.bin", "none.txt")[(number + step) % 4]
            if gate.request(path=f"/{name}")[2] != nginx.files[name]:
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nginx_behind_its_unix_socket(gates, nginx):
    gate = gates(upstream={"servers": [f"unix:{nginx.folder}/nginx.sock"]})
    for name, content in nginx.files.items():
        if name != "large.bin":
            assert gate.request(path=f"/{name}")[2] == content
    assert gate.request("PUT", "/put/by-socket", body=b"hello")[0] in (201, 204)
