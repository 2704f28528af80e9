"""What a refused client gets: pages, templates, a wait, or the service's own login failure; and of whom a rule speaks."""
import collections
import gzip
import json
import re
import secrets
import threading
import time

import pytest

from gate import command, events_of
from origin import response

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LOGINS = [{
    "name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.username"},
    "success": {"status": 302}, "failure": {"status": 200},
}, {
    "name": "api", "match": {"method": "POST", "path": "/token"}, "user": {"login": "body.username"},
}]


@pytest.fixture
def ruled(gates, origin, folder):
    def make(*rules, top=None, **settings):
        path = folder / "rules.yaml"
        path.write_text(json.dumps({**(top or {}), "rules": [{"id": f"r{number}", **rule} for number, rule in enumerate(rules)]}))
        return gates(
            origin=origin, rules={"files": [str(path)]}, service={"logins": LOGINS}, detection={"enabled": False},
            client_address={"trusted_proxies": ["127.0.0.1"]},
            collectors=[{"name": "events", "type": "file", "path": str(folder / "events.jsonl")}], **settings)

    return make


def test_a_rule_answers_with_its_own_status_fields_and_file(ruled, folder):
    (folder / "body.txt").write_text('{"error": "{status}", "ticket": "{id}", "who": "{client_ip}", "other": "{x}"}')
    gate = ruled({"when": {"request.path": "/a"}, "then": {
        "action": "respond", "status": 418, "content_type": "application/problem+json", "body_file": "body.txt",
        "headers": {"X-Ticket": "t-{id}", "Cache-Control": "max-age=5"}}})
    status, headers, body = gate.request(path="/a", headers={"X-Forwarded-For": "203.0.113.5"})
    found = json.loads(body)
    assert status == 418 and headers["Content-Type"] == "application/problem+json"
    assert found["error"] == "418" and found["who"] == "203.0.113.5" and found["other"] == "{x}"
    assert headers["X-Ticket"] == f"t-{found['ticket']}" and headers["X-Request-Id"] == found["ticket"]
    assert headers.get_all("Cache-Control") == ["max-age=5"]


def test_a_rule_has_a_page_of_its_own(ruled, folder):
    (folder / "own.html").write_text("<p>own {id}</p>")
    gate = ruled({"when": {"request.path": "/a"}, "then": {"action": "block", "status": 451, "html": "own.html"}})
    status, headers, body = gate.request(path="/a", headers={"Accept": "text/html"})
    assert status == 451 and body.startswith(b"<p>own ") and "html" in headers["Content-Type"]
    # For programs it said nothing, so they get the page of the configuration.
    status, headers, body = gate.request(path="/a", headers={"Accept": "application/json"})
    assert status == 451 and json.loads(body)["status"] == 451


def test_a_refused_client_waits_and_so_many_may_at_once(ruled):
    gate = ruled(
        {"when": {"request.path": "/a"}, "then": {"action": "block", "wait": "600ms"}},
        {"when": {"request.path": "/b"}, "then": {"action": "delay", "time": "600ms"}},
        workers=1, limits={"delayed": 2})
    found = []

    def ask(path):
        started = time.monotonic()
        found.append((gate.request(path=path)[0], time.monotonic() - started))

    threads = [threading.Thread(target=ask, args=(path,)) for path in ("/a", "/b")]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    # Both places are taken: whoever is refused is told at once, and the delay of the other is not to be had for nothing.
    assert gate.request(path="/a")[0] == 403
    assert gate.request(path="/b")[0] == 429
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in found) == [200, 403]
    assert all(took >= 0.6 for _, took in found)
    assert gate.metric("loginward_undelayed_total") == 2
    # The places are free again, also after somebody went away while he waited.
    with gate.connect() as client:
        client.sendall(b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
    assert gate.request(path="/a")[0] == 403


def test_a_rule_speaks_of_routes_and_of_a_share_of_the_clients(ruled):
    gate = ruled(
        {"routes": ["sso/api"], "when": {"request.method": "POST"}, "then": {"action": "block", "status": 404}},
        {"percent": 30, "when": {"request.path": "/share"}, "then": {"action": "block", "status": 410}})
    body = "username=alice&password=x"
    assert gate.request("POST", "/token", body=body, headers=FORM)[0] == 404
    assert gate.request("POST", "/login", body=body, headers=FORM)[0] == 200
    assert gate.request("POST", "/other", body=body, headers=FORM)[0] == 200

    def ask(number):
        return gate.request(path="/share", headers={"X-Forwarded-For": f"203.0.{number >> 8}.{number & 255}"})[0]

    first = [ask(number) for number in range(300)]
    assert 50 < collections.Counter(first)[410] < 130
    assert [ask(number) for number in range(20)] == first[:20]


def test_a_whole_file_may_only_watch(ruled):
    gate = ruled({"when": {"request.path": "/a"}}, top={"mode": "monitor"})
    assert gate.request(path="/a")[0] == 200
    assert gate.metric("loginward_rule_matches_total", rule="r0") == 1


def test_mistakes_in_answers_are_told(folder):
    (folder / "gate.yaml").write_text("""version: 1
listeners: [{ address: "127.0.0.1:0" }]
services: [{ name: a, upstream: { servers: ["http://127.0.0.1:9"] } }]
rules: { files: [rules.yaml] }
""")
    (folder / "rules.yaml").write_text("""rules:
  - { id: a, when: { request.path: / }, then: { action: respond, body_file: gone.txt } }
  - { id: b, when: { request.path: / }, then: { action: respond, headers: { Content-Length: 5 } } }
  - { id: c, when: { request.path: / }, then: { action: block, wait: 2m } }
  - { id: e, when: { request.path: / }, percent: 0 }
""")
    status, out, err = command("check", str(folder / "gate.yaml"))
    said = out + err
    assert status == 78
    for line in range(2, 6):
        assert f"rules.yaml:{line}:" in said, said
    (folder / "rules.yaml").write_text("rules: [{ id: d, when: { request.path: / }, routes: [web] }]\n")
    status, out, err = command("check", str(folder / "gate.yaml"))
    assert status == 78 and 'unknown login route "web"' in out + err


# The service's own failure

def service(delay=0.0, coded=False, latest=None):
    """An application with everything that makes a failure page differ from the last one."""
    def answer(request, _):
        name = re.search(rb"username=([^&]*)", request.body)
        name = name[1].decode() if name else ""
        if b"password=right" in request.body:
            return response(302, b"", "Location: /home", f"Set-Cookie: sid={secrets.token_hex(16)}")
        time.sleep(delay)
        csrf = secrets.token_urlsafe(24)
        body = (
            f'<html><form><input name="username" value="{name}"><input name="csrf" value="{csrf}">'
            f'<p>Wrong password at {int(time.time())}, incident {secrets.token_hex(8)}.</p></form></html>').encode()
        fields = [
            "Server: Idp/1.2", f"Set-Cookie: csrf={csrf}; Path=/; HttpOnly", "X-Frame-Options: DENY",
            "Content-Type: text/html; charset=utf-8", f"X-Trace: {secrets.token_hex(16)}",
            "Date: " + time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())]
        if coded:
            body = gzip.compress(body)
            fields.append("Content-Encoding: gzip")
        return response(200, body, *fields)

    return answer


MIMIC = {"when": {"request.header.x-bot": "1", "request.path": "/login"}, "then": {
    "action": "mimic", "fallback": {"status": 403, "body": "not yet"}}}


def attempt(gate, name, bot=False, password="wrong", **headers):
    headers = {**FORM, **headers, **({"X-Bot": "1"} if bot else {})}
    started = time.monotonic()
    status, fields, body = gate.request("POST", "/login", body=f"username={name}&password={password}", headers=headers)
    return status, fields, body, time.monotonic() - started


def parts(body):
    return re.fullmatch(
        rb'<html><form><input name="username" value="(.*)"><input name="csrf" value="([\w-]{32})">'
        rb'<p>Wrong password at (\d{10}), incident ([0-9a-f]{16}).</p></form></html>', body)


def test_a_blocked_attacker_gets_what_the_service_says_when_a_login_fails(ruled, origin, folder):
    origin.answer = service(delay=0.15)
    gate = ruled(MIMIC)
    status, _, body, _ = attempt(gate, "early", bot=True)
    assert (status, body) == (403, b"not yet")
    real = [attempt(gate, name) for name in ("alice", "robert", "carol", "daisy")]
    asked = len(origin.requests)
    copies = [attempt(gate, name, bot=True) for name in ("mallory", "trudy")]
    assert len(origin.requests) == asked
    for (status, fields, body, took), name in zip(copies, (b"mallory", b"trudy")):
        assert status == 200
        assert [key for key, _ in fields.items()] == [key for key, _ in real[0][1].items()]
        found = parts(body)
        assert found and found[1] == name
        # The cookie and the form say the same token, and the time is now.
        assert fields["Set-Cookie"] == f"csrf={found[2].decode()}; Path=/; HttpOnly"
        assert abs(int(found[3]) - time.time()) < 5
        assert took >= 0.14
        assert int(fields["Content-Length"]) == len(body)
    values = [parts(body)[2] for _, _, body, _ in real + copies]
    assert len(set(values)) == len(values)
    assert copies[0][1]["X-Trace"] != copies[1][1]["X-Trace"]
    # What the gate knows and the client does not.
    events = events_of(folder / "events.jsonl", 7)
    blocked = [event for event in events if event["blocked"]]
    assert {event["usr"]["login"] for event in blocked} == {"early", "mallory", "trudy"}
    assert gate.metric("loginward_mimicked_logins_total") == 2


def test_a_copy_ends_nothing_with_the_name_it_repeats(ruled, origin):
    origin.answer = service()
    gate = ruled(MIMIC)
    for name in ("alice", "robert", "carol"):
        attempt(gate, name)
    _, _, body, _ = attempt(gate, "%3Cscript%3E%22x", bot=True)
    assert b"<script" not in body and b'"&lt;' in body


def test_a_copy_is_coded_as_the_service_codes(ruled, origin):
    origin.answer = service(coded=True)
    gate = ruled(MIMIC)
    for name in ("alice", "robert", "carol"):
        attempt(gate, name, **{"Accept-Encoding": "gzip"})
    status, fields, body, _ = attempt(gate, "mallory", bot=True, **{"Accept-Encoding": "gzip"})
    assert status == 200 and fields["Content-Encoding"] == "gzip"
    assert parts(gzip.decompress(body))[1] == b"mallory"


def test_what_one_name_alone_was_told_is_not_learnt(ruled, origin):
    origin.answer = service()
    gate = ruled(MIMIC)
    for _ in range(5):
        attempt(gate, "alice")
    assert attempt(gate, "mallory", bot=True)[0] == 403


def test_the_detection_answers_as_the_service_does_too(gates, origin):
    origin.answer = service()
    gate = gates(
        origin=origin, service={"logins": LOGINS}, detection={"answer": "mimic"},
        client_address={"trusted_proxies": ["127.0.0.1"]})
    for number, name in enumerate(("alice", "robert", "carol")):
        attempt(gate, name, **{"X-Forwarded-For": f"198.51.100.{number}"})
    answers = [attempt(gate, "mallory", password=f"guess-{number}", **{"X-Forwarded-For": f"203.0.{number}.7"})
               for number in range(30)]
    assert gate.metric("loginward_mimicked_logins_total") > 10
    assert {(status, tuple(fields.keys())) for status, fields, _, _ in answers} == {(200, tuple(answers[0][1].keys()))}
    assert all(parts(body)[1] == b"mallory" for _, _, body, _ in answers)
    # Not even the right password looks like one.
    status, fields, body = gate.request("POST", "/login", body="username=mallory&password=right", headers={
        **FORM, "X-Forwarded-For": "203.0.200.7"})
    assert status == 200 and parts(body)[1] == b"mallory" and "sid=" not in fields["Set-Cookie"]
