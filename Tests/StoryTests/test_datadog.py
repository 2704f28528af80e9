"""Rulesets of Datadog's format: they load as they are and mean what they mean there, through the real binary."""
import json
import time

import pytest

from gate import command, wait_for

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
AGENT = "server.request.headers.no_cookies"


def condition(operator, *inputs, **parameters):
    listed = [given if isinstance(given, dict) else {"address": given} for given in inputs]
    return {"operator": operator, "parameters": {"inputs": listed, **parameters}}


def rule(name, *conditions, on_match=("block",), **more):
    return {"id": name, "name": name, "tags": {"type": "t", "category": "c"}, "conditions": list(conditions), "on_match": list(on_match), **more}


@pytest.fixture
def ruled(gates, origin, folder):
    def make(sections, **settings):
        path = folder / "rules.json"
        path.write_text(json.dumps({"version": "2.2", **sections}, indent=1))
        return gates(origin=origin, rules={"files": [str(path)]}, client_address={"trusted_proxies": ["127.0.0.1"]}, **settings)

    return make


def status(gate, path="/", body=None, headers=None, method=None):
    return gate.request(method or ("POST" if body else "GET"), path, body=body, headers=headers or {})[0]


@pytest.mark.parametrize("asked, meant, other", [
    (condition("match_regex", {"address": AGENT, "key_path": ["user-agent"]}, regex="^evil"), dict(headers={"User-Agent": "EVIL/1"}), dict(headers={"User-Agent": "no evil"})),
    (condition("match_regex", "server.request.query", regex="x", options={"case_sensitive": True, "min_length": 3}), dict(path="/?a=axa"), dict(path="/?a=xx")),
    (condition("match_regex", "server.request.uri.raw", regex="%2e%2e"), dict(path="/a/%2E%2e/b"), dict(path="/a/../b")),
    (condition("match_regex", "server.request.body", regex="^needle$"), dict(body='{"deep":[{"x":"needle"}]}', headers=JSON), dict(body='{"needle":[1]}', headers=JSON)),
    (condition("match_regex", {"address": "server.request.body", "transformers": ["keys_only"]}, regex="^needle$"),
     dict(body='{"deep":{"needle":1}}', headers=JSON), dict(body='{"deep":"needle"}', headers=JSON)),
    (condition("match_regex", {"address": "server.request.body", "key_path": ["user", 0]}, regex="^eve$"), dict(body="user=eve", headers=FORM), dict(body="name=eve", headers=FORM)),
    (condition("match_regex", "server.request.body.filenames", regex=r"\.php$"),
     dict(body='--b\r\nContent-Disposition: form-data; name="f"; filename="a.php"\r\n\r\n<?\r\n--b--\r\n', headers={"Content-Type": "multipart/form-data; boundary=b"}),
     dict(body='--b\r\nContent-Disposition: form-data; name="f"\r\n\r\na.php\r\n--b--\r\n', headers={"Content-Type": "multipart/form-data; boundary=b"})),
    (condition("phrase_match", "server.request.query", list=["union select"], options={"enforce_word_boundary": True}),
     dict(path="/?q=xunion+select,union+select"), dict(path="/?q=union+selected")),
    (condition("exact_match", {"address": "server.request.cookies", "key_path": ["theme"]}, list=["dark", "light"]), dict(headers={"Cookie": "theme=light"}), dict(headers={"Cookie": "theme=Light"})),
    (condition("ip_match", "http.client_ip", list=["203.0.113.0/24"]), dict(headers={"X-Forwarded-For": "203.0.113.7"}), dict(headers={"X-Forwarded-For": "203.0.114.7"})),
    (condition("equals", {"address": "server.request.body", "key_path": ["n"]}, type="unsigned", value=5), dict(body='{"n":5}', headers=JSON), dict(body='{"n":"5"}', headers=JSON)),
    (condition("equals", {"address": "server.request.body", "key_path": ["n"]}, type="boolean", value=True), dict(body='{"n":true}', headers=JSON), dict(body='{"n":"true"}', headers=JSON)),
    (condition("greater_than", "server.request.body", type="signed", value=5), dict(body='[6]', headers=JSON), dict(body='["6",5]', headers=JSON)),
    (condition("!exists", {"address": AGENT, "key_path": ["accept-language"]}), dict(), dict(headers={"Accept-Language": "de"})),
    (condition("!match_regex", {"address": AGENT, "key_path": ["x-app"]}, regex="^1$"), dict(headers={"X-App": "2"}), dict()),
    (condition("is_sqli", "server.request.query"), dict(path="/?q=%27+OR+1%3D1+--+"), dict(path="/?q=O%27Hara")),
    (condition("is_xss", "server.request.query"), dict(path="/?q=%3Cscript%3Ealert(1)%3C/script%3E"), dict(path="/?q=a%3Cb")),
    (condition("match_regex", {"address": "server.request.query", "transformers": ["removeNulls", "urlDecodeUni", "lowercase"]}, regex="<script", options={"case_sensitive": True}),
     dict(path="/?q=%25u003cSC%00RIPT"), dict(path="/?q=%25u003dSCRIPT")),
    (condition("match_regex", {"address": "server.request.query", "transformers": ["unicode_normalize"]}, regex="<script"), dict(path="/?q=%EF%BC%9Cscript"), dict(path="/?q=%EF%BC%9Escript")),
])
def test_an_operator_means_what_it_means_there(ruled, asked, meant, other):
    gate = ruled({"rules": [rule("r", asked)]})
    assert status(gate, **meant) == 403
    assert status(gate, **other) == 200


def test_a_rule_without_action_only_notes_and_an_action_of_the_file_decides(ruled):
    query = lambda word: condition("match_regex", {"address": "server.request.query", "key_path": ["q"]}, regex=word)
    gate = ruled({
        "rules": [rule("note", query("note"), on_match=()), rule("teapot", query("tea"), on_match=["tea"]), rule("away", query("away"), on_match=["block", "away"])],
        "actions": [{"id": "tea", "type": "block_request", "parameters": {"status_code": 418, "type": "auto"}},
                    {"id": "away", "type": "redirect_request", "parameters": {"status_code": 302, "location": "https://example.com/sorry"}}]})
    assert status(gate, "/?q=note") == 200
    assert status(gate, "/?q=tea") == 418
    code, headers, _ = gate.request("GET", "/?q=away")[:3]
    assert code == 302 and dict(headers)["Location"] == "https://example.com/sorry"


def test_lists_of_the_file_run_out_and_the_latest_of_equal_entries_counts(ruled):
    soon = int(time.time()) + 2
    gate = ruled({
        "rules": [rule("ip", condition("ip_match", "http.client_ip", data="bad")), rule("agent", condition("exact_match", {"address": AGENT, "key_path": ["user-agent"]}, data="agents"))],
        "rules_data": [
            {"id": "bad", "type": "ip_with_expiration", "data": [{"value": "203.0.113.9", "expiration": 1}, {"value": "198.51.100.1", "expiration": soon}, {"value": "2001:db8::/32"}]},
            {"id": "bad", "type": "ip_with_expiration", "data": [{"value": "203.0.113.0/24", "expiration": 0}, {"value": "192.0.2.1", "expiration": 1}]},
            {"id": "agents", "type": "data_with_expiration", "data": [{"value": "old", "expiration": 1}, {"value": "old", "expiration": 0}, {"value": "older", "expiration": 1}]}]})
    client = lambda address: status(gate, headers={"X-Forwarded-For": address})
    assert [client(a) for a in ("203.0.113.9", "2001:db8::7", "192.0.2.1", "192.0.2.2")] == [403, 403, 200, 200]
    assert client("198.51.100.1") == 403
    wait_for(lambda: client("198.51.100.1") == 200)
    assert [status(gate, headers={"User-Agent": agent}) for agent in ("old", "older")] == [403, 200]


def test_overrides_and_exclusions_take_rules_and_parts_of_inputs_out(ruled):
    bad = condition("match_regex", "server.request.body", "server.request.query", regex="bad")
    trusted = condition("ip_match", "http.client_ip", data="trusted")
    gate = ruled({
        "rules": [rule("off", condition("match_regex", "server.request.query", regex="off")), rule("late", condition("match_regex", "server.request.query", regex="late"), on_match=()),
                  rule("body", bad)],
        "rules_override": [{"rules_target": [{"rule_id": "off"}], "enabled": False}, {"rules_target": [{"rule_id": "late"}], "on_match": ["block"]}],
        "exclusions": [
            {"id": "trusted", "conditions": [trusted]},
            {"id": "comments", "rules_target": [{"tags": {"type": "t"}}], "inputs": [{"address": "server.request.body", "key_path": ["comment", "*", "text"]}]},
            {"id": "editors", "rules_target": [{"rule_id": "body"}], "inputs": [{"address": "server.request.query", "key_path": ["draft"]}],
             "conditions": [condition("exact_match", {"address": "server.request.cookies", "key_path": ["role"]}, list=["editor"])]},
            {"id": "watched", "rules_target": [{"rule_id": "body"}], "on_match": "monitor", "conditions": [condition("ip_match", "http.client_ip", list=["192.0.2.7"])]}],
        "exclusion_data": [{"id": "trusted", "type": "ip_with_expiration", "data": [{"value": "203.0.113.7", "expiration": 0}]}]})
    assert status(gate, "/?q=off") == 200
    assert status(gate, "/?q=late") == 403
    assert status(gate, "/?q=late", headers={"X-Forwarded-For": "203.0.113.7"}) == 200
    text = json.dumps({"comment": [{"text": "bad", "by": "x"}]})
    assert status(gate, body=text, headers=JSON) == 200
    assert status(gate, body=text.replace('"x"', '"bad"'), headers=JSON) == 403
    assert status(gate, "/?draft=bad") == 403
    assert status(gate, "/?draft=bad", headers={"Cookie": "role=editor"}) == 200
    assert status(gate, "/?draft=bad&x=bad", headers={"Cookie": "role=editor"}) == 403
    assert status(gate, "/?draft=bad", headers={"X-Forwarded-For": "192.0.2.7"}) == 200


def test_a_hit_in_the_head_does_not_wait_for_the_body(ruled):
    gate = ruled({"rules": [rule("r", condition("match_regex", "server.request.query", "server.request.body", regex="bad"))]})
    answer = gate.send(b"POST /?q=bad HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n", half_close=False)
    assert answer.startswith(b"HTTP/1.1 403")


def test_the_same_ruleset_as_yaml_and_beside_own_rules(gates, origin, folder):
    (folder / "own.yaml").write_text('rules: [{ id: own, when: { request.query.q: own } }]')
    (folder / "theirs.yaml").write_text("""
version: "2.2"
rules:
  - id: theirs
    name: theirs
    tags: { type: t, category: c }
    conditions:
      - operator: match_regex
        parameters: { regex: ^theirs$, inputs: [{ address: server.request.query, key_path: [q] }] }
    on_match: [block]
""")
    gate = gates(origin=origin, rules={"files": [str(folder / "own.yaml"), str(folder / "theirs.yaml")]})
    assert [status(gate, f"/?q={word}") for word in ("own", "theirs", "neither")] == [403, 403, 200]


def test_what_is_wrong_has_its_place_and_what_has_no_meaning_here_is_told(folder):
    path = folder / "rules.json"
    configuration = folder / "c.yaml"
    configuration.write_text(f'version: 1\nlisteners: [{{ address: "127.0.0.1:1" }}]\nservices: [{{ name: a, upstream: {{ servers: ["http://127.0.0.1:1"] }} }}]\nrules: {{ files: [{path}] }}\n')
    wrong = [
        rule("a", condition("match_regx", "server.request.query", regex="a")), rule("b", condition("match_regex", "server.request.query", regex="(?=a)")),
        rule("c", condition("match_regex", {"address": "server.request.query", "transformers": ["lowrcase"]}, regex="a")), rule("d", condition("exact_match", "server.request.query", list=[])),
        rule("e", condition("ip_match", "http.client_ip", list=["1.2.3"])), rule("f", condition("match_regex", "server.request.query", regex="a"), on_match=["blok"])]
    path.write_text(json.dumps({"version": "2.2", "rules": wrong}, indent=1))
    code, _, problems = command("check", configuration)
    assert code == 78
    for text in ('unknown operator "match_regx" (did you mean "match_regex"?)', "regular expression:", 'unknown transformer "lowrcase" (did you mean "lowercase"?)',
                 'needs a "list" of texts', '"1.2.3" is not an address', 'unknown action "blok"'):
        lines = [line for line in problems.splitlines() if text in line]
        assert len(lines) == 1 and lines[0].split(":")[1].isdigit() and lines[0].startswith(str(path)), (text, problems)
    path.write_text(json.dumps({"version": "2.2", "rules": [rule("a", condition("match_regex", "server.request.query", "server.request.path_params", "grpc.server.request.message", regex="a"))]}))
    code, _, warnings = command("check", configuration)
    assert code == 0 and warnings.count("warning:") == 2 and "server.request.path_params is used once" in warnings
