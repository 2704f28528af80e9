"""Receivers of events over HTTP: each product's framing and words, what it says of single events, and every way to fail."""
import gzip
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest

from gate import command, free_port, wait_for
from origin import response
from receiver import Receiver, decode
from test_collectors import logins_during, otlp, sent
from test_operation import LOGIN, log_in

CLICKHOUSE = shutil.which("clickhouse-server", path=os.environ.get("PATH", "") + ":/usr/sbin")


def preset(name, port, **more):
    return {"name": "siem", "preset": name, "url": f"http://127.0.0.1:{port}", "flush": "50ms", **more}


def plain(posted):
    return gzip.decompress(posted.body) if posted.headers["Content-Encoding"] == "gzip" else posted.body


def secret(folder, text="s3cret-token"):
    (folder / "token").write_text(text + "\n")
    return str(folder / "token")


# What arrives


def test_splunk_gets_its_envelopes(gates, origin, folder):
    with Receiver((200, {}, b'{"text":"Success","code":0}')) as receiver:
        gate = gates(origin=origin, service=LOGIN, workers=1, collectors=[preset("splunk", receiver.port, token_file=secret(folder))])
        logins_during(gate, 3)
        wait_for(lambda: sent(gate) == 3)
        assert "s3cret" not in "".join(gate.lines) + gate.admin("/status")[1]
    envelopes = [json.loads(line) for posted in receiver.taken for line in plain(posted).splitlines()]
    assert {posted.path for posted in receiver.taken} == {"/services/collector/event"}
    assert {posted.headers["Authorization"] for posted in receiver.taken} == {"Splunk s3cret-token"}
    assert {posted.headers["Content-Encoding"] for posted in receiver.taken} == {"gzip"}
    assert [envelope["event"]["usr"]["login"] for envelope in envelopes] == ["u0", "u1", "u2"]
    for envelope in envelopes:
        assert abs(envelope["time"] - time.time()) < 60 and envelope["host"] == socket.gethostname()
        assert (envelope["source"], envelope["sourcetype"]) == ("loginward", "loginward:login")


def bulk(posted):
    lines = [json.loads(line) for line in plain(posted).splitlines()]
    return list(zip(lines[::2], lines[1::2]))


def items(*statuses):
    found = [{"create": {"status": status, **({} if status < 300 else {"error": {"type": "es_exception", "reason": "no"}})}}
             for status in statuses]
    return 200, {}, json.dumps({"errors": any(status > 299 for status in statuses), "items": found}).encode()


def test_elastic_gets_ecs_documents_under_their_ids(gates, origin, folder):
    with Receiver(lambda posted: items(*[201] * len(bulk(posted)))) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[preset("elastic", receiver.port, token_file=secret(folder))])
        origin.answer = response(401)
        log_in(gate, "ada", **{"User-Agent": "story/1"})
        wait_for(lambda: sent(gate) == 1)
    (posted,) = receiver.taken
    assert posted.path.startswith("/logs-loginward-default/_bulk?filter_path=") and posted.headers["Authorization"] == "ApiKey s3cret-token"
    assert plain(posted).endswith(b"\n") and posted.headers["Content-Type"] == "application/x-ndjson"
    ((action, document),) = bulk(posted)
    assert action == {"create": {"_id": document["event"]["id"]}}
    assert document["event"]["category"] == ["authentication"] and document["event"]["type"] == ["start"]
    assert (document["event"]["kind"], document["event"]["outcome"], document["event"]["action"]) == (
        "event", "failure", "users.login.failure")
    assert document["user"]["name"] == "ada" and document["source"]["ip"] == document["client"]["ip"] == "127.0.0.1"
    assert document["http"]["response"]["status_code"] == 401 and document["user_agent"]["original"] == "story/1"


def test_datadog_gets_lists_of_its_attributes(gates, origin, folder):
    with Receiver((202, {}, b"{}")) as receiver:
        gate = gates(origin=origin, service=LOGIN, workers=1, collectors=[preset("datadog", receiver.port, token_file=secret(folder))])
        logins_during(gate, 3)
        wait_for(lambda: sent(gate) == 3)
    logs = [log for posted in receiver.taken for log in json.loads(plain(posted))]
    assert {posted.path for posted in receiver.taken} == {"/api/v2/logs"}
    assert {posted.headers["DD-API-KEY"] for posted in receiver.taken} == {"s3cret-token"}
    for number, log in enumerate(logs):
        assert (log["ddsource"], log["service"], log["status"]) == ("loginward", "sso", "info")
        assert log["evt"]["name"] == "users.login.success" and log["usr"]["login"] == f"u{number}"
        assert log["http"]["client_ip"] == log["network"]["client"]["ip"] == "127.0.0.1" and log["duration"] > 0
        assert abs(log["timestamp"] / 1000 - time.time()) < 60


def test_loki_gets_a_stream_for_each_kind_of_event(gates, origin, folder):
    with Receiver((204, {}, b"")) as receiver:
        gate = gates(origin=origin, service=LOGIN, workers=1, collectors=[preset("loki", receiver.port, flush="400ms")])
        logins_during(gate, 3)
        origin.answer = response(401)
        log_in(gate, "eve")
        wait_for(lambda: sent(gate) == 4)
    found = {}
    for posted in receiver.taken:
        for stream in json.loads(plain(posted))["streams"]:
            assert (stream["stream"]["job"], stream["stream"]["service"]) == ("loginward", "sso")
            for nanoseconds, line in stream["values"]:
                assert abs(int(nanoseconds) / 1e9 - time.time()) < 60
                found.setdefault(stream["stream"]["event"], []).append(json.loads(line)["usr"]["login"])
    assert found == {"users.login.success": ["u0", "u1", "u2"], "users.login.failure": ["eve"]}


def test_a_signature_says_that_it_is_us(gates, origin, folder):
    key = folder / "key"
    key.write_text("0123456789abcdef0123\n")
    with Receiver() as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[{
            "name": "siem", "type": "http", "url": f"http://127.0.0.1:{receiver.port}/", "framing": "array", "schema": "ocsf", "gzip": True,
            "flush": "20ms", "signature": {"key_file": str(key)}}])
        log_in(gate, "ada")
        wait_for(lambda: receiver.taken)
    (posted,) = receiver.taken
    parts = dict(part.split("=") for part in posted.headers["X-Loginward-Signature"].split(","))
    assert abs(int(parts["t"]) - time.time()) < 60
    expected = hmac.new(b"0123456789abcdef0123", parts["t"].encode() + b"." + posted.body, hashlib.sha256).hexdigest()
    assert parts["v1"] == expected
    assert json.loads(plain(posted))[0]["class_uid"] == 3002


def test_otlp_is_packed_when_asked_for(gates, origin):
    with Receiver() as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[otlp(receiver.port, encoding="protobuf", gzip=True)])
        log_in(gate, "ada")
        wait_for(lambda: receiver.taken)
    (posted,) = receiver.taken
    assert posted.headers["Content-Encoding"] == "gzip"
    posted.body = gzip.decompress(posted.body)
    assert len(decode(posted).resource_logs) == 1


@pytest.fixture
def clickhouse(tmp_path):
    """ClickHouse of Debian on a port of loopback, and a function that asks it."""
    assert CLICKHOUSE, "no clickhouse-server: .ci/install test"
    folder = tmp_path / "clickhouse"
    folder.mkdir()
    port = free_port()
    (folder / "config.xml").write_text(
        f"<yandex><logger><level>warning</level><console>1</console></logger><http_port>{port}</http_port>"
        f"<tcp_port>{free_port()}</tcp_port><listen_host>127.0.0.1</listen_host><path>{folder}/data/</path>"
        f"<tmp_path>{folder}/tmp/</tmp_path><mark_cache_size>1000000</mark_cache_size><users_config>users.xml</users_config>"
        "<default_profile>default</default_profile><default_database>default</default_database></yandex>")
    (folder / "users.xml").write_text(
        "<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default><password>k3y</password>"
        "<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users></yandex>")
    process = subprocess.Popen(
        [CLICKHOUSE, f"--config-file={folder}/config.xml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(query):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", data=query.encode(), headers={"X-ClickHouse-User": "default", "X-ClickHouse-Key": "k3y"})
        return urllib.request.urlopen(request, timeout=10).read().decode()

    def answers():
        assert process.poll() is None
        try:
            return ask("SELECT 1")
        except OSError:
            return None

    wait_for(answers)
    ask.port = port
    yield ask
    process.kill()
    process.wait()


def test_clickhouse_stores_every_event(gates, origin, folder, clickhouse):
    clickhouse("CREATE TABLE loginward_events (id String, time DateTime, event String, service String, `usr.login` String, `usr.exists` UInt8,"
               " `http.client_ip` String, `http.status_code` UInt16, blocked UInt8) ENGINE = MergeTree() ORDER BY time")
    gate = gates(origin=origin, service=LOGIN, collectors=[
        preset("clickhouse", clickhouse.port, token_file=secret(folder, "k3y"))])
    logins_during(gate, 10)
    log_in(gate, 'ö"\\\n')
    wait_for(lambda: sent(gate) == 11)
    rows = [json.loads(line) for line in clickhouse("SELECT * FROM loginward_events ORDER BY id FORMAT JSONEachRow").splitlines()]
    assert {row["usr.login"] for row in rows} == {f"u{number}" for number in range(10)} | {'ö"\\\n'} and len(rows) == 11
    assert {(row["event"], row["http.client_ip"], row["http.status_code"], row["usr.exists"], row["blocked"]) for row in rows} == {
        ("users.login.success", "127.0.0.1", 200, 1, 0)}


# What goes wrong


def aside(gate):
    return [json.loads(line) for path in (gate.folder / "state").rglob("refused-*.jsonl") for line in path.read_text().splitlines()]


def test_of_a_bulk_request_only_what_was_put_off_is_sent_again(gates, origin):
    seen = []

    def answer(posted):
        names = [document["user"]["name"] for _, document in bulk(posted)]
        seen.append(names)
        # u1 is there already, u2 can never be, u3 and u4 have to wait.
        first = {"u1": 409, "u2": 400, "u3": 429, "u4": 503}
        return items(*[first.get(name, 201) if len(seen) == 1 else 201 for name in names])

    with Receiver(answer) as receiver:
        gate = gates(origin=origin, service=LOGIN, workers=1, collectors=[preset("elastic", receiver.port, flush="500ms")])
        logins_during(gate, 6)
        wait_for(lambda: sent(gate) == 5)
    assert seen == [[f"u{number}" for number in range(6)], ["u3", "u4"]]
    assert sent(gate, "rejected") == 1 and sent(gate, "retried") == 1
    (poison,) = aside(gate)
    assert poison["event"]["usr"]["login"] == "u2" and poison["reason"] == "status 400 es_exception"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"errors":false,"items":[]}', b'{"items":[{"create":{"status":201}', b"[" * 5000])
def test_an_answer_that_says_nothing_of_the_events_is_asked_for_again(gates, origin, body):
    with Receiver(lambda posted: (200, {}, body) if len(receiver.requests) < 2 else items(*[201] * len(bulk(posted)))) as receiver:
        gate = gates(origin=origin, service=LOGIN, collectors=[preset("elastic", receiver.port)])
        log_in(gate, "ada")
        wait_for(lambda: sent(gate) == 1)
    assert sent(gate, "retried") == 1 and receiver.requests[0].body and plain(receiver.requests[0]) == plain(receiver.requests[1])


def test_an_event_that_splunk_cannot_read_is_set_aside_alone(gates, origin):
    def answer(posted):
        names = [json.loads(line)["event"]["usr"]["login"] for line in plain(posted).splitlines()]
        got.append(names)
        if "u2" in names:
            return 400, {}, json.dumps({"text": "Invalid data format", "code": 6, "invalid-event-number": names.index("u2")}).encode()
        return 200, {}, b'{"text":"Success","code":0}'

    got = []
    with Receiver(answer) as receiver:
        gate = gates(origin=origin, service=LOGIN, workers=1, collectors=[preset("splunk", receiver.port, flush="500ms")])
        logins_during(gate, 5)
        wait_for(lambda: sent(gate) == 4)
    assert got == [["u0", "u1", "u2", "u3", "u4"], ["u3", "u4"]]
    assert [poison["event"]["usr"]["login"] for poison in aside(gate)] == ["u2"] and sent(gate, "rejected") == 1


@pytest.mark.parametrize("cut", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"errors\""])
def test_an_answer_that_is_cut_in_the_middle_is_no_answer(gates, origin, cut):
    """Whoever lost the answer sends once more, and Elasticsearch says of each event that it is there."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    data = b""
                    while b"\r\n\r\n" not in data:
                        data += peer.recv(65536)
                    head, _, body = data.partition(b"\r\n\r\n")
                    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
                    while len(body) < length:
                        body += peer.recv(65536)
                    asked.append(body)
                    answer = items(409)[2]
                    peer.sendall(cut if len(asked) < 3 else b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))

        threading.Thread(target=serve, daemon=True).start()
        gate = gates(origin=origin, service=LOGIN, collectors=[preset("elastic", listener.getsockname()[1])])
        log_in(gate, "ada")
        wait_for(lambda: sent(gate) == 1)
        assert sent(gate, "retried") == 2 and sent(gate, "rejected") == 0
        assert gzip.decompress(asked[0]) == gzip.decompress(asked[2])
        listener.shutdown(socket.SHUT_RDWR)
