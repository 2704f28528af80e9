"""Entries that an operator adds while the gate runs: at once, until they end, and through a crash."""
import csv
import io
import json
import os
import threading
import time

import pytest

from gate import Gate, command, wait_for
from origin import response
from test_denylist import LOGINS, status


@pytest.fixture
def gate(gates, origin, folder):
    return gates(
        origin=origin, service={"logins": LOGINS}, client_address={"trusted_proxies": ["127.0.0.1"]}, archive={},
        collectors=[{"name": "events", "type": "file", "path": str(folder / "events.jsonl")}])


def order(gate, *words, expect=0):
    """One command at the gate's admin socket."""
    code, out, error = command(*words, "--admin", f"unix:{gate.admin_path}")
    assert code == expect, (words, out, error)
    return out if expect == 0 else error


def again(gate):
    """Kills the gate as the kernel would and starts it again."""
    gate.kill()
    gate.lines.clear()
    gate.ports.clear()
    return gate.start()


def test_an_entry_is_in_force_when_the_command_returns(gate):
    assert status(gate, "203.0.113.7") == 200
    assert order(gate, "deny", "add", "203.0.113.7", "--reason", "botnet of tonight") == "added 1 of the denylist\n"
    # Several connections, so that every loop is asked.
    assert [status(gate, "203.0.113.7") for _ in range(8)] == [403] * 8
    assert gate.accesses(9)[-1]["reason"] == "denylist: botnet of tonight"
    assert status(gate, "203.0.113.8") == 200
    order(gate, "deny", "rm", "203.0.113.7")
    assert [status(gate, "203.0.113.7") for _ in range(8)] == [200] * 8


@pytest.mark.parametrize("value, headers", [
    ("198.51.100.0/24", {}), ("user_agent=Evil Bot/1.0 (x)", {"User_Agent": "Evil Bot/1.0 (x)"}), ("session=tok-1", {"Cookie": "sid=tok-1"}),
])
def test_every_kind_can_be_added(gate, value, headers):
    order(gate, "deny", "add", value, "--for", "1h")
    assert status(gate, "198.51.100.9", **headers) == 403
    order(gate, "allow", "add", "198.51.100.9")
    assert status(gate, "198.51.100.9", **headers) == 200


def test_a_name_can_be_added_and_a_user_id(gate, origin):
    order(gate, "deny", "add", "usr.login=eve", "usr.id=u-7")
    assert status(gate, method="POST", path="/login", body="username=eve&password=x") == 403
    assert origin.requests == []
    origin.answer = response(200, b"ok", "X-User-Id: u-7")
    assert status(gate, method="POST", path="/login", body="username=other&password=x") == 403


def test_entries_survive_a_kill_at_any_moment(gate):
    order(gate, "deny", "add", "203.0.113.7", "usr.login=eve", "--reason", "kept")
    order(gate, "deny", "add", "203.0.113.8")
    order(gate, "deny", "rm", "203.0.113.8")
    order(gate, "allow", "add", "203.0.113.9", "--monitored")
    again(gate)
    assert status(gate, "203.0.113.7") == 403
    assert status(gate, "203.0.113.8") == 200
    assert status(gate, method="POST", path="/login", body="username=eve&password=x") == 403
    journal = gate.folder / "state" / "lists.journal"
    whole = journal.read_bytes()
    gate.kill()
    # The power went while the last change was written.
    journal.write_bytes(whole[:-3])
    again(gate)
    assert gate.logged("bytes that are no record")
    assert status(gate, "203.0.113.7") == 403
    assert "203.0.113.9" not in order(gate, "allow", "list")
    assert os.stat(journal).st_mode & 0o077 == 0


def test_kills_while_entries_are_added_lose_none_that_was_acknowledged(gate):
    known = []
    for round_number in range(4):
        stop = threading.Event()

        def add():
            number = 0
            while not stop.is_set():
                value = f"10.{round_number}.{number >> 8}.{number & 255}"
                code, _, _ = command("deny", "add", value, "--admin", f"unix:{gate.admin_path}")
                if code == 0:
                    known.append(value)
                number += 1

        worker = threading.Thread(target=add)
        worker.start()
        time.sleep(0.4)
        gate.kill()
        stop.set()
        worker.join()
        again(gate)
    assert len(known) > 8
    listed = {entry["value"] for entry in json.loads(order(gate, "deny", "list", "--format", "json"))}
    assert set(known) <= listed
    assert all(status(gate, value) == 403 for value in known[::5])


def test_an_entry_ends_to_the_second_and_can_be_extended(gate):
    order(gate, "deny", "add", "203.0.113.1", "203.0.113.2", "--for", "2s")
    begin = time.time()
    order(gate, "deny", "extend", "203.0.113.2", "--for", "1h")
    assert (status(gate, "203.0.113.1"), status(gate, "203.0.113.2")) == (403, 403)
    wait_for(lambda: status(gate, "203.0.113.1") == 200)
    assert 0.9 < time.time() - begin < 3.2
    assert status(gate, "203.0.113.2") == 403
    wait_for(lambda: gate.metric("loginward_list_entries", list="deny", origin="overlay") == 1)
    assert [entry["value"] for entry in json.loads(order(gate, "deny", "list", "--format", "json"))] == ["203.0.113.2"]
    assert "no entry of the overlay: 203.0.113.1" in order(gate, "deny", "extend", "203.0.113.1", "--for", "1h", expect=1)


def test_a_full_overlay_refuses_with_its_reason_and_keeps_what_it_has(gate):
    gate.configuration["overlay"] = {"entries": 2}
    gate.write()
    gate.reload()
    order(gate, "deny", "add", "203.0.113.1", "203.0.113.2")
    assert "the overlay is full: it holds at most 2 entries" in order(gate, "allow", "add", "203.0.113.3", expect=1)
    assert (status(gate, "203.0.113.1"), status(gate, "203.0.113.3")) == (403, 200)
    assert gate.metric("loginward_list_refused_entries_total") == 1
    order(gate, "deny", "rm", "203.0.113.1")
    order(gate, "allow", "add", "203.0.113.3")


def test_a_disk_that_takes_no_more_is_told_and_changes_nothing(gate):
    order(gate, "deny", "add", "203.0.113.1")
    journal = gate.folder / "state" / "lists.journal"
    import resource
    resource.prlimit(gate.process.pid, resource.RLIMIT_FSIZE, (journal.stat().st_size + 30, journal.stat().st_size + 30))
    assert "the journal did not take it" in order(gate, "deny", "add", "203.0.113.2", expect=1)
    assert (status(gate, "203.0.113.1"), status(gate, "203.0.113.2")) == (403, 200)


@pytest.mark.parametrize("words, said", [
    (["deny", "add", "203.0.113.1/24"], "did you mean 203.0.113.0/24?"),
    (["deny", "add", "nonsense"], "not an address, network or known kind"),
    (["deny", "add", "203.0.113.1", "--for", "soon"], "is not a time"),
    (["deny", "add", "203.0.113.1", "--for", "1h", "--until", "2030-01-01T00:00:00Z"], "say the same thing"),
    (["deny", "add"], "Missing expected argument"),
])
def test_a_mistake_is_told_before_the_daemon_is_asked(gate, words, said):
    assert said in order(gate, *words, expect=64)
    assert json.loads(order(gate, "deny", "list", "--format", "json")) == []


def test_entries_are_shown_as_table_json_and_csv_and_go_to_another_gate(gate, gates, origin, folder):
    order(gate, "deny", "add", "203.0.113.0/24", "--reason", 'a "quoted", reason', "--source", "soc", "--until", "2031-01-01T00:00:00Z")
    order(gate, "deny", "add", "user_agent=Evil Bot", "--monitored")
    table = order(gate, "deny", "list").splitlines()
    assert table[0].split() == ["VALUE", "EXPIRES", "MODE", "SOURCE", "TIME", "REASON"]
    assert any(line.startswith("203.0.113.0/24") and "2031-01-01T00:00:00Z" in line and "soc" in line for line in table)
    assert table[-1] == "2 entries of the run, 0 in files"
    as_json = {entry["value"]: entry for entry in json.loads(order(gate, "deny", "export", "--format", "json"))}
    assert as_json["203.0.113.0/24"]["reason"] == 'a "quoted", reason'
    assert as_json['user_agent="Evil Bot"']["mode"] == "monitored"
    rows = list(csv.DictReader(io.StringIO(order(gate, "deny", "export", "--format", "csv"))))
    assert {row["value"] for row in rows} == set(as_json)
    assert [row["reason"] for row in rows if row["source"] == "soc"] == ['a "quoted", reason']
    other = gates(origin=origin)
    for kind in ("json", "csv", "lines"):
        (folder / f"list.{kind}").write_text(order(gate, "deny", "export", "--format", kind))
        assert order(other, "deny", "import", folder / f"list.{kind}") == "added 2 of the denylist\n"
        assert {entry["value"]: entry for entry in json.loads(order(other, "deny", "list", "--format", "json"))} == as_json
        order(other, "deny", "rm", *as_json)
    # What was exported as lines is a list file.
    (folder / "deny.txt").write_text((folder / "list.lines").read_text())
    other.configuration["denylist"] = {"files": [str(folder / "deny.txt")]}
    other.write()
    other.reload()
    assert len(json.loads(order(other, "deny", "list", "--files", "--format", "json"))) == 2


def test_a_list_answers_who_stands_against_a_value(gate, folder):
    order(gate, "deny", "add", "203.0.113.0/24", "203.0.113.7", "198.51.100.1", "usr.login=eve")

    def matching(value):
        return {entry["value"] for entry in json.loads(order(gate, "deny", "list", "--match", value, "--format", "json"))}

    assert matching("203.0.113.7") == {"203.0.113.0/24", "203.0.113.7"}
    assert matching("203.0.0.0/16") == {"203.0.113.0/24", "203.0.113.7"}
    assert matching("usr.login=eve") == {"usr.login=eve"}
    assert matching("192.0.2.1") == set()


def test_an_import_of_many_is_whole_and_in_force(gate, folder):
    lines = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255} - row {number}" for number in range(30_000)]
    (folder / "many.txt").write_text("\n".join(lines))
    assert order(gate, "deny", "import", folder / "many.txt", "--for", "1h") == "added 30000 of the denylist\n"
    assert status(gate, "10.0.77.7") == 403
    assert status(gate, "11.0.77.7") == 200
    (folder / "bad.txt").write_text("192.0.2.1\nnonsense\n192.0.2.2 tomorrow\n")
    error = order(gate, "deny", "import", folder / "bad.txt", expect=78)
    assert "bad.txt:2:" in error and "bad.txt:3:" in error
    assert status(gate, "192.0.2.1") == 200
    again(gate)
    assert gate.metric("loginward_list_entries", list="deny", origin="overlay") == 30_000
    assert status(gate, "10.0.77.7") == 403


def test_a_dry_run_says_what_would_have_been_stopped_and_changes_nothing(gate, origin):
    for number in range(3):
        assert status(gate, "203.0.113.7", "POST", "/login", f"username=u{number}&password=x") == 200
    origin.answer = response(401)
    assert status(gate, "203.0.113.8", "POST", "/login", "username=u0&password=x", User_Agent="Odd/1") == 401
    assert status(gate, "198.51.100.1", "POST", "/login", "username=u9&password=x") == 401
    wait_for(lambda: len(json.loads(gate.admin("/api/v1/events")[1])) == 5)
    out = order(gate, "deny", "add", "203.0.113.0/24", "--dry-run")
    assert out.splitlines()[-1] == "in the last 24 h the entries would have stopped 4 login attempts, 3 of them successful"
    assert "usr.login=u0: 2 login attempts, 1 of them successful" in order(gate, "deny", "add", "usr.login=u0", "--dry-run")
    assert "1 login attempts, 0 of them" in order(gate, "deny", "add", "user_agent=Odd/1", "--dry-run")
    assert "0 login attempts" in order(gate, "deny", "add", "192.0.2.0/24", "--dry-run")
    assert status(gate, "203.0.113.7") == 401
    assert json.loads(order(gate, "deny", "list", "--format", "json")) == []


def test_what_stands_in_a_file_is_taken_out_there(gates, origin, folder):
    (folder / "deny.txt").write_text("203.0.113.7 - of the file\n")
    gate = gates(origin=origin, denylist={"files": [str(folder / "deny.txt")]}, client_address={"trusted_proxies": ["127.0.0.1"]})
    assert "what stands in a file is taken out there" in order(gate, "deny", "rm", "203.0.113.7", expect=1)
    assert [entry["source"] for entry in json.loads(order(gate, "deny", "list", "--files", "--format", "json"))] == [str(folder / "deny.txt")]
    # What is added at run time comes first.
    order(gate, "allow", "add", "203.0.113.7", "--for", "1h")
    assert status(gate, "203.0.113.7") == 200


def test_nobody_changes_a_list_from_a_page_in_a_browser(gate):
    import http.client
    import socket
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        connection = http.client.HTTPConnection("localhost", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(gate.admin_path)
        connection.request("POST", "/api/v1/lists?list=allow", body="203.0.113.7\n", headers={"Content-Type": kind} if kind else {})
        assert connection.getresponse().status == 415
    assert gate.admin("/api/v1/lists?list=other")[0] == 400
    assert gate.admin("/api/v1/lists?list=deny&limit=0")[0] == 400
