"""Syslog collectors: RFC 5424 with the length in front, over TCP and TLS, as the real rsyslog reads it."""
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from gate import free_port, wait_for
from origin import response
from test_collectors import sent
from test_operation import LOGIN, log_in

RSYSLOGD = shutil.which("rsyslogd", path=os.environ.get("PATH", "") + ":/usr/sbin")


class Rsyslog:
    """rsyslogd on a port of loopback; `messages` are what it understood."""

    def __init__(self, folder, port=0, tls=None):
        self.folder = folder
        self.port = port or free_port()
        self.out = folder / "messages.jsonl"
        driver = ('StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="{0}"'.format(
            "x509/certvalid" if tls and tls["asks"] else "anon") if tls else "")
        files = "" if not tls else (
            f'global(DefaultNetstreamDriverCAFile="{tls["ca"]}" DefaultNetstreamDriverCertFile="{tls["certificate"]}" '
            f'DefaultNetstreamDriverKeyFile="{tls["key"]}")\n')
        self.configuration = folder / "rsyslog.conf"
        self.configuration.write_text(
            f'global(workDirectory="{folder}" maxMessageSize="64k")\n{files}'
            f'module(load="imtcp" {driver})\n'
            'template(name="all" type="list" option.jsonf="on") {\n' + "".join(
                f' property(outname="{name}" name="{source}" format="jsonf")\n' for name, source in {
                    "priority": "pri", "version": "protocol-version", "time": "timestamp\" dateFormat=\"rfc3339",
                    "host": "hostname", "app": "app-name",
                    "process": "procid", "kind": "msgid", "data": "structured-data", "message": "msg"}.items()) + "}\n"
            'ruleset(name="in") { action(type="omfile" file="' + str(self.out) + '" template="all" flushOnTXEnd="on") }\n'
            f'input(type="imtcp" port="{self.port}" address="127.0.0.1" ruleset="in")\n')
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [RSYSLOGD, "-n", "-f", str(self.configuration), "-i", str(self.folder / "rsyslog.pid")],
            stdout=subprocess.DEVNULL, stderr=open(self.folder / "rsyslog.log", "a"))

        def listening():
            assert self.process.poll() is None, (self.folder / "rsyslog.log").read_text()
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", self.port)) == 0

        wait_for(listening)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    @property
    def messages(self):
        return [json.loads(line) for line in self.out.read_text().splitlines()] if self.out.exists() else []


@pytest.fixture
def rsyslog(tmp_path):
    assert RSYSLOGD, "no rsyslogd: .ci/install test"
    started = []

    def start(**words):
        folder = tmp_path / f"rsyslog{len(started)}"
        folder.mkdir()
        started.append(Rsyslog(folder, **words))
        return started[-1]

    yield start
    for receiver in started:
        receiver.stop()


def syslog(port, scheme="tcp", host="127.0.0.1", **more):
    return {"name": "siem", "type": "syslog", "url": f"{scheme}://{host}:{port}", "flush": "20ms", **more}


def test_rsyslog_reads_every_event(gates, origin, rsyslog):
    receiver = rsyslog()
    gate = gates(origin=origin, service=LOGIN, collectors=[syslog(receiver.port)])
    log_in(gate, 'ada "ö"\\')
    origin.answer = response(401)
    log_in(gate, "eve\n<13>1 - forged - - - -")
    wait_for(lambda: len(receiver.messages) == 2)
    success, failure = sorted(receiver.messages, key=lambda message: message["time"])
    assert (success["priority"], failure["priority"]) == (str(10 * 8 + 6), str(10 * 8 + 5))
    assert (success["kind"], failure["kind"]) == ("users.login.success", "users.login.failure")
    assert {success["app"], failure["app"]} == {"loginward"} and success["host"] == socket.gethostname()
    assert success["version"] == "1" and success["process"] == str(gate.process.pid) and success["data"] == "-"
    event = json.loads(success["message"])
    assert event["usr"]["login"] == 'ada "ö"\\' and event["event"] == "users.login.success"
    assert success["time"] == event["time"].replace("Z", "+00:00") or success["time"] == event["time"]
    assert json.loads(failure["message"])["usr"]["login"] == "eve\n<13>1 - forged - - - -", "one event is one message"
    wait_for(lambda: sent(gate) == 2)


def test_cef_and_ocsf_over_syslog(gates, origin, rsyslog):
    receiver = rsyslog()
    gate = gates(origin=origin, service=LOGIN, collectors=[
        syslog(receiver.port, schema="cef"), {**syslog(receiver.port, schema="ocsf"), "name": "ocsf"}])
    origin.answer = response(401)
    log_in(gate, "a=b|c\\d\ne", **{"User-Agent": "story/1 (x=y)"})
    wait_for(lambda: len(receiver.messages) == 2)
    cef, ocsf = sorted((message["message"] for message in receiver.messages), key=lambda text: not text.startswith("CEF"))
    head, fields = re.fullmatch(r"(CEF:0\|Loginward\|loginward\|[^|]+\|users\.login\.failure\|Login failed\|5)\|(.*)", cef).groups()
    assert r"duser=a\=b|c\\d\ne " in fields and r"requestClientApplication=story/1 (x\=y) " in fields
    assert "src=127.0.0.1 " in fields and "outcome=failure act=allow" in fields and "cn1Label=statusCode cn1=401" in fields
    event = json.loads(ocsf)
    assert (event["class_uid"], event["type_uid"], event["status_id"], event["user"]["name"]) == (3002, 300201, 2, "a=b|c\\d\ne")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """An authority, what it gave to the name "localhost", and what it gave to us."""
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=authority", "-addext", "basicConstraints=critical,CA:TRUE")
    for name in ("localhost", "gate"):
        (folder / f"{name}.cnf").write_text(f"subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out",
                f"{name}.pem", "-extfile", f"{name}.cnf")
    return folder


def tls(authority, asks=False):
    return {"ca": authority / "ca.pem", "certificate": authority / "localhost.pem", "key": authority / "localhost.key", "asks": asks}


def test_rsyslog_over_tls_with_a_certificate_of_ours(gates, origin, rsyslog, authority):
    receiver = rsyslog(tls=tls(authority, asks=True))
    gate = gates(origin=origin, service=LOGIN, collectors=[
        syslog(receiver.port, "tls", "localhost", tls_ca=str(authority / "ca.pem"), tls_certificate=str(authority / "gate.pem"),
               tls_key=str(authority / "gate.key"))])
    for number in range(30):
        log_in(gate, f"u{number}")
    wait_for(lambda: len(receiver.messages) == 30)
    assert {json.loads(message["message"])["usr"]["login"] for message in receiver.messages} == {f"u{n}" for n in range(30)}


@pytest.mark.parametrize("host, trusts", [("127.0.0.1", True), ("localhost", False)])
def test_a_receiver_that_cannot_show_its_name_gets_nothing(gates, origin, authority, host, trusts):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "localhost.pem", authority / "localhost.key")
    got = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(peer, server_side=True) as wrapped:
                        got.append(wrapped.recv(100))
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        more = {"tls_ca": str(authority / "ca.pem")} if trusts else {}
        gate = gates(origin=origin, service=LOGIN, collectors=[syslog(listener.getsockname()[1], "tls", host, **more)])
        log_in(gate, "ada")
        wait_for(lambda: sent(gate, "retried") >= 2)
        assert b"".join(got) == b"" and sent(gate) == 0
        listener.shutdown(socket.SHUT_RDWR)


def test_what_a_receiver_misses_while_it_is_down_comes_later(gates, origin, rsyslog):
    receiver = rsyslog()
    gate = gates(origin=origin, service=LOGIN, collectors=[syslog(receiver.port)])
    log_in(gate, "u0")
    wait_for(lambda: len(receiver.messages) == 1)
    receiver.stop()
    for number in range(1, 20):
        assert log_in(gate, f"u{number}")[0] == 200
    wait_for(lambda: sent(gate, "retried") > 0)
    receiver.start()
    wait_for(lambda: {json.loads(message["message"])["usr"]["login"] for message in receiver.messages} == {f"u{n}" for n in range(20)}, 20)


def test_a_receiver_that_does_not_read_delays_no_login(gates, origin):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gate = gates(origin=origin, service=LOGIN, collectors=[syslog(listener.getsockname()[1], timeout="500ms")])
        for number in range(40):
            start = time.monotonic()
            assert log_in(gate, f"u{number}", **{"User-Agent": "x" * 20_000})[0] == 200
            assert time.monotonic() - start < 3
        # As much as the kernels take without anybody reading; the end does not wait for the rest.
        start = time.monotonic()
        assert gate.stop() == 0 and time.monotonic() - start < 10


def test_a_receiver_that_hangs_up_is_asked_again_with_the_same_batch(gates, origin):
    got = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            # The first one ends in the middle, without having read.
            peer, _ = listener.accept()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            time.sleep(0.3)
            peer.close()
            peer, _ = listener.accept()
            while data := peer.recv(65536):
                got.append(data)

        threading.Thread(target=serve, daemon=True).start()
        gate = gates(origin=origin, service=LOGIN, collectors=[syslog(listener.getsockname()[1], flush="100ms")])
        # More than two sockets buffer: the end of the first connection finds the batch on its way.
        for number in range(400):
            log_in(gate, f"u{number}", **{"User-Agent": "x" * 20_000})
        wait_for(lambda: sent(gate) == 400, 30)
        text = b"".join(got)
        while text:
            length, _, text = text.partition(b" ")
            assert text[:int(length)].startswith(b"<86>1 ") and text[:int(length)].endswith(b"}")
            text = text[int(length):]
