"""The operator asks the running gate how it is: metrics, health, status, access log."""
import json
import os
import re
import socket
import stat
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gate import Gate, command, free_port, read_all, wait_for
from origin import Origin, response
from test_operation import LOGIN, log_in

WHEN = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def raw(gate, data):
    """Bytes in and out of the admin socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(gate.admin_path)
        client.sendall(data)
        return read_all(client)


# Metrics


def test_metrics_are_prometheus_text(gates, origin, folder):
    gate = gates(origin=origin, service=LOGIN, collectors=[{"name": "file", "type": "file", "path": "events.jsonl"}])
    for _ in range(3):
        gate.request()
    log_in(gate, "ada")
    gate.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    wait_for(lambda: gate.metric("loginward_requests_total", service="sso") == 4)
    status, text = gate.admin("/metrics")
    assert status == 200 and text.endswith("\n")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    seen = set()
    for family in families.values():
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family.name
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in seen, key
            seen.add(key)
        if family.type == "counter":
            assert all(sample.name.endswith("_total") and sample.value >= 0 for sample in family.samples), family.name

    def value(name, **labels):
        return next(sample.value for family in families.values() for sample in family.samples
                    if sample.name == name and labels.items() <= sample.labels.items())

    assert value("loginward_requests_total", service="sso", verdict="allow") == 4
    assert value("loginward_login_events_total", service="sso", outcome="success") == 1
    assert sum(sample.value for sample in families["loginward_refusals"].samples) == 1
    durations = families["loginward_request_duration_seconds"]
    buckets = [sample for sample in durations.samples if sample.name.endswith("_bucket")]
    assert buckets[-1].labels["le"] == "+Inf"
    assert [bucket.value for bucket in buckets] == sorted(bucket.value for bucket in buckets)
    assert buckets[-1].value == value("loginward_request_duration_seconds_count")
    assert value("loginward_request_duration_seconds_sum") > 0
    assert value("loginward_build_info", version=command("version")[1].split()[1]) == 1
    assert value("process_open_fds") > 5 and value("process_resident_memory_bytes") > 1 << 20


def test_the_duration_buckets_are_ordered_numbers(gate):
    text = gate.admin("/metrics")[1]
    bounds = [float(bound) for bound in re.findall(r'duration_seconds_bucket\{le="([^"]+)"\}', text)]
    assert len(bounds) > 5 and bounds == sorted(bounds) and bounds[-1] == float("inf")


def test_counts_go_on_across_reloads(gates, origin):
    gate = gates(origin=origin)
    gate.request()
    gate.reload()
    gate.configuration["services"].insert(0, {
        "name": "first", "hosts": ["first.example"], "upstream": {"servers": [f"http://127.0.0.1:{origin.port}"]}})
    gate.write()
    gate.reload()
    gate.request()
    wait_for(lambda: gate.metric("loginward_requests_total", service="sso") == 2)
    gate.request(headers={"Host": "first.example"})
    wait_for(lambda: gate.metric("loginward_requests_total", service="first") == 1)
    assert gate.metric("loginward_requests_total", service="sso") == 2


# Health


def test_it_is_alive_and_ready(gate):
    assert gate.admin("/livez") == (200, "ok\n") and gate.admin("/healthz")[0] == 200
    assert gate.admin("/readyz") == (200, "ok\n")
    status, text = gate.admin("/readyz?verbose")
    assert status == 200 and re.findall(r"\[\+\] (\w+)", text) == ["draining", "loops", "upstreams"]


def test_a_service_whose_servers_all_fail_their_check_is_not_ready(gates, origin):
    origin.answer = lambda request, _: response(500 if request.line.startswith("GET /health") else 200)
    gate = gates(origin=origin, upstream={"health": {"path": "/health", "interval": "50ms"}})
    wait_for(lambda: gate.admin("/readyz")[0] == 503)
    assert "[-] upstreams: no server for sso" in gate.admin("/readyz")[1]
    assert gate.admin("/livez")[0] == 200
    origin.answer = response(200)
    wait_for(lambda: gate.admin("/readyz")[0] == 200)


# Status, and the commands that ask for it


def test_status_says_what_runs(gates, origin):
    gate = gates(origin=origin, service=LOGIN, mode="monitor")
    gate.request()
    status, text = gate.admin("/status")
    said = json.loads(text)
    assert status == 200
    assert said["version"] == command("version")[1].split()[1]
    assert (said["pid"], said["mode"], said["generation"]) == (gate.process.pid, "monitor", 1)
    assert said["listeners"] == [f"127.0.0.1:{gate.port}"]
    assert said["last_reload_successful"] is True and said["problems"] == [] and said["needs_restart"] == []
    assert said["services"] == [{
        "name": "sso", "servers": [{"url": f"http://127.0.0.1:{origin.port}", "passing": True}], "logins": ["web"]}]
    assert said["uptime_seconds"] >= 0
    gate.path.write_text("version: 9\n")
    gate.reload()
    said = json.loads(gate.admin("/status")[1])
    assert said["last_reload_successful"] is False and "version" in said["problems"][0]


def test_the_commands_status_and_reload_ask_the_daemon(gates, origin):
    gate = gates(origin=origin)
    admin = ["--admin", f"unix:{gate.admin_path}"]
    status, out, err = command("status", *admin)
    assert (status, err) == (0, "") and json.loads(out)["pid"] == gate.process.pid
    assert command("reload", *admin)[:2] == (0, '{"generation":2}\n')
    gate.path.write_text("version: 1\nlistener: []\n")
    status, out, err = command("reload", *admin)
    assert (status, out) == (78, "")
    problems = json.loads(err)["problems"]
    assert any(re.fullmatch(re.escape(str(gate.path)) + r':2:1: error: unknown key "listener".*', problem) for problem in problems)
    assert json.loads(command("status", *admin)[1])["generation"] == 2
    status, _, err = command("status", "--admin", f"unix:{gate.folder}/absent.sock")
    assert status == 1 and "absent.sock" in err


def test_many_reloads_at_once_all_get_an_answer(gates, origin):
    gate = gates(origin=origin)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(gate.admin("/reload", "POST"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(json.loads(text)["generation"] for _, text in answers) == list(range(2, 10))


# The admin listener


def test_the_admin_socket_belongs_to_the_user_and_group(gate):
    found = os.stat(gate.admin_path)
    assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o660


def test_the_admin_listener_may_stand_on_loopback_and_nowhere_else(gates, origin, folder):
    port = free_port()
    gate = gates(origin=origin, admin={"address": f"127.0.0.1:{port}"})
    assert gate.request(path="/livez", port=port)[::2] == (200, b"ok\n")
    assert command("status", "--admin", f"127.0.0.1:{port}")[0] == 0
    for address in ("0.0.0.0:9", "[::]:9", "192.0.2.1:9", "somewhere"):
        status, _, err = command("check", Gate(folder / "elsewhere", origin=origin, admin={"address": address}).path)
        assert status == 78 and "loopback" in err, address


def test_an_admin_socket_that_a_dead_daemon_left_is_replaced_and_one_in_use_is_not(gates, origin):
    gate = gates(origin=origin)
    gate.kill()
    assert os.path.exists(gate.admin_path)
    gate.lines.clear()
    gate.start()
    assert gate.admin("/livez")[0] == 200
    second = Gate(gate.folder / "second", origin=origin, admin={"address": f"unix:{gate.admin_path}"}).start(wait=False)
    assert second.process.wait(10) == 1
    wait_for(lambda: second.logged("cannot open the admin listener"))
    assert gate.admin("/livez")[0] == 200


@pytest.mark.parametrize("data, status", [
    (b"GET /absent HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"POST /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"GET /reload HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"nonsense\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n", 404),
])
def test_what_the_admin_listener_does_not_take_is_answered_and_closed(gate, data, status):
    answer = raw(gate, data)
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"\r\nConnection: close" in head
    assert json.loads(body)["status"] == status
    if status == 405:
        assert b"\r\nAllow: " in head
    assert gate.admin("/livez")[0] == 200


def test_head_has_no_body_and_a_silent_operator_costs_nothing(gate):
    answer = raw(gate, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200") and body == b"" and int(re.search(rb"Content-Length: (\d+)", head)[1]) > 1000
    silent = []
    for _ in range(100):
        client = socket.socket(socket.AF_UNIX)
        client.connect(gate.admin_path)
        silent.append(client)
    # More than the listener keeps: those that came too late are closed, traffic goes on.
    assert gate.request()[0] == 200
    for client in silent:
        client.close()

    def answers():
        try:
            return gate.admin("/livez")[0] == 200
        except OSError:
            # It has not seen all of them go.
            return False

    wait_for(answers)


# Access log


def test_the_access_log_says_what_happened(gates, origin):
    denylist = "denylist.txt"
    gate = gates(origin=origin)
    gate.request("POST", "/a%20b?secret=1", body=b"12345", headers={"User-Agent": 'odd "agent"\\', "Host": "sso.example"})
    line = gate.accesses()[0]
    assert re.fullmatch(WHEN, line.pop("time"))
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", line.pop("request_id"))
    assert line.pop("duration_ms") >= line.pop("upstream_ms") >= 0
    assert line.pop("bytes_in") > 5 and line.pop("bytes_out") > 2
    assert line == {
        "client_ip": "127.0.0.1", "peer_ip": "127.0.0.1", "method": "POST", "path": "/a%20b", "host": "sso.example",
        "status": 200, "upstream": f"http://127.0.0.1:{origin.port}", "service": "sso", "verdict": "allow",
        "user_agent": 'odd "agent"\\'}
    assert "secret" not in gate.access_log.read_text()
    (gate.folder / denylist).write_text("127.0.0.1\n")
    gate.configuration["denylist"] = {"files": [denylist]}
    gate.write()
    gate.reload()
    gate.request(path="/denied")
    line = gate.accesses(2)[1]
    assert (line["status"], line["verdict"], line["path"]) == (403, "block", "/denied")
    assert "upstream" not in line and "denylist" in line["reason"]


def test_the_access_log_shows_refusals_and_failures(gates, origin):
    gate = gates(origin=origin)
    gate.send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx")
    origin.close()
    assert gate.request()[0] == 502
    refused, failed = gate.accesses(2)
    assert (refused["status"], refused["verdict"]) == (400, "refuse") and refused["reason"]
    assert (failed["status"], failed["verdict"]) == (502, "fail")


def test_bytes_that_are_no_text_do_not_break_a_line(gates, origin):
    gate = gates(origin=origin)
    gate.send(b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a\xff\xfe\tb\xc3\xa4\r\nConnection: close\r\n\r\n")
    agent = gate.accesses()[0]["user_agent"]
    assert agent.startswith("a") and agent.endswith("bä")


def test_two_daemons_may_not_share_a_spool(gates, origin):
    collector = {"name": "file", "type": "file", "path": "events.jsonl"}
    gate = gates(origin=origin, collectors=[collector])
    with Origin() as other:
        second = Gate(gate.folder / "second", origin=other, collectors=[collector],
                      state_directory=str(gate.folder / "state")).start(wait=False)
        assert second.process.wait(10) == 1
        wait_for(lambda: second.logged("cannot use the state directory"))
