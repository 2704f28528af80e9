"""Reloads under load: not one request may fail.  `make reload-soak`, or  reload_soak.py --requests N --reloads N.

Clients with kept connections (plain and TLS), clients with a new connection for each request, upgraded connections that echo, and slow
downloads run while the configuration is reloaded: limits change, a listener comes and goes, the certificate is another one, and every
tenth file is wrong. A connection may only end after an answer that announced it. At the end: descriptors and memory as before.
"""
import argparse
import hashlib
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from gate import Gate, free_port, wait_for  # noqa: E402
from origin import Origin  # noqa: E402

REQUEST = b"GET /small HTTP/1.1\r\nHost: a\r\nUser-Agent: soak\r\nAccept: */*\r\n\r\n"


class Ended(Exception):
    """The gate was asked to stop, and says so."""


class Client(threading.Thread):
    """One client that goes on until it is told to end. `failures` says what should not have happened."""

    def __init__(self, port, context=None, keeps=True):
        super().__init__(daemon=True)
        self.port, self.context, self.keeps = port, context, keeps
        self.done = 0
        self.announced = 0
        self.failures = []
        self.running = True
        # The gate is told to stop: being refused is then no failure.
        self.may_be_refused = False

    def connect(self):
        try:
            client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        except OSError as error:
            if self.may_be_refused:
                raise Ended from error
            raise
        if self.context:
            client = self.context.wrap_socket(client, server_hostname="a")
        else:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def run(self):
        client = None
        while self.running:
            try:
                if client is None:
                    client = self.connect()
                client.sendall(REQUEST)
                answer = client.recv(65536)
                while b"\r\n\r\n" not in answer:
                    more = client.recv(65536)
                    if not more:
                        raise OSError(f"closed without a word after {answer!r}")
                    answer += more
                head, body = answer.split(b"\r\n\r\n", 1)
                length = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)[1])
                while len(body) < length:
                    more = client.recv(65536)
                    if not more:
                        raise OSError("half an answer")
                    body += more
                if not head.startswith(b"HTTP/1.1 200"):
                    raise OSError(head.split(b"\r\n")[0].decode())
                self.done += 1
                if b"\r\nconnection: close" in head.lower():
                    self.announced += 1
                    client.close()
                    client = None
                elif not self.keeps:
                    client.close()
                    client = None
            except Ended:
                return
            except OSError as error:
                self.failures.append(repr(error))
                if client:
                    client.close()
                client = None
                time.sleep(0.01)
        if client:
            client.close()


class Echo(threading.Thread):
    """An upgraded connection that must live through everything."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.client = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.client.sendall(b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.client.recv(4096)
        assert head.startswith(b"HTTP/1.1 101"), head
        self.failures, self.done, self.running = [], 0, True

    def run(self):
        while self.running:
            text = os.urandom(400)
            try:
                self.client.sendall(text)
                back = b""
                while len(back) < len(text):
                    more = self.client.recv(4096)
                    if not more:
                        raise OSError("the tunnel ended")
                    back += more
                if back != text:
                    raise OSError("the tunnel changed bytes")
                self.done += 1
            except OSError as error:
                self.failures.append(repr(error))
                return
            time.sleep(0.02)
        self.client.close()


class Download(threading.Thread):
    """A slow reader of one large body after the other."""

    def __init__(self, port, size, digest):
        super().__init__(daemon=True)
        self.port, self.size, self.digest = port, size, digest
        self.failures, self.done, self.running = [], 0, True

    def run(self):
        while self.running:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client:
                    client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    data = b""
                    while b"\r\n\r\n" not in data:
                        data += client.recv(65536)
                    body = data.split(b"\r\n\r\n", 1)[1]
                    seen, count = hashlib.sha256(body), len(body)
                    while self.running:
                        block = client.recv(65536)
                        if not block:
                            break
                        seen.update(block)
                        count += len(block)
                        time.sleep(0.005)
                    if not self.running:
                        return
                    if (count, seen.hexdigest()) != (self.size, self.digest):
                        raise OSError(f"{count} of {self.size} bytes")
                    self.done += 1
            except OSError as error:
                self.failures.append(repr(error))


def certificate(folder, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=DNS:a", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"],
        check=True, capture_output=True)


def start_nginx(folder, echo):
    """Small answers, a large file, and the way to the echo, from a real server."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    port = free_port()
    (folder / "large").write_bytes(b"0123456789abcdef" * 65536 * 8)
    (folder / "small").write_bytes(b"x" * 200)
    (folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type text/plain;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port}; root {folder};
    location /echo {{
      proxy_pass http://127.0.0.1:{echo}; proxy_http_version 1.1; proxy_read_timeout 1h;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    }}
  }}
}}""")
    process = subprocess.Popen([program, "-c", folder / "nginx.conf", "-p", folder], stderr=subprocess.DEVNULL)

    def answers():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(answers)
    return process, port


def echo(request, client):
    client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    while True:
        data = client.recv(65536)
        if not data:
            return None
        client.sendall(data)


class Soak:
    def __init__(self, folder, requests, reloads, words=()):
        self.folder, self.requests, self.reloads = pathlib.Path(folder), requests, reloads
        certificate(self.folder, "one")
        certificate(self.folder, "two")
        self.echoes = Origin(echo)
        self.nginx, port = start_nginx(self.folder, self.echoes.port)
        self.tls_port, self.extra = free_port(), free_port()

        class Server:
            pass

        server = Server()
        server.port = port
        self.gate = Gate(self.folder / "gate", origin=server, words=words)
        # An upgraded connection is quiet between its texts.
        self.gate.configuration["limits"] = {"idle_timeout": "75s"}
        self.gate.configuration["listeners"].append({"address": f"127.0.0.1:{self.tls_port}", "tls": {
            "certificates": [{"certificate": str(self.folder / "one.pem"), "key": str(self.folder / "one.key")}]}})
        self.gate.write()
        self.gate.start()
        self.port = self.gate.ports["127.0.0.1:0"]
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def close(self):
        self.gate.kill()
        self.nginx.terminate()
        self.nginx.wait()
        self.echoes.close()

    def facts(self):
        return self.gate.metric("process_open_fds"), self.gate.metric("process_resident_memory_bytes")

    def change(self, step):
        """The next configuration. True: it is a good one."""
        settings = self.gate.configuration
        settings["limits"]["head"] = f"{16 + step % 16}KiB"
        name = ("one", "two")[step % 2]
        pair = settings["listeners"][1]["tls"]["certificates"][0]
        pair["certificate"], pair["key"] = str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key")
        del settings["listeners"][2:]
        if step % 2:
            settings["listeners"].append({"address": f"127.0.0.1:{self.extra}"})
        settings["mode"] = "sometimes" if step % 10 == 5 else "block"
        self.gate.write()
        return step % 10 != 5

    def run(self):
        """What went wrong, as a list of texts; prints what was done."""
        clients = [Client(self.port) for _ in range(4)] + [Client(self.tls_port, self.context) for _ in range(2)]
        clients += [Client(self.port, keeps=False), Client(self.tls_port, self.context, keeps=False)]
        body = (self.folder / "large").read_bytes()
        others = [Echo(self.port) for _ in range(4)]
        others += [Download(self.port, len(body), hashlib.sha256(body).hexdigest()) for _ in range(2)]
        everybody = clients + others
        problems, good, bad, samples = [], 0, 0, []
        for one in everybody:
            one.start()
        begun = time.monotonic()
        for step in range(self.reloads):
            wanted = self.requests * (step + 1) // (self.reloads + 1)
            visitors = []
            while sum(client.done for client in clients) < wanted:
                time.sleep(0.005)
                if time.monotonic() - begun > 3600:
                    problems.append("no request for an hour")
                    break
            is_good = self.change(step)
            before = len(self.gate.logged("msg=reloaded")), len(self.gate.logged("reload failed"))
            self.gate.reload()
            after = len(self.gate.logged("msg=reloaded")), len(self.gate.logged("reload failed"))
            good, bad = good + after[0] - before[0], bad + after[1] - before[1]
            if (after[0] > before[0]) != is_good:
                problems.append(f"reload {step}: {'failed' if is_good else 'a wrong file was taken'}")
            if is_good and step % 2:
                # On the listener that is taken away by the next reload.
                visitors = [Client(self.extra), Client(self.extra, keeps=False)]
                for visitor in visitors:
                    visitor.may_be_refused = True
                    visitor.start()
                clients += visitors
            samples.append(self.facts())
        while sum(client.done for client in clients) < self.requests:
            time.sleep(0.01)
        wait_for(lambda: all(one.done or one.failures for one in others), 60)
        for one in others:
            one.running = False
        # The end is announced, too.
        for client in clients:
            client.may_be_refused = True
        served = sum(client.done for client in clients)
        code = self.stop(clients, others)
        if code != 0:
            problems.append(f"the daemon ended with exit code {code}")
        problems += [f"{type(one).__name__}: {failure}" for one in clients + others for failure in one.failures]
        print(f"{served} requests in {time.monotonic() - begun:.0f} s, {good} reloads, {bad} refused ones, "
              f"{sum(client.announced for client in clients)} announced ends, {len(problems)} problems")
        if len(samples) >= 6:
            third = samples[len(samples) // 3]
            print(f"resident memory {third[1] / 1e6:.1f} MB after a third, {samples[-1][1] / 1e6:.1f} MB at the end; "
                  f"descriptors {third[0]:.0f}, {samples[-1][0]:.0f}")
            if samples[-1][1] > third[1] * 1.15 + (8 << 20):
                problems.append(f"memory grows: {third[1]:.0f} -> {samples[-1][1]:.0f}")
            if samples[-1][0] > third[0] + 16:
                problems.append(f"descriptors grow: {third[0]} -> {samples[-1][0]}")
        return problems

    def stop(self, clients, others):
        """Stops the gate while its clients go on; its exit code."""
        for one in others:
            one.join(60)
        self.gate.signal(15)
        code = self.gate.process.wait(60)
        for client in clients:
            client.running = False
        for client in clients:
            client.join(60)
        return code


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--requests", type=int, default=1_000_000)
    words.add_argument("--reloads", type=int, default=100)
    words.add_argument("--supervise", action="store_true")
    said = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(folder, said.requests, said.reloads, ["--supervise"] if said.supervise else [])
        try:
            problems = soak.run()
        finally:
            soak.close()
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
