"""Requests and answers pass as RFC 9110 and 9112 say."""
import os
import socket
import threading

from gate import read_all, read_until, wait_for
from origin import OK, Origin, response


def test_a_request_and_its_answer_pass(gate, origin):
    status, headers, body = gate.request(path="/a?b=c", headers={"X-Mine": "1"})
    assert (status, body) == (200, b"ok")
    request = origin.requests[0]
    assert request.line == "GET /a?b=c HTTP/1.1"
    assert request.field("X-Mine") == "1"
    assert request.field("Host") == f"127.0.0.1:{gate.port}"


def test_one_connection_carries_many_requests_and_the_upstream_connection_is_kept(gate, origin):
    with gate.connect() as client:
        for number in range(20):
            client.sendall(f"GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert read_until(client, b"ok").startswith(b"HTTP/1.1 200")
    assert [request.line for request in origin.requests] == [f"GET /{number} HTTP/1.1" for number in range(20)]
    assert origin.connections == 1


def test_pipelined_requests_are_answered_in_order(gate, origin):
    origin.answer = lambda request, _: response(200, b"<" + request.line.split()[1].encode() + b">")
    answer = gate.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(5)))
    places = [answer.index(b"</%d>" % number) for number in range(5)]
    assert places == sorted(places) and answer.count(b"HTTP/1.1 200") == 5


def test_a_counted_body_passes(gate, origin):
    gate.request("POST", "/", body=b"x" * 100_000)
    assert origin.requests[0].body == b"x" * 100_000
    assert origin.requests[0].all("Content-Length") == ["100000"]


def test_a_chunked_body_passes_with_its_trailers(gate, origin):
    gate.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n")
    assert origin.requests[0].body == b"abcde"
    assert origin.requests[0].field("X-Story-Trailer") == "X-Sum: 5"
    assert origin.requests[0].field("Content-Length") is None


def test_a_chunked_answer_passes_with_its_trailers(gate, origin):
    origin.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n"
    answer = gate.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.endswith(b"3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n")


def test_an_http_1_0_client_gets_the_body_without_chunks(gate, origin):
    origin.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    answer = gate.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", half_close=False)
    head, body = answer.split(b"\r\n\r\n", 1)
    assert body == b"abc" and b"chunked" not in head.lower()


def test_an_http_1_0_origin_and_a_body_that_ends_with_the_connection_pass(gate, origin):
    origin.answer = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it"
    status, _, body = gate.request()
    assert (status, body) == (200, b"all of it")


def test_head_and_304_have_no_body_and_keep_their_length(gate, origin):
    origin.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
    status, headers, body = gate.request("HEAD")
    assert (status, headers["Content-Length"], body) == (200, "1234", b"")
    origin.answer = b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"
    status, headers, body = gate.request()
    assert (status, headers["ETag"], body) == (304, '"a"', b"")


def test_204_has_no_body(gate, origin):
    origin.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    with gate.connect() as client:
        for _ in range(2):
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert read_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 204")


def test_expect_100_continue_is_answered_by_the_origin(gate, origin):
    origin.read_body = False

    def answer(request, client):
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = request.body
        while len(body) < 5:
            body += client.recv(100)
        return response(200, body, "Connection: close")

    origin.answer = answer
    with gate.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert read_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        client.sendall(b"hello")
        assert read_until(client, b"hello").startswith(b"HTTP/1.1 200")


def test_an_unknown_expectation_is_refused(gate, origin):
    assert gate.send(b"GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n").startswith(b"HTTP/1.1 417")
    assert origin.requests == []


def test_early_hints_pass_before_the_answer(gate, origin):
    origin.answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK
    answer = gate.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 103") and b"Link: </a>" in answer and b"HTTP/1.1 200" in answer


def test_a_half_closed_client_still_gets_its_answer(gate, origin):
    answer = gate.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", half_close=True)
    assert answer.endswith(b"ok")


def test_an_upgrade_becomes_a_tunnel_both_ways(gate, origin):
    def answer(request, client):
        client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello ")
        while block := client.recv(1000):
            client.sendall(block.upper())
        return None

    origin.answer = answer
    with gate.connect() as client:
        client.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n")
        head = read_until(client, b"hello ")
        assert head.startswith(b"HTTP/1.1 101") and b"Upgrade: websocket" in head
        for word in (b"one", b"two" * 10_000):
            client.sendall(word)
            got = b""
            while len(got) < len(word):
                got += client.recv(65536)
            assert got == word.upper()
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    assert origin.requests[0].field("Upgrade") == "websocket"


def test_h2c_is_never_passed_on(gate, origin):
    gate.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
    assert origin.requests[0].field("Upgrade") is None and origin.requests[0].field("HTTP2-Settings") is None


def test_hop_by_hop_fields_are_removed(gate, origin):
    origin.answer = response(200, b"ok", "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "X-End: 2")
    _, headers, _ = gate.request(
        headers={"Connection": "X-Secret, keep-alive", "X-Secret": "1", "Keep-Alive": "5", "TE": "trailers", "Proxy-Authorization": "x"})
    request = origin.requests[0]
    for name in ("X-Secret", "Keep-Alive", "TE", "Proxy-Authorization", "Connection"):
        assert request.field(name) is None, name
    assert headers["X-Hop"] is None and headers["Keep-Alive"] is None and headers["X-End"] == "2"


def test_forwarding_fields_of_a_stranger_are_replaced(gate, origin):
    gate.request(headers={
        "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil", "Forwarded": "for=1.2.3.4",
        "X-Real-IP": "1.2.3.4", "X-Request-ID": "mine"})
    request = origin.requests[0]
    assert request.all("X-Forwarded-For") == ["127.0.0.1"]
    assert request.all("X-Forwarded-Proto") == ["http"]
    assert request.all("X-Forwarded-Host") == [f"127.0.0.1:{gate.port}"]
    assert request.all("X-Real-IP") == ["127.0.0.1"]
    assert request.all("Forwarded") == [f'for=127.0.0.1;host="127.0.0.1:{gate.port}";proto=http']
    assert len(request.all("X-Request-ID")) == 1 and request.field("X-Request-ID") != "mine"


def test_a_trusted_proxy_is_believed_and_the_chain_grows(gates, origin):
    gate = gates(origin=origin, client_address={"trusted_proxies": ["127.0.0.0/8"]})
    gate.request(headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Request-ID": "abc-1"})
    request = origin.requests[0]
    assert request.all("X-Forwarded-For") == ["203.0.113.9, 127.0.0.1"]
    assert request.all("X-Forwarded-Proto") == ["https"]
    assert request.all("X-Request-ID") == ["abc-1"]
    assert gate.accesses()[0]["client_ip"] == "203.0.113.9"


def test_a_large_download_passes_in_constant_memory(gate, origin):
    block = os.urandom(1 << 20)
    count = 256

    def answer(request, client):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count << 20))
        for _ in range(count):
            client.sendall(block)
        return b""

    origin.answer = answer
    gate.request()
    before = gate.metric("process_resident_memory_bytes")
    with gate.connect(30) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(client, b"\r\n\r\n")
        total = 0
        while total < (count << 20) - 200_000:
            total += len(client.recv(1 << 20))
    assert gate.metric("process_resident_memory_bytes") - before < 16 << 20


def test_a_large_upload_passes_in_constant_memory(gate, origin):
    origin.read_body = False
    got = [0]

    def answer(request, client):
        got[0] = len(request.body)
        while got[0] < 128 << 20:
            got[0] += len(client.recv(1 << 20))
        return response(200, b"done", "Connection: close")

    origin.answer = answer
    before = gate.metric("process_resident_memory_bytes")
    with gate.connect(30) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (128 << 20))
        for _ in range(128):
            client.sendall(b"z" * (1 << 20))
        assert b"done" in read_until(client, b"done")
    assert got[0] == 128 << 20
    assert gate.metric("process_resident_memory_bytes") - before < 16 << 20


def test_a_client_that_does_not_read_stops_the_origin_not_the_gate(gate, origin):
    sent = [0]

    def answer(request, client):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
        for _ in range(64):
            client.sendall(b"z" * (1 << 20))
            sent[0] += 1
        return b""

    origin.answer = answer
    with gate.connect(30) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: sent[0] > 0)
        # Others are served meanwhile.
        with Origin() as other:
            assert gate.admin("/livez")[0] == 200 and other.requests == []
        assert sent[0] < 64
        rest = 0
        while rest < 64 << 20:
            rest += len(slow.recv(1 << 20))
    wait_for(lambda: sent[0] == 64)


def test_many_clients_at_once_each_get_their_own_answer(gate, origin):
    origin.answer = lambda request, _: response(200, request.line.split()[1].encode())
    wrong = []

    def work(number):
        for step in range(20):
            if gate.request(path=f"/{number}-{step}")[2] != f"/{number}-{step}".encode():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
