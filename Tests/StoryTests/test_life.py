"""How the gate comes, changes, dies and goes without a client losing anything."""
import os
import re
import signal
import socket
import threading
import time

import pytest

from crash_soak import soak
from gate import Gate, closed, free_port, read_until, wait_for
from origin import response
from reload_soak import Soak
from test_surroundings import Manager, inherited

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("words", [[], ["--supervise"]])
def test_no_request_fails_and_no_connection_ends_unannounced_while_everything_is_reloaded(tmp_path, words):
    soak = Soak(tmp_path, 20_000, 20, words)
    try:
        assert soak.run() == []
    finally:
        soak.close()


# Connections that are to go


def ask(client):
    client.sendall(GET)
    return read_until(client, b"ok")


def test_an_idle_connection_may_ask_once_more_after_the_end_was_asked_for(gates, origin):
    gate = gates(origin=origin)
    with gate.connect() as used, gate.connect() as fresh, gate.connect() as silent:
        assert b"connection: close" not in ask(used).lower()
        gate.signal(signal.SIGTERM)
        wait_for(lambda: closed(gate.port))
        for client in (used, fresh):
            assert b"connection: close" in ask(client).lower()
            assert client.recv(100) == b""
        assert silent.recv(100) == b"", "nobody waits for ever"
    assert gate.process.wait(10) == 0


def test_a_connection_that_waits_to_be_accepted_is_served_before_the_listener_goes(gates, origin):
    gate = gates(origin=origin, workers=1)
    pid = worker(gate)
    os.kill(pid, signal.SIGSTOP)
    clients = [gate.connect() for _ in range(200)]
    gate.signal(signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: gate.logged("msg=draining") and closed(gate.port))
    for client in clients:
        with client:
            assert b"connection: close" in ask(client).lower()
    assert gate.process.wait(10) == 0


def test_connections_of_a_listener_that_is_taken_away_end_announced(gates, origin):
    gate = gates(origin=origin)
    second = free_port()
    gate.configuration["listeners"].append({"address": f"127.0.0.1:{second}"})
    gate.write()
    gate.reload()
    release = threading.Event()

    def answer(request, _):
        if "/slow" in request.line:
            release.wait(10)
        return response(200, b"ok")

    origin.answer = answer
    address = ("127.0.0.1", second)
    with gate.connect() as other, socket.create_connection(address, 10) as idle, socket.create_connection(address, 10) as busy:
        assert ask(idle) and ask(other)
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: len(origin.requests) == 3)
        gate.configuration["listeners"].pop()
        gate.write()
        gate.reload()
        wait_for(lambda: closed(second))
        assert b"connection: close" in ask(idle).lower() and idle.recv(10) == b""
        release.set()
        assert b"connection: close" in read_until(busy, b"ok").lower() and busy.recv(10) == b""
        assert b"connection: close" not in ask(other).lower(), "the other listener's stay"


def test_a_listener_of_a_reload_that_fails_does_not_stay_open(gates, origin):
    gate = gates(origin=origin)
    second = free_port()
    gate.configuration["listeners"].append({"address": f"127.0.0.1:{second}"})
    gate.configuration["access_log"] = {"path": str(gate.folder)}
    gate.write()
    gate.reload()
    assert gate.logged("reload failed") and closed(second)


# Death


def worker(gate):
    """The process that serves: the daemon itself, or the child of its keeper."""
    return int(re.search(r"pid=(\d+)", gate.logged("msg=ready")[-1])[1])


class Visitors:
    """Clients with a new connection for each request; counts those that were refused and those that were cut off."""

    def __init__(self, port, count):
        self.port, self.running = port, True
        self.done, self.refused, self.cut = 0, 0, 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run) for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.running = False
        for thread in self.threads:
            thread.join()

    def _run(self):
        while self.running:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client:
                    client.sendall(GET)
                    whole = client.recv(4096).startswith(b"HTTP/1.1 200")
                with self.lock:
                    self.done, self.cut = self.done + whole, self.cut + (not whole)
            except ConnectionRefusedError:
                with self.lock:
                    self.refused += 1
            except OSError:
                with self.lock:
                    self.cut += 1


def test_a_daemon_that_is_killed_comes_back_and_refuses_nobody(gates, origin):
    gate = gates(origin=origin, words=["--supervise"])
    kills, clients = 6, 8
    with Visitors(gate.port, clients) as visitors:
        for number in range(kills):
            before = visitors.done
            wait_for(lambda: visitors.done > before + 200, 30)
            begun = time.monotonic()
            os.kill(worker(gate), signal.SIGKILL)
            wait_for(lambda: len(gate.logged("msg=ready")) == number + 2, 30)
            print(f"ready again after {time.monotonic() - begun:.3f} s")
    print(f"{visitors.done} served, {visitors.cut} cut off, {visitors.refused} refused")
    assert visitors.refused == 0
    assert visitors.cut <= kills * clients, "only what was in flight is lost"
    assert gate.metric("loginward_restarts_total") == kills
    assert len(gate.logged("the daemon died and is started again")) == kills
    assert gate.stop() == 0


def test_no_event_that_was_written_is_lost_by_kills(tmp_path):
    assert soak(tmp_path, 6) == []


def test_a_daemon_that_cannot_live_is_tried_again_ever_more_slowly(gates, origin):
    gate = gates(origin=origin, words=["--supervise"])
    good = gate.path.read_text()
    gate.path.write_text("version: 3\n")
    os.kill(worker(gate), signal.SIGKILL)
    died = "the daemon died and is started again"
    wait_for(lambda: len(gate.logged(died)) == 7, 30)
    delays = [float(re.search(r'delay="([0-9.]+)', line)[1]) for line in gate.logged(died)]
    waits = [delay for delay in delays if delay > 0]
    assert delays[0] == 0 and len(waits) >= 3
    assert all(later == pytest.approx(earlier * 2) for earlier, later in zip(waits, waits[1:]))
    with gate.connect(30) as client:
        client.sendall(GET)
        gate.path.write_text(good)
        assert read_until(client, b"ok").startswith(b"HTTP/1.1 200"), "who connected meanwhile is served when it is back"
    assert gate.stop() == 0


def test_a_restart_behind_a_socket_of_the_service_manager_loses_no_connection(folder, origin):
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port = listener.getsockname()[1]
        gate = Gate(folder / "gate", origin=origin, listener={"address": "systemd:web"}, prefix=inherited(listener),
                    pass_fds=(listener.fileno(),)).start()
        try:
            with Visitors(port, 8) as visitors:
                for _ in range(4):
                    before = visitors.done
                    wait_for(lambda: visitors.done > before + 200, 30)
                    assert gate.stop() == 0
                    gate.lines.clear()
                    gate.start()
                before = visitors.done
                wait_for(lambda: visitors.done > before + 200, 30)
            assert (visitors.refused, visitors.cut) == (0, 0)
        finally:
            gate.kill()


def test_the_keeper_is_invisible_to_whoever_starts_and_stops_the_daemon(gates, origin, folder):
    gate = gates(origin=origin, words=["--supervise"])
    gate.reload()
    gate.access_log.rename(folder / "old.log")
    gate.signal(signal.SIGUSR1)
    wait_for(gate.access_log.exists)
    second = free_port()
    gate.configuration["listeners"].append({"address": f"127.0.0.1:{second}"})
    gate.write()
    gate.reload()
    assert gate.request(port=second)[0] == 200
    gate.configuration["listeners"].pop()
    gate.write()
    gate.reload()
    wait_for(lambda: closed(second))
    assert gate.stop() == 0
    assert not os.path.exists(gate.admin_path)
    bad = Gate(folder / "bad", raw="version: 2\n", words=["--supervise"]).start(wait=False)
    assert bad.process.wait(10) == 78


def test_a_killed_keeper_takes_the_daemon_along(gates, origin):
    gate = gates(origin=origin, words=["--supervise"])
    port = gate.port
    assert gate.request()[0] == 200
    gate.kill()
    wait_for(lambda: closed(port))


def test_a_unix_listener_outlives_the_daemon_that_dies(gates, origin, folder):
    path = str(folder / "http.sock")
    gate = gates(origin=origin, listener={"address": f"unix:{path}"}, words=["--supervise"])
    os.kill(worker(gate), signal.SIGKILL)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(path)
        assert ask(client).startswith(b"HTTP/1.1 200")
    wait_for(lambda: len(gate.logged("msg=ready")) == 2)
    assert gate.stop() == 0 and not os.path.exists(path)


def test_sockets_and_words_of_the_service_manager_pass_the_keeper(folder, origin):
    manager = Manager(str(folder / "notify"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        gate = Gate(folder / "gate", origin=origin, listener={"address": "systemd:web"}, prefix=inherited(listener),
                    pass_fds=(listener.fileno(),), words=["--supervise"],
                    environment={"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "200000"}).start()
        try:
            wait_for(lambda: manager.count("READY") == 1 and manager.count("WATCHDOG") > 1)
            assert gate.request(port=port)[0] == 200
            os.kill(worker(gate), signal.SIGKILL)
            wait_for(lambda: manager.count("READY") == 2)
            assert gate.request(port=port)[0] == 200
            assert gate.stop() == 0
            wait_for(lambda: manager.count("STOPPING") == 1)
        finally:
            gate.kill()
