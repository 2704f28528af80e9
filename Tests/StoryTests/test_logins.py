"""Every login gives exactly one event, which tells who tried and what came of it, and never the password."""
import os
import base64
import gzip
import json
import re
import socket
import ssl
import subprocess
import threading
import zlib

import pytest

from gate import events_of, read_all, read_until, wait_for
from origin import Origin, response

SECRET = "Tr0ub4dor-und-3"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


class Desk:
    """A gate with one login route and a file of events."""

    def __init__(self, gates, origin, route=None, match=None, **settings):
        logins = [{"name": "web", "match": match or {"method": "POST", "path": "/login"},
                   "user": {"login": "body.user"}, **(route or {})}]
        self.gate = gates(origin=origin, service={"logins": logins}, collectors=[
            {"name": "file", "type": "file", "path": "events.jsonl", "flush": "10ms"}], **settings)
        self.path = self.gate.folder / "events.jsonl"

    def try_login(self, user="ada", path="/login", body=None, headers=None, method="POST"):
        body = f"user={user}&password={SECRET}" if body is None else body
        return self.gate.request(method, path, body, {**FORM, **(headers or {})})

    def events(self, count=1):
        # Two loops hand their events over in turns.
        return sorted(events_of(self.path, count), key=lambda event: event["time"])

    def event(self, *words, **named):
        """The one event of one login."""
        before = self.path.read_text().count("\n") if self.path.exists() else 0
        self.try_login(*words, **named)
        events = self.events(before + 1)
        assert len(events) == before + 1
        return events[-1]

    def outcome(self, *words, **named):
        event = self.event(*words, **named)
        return "unknown" if event.get("tags", {}).get("outcome") == "unknown" else event["event"].rsplit(".", 1)[1]


# The name


def multipart(**fields):
    parts = "".join(f'--XyZ\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    return {"body": parts + "--XyZ--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=XyZ"}}


def basic(user):
    return {"headers": {"Authorization": "Basic " + base64.b64encode(f"{user}:{SECRET}".encode()).decode()}}


@pytest.mark.parametrize("source, request_parts, name", [
    ("body.user", {"body": f"password={SECRET}&user=ada%40example.org"}, "ada@example.org"),
    ("body.user", {"body": f"user=a+b%C3%A4&password={SECRET}"}, "a bä"),
    ("body.user", {"body": json.dumps({"user": "ada", "password": SECRET}), "headers": JSON}, "ada"),
    ("body.user.name", {"body": json.dumps({"user": {"name": 'q"uö\u2028'}, "password": SECRET}), "headers": JSON}, 'q"uö\u2028'),
    ("body.accounts.0.login", {"body": json.dumps({"accounts": [{"login": "first"}, {"login": "second"}]}),
                               "headers": {"Content-Type": "application/vnd.api+json"}}, "first"),
    ("body.id", {"body": '{"id": 4711}', "headers": JSON}, "4711"),
    ("body.user", multipart(password=SECRET, user="ada"), "ada"),
    ("body.user", {"body": gzip.compress(f"user=ada&password={SECRET}".encode()), "headers": {"Content-Encoding": "gzip"}}, "ada"),
    ("query.u", {"path": f"/login?x=1&u=ada%2Bx&pw={SECRET}"}, "ada+x"),
    ("header.x-login", {"headers": {"X-Login": "ada"}}, "ada"),
    ("basic", basic("ada"), "ada"),
    ("basic", basic("dom\\ada:l"), "dom\\ada"),
    ("body.user", {"body": f"user=&password={SECRET}"}, ""),
])
def test_the_typed_name_is_read_where_it_stands(gates, origin, source, request_parts, name):
    desk = Desk(gates, origin, {"user": {"login": source}})
    event = desk.event(**request_parts)
    assert event["usr"]["login"] == name
    assert origin.requests, "the login itself passes"


@pytest.mark.parametrize("source, request_parts", [
    ("body.user", {"body": "other=1"}),
    ("body.user", {"body": '{"user": null}', "headers": JSON}),
    ("body.user", {"body": "user=ada", "headers": {"Content-Type": "text/plain"}}),
    ("header.x-login", {}),
    ("basic", {"headers": {"Authorization": "Bearer abc"}}),
    ("basic", {"headers": {"Authorization": "Basic !!!"}}),
])
def test_a_login_without_a_name_is_an_event_without_one(gates, origin, source, request_parts):
    origin.answer = response(401)
    event = Desk(gates, origin, {"user": {"login": source}}).event(**request_parts)
    assert event["event"] == "users.login.failure" and "login" not in event.get("usr", {})


def test_a_chunked_login_is_read_whole(gates, origin):
    desk = Desk(gates, origin)
    body = f"user=ada&password={SECRET}".encode()
    chunks = b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in body) + b"0\r\n\r\n"
    desk.gate.send(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert desk.events()[0]["usr"]["login"] == "ada"
    assert origin.requests[0].body == body


def test_a_very_long_name_is_cut_and_says_so(gates, origin):
    event = Desk(gates, origin).event("x" * 5000)
    assert event["usr"]["login"] == "x" * 1024 and event["tags"]["usr.login_cut"] == "true"


def test_only_the_declared_requests_are_logins(gates, origin):
    desk = Desk(gates, origin)
    desk.try_login(method="PUT")
    desk.try_login(path="/login/help")
    desk.try_login(path="/Login")
    desk.gate.request(path="/login")
    desk.try_login("last")
    assert [event["usr"]["login"] for event in desk.events()] == ["last"]


@pytest.mark.parametrize("match, path", [
    ({"path": "/login"}, "/login?next=/"),
    ({"path": "/login"}, "/./a/../login"),
    ({"path": "/login"}, "/%6cogin"),
    ({"path_prefix": "/realms/"}, "/realms/x/login"),
    ({"path_regex": "^/realms/[a-z]+/login$"}, "/realms/abc/login"),
])
def test_a_route_matches_however_the_path_is_written(gates, origin, match, path):
    desk = Desk(gates, origin, match={"method": "POST", **match})
    assert desk.event(path=path)["route"] == "web"


# The outcome


@pytest.mark.parametrize("route, answer, outcome", [
    ({}, response(200), "success"),
    ({}, response(302), "success"),
    ({}, response(401), "failure"),
    ({}, response(403), "failure"),
    ({}, response(500), "unknown"),
    ({"success": {"status": 303}}, response(303), "success"),
    ({"success": {"status": 303}}, response(200), "failure"),
    ({"success": {"status": "2xx"}}, response(204, b""), "success"),
    ({"success": {"status": "200-299"}, "failure": {"status": [401]}}, response(404), "unknown"),
    ({"success": {"header": {"name": "Location", "regex": "^/home(/|$)"}}}, response(302, b"", "LOCATION: /home/x"), "success"),
    ({"success": {"header": {"name": "Location", "regex": "^/home(/|$)"}}}, response(302, b"", "Location: /login?error"), "failure"),
    ({"failure": {"header": {"name": "X-Failed"}}}, response(200, b"", "x-failed: 1"), "failure"),
    ({"failure": {"header": {"name": "X-Failed"}}}, response(200), "success"),
    ({"success": {"set_cookie": "session"}}, response(200, b"", "Set-Cookie: lang=de", "Set-Cookie: session=abc; HttpOnly"), "success"),
    ({"success": {"set_cookie": "session"}}, response(200, b"", "Set-Cookie: session=; Max-Age=0"), "failure"),
    ({"success": {"set_cookie": "session"}}, response(200, b"", "Set-Cookie: presession=1"), "failure"),
    ({"failure": {"body_contains": "wrong password"}}, response(200, b"<p>wrong wrong password</p>"), "failure"),
    ({"failure": {"body_contains": "wrong password"}}, response(200, b"<p>welcome</p>"), "success"),
    ({"failure": {"body_regex": "(?i)wrong|locked"}}, response(200, b"LOCKED"), "failure"),
    ({"success": {"json": {"path": "ok", "equals": "true"}}}, response(200, b'{"ok":true}', "Content-Type: application/json"), "success"),
    ({"success": {"json": {"path": "ok", "equals": "true"}}}, response(200, b'{"ok":false}', "Content-Type: application/json"), "failure"),
    ({"failure": {"json": {"path": "error.code"}}},
     response(200, b'{"error":{"code":7}}', "Content-Type: application/problem+json"), "failure"),
    ({"success": {"status": 200, "set_cookie": "s"}}, response(200), "failure"),
    ({"success": [{"status": 204}, {"set_cookie": "s"}]}, response(200, b"", "Set-Cookie: s=1"), "success"),
])
def test_the_answer_tells_the_outcome(gates, origin, route, answer, outcome):
    origin.answer = answer
    assert Desk(gates, origin, route).outcome() == outcome


def squeezed(coding, body):
    if coding == "gzip":
        return gzip.compress(body)
    if coding == "deflate":
        return zlib.compress(body)
    raw = zlib.compressobj(wbits=-15)
    return raw.compress(body) + raw.flush()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_squeezed_answer_is_read_and_passes_untouched(gates, origin, coding, chunked):
    origin_body = squeezed(coding, json.dumps({"error": {"code": "bad"}, "user": {"id": 42}, "fill": "x" * 3000}).encode())
    fields = ["Content-Type: application/json", f"Content-Encoding: {coding.split()[-1]}"]
    if chunked:
        head = "\r\n".join(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *fields]).encode()
        pieces = b"".join(b"%x\r\n" % len(part) + part + b"\r\n" for part in (origin_body[:7], origin_body[7:]))
        origin.answer = head + b"\r\n\r\n" + pieces + b"0\r\n\r\n"
    else:
        origin.answer = response(200, origin_body, *fields)
    desk = Desk(gates, origin, {"failure": {"json": {"path": "error.code", "equals": "bad"}}, "user_id": "response.body.user.id"})
    status, headers, body = desk.try_login()
    assert body == origin_body
    event = desk.events()[0]
    assert event["event"] == "users.login.failure" and event["usr"]["id"] == "42"


@pytest.mark.skipif("LOGINWARD_SANITIZER" in os.environ, reason="a sanitizer keeps memory of its own")
def test_a_squeezed_bomb_is_bounded_and_counted(gates, origin):
    bomb = gzip.compress(b"x" * (64 << 20))
    origin.answer = response(200, bomb, "Content-Encoding: gzip")
    desk = Desk(gates, origin, {"failure": {"body_contains": "never"}})
    before = desk.gate.metric("process_resident_memory_bytes")
    assert desk.try_login()[2] == bomb
    desk.events()
    assert desk.gate.metric("loginward_uninspected_bodies_total") == 1
    assert desk.gate.metric("process_resident_memory_bytes") - before < 24 << 20


@pytest.mark.parametrize("body, fields", [
    (b"not gzip at all", ["Content-Encoding: gzip"]),
    (b"{broken", ["Content-Type: application/json"]),
    (b"anything", ["Content-Encoding: br"]),
])
def test_an_answer_that_cannot_be_read_passes_and_leaves_the_outcome_to_the_rest(gates, origin, body, fields):
    origin.answer = response(200, body, *fields)
    desk = Desk(gates, origin, {"success": {"json": {"path": "ok"}}, "failure": {"status": 401}})
    assert desk.try_login()[2] == body
    assert desk.events()[0]["tags"]["outcome"] == "unknown"


@pytest.mark.parametrize("exists, answer, expected", [
    ({"false_when": {"body_contains": "no such user"}}, response(401, b"no such user"), False),
    ({"false_when": {"body_contains": "no such user"}}, response(401, b"wrong password"), True),
    ({"true_when": {"header": {"name": "X-Known"}}}, response(401, b"", "X-Known: 1"), True),
    ({"true_when": {"header": {"name": "X-Known"}}}, response(401), None),
    (None, response(401), None),
    (None, response(200), True),
])
def test_whether_the_user_exists(gates, origin, exists, answer, expected):
    origin.answer = answer
    event = Desk(gates, origin, {"exists": exists} if exists else {}).event()
    assert event["usr"].get("exists") is expected


@pytest.mark.parametrize("source, answer, identifier", [
    ("response.header.x-user-id", response(200, b"", "X-User-ID: u-1"), "u-1"),
    ("response.body.data.id", response(200, b'{"data":{"id":"u-2"}}', "Content-Type: application/json"), "u-2"),
    ("response.cookie.uid", response(200, b"", "Set-Cookie: s=1", "Set-Cookie: uid=u-3; Path=/"), "u-3"),
    ("response.header.x-user-id", response(200), None),
])
def test_the_users_id_is_read_off_the_answer(gates, origin, source, answer, identifier):
    origin.answer = answer
    assert Desk(gates, origin, {"user_id": source}).event()["usr"].get("id") == identifier


# One exchange, one event


def test_pipelined_logins_give_one_event_each_in_order(gates, origin):
    desk = Desk(gates, origin)
    bodies = [f"user=u{number}&password={SECRET}".encode() for number in range(10)]
    desk.gate.send(b"".join(
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body) for body in bodies))
    events = desk.events(10)
    assert [event["usr"]["login"] for event in events] == [f"u{number}" for number in range(10)]
    assert len({event["id"] for event in events}) == 10


def test_a_blocked_attempt_is_an_event(gates, origin, folder):
    rules = folder / "rules.yaml"
    rules.write_text(json.dumps({"rules": [
        {"id": "no-root", "name": "n", "tags": {"type": "attack_tool"}, "when": [{"usr.login": {"equals": "root"}}],
         "then": {"action": "block"}},
        {"id": "watch", "name": "w", "mode": "monitor", "tags": {"type": "watched"}, "when": [{"usr.login": {"equals": "eve"}}],
         "then": {"action": "block"}}]}))
    denylist = folder / "denylist.txt"
    denylist.write_text("usr.login=mallory - seen before\n")
    desk = Desk(gates, origin, rules={"files": [str(rules)]}, denylist={"files": [str(denylist)]})
    by_rule = desk.event("root")
    assert (by_rule["blocked"], by_rule["verdict"]["action"], by_rule["verdict"]["rule"]) == (True, "block", "no-root")
    assert by_rule["tags"]["type"] == "attack_tool" and by_rule["http"]["status_code"] == 403
    assert by_rule["event"] == "users.login.failure"
    by_list = desk.event("mallory")
    assert by_list["blocked"] is True and "denylist" in by_list["verdict"]["reason"]
    assert origin.requests == []
    watched = desk.event("eve")
    assert (watched["blocked"], watched["verdict"]["action"], watched["verdict"]["rule"]) == (False, "monitor", "watch")
    assert watched["event"] == "users.login.success"
    assert desk.gate.metric("loginward_login_events_total", outcome="blocked") == 2


def test_an_upstream_that_fails_is_an_event(gates, origin):
    desk = Desk(gates, origin)
    origin.close()
    event = desk.event()
    assert (event["http"]["status_code"], event["verdict"]["action"], event["blocked"]) == (502, "fail", False)
    assert event["usr"]["login"] == "ada" and event["tags"]["outcome"] == "unknown"


def test_an_answer_that_breaks_off_is_one_event(gates, origin):
    def answer(request, client):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        return None

    origin.answer = answer
    desk = Desk(gates, origin)
    with desk.gate.connect() as client:
        client.sendall(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                       b"Content-Length: 8\r\n\r\nuser=ada")
        assert len(read_all(client)) < 1000
    origin.answer = response(200)
    desk.try_login("next")
    events = desk.events(2)
    assert [event["usr"]["login"] for event in events] == ["ada", "next"]


def test_a_client_that_goes_away_is_an_event(gates, origin):
    release = threading.Event()
    origin.answer = lambda request, _: release.wait(10) and response(200)
    desk = Desk(gates, origin)
    client = desk.gate.connect()
    client.sendall(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                   b"Content-Length: 8\r\n\r\nuser=ada")
    wait_for(lambda: origin.requests)
    # A reset, not a half-close: nobody waits for the answer any more.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    event = desk.events()[0]
    release.set()
    assert event["usr"]["login"] == "ada" and "status_code" not in event["http"]
    desk.try_login("next")
    assert [event["usr"]["login"] for event in desk.events(2)] == ["ada", "next"]


def test_a_client_that_goes_away_before_its_body_is_there_is_an_event(gates, origin):
    desk = Desk(gates, origin)
    desk.gate.send(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                   b"Content-Length: 100\r\n\r\nuser=ada")
    event = desk.events()[0]
    assert event["event"] == "users.login.failure" and event["blocked"] is False
    assert origin.requests == []


def test_a_body_that_is_refused_is_an_event(gates, origin):
    desk = Desk(gates, origin, limits={"body_inspected": "1KiB"})
    event = desk.event(body="user=ada&fill=" + "x" * 5000)
    assert event["http"]["status_code"] == 413 and event["verdict"]["action"] == "refuse"
    assert origin.requests == []


def test_early_hints_do_not_double_an_event(gates, origin):
    origin.answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response(200)
    desk = Desk(gates, origin)
    desk.gate.send(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                   b"Content-Length: 8\r\n\r\nuser=ada")
    desk.try_login("next")
    assert [event["usr"]["login"] for event in desk.events(2)] == ["ada", "next"]


@pytest.mark.parametrize("source, parts", [("header.x-login", {"headers": {"X-Login": "mallory"}}), ("basic", basic("mallory"))])
@pytest.mark.parametrize("body", ["", "x=1"])
def test_a_name_in_the_head_is_denied_and_allowed_as_one_in_the_body(gates, origin, folder, source, parts, body):
    denylist = folder / "denylist.txt"
    denylist.write_text("usr.login=mallory\n")
    desk = Desk(gates, origin, {"user": {"login": source}}, denylist={"files": [str(denylist)]})
    event = desk.event(body=body, **parts)
    assert event["blocked"] is True and event["usr"]["login"] == "mallory" and origin.requests == []
    denylist.write_text("127.0.0.1\n")
    desk.gate.reload()
    event = desk.event(body=body, **parts)
    assert event["blocked"] is True and event["usr"]["login"] == "mallory"
    denylist.write_text("127.0.0.1\nusr.login=mallory\n")
    allowlist = folder / "allowlist.txt"
    allowlist.write_text("127.0.0.1\n")
    desk.gate.configuration["allowlist"] = {"files": [str(allowlist)]}
    desk.gate.write()
    desk.gate.reload()
    assert desk.event(body=body, **parts)["blocked"] is False


# The event


def test_every_field_of_the_native_event(gates, folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=sso.example", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    with Origin(response(200, b"", "X-User: u-1")) as origin:
        desk = Desk(gates, origin, {"user_id": "response.header.x-user"}, client_address={"trusted_proxies": ["127.0.0.1"]},
                    listener={"tls": {"certificates": [{"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}]}})
        context = ssl._create_unverified_context()
        body = f"user=ada&password={SECRET}".encode()
        with socket.create_connection(("127.0.0.1", desk.gate.port), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname="sso.example") as client:
                client.sendall(
                    b"POST /login?next=home HTTP/1.1\r\nHost: sso.example\r\nUser-Agent: story/1\r\nX-Forwarded-For: 203.0.113.7\r\n"
                    b"X-Request-ID: rid-7\r\nContent-Type: application/x-www-form-urlencoded\r\nCookie: sid=abc\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                read_until(client, b"\r\n\r\n")
                version, cipher = client.version(), client.cipher()[0]
        event = desk.events()[0]
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", event.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event.pop("time"))
    assert event.pop("duration_ms") > 0
    prints = event.pop("fingerprint")
    assert set(prints) == {"http", "header", "network", "session", "client"}
    assert all(re.fullmatch(r"(http|hdr|net|ssn|cli)-[0-9A-Za-z-]+", value) for value in prints.values()), prints
    tls = event.pop("tls")
    # The number by which signals of attacks name it.
    assert re.fullmatch(r"[0-9]+", event.pop("tags")["attempt"])
    assert event == {
        "event": "users.login.success", "service": "sso", "route": "web", "blocked": False, "request_id": "rid-7",
        "usr": {"login": "ada", "id": "u-1", "exists": True}, "verdict": {"action": "allow"},
        "http": {
            "client_ip": "203.0.113.7", "peer_ip": "127.0.0.1", "method": "POST", "path": "/login", "host": "sso.example",
            "version": "1.1", "status_code": 200, "user_agent": "story/1",
            "header_names": ["Host", "User-Agent", "X-Forwarded-For", "X-Request-ID", "Content-Type", "Cookie", "Content-Length"]}}
    assert tls == {"version": version, "cipher": cipher, "server_name": "sso.example"} and version == "TLSv1.3"


def test_the_password_is_nowhere(gates, origin, folder):
    rules = folder / "rules.yaml"
    rules.write_text(json.dumps({"rules": [
        {"id": "bad", "name": "n", "when": [{"request.body.text": {"contains": "evil"}}], "then": {"action": "block"}}]}))
    desk = Desk(gates, origin, rules={"files": [str(rules)]}, archive={}, limits={"body_inspected": "64KiB"})
    secret_body = f"user=ada&password={SECRET}"
    desk.try_login()
    desk.try_login(body=json.dumps({"user": "ada", "password": SECRET}), headers=JSON)
    desk.try_login(body='{"user": "ada", "password": "' + SECRET + '"', headers=JSON)
    desk.try_login(**multipart(user="ada", password=SECRET))
    desk.try_login(path=f"/login?password={SECRET}")
    desk.try_login(**basic("ada"))
    desk.try_login(body=secret_body + "&x=evil")
    desk.try_login(body=secret_body + "&fill=" + "x" * 70_000)
    desk.gate.send(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\n" + secret_body.encode())
    desk.gate.send(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n" + secret_body.encode())
    origin.close()
    desk.try_login()
    desk.events(9)
    desk.gate.accesses(10)
    admin = "".join(desk.gate.admin(path)[1] for path in ("/metrics", "/status", "/api/v1/events?limit=100"))
    assert desk.gate.stop() == 0
    token = basic("ada")["headers"]["Authorization"].split()[1]
    for path in desk.gate.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert SECRET.encode() not in content and token.encode() not in content, path
    assert SECRET not in "".join(desk.gate.lines) and token not in "".join(desk.gate.lines) and SECRET not in admin
