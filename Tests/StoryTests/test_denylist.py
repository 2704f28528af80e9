"""The denylist refuses, the allowlist wins, and a list with a bad line is not taken at all."""
import datetime
import time

import pytest

from gate import Gate, events_of, wait_for
from origin import response

LOGINS = [{
    "name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.username"},
    "user_id": "response.header.x-user-id",
}]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def moment(**delta):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def listed(gates, origin, folder):
    """Makes a gate behind a trusted proxy, so that a story can be any client, with these lists."""
    def make(deny="", allow=None, **settings):
        (folder / "deny.txt").write_text(deny)
        if allow is not None:
            (folder / "allow.txt").write_text(allow)
            settings["allowlist"] = {"files": [str(folder / "allow.txt")]}
        return gates(
            origin=origin, denylist={"files": [str(folder / "deny.txt")]},
            client_address={"trusted_proxies": ["127.0.0.1"]},
            collectors=[{"name": "events", "type": "file", "path": str(folder / "events.jsonl")}], **{"service": {"logins": LOGINS}, **settings})

    return make


def status(gate, client="198.51.100.1", method="GET", path="/", body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return gate.request(method, path, body=body, headers={"X-Forwarded-For": client, **(FORM if body else {}), **named})[0]


def test_addresses_and_networks_of_both_families_are_refused_and_their_neighbours_pass(listed, origin):
    gate = listed("203.0.113.7\n198.51.100.0/24\n2001:db8:1::/48\n2001:db8:2::7\n::ffff:192.0.2.1\n")
    denied = ["203.0.113.7", "198.51.100.0", "198.51.100.255", "2001:db8:1:ffff::1", "2001:db8:2::7", "::ffff:203.0.113.7", "192.0.2.1"]
    passing = ["203.0.113.6", "203.0.113.8", "198.51.99.255", "198.51.101.0", "2001:db8:2::8", "2001:db8::1", "192.0.2.2"]
    assert {address: status(gate, address) for address in denied} == dict.fromkeys(denied, 403)
    assert {address: status(gate, address) for address in passing} == dict.fromkeys(passing, 200)
    assert len(origin.requests) == len(passing)


def test_a_refusal_says_why_in_the_access_log_and_is_counted(listed):
    gate = listed("203.0.113.0/24 - hosting range\n")
    assert status(gate, "203.0.113.9") == 403
    line = gate.accesses()[0]
    assert (line["client_ip"], line["status"], line["verdict"]) == ("203.0.113.9", 403, "block")
    assert line["reason"] == "denylist: hosting range"
    wait_for(lambda: gate.metric("loginward_requests_total", verdict="block") == 1)


def test_an_entry_ends_when_it_says(listed):
    gate = listed(f"203.0.113.1 {moment(hours=-1)} over\n203.0.113.2 {moment(hours=1)} still\n203.0.113.3 {moment(seconds=3)} soon\n")
    assert status(gate, "203.0.113.1") == 200
    assert status(gate, "203.0.113.2") == 403
    wait_for(lambda: status(gate, "203.0.113.3") == 200)


def test_an_expired_address_does_not_hide_its_denied_network(listed):
    gate = listed(f"203.0.113.1 {moment(hours=-1)} over\n203.0.113.0/24 - range\n")
    assert status(gate, "203.0.113.1") == 403


def test_a_user_agent_is_compared_whole(listed):
    gate = listed('user_agent="EvilBot/1.0 (a b)"\n')
    assert status(gate, User_Agent="EvilBot/1.0 (a b)") == 403
    assert status(gate, User_Agent="EvilBot/1.0") == 200
    assert status(gate, User_Agent="evilbot/1.0 (a b)") == 200


def test_a_typed_name_is_refused_before_the_upstream_sees_it(listed, origin, folder):
    gate = listed("usr.login=root - never over the web\n")
    assert status(gate, method="POST", path="/login", body="username=root&password=secret-7") == 403
    assert origin.requests == []
    event = events_of(folder / "events.jsonl")[0]
    assert (event["event"], event["blocked"], event["usr"]["login"]) == ("users.login.failure", True, "root")
    assert event["verdict"]["action"] == "block" and "never over the web" in event["verdict"]["reason"]
    assert status(gate, method="POST", path="/login", body="username=rooty&password=x") == 200
    assert len(origin.requests) == 1


def test_a_body_that_is_too_long_to_read_does_not_hide_the_name_in_the_head(listed, origin, folder):
    (folder / "rules.yaml").write_text('{"rules": [{"id": "r", "when": [{"request.body.x": {"equals": "evil"}}]}]}')
    gate = listed(
        "usr.login=root\n", service={"logins": [{**LOGINS[0], "user": {"login": "header.x-user"}}]},
        rules={"files": [str(folder / "rules.yaml")]}, limits={"body_inspected": "1KiB", "over_body": "allow"})
    for name, wanted in (("root", b"HTTP/1.1 403"), ("alice", b"HTTP/1.1 200")):
        head = f"POST /login HTTP/1.1\r\nHost: a\r\nX-User: {name}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        answer = gate.send(head.encode() + b"1000\r\n" + b"a" * 4096 + b"\r\n0\r\n\r\n", half_close=False)
        assert answer.startswith(wanted), name
    assert [request.field("X-User") for request in origin.requests] == ["alice"]


def test_a_fingerprint_of_an_event_can_be_denied(listed, folder):
    gate = listed("")
    form = dict(method="POST", path="/login", body="username=a&password=b", User_Agent="Odd/3")
    assert status(gate, **form) == 200
    fingerprint = events_of(folder / "events.jsonl")[0]["fingerprint"]["header"]
    (folder / "deny.txt").write_text(f"fingerprint={fingerprint}\n")
    gate.reload()
    assert status(gate, **form) == 403
    assert status(gate, method="POST", path="/login", body="username=a&password=b", Accept="*/*", User_Agent="Odd/3") == 200


@pytest.mark.parametrize("kind", ["http", "header", "network", "session"])
def test_every_kind_of_fingerprint_that_an_event_tells_can_be_denied_or_allowed(listed, folder, kind):
    gate = listed("", allow="")
    form = dict(method="POST", path="/login", body="username=a&password=b", User_Agent="Odd/3", Cookie="sid=1")
    assert status(gate, **form) == 200
    fingerprint = events_of(folder / "events.jsonl")[0]["fingerprint"][kind]
    (folder / "deny.txt").write_text(f"fingerprint={fingerprint} - seen before\n")
    gate.reload()
    assert status(gate, **form) == 403
    assert gate.accesses(2)[1]["reason"] == "denylist: seen before"
    assert status(gate, "192.0.2.1, 192.0.2.2", "PUT", "/other", User_Agent="Odd/4", Via="1.1 a") == 200
    (folder / "allow.txt").write_text(f"fingerprint={fingerprint}\n")
    gate.reload()
    assert status(gate, **form) == 200


@pytest.mark.parametrize("told", ["response.header.x-user-id", "response.cookie.uid"])
def test_a_user_that_the_answer_names_does_not_get_the_answer(listed, origin, folder, told):
    login = {**LOGINS[0], "user_id": told}
    gate = listed("usr.id=u-7 - closed account\n", service={"logins": [login]})
    attempt = dict(method="POST", path="/login", body="username=eve&password=x")
    origin.answer = response(200, b"the session", "X-User-Id: u-7", "Set-Cookie: uid=u-7; Path=/")
    answered, fields, body = gate.request(
        "POST", "/login", body=attempt["body"], headers={"X-Forwarded-For": "198.51.100.1", **FORM})
    assert answered == 403
    assert fields["Set-Cookie"] is None and b"the session" not in body
    event = events_of(folder / "events.jsonl")[0]
    assert (event["event"], event["blocked"], event["usr"]["id"]) == ("users.login.failure", True, "u-7")
    assert event["verdict"]["reason"] == "denylist: closed account"
    origin.answer = response(200, b"the session", "X-User-Id: u-77", "Set-Cookie: uid=u-77; Path=/")
    assert status(gate, **attempt) == 200


def test_an_allowed_user_gets_the_answer_that_a_list_would_deny(listed, origin):
    origin.answer = response(200, b"ok", "X-User-Id: u-7")
    gate = listed("usr.id=u-7\n", allow="usr.id=u-7\n")
    assert status(gate, method="POST", path="/login", body="username=eve&password=x") == 200


def test_a_login_from_a_denied_address_is_an_event_that_says_whose_it_was(listed, origin, folder):
    gate = listed("203.0.113.7 - botnet\n")
    assert status(gate, "203.0.113.7", "POST", "/login", "username=alice&password=x") == 403
    event = events_of(folder / "events.jsonl")[0]
    assert (event["usr"]["login"], event["http"]["client_ip"], event["blocked"]) == ("alice", "203.0.113.7", True)
    assert event["verdict"]["reason"] == "denylist: botnet"
    assert origin.requests == []


def test_the_allowlist_wins(listed):
    gate = listed("203.0.113.0/24\nuser_agent=Evil\n", allow="203.0.113.5 - our monitor\n")
    assert status(gate, "203.0.113.5") == 200
    assert status(gate, "203.0.113.5", User_Agent="Evil") == 200
    assert status(gate, "203.0.113.6") == 403


def test_in_monitor_mode_a_denied_client_passes_and_is_written_down(listed):
    gate = listed("203.0.113.7\n", mode="monitor")
    assert status(gate, "203.0.113.7") == 200
    line = gate.accesses()[0]
    assert (line["status"], line["verdict"], line["reason"]) == (200, "monitor", "denylist")


@pytest.mark.parametrize("line", [
    "203.0.113.300", "203.0.113.1/33", "203.0.113.1/24", "010.0.0.1", "2001:db8::/129", "fe80::1%eth0", "usr.login=", "country=XXX", "evil.example",
    "203.0.113.1 tomorrow", "203.0.113.1 2026-13-01T00:00:00Z",
])
def test_a_bad_line_refuses_the_whole_list_with_its_number(folder, origin, line):
    (folder / "deny.txt").write_text(f"# a comment\n203.0.113.7\n\n{line}\n203.0.113.8\n")
    gate = Gate(folder / "gate", origin=origin, denylist={"files": [str(folder / "deny.txt")]}).start(wait=False)
    assert gate.process.wait(10) == 78
    wait_for(lambda: gate.logged("deny.txt:4:"))


def test_every_bad_line_of_every_list_is_told_at_once(folder, origin):
    (folder / "one.txt").write_text("nonsense\n203.0.113.7\n203.0.113.7 tomorrow\n")
    (folder / "two.txt").write_text("\nusr.id=\n")
    gate = Gate(
        folder / "gate", origin=origin, denylist={"files": [str(folder / "one.txt")]},
        allowlist={"files": [str(folder / "two.txt")]}).start(wait=False)
    assert gate.process.wait(10) == 78
    for place in ("one.txt:1:", "one.txt:3:", "two.txt:2:"):
        wait_for(lambda: gate.logged(place))
    assert not gate.logged("one.txt:2:")


def test_a_reload_with_a_bad_list_keeps_the_old_one(listed, folder):
    gate = listed("203.0.113.7\n")
    (folder / "deny.txt").write_text("203.0.113.8\nnonsense\n")
    gate.reload()
    assert gate.logged("deny.txt:2:")
    assert (status(gate, "203.0.113.7"), status(gate, "203.0.113.8")) == (403, 200)
    assert gate.metric("loginward_config_last_reload_successful") == 0
    (folder / "deny.txt").write_text("203.0.113.8\n")
    gate.reload()
    assert (status(gate, "203.0.113.7"), status(gate, "203.0.113.8")) == (200, 403)
    assert gate.metric("loginward_config_last_reload_successful") == 1


def test_a_list_of_ten_thousand_entries_refuses_exactly_those(listed):
    entries = [f"10.{number >> 8}.{number & 255}.{number * 7 & 255}" for number in range(10_000)]
    gate = listed("\n".join(entries))
    for number in range(0, 10_000, 500):
        assert status(gate, entries[number]) == 403
    assert status(gate, "10.200.0.1") == 200


@pytest.mark.parametrize("head", [{"Cookie": "theme=dark; sid=stolen-7"}, {"Cookie": 'sid="stolen-7"'}, {"Authorization": "Bearer stolen-7"}])
def test_a_session_token_is_refused_wherever_it_travels(listed, head):
    gate = listed("session=stolen-7 - cookie theft\n")
    assert status(gate, **head) == 403
    assert gate.accesses()[0]["reason"] == "denylist: cookie theft"
    assert status(gate, Cookie="sid=stolen-77; other=x") == 200


def test_who_is_allowed_as_monitored_is_judged_and_never_refused(listed, origin):
    gate = listed(
        "203.0.113.0/24 - hosting range\nusr.login=root - reserved\n", allow="203.0.113.5 - mode=monitored our scanner\n203.0.113.6\n")
    assert status(gate, "203.0.113.5") == 200
    assert status(gate, "203.0.113.5", "POST", "/login", "username=root&password=x") == 200
    assert status(gate, "203.0.113.6") == 200
    assert status(gate, "203.0.113.7") == 403
    lines = gate.accesses(4)
    assert [line["verdict"] for line in lines] == ["monitor", "monitor", "allow", "block"]
    assert lines[0]["reason"] == "denylist: hosting range"


def test_a_monitored_entry_of_the_denylist_only_notes(listed):
    gate = listed("203.0.113.7 - mode=monitored source=feed seen once\n")
    assert status(gate, "203.0.113.7") == 200
    line = gate.accesses()[0]
    assert (line["verdict"], line["reason"]) == ("monitor", "denylist: seen once")


def test_a_list_that_shrinks_by_more_than_half_is_a_warning_or_a_problem(listed, folder):
    gate = listed("203.0.113.7\n203.0.113.8\n203.0.113.9\n")
    (folder / "deny.txt").write_text("203.0.113.7\n203.0.113.8\n")
    gate.reload()
    assert not gate.logged("less than half")
    (folder / "deny.txt").write_text("")
    gate.configuration["denylist"]["on_shrink"] = "error"
    gate.write()
    gate.reload()
    assert gate.logged("only 0 of 2 entries left")
    assert status(gate, "203.0.113.7") == 403
    gate.configuration["denylist"]["on_shrink"] = "warn"
    gate.write()
    gate.reload()
    assert gate.logged("less than half of its entries left")
    assert status(gate, "203.0.113.7") == 200


def test_a_list_of_a_million_entries_loads_while_traffic_flows(listed, folder):
    gate = listed("203.0.113.7\n")
    with open(folder / "deny.txt", "w") as file:
        for number in range(1_000_000):
            if number % 3:
                file.write(f"{11 + number % 100}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255} 2031-01-01T00:00:00Z campaign {number % 50}\n")
            else:
                file.write(f"2001:db8:{number >> 8:x}:{number & 255:x}::/64 - range\n")
        file.write("usr.login=mallory\n")
    before = len(gate.logged("msg=reloaded"))
    gate.signal(1)
    slowest = 0
    while not gate.logged("msg=reloaded")[before:]:
        start = time.monotonic()
        assert status(gate, "198.51.100.9") == 200
        slowest = max(slowest, time.monotonic() - start)
    assert slowest < 2
    number = 65_538
    assert status(gate, f"{11 + number % 100}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}") == (403 if number % 3 else 200)
    number = 65_537
    assert status(gate, f"{11 + number % 100}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}") == 403
    assert status(gate, "2001:db8:100:2:1:2:3:4") == 403
    assert status(gate, "203.0.113.7") == 200
    assert status(gate, method="POST", path="/login", body="username=mallory&password=x") == 403
