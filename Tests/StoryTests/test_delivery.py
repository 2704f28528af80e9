"""What a kill may cost: nothing that the spool has, and of the rest what was answered a moment before."""
import json
import re
import time

from gate import free_port, wait_for
from receiver import Receiver
from test_collectors import http
from test_operation import LOGIN

# Requests on the way at once, on each of so many connections.
DEPTH, CONNECTIONS = 25, 4
RATE = 5_000
HEAD = re.compile(rb"HTTP/1\.1 403 .*?content-length: (\d+).*?\r\n\r\n", re.I | re.S)


def attempt(name):
    body = f"user={name}&password=x".encode()
    return (b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body))


def press(gate, seconds):
    """5 000 attempts a second, or what this machine gives; when each was answered."""
    answered = {}
    sockets = [gate.connect() for _ in range(CONNECTIONS)]
    start = time.monotonic()
    number = 0
    while (now := time.monotonic()) < start + seconds:
        if number > (now - start) * RATE:
            time.sleep(0.002)
            continue
        for place, client in enumerate(sockets):
            client.sendall(b"".join(attempt(f"u{number + place * DEPTH + inner}") for inner in range(DEPTH)))
        for place, client in enumerate(sockets):
            data, seen = b"", 0
            while seen < DEPTH:
                while found := HEAD.match(data):
                    length = found.end() + int(found[1])
                    if len(data) < length:
                        break
                    data, seen = data[length:], seen + 1
                if seen < DEPTH:
                    got = client.recv(1 << 20)
                    assert got
                    data += got
            moment = time.monotonic()
            for inner in range(DEPTH):
                answered[f"u{number + place * DEPTH + inner}"] = moment
        number += DEPTH * CONNECTIONS
    return answered


def test_a_kill_under_load_loses_nothing_that_the_spool_has(gates, folder):
    port = free_port()
    (folder / "rules.yaml").write_text(json.dumps({"rules": [
        {"id": "all", "name": "Everything", "when": [{"request.path": "/login"}], "then": {"action": "block"}}]}))
    gate = gates(service=LOGIN, upstream={"servers": ["http://127.0.0.1:1"]}, rules={"files": [str(folder / "rules.yaml")]},
                 collectors=[http(port, batch_events=5000)])
    answered = press(gate, 1.5)
    killed = time.monotonic()
    gate.kill()
    spooled = set()
    for segment in (gate.folder / "state" / "spool").glob("segment-*"):
        spooled |= set(re.findall(rb'"id":"([0-9A-Z]{26})"', segment.read_bytes()))
    gate.lines.clear()
    with Receiver(port=port) as receiver:
        gate.start()
        wait_for(lambda: spooled <= {line["id"].encode() for line in receiver.lines}, 30)
        arrived = {line["usr"]["login"] for line in receiver.lines}
    lost = {name: killed - moment for name, moment in answered.items() if name not in arrived}
    window = max(lost.values(), default=0)
    print(f"{len(answered)} attempts, {len(spooled)} in the spool, {len(lost)} lost, the first {window * 1000:.1f} ms before the kill")
    # 20 ms is what the design promises; a machine with other things to do may be late.
    assert len(answered) >= 500 and window < 0.5
