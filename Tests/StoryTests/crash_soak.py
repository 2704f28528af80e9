"""The daemon is killed again and again under logins: nobody is refused, and no event is lost.  `make crash-soak`, or
crash_soak.py --kills N.

An event is safe when it stands in the spool, at most 20 ms after the answer, and from then on no kill may cost it. So every login that was
answered so long before a kill must be found at the collector, however often; `SAFE` is generous, as the machine may be busy.
"""
import argparse
import json
import os
import pathlib
import random
import re
import signal
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from gate import Gate, wait_for  # noqa: E402
from origin import Origin  # noqa: E402

SAFE = 0.25


class Visitor(threading.Thread):
    """Logs in, a new name and a new connection each time."""

    def __init__(self, port, number):
        super().__init__(daemon=True)
        self.port, self.number, self.running = port, number, True
        self.answered, self.cut, self.refused = [], 0, 0

    def run(self):
        count = 0
        while self.running:
            count += 1
            name = f"n{self.number}-{count}"
            body = f"username={name}&password=x".encode()
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=60) as client:
                    client.sendall(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                                   b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                    answer = client.recv(4096)
                if answer.startswith(b"HTTP/1.1 200"):
                    self.answered.append((time.monotonic(), name))
                else:
                    self.cut += 1
            except ConnectionRefusedError:
                self.refused += 1
            except OSError:
                self.cut += 1
            time.sleep(0.002)


def soak(folder, kills, visitors=4):
    """What went wrong, as a list of texts; prints what was done."""
    folder = pathlib.Path(folder)
    events = folder / "events.jsonl"
    problems, times, pauses = [], [], []
    with Origin() as origin:
        gate = Gate(folder / "gate", origin=origin, words=["--supervise"], service={"logins": [
            {"name": "web", "match": {"method": "POST", "path": "/login"}, "user": {"login": "body.username"}}]},
            collectors=[{"name": "file", "type": "file", "path": str(events), "flush": "10ms"}]).start()
        try:
            clients = [Visitor(gate.port, number) for number in range(visitors)]
            for client in clients:
                client.start()
            for number in range(kills):
                time.sleep(random.uniform(0, 0.7))
                process = int(re.search(r"pid=(\d+)", gate.logged("msg=ready")[-1])[1])
                times.append(time.monotonic())
                os.kill(process, signal.SIGKILL)
                wait_for(lambda: len(gate.logged("msg=ready")) == number + 2, 60, 0.002)
                pauses.append(time.monotonic() - times[-1])
            time.sleep(SAFE)
            for client in clients:
                client.running = False
            for client in clients:
                client.join(60)
            wait_for(lambda: gate.metric("loginward_sink_pending_events") == 0, 60)
            if gate.stop() != 0:
                problems.append("it did not end well")
        finally:
            gate.kill()
    found, broken = {}, 0
    for line in events.read_bytes().split(b"\n"):
        try:
            event = json.loads(line)
            found[event["usr"]["login"]] = found.get(event["usr"]["login"], 0) + 1
        except (ValueError, KeyError):
            broken += bool(line)
    answered = [one for client in clients for one in client.answered]
    lost = [name for moment, name in answered if name not in found]
    wrongly = [name for moment, name in answered if name not in found
               and not any(moment - 0.05 < kill < moment + SAFE for kill in times)]
    refused, cut = sum(client.refused for client in clients), sum(client.cut for client in clients)
    checked = len([moment for moment, _ in answered if not any(moment - 0.05 < kill < moment + SAFE for kill in times)])
    if checked < len(answered) // 10:
        problems.append(f"only {checked} of {len(answered)} logins could be looked at")
    if wrongly:
        problems.append(f"{len(wrongly)} events are lost that were safe: {wrongly[:5]}")
    if refused:
        problems.append(f"{refused} connections were refused")
    if cut > kills * visitors:
        problems.append(f"{cut} requests were cut off, more than were in flight")
    pauses.sort()
    print(f"{kills} kills, {len(answered)} logins answered, {cut} cut off, {refused} refused, {sum(found.values()) - len(found)} events twice, "
          f"{broken} torn lines, {checked} logins were safe, {len(lost)} answered just before a kill are not told; "
          f"ready again after {pauses[len(pauses) // 2] * 1000:.0f} ms (median), {pauses[-1] * 1000:.0f} ms (longest)")
    return problems


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--kills", type=int, default=1000)
    said = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        problems = soak(folder, said.kills)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
