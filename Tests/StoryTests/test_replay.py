# SPDX-License-Identifier: Apache-2.0
"""`loginward replay`: recorded attempts through the real detection."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

DETECTION = pathlib.Path(__file__).resolve().parent.parent / "Detection"
BINARY = os.environ.get("LOGINWARD", "")


def attempt(time, login, address, outcome, headers, **more):
    return {"time": time, "client_ip": address, "method": "POST", "path": "/login", "headers": headers,
            "usr": {"login": login}, "outcome": outcome, **more}


def replay(folder, events, history=None, configuration="version: 1\n"):
    (folder / "c.yaml").write_text(configuration)
    (folder / "events.ndjson").write_text("".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in events))
    command = [BINARY, "replay", "--config", folder / "c.yaml", "--events", folder / "events.ndjson",
               "--verdicts", folder / "verdicts.ndjson", "--signals", folder / "signals.ndjson"]
    if history is not None:
        (folder / "history.ndjson").write_text("".join(json.dumps(e) + "\n" for e in history))
        command += ["--history", folder / "history.ndjson"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    read = lambda name: [json.loads(line) for line in (folder / name).read_text().splitlines()] if (folder / name).exists() else []
    return done, read("verdicts.ndjson"), read("signals.ndjson")


BROWSER = [["Host", "a.example"], ["User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"],
           ["Accept", "text/html"], ["Accept-Language", "en-GB,en;q=0.7"], ["Accept-Encoding", "gzip, br"]]


def guesses(count, cookie=None):
    headers = BROWSER + ([["Cookie", cookie]] if cookie else [])
    return [attempt(1_000 + 20 * n, "Alice", f"203.0.{n}.7", "failure", headers, password_token=f"t{n}") for n in range(count)]


def test_guesses_at_one_account_are_stopped_and_told_with_their_lines(tmp_path):
    done, verdicts, signals = replay(tmp_path, guesses(40))
    assert done.returncode == 0, done.stderr
    assert {v["action"] for v in verdicts} == {"block"} and {v["reason"] for v in verdicts} == {"account"}
    assert verdicts[0]["line"] <= 15 and verdicts[-1]["line"] == 39
    opened = signals[0]
    assert (opened["type"], opened["state"], signals[-1]["state"]) == ("bruteforce", "open", "closed")
    assert signals[-1]["accounts_targeted"] == ["alice"] and signals[-1]["compromised"] == []
    assert set(signals[-1]["lines"]) <= set(range(40))
    assert all(v["signal"] == opened["id"] for v in verdicts)


def test_whoever_is_known_by_device_or_network_comes_in_while_the_account_is_guessed_at(tmp_path):
    history = [{"usr": {"login": "alice"}, "client_ip": "198.51.100.9", "device": "d1"}]
    events = guesses(40)
    events.append(attempt(1_900, "alice", "198.51.100.77", "success", BROWSER))
    events.append(attempt(1_901, "alice", "192.0.2.1", "success", BROWSER + [["Cookie", "a=1; device_id=d1; b=2"]]))
    events.append(attempt(1_902, "alice", "192.0.3.2", "success", BROWSER + [["Cookie", "device_id=d2"]]))
    done, verdicts, _ = replay(tmp_path, events, history, "version: 1\ndetection: { device_cookie: device_id }\n")
    assert done.returncode == 0, done.stderr
    stopped = {v["line"] for v in verdicts}
    assert 40 not in stopped and 41 not in stopped and 42 in stopped


def test_a_line_that_cannot_be_read_is_named(tmp_path):
    for bad, what in (("{\"time\": 1", "JSON ends early"), ("{\"time\": 1, \"outcome\": \"success\"}", "client_ip"),
                      ("{\"time\": \"x\", \"client_ip\": \"192.0.2.1\"}", "time"),
                      ("{\"time\": 1, \"client_ip\": \"192.0.2.1\", \"outcome\": \"maybe\"}", "outcome")):
        done, _, _ = replay(tmp_path, guesses(2) + [bad])
        assert done.returncode == 1 and "events.ndjson:3:" in done.stderr and what in done.stderr, done.stderr


def test_a_line_with_more_than_can_be_read_is_refused_and_not_judged_by_half(tmp_path):
    long = attempt(1, "Alice", "203.0.113.7", "failure", [["x-a", str(n)] for n in range(1_100)])
    done, _, _ = replay(tmp_path, [long])
    assert done.returncode == 1 and "events.ndjson:1: more values than can be read" in done.stderr


def test_a_wrong_detection_section_is_a_problem_with_its_place(tmp_path):
    done, _, _ = replay(tmp_path, guesses(2), configuration="version: 1\ndetection: { response: kill, block_for: soon }\n")
    assert done.returncode == 78
    assert "c.yaml:2:" in done.stderr and "response" in done.stderr and "block_for" in done.stderr


def test_monitor_stops_nobody_and_tells_the_same(tmp_path):
    done, verdicts, signals = replay(tmp_path, guesses(40), configuration="version: 1\ndetection: { response: monitor }\n")
    assert done.returncode == 0 and verdicts == [] and signals[-1]["type"] == "bruteforce"


@pytest.mark.parametrize("scenario", ["distributed-3", "stuffing-few", "outage", "rotation"])
def test_campaigns_reach_their_targets_on_a_small_scale(tmp_path, scenario):
    result = tmp_path / "result.json"
    done = subprocess.run([sys.executable, str(DETECTION / "detection.py"), "--loginward", BINARY, "--scenario", scenario, "--seeds", "1",
                           "--scale", "0.1", "--no-others", "--json", str(result)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "MISS" not in done.stdout, done.stdout


def test_a_reset_page_asked_about_one_account_after_the_other_is_reconnaissance(tmp_path):
    events = [attempt(1_000 + n, f"user{n}", "203.0.113.7", "failure", BROWSER, route="password_reset") for n in range(150)]
    done, verdicts, signals = replay(tmp_path, events)
    assert done.returncode == 0, done.stderr
    assert {v["reason"] for v in verdicts} == {"reconnaissance"} and verdicts[0]["line"] <= 20 and verdicts[-1]["line"] == 149
    assert {s["type"] for s in signals} == {"recon"} and signals[-1]["severity"] == "medium"
