"""Clients that take what others need: slow ones, idle ones, many of one address. Honest requests go on."""
import gzip
import os
import resource
import socket
import threading
import time

from gate import read_until, wait_for
from test_operation import LOGIN

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def is_closed(client):
    """The other side is gone."""
    client.settimeout(0.01)
    try:
        return client.recv(65536) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def drip(clients, running, piece=b"x"):
    """Keeps sending a byte on each connection, so that no timeout between two pieces ever passes."""
    while running.is_set():
        for client in clients:
            try:
                client.send(piece)
            except OSError:
                pass
        time.sleep(0.1)


def test_bodies_that_drip_are_ended_by_their_rate_and_not_by_their_pauses(gates, origin):
    gate = gates(origin=origin, limits={"rate_grace": "500ms", "minimum_body_rate": "1KiB", "body_timeout": "60s"})
    slow = [gate.connect() for _ in range(40)]
    for client in slow:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
    running = threading.Event()
    running.set()
    dripping = threading.Thread(target=drip, args=(slow, running), daemon=True)
    dripping.start()
    try:
        assert gate.request()[0] == 200
        wait_for(lambda: gate.metric("loginward_refusals_total", reason="body_timeout") == 40, seconds=20)
        assert gate.request("POST", body=b"x" * 300_000)[0] == 200, "a body that comes at once is none of them"
    finally:
        running.clear()
        dripping.join()
        for client in slow:
            client.close()


def test_a_body_that_waits_for_a_slow_upstream_is_not_slow(gates, origin):
    def answer(request, client):
        time.sleep(2)
        client.settimeout(1)
        try:
            while client.recv(1 << 20):
                pass
        except TimeoutError:
            return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"

    origin.read_body = False
    origin.answer = answer
    gate = gates(origin=origin, limits={"rate_grace": "300ms", "minimum_body_rate": "1KiB"})
    assert gate.request("POST", body=b"x" * 16_000_000)[0] == 200


def test_answers_that_are_read_too_slowly_are_broken_off(gates, origin):
    body = b"x" * 30_000_000
    origin.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    gate = gates(origin=origin, limits={"rate_grace": "500ms", "minimum_read_rate": "100MiB", "write_timeout": "60s"})
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.settimeout(20)
    slow.connect(("127.0.0.1", gate.port))
    slow.sendall(GET)
    got, ended = 0, None
    while ended is None:
        try:
            piece = slow.recv(1000)
            got += len(piece)
            ended = "closed" if not piece else None
        except ConnectionError:
            ended = "reset"
        time.sleep(0.02)
    assert got < len(body)
    assert gate.request("GET", "/other")[0] == 200


def test_a_house_full_of_idle_connections_serves_who_comes(gates, origin):
    gate = gates(origin=origin, workers=1, limits={"connections": 20})
    idle = [gate.connect() for _ in range(20)]
    unfinished = idle[:10]
    for client in unfinished:
        client.sendall(b"GET / HTTP/1.1\r\nHost:")
    newcomers = []
    for _ in range(30):
        newcomers.append(gate.connect())
        newcomers[-1].sendall(GET)
        assert read_until(newcomers[-1], b"ok").startswith(b"HTTP/1.1 200")
    assert gate.metric("loginward_connections_evicted_total") >= 30
    assert gate.metric("loginward_refusals_total", reason="too_many_connections") == 0
    for client in idle + newcomers:
        client.close()


def test_a_house_full_of_busy_connections_says_no_at_once(gates, origin):
    held = threading.Event()
    origin.answer = lambda request, client: (held.wait(20), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")[1]
    gate = gates(origin=origin, workers=1, limits={"connections": 5})
    busy = [gate.connect() for _ in range(5)]
    for client in busy:
        client.sendall(GET)
    wait_for(lambda: len(origin.requests) == 5)
    with gate.connect() as late:
        wait_for(lambda: is_closed(late))
    held.set()
    for client in busy:
        client.settimeout(10)
        assert read_until(client, b"ok").startswith(b"HTTP/1.1 200"), "who was there is served"
        client.close()
    assert gate.metric("loginward_refusals_total", reason="too_many_connections") == 1


def test_with_every_descriptor_taken_by_idle_clients_a_request_is_answered(gates, origin):
    gate = gates(origin=origin, limit_files=64)
    crowd = [gate.connect() for _ in range(120)]
    for _ in range(10):
        status, _, _ = gate.request()
        assert status == 200
    files = len(os.listdir(f"/proc/{gate.process.pid}/fd"))
    assert files < 64, "some are left for upstreams and files"
    for client in crowd:
        client.close()
    assert gate.stop() == 0


def test_one_address_holds_only_its_share_of_the_connections(gates, origin):
    gate = gates(origin=origin, workers=1, limits={"connections_per_address": 3})
    first = [gate.connect() for _ in range(3)]
    for client in first:
        client.sendall(GET)
        assert read_until(client, b"ok").startswith(b"HTTP/1.1 200")
    with gate.connect() as fourth:
        wait_for(lambda: is_closed(fourth))
    assert gate.metric("loginward_refusals_total", reason="too_many_from_address") == 1
    first.pop().close()

    def served():
        with gate.connect() as again:
            again.sendall(GET)
            try:
                return again.recv(100).startswith(b"HTTP/1.1 200")
            except ConnectionError:
                return False

    wait_for(served)
    for client in first:
        client.close()


def test_a_trusted_proxy_may_hold_as_many_as_it_likes(gates, origin):
    gate = gates(origin=origin, workers=1, limits={"connections_per_address": 2}, client_address={"trusted_proxies": ["127.0.0.0/8"]})
    clients = [gate.connect() for _ in range(6)]
    for client in clients:
        client.sendall(GET)
        assert read_until(client, b"ok").startswith(b"HTTP/1.1 200")
        client.close()


def test_without_descriptors_and_with_nobody_idle_accepting_pauses_and_goes_on(gates, origin):
    held = threading.Event()
    origin.answer = lambda request, client: (held.wait(20) if b"/wait" in request.head else None, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")[1]
    gate = gates(origin=origin, workers=1)
    busy = [gate.connect() for _ in range(4)]
    for client in busy:
        client.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: len(origin.requests) == 4)
    pid = gate.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (max(int(name) for name in os.listdir(f"/proc/{pid}/fd")) + 1, before[1]))
    crowd = [gate.connect() for _ in range(20)]
    time.sleep(0.3)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    held.set()
    late = crowd[-1]
    late.sendall(GET)
    assert read_until(late, b"ok").startswith(b"HTTP/1.1 200")
    assert gate.metric("loginward_accept_paused_total") > 0
    for client in busy + crowd:
        client.close()
    assert gate.stop() == 0


# All at once


def flood(gate, running, attack):
    """Opens connections and sends `attack` on each, as fast as one thread can, until told to stop."""
    while running.is_set():
        try:
            with gate.connect() as client:
                client.sendall(attack)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
        except OSError:
            pass


def resident(pid):
    """The most memory that the process ever had in use, in bytes."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


POST = b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
BOMB = gzip.compress(b'{"a":"' + b"0" * 50_000_000 + b'"}')
FLOODS = {
    "headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(20_000)) + b"\r\n",
    "one endless header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 500_000,
    "chunk extensions": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;%b\r\nx\r\n" % (b"e" * 4000) * 200,
    "one endless chunk extension": POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"e" * 500_000,
    "gzip bombs": POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
    "connections": b"",
}


def test_floods_of_all_kinds_cost_no_honest_request_and_little_memory(gates, origin):
    gate = gates(origin=origin, limits={"body_inspected": "1MiB"}, service=LOGIN)
    assert gate.request()[0] == 200
    quiet = resident(gate.process.pid)
    running = threading.Event()
    running.set()
    floods = [threading.Thread(target=flood, args=(gate, running, attack), daemon=True) for attack in FLOODS.values()]
    for thread in floods:
        thread.start()
    try:
        answers = [gate.request()[0] for _ in range(100)]
    finally:
        running.clear()
        for thread in floods:
            thread.join(20)
    assert answers == [200] * 100
    assert resident(gate.process.pid) - quiet < 64 * 1024 * 1024
    assert gate.process.poll() is None and gate.request()[0] == 200
    for reason in ("too_many_fields", "head_too_large", "bad_chunk", "over_body"):
        assert gate.metric("loginward_refusals_total", reason=reason) > 0, "the floods came in and were refused"
    assert all(request.line.startswith("GET") for request in origin.requests), "nothing of them went on"
