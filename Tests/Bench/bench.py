#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares proxies by the CPU time that one request costs them, on loopback, in one run.

A machine's speed says little, so every figure is taken in turn: each round loads every proxy once, and the table shows the
medians of the rounds and their ratio to the relay and to nginx. CPU time is user + system of the proxy's process
(/proc/PID/stat) over the requests that wrk saw answered. Everything runs with one worker and keep-alive on both sides.
Then the same GET over HTTP/2, 32 streams on one connection, from h2load. Then: resident memory of an idle keep-alive connection, and allocations per request in the steady state.
"""

import argparse
import json
import mmap
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TICK = 1.0 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CONNECTIONS = 32

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7,de;q=0.3",
    "Accept-Encoding": "gzip, deflate, br",
    "Cookie": "session=7f3a9c1e5b2d4f6087a1c3e5d7f90b2d; theme=dark; consent=1",
}
FORM = b"username=alice.smith&password=wonderland"
assert len(FORM) == 40


class Failed(Exception):
    """Something that was needed did not work; the message says what."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def request(kind):
    method, body = ("GET", b"") if kind == "GET" else ("POST", FORM)
    head = [f"{method} /login HTTP/1.1", "Host: login.example.com"] + [f"{k}: {v}" for k, v in BROWSER.items()]
    if body:
        head += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def read_response(connection):
    """One response whose length is declared; returns its status."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            raise Failed("a proxy closed a connection in the middle of a response")
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?im)^content-length:\s*(\d+)", head).group(1))
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split(b" ", 2)[1])


def exchange(connection, kind, times=1):
    expected = 200 if kind == "GET" else 401
    message = request(kind)
    for _ in range(times):
        connection.sendall(message)
        status = read_response(connection)
        if status != expected:
            raise Failed(f"{kind} was answered {status}, not {expected}")


class Proxy:
    """One started process that listens on a port. Ended by `stop`."""

    def __init__(self, name, command, port, log, environment=None):
        self.name, self.port, self.log = name, port, log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **(environment or {})})

    def await_port(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                    connection.settimeout(5)
                    exchange(connection, "GET")
                    exchange(connection, "POST")
                    return self
            except OSError:
                time.sleep(0.05)
        log = pathlib.Path(self.log).read_text(errors="replace")
        raise Failed(f"{self.name} did not start:\n{log[-2000:]}")

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK

    def resident(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Bench:
    def __init__(self, arguments, folder):
        self.arguments, self.folder, self.running = arguments, folder, []

    def path(self, name, text=None):
        place = self.folder / name
        if text is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return str(place)

    def start(self, name, command, port, environment=None):
        proxy = Proxy(name, command, port, self.path(f"{name.replace(' ', '')}.log"), environment)
        self.running.append(proxy)
        return proxy

    def stop(self, proxy=None):
        for each in [proxy] if proxy else list(self.running):
            each.stop()
            self.running.remove(each)

    def compile(self, source, *flags):
        result = self.path(source.split(".")[0])
        subprocess.run(["cc", "-O2", "-Wall", *flags, "-o", result, str(HERE / source)], check=True)
        return result

    # The programs.

    def nginx(self, name, http, port, load=""):
        prefix = self.folder / name.replace(" ", "")
        (prefix / "temp").mkdir(parents=True, exist_ok=True)
        temporary = "".join(
            f"{kind}_temp_path temp;\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        file = self.path(f"{prefix.name}/nginx.conf", f"""
            {load} daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr error;
            worker_rlimit_nofile {resource.getrlimit(resource.RLIMIT_NOFILE)[0]};
            events {{ worker_connections 24000; }}
            http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600; {temporary} {http} }}""")
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        return self.start(name, [program, "-p", str(prefix), "-c", file, "-e", "stderr"], port)

    def origin(self):
        port = free_port()
        proxy = self.nginx("origin", f"""
            server {{ listen 127.0.0.1:{port};
                location / {{ if ($request_method = POST) {{ return 401 "wrong password"; }} return 200 "<form>login</form>"; }} }}
            """, port)
        return proxy.await_port().port

    def rival_nginx(self, origin, name="nginx", extra="", load=""):
        port = free_port()
        return self.nginx(name, f"""
            upstream origin {{ server 127.0.0.1:{origin}; keepalive {CONNECTIONS}; keepalive_requests 1000000000; }}
            server {{ listen 127.0.0.1:{port}; {extra}
                location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }} }}
            """, port, load)

    def rival_http2(self, origin):
        port = free_port()
        return self.nginx("nginx h2", f"""
            upstream origin {{ server 127.0.0.1:{origin}; keepalive {CONNECTIONS}; keepalive_requests 1000000000; }}
            server {{ listen 127.0.0.1:{port} http2;
                location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }} }}
            """, port)

    def rival_modsecurity(self, origin):
        module, rules = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so", "/usr/share/modsecurity-crs/rules"
        recommended = next((p for p in ("/etc/nginx/modsecurity.conf", "/etc/modsecurity/modsecurity.conf-recommended",
                                        "/etc/modsecurity/modsecurity.conf") if os.path.exists(p)), None)
        if not (os.path.exists(module) and os.path.exists(rules) and recommended):
            return None
        file = self.path("modsecurity.conf", f"""
Include {recommended}
SecRuleEngine On
SecAuditEngine Off
Include /etc/modsecurity/crs/crs-setup.conf
Include {rules}/*.conf
""")
        return self.rival_nginx(
            origin, "nginx + CRS", f"modsecurity on; modsecurity_rules_file {file};", f"load_module {module};")

    def rival_haproxy(self, origin):
        program = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
        if not program:
            return None
        port = free_port()
        file = self.path("haproxy.cfg", f"""
global
    nbthread 1
    maxconn 12000
    no strict-limits
defaults
    mode http
    option forwardfor
    http-reuse always
    timeout connect 5s
    timeout client 600s
    timeout server 60s
frontend in
    bind 127.0.0.1:{port}
    default_backend origin
backend origin
    server one 127.0.0.1:{origin}
""")
        return self.start("HAProxy", [program, "-db", "-f", file], port)

    def rival_relay(self, origin):
        port = free_port()
        return self.start("relay", [self.compile("relay.c"), str(port), str(origin)], port)

    def loginward(self, origin, environment=None):
        """Everything on: 10 000 denied addresses, the shipped rules, the access log, one login route, events to a file."""
        port = free_port()
        state = self.folder / f"loginward-{port}"
        state.mkdir()
        denied = "".join(f"198.{18 + i // 65536}.{i // 256 % 256}.{i % 256} - bench\n" for i in range(10_000))
        self.path(f"{state.name}/denylist.txt", denied)
        file = self.path(f"{state.name}/loginward.yaml", f"""version: 1
workers: 1
state_directory: {state}/state
listeners: [{{ address: "127.0.0.1:{port}" }}]
services:
  - name: bench
    upstream: {{ servers: ["http://127.0.0.1:{origin}"] }}
    logins:
      - name: web
        match: {{ method: POST, path: /login }}
        user: {{ login: body.username }}
        success: {{ status: [200, 302] }}
        failure: {{ status: [401, 403] }}
denylist: {{ files: [denylist.txt] }}
rules: {{ files: ["{ROOT}/config/rules/*.yaml"] }}
collectors: [{{ name: events, type: file, path: {state}/events.jsonl }}]
access_log: {{ path: {state}/access.log, format: json }}
limits: {{ idle_timeout: 600s, requests_per_connection: 2000000000 }}
""")
        return self.start("loginward", [self.arguments.loginward, "run", "--config", file], port, environment)

    # The measurements.

    def load(self, proxy, kind, seconds):
        """Loads one proxy with wrk: (µs of CPU per request, requests per second, median latency in µs)."""
        script = self.path("post.lua", 'wrk.method = "POST"\nwrk.body = "%s"\n' % FORM.decode())
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-H", "Host: login.example.com"]
        for name, value in BROWSER.items():
            command += ["-H", f"{name}: {value}"]
        if kind == "POST":
            command += ["-s", script, "-H", "Content-Type: application/x-www-form-urlencoded"]
        before, began = proxy.cpu(), time.monotonic()
        run = subprocess.run(command + [f"http://127.0.0.1:{proxy.port}/login"], capture_output=True, text=True,
                             timeout=seconds + 30, check=True)
        spent, took = proxy.cpu() - before, time.monotonic() - began
        done = int(re.search(r"(\d+) requests in", run.stdout).group(1))
        errors = re.search(r"Socket errors: (.*)", run.stdout)
        refused = int((re.search(r"Non-2xx or 3xx responses: (\d+)", run.stdout) or [0, 0])[1])
        if errors or done == 0 or (kind == "GET" and refused) or (kind == "POST" and refused != done):
            raise Failed(f"{proxy.name} {kind}: wrong answers\n{run.stdout}")
        latency = re.search(r"50%\s+([\d.]+)(us|ms|s)", run.stdout)
        scale = {"us": 1, "ms": 1e3, "s": 1e6}[latency.group(2)]
        return spent / done * 1e6, done / took, float(latency.group(1)) * scale

    def compare(self, proxies):
        figures = {kind: {proxy.name: [] for proxy in proxies} for kind in ("GET", "POST")}
        for kind in figures:
            for proxy in proxies:
                self.load(proxy, kind, 1)
        for number in range(self.arguments.rounds):
            for kind in figures:
                for proxy in proxies:
                    figures[kind][proxy.name].append(self.load(proxy, kind, self.arguments.seconds))
            print(f"round {number + 1} of {self.arguments.rounds} done", file=sys.stderr)
        result = {}
        for kind, by_name in figures.items():
            medians = {n: [statistics.median(column) for column in zip(*rows)] for n, rows in by_name.items()}
            result[kind] = [
                {"name": n, "cpu_us": round(m[0], 2), "to_relay": round(m[0] / medians["relay"][0], 2),
                 "to_nginx": round(m[0] / medians["nginx"][0], 2), "requests_per_second": round(m[1]),
                 "latency_us": round(m[2]), "cpu_us_rounds": [round(r[0], 2) for r in by_name[n]]}
                for n, m in medians.items()]
        return result

    def load_http2(self, proxy, seconds):
        """As `load`, with h2load: one connection, as many streams as connections there, GET only."""
        command = ["h2load", "-c1", f"-m{CONNECTIONS}", f"-D{seconds}"]
        for name, value in BROWSER.items():
            command += ["-H", f"{name.lower()}: {value}"]
        before, began = proxy.cpu(), time.monotonic()
        run = subprocess.run(command + [f"http://127.0.0.1:{proxy.port}/login"], capture_output=True, text=True,
                             timeout=seconds + 30, check=True)
        spent, took = proxy.cpu() - before, time.monotonic() - began
        done, failed = re.search(r"(\d+) succeeded, (\d+) failed", run.stdout).groups()
        if int(done) == 0 or int(failed) or f"status codes: {done} 2xx" not in run.stdout:
            raise Failed(f"{proxy.name} h2: wrong answers\n{run.stdout}")
        latency = re.search(r"time for request: +\S+ +\S+ +([\d.]+)(us|ms|s)", run.stdout)
        return spent / int(done) * 1e6, int(done) / took, float(latency.group(1)) * {"us": 1, "ms": 1e3, "s": 1e6}[latency.group(2)]

    def compare_http2(self, proxies):
        """Rows as in `compare`; h2load tells the mean of the latency, not its median."""
        figures = {proxy.name: [] for proxy in proxies}
        for proxy in proxies:
            self.load_http2(proxy, 1)
        for _ in range(self.arguments.rounds):
            for proxy in proxies:
                figures[proxy.name].append(self.load_http2(proxy, self.arguments.seconds))
        medians = {n: [statistics.median(column) for column in zip(*rows)] for n, rows in figures.items()}
        return [{"name": n, "cpu_us": round(m[0], 2), "to_nginx": round(m[0] / medians["nginx h2"][0], 2),
                 "requests_per_second": round(m[1]), "latency_us": round(m[2])} for n, m in medians.items()]

    def idle_memory(self, proxy, count):
        """Resident bytes for each connection that made one request and now waits."""
        def connect():
            connection = socket.create_connection(("127.0.0.1", proxy.port), 10)
            exchange(connection, "GET")
            return connection

        held = [connect() for _ in range(200)]  # whatever is made once is made before
        time.sleep(1.5)
        before = proxy.resident()
        held += [connect() for _ in range(count)]
        time.sleep(1.5)
        after = proxy.resident()
        for connection in held:
            connection.close()
        return {"name": proxy.name, "connections": count, "bytes_per_connection": round((after - before) / count)}

    def allocations(self, origin, requests):
        """Calls of malloc, calloc, realloc and the aligned forms per request of one warm connection, whole process."""
        counter = self.path("mallocs.count")
        with open(counter, "wb") as file:
            file.write(bytes(PAGE))
        library = self.compile("mallocs.c", "-shared", "-fPIC")
        proxy = self.loginward(origin, {"LD_PRELOAD": library, "MALLOCS_FILE": counter})
        result = {}
        try:
            proxy.await_port()
            with open(counter, "rb") as file, mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ) as shared, \
                    socket.create_connection(("127.0.0.1", proxy.port), 10) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for kind in ("GET", "POST"):
                    exchange(connection, kind, 2000)
                    before = struct.unpack("Q", shared[:8])[0]
                    exchange(connection, kind, requests)
                    counted = struct.unpack("Q", shared[:8])[0] - before
                    result[kind] = {"requests": requests, "calls": counted, "per_request": round(counted / requests, 4)}
                if struct.unpack("Q", shared[:8])[0] == 0:
                    raise Failed("the allocation counter was not loaded")
        finally:
            self.stop(proxy)
        return result

    def run(self):
        origin = self.origin()
        proxies = [self.rival_relay(origin), self.rival_nginx(origin), self.rival_haproxy(origin), self.rival_modsecurity(origin)]
        if self.arguments.loginward:
            proxies.append(self.loginward(origin))
        proxies = [proxy.await_port() for proxy in proxies if proxy]
        result = {"machine": {"processor": processor(), "cores": os.cpu_count(), "kernel": platform.release()},
                  "rounds": self.arguments.rounds, "seconds": self.arguments.seconds, "connections": CONNECTIONS}
        result["requests"] = self.compare(proxies)
        if self.arguments.loginward and shutil.which("h2load"):
            rival = self.rival_http2(origin)
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", rival.port)) == 0:
                        break
                time.sleep(0.05)
            result["http2"] = self.compare_http2([rival, next(proxy for proxy in proxies if proxy.name == "loginward")])
            self.stop(rival)
        for proxy in proxies:
            self.stop(proxy)
        # New processes: what a load left free in a heap would hide what connections cost.
        fresh = [self.rival_nginx(origin), self.rival_haproxy(origin)]
        if self.arguments.loginward:
            fresh.append(self.loginward(origin))
        result["idle"] = [self.idle_memory(p.await_port(), self.arguments.idle) for p in fresh if p]
        if self.arguments.loginward:
            result["allocations"] = self.allocations(origin, 10_000)
        if self.arguments.lists:
            done = subprocess.run([self.arguments.lists, str(self.arguments.entries)], capture_output=True, text=True)
            if done.returncode:
                raise Failed(f"{self.arguments.lists}: {done.stderr}")
            result["lists"] = json.loads(done.stdout)
        return result


def processor():
    match = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return match.group(1) if match else platform.machine()


def table(result):
    lines = []
    for kind, rows in result["requests"].items():
        title = "GET /login" if kind == "GET" else "POST /login, 401"
        lines += ["", f"{title:<18}{'CPU µs/request':>15}{'to relay':>10}{'to nginx':>10}{'requests/s':>12}{'p50 µs':>9}"]
        for row in rows:
            lines.append(f"  {row['name']:<16}{row['cpu_us']:>15.2f}{row['to_relay']:>10.2f}{row['to_nginx']:>10.2f}"
                         f"{row['requests_per_second']:>12}{row['latency_us']:>9}")
    if "http2" in result:
        lines += ["", f"{'GET over HTTP/2':<18}{'CPU µs/request':>15}{'':>10}{'to nginx':>10}{'requests/s':>12}{'mean µs':>9}"]
        for row in result["http2"]:
            lines.append(f"  {row['name']:<16}{row['cpu_us']:>15.2f}{'':>10}{row['to_nginx']:>10.2f}"
                         f"{row['requests_per_second']:>12}{row['latency_us']:>9}")
    lines += ["", f"{'Idle keep-alive':<18}{'bytes of memory':>15}"]
    lines += [f"  {row['name']:<16}{row['bytes_per_connection']:>15}   ({row['connections']} connections)" for row in result["idle"]]
    if "allocations" in result:
        lines += ["", f"{'Allocations':<18}{'per request':>15}"]
        lines += [f"  {kind:<16}{row['per_request']:>15.4f}   ({row['calls']} in {row['requests']} requests)"
                  for kind, row in result["allocations"].items()]
    if "lists" in result:
        rows = result["lists"]
        lines += ["", f"Lists of {rows['entries']:,} networks and of {rows['names']:,} user names"]
        lines += [f"  {name.replace('_', ' '):<28}{value:>12,.1f}" for name, value in rows.items() if name not in ("entries", "names")]
    if result.get("targets"):
        lines += ["", f"{'Targets':<22}{'at most':>10}{'seen':>10}"]
        lines += [f"  {row['target']:<20}{row['limit']:>10}{row['seen']:>10}   {'met' if row['met'] else 'MISSED'}" for row in result["targets"]]
    return "\n".join(lines)


# What the table is held to: POST and GET as ratios of CPU, idle memory in bytes, allocations per GET (what is left is the
# once-a-second work of the whole process).
LIMITS = {"GET to relay": 1.25, "GET to nginx": 1.05, "POST to nginx": 1.35, "idle bytes": 4096, "allocations per GET": 0.1}


def targets(result):
    own = {kind: next((row for row in rows if row["name"] == "loginward"), None) for kind, rows in result["requests"].items()}
    if not own["GET"]:
        return []
    seen = {"GET to relay": own["GET"]["to_relay"], "GET to nginx": own["GET"]["to_nginx"], "POST to nginx": own["POST"]["to_nginx"],
            "idle bytes": next(row["bytes_per_connection"] for row in result["idle"] if row["name"] == "loginward"),
            "allocations per GET": result["allocations"]["GET"]["per_request"]}
    limits = dict(LIMITS)
    if "http2" in result:
        limits["h2 GET to nginx"] = 1.0
        seen["h2 GET to nginx"] = next(row["to_nginx"] for row in result["http2"] if row["name"] == "loginward")
    if "lists" in result:
        rows = result["lists"]
        limits |= {"list lookup ns, hit": 60, "list lookup ns, miss": 60, "list compile s": 5, "bytes of IPv4 entry": 16, "bytes of IPv6 entry": 32}
        seen |= {"list lookup ns, hit": rows["hit_ns"], "list lookup ns, miss": rows["miss_ns"], "list compile s": rows["compile_seconds"],
                 "bytes of IPv4 entry": rows["bytes_per_ipv4_entry"], "bytes of IPv6 entry": rows["bytes_per_ipv6_entry"]}
    return [{"target": name, "limit": limit, "seen": round(seen[name], 3), "met": seen[name] <= limit} for name, limit in limits.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loginward", help="the release binary; without it only the rivals run")
    parser.add_argument("--lists", help="the program that measures lists; without it they are left out")
    parser.add_argument("--entries", type=int, default=10_000_000, help="entries of these lists")
    parser.add_argument("--json", help="where the figures go")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each load in a round")
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections")
    arguments = parser.parse_args()
    if arguments.loginward:
        arguments.loginward = os.path.abspath(arguments.loginward)

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < arguments.idle + 1000:
        arguments.idle = allowed - 1000
        print(f"the limit of descriptors allows {arguments.idle} idle connections only", file=sys.stderr)

    def interrupted(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    with tempfile.TemporaryDirectory(prefix="loginward-bench-") as folder:
        bench = Bench(arguments, pathlib.Path(folder))
        try:
            result = bench.run()
        except Failed as failure:
            print(f"bench: {failure}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
        finally:
            bench.stop()
    result["targets"] = targets(result)
    print(table(result))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(result, indent=2) + "\n")
        print(f"\nThe same as JSON: {arguments.json}")
    # A count is a matter of the code, a ratio also of the machine's other guests: only the former fails.
    return 1 if any(not row["met"] for row in result["targets"] if "allocations" in row["target"] or "bytes" in row["target"]) else 0


if __name__ == "__main__":
    sys.exit(main())
