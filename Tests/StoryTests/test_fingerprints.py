"""Fingerprints of TLS and of how a client writes: in events, rules and lists, with real clients."""
import json
import socket
import ssl
import subprocess

import pytest

from certificates import Authority, connect, first_message, ja4, listener, trusting
from gate import events_of

LOGINS = [{"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.username"}}]
LOGIN = b"POST /login HTTP/1.1\r\nHost: login.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 21\r\n" \
        b"Connection: close\r\n\r\nusername=a&password=b"


@pytest.fixture
def authority(folder):
    return Authority(folder / "ca")


@pytest.fixture
def printed(gates, origin, folder, authority):
    """A gate with TLS that judges logins by what stands in `rules` and `deny`."""
    def make(rules=(), deny="", **settings):
        (folder / "rules.yaml").write_text(json.dumps({"rules": list(rules)}))
        (folder / "deny.txt").write_text(deny)
        return gates(origin=origin, service={"logins": LOGINS}, listener=listener(authority.issue("site", "login.example")),
                     rules={"files": [str(folder / "rules.yaml")]}, denylist={"files": [str(folder / "deny.txt")]},
                     collectors=[{"name": "events", "type": "file", "path": str(folder / "events.jsonl")}], **settings)

    return make


def log_in(port, context, name="login.example"):
    """(status, JA4 of the very bytes that were sent)."""
    record, client, incoming, outgoing = first_message(context, name)
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        plain.sendall(record)
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        client.write(LOGIN)
        plain.sendall(outgoing.read())
        answer = b""
        while b"\r\n\r\n" not in answer:
            try:
                answer += client.read()
            except ssl.SSLWantReadError:
                incoming.write(plain.recv(65536))
        return int(answer.split()[1]), ja4(record)


def test_an_event_tells_the_ja4_of_the_bytes_that_came(printed, authority, folder):
    gate = printed()
    wanted = []
    for context in (trusting(authority, "http/1.1"), trusting(authority)):
        status, print_ = log_in(gate.port, context)
        assert status == 200
        wanted.append(print_)
    context = trusting(authority, "http/1.1")
    context.set_ciphers("ECDHE+AESGCM")
    wanted.append(log_in(gate.port, context)[1])
    events = events_of(folder / "events.jsonl", 3)
    assert sorted(event["fingerprint"]["ja4"] for event in events) == sorted(wanted) and len(set(wanted)) == 3
    assert all(len(event["fingerprint"]["ja3"]) == 32 and event["fingerprint"]["client"].startswith("cli-11-3-") for event in events)


@pytest.mark.parametrize("kind", ["ja4", "ja3", "client"])
def test_a_print_of_an_event_can_be_a_condition_and_a_list_entry(printed, authority, folder, kind):
    gate = printed()
    plain, odd = trusting(authority, "http/1.1"), trusting(authority, "http/1.1")
    odd.set_ciphers("ECDHE+AESGCM")
    assert log_in(gate.port, odd)[0] == 200
    print_ = events_of(folder / "events.jsonl")[0]["fingerprint"][kind]
    (folder / "deny.txt").write_text(f"fingerprint={print_} - a known tool\n")
    gate.reload()
    assert log_in(gate.port, odd)[0] == 403
    assert gate.accesses(2)[1]["reason"] == "denylist: a known tool"
    (folder / "deny.txt").write_text("")
    (folder / "rules.yaml").write_text(json.dumps({"rules": [
        {"id": "tool", "name": "t", "when": [{f"fingerprint.{kind}": {"equals": print_}}], "then": {"action": "block", "status": 418}}]}))
    gate.reload()
    assert log_in(gate.port, odd)[0] == 418
    # How it writes is the same, whatever its TLS is.
    assert log_in(gate.port, plain)[0] == (418 if kind == "client" else 200)


def test_http2_clients_have_the_print_of_their_tls_too(printed, authority, folder):
    gate = printed()
    done = subprocess.run(["curl", "-s", "--http2", "--cacert", authority.certificate, "--resolve", f"login.example:{gate.port}:127.0.0.1",
                           "-d", "username=a&password=b", "-w", "%{http_version}", f"https://login.example:{gate.port}/login"],
                          capture_output=True, text=True, timeout=20)
    assert done.stdout.endswith("2"), done
    prints = events_of(folder / "events.jsonl")[0]["fingerprint"]
    assert prints["ja4"].startswith("t13d") and prints["ja4"][8:10] == "h2" and prints["http2"] and prints["client"].startswith("cli-2-")


def test_the_handshake_of_a_trusted_proxy_is_not_its_clients_print(printed, authority, folder):
    gate = printed(client_address={"trusted_proxies": ["127.0.0.1"]})
    with connect(gate.port, trusting(authority)) as client:
        client.sendall(LOGIN.replace(b"Connection", b"X-Forwarded-For: 198.51.100.1\r\nConnection"))
        assert client.recv(100).startswith(b"HTTP/1.1 200")
    prints = events_of(folder / "events.jsonl")[0]["fingerprint"]
    assert "ja4" not in prints and "ja3" not in prints and prints["header"]
