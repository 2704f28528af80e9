"""Collectors get every event, whatever happens to them, and no request waits for that."""
import json
import re
import signal
import socket
import time

import pytest

from gate import Gate, events_of, free_port, wait_for
from origin import response
from receiver import Receiver, attributes, rejecting
from test_operation import LOGIN, log_in


def http(port, **more):
    return {"name": "siem", "type": "http", "url": f"http://127.0.0.1:{port}/in", "flush": "20ms", **more}


def otlp(port, **more):
    return {"name": "siem", "type": "otlp", "url": f"http://127.0.0.1:{port}/v1/logs", "flush": "20ms", **more}


def sent(gate, result="sent"):
    return gate.metric("loginward_sink_events_total", sink="siem", result=result)


def users(lines):
    """Names in the order of their logins: two loops hand their events over in turns."""
    return [line["usr"]["login"] for line in sorted(lines, key=lambda line: line["time"])]


# What arrives


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_otlp_is_what_opentelemetry_reads(gates, origin, encoding):
    with Receiver() as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[
            otlp(receiver.port, encoding=encoding, headers={"Authorization": "Bearer key"})])
        log_in(gate, 'ada "ö"\\', **{"User-Agent": "story/1"})
        origin.answer = response(401)
        log_in(gate, "eve")
        wait_for(lambda: len(receiver.records) == 2)
        assert {posted.headers["Authorization"] for posted in receiver.taken} == {"Bearer key"}
        assert {posted.path for posted in receiver.taken} == {"/v1/logs"}
    (resource, success), (_, failure) = sorted(receiver.records, key=lambda pair: pair[1].time_unix_nano)
    about = attributes(resource)
    assert about["service.name"] == "sso" and about["host.name"] == socket.gethostname()
    assert abs(success.time_unix_nano / 1e9 - time.time()) < 60 and success.observed_time_unix_nano >= success.time_unix_nano
    assert (success.severity_number, success.severity_text, success.body.string_value) == (9, "INFO", "login success")
    assert (failure.severity_number, failure.severity_text, failure.body.string_value) == (13, "WARN", "login failure")
    assert success.event_name == failure.event_name == "loginward.login"
    found = attributes(success)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", found["loginward.event_id"])
    assert {key: found[key] for key in (
        "user.name", "client.address", "network.peer.address", "http.request.method", "url.path", "http.response.status_code",
        "user_agent.original", "network.protocol.version", "loginward.verdict", "loginward.blocked", "loginward.login.outcome",
        "loginward.login.user_exists")} == {
        "user.name": 'ada "ö"\\', "client.address": "127.0.0.1", "network.peer.address": "127.0.0.1",
        "http.request.method": "POST", "url.path": "/login", "http.response.status_code": 200, "user_agent.original": "story/1",
        "network.protocol.version": "1.1", "loginward.verdict": "allow", "loginward.blocked": False,
        "loginward.login.outcome": "success", "loginward.login.user_exists": True}
    assert found["loginward.http.header_names"][0] == "Host" and found["loginward.fingerprint.http"]
    assert found["loginward.duration_ms"] > 0
    assert attributes(failure)["http.response.status_code"] == 401


def test_both_encodings_say_the_same(gates, origin):
    with Receiver() as text, Receiver() as binary:
        gate = gates(origin=origin, service=LOGIN, collectors=[
            otlp(text.port), {**otlp(binary.port, encoding="protobuf"), "name": "binary"}])
        for number in range(20):
            log_in(gate, f"u{number}")
        wait_for(lambda: len(text.records) == len(binary.records) == 20)
    one, other = (sorted((attributes(record) for _, record in receiver.records), key=lambda found: found["loginward.event_id"])
                  for receiver in (text, binary))
    assert one == other


def test_http_posts_lines_of_json(gates, origin):
    with Receiver() as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[http(receiver.port, batch_events=5, headers={"X-Key": "k"})])
        for number in range(12):
            log_in(gate, f"u{number}")
        wait_for(lambda: len(receiver.lines) == 12)
    assert users(receiver.lines) == [f"u{number}" for number in range(12)]
    for posted in receiver.taken:
        assert posted.path == "/in" and posted.headers["X-Key"] == "k" and posted.body.endswith(b"\n")
        assert posted.headers["Content-Type"] == "application/x-ndjson" and posted.body.count(b"\n") <= 5


def test_a_secret_in_a_file_is_sent_and_never_shown(gates, origin, folder):
    (folder / "key").write_text("Bearer s3cret\n")
    with Receiver() as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[
            http(receiver.port, headers={"Authorization_file": str(folder / "key")})])
        log_in(gate, "ada")
        wait_for(lambda: receiver.taken)
        assert receiver.taken[0].headers["Authorization"] == "Bearer s3cret"
        assert "s3cret" not in "".join(gate.lines) + gate.admin("/status")[1]


def test_every_collector_gets_every_event(gates, origin, folder):
    with Receiver() as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[
            http(receiver.port), {"name": "file", "type": "file", "path": str(folder / "events.jsonl"), "flush": "20ms"}])
        for number in range(50):
            log_in(gate, f"u{number}")
        wait_for(lambda: len(receiver.lines) == 50)
        assert [event["id"] for event in events_of(folder / "events.jsonl", 50)] == [line["id"] for line in receiver.lines]


# What goes wrong


def logins_during(gate, count=20):
    """So many logins; none may take long, whatever the collector does."""
    for number in range(count):
        start = time.monotonic()
        assert log_in(gate, f"u{number}")[0] == 200
        assert time.monotonic() - start < 3, "a login waited for a collector"


def all_arrive(gate, receiver, count=20):
    wait_for(lambda: len(receiver.lines) >= count, 20)
    assert sorted(set(users(receiver.lines))) == sorted(f"u{number}" for number in range(count))
    assert len({line["id"] for line in receiver.lines}) == count
    assert gate.metric("loginward_events_dropped_total") == 0
    wait_for(lambda: gate.metric("loginward_sink_pending_events") == 0)


def test_a_collector_that_is_down_costs_nothing_and_gets_all_when_it_is_back(gates, origin):
    port = free_port()
    gate = gates(origin=origin, service=LOGIN, collectors=[http(port)])
    logins_during(gate)
    wait_for(lambda: sent(gate, "retried") > 0)
    assert gate.metric("loginward_sink_pending_events", sink="siem") == 20
    said = json.loads(gate.admin("/status")[1])["collectors"][0]
    assert said["pending"] == 20 and said["last_failure"]
    with Receiver(port=port) as receiver:
        all_arrive(gate, receiver)
    assert len(gate.logged("do not take events")) + len(gate.logged("does not take events")) == 1
    assert len(gate.logged("takes events again")) == 1


def test_a_slow_collector_delays_no_login(gates, origin):
    def slow(posted):
        time.sleep(4)
        return 200, {}, b""

    with Receiver(slow) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[http(receiver.port)])
        log_in(gate, "u0")
        wait_for(lambda: receiver.requests)
        logins_during(gate)
        receiver.answer = (200, {}, b"")
        wait_for(lambda: len(receiver.lines) >= 21, 20)
        assert len({line["id"] for line in receiver.lines}) == 21


def test_a_collector_that_never_answers_is_given_up_and_asked_again(gates, origin):
    hung = []

    def answer(posted):
        if not hung:
            hung.append(1)
            time.sleep(8)
        return 200, {}, b""

    with Receiver(answer) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[http(receiver.port, timeout="300ms")])
        logins_during(gate)
        all_arrive(gate, receiver)
        assert sent(gate, "retried") >= 1


@pytest.mark.parametrize("kind", [http, otlp])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_collector_that_cannot_now_is_asked_again(gates, origin, kind, status):
    times = []

    def answer(posted):
        times.append(time.monotonic())
        return (200, {}, b"") if len(times) > 2 else (status, {}, b"not now")

    with Receiver(answer) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[kind(receiver.port)])
        logins_during(gate, 5)
        wait_for(lambda: sent(gate) == 5)
        assert sent(gate, "retried") == 2 and sent(gate, "rejected") == 0
        # Only the time at which we saw them may differ.
        asked = [re.sub(rb'"observedTimeUnixNano":"\d+"', b"", posted.body) for posted in receiver.requests]
        assert asked[0] == asked[1] == asked[2] and b"u4" in b"".join(asked)


def test_a_collector_that_says_when_is_not_asked_before(gates, origin):
    times = []

    def answer(posted):
        times.append(time.monotonic())
        return (200, {}, b"") if len(times) > 1 else (429, {"Retry-After": "2"}, b"")

    with Receiver(answer) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[http(receiver.port)])
        log_in(gate, "ada")
        wait_for(lambda: sent(gate) == 1)
    assert times[1] - times[0] >= 1.95


def test_what_a_collector_refuses_for_good_is_counted_and_does_not_hold_up_the_rest(gates, origin):
    def answer(posted):
        return (400, {}, b"") if b"poison" in posted.body else (200, {}, b"")

    with Receiver(answer) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[http(receiver.port, batch_events=1)])
        for name in ("u0", "poison", "u1"):
            log_in(gate, name)
        wait_for(lambda: len(receiver.lines) == 2)
        wait_for(lambda: sent(gate, "rejected") == 1)
        assert users(receiver.lines) == ["u0", "u1"] and sent(gate) == 2
        assert gate.logged("rejected 1 events: status 400")
        aside = next((gate.folder / "state").rglob("refused-*.jsonl"))
        kept = [json.loads(line) for line in aside.read_text().splitlines()]
        assert [line["event"]["usr"]["login"] for line in kept] == ["poison"] and "400" in kept[0]["reason"]
        assert gate.logged(str(aside)), "the log says where they are"


def test_a_batch_that_is_too_large_is_halved(gates, origin):
    def answer(posted):
        return (413, {}, b"") if posted.body.count(b"\n") > 3 else (200, {}, b"")

    with Receiver(answer) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[http(receiver.port, flush="300ms")])
        logins_during(gate, 10)
        all_arrive(gate, receiver, 10)


def test_records_that_an_otlp_collector_rejects_are_counted(gates, origin):
    with Receiver((200, {"Content-Type": "application/x-protobuf"}, rejecting(2))) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[otlp(receiver.port, encoding="protobuf", flush="300ms")])
        logins_during(gate, 5)
        wait_for(lambda: sent(gate) + sent(gate, "rejected") == 5)
        assert sent(gate, "rejected") == 2 * len(receiver.requests)


def test_a_file_that_cannot_be_written_is_tried_again(gates, origin, folder):
    place = folder / "later"
    gate = gates(origin=origin, service=LOGIN, collectors=[
        {"name": "siem", "type": "file", "path": str(place / "events.jsonl"), "flush": "20ms"}])
    logins_during(gate, 5)
    wait_for(lambda: sent(gate, "retried") > 0)
    place.mkdir()
    assert users(events_of(place / "events.jsonl", 5, 20)) == [f"u{number}" for number in range(5)]


# The end of the process


def test_after_a_kill_what_was_not_sent_is_sent(gates, origin):
    port = free_port()
    gate = gates(origin=origin, service=LOGIN, collectors=[http(port, batch_events=7)])
    logins_during(gate)
    wait_for(lambda: gate.metric("loginward_sink_pending_events") == 20)
    gate.process.send_signal(signal.SIGKILL)
    gate.process.wait(10)
    gate.lines.clear()
    with Receiver(port=port) as receiver:
        gate.start()
        all_arrive(gate, receiver)
        assert len(receiver.lines) == 20


def test_a_kill_in_the_middle_repeats_and_loses_nothing(gates, origin):
    with Receiver() as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[http(receiver.port, batch_events=3)])
        receiver.answer = lambda posted: (200, {}, b"") if len(receiver.requests) < 3 else (time.sleep(1), (503, {}, b""))[1]
        logins_during(gate)
        wait_for(lambda: len(receiver.requests) >= 3)
        wait_for(lambda: gate.metric("loginward_sink_pending_events") + sent(gate) == 20)
        gate.process.send_signal(signal.SIGKILL)
        gate.process.wait(10)
        receiver.answer = (200, {}, b"")
        gate.lines.clear()
        gate.start()
        wait_for(lambda: len({line["id"] for line in receiver.lines}) == 20, 20)
        assert set(users(receiver.lines)) == {f"u{number}" for number in range(20)}


def test_a_stop_sends_what_can_be_sent_and_keeps_the_rest(gates, origin):
    with Receiver() as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[http(receiver.port, flush="30s")])
        logins_during(gate, 5)
        assert receiver.requests == []
        assert gate.stop() == 0
        assert users(receiver.lines) == [f"u{number}" for number in range(5)]
    # Down at the next stop.
    gate.lines.clear()
    gate.start()
    logins_during(gate, 3)
    assert gate.stop() == 0
    with Receiver(port=receiver.port) as receiver:
        gate.lines.clear()
        gate.start()
        assert gate.stop() == 0
        assert users(receiver.lines) == ["u0", "u1", "u2"]


def test_a_full_spool_drops_the_oldest_and_says_so(gates, origin):
    port = free_port()
    gate = gates(origin=origin, service=LOGIN, collectors=[http(port, spool="1MiB")])
    count = 120
    for number in range(count):
        assert log_in(gate, f"u{number}", **{"User-Agent": "x" * 20_000})[0] == 200
    wait_for(lambda: gate.metric("loginward_sink_pending_events") + gate.metric("loginward_events_dropped_total") == count)
    dropped = int(gate.metric("loginward_events_dropped_total"))
    assert 0 < dropped < count and sent(gate, "dropped") == dropped
    assert gate.metric("loginward_spool_bytes") <= 1 << 20
    assert json.loads(gate.admin("/status")[1])["collectors"][0]["dropped"] == dropped
    wait_for(lambda: gate.logged("events are lost so far"))
    with Receiver(port=port) as receiver:
        wait_for(lambda: len(receiver.lines) >= count - dropped, 30)
        # The batch that was already on its way is older than what was dropped.
        assert len(receiver.lines) == len({line["id"] for line in receiver.lines}) == count - dropped
        assert users(receiver.lines)[-10:] == [f"u{number}" for number in range(count - 10, count)]
        assert gate.metric("loginward_events_dropped_total") == dropped


def test_a_damaged_spool_does_not_stop_the_start(gates, origin):
    port = free_port()
    gate = gates(origin=origin, service=LOGIN, collectors=[http(port)])
    logins_during(gate, 10)
    wait_for(lambda: gate.metric("loginward_sink_pending_events") == 10)
    gate.kill()
    segment = next((gate.folder / "state" / "spool").glob("segment-*"))
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    gate.lines.clear()
    with Receiver(port=port) as receiver:
        gate.start()
        wait_for(lambda: len(receiver.lines) == 9, 20)
        assert gate.metric("loginward_spool_damaged_records_total") == 1
        log_in(gate, "next")
        wait_for(lambda: "next" in users(receiver.lines))
