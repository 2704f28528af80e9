"""The local history: what operators ask of it while the daemon runs and when it does not."""
import csv
import io
import json

import pytest

from gate import command, wait_for
from origin import response

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LOGINS = [{"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.user"},
           "success": {"status": [302]}, "failure": {"status": [401]}}]


def login(gate, name, client, agent="Mozilla/5.0 (X11)", password="wrong"):
    return gate.request("POST", "/login", f"user={name}&password={password}",
                        {**FORM, "User-Agent": agent, "X-Forwarded-For": client})[0]


@pytest.fixture
def desk(gates, origin):
    origin.answer = lambda request, _: response(302 if b"right" in request.body else 401, b"")
    return gates(origin=origin, service={"logins": LOGINS}, client_address={"trusted_proxies": ["127.0.0.0/8"]},
                 archive={"retention": "7d"}, detection={"enabled": False})


def ask(gate, *words, config=True):
    status, out, error = command(*words, *(["--config", gate.path] if config else []))
    assert status == 0, error
    return out


def found(gate, query):
    return [json.loads(line) for line in ask(gate, "events", "query", query, "--limit", "0", "--format", "json").splitlines()]


def live(gate):
    for number in range(6):
        assert login(gate, "alice", f"203.0.113.{number}", "python-requests/2.32") == 401
    assert login(gate, "alice", "198.51.100.7", password="right") == 302
    assert login(gate, "Bob <b@example.com>", "198.51.100.8", password="right") == 302
    wait_for(lambda: len(found(gate, "")) == 8)


def test_a_query_means_what_it_says(desk):
    live(desk)
    def count(query):
        return len(found(desk, query))
    assert count("event:users.login.*") == 8
    assert count("usr.login:alice") == 7
    assert count("usr.login:alice event:users.login.success") == 1
    assert count("http.client_ip:203.0.113.0/24") == 6
    assert count('event:users.login.* -http.user_agent:"python*"') == 2
    assert len(ask(desk, "events", "query", "--format", "json", "--config", desk.path, "--", '-http.user_agent:"python*"',
                   config=False).splitlines()) == 2
    assert count("usr.login:(alice OR \"Bob <b@example.com>\") http.client_ip:198.51.100.0/24") == 2
    assert count("http.status_code:[400 TO 499] blocked:false") == 6
    assert count("time:[-1h TO now]") == 8 and count("time:[-2h TO -1h]") == 0
    newest = found(desk, "")[0]
    assert newest["usr"]["login"] == "Bob <b@example.com>" and newest["http"]["client_ip"] == "198.51.100.8"


def test_a_count_is_grouped_and_a_wrong_query_is_shown_with_its_place(desk):
    live(desk)
    rows = [json.loads(line) for line in
            ask(desk, "events", "query", "event:users.login.* | count by usr.login, event top 5", "--format", "json").splitlines()]
    assert {(row["usr.login"], row["event"]): row["count"] for row in rows} == {
        ("alice", "users.login.failure"): 6, ("alice", "users.login.success"): 1,
        ("Bob <b@example.com>", "users.login.success"): 1}
    status, _, error = command("events", "query", "usr.name:alice", "--config", desk.path)
    assert status != 0 and "column 1" in error and "usr.name" in error


def test_an_export_has_everything_and_is_read_by_others(desk):
    live(desk)
    lines = ask(desk, "events", "export").splitlines()
    assert [json.loads(line)["time"] for line in lines] == sorted(json.loads(line)["time"] for line in lines) and len(lines) == 8
    rows = list(csv.DictReader(io.StringIO(ask(desk, "events", "export", "--format", "csv"))))
    assert len(rows) == 8 and {row["usr.login"] for row in rows} == {"alice", "Bob <b@example.com>"}
    target = desk.folder / "out.csv"
    ask(desk, "events", "export", "usr.login:alice", "--format", "csv", "--output", str(target))
    assert len(target.read_text().splitlines()) == 8 and target.stat().st_mode & 0o077 == 0
    assert command("events", "export", "--output", str(target), "--config", desk.path)[0] != 0, "nothing is overwritten"


def test_a_person_and_an_address_are_told_in_one_page(desk):
    live(desk)
    person = json.loads(ask(desk, "users", "show", "alice", "--json"))
    assert person["attempts"] == 7 and person["http.client_ip"]["different"] == 7
    assert {entry["value"]: entry["count"] for entry in person["event"]["most"]} == {
        "users.login.failure": 6, "users.login.success": 1}
    network = json.loads(ask(desk, "ip", "show", "203.0.113.0/24", "--json"))
    assert network["attempts"] == 6 and network["usr.login"]["most"] == [{"value": "alice", "count": 6}]
    page = ask(desk, "ip", "show", "198.51.100.8")
    assert "first seen: " in page and "attempts: 1" in page
    status, _, error = command("users", "show", "nobody", "--config", desk.path)
    assert status == 1 and "nobody" in error


def test_the_history_is_read_while_the_daemon_is_down_and_no_password_is_in_it(desk):
    live(desk)
    desk.stop()
    assert len(found(desk, "usr.login:alice")) == 7
    for file in desk.folder.rglob("*"):
        if file.is_file() and file.name != "loginward.yaml":
            assert b"password=" not in file.read_bytes(), file
