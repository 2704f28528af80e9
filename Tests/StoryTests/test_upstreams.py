"""Requests go to the server that is best off, and a server that is ill costs the client as little as possible."""
import json
import socket
import threading
import time

import pytest

from gate import free_port, read_all, read_until, wait_for
from origin import OK, Origin, response
from test_surroundings import can_mount



def urls(*origins):
    return [f"http://127.0.0.1:{origin.port}" for origin in origins]


@pytest.fixture
def pair():
    """Two origins that tell their names."""
    with Origin(response(200, b"one")) as one, Origin(response(200, b"two")) as two:
        yield one, two


# Which server


def test_servers_take_turns_when_nobody_is_busy(gates, pair):
    gate = gates(upstream={"servers": urls(*pair)})
    for _ in range(20):
        assert gate.request()[0] == 200
    assert {len(origin.requests) for origin in pair} == {10} or all(len(origin.requests) >= 5 for origin in pair)


def test_the_server_with_the_fewest_outstanding_requests_is_chosen(gates, pair):
    one, two = pair
    release = threading.Event()
    hold = lambda request, _: release.wait(20) and response(200, b"held")
    gate = gates(upstream={"servers": urls(one, two)}, workers=1)
    one.answer = two.answer = hold
    busy = gate.connect()
    busy.sendall(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
    held = wait_for(lambda: next((origin for origin in pair if origin.requests), None))
    free = two if held is one else one
    free.answer = response(200, b"free")
    for _ in range(10):
        assert gate.request()[2] == b"free"
    assert len(held.requests) == 1
    release.set()
    read_until(busy, b"held")
    busy.close()


def test_a_server_that_refuses_connections_costs_no_request(gates, origin):
    gate = gates(upstream={"servers": [f"http://127.0.0.1:{free_port()}", *urls(origin)]}, workers=1)
    for number in range(20):
        assert gate.request("POST" if number % 2 else "GET", body="x")[0] == 200
    assert len(origin.requests) == 20
    assert gate.metric("loginward_upstream_retries_total") > 0


def test_a_server_that_failed_often_is_left_alone_for_a_while_and_then_tried(gates, origin):
    port = free_port()
    gate = gates(upstream={"servers": [f"http://127.0.0.1:{port}", *urls(origin)], "max_failures": 2, "fail_timeout": "500ms"},
                 workers=1)
    for _ in range(20):
        assert gate.request()[0] == 200
    assert gate.metric("loginward_upstream_put_aside_total") >= 1
    errors = gate.metric("loginward_upstream_errors_total")
    assert errors < 10, "most requests did not even try"
    with Origin(response(200, b"back"), listener=socket.create_server(("127.0.0.1", port))):
        wait_for(lambda: gate.request()[2] == b"back")


def test_when_every_server_is_down_one_is_tried_all_the_same(gates):
    port = free_port()
    gate = gates(upstream={"servers": [f"http://127.0.0.1:{port}"], "max_failures": 1, "fail_timeout": "1h"})
    assert gate.request()[0] == 502
    with Origin(listener=socket.create_server(("127.0.0.1", port))):
        assert gate.request()[0] == 200


def test_a_heavier_server_gets_more_requests(gates, pair):
    one, two = pair
    first, second = urls(one, two)
    gate = gates(upstream={"servers": [f"{first} weight=3", second]}, workers=1)
    for _ in range(20):
        assert gate.request()[0] == 200
    assert (len(one.requests), len(two.requests)) == (15, 5)


def test_a_client_stays_at_the_server_that_its_cookie_chose(gates, pair):
    gate = gates(upstream={"servers": urls(*pair), "balance": "cookie.sid"})
    chosen = {}
    for number in range(16):
        answers = {gate.request(headers={"Cookie": f"a=b; sid=s{number}"})[2] for _ in range(4)}
        assert len(answers) == 1, "all loops agree"
        chosen[number] = answers.pop()
    assert set(chosen.values()) == {b"one", b"two"}
    assert {gate.request()[2] for _ in range(20)} == {b"one", b"two"}, "without the cookie any server will do"


def test_a_client_stays_at_the_server_of_its_address_and_moves_when_that_is_gone(gates, pair):
    one, two = pair
    # One loop: what is remembered of a server is remembered by each loop.
    gate = gates(upstream={"servers": urls(one, two), "balance": "client_address", "max_failures": 1, "fail_timeout": "1h"},
                 workers=1)
    chosen = {gate.request()[2] for _ in range(20)}
    assert len(chosen) == 1
    gone, other = (one, b"two") if chosen == {b"one"} else (two, b"one")
    gone.answer = lambda request, _: None
    wait_for(lambda: gate.request()[2] == other)
    assert {gate.request()[2] for _ in range(10)} == {other}


# Health checks


def test_without_a_path_a_connection_is_enough(gates, origin):
    port = free_port()
    gate = gates(upstream={"servers": [f"http://127.0.0.1:{port}", *urls(origin)], "health": {"interval": "50ms"}})
    wait_for(lambda: gate.logged("upstream fails its health check"))
    assert gate.request()[0] == 200
    with Origin(response(200, b"back"), listener=socket.create_server(("127.0.0.1", port))):
        wait_for(lambda: gate.logged("upstream is back"))
        wait_for(lambda: gate.request()[2] == b"back")


def test_a_server_that_fails_its_check_gets_no_requests_until_it_passes(gates, pair):
    one, two = pair
    healthy = {"one": False}
    one.answer = lambda request, _: response(
        200 if "health" not in request.line or healthy["one"] else 503, b"one")
    gate = gates(upstream={"servers": urls(one, two), "health": {"path": "/health?x=1", "interval": "50ms"}})
    wait_for(lambda: gate.logged("upstream fails its health check"))
    assert [gate.request()[2] for _ in range(20)] == [b"two"] * 20
    check = next(request for request in one.requests if "health" in request.line)
    assert check.line == "GET /health?x=1 HTTP/1.1" and check.field("Host") == f"127.0.0.1:{one.port}"
    servers = json.loads(gate.admin("/status")[1])["services"][0]["servers"]
    assert [server["passing"] for server in servers] == [False, True]
    healthy["one"] = True
    wait_for(lambda: gate.logged("upstream is back"))
    wait_for(lambda: gate.request()[2] == b"one")


def test_a_check_that_is_not_answered_fails(gates, pair):
    one, two = pair
    one.answer = lambda request, _: time.sleep(20)
    gate = gates(upstream={"servers": urls(one, two), "health": {"path": "/health", "interval": "100ms"}})
    wait_for(lambda: gate.logged("upstream fails its health check"))
    assert [gate.request()[2] for _ in range(10)] == [b"two"] * 10


# What is sent again


class Flaky:
    """Closes the connection on the first request, or as often as told; then answers."""

    def __init__(self, times=1, after=b"", answer=OK):
        self.left = times
        self.after = after
        self.answer = answer

    def __call__(self, request, client):
        if self.left:
            self.left -= 1
            client.sendall(self.after)
            return None
        return self.answer


@pytest.mark.parametrize("method, status, arrived", [("GET", 200, 2), ("HEAD", 200, 2), ("OPTIONS", 200, 2), ("DELETE", 200, 2),
                                                     ("POST", 502, 1), ("PATCH", 502, 1), ("PUT with a body", 502, 1)])
def test_only_what_is_harmless_and_still_whole_is_sent_to_another_server(gates, pair, method, status, arrived):
    method = method.split()[0]
    one, two = pair
    flaky = Flaky(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" if method == "HEAD" else OK)
    one.answer = two.answer = flaky
    gate = gates(upstream={"servers": urls(one, two)})
    assert gate.request(method, body="x" if method in ("PUT", "POST", "PATCH") else None)[0] == status
    assert len(one.requests) + len(two.requests) == arrived
    if arrived == 2:
        assert len(one.requests) == 1 and one.requests[0].body == two.requests[0].body


@pytest.mark.parametrize("retries, arrived", [(0, 1), (1, 2), (5, 3)])
def test_retries_are_bounded_and_no_server_is_asked_twice(gates, retries, arrived):
    with Origin(Flaky(100)) as one, Origin(Flaky(100)) as two, Origin(Flaky(100)) as three:
        gate = gates(upstream={"servers": urls(one, two, three), "retries": retries})
        assert gate.request()[0] == 502
        assert sum(len(origin.requests) for origin in (one, two, three)) == arrived
        assert max(len(origin.requests) for origin in (one, two, three)) == 1
        assert gate.metric("loginward_upstream_retries_total") == arrived - 1


def test_a_kept_connection_that_the_server_closed_costs_no_request(gates, origin):
    """A POST on a connection that was idle, and that the server closes at that moment, reached nobody that answered."""
    gate = gates(origin=origin, workers=1)
    for number in range(10):
        assert gate.request()[0] == 200
        for client in list(origin.open):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        time.sleep(0.02)
        assert gate.request("POST", body="x")[0] == 200


def test_an_answer_that_began_is_never_replaced(gates, origin):
    origin.answer = Flaky(after=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    gate = gates(upstream={"servers": urls(origin)})
    with gate.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = read_all(client)
    assert len(origin.requests) == 1 and answer.count(b"HTTP/1.1") <= 1 and len(answer) < 300


# 502, 503, 504


@pytest.mark.parametrize("answer", [
    b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    b"HTTP/2.0 200 OK\r\n\r\n", b"HTTP/1.1 99 X\r\n\r\n"])
def test_an_answer_that_is_none_is_502(gates, origin, answer):
    origin.answer = Flaky(times=100, after=answer)
    gate = gates(upstream={"servers": urls(origin)})
    status, headers, body = gate.request("POST", body="x")
    assert status == 502 and headers["Content-Length"] == str(len(body))
    origin.answer = OK
    assert gate.request()[0] == 200, "the loop goes on"


def test_a_server_that_does_not_answer_in_time_is_504(gates, origin):
    release = threading.Event()
    origin.answer = lambda request, _: release.wait(20) and OK
    gate = gates(upstream={"servers": urls(origin), "response_timeout": "300ms"})
    start = time.monotonic()
    assert gate.request("POST", body="x")[0] == 504
    assert 0.25 < time.monotonic() - start < 5
    release.set()
    origin.answer = OK
    assert gate.request()[0] == 200


def test_a_server_that_does_not_take_connections_in_time_is_504(gates):
    # The queue of a listener that nobody accepts from is full after these: further connections wait for ever.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            waiting.append(client)
        gate = gates(upstream={"servers": [f"http://127.0.0.1:{listener.getsockname()[1]}"], "connect_timeout": "300ms"})
        start = time.monotonic()
        assert gate.request()[0] == 504
        assert 0.25 < time.monotonic() - start < 5
        for client in waiting:
            client.close()


def test_a_name_without_an_address_is_502(gates):
    gate = gates(upstream={"servers": ["http://no-such-name.invalid:80"]})
    assert gate.request()[0] == 502
    assert gate.logged("no-such-name.invalid")
    assert gate.admin("/readyz")[0] == 503


def test_one_service_that_is_down_does_not_touch_another(gates, origin):
    services = [{"name": "down", "hosts": ["down.example"], "upstream": {"servers": [f"http://127.0.0.1:{free_port()}"]}},
                {"name": "up", "hosts": ["up.example"], "upstream": {"servers": urls(origin)}}]
    gate = gates(services=services)
    for _ in range(10):
        assert gate.request(headers={"Host": "down.example"})[0] == 502
        assert gate.request(headers={"Host": "up.example"})[0] == 200


# Where the server is


def test_a_server_behind_a_unix_socket(gates, folder):
    path = folder / "origin.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    with Origin(listener=listener) as origin:
        gate = gates(upstream={"servers": [f"unix:{path}"], "preserve_host": False})
        for _ in range(3):
            assert gate.request("POST", body="hello")[0] == 200
        assert origin.requests[0].body == b"hello" and origin.requests[0].field("Host") == "localhost"
    path.unlink()
    assert gate.request()[0] == 502


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_name_is_resolved_and_its_addresses_are_tried(gates, family):
    address = "127.0.0.1" if family == socket.AF_INET else "::1"
    try:
        listener = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with Origin(listener=listener) as origin:
        gate = gates(upstream={"servers": [f"http://localhost:{origin.port}"], "preserve_host": False})
        known = {found[4][0] for found in socket.getaddrinfo("localhost", origin.port, type=socket.SOCK_STREAM)}
        if address not in known:
            pytest.skip(f"localhost is not {address} here")
        for _ in range(10):
            assert gate.request()[0] == 200
        assert origin.requests[0].field("Host") == f"localhost:{origin.port}"


@pytest.mark.skipif(not can_mount(), reason="this user may not mount")
@pytest.mark.parametrize("health", [None, {"path": "/health", "interval": "30ms"}])
def test_a_name_with_a_dead_address_costs_no_request(gates, folder, health):
    """Every second address refuses connections: the next one is tried, also for a POST and with no retries."""
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n127.0.0.3 two.story\n127.0.0.2 two.story\n127.0.0.4 two.story\n")
    prefix = ["unshare", "-m", "sh", "-c", f'mount --bind "{hosts}" /etc/hosts && exec "$0" "$@"']
    with Origin(listener=socket.create_server(("127.0.0.2", 0))) as origin:
        upstream = {"servers": [f"http://two.story:{origin.port}"], "retries": 0, "keepalive": 0, "max_failures": 1, "fail_timeout": "1s"}
        gate = gates(upstream={**upstream, **({"health": health} if health else {})}, prefix=prefix)
        for _ in range(30):
            assert gate.request("POST", body="x")[0] == 200
            time.sleep(0.01)
        assert gate.metric("loginward_upstream_put_aside_total") == 0
        assert not gate.logged("upstream fails its health check")


def test_connections_are_kept_and_bounded(gates, origin):
    origin.answer = lambda request, _: time.sleep(0.1) or OK
    gate = gates(upstream={"servers": urls(origin), "keepalive": 2, "idle_timeout": "300ms"}, workers=1)
    threads = [threading.Thread(target=gate.request) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened = origin.connections
    assert 2 <= opened <= 6
    threads = [threading.Thread(target=gate.request) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert origin.connections == opened, "two were kept"
    time.sleep(0.6)
    gate.request()
    assert origin.connections == opened + 1, "and closed when they were idle too long"
