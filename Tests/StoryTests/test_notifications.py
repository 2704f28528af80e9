"""Who is told of attacks, by real receivers: an HTTP server that fails on purpose, and an SMTP server."""
import base64
import email
import hashlib
import hmac
import json
import time

import pytest
from aiosmtpd.controller import Controller

from gate import command, free_port, wait_for
from receiver import Receiver
from test_detection import RIGHT, answer, attempt, guess

LOGINS = [{"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.user"},
           "user_id": "response.header.x-user-id", "success": {"status": [302]}, "failure": {"status": [401]}}]
KEY = base64.b64encode(b"k" * 24).decode()


class Mails:
    """What an SMTP server was given."""

    def __init__(self):
        self.mails = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), email.message_from_bytes(envelope.content)))
        return "250 taken"


@pytest.fixture
def mails():
    handler = Mails()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    handler.port = controller.port
    yield handler
    controller.stop()


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def make(gates, origin, notifications, **settings):
    origin.answer = answer
    return gates(origin=origin, service={"logins": LOGINS}, client_address={"trusted_proxies": ["127.0.0.0/8"]},
                 notifications=notifications, **settings)


def webhook(receiver, **settings):
    return {"name": "hook", "type": "webhook", "url": f"http://127.0.0.1:{receiver.port}/hook", "minimum_severity": "low",
            "secret": f"whsec_{KEY}", **settings}


def notices(receiver):
    return [json.loads(posted.body) for posted in receiver.taken if posted.path == "/hook"]


def told(receiver, kind, count=1, seconds=10):
    def of_kind():
        found = [notice for notice in notices(receiver) if notice["notice"] == kind]
        return found if len(found) >= count else None

    return wait_for(of_kind, seconds)


def test_an_attack_reaches_everybody_who_asked_in_his_own_words(gates, origin, receiver, mails):
    url = f"http://127.0.0.1:{receiver.port}"
    gate = make(gates, origin, [
        webhook(receiver, on=["opened", "targeted"]),
        {"name": "slack", "type": "slack", "url": f"{url}/slack", "minimum_severity": "low"},
        {"name": "teams", "type": "teams", "url": f"{url}/teams", "minimum_severity": "low"},
        {"name": "pager", "type": "pagerduty", "url": f"{url}/pager", "routing_key": "R0", "signals": {"bruteforce": "low"}},
        {"name": "mail", "type": "email", "server": f"smtp://127.0.0.1:{mails.port}", "starttls": "off", "from": "gate@example.com",
         "to": ["soc@example.com", "cso@example.com"], "minimum_severity": "low"},
        {"name": "quiet", "type": "slack", "url": f"{url}/quiet", "minimum_severity": "critical"}])
    guess(gate, 20)
    opened = told(receiver, "opened")[0]
    assert opened["signal"]["type"] == "bruteforce" and opened["signal"]["severity"] == "low"
    assert told(receiver, "targeted")[0]["usr"]["login"] == ["ada"]
    wait_for(lambda: {posted.path for posted in receiver.taken} >= {"/hook", "/slack", "/teams", "/pager"})
    slack = json.loads(next(posted for posted in receiver.taken if posted.path == "/slack").body)
    assert "bruteforce (signal-0001)" in slack["text"]
    pager = json.loads(next(posted for posted in receiver.taken if posted.path == "/pager").body)
    assert pager["routing_key"] == "R0" and pager["payload"]["severity"] == "info" and pager["dedup_key"] == opened["signal"]["incident"]
    wait_for(lambda: mails.mails)
    sender, recipients, mail = mails.mails[0]
    assert sender == "gate@example.com" and recipients == ["soc@example.com", "cso@example.com"]
    assert "bruteforce" in mail["Subject"] and "Attempts: " in mail.get_payload(decode=True).decode()
    assert not [posted for posted in receiver.requests if posted.path == "/quiet"]
    wait_for(lambda: gate.metric("loginward_notifications_total", target="mail", result="sent") == 1)
    assert "guess-" not in "".join(posted.body.decode() for posted in receiver.requests)


def test_each_account_is_named_once_with_the_id_that_the_service_gave_it(gates, origin, receiver):
    from origin import response

    def known(request, client):
        good = RIGHT.encode() in request.body
        return response(302, b"", "X-User-Id: u-17") if good else response(401, b"wrong")

    gate = make(gates, origin, [webhook(receiver, on=["targeted"])])
    origin.answer = known
    assert attempt(gate, RIGHT, "198.51.100.4")[0] == 302
    guess(gate, 20)
    found = told(receiver, "targeted")
    guess(gate, 20, first=20)
    time.sleep(1.2)
    found = [notice for notice in notices(receiver) if notice["notice"] == "targeted"]
    assert [notice["usr"] for notice in found] == [{"login": ["ada"], "id": ["u-17"]}]
    assert found[0]["accounts"] == [{"login": "ada", "id": "u-17", "ip": "198.51.100.4"}]


def test_a_webhook_is_signed_and_carries_an_id_that_stays_the_same(gates, origin, receiver):
    failing = [503, 503]
    receiver.answer = lambda posted: (failing.pop() if failing else 200, {}, b"")
    gate = make(gates, origin, [webhook(receiver, on=["opened"], headers={"X-Team": "soc"})])
    guess(gate, 20)
    wait_for(lambda: receiver.taken)
    posts = list(receiver.requests)
    assert [posted.status for posted in posts] == [503, 503, 200] and len({posted.headers["webhook-id"] for posted in posts}) == 1
    last = posts[-1]
    signed = f"{last.headers['webhook-id']}.{last.headers['webhook-timestamp']}.".encode() + last.body
    code = base64.b64encode(hmac.new(b"k" * 24, signed, hashlib.sha256).digest()).decode()
    assert last.headers["webhook-signature"] == f"v1,{code}" and last.headers["X-Team"] == "soc"
    assert abs(int(last.headers["webhook-timestamp"]) - time.time()) < 60
    wait_for(lambda: gate.metric("loginward_notifications_total", target="hook", result="retried") == 2)


def test_what_could_not_be_told_is_told_after_a_restart_and_only_once(gates, origin):
    port = free_port()
    gate = make(gates, origin, [{"name": "hook", "type": "webhook", "url": f"http://127.0.0.1:{port}/hook", "minimum_severity": "low"}])
    guess(gate, 20)
    wait_for(lambda: gate.logged("notification hook"))
    assert gate.stop() == 0
    with Receiver(port=port) as receiver:
        gate.start()
        first = told(receiver, "opened")
        guess(gate, 5, first=20)
        time.sleep(1.2)
        assert len(notices(receiver)) == len(first) == 1


def test_a_template_says_how_the_body_looks(gates, origin, receiver):
    template = '{"alert":"$SECURITY_SIGNAL_SEVERITY","attributes":$SECURITY_SIGNAL_ATTRIBUTES}'
    gate = make(gates, origin, [webhook(receiver, on=["opened"], template=template)])
    guess(gate, 20)
    wait_for(lambda: receiver.taken)
    body = json.loads(receiver.taken[0].body)
    assert body["alert"] == "low" and body["attributes"]["signal"]["id"] == "signal-0001"


def test_a_test_message_says_what_came_of_it(gates, origin, receiver, mails):
    gate = make(gates, origin, [
        webhook(receiver), {"name": "gone", "type": "slack", "url": f"http://127.0.0.1:{free_port()}/T0/secret-part"},
        {"name": "mail", "type": "email", "server": f"smtp://127.0.0.1:{mails.port}", "starttls": "off", "from": "gate@example.com",
         "to": "soc@example.com"},
        {"name": "unknown", "type": "email", "server": f"smtp://127.0.0.1:{mails.port}", "starttls": "off", "from": "gate@example.com",
         "to": "nobody@example.com"},
        {"name": "strict", "type": "email", "server": f"smtp://127.0.0.1:{mails.port}", "from": "gate@example.com", "to": "soc@example.com"}])

    def test(name):
        return command("notify", "test", name, "--admin", f"unix:{gate.admin_path}")

    assert test("hook") == (0, "hook took the message\n", "")
    assert notices(receiver)[0]["notice"] == "test"
    assert test("mail")[0] == 0 and len(mails.mails) == 1
    status, _, error = test("gone")
    assert status == 1 and "not delivered" in error and "secret-part" not in error
    assert "550" in test("unknown")[2]
    assert test("strict")[0] == 1, "this server offers no encryption"
    assert len(mails.mails) == 1
    assert "there are: hook, gone" in test("hok")[2]


def test_targets_change_with_a_reload(gates, origin, receiver):
    gate = make(gates, origin, [])
    gate.configuration["notifications"] = [webhook(receiver, on=["opened"])]
    gate.write()
    gate.reload()
    guess(gate, 20)
    told(receiver, "opened")
