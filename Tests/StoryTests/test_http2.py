"""HTTP/2 with real clients: the same gate, the same judgement, over streams."""
import json
import os
import ssl
import subprocess
import threading

import pytest

from frames import Client, DataFrame, GoAwayFrame, HEAD, HeadersFrame, PREFACE, PriorityFrame, SettingsFrame, WindowUpdateFrame, post
from gate import events_of, wait_for
from origin import Origin, response


def run(*words, seconds=60, **more):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=seconds, **more)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture
def secure(gates, origin, folder):
    """A gate with TLS, over which HTTP/2 is agreed by ALPN."""
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=sso.example", "-keyout", folder / "key.pem", "-out", folder / "cert.pem")
    return gates(origin=origin, listener={
        "tls": {"certificates": [{"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}]}})


def alpn(port, *offered):
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(list(offered))
    import socket

    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain) as client:
        return client.selected_alpn_protocol()


def test_http2_is_agreed_by_alpn_and_http_1_1_stays(secure):
    assert alpn(secure.port, "h2", "http/1.1") == "h2"
    assert alpn(secure.port, "http/1.1") == "http/1.1"
    assert alpn(secure.port) is None


def test_http2_can_be_switched_off(gates, origin, secure):
    secure.configuration["listeners"][0]["http2"] = False
    secure.write()
    secure.reload()
    assert alpn(secure.port, "h2", "http/1.1") == "http/1.1"
    plain = gates(origin=origin, listener={"http2": False})
    with Client(plain.port) as client:
        assert client.goaway() == "closed"
    assert origin.requests == []


def test_curl_gets_and_posts_over_tls(secure, origin):
    origin.answer = lambda request, _: response(201, request.body, "X-Seen: yes")
    url = f"https://127.0.0.1:{secure.port}"
    out = run("curl", "-skv", "--http2", f"{url}/a?b=c", "-H", "Cookie: one=1", "-w", "%{http_version} %{http_code}")
    assert out == "2 201"
    assert origin.requests[0].line == "GET /a?b=c HTTP/1.1"
    assert origin.requests[0].field("X-Forwarded-Proto") == "https"
    assert run("curl", "-sk", "--http2", f"{url}/form", "-d", "user=ada") == "user=ada"
    body = os.urandom(3 << 20)
    sent = subprocess.run(["curl", "-sk", "--http2", f"{url}/up", "-H", "Expect:", "--data-binary", "@-"], input=body,
                          capture_output=True, timeout=60)
    assert sent.stdout == body
    assert subprocess.run(["curl", "-sk", "--http2", f"{url}/up", "-T", "-"], input=body, capture_output=True, timeout=60).stdout == body
    assert origin.requests[-1].field("Transfer-Encoding") == "chunked"


def test_nghttp_fetches_and_posts(gate, origin, folder):
    body = os.urandom(300_000)
    (folder / "body").write_bytes(body)
    origin.answer = lambda request, _: response(200, request.body or b"hello")
    url = f"http://127.0.0.1:{gate.port}/"
    assert run("nghttp", url) == "hello"
    assert run("nghttp", "-n", "-v", "-d", folder / "body", url).count("END_STREAM") > 0
    assert origin.requests[-1].body == body


def test_h2load_finds_no_failed_request(gate, origin):
    out = run("h2load", "-n", 2000, "-c", 4, "-m", 32, f"http://127.0.0.1:{gate.port}/")
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in out, out
    assert gate.metric("loginward_http2_streams_total") == 2000
    assert gate.metric("loginward_http2_connections_total") == 4


def test_requests_of_one_connection_are_answered_independently(gate, origin):
    hold = threading.Event()

    def answer(request, client):
        if "slow" in request.line:
            hold.wait(10)
        return response(200, request.line.split()[1].encode())

    origin.answer = answer
    with Client(gate.port) as client:
        for stream, path in ((1, "/slow"), (3, "/b"), (5, "/c")):
            client.headers(stream, [*HEAD[:3], (":path", path)])
        assert client.answer(3)[2] == b"/b" and client.answer(5)[2] == b"/c"
        hold.set()
        assert client.answer(1)[2] == b"/slow"


def test_the_same_rules_lists_and_pages_judge_it(gates, origin, folder):
    (folder / "rules.yaml").write_text(json.dumps({"rules": [
        {"id": "version", "name": "v", "when": [{"request.version": {"equals": "2"}}, {"request.path": {"equals": "/two"}}],
         "then": {"action": "block"}},
        {"id": "body", "name": "b", "when": [{"request.body.text": {"contains": "evil"}}], "then": {"action": "block", "status": 418}},
        {"id": "flag", "name": "f", "when": [{"request.path": {"equals": "/flag"}}],
         "then": {"action": "flag", "header": "x-risk", "value": "high"}}]}))
    gate = gates(origin=origin, rules={"files": [str(folder / "rules.yaml")]})
    with Client(gate.port) as client:
        assert client.get(1, [*HEAD[:3], (":path", "/two")])[0] == 403
        client.headers(3, post(("content-type", "text/plain")), end=False)
        client.data(3, b"some ev")
        client.data(3, b"il text", end=True)
        assert client.answer(3)[0] == 418
        assert client.get(5, [*HEAD[:3], (":path", "/flag")])[0] == 200
    assert [request.line for request in origin.requests] == ["GET /flag HTTP/1.1"]
    assert origin.requests[0].field("x-risk") == "high"
    lines = gate.accesses(3)
    assert all(line["http"] == "2" for line in lines)
    assert [line["verdict"] for line in lines] == ["block", "block", "allow"]
    assert gate.metric("loginward_rule_matches_total", rule="version") == 1


def test_a_login_over_http2_is_an_event(gates, origin, folder):
    origin.answer = response(401, b"no")
    gate = gates(
        origin=origin, service={"logins": [{"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.user"}}]},
        collectors=[{"name": "file", "type": "file", "path": str(folder / "events")}])
    with Client(gate.port, settings={3: 100, 4: 65_535}) as client:
        client.window(0, 15_663_105)
        client.headers(1, post(("content-type", "application/x-www-form-urlencoded"), ("user-agent", "story/2"), path="/login"), end=False)
        client.data(1, b"user=ada&password=x", end=True)
        assert client.answer(1)[0] == 401
    event = events_of(folder / "events")[0]
    assert event["event"] == "users.login.failure" and event["usr"]["login"] == "ada"
    assert event["http"]["version"] == "2" and event["http"]["host"] == "sso.example"
    assert event["fingerprint"]["http2"] == "3:100;4:65535|15663105|0|m,s,a,p"
    assert event["http"]["header_names"] == ["Host", "content-type", "user-agent"]


def test_the_print_of_an_http2_client_is_a_subject_and_can_be_listed(gates, origin, folder):
    (folder / "rules.yaml").write_text(json.dumps({"rules": [
        {"id": "tool", "name": "t", "when": [{"fingerprint.http2": {"suffix": "|m,a,s,p"}}], "then": {"action": "block"}}]}))
    (folder / "deny").write_text("fingerprint=3:7|00|5:0:3:200|m,s,a,p - a known tool\n")
    gate = gates(origin=origin, rules={"files": [str(folder / "rules.yaml")]}, denylist={"files": [str(folder / "deny")]})
    with Client(gate.port) as client:
        assert client.get()[0] == 200
    with Client(gate.port) as client:
        assert client.get(1, [HEAD[0], HEAD[2], HEAD[1], HEAD[3]])[0] == 403
    with Client(gate.port, settings={3: 7}) as client:
        client.send(PriorityFrame(5, depends_on=3, stream_weight=199))
        assert client.get()[0] == 403
    assert gate.request()[0] == 200
    assert gate.metric("loginward_denylist_hits_total") == 1


def test_head_204_304_and_early_hints(gate, origin):
    def answer(request, client):
        path = request.line.split()[1]
        if path == "/hints":
            return b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + response(200, b"page")
        if path == "/304":
            return b"HTTP/1.1 304 X\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n"
        if path == "/204":
            return b"HTTP/1.1 204 X\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\r\n"

    origin.answer = answer
    with Client(gate.port) as client:
        status, fields, body, _ = client.get(1, [(":method", "HEAD"), *HEAD[1:]])
        assert status == 200 and ("content-length", "77") in fields and body == b""
        assert not {name for name, _ in fields} & {"connection", "keep-alive", "x-hop", "transfer-encoding"}
        assert client.get(3, [*HEAD[:3], (":path", "/204")])[0] == 204
        status, fields, body, _ = client.get(5, [*HEAD[:3], (":path", "/304")])
        assert status == 304 and body == b""
        assert client.get(7, [*HEAD[:3], (":path", "/hints")])[2] == b"page"
        hints = [dict(frame.fields) for frame in client.frames if frame.stream_id == 7 and hasattr(frame, "fields")]
        assert [hint[":status"] for hint in hints] == ["103", "200"] and hints[0]["link"] == "</a.css>"


def test_expect_100_continue_is_answered(gate, origin):
    def answer(request, client):
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return response(200, client.recv(100))

    origin.answer, origin.read_body = answer, False
    with Client(gate.port) as client:
        client.headers(1, post(("expect", "100-continue"), ("content-length", "4")), end=False)
        client.read(lambda frame: hasattr(frame, "fields") and dict(frame.fields)[":status"] == "100")
        client.data(1, b"body", end=True)
        assert client.answer(1)[2] == b"body"


def test_trailers_pass_both_ways(gate, origin):
    origin.answer = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                     b"5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n")
    with Client(gate.port) as client:
        client.headers(1, post(("te", "trailers")), end=False)
        client.data(1, b"abc")
        client.headers(1, [("x-digest", "7")])
        status, fields, body, trailers = client.answer(1)
    assert (status, body, trailers) == (200, b"hello", [("x-sum", "42")])
    assert origin.requests[0].body == b"abc" and origin.requests[0].field("X-Story-Trailer") == "x-digest: 7"


def test_cookies_are_joined(gate, origin):
    with Client(gate.port) as client:
        assert client.get(1, [*HEAD, ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")])[0] == 200
    assert origin.requests[0].all("cookie") == ["a=1; b=2"]


def test_a_large_download_passes_in_constant_memory(gate, origin):
    block = os.urandom(1 << 20)
    count = 256

    def answer(request, client):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count << 20))
        for _ in range(count):
            client.sendall(block)
        return b""

    origin.answer = answer
    before = gate.metric("process_resident_memory_bytes")
    url = f"http://127.0.0.1:{gate.port}/"
    assert run("curl", "-s", "--http2-prior-knowledge", url, "-o", "/dev/null", "-w", "%{size_download}") == str(count << 20)
    assert gate.metric("process_resident_memory_bytes") - before < 16 << 20


def test_a_large_upload_passes_in_constant_memory(gate, origin, folder):
    got = [0]

    def answer(request, client):
        got[0] = len(request.body)
        while got[0] < 128 << 20:
            got[0] += len(client.recv(1 << 20))
        return response(200, b"done", "Connection: close")

    origin.answer, origin.read_body = answer, False
    with open(folder / "body", "wb") as body:
        body.truncate(128 << 20)
    before = gate.metric("process_resident_memory_bytes")
    url = f"http://127.0.0.1:{gate.port}/"
    assert run("curl", "-s", "--http2-prior-knowledge", "-H", "Expect:", "-T", folder / "body", url) == "done"
    assert got[0] == 128 << 20
    assert gate.metric("process_resident_memory_bytes") - before < 16 << 20


def test_a_window_that_stays_closed_stops_the_origin_and_nobody_else(gate, origin):
    sent = [0]

    def answer(request, client):
        if "big" not in request.line:
            return response(200, b"small")
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
        for _ in range(64):
            client.sendall(b"z" * (1 << 20))
            sent[0] += 1
        return b""

    origin.answer = answer
    with Client(gate.port) as client:
        client.headers(1, [*HEAD[:3], (":path", "/big")])
        client.read(lambda frame: isinstance(frame, DataFrame))
        # The connection's own window is open, the stream's is used up.
        client.window(0, 1 << 30)
        assert client.get(3)[2] == b"small"
        assert sent[0] < 64
        client.window(1, 1 << 30)
        assert len(client.answer(1, 60)[2]) == 64 << 20


def test_a_hundred_answers_without_windows_take_bounded_memory(gate, origin):
    origin.answer = response(200, b"z" * (1 << 20))
    with Client(gate.port, settings={4: 0}) as client:
        assert client.is_alive()
        before = gate.metric("process_resident_memory_bytes")
        for number in range(100):
            client.headers(2 * number + 1)
        wait_for(lambda: len(origin.requests) == 100)
        wait_for(lambda: sum(hasattr(frame, "fields") for frame in client.frames) == 100
                 or client.is_alive() and False)
        # Of each answer what the gate holds of one on HTTP/1.1 that nobody reads: two buffers of 64 KiB and what is between.
        assert gate.metric("process_resident_memory_bytes") - before < 40 << 20
        client.window(0, 1 << 30)
        for number in range(100):
            client.window(2 * number + 1, 1 << 20)
        assert len(client.answer(199, 30)[2]) == 1 << 20


def test_a_proxy_in_front_is_read_before_http2(gates, origin):
    gate = gates(origin=origin, listener={"proxy_protocol": "require"}, client_address={"trusted_proxies": ["127.0.0.1"]})
    with Client(gate.port, begin=False) as client:
        client.send_bytes(b"PROXY TCP4 203.0.113.9 127.0.0.1 5000 80\r\n" + PREFACE)
        client.send(SettingsFrame(0))
        assert client.get()[0] == 200
    assert gate.accesses()[0]["client_ip"] == "203.0.113.9"


def test_a_client_that_opens_no_window_is_let_go(gates, origin):
    origin.answer = response(200, b"z" * 500_000)
    gate = gates(origin=origin, limits={"write_timeout": "500ms"})
    with Client(gate.port, settings={4: 0}) as client:
        assert client.get() == ("reset", 2)
        assert client.is_alive()


def test_a_client_that_does_not_read_its_socket_is_let_go(gates, origin):
    origin.answer = response(200, b"z" * (32 << 20))
    gate = gates(origin=origin, limits={"write_timeout": "500ms"})
    with Client(gate.port, settings={4: 2**31 - 1}) as client:
        client.window(0, 1 << 30)
        client.headers(1)
        wait_for(lambda: gate.metric("loginward_http2_connections_total") == 1)
        wait_for(lambda: gate.metric("loginward_connections") == 0)
        assert client.answer(1, 20)[0] == "closed"


def test_requests_of_many_streams_in_one_piece_are_all_answered(gate, origin):
    origin.answer = lambda request, _: response(200, request.line.encode() * 50)
    with Client(gate.port) as client:
        frames = []
        for number in range(90):
            frame = HeadersFrame(2 * number + 1, data=client.encoder.encode([*HEAD[:3], (":path", f"/{number}")]))
            frame.flags |= {"END_HEADERS", "END_STREAM"}
            frames.append(frame)
        client.send(WindowUpdateFrame(0, window_increment=1 << 20), *frames)
        for number in range(90):
            assert client.answer(2 * number + 1)[2] == f"GET /{number} HTTP/1.1".encode() * 50
    assert len(origin.requests) == 90


def test_a_client_that_goes_away_ends_its_request(gate, origin):
    ended = threading.Event()

    def answer(request, client):
        if client.recv(1) == b"":
            ended.set()
        return None

    origin.answer = answer
    with Client(gate.port) as client:
        client.headers(1)
        wait_for(lambda: origin.requests)
        client.reset(1)
        assert ended.wait(10)
        origin.answer = response(200, b"next")
        assert client.get(3)[2] == b"next"


def test_a_fault_behind_the_gate_is_an_answer_or_a_reset(gate, origin):
    with Client(gate.port) as client:
        origin.answer = b"garbage\r\n\r\n"
        assert client.get(1)[0] == 502
        origin.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf"
        assert client.get(3) == ("reset", 2)
        origin.answer = response(200, b"fine")
        assert client.get(5)[2] == b"fine"


def test_a_stop_announces_the_end_and_serves_what_stands(gate, origin):
    go = threading.Event()

    def answer(request, client):
        go.wait(10)
        return response(200, b"last")

    origin.answer = answer
    with Client(gate.port) as client:
        client.headers(1)
        wait_for(lambda: origin.requests)
        gate.signal(15)
        notice = client.read(lambda frame: isinstance(frame, GoAwayFrame))
        assert notice.error_code == 0 and notice.last_stream_id == 2**31 - 1
        # What was on its way when the notice came is still served.
        client.headers(3)
        go.set()
        assert client.answer(1)[2] == b"last" and client.answer(3)[2] == b"last"
        last = client.read(lambda frame: isinstance(frame, GoAwayFrame))
        assert last.error_code == 0 and last.last_stream_id == 3
    assert gate.process.wait(15) == 0


def test_a_reload_breaks_no_stream(gate, origin):
    go = threading.Event()

    def answer(request, client):
        go.wait(10)
        return response(200, b"fine")

    origin.answer = answer
    with Client(gate.port) as client:
        client.headers(1)
        wait_for(lambda: origin.requests)
        gate.reload()
        client.headers(3)
        go.set()
        assert client.answer(1)[2] == b"fine" and client.answer(3)[2] == b"fine"


def test_a_worn_out_connection_is_told_so(gates, origin):
    gate = gates(origin=origin, limits={"requests_per_connection": 3})
    with Client(gate.port) as client:
        for stream in (1, 3, 5):
            assert client.get(stream)[0] == 200
        assert client.goaway() == 0
