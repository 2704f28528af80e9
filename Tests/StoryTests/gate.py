"""One running daemon: writes its configuration, starts the real binary, knows its ports, reads what it writes."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def binary() -> str:
    named = os.environ.get("LOGINWARD")
    if named:
        return named
    for kind in ("release", "debug"):
        path = ROOT / ".build" / kind / "loginward"
        if path.exists():
            return str(path)
    raise RuntimeError("no binary: swift build -c release --product loginward")


def wait_for(what, seconds=10.0, pause=0.02):
    """The first true result of `what`, or an AssertionError when the time is over."""
    end = time.monotonic() + seconds
    while True:
        result = what()
        if result:
            return result
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(pause)


def command(*words, seconds=20):
    """The program with these words, run to its end: (exit status, standard output, standard error)."""
    done = subprocess.run([binary(), *map(str, words)], capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


def free_port() -> int:
    """A port that nobody listens at just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def closed(port) -> bool:
    """Nobody listens at this port of loopback."""
    with socket.socket() as client:
        client.settimeout(5)
        return client.connect_ex(("127.0.0.1", port)) != 0


class Gate:
    """`origin` is anything with a `port`; `settings` are top-level keys, merged over the defaults; `service` goes into the one service."""

    def __init__(self, folder, origin=None, service=None, upstream=None, listener=None, environment=None, raw=None, limit_files=None,
                 prefix=(), pass_fds=(), words=(), **settings):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "loginward.yaml"
        self.access_log = self.folder / "access.log"
        self.admin_path = str(self.folder / "admin.sock")
        self.environment = environment or {}
        self.limit_files = limit_files
        # Words in front of the program, for a shell that prepares its surroundings.
        self.prefix = list(prefix)
        self.pass_fds = pass_fds
        # Words behind `run --config FILE`.
        self.words = list(words)
        self.process = None
        self.lines = []
        self.ports = {}
        self.raw = raw
        servers = [f"http://127.0.0.1:{origin.port}"] if origin else []
        self.configuration = {
            "version": 1,
            "workers": 2,
            "state_directory": str(self.folder / "state"),
            "listeners": [{"address": "127.0.0.1:0", **(listener or {})}],
            "services": [{"name": "sso", "upstream": {"servers": servers, **(upstream or {})}, **(service or {})}],
            "admin": {"address": f"unix:{self.admin_path}"},
            "access_log": {"path": str(self.access_log), "format": "json"},
            **settings,
        }
        self.write()

    def write(self):
        # YAML is a superset of JSON.
        self.path.write_text(self.raw if self.raw is not None else json.dumps(self.configuration, indent=1))

    # Life

    def start(self, wait=True):
        def limit():
            if self.limit_files:
                import resource

                resource.setrlimit(resource.RLIMIT_NOFILE, (self.limit_files, self.limit_files))

        self.process = subprocess.Popen(
            [*self.prefix, binary(), "run", "--config", str(self.path), *self.words], stderr=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, **self.environment}, preexec_fn=limit if self.limit_files else None, text=True,
            errors="replace", pass_fds=self.pass_fds)
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        if wait:
            wait_for(lambda: self.logged("msg=ready") or self.process.poll() is not None)
            assert self.process.poll() is None, "".join(self.lines)
        return self

    def _read(self, process):
        for line in process.stderr:
            self.lines.append(line)
            found = re.search(r"msg=listening address=(\S+) listener=(\S+)", line)
            if found and ":" in found[1] and not found[1].startswith("unix:"):
                self.ports[found[2]] = int(found[1].rsplit(":", 1)[1])

    def logged(self, text):
        return [line for line in self.lines if text in line]

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        before = len(self.logged("msg=reloaded")) + len(self.logged("reload failed"))
        self.signal(signal.SIGHUP)
        wait_for(lambda: len(self.logged("msg=reloaded")) + len(self.logged("reload failed")) > before)

    def stop(self, seconds=15) -> int:
        """SIGTERM and the exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    # Clients

    @property
    def port(self) -> int:
        return wait_for(lambda: next(iter(self.ports.values()), None))

    def connect(self, seconds=10) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def request(self, method="GET", path="/", body=None, headers=None, port=None):
        """(status, headers, body) through Python's own client."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def send(self, data: bytes, seconds=10, half_close=True) -> bytes:
        """Raw bytes in, everything that comes back out."""
        with self.connect(seconds) as client:
            client.sendall(data)
            if half_close:
                client.shutdown(socket.SHUT_WR)
            return read_all(client)

    def admin(self, path, method="GET"):
        connection = http.client.HTTPConnection("localhost", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(10)
        connection.sock.connect(self.admin_path)
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def metric(self, name, **labels) -> float:
        """The sum of a metric's samples that carry these labels."""
        total = 0.0
        for line in self.admin("/metrics")[1].splitlines():
            if line.startswith("#"):
                continue
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if found and found[1] == name and all(f'{key}="{value}"' in (found[2] or "") for key, value in labels.items()):
                total += float(found[3])
        return total

    # What it writes

    def accesses(self, count=1, seconds=5):
        """At least `count` lines of the access log."""
        def read():
            if not self.access_log.exists():
                return None
            # Each loop writes in blocks of its own: only the time tells the order.
            lines = [json.loads(line) for line in self.access_log.read_text().split("\n")[:-1]]
            return sorted(lines, key=lambda line: line["time"]) if len(lines) >= count else None

        return wait_for(read, seconds)


def read_all(client: socket.socket) -> bytes:
    out = b""
    while True:
        try:
            block = client.recv(65536)
        except ConnectionResetError:
            return out
        if not block:
            return out
        out += block


def read_until(client: socket.socket, end: bytes) -> bytes:
    out = b""
    while end not in out:
        block = client.recv(65536)
        assert block, f"ended early: {out!r}"
        out += block
    return out


def events_of(path, count=1, seconds=10):
    """At least `count` events of a file collector."""
    def read():
        if not os.path.exists(path):
            return None
        lines = [json.loads(line) for line in pathlib.Path(path).read_text().split("\n")[:-1]]
        return lines if len(lines) >= count else None

    return wait_for(read, seconds)
