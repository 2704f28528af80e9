"""Limits of how often somebody may ask, and counters in rules: across loops, connections and protocols."""
import collections
import concurrent.futures
import json
import re
import time

import pytest

from gate import command, events_of
from origin import response

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LOGINS = [{
    "name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.username"},
    "success": {"status": 200}, "failure": {"status": 401},
}]


def ask(gate, client="203.0.113.1", path="/", **more):
    headers = {"X-Forwarded-For": client, **more.pop("headers", {})}
    return gate.request(more.pop("method", "GET"), path, headers=headers, **more)


def statuses(gate, count, **more):
    return collections.Counter(ask(gate, **more)[0] for _ in range(count))


def login(gate, name, client="203.0.113.1", password="x"):
    return gate.request(
        "POST", "/login", body=f"username={name}&password={password}", headers={"X-Forwarded-For": client, **FORM})[0]


@pytest.fixture
def limited(gates, origin, folder):
    def make(*limits, rules=(), **settings):
        path = folder / "rules.yaml"
        path.write_text(json.dumps({"rules": list(rules)}))
        return gates(
            origin=origin, rate_limits=list(limits), rules={"files": [str(path)]}, service={"logins": LOGINS},
            client_address={"trusted_proxies": ["127.0.0.1"]}, detection={"enabled": False},
            collectors=[{"name": "events", "type": "file", "path": str(folder / "events.jsonl")}], **settings)

    return make


def test_the_request_after_the_allowance_is_told_when_to_come_back(limited):
    gate = limited({"name": "each", "key": "client.ip", "over": "5/1h"})
    assert statuses(gate, 5) == {200: 5}
    status, headers, body = ask(gate)
    assert status == 429 and 600 < int(headers["Retry-After"]) <= 720
    # Another client is not concerned, and of an IPv6 client the prefix is what counts.
    assert statuses(gate, 5, client="203.0.113.2") == {200: 5}
    assert [ask(gate, client=f"2001:db8:1:2::{number}")[0] for number in range(6)] == [200] * 5 + [429]
    assert ask(gate, client="2001:db8:1:3::1")[0] == 200
    assert gate.metric("loginward_rule_matches_total", rule="each") == 2


def test_the_limit_is_exact_however_many_connections_and_loops_there_are(limited, origin):
    gate = limited({"name": "each", "key": "client.ip", "over": "40/1h", "algorithm": "sliding_window"}, workers=4)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = collections.Counter(pool.map(lambda _: ask(gate)[0], range(200)))
    assert found == {200: 40, 429: 160}


@pytest.mark.parametrize("key, same, other", [
    ("client.ip/24", dict(client="203.0.113.200"), dict(client="203.0.114.1")),
    ("request.header.user-agent", dict(client="198.51.100.7", headers={"User-Agent": "a"}), dict(headers={"User-Agent": "b"})),
    ("request.cookie.sid", dict(headers={"User-Agent": "a", "Cookie": "x=1; sid=q"}), dict(headers={"Cookie": "sid=r"})),
    ("fingerprint.header", dict(client="198.51.100.7", headers={"User-Agent": "a"}), dict(headers={"User-Agent": "a", "X-More": "1"})),
    (["client.ip", "request.path"], dict(headers={"User-Agent": "z"}), dict(path="/b")),
])
def test_requests_are_counted_by_what_the_key_says(limited, key, same, other):
    gate = limited({"name": "each", "key": key, "over": "2/1h"})
    first = dict(headers={"User-Agent": "a", **({"Cookie": "sid=q"} if "cookie" in str(key) else {})})
    assert statuses(gate, 2, **first) == {200: 2}
    assert ask(gate, **same)[0] == 429
    assert ask(gate, **other)[0] == 200


def test_a_request_without_the_key_is_not_counted(limited):
    gate = limited({"name": "each", "key": "request.header.x-api-key", "over": "1/1h"})
    assert statuses(gate, 4) == {200: 4}


def test_attempts_are_counted_by_name_and_a_login_that_succeeds_costs_nothing(limited, origin, folder):
    origin.answer = lambda request, _: response(200 if b"right" in request.body else 401)
    gate = limited({"name": "guess", "key": "usr.login", "over": "3/1h", "refund": "success"})
    for _ in range(5):
        assert login(gate, "alice", password="right") == 200
    assert [login(gate, name, client=f"198.51.100.{number}") for number, name in enumerate(
        ["alice", "ALICE", "Alice", "alice"])] == [401, 401, 401, 429]
    # Not even the right password passes now: the limit does not tell which is the right one.
    assert login(gate, "alice", password="right") == 429
    assert login(gate, "bob") == 401
    events = events_of(folder / "events.jsonl", 11)
    blocked = [event for event in events if event["blocked"]]
    assert len(blocked) == 2 and {event["verdict"]["rule"] for event in blocked} == {"guess"}
    assert blocked[0]["http"]["status_code"] == 429


def test_a_counter_is_a_condition_among_others(limited, origin):
    """Only what else holds is counted, and of the answer it may be, too."""
    origin.answer = lambda request, _: response(404 if "/missing" in request.line else 200)
    gate = limited(rules=[
        {"id": "scan", "when": [{"response.status": 404}, {"rate": {"key": "client.ip", "over": "3/1h"}}],
         "then": {"action": "respond", "status": 418, "body": "enough"}},
        {"id": "posts", "when": [{"request.method": "POST", "rate": {"key": "client.ip", "over": "2/1h"}}],
         "then": {"action": "block", "status": 403}},
    ])
    assert statuses(gate, 10) == {200: 10}
    assert [ask(gate, path="/missing")[0] for _ in range(5)] == [404, 404, 404, 418, 418]
    assert statuses(gate, 2) == {200: 2}
    assert [ask(gate, method="POST")[0] for _ in range(4)] == [200, 200, 403, 403]


def test_a_counter_may_only_note_flag_or_delay(limited, origin):
    gate = limited(
        {"name": "note", "key": "client.ip", "over": "1/1h", "mode": "monitor"},
        {"name": "mark", "key": "client.ip", "over": "2/1h", "then": {"action": "flag", "header": "X-Often", "value": "yes"}},
        {"name": "slow", "key": "client.ip", "over": "3/1h", "then": {"action": "delay", "time": "300ms"}})
    started = time.monotonic()
    assert statuses(gate, 3) == {200: 3}
    assert [request.field("X-Often") for request in origin.requests] == [None, None, "yes"]
    assert ask(gate)[0] == 200
    assert time.monotonic() - started >= 0.3
    assert [gate.metric("loginward_rule_matches_total", rule=rule) for rule in ("note", "mark", "slow")] == [3, 2, 1]


def test_counts_outlive_a_reload_that_does_not_change_them(limited):
    gate = limited({"name": "each", "key": "client.ip", "over": "2/1h"})
    assert statuses(gate, 2) == {200: 2}
    gate.reload()
    assert ask(gate)[0] == 429
    gate.configuration["rate_limits"][0]["over"] = "3/1h"
    gate.write()
    gate.reload()
    assert statuses(gate, 3) == {200: 3}
    assert ask(gate)[0] == 429


def test_every_request_of_an_address_counts_before_anything_is_asked_of_it(limited, origin):
    gate = limited(limits={"requests_per_address": "5/1h"}, allowlist={"files": []})
    # One connection serves them all, also those that are refused.
    answers = gate.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n" * 7)
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200"] * 5 + [b"429"] * 2
    assert len(re.findall(rb"\r\nRetry-After: \d+\r\n", answers)) == 2
    assert gate.metric("loginward_refusals_total", reason="too_many_requests") == 2
    assert len(origin.requests) == 5
    assert command("allow", "add", "203.0.113.7", "--admin", f"unix:{gate.admin_path}")[0] == 0
    assert ask(gate, client="203.0.113.7")[0] == 200


def test_a_wrong_limit_is_told_with_its_place(folder):
    path = folder / "gate.yaml"
    path.write_text("""version: 1
listeners: [{ address: "127.0.0.1:0" }]
services: [{ name: a, upstream: { servers: ["http://127.0.0.1:9"] } }]
rate_limits:
  - { name: a, key: client.ipp, over: 5/1m }
  - { name: b, key: client.ip/200, over: 5/1m }
  - { name: c, key: client.ip, over: 5 }
  - { name: d, key: response.body.x, over: 0/1m }
  - { name: e, key: client.ip, over: 5/1m, algorithm: sliding_window, burst: 3 }
  - { name: f, over: 5/1m }
rules: { files: [rules.yaml] }
""")
    (folder / "rules.yaml").write_text("""rules:
  - id: r
    when: [{ any: [{ request.path: /a }, { rate: { key: client.ip, over: 5/1m } }] }]
""")
    status, out, err = command("check", str(path))
    assert status == 78
    for part in ("5:21: error", "6:21: error", "7:38: error", "8:21: error", "8:44: error", "9:78: error", "10:5: error",
                 "rules.yaml:3:44: error"):
        assert part in out + err, (part, out + err)
