"""Whoever is denied loses the sessions that he has, without the application's help."""
import json
import os
import re
import stat

import pytest

from gate import command, events_of, wait_for
from origin import response

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = "Content-Type: application/json"
LOGINS = [
    {"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.username"},
     "success": {"status": 302}, "user_id": "response.header.x-user-id"},
    {"name": "api", "match": {"method": "POST", "path": "/token"}, "user": {"login": "body.username"},
     "success": {"status": 200}, "failure": {"status": 401}},
]


def name_in(request):
    found = re.search(rb"username=(\w+)", request.body)
    return found[1].decode() if found else ""


def application(request, _):
    """Cookies for browsers, tokens for programs; a balancer that gives everybody the same cookie."""
    name = name_in(request)
    if " /login " in request.line:
        if b"wrong" in request.body:
            return response(200, b"no", "Set-Cookie: sid=failed-0123456789abcdef")
        return response(
            302, b"", f"Set-Cookie: sid={name}-0123456789abcdef; HttpOnly", f"X-User-Id: id-{name}",
            "Set-Cookie: node=server-0000000000000001", "Set-Cookie: short=1", "Location: /")
    if " /token " in request.line:
        return response(200, json.dumps({"data": {"access_token": f"bearer-{name}-0123456789", "n": 1}}).encode(), JSON)
    if " /rolling " in request.line:
        return response(200, b"ok", "Set-Cookie: sid=rolled-0123456789abcdef")
    return response(200, b"ok")


@pytest.fixture
def gate(gates, origin, folder):
    origin.answer = application
    return gates(
        origin=origin, service={"logins": LOGINS}, detection={"enabled": False},
        collectors=[{"name": "events", "type": "file", "path": str(folder / "events.jsonl")}])


def login(gate, name, path="/login", password="x"):
    return gate.request("POST", path, body=f"username={name}&password={password}", headers=FORM)


def order(gate, *words):
    status, out, err = command(*words, "--admin", f"unix:{gate.admin_path}")
    assert status == 0, out + err


def with_cookie(gate, value, path="/"):
    return gate.request(path=path, headers={"Cookie": f"theme=dark; sid={value}; node=server-0000000000000001"})[0]


def with_bearer(gate, value):
    return gate.request(headers={"Authorization": f"Bearer {value}"})[0]


def test_a_denied_user_loses_cookie_and_token_and_gets_them_back(gate):
    for name in ("alice", "bob"):
        assert login(gate, name)[0] == 302
        assert login(gate, name, "/token")[0] == 200
    assert with_cookie(gate, "alice-0123456789abcdef") == 200
    order(gate, "deny", "add", "usr.login=alice", "--reason", "taken over")
    assert with_cookie(gate, "alice-0123456789abcdef") == 403
    assert with_bearer(gate, "bearer-alice-0123456789") == 403
    assert login(gate, "alice")[0] == 403
    # What the balancer gave to both is nobody's; bob has his own.
    assert with_cookie(gate, "bob-0123456789abcdef") == 200
    assert with_bearer(gate, "bearer-bob-0123456789") == 200
    assert gate.request(headers={"Cookie": "short=1"})[0] == 200
    line = wait_for(lambda: [line for line in gate.accesses(6) if line["status"] == 403])[0]
    assert line["verdict"] == "block"
    order(gate, "deny", "rm", "usr.login=alice")
    assert with_cookie(gate, "alice-0123456789abcdef") == 200


def test_the_id_that_the_service_tells_is_a_name_as_well_and_the_allowlist_wins(gate):
    login(gate, "alice")
    order(gate, "deny", "add", "usr.id=id-alice")
    assert with_cookie(gate, "alice-0123456789abcdef") == 403
    order(gate, "allow", "add", "usr.login=alice")
    assert with_cookie(gate, "alice-0123456789abcdef") == 200


def test_a_failed_login_gives_nobody_a_session(gate):
    login(gate, "alice", password="wrong")
    order(gate, "deny", "add", "usr.login=alice")
    assert with_cookie(gate, "failed-0123456789abcdef") == 200


def test_a_cookie_that_is_given_anew_is_the_same_users(gate):
    login(gate, "alice")
    assert with_cookie(gate, "alice-0123456789abcdef", "/rolling") == 200
    order(gate, "deny", "add", "usr.login=alice")
    assert with_cookie(gate, "rolled-0123456789abcdef") == 403


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_sessions_are_known_after_a_restart_and_their_file_holds_no_token(gate, end):
    login(gate, "alice")
    login(gate, "bob", "/token")
    path = gate.folder / "state" / "sessions.journal"
    wait_for(lambda: path.exists() and b"bob" in path.read_bytes())
    getattr(gate, end)()
    # The power went while something was written.
    with path.open("ab") as file:
        file.write(b"\x1e\xffLW torn")
    assert b"0123456789" not in path.read_bytes()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    gate.ports.clear()
    gate.lines.clear()
    gate.start()
    assert gate.logged("no record")
    order(gate, "deny", "add", "usr.login=alice")
    assert with_cookie(gate, "alice-0123456789abcdef") == 403
    order(gate, "deny", "add", "usr.login=bob")
    assert with_bearer(gate, "bearer-bob-0123456789") == 403
    # What comes after the damage is kept, too.
    login(gate, "carol")
    wait_for(lambda: b"carol" in path.read_bytes())


def test_a_route_may_say_where_its_tokens_stand(gates, origin):
    """Also where the service keeps the session that began before the login."""
    origin.answer = lambda request, _: response(
        200, b"ok", *(["X-Ticket: ticket-0123456789abcdef", "Set-Cookie: other=other-0123456789abcdef"]
                      if "POST" in request.line else []))
    gate = gates(origin=origin, detection={"enabled": False}, service={"logins": [{
        "name": "web", "match": {"path": "/login"}, "user": {"login": "body.username"}, "success": {"status": 200},
        "session": ["cookie.PHPSESSID", "header.x-ticket"]}]})
    assert gate.request("POST", "/login", body="username=alice", headers={
        **FORM, "Cookie": "PHPSESSID=before-0123456789abcdef"})[0] == 200
    order(gate, "deny", "add", "usr.login=alice")
    assert gate.request(headers={"Cookie": "PHPSESSID=before-0123456789abcdef"})[0] == 403
    assert gate.request(headers={"X-Ticket": "ticket-0123456789abcdef"})[0] == 403
    assert gate.request(headers={"Cookie": "other=other-0123456789abcdef"})[0] == 200


def test_sessions_need_not_be_remembered(gates, origin):
    origin.answer = application
    gate = gates(origin=origin, service={"logins": LOGINS}, sessions={"enabled": False})
    login(gate, "alice")
    order(gate, "deny", "add", "usr.login=alice")
    assert with_cookie(gate, "alice-0123456789abcdef") == 200
