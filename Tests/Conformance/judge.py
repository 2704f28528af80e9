# SPDX-License-Identifier: Apache-2.0
"""Plays the hostile requests and answers through a running proxy and judges from the bytes that arrived on both sides.

The origin here reads as RFC 9112 says and nothing else: what it cannot read strictly must not have been sent to it.
"""

import re
import socket
import threading
import time

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\S+) HTTP/1\.1\Z")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) [\t\x20-\x7e\x80-\xff]*\Z")


class Unclean(Exception):
    """Bytes that two readers could read in two ways."""


class Unfinished(Exception):
    """The message goes on behind the bytes."""


def head(data):
    """(first line, fields, length of the head)."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise Unfinished
    lines = data[:end].split(b"\r\n")
    fields = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        value = value.strip(b" \t")
        if not colon or not TOKEN.match(name) or not VALUE.match(value):
            raise Unclean(f"field line {line[:60]!r}")
        fields.append((name.lower(), value))
    return lines[0], fields, end + 4


def body(data, fields, without=None):
    """(body, bytes it took) by the one framing that the fields give; `without` is what no framing means."""
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    lengths = [value for name, value in fields if name == b"content-length"]
    if codings:
        if lengths or codings != [b"chunked"]:
            raise Unclean(f"framing {codings} {lengths}")
        return chunks(data)
    if not lengths:
        return (b"", 0) if without is None else (without, len(without))
    if len(lengths) > 1 or not re.fullmatch(rb"0|[1-9][0-9]*", lengths[0]):
        raise Unclean(f"lengths {lengths}")
    length = int(lengths[0])
    if len(data) < length:
        raise Unfinished
    return data[:length], length


def chunks(data):
    out, place = b"", 0
    while True:
        end = data.find(b"\r\n", place)
        if end < 0:
            raise Unfinished
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", data[place:end]):
            raise Unclean(f"chunk size {data[place:end][:40]!r}")
        size, place = int(data[place:end], 16), end + 2
        if size == 0:
            if data[place:place + 2] == b"\r\n":
                return out, place + 2
            _, _, took = head(b"\r\n" + data[place:])
            return out, place + took - 2
        if len(data) < place + size + 2:
            raise Unfinished
        if data[place + size:place + size + 2] != b"\r\n":
            raise Unclean("a chunk without end")
        out += data[place:place + size]
        place += size + 2


def request(data):
    """(target, body, bytes it took) of the first request in `data`."""
    line, fields, took = head(data)
    match = REQUEST_LINE.match(line)
    if not match:
        raise Unclean(f"request line {line[:60]!r}")
    if sum(name == b"host" for name, _ in fields) != 1:
        raise Unclean("not exactly one host")
    if any(b"_" in name and name.replace(b"_", b"-") in (b"content-length", b"transfer-encoding", b"host") for name, _ in fields):
        raise Unclean("a name that some take for another")
    if any(name == b"upgrade" and b"h2c" in value.lower() for name, value in fields):
        raise Unclean("an upgrade to h2c")
    content, more = body(data[took:], fields)
    return match.group(2), content, took + more


def answers(data, ended, method):
    """[(status, body or None when it is cut)] as a strict client reads them."""
    found = []
    while data:
        try:
            line, fields, took = head(data)
            match = STATUS_LINE.match(line)
            if not match:
                return found + [(0, None)]
            status, data = int(match.group(1)), data[took:]
            if status < 200:
                continue
            if method == "HEAD" or status in (204, 304):
                content, more = b"", 0
            else:
                framed = any(name in (b"content-length", b"transfer-encoding") for name, _ in fields)
                if not framed and ended != "closed":
                    return found + [(status, None)]
                content, more = body(data, fields, without=None if framed else data)
            found.append((status, content))
            data = data[more:]
        except (Unfinished, Unclean):
            return found + [(0, None)]
    return found


class Origin:
    """Records what arrives and answers it. `answer` (parts) is played to the first request for `/hostile`."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.requests, self.problems, self.answer = [], [], None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(20)
        data = b""
        try:
            while True:
                more = connection.recv(1 << 16)
                if not more:
                    return
                data += more
                while data:
                    try:
                        target, content, took = request(data)
                    except Unfinished:
                        break
                    except Unclean as problem:
                        with self.lock:
                            self.problems.append(str(problem))
                        return
                    data = data[took:]
                    if target.endswith(b"/hostile"):
                        for number, part in enumerate(self.answer):
                            if number:
                                time.sleep(0.002)
                            connection.sendall(part)
                        return
                    with self.lock:
                        if not target.endswith(b"/canary"):
                            self.requests.append(content)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(target), target))
        except OSError:
            pass
        finally:
            connection.close()

    def take(self):
        with self.lock:
            taken = self.requests, self.problems
            self.requests, self.problems = [], []
        return taken

    def close(self):
        self.listener.close()


def talk(port, raw, wait, expected=1, method="GET"):
    """(bytes, how it ended): 'closed', 'reset' or 'open' when nothing more came for `wait` seconds."""
    data = b""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        try:
            connection.sendall(raw)
            connection.settimeout(wait)
            while True:
                more = connection.recv(1 << 16)
                if not more:
                    return data, "closed"
                data += more
                seen = answers(data, "open", method)
                if len(seen) >= expected and seen[-1][1] is not None:
                    connection.settimeout(min(wait, 0.08))
        except (ConnectionResetError, BrokenPipeError):
            return data, "reset"
        except TimeoutError:
            return data, "open"


def canary(port):
    """Whether the proxy still serves the next request with its own answer."""
    data, ended = talk(port, b"GET /canary HTTP/1.1\r\nHost: a\r\n\r\n", 5)
    seen = answers(data, ended, "GET")
    return len(seen) == 1 and seen[0][0] == 200 and seen[0][1].endswith(b"/canary")


def judge_request(case, port, origin, wait):
    """None, or what is wrong."""
    origin.take()
    wanted = len(case.bodies) if case.bodies else 1
    data, ended = talk(port, case.raw, wait, wanted)
    seen = answers(data, ended, "GET")
    time.sleep(0.01)
    arrived, problems = origin.take()
    good = [status for status, content in seen if 200 <= status < 400 and content is not None]
    if problems:
        return f"the origin got {problems[0]}"
    if not canary(port):
        return "the next request was not answered"
    if case.kind == "REFUSE":
        return f"{len(arrived)} reached the origin" if arrived else "answered well" if good else None
    if case.kind == "ACCEPT":
        return None if arrived == case.bodies and len(good) == wanted else f"arrived {arrived}, answers {[s for s, _ in seen]}"
    return None if len(good) == len(arrived) and len(arrived) <= 2 and b"/hidden" not in data else f"{len(arrived)} arrived, answers {[s for s, _ in seen]}"


def judge_response(case, port, origin, wait):
    origin.answer = case.parts
    raw = f"{case.method} /hostile HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    data, ended = talk(port, raw, wait, method=case.method)
    seen = answers(data, ended, case.method)
    origin.take()
    if not canary(port):
        return "the next request was not answered"
    good = [content for status, content in seen if 200 <= status < 400 and content is not None]
    if case.kind == "WHOLE":
        return None if good == [case.body] else f"answers {[s for s, _ in seen]}, bodies {good}"
    if b"HIDDEN" in data:
        return "what was hidden came through"
    if case.kind == "BROKEN":
        # A body that ends with the connection and came with an orderly end looks whole.
        return "it looks whole" if good else None
    return None if len(seen) <= 1 else f"{len(seen)} answers"


def play(port, origin, requests, responses, wait=2.0):
    """[(case, None or what is wrong)]."""
    return [(case, judge_request(case, port, origin, wait)) for case in requests] + [
        (case, judge_response(case, port, origin, wait)) for case in responses]
