"""An operator checks, starts, reloads and stops the gate, and nothing is lost by it."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from gate import Gate, closed, command, events_of, free_port, read_until, wait_for
from origin import Origin, response

LOGIN = {"logins": [{"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.user"}}]}


def log_in(gate, name, **fields):
    return gate.request("POST", "/login", f"user={name}&password=x".encode(), {"Content-Type": "application/x-www-form-urlencoded", **fields})


def names(path, count=1):
    """Names in the order of their logins: two loops hand their events over in turns."""
    return [event["usr"]["login"] for event in sorted(events_of(path, count), key=lambda event: event["time"])]


# Commands


def test_check_says_that_a_good_configuration_is_good(folder, origin):
    status, out, err = command("check", Gate(folder / "gate", origin=origin).path)
    assert (status, err) == (0, "") and "ok" in out


def test_check_names_every_problem_with_its_place(folder):
    denylist = folder / "denylist.txt"
    denylist.write_text("192.0.2.1\nnot-an-address\n")
    rules = folder / "rules.yaml"
    rules.write_text("rules:\n  - id: a\n    name: A\n    when:\n      - request.path: { regex: '(' }\n    then: { action: block }\n")
    path = folder / "bad.yaml"
    path.write_text(
        "version: 1\n"
        "listeners:\n"
        "  - adress: 127.0.0.1:0\n"
        "    address: nowhere\n"
        "services:\n"
        "  - name: sso\n"
        "    upstream: { servers: ['ftp://a'], connect_timeout: soon }\n"
        f"denylist: {{ files: [{denylist}] }}\n"
        f"rules: {{ files: [{rules}] }}\n"
        "colectors: []\n")
    status, out, err = command("check", path)
    assert status == 78 and out == ""
    lines = err.splitlines()
    found = [re.fullmatch(r"(.+?):(\d+):(\d+): error: (.+)", line) for line in lines[:-1]]
    assert all(found), err
    places = {(match[1], int(match[2])) for match in found}
    assert places == {
        (str(path), 3), (str(path), 4), (str(path), 7), (str(path), 10), (str(denylist), 2), (str(rules), 5)}, err
    assert len([match for match in found if int(match[2]) == 7]) == 2, err
    hints = {int(match[2]): match[4] for match in found if match[1] == str(path)}
    assert "address" in hints[3] and "collectors" in hints[10], "an unknown key is told its neighbour"
    assert lines[-1] == f"{len(found)} problems in {path}"


def test_two_listeners_at_one_address_are_a_problem(folder, origin):
    gate = Gate(folder / "gate", origin=origin, listeners=[{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0"}])
    status, _, err = command("check", gate.path)
    assert status == 78 and "two listeners at 127.0.0.1:0" in err


def test_a_daemon_with_a_bad_configuration_does_not_start(folder):
    gate = Gate(folder / "gate", raw="version: 2\n").start(wait=False)
    assert gate.process.wait(10) == 78
    wait_for(lambda: gate.logged("error: version"))


def test_a_missing_configuration_is_a_problem(folder):
    status, _, err = command("check", folder / "absent.yaml")
    assert status == 78 and "absent.yaml" in err


def test_version_and_usage():
    status, out, _ = command("version")
    assert status == 0 and re.fullmatch(r"loginward \d+\.\d+\.\d+\n", out)
    assert command("--version")[0] == 0 and command("--help")[0] == 0
    for words in (["frobnicate"], ["run", "--colour"], ["check"], []):
        status, _, err = command(*words) if words else (64, "", "x")
        assert (status, bool(err)) == (64, True), words


def test_an_address_that_is_taken_ends_the_start_with_a_reason(folder, origin):
    gate = Gate(folder / "gate", origin=origin, listener={"address": f"127.0.0.1:{origin.port}"}).start(wait=False)
    assert gate.process.wait(10) == 1
    wait_for(lambda: gate.logged("cannot listen"))


# Reload


def test_a_reload_takes_the_new_policy_over_and_a_bad_one_changes_nothing(gates, origin):
    gate = gates(origin=origin)
    denylist = gate.folder / "denylist.txt"
    denylist.write_text("127.0.0.1\n")
    gate.configuration["denylist"] = {"files": [str(denylist)]}
    gate.write()
    gate.reload()
    assert gate.request()[0] == 403
    gate.configuration["denylist"] = {"files": []}
    gate.configuration["mode"] = "sometimes"
    gate.configuration["wrkers"] = 1
    gate.write()
    gate.reload()
    assert len(gate.logged("msg=configuration")) == 2
    assert len(gate.logged("mode must be")) == 1 and len(gate.logged("wrkers")) == 1
    assert gate.request()[0] == 403
    assert gate.metric("loginward_config_last_reload_successful") == 0
    del gate.configuration["mode"], gate.configuration["wrkers"]
    gate.write()
    gate.reload()
    assert gate.request()[0] == 200
    assert gate.metric("loginward_config_last_reload_successful") == 1
    assert gate.metric("loginward_config_generation") == 3


class Traffic:
    """Requests one after the other, on a kept connection and on fresh ones, until it is told to end."""

    def __init__(self, gate):
        self.gate = gate
        self.port = gate.port
        self.failures = []
        self.done = 0
        self.running = True
        self.threads = [threading.Thread(target=self._run, args=(kept,)) for kept in (True, False, True)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.running = False
        for thread in self.threads:
            thread.join()

    def _run(self, kept):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while self.running:
            try:
                client.request("GET", "/")
                answer = client.getresponse()
                if (answer.status, answer.read()) != (200, b"ok"):
                    self.failures.append(answer.status)
                self.done += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                client.close()
            if not kept:
                client.close()
        client.close()

    def flows(self, count=30):
        end = self.done + count
        wait_for(lambda: self.done >= end)


def test_listeners_come_and_go_by_reload_while_traffic_flows(gates, origin):
    gate = gates(origin=origin)
    second = free_port()
    with Traffic(gate) as traffic:
        for _ in range(5):
            traffic.flows()
            gate.configuration["listeners"].append({"address": f"127.0.0.1:{second}"})
            gate.write()
            gate.reload()
            assert gate.request(port=second)[0] == 200
            traffic.flows()
            gate.configuration["listeners"].pop()
            gate.write()
            gate.reload()
            wait_for(lambda: closed(second))
        traffic.flows()
    assert traffic.failures == []


def test_upstreams_and_workings_change_by_reload_while_traffic_flows(gates, origin):
    gate = gates(origin=origin)
    with Origin() as other, Traffic(gate) as traffic:
        for step in range(12):
            traffic.flows(20)
            upstream = gate.configuration["services"][0]["upstream"]
            upstream["servers"] = [f"http://127.0.0.1:{(other, origin)[step % 2].port}"]
            upstream["health"] = {"path": "/", "interval": "50ms"}
            upstream["keepalive"] = 1 + step
            gate.configuration["limits"] = {"head": f"{8 + step}KiB"}
            gate.write()
            gate.reload()
        traffic.flows()
        assert other.requests and origin.requests
    assert traffic.failures == []


def test_no_event_and_no_line_is_lost_or_doubled_by_reloads_while_logins_flow(gates, origin, folder):
    kept, logs = folder / "kept.jsonl", [folder / "one.log", folder / "two.log"]
    gate = gates(origin=origin, service=LOGIN, access_log={"path": str(logs[0])}, collectors=[
        {"name": "kept", "type": "file", "path": str(kept), "flush": "10ms"}])
    done = []

    def work(number):
        for step in range(60):
            assert log_in(gate, f"u{number}-{step}")[0] == 200
            done.append(f"u{number}-{step}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    step = 0
    while any(thread.is_alive() for thread in threads):
        step += 1
        gate.configuration["access_log"]["path"] = str(logs[step % 2])
        gate.configuration["collectors"][0]["batch_events"] = 10 + step % 50
        gate.configuration["collectors"][1:] = [] if step % 2 else [
            {"name": "other", "type": "file", "path": str(folder / "other.jsonl"), "flush": "10ms"}]
        gate.write()
        gate.reload()
    assert step > 2
    wait_for(lambda: gate.metric("loginward_sink_events_total", sink="kept", result="sent") == 180)
    assert gate.stop() == 0
    assert len(done) == 180 and sorted(names(kept, 180)) == sorted(done)
    lines = [json.loads(line) for path in logs for line in path.read_text().splitlines()]
    assert len(lines) == 180 and len({line["request_id"] for line in lines}) == 180


def test_an_exchange_in_flight_ends_under_the_policy_it_began_with(gates, origin):
    gate = gates(origin=origin)
    release = threading.Event()

    def answer(request, _):
        release.wait(10)
        return response(200, b"late")

    origin.answer = answer
    with gate.connect() as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: origin.requests)
        denylist = gate.folder / "denylist.txt"
        denylist.write_text("127.0.0.1\n")
        gate.configuration["denylist"] = {"files": [str(denylist)]}
        gate.write()
        gate.reload()
        release.set()
        assert read_until(client, b"late").startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 403")


def test_collectors_are_added_changed_and_removed_by_reload(gates, origin, folder):
    first, second, third = (folder / f"{name}.jsonl" for name in ("first", "second", "third"))
    gate = gates(origin=origin, service=LOGIN)

    def collect(**files):
        gate.configuration["collectors"] = [
            {"name": name, "type": "file", "path": str(path), "flush": "20ms"} for name, path in files.items()]
        gate.write()
        gate.reload()

    collect(a=first)
    log_in(gate, "one")
    assert names(first) == ["one"]
    collect(a=first, b=second)
    log_in(gate, "two")
    assert names(first, 2) == ["one", "two"] and names(second) == ["two"]
    collect(a=third, b=second)
    log_in(gate, "three")
    assert names(third) == ["three"] and names(second, 2) == ["two", "three"] and names(first) == ["one", "two"]
    collect(b=second)
    log_in(gate, "four")
    assert names(second, 3) == ["two", "three", "four"] and names(third) == ["three"]
    assert [sink["name"] for sink in json.loads(gate.admin("/status")[1])["collectors"]] == ["b"]
    assert gate.metric("loginward_sink_events_total", sink="b", result="sent") == 3
    collect()
    assert json.loads(gate.admin("/status")[1])["collectors"] == []
    assert log_in(gate, "five")[0] == 200
    collect(b=second)
    log_in(gate, "six")
    # An event that is younger than 20 ms goes to the collectors of the next policy.
    wait_for(lambda: [name for name in names(second, 4) if name != "five"] == ["two", "three", "four", "six"])
    assert gate.metric("loginward_events_dropped_total") == 0


def test_what_waits_for_a_changed_collector_goes_to_its_new_address(gates, origin, folder):
    path = folder / "events.jsonl"
    collector = {"name": "siem", "type": "http", "url": f"http://127.0.0.1:{free_port()}/", "flush": "20ms"}
    gate = gates(origin=origin, service=LOGIN, collectors=[collector])
    for number in range(5):
        log_in(gate, f"waits-{number}")
    wait_for(lambda: gate.metric("loginward_sink_pending_events", sink="siem") == 5)
    gate.configuration["collectors"] = [{"name": "siem", "type": "file", "path": str(path), "flush": "20ms"}]
    gate.write()
    gate.reload()
    assert names(path, 5) == [f"waits-{number}" for number in range(5)]


def test_the_access_log_moves_by_reload(gates, origin):
    gate = gates(origin=origin)
    gate.request(path="/before")
    old, new = gate.access_log, gate.folder / "other.log"
    assert gate.accesses()[0]["path"] == "/before"
    gate.configuration["access_log"]["path"] = str(new)
    gate.write()
    gate.reload()
    gate.request(path="/after")
    gate.access_log = new
    assert [line["path"] for line in gate.accesses()] == ["/after"]
    assert old.read_text().count("\n") == 1
    del gate.configuration["access_log"]
    gate.write()
    gate.reload()
    gate.request(path="/unseen")
    gate.configuration["access_log"] = {"path": str(new)}
    gate.write()
    gate.reload()
    gate.request(path="/again")
    assert [line["path"] for line in gate.accesses(2)] == ["/after", "/again"]
    gate.configuration["access_log"] = {"path": str(gate.folder)}
    gate.write()
    gate.reload()
    assert gate.logged("cannot open the access log") and gate.metric("loginward_config_last_reload_successful") == 0


def test_a_server_named_by_a_reload_is_resolved_at_once(gates, origin):
    gate = gates(origin=origin)
    with Origin(response(200, b"by name")) as other:
        gate.configuration["services"][0]["upstream"]["servers"] = [f"http://localhost:{other.port}"]
        gate.write()
        gate.reload()
        assert gate.request()[2] == b"by name"


def test_what_only_a_restart_changes_is_said_at_the_reload(gates, origin):
    gate = gates(origin=origin)
    gate.configuration["admin"] = {"address": f"unix:{gate.folder}/other.sock"}
    gate.configuration["workers"] = 1
    gate.configuration["state_directory"] = str(gate.folder / "elsewhere")
    gate.configuration["archive"] = {}
    gate.write()
    status, out, err = command("reload", "--admin", f"unix:{gate.admin_path}")
    assert status == 0, err
    settings = ["admin", "archive", "state_directory", "workers"]
    assert json.loads(out)["needs_restart"] == settings
    assert json.loads(gate.admin("/status")[1])["needs_restart"] == settings
    for setting in settings:
        assert gate.logged(f"setting={setting}"), setting
    assert gate.request()[0] == 200


# The end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_exchange_in_flight_is_finished_before_the_end(gates, origin, number):
    gate = gates(origin=origin)
    release = threading.Event()

    def answer(request, _):
        release.wait(10)
        return response(200, b"late")

    origin.answer = answer
    with gate.connect() as busy, gate.connect() as idle:
        busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: origin.requests)
        gate.signal(number)
        wait_for(lambda: gate.logged("msg=draining"))
        assert idle.recv(100) == b""
        wait_for(lambda: closed(gate.port))
        status, text = gate.admin("/readyz")
        assert status == 503 and "draining" in text
        assert gate.process.poll() is None
        release.set()
        answered = read_until(busy, b"late")
        assert answered.startswith(b"HTTP/1.1 200") and b"connection: close" in answered.lower()
        assert busy.recv(100) == b""
    assert gate.process.wait(10) == 0
    assert gate.logged("msg=stopped") and gate.accesses()[0]["status"] == 200


def test_an_exchange_that_never_ends_does_not_hold_the_end_up(gates, origin):
    gate = gates(origin=origin, shutdown_timeout="300ms", service=LOGIN, collectors=[
        {"name": "file", "type": "file", "path": "events.jsonl"}])
    origin.answer = lambda request, _: time.sleep(30)
    with gate.connect() as client:
        client.sendall(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                       b"Content-Length: 6\r\n\r\nuser=a")
        wait_for(lambda: origin.requests)
        assert gate.stop() == 0
        assert client.recv(1000) in (b"",)
    assert names(gate.folder / "events.jsonl") == ["a"]


def test_a_unix_listener_and_the_admin_socket_are_gone_after_the_end(gates, origin):
    gate = gates(origin=origin)
    path = gate.folder / "http.sock"
    gate.configuration["listeners"].append({"address": f"unix:{path}"})
    gate.write()
    gate.reload()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_until(client, b"ok").startswith(b"HTTP/1.1 200")
    assert gate.stop() == 0
    assert not path.exists() and not os.path.exists(gate.admin_path)


def test_sigusr1_opens_moved_files_anew(gates, origin):
    gate = gates(origin=origin, service=LOGIN, collectors=[
        {"name": "file", "type": "file", "path": "events.jsonl", "flush": "20ms"}])
    events = gate.folder / "events.jsonl"
    log_in(gate, "before")
    gate.accesses()
    assert names(events) == ["before"]
    for path in (events, gate.access_log):
        path.rename(path.with_suffix(".1"))
    gate.signal(signal.SIGUSR1)
    wait_for(lambda: gate.access_log.exists())
    log_in(gate, "after")
    assert names(events) == ["after"]
    assert len(gate.accesses()) == 1
    assert names(events.with_suffix(".1")) == ["before"]
