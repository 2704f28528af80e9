"""Collectors in an operator's hands: files that rotate, events that grow too old, and the commands that show and try them."""
import json
import signal
import time
from email.utils import formatdate

from gate import Gate, command, events_of, free_port, wait_for
from receiver import Receiver
from test_collectors import http, logins_during, sent, users
from test_operation import LOGIN, log_in


def file(path, **more):
    return {"name": "siem", "type": "file", "path": str(path), "flush": "20ms", **more}


def names(path):
    return [json.loads(line)["usr"]["login"] for line in path.read_text().splitlines()]


# Files


def test_a_file_is_put_aside_when_it_is_large_and_the_oldest_goes(gates, origin, folder):
    path = folder / "events.jsonl"
    gate = gates(origin=origin, service=LOGIN, workers=1, collectors=[
        file(path, batch_events=1, rotate={"size": "64KiB", "files": 2})])
    for number in range(24):
        log_in(gate, f"u{number}", **{"User-Agent": "x" * 15_000})
    wait_for(lambda: sent(gate) == 24)
    files = [folder / "events.jsonl.2", folder / "events.jsonl.1", path]
    assert sorted(folder.glob("events.jsonl*")) == sorted(files)
    kept = [name for one in files for name in names(one)]
    assert kept == [f"u{number}" for number in range(24 - len(kept), 24)] and 8 < len(kept) < 24, "whole files, in their order"
    assert all(one.stat().st_size <= 65536 for one in files)


def test_a_file_that_was_moved_is_opened_anew_on_sigusr1(gates, origin, folder):
    path = folder / "events.jsonl"
    gate = gates(origin=origin, service=LOGIN, collectors=[file(path)])
    log_in(gate, "u0")
    wait_for(lambda: sent(gate) == 1)
    path.rename(folder / "moved")
    log_in(gate, "u1")
    wait_for(lambda: sent(gate) == 2)
    gate.signal(signal.SIGUSR1)
    wait_for(lambda: gate.logged("reopening files"))
    log_in(gate, "u2")
    wait_for(lambda: sent(gate) == 3)
    assert names(folder / "moved") == ["u0", "u1"] and names(path) == ["u2"]


def test_a_file_may_speak_another_vocabulary(gates, origin, folder):
    gate = gates(origin=origin, service=LOGIN, collectors=[file(folder / "events.jsonl", schema="ecs")])
    log_in(gate, "ada")
    (event,) = events_of(folder / "events.jsonl", 1)
    assert event["user"]["name"] == "ada" and event["event"]["outcome"] == "success"


# Waiting


def test_what_waits_too_long_is_given_up_and_counted(gates, origin):
    port = free_port()
    gate = gates(origin=origin, service=LOGIN, collectors=[http(port, spool_age="2s", timeout="300ms")])
    logins_during(gate, 5)
    wait_for(lambda: gate.metric("loginward_events_dropped_total") == 5, 20)
    assert sent(gate, "dropped") == 5
    wait_for(lambda: gate.metric("loginward_spool_bytes") == 0)
    with Receiver(port=port) as receiver:
        log_in(gate, "new")
        wait_for(lambda: "new" in users(receiver.lines), 20)


def test_a_date_in_retry_after_is_kept_to(gates, origin):
    times = []

    def answer(posted):
        times.append(time.time())
        return (200, {}, b"") if len(times) > 1 else (503, {"Retry-After": formatdate(time.time() + 3, usegmt=True)}, b"")

    with Receiver(answer) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[http(receiver.port)])
        log_in(gate, "ada")
        wait_for(lambda: sent(gate) == 1)
    assert times[1] - times[0] >= 1.5


# Commands


def test_a_list_of_collectors_says_how_they_are(gates, origin):
    with Receiver() as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[
            http(receiver.port), {**http(free_port()), "name": "down"}])
        logins_during(gate, 3)
        wait_for(lambda: sent(gate) == 3 and gate.metric("loginward_sink_events_total", sink="down", result="retried") > 0)
        status, out, _ = command("sink", "list", "--admin", f"unix:{gate.admin_path}")
    head, siem, down = [line.split() for line in out.splitlines()]
    assert status == 0 and head == ["NAME", "SENT", "PENDING", "RETRIED", "REJECTED", "DROPPED", "LAST_FAILURE"]
    assert siem[:3] == ["siem", "3", "0"] and down[:3] == ["down", "0", "3"] and "connect" in " ".join(down[6:])


def test_a_collector_is_tried_without_a_daemon(folder):
    answers = {"/in": (200, {}, b'{"ok":true}'), "/no": (403, {}, b"wrong token\x1b[31m"), "/later": (503, {}, b"")}
    with Receiver(lambda posted: answers[posted.path]) as receiver:
        url = f"http://127.0.0.1:{receiver.port}"
        (folder / "key").write_text("s3cret\n")
        gate = Gate(folder, collectors=[
            http(receiver.port, headers={"X-Key_file": str(folder / "key")}), {**http(0, url=url + "/no"), "name": "no"},
            {**http(0, url=url + "/later"), "name": "later"}, {"name": "file", "type": "file", "path": str(folder / "out")}])
        gate.configuration["services"][0]["upstream"]["servers"] = ["http://127.0.0.1:1"]
        gate.write()
        found = {name: command("sink", "test", name, "--config", gate.path) for name in ("siem", "no", "later", "file", "nobody")}
        status, out, _ = found["siem"]
        assert status == 0 and out == 'status 200\n{"ok":true}\ndelivered\n'
        (event,) = receiver.lines
        assert event["event"] == "loginward.test" and event["tags"]["test"] == "true" and len(event["id"]) == 26
        assert receiver.taken[0].headers["X-Key"] == "s3cret"
        assert found["no"][:2] == (1, "status 403\nwrong token?[31m\nrefused: status 403\n")
        assert found["later"][:2] == (1, "status 503\nnot now: status 503\n")
        assert found["file"][:2] == (0, "delivered\n") and "loginward.test" in (folder / "out").read_text()
        assert found["nobody"][0] == 1 and "names no collector nobody, but siem, no, later, file" in found["nobody"][2]


def test_what_was_refused_for_good_is_shown_with_its_reason(gates, origin):
    with Receiver((400, {}, b"")) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[http(receiver.port)])
        assert command("sink", "poison", "siem", "--config", gate.path)[:2] == (0, "siem refused nothing\n")
        log_in(gate, "eve\n\x1b[31m")
        wait_for(lambda: sent(gate, "rejected") == 1)
    status, out, _ = command("sink", "poison", "siem", "--config", gate.path)
    line, total = out.splitlines()
    assert status == 0 and total == "siem refused 1 events" and line.endswith("  users.login.success  eve??[31m") and "  status 400  " in line
    (kept,) = [json.loads(line) for line in command("sink", "poison", "siem", "--json", "--config", gate.path)[1].splitlines()]
    assert kept["event"]["usr"]["login"] == "eve\n\x1b[31m" and kept["reason"] == "status 400"
