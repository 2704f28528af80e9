"""The gate and the machine around it: a service manager, no descriptor left, a full disk."""
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

from gate import Gate, command, free_port, read_until, wait_for
from origin import response
from test_operation import LOGIN, log_in


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.messages = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data = self.socket.recv(4096)
            except OSError:
                return
            self.messages.append(dict(line.split("=", 1) for line in data.decode().splitlines()))

    def count(self, key):
        return len([message for message in self.messages if message.get(key)])


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_the_service_manager_hears_ready_reloading_and_stopping(gates, origin, folder, kind):
    name = str(folder / "notify") if kind == "path" else f"@loginward-story-{os.getpid()}"
    manager = Manager(name.replace("@", "\0"))
    gate = gates(origin=origin, environment={"NOTIFY_SOCKET": name})
    wait_for(lambda: manager.count("READY") == 1)
    gate.reload()
    wait_for(lambda: manager.count("READY") == 2)
    order = [next(key for key in ("READY", "RELOADING", "STOPPING") if key in message) for message in manager.messages]
    assert order == ["READY", "RELOADING", "READY"]
    assert int(manager.messages[1]["MONOTONIC_USEC"]) > 0
    gate.path.write_text("version: 3\n")
    gate.reload()
    wait_for(lambda: manager.count("READY") == 3)
    assert "failed" in manager.messages[-1]["STATUS"]
    assert gate.stop() == 0
    wait_for(lambda: manager.count("STOPPING") == 1)


def test_the_watchdog_is_fed_when_it_is_asked_for(gates, origin, folder):
    manager = Manager(str(folder / "notify"))
    gate = gates(origin=origin, environment={"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "200000"})
    wait_for(lambda: manager.count("WATCHDOG") >= 5)
    assert gate.stop() == 0


def test_a_watchdog_of_another_process_is_not_fed(gates, origin, folder):
    manager = Manager(str(folder / "notify"))
    gate = gates(origin=origin, environment={
        "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "50000", "WATCHDOG_PID": "1"})
    time.sleep(0.3)
    assert gate.stop() == 0
    wait_for(lambda: manager.count("STOPPING") == 1)
    assert manager.count("WATCHDOG") == 0


def inherited(listener):
    """Words in front of the program that hand it a socket as a service manager does."""
    return [sys.executable, "-c", f"""
import os, sys
os.dup2({listener.fileno()}, 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
os.execv(sys.argv[1], sys.argv[1:])"""]


def test_a_socket_of_the_service_manager_outlives_the_daemon(folder, origin):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        gate = Gate(folder / "gate", origin=origin, listener={"address": "systemd:web"}, prefix=inherited(listener),
                    pass_fds=(listener.fileno(),))
        gate.start()
        try:
            assert gate.request(port=port)[0] == 200
            gate.reload()
            assert gate.request(port=port)[0] == 200
            assert gate.stop() == 0
            # Nobody accepts, but nobody is refused: the client waits for the next daemon.
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                gate.lines.clear()
                gate.start()
                assert read_until(client, b"ok").startswith(b"HTTP/1.1 200")
        finally:
            gate.kill()


def test_a_name_that_the_service_manager_does_not_know_is_said(folder, origin):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gate = Gate(folder / "gate", origin=origin, listener={"address": "systemd:mail"}, prefix=inherited(listener),
                    pass_fds=(listener.fileno(),)).start(wait=False)
        assert gate.process.wait(10) == 1
        wait_for(lambda: gate.logged("no socket named mail"))


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd-socket-activate is not installed")
def test_systemd_starts_the_daemon_at_the_first_connection(folder, origin):
    port = free_port()
    gate = Gate(folder / "gate", origin=origin, listener={"address": "systemd:web"},
                prefix=["systemd-socket-activate", "-l", f"127.0.0.1:{port}", "--fdname=web"]).start(wait=False)
    try:
        wait_for(lambda: gate.logged("Listening on"))
        assert not gate.logged("msg=ready")
        assert gate.request(port=port)[0] == 200
        assert gate.stop() == 0
    finally:
        gate.kill()


# Nothing left


def allow_files(gate, more):
    """Lets the running daemon open so many descriptors beyond those it has; returns what takes it back."""
    pid = gate.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    most = max(int(name) for name in os.listdir(f"/proc/{pid}/fd")) + 1 + more
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, before[1]))
    return lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_without_descriptors_a_health_check_says_nothing(gates, origin):
    gate = gates(origin=origin, upstream={"health": {"path": "/", "interval": "20ms"}})
    assert gate.request()[0] == 200
    restore = allow_files(gate, 0)
    crowd = [gate.connect() for _ in range(80)]
    time.sleep(0.5)
    restore()
    assert gate.request()[0] == 200
    assert not gate.logged("upstream fails its health check"), "the lack is ours, not the server's"
    for client in crowd:
        client.close()
    assert gate.stop() == 0


def test_without_descriptors_a_server_is_not_blamed_for_what_is_missing_here(gates, origin):
    gate = gates(origin=origin, workers=1, upstream={"keepalive": 0, "max_failures": 1, "fail_timeout": "1h"})
    with gate.connect() as steady:

        def ask():
            steady.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            head = read_until(steady, b"\r\n\r\n")
            read = len(head.split(b"\r\n\r\n", 1)[1])
            length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
            while read < length:
                read += len(steady.recv(length - read))
            return int(head[9:12])

        assert ask() == 200
        # The one behind the last answer is free again.
        restore = allow_files(gate, -1)
        wait_for(lambda: ask() == 503)
        restore()
        wait_for(lambda: ask() == 200)
    wait_for(lambda: gate.metric("loginward_connections") == 0)
    assert gate.metric("loginward_upstream_put_aside_total") == 0
    assert gate.metric("loginward_refusals_total", reason="no_upstream") >= 1


def test_an_access_log_that_cannot_be_written_costs_no_request(gates, origin):
    gate = gates(origin=origin, access_log={"path": "/dev/full"})
    for _ in range(3):
        assert gate.request()[0] == 200
    wait_for(lambda: gate.metric("loginward_access_log_write_errors_total") > 0)
    assert gate.stop() == 0


def can_mount() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="this user may not mount")
def test_an_archive_on_a_full_disk_costs_events_which_are_counted_and_no_request(gates, origin, folder):
    state = folder / "gate0" / "state"
    state.mkdir(parents=True)
    prefix = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=400k none "{state}" && exec "$0" "$@"']
    gate = gates(origin=origin, service=LOGIN, archive={}, prefix=prefix)
    fill(gate, 60)
    wait_for(lambda: gate.metric("loginward_archive_lost_events_total") > 0)
    wait_for(lambda: gate.metric("loginward_archive_lost_events_total") + gate.metric("loginward_archive_events_total") == 60)
    assert gate.admin("/api/v1/events")[0] == 200
    assert gate.stop() == 0


def fill(gate, count):
    """Logins whose events have about 25 KB each, every one another; all must be answered."""
    for number in range(count):
        status, _, _ = log_in(gate, f"name-{number}", **{"User-Agent": f"{number} " + "x" * 25_000})
        assert status == 200


@pytest.mark.parametrize("way", ["full disk", "file size"])
def test_a_disk_that_takes_no_more_costs_events_which_are_counted_and_no_request(gates, origin, folder, way):
    if way == "full disk" and not can_mount():
        pytest.skip("this user may not mount")
    if way == "file size" and "LOGINWARD_SANITIZER" in os.environ:
        pytest.skip("a sanitizer's own memory is a file that may not grow")
    state = folder / "gate0" / "state"
    state.mkdir(parents=True)
    mount = f'mount -t tmpfs -o size=256k none "{state}"'
    prefix = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$0" "$@"'] if way == "full disk" else [
        "sh", "-c", 'ulimit -f 200 && exec "$0" "$@"']
    collector = {"name": "siem", "type": "http", "url": f"http://127.0.0.1:{free_port()}/", "flush": "20ms"}
    gate = gates(origin=origin, service=LOGIN, collectors=[collector], prefix=prefix)
    count = 600
    fill(gate, count)
    wait_for(lambda: gate.metric("loginward_events_dropped_total") > 0)
    wait_for(lambda: gate.metric("loginward_events_dropped_total") + gate.metric("loginward_sink_pending_events") == count)
    assert gate.metric("loginward_spool_write_errors_total") > 0
    assert gate.request()[0] == 200
    assert gate.logged("msg=collector"), "what happens is also in the log"
    assert gate.stop(20) == 0
