"""Logins are recognised: by presets, by themselves, by what the application says; and what is seen of them is judged."""
import base64
import json
import time
from urllib.parse import urlencode

import pytest

from gate import command, events_of, free_port, wait_for
from origin import Origin, response

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
BROWSER = {"User-Agent": "Mozilla/5.0", "Accept-Encoding": "gzip", "Accept-Language": "en"}


class Desk:
    """A gate with a file collector in front of a scripted origin."""

    def __init__(self, gates, folder, origin, logins=None, **settings):
        self.path = folder / "events.jsonl"
        service = {"logins": logins} if logins else {}
        self.gate = gates(
            origin=origin, service={**service, **settings.pop("service", {})},
            collectors=[{"name": "events", "type": "file", "path": str(self.path), "flush": "50ms"}],
            # What is tried here looks like an attack, and is none.
            **{"detection": {"response": "monitor"}, **settings})

    def post(self, path, fields, headers=None):
        kind = {**FORM, **(headers or {})}
        body = json.dumps(fields) if kind["Content-Type"] == "application/json" else urlencode(fields)
        return self.gate.request("POST", path, body, kind)

    def events(self, count):
        # Each loop hands its events on by itself: only the time tells the order.
        return sorted(events_of(self.path, count), key=lambda event: (event["time"], event["id"]))


def token(**claims):
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJub25lIn0.{part}.c2ln"


# Presets: request and answer as the products write them, and the event that must come of it.
def keycloak():
    form = "/realms/shop/login-actions/authenticate?session_code=s&execution=e&client_id=c&tab_id=t"
    grant = {"grant_type": "password", "client_id": "c", "username": "ada", "password": "x"}
    page = b'<form id="kc-form-login" method="post"><input name="password" type="password"></form>'
    yield form, {"username": "ada", "password": "x", "credentialId": ""}, FORM, response(
        302, b"", "Location: https://app.example/cb?state=1&code=2", "Set-Cookie: KEYCLOAK_IDENTITY=ey; Path=/realms/shop/"
    ), ("users.login.success", "keycloak", "ada", True, None)
    yield form, {"username": "ada", "password": "x"}, FORM, response(
        200, page + b'<span id="input-error">Invalid username or password.</span>', "Content-Type: text/html"
    ), ("users.login.failure", "keycloak", "ada", None, None)
    yield form, {"username": "ada", "password": "x"}, FORM, response(
        200, b'<form id="kc-otp-login-form"><input id="otp" name="otp"></form>', "Content-Type: text/html"
    ), ("users.mfa.challenge", "keycloak", "ada", True, None)
    yield form, {"username": "ada", "password": "x"}, FORM, response(
        200, page + b"Account is temporarily disabled; contact your administrator or retry later.", "Content-Type: text/html"
    ), ("users.lockout", "keycloak", "ada", None, None)
    yield form, {"otp": "123456"}, FORM, response(302, b"", "Location: https://app.example/cb?code=2"), (
        "users.mfa.success", "keycloak-otp", None, True, None)
    place = "/realms/shop/protocol/openid-connect/token"
    yield place, grant, FORM, response(200, json.dumps({"access_token": token(sub="u-7"), "expires_in": 60}).encode(),
                                       "Content-Type: application/json"), (
        "users.login.success", "keycloak-token", "ada", True, "u-7")
    yield place, grant, FORM, response(401, b'{"error":"invalid_grant","error_description":"Invalid user credentials"}',
                                       "Content-Type: application/json"), (
        "users.login.failure", "keycloak-token", "ada", None, None)
    yield place, {"grant_type": "refresh_token", "refresh_token": "r"}, FORM, response(200, b"{}", "Content-Type: application/json"), None
    yield "/realms/shop/login-actions/reset-credentials?x=1", {"username": "ada"}, FORM, response(302, b"", "Location: /x"), (
        "users.password_reset", "keycloak-reset", "ada", None, None)
    yield "/realms/shop/login-actions/registration?x=1", {"username": "bob", "email": "b@x"}, FORM, response(302, b"", "Location: /x"), (
        "users.signup", "keycloak-signup", "bob", None, None)


def kratos():
    place = "/self-service/login?flow=1f"
    body = {"method": "password", "identifier": "ada@x", "password": "x", "csrf_token": "t"}
    yield place, body, JSON, response(200, b'{"session":{"id":"s","identity":{"id":"u-1"}},"session_token":"ory_st"}',
                                      "Content-Type: application/json"), ("users.login.success", "kratos", "ada@x", True, "u-1")
    yield place, body, JSON, response(400, b'{"id":"1f","ui":{"messages":[{"id":4000006,"type":"error"}]}}', "Content-Type: application/json"), (
        "users.login.failure", "kratos", "ada@x", True, None)
    yield place, body, FORM, response(303, b"", "Location: https://login.example/ui?flow=1f"), (
        "users.login.failure", "kratos", "ada@x", True, None)
    yield place, body, FORM, response(303, b"", "Location: https://app.example/", "Set-Cookie: ory_kratos_session=MT; Path=/"), (
        "users.login.success", "kratos", "ada@x", True, None)
    yield place, {"method": "totp", "totp_code": "1"}, JSON, response(400, b'{"id":"1f"}', "Content-Type: application/json"), (
        "users.mfa.failure", "kratos-second-factor", None, None, None)


def authentik():
    place = "/api/v3/flows/executor/default-authentication-flow/?query="
    yield place, {"component": "ak-stage-identification", "uid_field": "ada", "password": "x"}, JSON, response(
        200, b'{"component":"ak-stage-identification","response_errors":{"non_field_errors":[{"string":"Failed","code":"invalid"}]}}',
        "Content-Type: application/json"), ("users.login.failure", "authentik", "ada", None, None)
    yield place, {"component": "ak-stage-password", "password": "x"}, JSON, response(
        200, b'{"component":"ak-stage-password","pending_user":"ada","response_errors":{"password":[{"string":"Invalid password"}]}}',
        "Content-Type: application/json"), ("users.login.failure", "authentik-password", "ada", None, None)
    yield place, {"component": "ak-stage-password", "password": "x"}, JSON, response(302, b"", "Location: " + place), (
        "users.login.success", "authentik-password", None, True, None)


def zitadel():
    check = {"checks": {"user": {"loginName": "ada"}, "password": {"password": "x"}}}
    yield "/v2/sessions", check, JSON, response(201, b'{"sessionId":"1","sessionToken":"t"}', "Content-Type: application/json"), (
        "users.login.success", "zitadel", "ada", True, None)
    yield "/v2/sessions", check, JSON, response(404, b'{"code":5,"message":"User could not be found"}', "Content-Type: application/json"), (
        "users.login.failure", "zitadel", "ada", False, None)
    yield "/v2/sessions", check, JSON, response(400, b'{"code":3,"message":"Password is invalid"}', "Content-Type: application/json"), (
        "users.login.failure", "zitadel", "ada", True, None)
    yield "/ui/login/password", {"loginName": "ada", "password": "x"}, FORM, response(200, b"<form>", "Content-Type: text/html"), (
        "users.login.failure", "zitadel-hosted", "ada", None, None)


def dex():
    yield "/auth/local/login?back=&state=s", {"login": "ada@x", "password": "x"}, FORM, response(303, b"", "Location: /approval?req=s"), (
        "users.login.success", "dex", "ada@x", True, None)
    yield "/auth/local/login?back=&state=s", {"login": "ada@x", "password": "x"}, FORM, response(401, b"<div id=login-error>"), (
        "users.login.failure", "dex", "ada@x", None, None)


def spring_security():
    body = {"username": "ada", "password": "x", "_csrf": "t"}
    yield "/login", body, FORM, response(302, b"", "Location: http://a/", "Set-Cookie: JSESSIONID=2; Path=/"), (
        "users.login.success", "spring-security", "ada", True, None)
    yield "/login", body, FORM, response(302, b"", "Location: http://a/login?error"), (
        "users.login.failure", "spring-security", "ada", None, None)


def aspnet_identity():
    place, body = "/Identity/Account/Login", {"Input.Email": "ada@x", "Input.Password": "x", "Input.RememberMe": "false"}
    yield place, body, FORM, response(302, b"", "Location: /", "Set-Cookie: .AspNetCore.Identity.Application=CfDJ8; path=/"), (
        "users.login.success", "aspnet-identity", "ada@x", True, None)
    yield place, body, FORM, response(200, b"Invalid login attempt."), ("users.login.failure", "aspnet-identity", "ada@x", None, None)
    yield place, body, FORM, response(302, b"", "Location: /Identity/Account/LoginWith2fa?ReturnUrl=%2F"), (
        "users.mfa.challenge", "aspnet-identity", "ada@x", True, None)
    yield place, body, FORM, response(302, b"", "Location: /Identity/Account/Lockout"), (
        "users.lockout", "aspnet-identity", "ada@x", None, None)
    yield "/login?useCookies=false", {"email": "ada@x", "password": "x"}, JSON, response(
        401, b'{"title":"Unauthorized","status":401,"detail":"LockedOut"}', "Content-Type: application/problem+json"), (
        "users.lockout", "aspnet-identity-api", "ada@x", None, None)


def django():
    body = {"username": "ada", "password": "x", "csrfmiddlewaretoken": "t"}
    yield "/accounts/login/", body, FORM, response(302, b"", "Location: /", "Set-Cookie: sessionid=abc; Path=/"), (
        "users.login.success", "django", "ada", True, None)
    yield "/admin/login/?next=/admin/", body, FORM, response(200, b"<p class=errornote>"), ("users.login.failure", "django", "ada", None, None)


def devise():
    body = {"user[email]": "ada@x", "user[password]": "x"}
    yield "/users/sign_in", body, FORM, response(303, b"", "Location: /"), ("users.login.success", "devise", "ada@x", True, None)
    yield "/users/sign_in", body, FORM, response(422, b"Invalid Email or password."), ("users.login.failure", "devise", "ada@x", None, None)
    yield "/users/sign_in", body, FORM, response(422, b"Your account is locked."), ("users.lockout", "devise", "ada@x", None, None)
    yield "/users/password", {"user[email]": "ada@x"}, FORM, response(303, b"", "Location: /"), (
        "users.password_reset", "devise-reset", "ada@x", None, None)


def laravel():
    body = {"email": "ada@x", "password": "x", "_token": "t"}
    yield "/login", body, FORM, response(302, b"", "Location: http://a/dashboard"), ("users.login.success", "laravel", "ada@x", True, None)
    yield "/login", body, FORM, response(302, b"", "Location: http://a/login"), ("users.login.failure", "laravel", "ada@x", None, None)
    yield "/login", body, FORM, response(302, b"", "Location: http://a/two-factor-challenge"), (
        "users.mfa.challenge", "laravel", "ada@x", True, None)
    yield "/login", body, JSON, response(422, b'{"message":"These credentials do not match our records."}', "Content-Type: application/json"), (
        "users.login.failure", "laravel", "ada@x", None, None)


def wordpress():
    body = {"log": "ada", "pwd": "x", "wp-submit": "Log In"}
    yield "/wp-login.php", body, FORM, response(
        302, b"", "Location: http://a/wp-admin/", "Set-Cookie: wordpress_test_cookie=W; path=/",
        "Set-Cookie: wordpress_logged_in_0123456789abcdef=ada%7C1; path=/; HttpOnly"), ("users.login.success", "wordpress", "ada", True, None)
    yield "/wp-login.php", body, FORM, response(200, b'<div id="login_error">The password you entered for the username <b>ada</b> is incorrect.'), (
        "users.login.failure", "wordpress", "ada", True, None)
    yield "/wp-login.php", body, FORM, response(200, b'<div id="login_error">The username <b>ada</b> is not registered on this site.'), (
        "users.login.failure", "wordpress", "ada", False, None)
    yield "/wp-login.php?action=lostpassword", {"user_login": "ada"}, FORM, response(302, b"", "Location: /wp-login.php?checkemail=confirm"), (
        "users.password_reset", "wordpress-reset", "ada", None, None)
    yield "/wp-login.php?action=postpass", {"post_password": "x"}, FORM, response(302, b"", "Location: /"), None


def nextcloud():
    body = {"user": "ada", "password": "x", "requesttoken": "t"}
    yield "/index.php/login", body, FORM, response(303, b"", "Location: /index.php/apps/dashboard/"), (
        "users.login.success", "nextcloud", "ada", True, None)
    yield "/login", body, FORM, response(303, b"", "Location: /login?user=ada&direct=1"), ("users.login.failure", "nextcloud", "ada", None, None)
    yield "/login", body, FORM, response(303, b"", "Location: /login/selectchallenge"), ("users.mfa.challenge", "nextcloud", "ada", True, None)


def gitlab():
    body = {"user[login]": "ada", "user[password]": "x"}
    yield "/users/sign_in", body, FORM, response(302, b"", "Location: http://a/"), ("users.login.success", "gitlab", "ada", True, None)
    yield "/users/sign_in", body, FORM, response(422, b"Invalid login or password."), ("users.login.failure", "gitlab", "ada", None, None)
    yield "/users/sign_in", {"user[otp_attempt]": "1"}, FORM, response(302, b"", "Location: http://a/"), (
        "users.mfa.success", "gitlab-otp", None, True, None)
    yield "/oauth/token", {"grant_type": "password", "username": "ada", "password": "x"}, FORM, response(
        400, b'{"error":"invalid_grant"}', "Content-Type: application/json"), ("users.login.failure", "gitlab-token", "ada", None, None)


def supabase():
    place, body = "/auth/v1/token?grant_type=password", {"email": "ada@x", "password": "x"}
    yield place, body, JSON, response(200, b'{"access_token":"a","user":{"id":"u-3"}}', "Content-Type: application/json"), (
        "users.login.success", "supabase", "ada@x", True, "u-3")
    yield place, body, JSON, response(400, b'{"code":400,"error_code":"invalid_credentials"}', "Content-Type: application/json"), (
        "users.login.failure", "supabase", "ada@x", None, None)
    yield "/auth/v1/signup", body, JSON, response(200, b'{"access_token":"a","user":{"id":"u-4"}}', "Content-Type: application/json"), (
        "users.signup", "supabase-signup", "ada@x", None, "u-4")


def oauth2():
    grant = {"grant_type": "password", "username": "ada", "password": "x"}
    yield "/oauth2/token", grant, FORM, response(200, json.dumps({"access_token": token(sub="u-9")}).encode(), "Content-Type: application/json"), (
        "users.login.success", "oauth2", "ada", True, "u-9")
    yield "/oauth2/token", grant, FORM, response(400, b'{"error":"invalid_grant"}', "Content-Type: application/json"), (
        "users.login.failure", "oauth2", "ada", None, None)
    yield "/oauth2/token", {"grant_type": "client_credentials"}, FORM, response(200, b"{}", "Content-Type: application/json"), None


def basic():
    header = {"Authorization": "Basic " + base64.b64encode(b"ada:x").decode(), **FORM}
    yield "/dav/", {"a": "1"}, header, response(401, b"", 'WWW-Authenticate: Basic realm="x"'), ("users.login.failure", "basic", "ada", None, None)
    yield "/dav/", {"a": "1"}, header, response(200, b"ok"), ("users.login.success", "basic", "ada", True, None)
    yield "/dav/", {"a": "1"}, FORM, response(401, b""), None


PRESETS = [keycloak, kratos, authentik, zitadel, dex, spring_security, aspnet_identity, django, devise, laravel, wordpress, nextcloud,
           gitlab, supabase, oauth2, basic]


@pytest.mark.parametrize("cases", PRESETS, ids=lambda cases: cases.__name__)
def test_a_preset_reads_the_product(gates, folder, cases):
    preset = cases.__name__.replace("_", "-")
    with Origin() as origin:
        desk = Desk(gates, folder, origin, [{"preset": preset}])
        expected = []
        for path, fields, headers, answer, event in cases():
            origin.answer = answer
            desk.post(path, fields, headers)
            if event:
                expected.append(event)
        found = [(event["event"], event["route"], event.get("usr", {}).get("login"), event.get("usr", {}).get("exists"),
                  event.get("usr", {}).get("id")) for event in desk.events(len(expected))]
    assert sorted(map(str, found)) == sorted(map(str, expected))


def test_an_entry_overrides_a_preset_and_a_wrong_name_is_told(gates, folder):
    with Origin(response(302, b"", "Location: /", "Set-Cookie: shop=1; Path=/")) as origin:
        desk = Desk(gates, folder, origin, [{
            "name": "shop", "preset": "django", "success": {"status": 302, "set_cookie": "shop"}, "user_id": "response.header.x-user"}])
        desk.post("/accounts/login/", {"username": "ada", "password": "x"})
        event = desk.events(1)[0]
        assert (event["event"], event["route"]) == ("users.login.success", "shop")
        desk.gate.configuration["services"][0]["logins"] = [{"preset": "djagno"}]
        desk.gate.write()
        status, _, errors = command("check", desk.gate.path)
        assert status == 78 and 'unknown preset "djagno"' in errors and 'did you mean "django"?' in errors, errors


# Found by themselves


class Shop:
    """An application with a login that nobody declared: a failure is the form again, with 200; a success sets a session and leaves."""

    def __init__(self):
        self.broken = False

    def __call__(self, request, _):
        path = request.line.split()[1]
        if not path.startswith("/account/enter"):
            return response(404, b"")
        good = b"password=right" in request.body or self.broken
        if good:
            return response(302, b"", "Location: /home", "Set-Cookie: sid=42; Path=/; HttpOnly")
        return response(200, b'<form><input name="email"><input type="password" name="password"></form>', "Content-Type: text/html; charset=utf-8")


def test_an_undeclared_login_is_found_watched_and_its_outcome_learnt(gates, folder):
    with Origin(Shop()) as origin:
        desk = Desk(gates, folder, origin)
        for number in range(12):
            desk.post("/account/enter", {"email": f"u{number}@x", "password": "right" if number % 3 == 0 else "wrong"}, BROWSER)
        # A name of a field that is more than a name is not told to whom may paste it.
        desk.post("/account/enter", {'x" } }\n- evil [user]': "u98@x", "password": "wrong"})
        desk.gate.request("GET", "/account/enter/files", headers={"Authorization": "Basic " + base64.b64encode(b"u99@x:wrong").decode()})
        # A path that is not there, a sign-up and a search are no logins.
        desk.post("/nowhere", {"email": "a", "password": "b"})
        desk.post("/account/enter-new", {"email": "a", "password": "b", "password_confirmation": "b"})
        desk.post("/account/enter", {"q": "shoes"})
        events = desk.events(14)
        assert len(events) == 14 and {event["route"] for event in events} == {"/account/enter", "/account/enter/files"}
        for event in events[:12]:
            number = int(event["usr"]["login"][1:].split("@")[0])
            assert event["event"] == ("users.login.success" if number % 3 == 0 else "users.login.failure"), event
            assert event["tags"]["provisional"] == "true" and float(event["tags"]["outcome_confidence"]) >= 0.9
            assert event["route"] == "/account/enter"
        report = json.loads(desk.gate.admin("/api/v1/coverage")[1])
        route = report["routes"][0]
        assert route["provisional"] is True and route["events"] == 13 and route["successes"] == 4
        assert {(answer["status"], answer["outcome"]) for answer in route["answers"]} == {(302, "success"), (200, "failure")}
        assert 'path: "/account/enter"' in route["configure"] and 'user: { login: "body.email" }' in route["configure"]
        assert "success: { status: [302] }" in route["configure"]
        assert len(desk.gate.logged("looks like a login")) == 2
        assert any(found["code"] == "unconfigured_route" for found in json.loads(desk.gate.admin("/status")[1])["findings"])
        status, text, _ = command("doctor", "--admin", f"unix:{desk.gate.admin_path}")
        assert status == 1 and "[unconfigured_route]" in text and "body.email" in text
        # What it says can be pasted.
        pasted = folder / "pasted.yaml"
        pasted.write_text("version: 1\nlisteners: [{ address: '127.0.0.1:0' }]\nservices:\n - name: sso\n   upstream: { servers: ['http://127.0.0.1:1'] }\n"
                          "   logins:\n" + "\n".join("    " + line for line in route["configure"].split("\n")) + "\n")
        assert command("check", pasted)[0] == 0, command("check", pasted)


def test_paths_that_an_attacker_makes_up_do_not_fill_the_table(gates, folder):
    with Origin(response(200, b"ok")) as origin:
        desk = Desk(gates, folder, origin)
        for number in range(40):
            desk.post(f"/shop/{number}/{number:08x}{'a' * 30}/login", {"user": f"a{number}", "password": "b"})
        for first in "abcdefgh":
            for second in "abcdefgh":
                desk.post(f"/{first}{second}", {"user": "a", "password": "b"})
        # An answer without any sign is not guessed.
        assert all(event["tags"]["outcome"] == "unknown" for event in desk.events(104))
        routes = json.loads(desk.gate.admin("/api/v1/coverage")[1])["routes"]
        assert len(routes) == 32 and "/shop/{}/{}/login" in {route["route"] for route in routes}
        assert desk.gate.metric("loginward_coverage_finding", finding="discovery_full") == 1
        # No label comes from a client.
        assert desk.gate.metric("loginward_coverage_finding", finding="unconfigured_route", route="") == 32
        assert "/shop" not in desk.gate.admin("/metrics")[1]


def test_what_was_learnt_survives_a_restart(gates, folder):
    """An answer that says nothing by itself is told by what people do after it."""
    def answer(request, _):
        return response(200, b"hello, welcome back" * 9 if b"right" in request.body else b"try again")

    with Origin(answer) as origin:
        login = {"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.user"}}
        desk = Desk(gates, folder, origin, [login], workers=1)
        for number in range(12):
            desk.post("/login", {"user": f"u{number}", "password": "wrong"})
            desk.post("/login", {"user": f"u{number}", "password": "right"})
        desk.events(24)

        def outcomes():
            routes = json.loads(desk.gate.admin("/api/v1/coverage")[1])["routes"]
            return sorted(answer["outcome"] for answer in routes[0]["answers"])

        wait_for(lambda: outcomes() == ["failure", "success"])
        time.sleep(1.5)
        desk.post("/login", {"user": "eve", "password": "wrong"})
        assert desk.events(25)[-1]["event"] == "users.login.failure"
        assert desk.gate.stop() == 0
        again = gates(origin=origin, service={"logins": [login]}, state_directory=str(desk.gate.folder / "state"),
                      collectors=[{"name": "events", "type": "file", "path": str(folder / "again.jsonl"), "flush": "50ms"}])
        again.request("POST", "/login", "user=mallory&password=wrong", FORM)
        event = events_of(folder / "again.jsonl", 1)[-1]
        assert event["event"] == "users.login.failure" and event["tags"]["outcome_confidence"]


def test_a_release_that_changes_the_answers_is_noticed(gates, folder):
    shop = Shop()
    login = {"name": "web", "match": {"method": "POST", "path": "/account/enter"}, "user": {"login": "body.email"},
             "success": {"status": 302}, "failure": {"status": 200}}
    with Origin(shop) as origin:
        desk = Desk(gates, folder, origin, [login])
        for number in range(40):
            desk.post("/account/enter", {"email": f"u{number}", "password": "right" if number % 2 else "wrong"})
        shop.broken = True
        for number in range(60):
            desk.post("/account/enter", {"email": f"v{number}", "password": "wrong"})
        line = wait_for(lambda: desk.gate.logged("no failure seen on"))[0]
        assert "expected" in line and "since" in line
        assert desk.gate.metric("loginward_coverage_finding", finding="outcome_missing", route="web") == 1
        shop.broken = False
        desk.post("/account/enter", {"email": "w", "password": "wrong"})
        wait_for(lambda: desk.gate.logged("outcomes are seen again"))
        assert desk.gate.metric("loginward_coverage_finding", finding="outcome_missing") == 0


# Said by the application


def test_the_application_reports_in_its_answer_and_the_client_does_not_see_it(gates, folder):
    login = {"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.user"}, "success": {"status": 200}}
    with Origin(response(200, b"ok", 'X-Loginward-Event: users.login.failure; usr.login="a;b, c"; usr.exists=false; reason=expired',
                         "x-loginward-event: users.login.success", "X-Loginward-Event: payment.failure; amount=3, users.signup; usr.id=9")) as origin:
        desk = Desk(gates, folder, origin, [login])
        # What a client writes under that name is nobody's word.
        status, headers, _ = desk.post("/login", {"user": "ada", "password": "x"}, {"X-Loginward-Event": "users.signup"})
        assert status == 200 and headers["X-Loginward-Event"] is None
        events = {event["event"]: event for event in desk.events(3)}
        assert set(events) == {"users.login.failure", "payment.failure", "users.signup"}
        failure = events["users.login.failure"]
        assert failure["usr"] == {"login": "a;b, c", "id": "9", "exists": False} or failure["usr"]["exists"] is False
        assert failure["usr"]["login"] == "a;b, c" and failure["tags"]["reason"] == "expired"
        assert events["payment.failure"]["tags"] == {"amount": "3"} and events["users.signup"]["usr"]["id"] == "9"
        assert len({event["id"] for event in events.values()}) == 3
        # On a path that is no login route, too.
        desk.gate.request("GET", "/profile")
        assert [event["event"] for event in desk.events(6)[3:]].count("users.login.failure") == 1


def test_the_application_reports_to_the_admin_listener(gates, folder):
    import http.client
    import socket

    def report(gate, body, kind="application/json"):
        client = http.client.HTTPConnection("localhost", timeout=10)
        client.sock = socket.socket(socket.AF_UNIX)
        client.sock.connect(gate.admin_path)
        client.request("POST", "/api/v1/events", body, {"Content-Type": kind})
        answer = client.getresponse()
        return answer.status, answer.read().decode()

    with Origin() as origin:
        desk = Desk(gates, folder, origin)
        one = {"event": "users.login.failure", "usr": {"login": "ada", "exists": False}, "http": {"client_ip": "203.0.113.9"}, "tags": {"k": "v"}}
        assert report(desk.gate, json.dumps(one, indent=1))[0] == 202
        assert report(desk.gate, json.dumps([one, {"event": "users.signup", "service": "sso", "usr": {"id": "1"}}]))[0] == 202
        assert report(desk.gate, json.dumps(one) + "\n" + json.dumps(one), "application/x-ndjson")[0] == 202
        events = desk.events(5)
        assert [event["event"] for event in events].count("users.signup") == 1
        assert events[0]["http"]["client_ip"] == "203.0.113.9" and events[0]["usr"] == {"login": "ada", "exists": False}
        signup = next(event for event in events if event["event"] == "users.signup")
        assert "http" not in signup and signup["usr"] == {"id": "1"}
        assert events[0]["http"] == {"client_ip": "203.0.113.9"} and events[0]["tags"] == {"k": "v"} and len({event["id"] for event in events}) == 5
        for body, word in ((b"{", "no JSON"), (b'{"event":"No Name"}', "event 0"), (b'[{"event":"a","service":"x"}]', "must be one of sso"),
                           (b'{"event":"a","password":"x"}', "unknown")):
            status, text = report(desk.gate, body)
            assert status == 400 and word in text, text
        assert report(desk.gate, b"{}", "text/plain")[0] == 415
        assert len(desk.events(5)) == 5


# Verified


def test_the_doctor_names_the_proxy_that_is_not_trusted_and_what_events_lack(gates, folder):
    login = {"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.user"},
             "success": {"status": 200}, "failure": {"status": 401}}
    unused = {"name": "mobile", "match": {"method": "POST", "path": "/m/login"}, "user": {"login": "body.user"}}
    with Origin(lambda request, _: response(401 if b"wrong" in request.body else 200)) as origin:
        desk = Desk(gates, folder, origin, [login, unused])
        for number in range(60):
            headers = {"X-Forwarded-For": f"203.0.113.{number}", "User-Agent": "python-requests/2.32"}
            desk.post("/login", {"user": f"u{number}", "password": "wrong" if number % 2 else "right"}, headers)
        for _ in range(60):
            desk.gate.request("GET", "/")
        desk.events(60)
        status, text, _ = command("doctor", "--admin", f"unix:{desk.gate.admin_path}")
        assert status == 1
        assert "client_address: { trusted_proxies: [127.0.0.1] }" in text
        found = {finding["code"]: finding for finding in json.loads(desk.gate.admin("/api/v1/coverage")[1])["findings"]}
        assert {"untrusted_proxy", "usr_id_missing", "usr_exists_missing", "library_user_agents", "no_accept_language", "no_events"} <= set(found)
        assert found["no_events"]["route"] == "mobile" and "0 of 30" in found["usr_id_missing"]["evidence"]
        assert desk.gate.metric("loginward_coverage_finding", finding="untrusted_proxy", service="sso", route="web") == 1
        assert desk.gate.metric("loginward_coverage_share", what="usr.login", route="web") == 1
        # Mended as it says, the finding goes with the next events.
        desk.gate.configuration["client_address"] = {"trusted_proxies": ["127.0.0.1"]}
        desk.gate.write()
        desk.gate.reload()
        for number in range(70):
            desk.post("/login", {"user": f"u{number}", "password": "right"}, {"X-Forwarded-For": f"198.51.100.{number}", **BROWSER})
        desk.events(130)
        codes = {finding["code"] for finding in json.loads(desk.gate.admin("/api/v1/coverage")[1])["findings"]}
        assert "untrusted_proxy" not in codes


# The real thing


DJANGO = '''
import sys, django
from django.conf import settings
settings.configure(DEBUG=True, SECRET_KEY="story", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], INSTALLED_APPS=[
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages", "django.contrib.admin"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages"]}}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[2]}}, PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
django.setup()
from django.contrib import admin
from django.core.management import call_command
from django.urls import path
urlpatterns = [path("admin/", admin.site.urls)]
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
User.objects.create_superuser("ada", "ada@example.com", "right")
from wsgiref.simple_server import make_server
from django.core.wsgi import get_wsgi_application
make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application()).serve_forever()
'''


def test_a_real_django_behind_the_preset(gates, folder):
    import subprocess
    import sys

    pytest.importorskip("django")
    script = folder / "shop.py"
    script.write_text(DJANGO)

    class App:
        port = free_port()

    server = subprocess.Popen([sys.executable, str(script), str(App.port), str(folder / "db.sqlite3")], stderr=subprocess.DEVNULL)
    try:
        desk = Desk(gates, folder, App, [{"preset": "django"}])
        wait_for(lambda: desk.gate.request("GET", "/admin/login/")[0] == 200, seconds=60, pause=0.2)
        secret = desk.gate.request("GET", "/admin/login/")[1]["Set-Cookie"].split(";")[0].split("=")[1]
        form = {"username": "ada", "csrfmiddlewaretoken": secret, "next": "/admin/"}
        assert desk.post("/admin/login/", {**form, "password": "wrong"}, {"Cookie": f"csrftoken={secret}"})[0] == 200
        assert desk.post("/admin/login/", {**form, "password": "right"}, {"Cookie": f"csrftoken={secret}"})[0] == 302
        wanted = [("users.login.failure", "ada"), ("users.login.success", "ada")]
        assert [(event["event"], event["usr"]["login"]) for event in desk.events(2)] == wanted
        # And with nothing declared.
        (folder / "found").mkdir()
        found = Desk(gates, folder / "found", App)
        found.post("/admin/login/", {**form, "password": "wrong"}, {"Cookie": f"csrftoken={secret}"})
        found.post("/admin/login/", {**form, "password": "right"}, {"Cookie": f"csrftoken={secret}"})
        assert [(event["event"], event["usr"]["login"]) for event in found.events(2)] == wanted
    finally:
        server.kill()
        server.wait()
