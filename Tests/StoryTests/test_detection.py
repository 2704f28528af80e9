"""Attacks on accounts, live: found, stopped and told, while those whom the account knows come in."""
import json
import re
import threading

from gate import command, events_of, wait_for
from origin import response

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RIGHT = "the-right-one-9"


def answer(request, _):
    good = RIGHT.encode() in request.body
    return response(302, b"", "Location: /home", "Set-Cookie: session=s3cr3t") if good else response(401, b"wrong")


def make(gates, origin, **settings):
    logins = [{"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.user"},
               "success": {"status": [302]}, "failure": {"status": [401]}}]
    return gates(origin=origin, service={"logins": logins}, client_address={"trusted_proxies": ["127.0.0.0/8"]},
                 collectors=[{"name": "file", "type": "file", "path": "events.jsonl", "flush": "10ms"}], **settings)


def attempt(gate, password, address, user="ada"):
    return gate.request("POST", "/login", f"user={user}&password={password}", {**FORM, "X-Forwarded-For": address})


def guess(gate, count, first=0):
    return [attempt(gate, f"guess-{n}", f"203.0.{n}.7")[0] for n in range(first, first + count)]


def test_guesses_from_everywhere_are_stopped_and_the_owner_comes_in(gates, origin):
    origin.answer = answer
    gate = make(gates, origin)
    assert attempt(gate, RIGHT, "198.51.100.4")[0] == 302
    answers = guess(gate, 30)
    assert answers[:8] == [401] * 8 and answers[-15:] == [403] * 15
    assert attempt(gate, RIGHT, "198.51.100.9")[0] == 302, "the owner's network"
    assert attempt(gate, RIGHT, "192.0.2.77")[0] == 403, "a stranger with the right password"


def test_a_stranger_who_guesses_right_after_many_tries_gets_neither_page_nor_cookie(gates, origin):
    origin.answer = answer
    gate = make(gates, origin)
    assert set(guess(gate, 9)) == {401}
    status, headers, _ = attempt(gate, RIGHT, "203.0.9.7")
    assert status == 403 and headers["Set-Cookie"] is None
    # Two loops hand their events over in turns.
    event = max(events_of(gate.folder / "events.jsonl", 10), key=lambda event: event["time"])
    assert event["blocked"] and event["verdict"]["reason"] == "detection: success_after_guesses"


def test_guesses_that_come_all_at_once_do_not_pass_a_limit_of_eleven(gates, origin):
    origin.answer = answer
    reached = []
    lock = threading.Event()

    def slow(request, client):
        reached.append(1)
        lock.wait(9)
        return answer(request, client)

    origin.answer = slow
    gate = make(gates, origin)
    answers = []

    def one(number):
        answers.append(attempt(gate, f"guess-{number}", f"203.0.{number % 250}.{number % 7 + 1}")[0])

    threads = [threading.Thread(target=one, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answers) >= 49, 9)
    lock.set()
    for thread in threads:
        thread.join()
    assert len(reached) <= 11 and answers.count(403) + answers.count(429) == 60 - len(reached)


def test_an_attack_is_told_in_the_log_by_command_and_in_the_events(gates, origin):
    origin.answer = answer
    gate = make(gates, origin)
    guess(gate, 20)
    told = wait_for(lambda: [line for line in gate.lines if "attack" in line and "type=bruteforce" in line])
    assert "id=signal-0001" in told[0]
    status, text, _ = command("signals", "--admin", f"unix:{gate.admin_path}")
    assert status == 0 and re.search(r"^signal-0001  low  \w+  bruteforce: \d+ attempts", text), text
    status, text, _ = command("signals", "signal-0001", "--json", "--admin", f"unix:{gate.admin_path}")
    signal = json.loads(text)
    assert signal["accounts_targeted"] == ["ada"] and signal["lines"]
    status, text, _ = command("signals", "signal-0001", "--csv", "--admin", f"unix:{gate.admin_path}")
    assert text.splitlines() == ["account,compromised", '"ada",false']
    events = sorted(events_of(gate.folder / "events.jsonl", 20), key=lambda event: event["time"])
    assert events[-1]["tags"]["signal"] == "1" and int(events[-1]["tags"]["attempt"]) in signal["lines"]
    assert "guess-1" not in (gate.folder / "events.jsonl").read_text() + json.dumps(signal) + "".join(gate.lines)
    assert gate.metric("loginward_detection_blocks_total") >= 5


def test_monitor_mode_stops_nobody_and_tells_the_same(gates, origin):
    origin.answer = answer
    gate = make(gates, origin, detection={"response": "monitor"})
    assert set(guess(gate, 30)) == {401}
    wait_for(lambda: any("type=bruteforce" in line for line in gate.lines))


def test_detection_can_be_switched_off_and_on_by_a_reload(gates, origin):
    origin.answer = answer
    gate = make(gates, origin, detection={"enabled": False})
    assert set(guess(gate, 30)) == {401}
    gate.configuration["detection"] = {"enabled": True}
    gate.write()
    gate.reload()
    assert guess(gate, 30, first=30)[-1] == 403


def test_a_client_cannot_say_that_it_was_challenged(gates, origin):
    origin.answer = answer
    gate = make(gates, origin)
    gate.request("POST", "/login", f"user=ada&password={RIGHT}", {**FORM, "X-Loginward-Challenge": "no"})
    assert b"challenge" not in origin.requests[-1].head.lower()


def test_who_is_at_home_and_what_is_guarded_survives_a_restart(gates, origin):
    origin.answer = answer
    gate = make(gates, origin)
    assert attempt(gate, RIGHT, "198.51.100.4")[0] == 302
    assert guess(gate, 20)[-1] == 403
    assert gate.stop() == 0
    gate.lines.clear()
    gate.start()
    assert attempt(gate, RIGHT, "198.51.100.9")[0] == 302
    assert attempt(gate, "one-more", "203.0.250.7")[0] == 403
    key = gate.folder / "state" / "detection.key"
    assert key.stat().st_mode & 0o077 == 0


def test_state_that_cannot_be_read_is_set_aside_and_said(gates, origin):
    origin.answer = answer
    gate = make(gates, origin)
    assert gate.stop() == 0
    state = gate.folder / "state" / "detection.state"
    state.write_bytes(b"LWDETECT" + bytes(50))
    gate.lines.clear()
    gate.start()
    wait_for(lambda: gate.logged("set aside"))
    assert (gate.folder / "state" / "detection.state.unreadable").exists()
    assert attempt(gate, RIGHT, "198.51.100.4")[0] == 302


def test_a_reset_page_that_is_asked_about_one_account_after_the_other_is_closed_to_whoever_asks(gates, origin):
    origin.answer = lambda request, _: response(200, b"if there is such an account, a mail is on its way")
    logins = [{"name": "reset", "event": "password_reset", "match": {"method": "POST", "path": "/reset"}, "user": {"login": "body.user"},
               "success": {"status": [200]}}]
    gate = gates(origin=origin, service={"logins": logins}, client_address={"trusted_proxies": ["127.0.0.0/8"]})
    answers = [gate.request("POST", "/reset", f"user=u{n}", {**FORM, "X-Forwarded-For": "203.0.113.9"})[0] for n in range(60)]
    assert answers[:8] == [200] * 8 and answers[-10:] == [403] * 10
    assert gate.request("POST", "/reset", "user=u1", {**FORM, "X-Forwarded-For": "198.51.100.1"})[0] == 200
    wait_for(lambda: any("type=recon" in line for line in gate.lines))


def test_attempts_from_this_machine_are_told_and_not_stopped(gates, origin):
    origin.answer = answer
    gate = make(gates, origin)
    answers = [gate.request("POST", "/login", f"user=ada&password=guess-{n}", FORM)[0] for n in range(30)]
    assert answers == [401] * 30
    wait_for(lambda: any("type=bruteforce" in line for line in gate.lines))


def mark(headers):
    """The device's mark that an answer gives, or None."""
    given = [value for value in headers.get_all("Set-Cookie") or [] if value.startswith("__Host-loginward-device=")]
    return given[0] if given else None


def test_a_device_that_logged_in_over_tls_is_known_anywhere_by_the_gates_own_mark(gates, origin):
    origin.answer = answer
    gate = make(gates, origin)
    tls = {**FORM, "X-Forwarded-Proto": "https"}

    def login(password, address, **more):
        return gate.request("POST", "/login", f"user=ada&password={password}", {**tls, "X-Forwarded-For": address, **more})

    status, headers, _ = login(RIGHT, "198.51.100.4")
    cookie = mark(headers)
    assert status == 302 and headers.get_all("Set-Cookie")[0] == "session=s3cr3t", "the service's own cookie stays"
    assert cookie.endswith("; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax")
    token = cookie.split(";")[0]
    assert mark(login(RIGHT, "198.51.100.4", Cookie=token)[1]) is None, "a device that has a mark keeps it"
    assert mark(login("wrong", "198.51.100.4")[1]) is None, "a failure gives none"
    assert guess(gate, 30)[-15:] == [403] * 15
    assert login(RIGHT, "192.0.2.77", Cookie=f"a=b; {token}")[0] == 302, "the device on another network"
    assert login(RIGHT, "192.0.3.77")[0] == 403
    forged = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert login(RIGHT, "192.0.4.77", Cookie=forged)[0] == 403


def test_a_mark_is_given_only_over_tls_and_only_by_us(gates, origin):
    origin.answer = answer
    gate = make(gates, origin)
    assert mark(attempt(gate, RIGHT, "198.51.100.4")[1]) is None
    other = make(gates, origin, detection={"device_cookie": "device_id"})
    status, headers, _ = other.request(
        "POST", "/login", f"user=ada&password={RIGHT}", {**FORM, "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.4"})
    assert status == 302 and mark(headers) is None


def test_where_the_body_tells_the_outcome_the_mark_counts_once_it_was_a_success(gates, origin):
    origin.answer = lambda request, _: response(200, b"welcome" if RIGHT.encode() in request.body else b"wrong")
    logins = [{"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.user"},
               "success": {"body_contains": "welcome"}, "failure": {"body_contains": "wrong"}}]
    gate = gates(origin=origin, service={"logins": logins}, client_address={"trusted_proxies": ["127.0.0.0/8"]})
    tls = {**FORM, "X-Forwarded-Proto": "https"}

    def login(password, address, **more):
        return gate.request("POST", "/login", f"user=ada&password={password}", {**tls, "X-Forwarded-For": address, **more})

    failed = mark(login("wrong", "203.0.113.9")[1]).split(";")[0]
    known = mark(login(RIGHT, "198.51.100.4")[1]).split(";")[0]
    for n in range(30):
        login(f"guess-{n}", f"203.0.{n}.7")
    assert login(RIGHT, "192.0.2.77", Cookie=known)[0] == 200
    assert login(RIGHT, "192.0.3.77", Cookie=failed)[0] == 403
