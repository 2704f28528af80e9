"""HTTP/2 frame by frame: what h2spec asks of a server, what smuggles through a translation, and every flood. One client each."""
import json
import struct
import threading
import time

import pytest

from frames import (
    Client, ContinuationFrame, DataFrame, GoAwayFrame, HEAD, HeadersFrame, PREFACE, PingFrame, PriorityFrame, RstStreamFrame,
    SettingsFrame, WindowUpdateFrame, post, raw)
from gate import wait_for
from origin import response

PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR = 1, 3, 5, 6
REFUSED_STREAM, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 7, 9, 11


@pytest.fixture
def client(gate):
    with Client(gate.port) as one:
        yield one


def ends(client, *codes):
    """The connection ends with one of these codes."""
    code = client.goaway()
    assert code in codes, code


# Connection (RFC 9113 section 3.4, 4, 5)


def test_a_bad_preface_is_not_http2(gate, origin):
    with Client(gate.port, begin=False) as client:
        client.send_bytes(PREFACE[:-2] + b"XX" + raw(4, 0, 0))
        assert client.goaway() in (PROTOCOL_ERROR, "closed")
    assert origin.requests == []


def test_a_preface_in_pieces_is_recognised(gate):
    with Client(gate.port, begin=False) as client:
        for byte in PREFACE:
            client.send_bytes(bytes([byte]))
            time.sleep(0.002)
        client.send(SettingsFrame(0))
        assert client.get()[0] == 200


def test_the_preface_is_followed_by_settings(gate):
    with Client(gate.port, begin=False) as client:
        client.send_bytes(PREFACE)
        client.send(PingFrame(0, opaque_data=b"12345678"))
        ends(client, PROTOCOL_ERROR, "closed")


def test_pings_and_settings_are_acknowledged(client):
    assert client.is_alive()
    assert any(isinstance(frame, SettingsFrame) and "ACK" in frame.flags for frame in client.frames)
    own = next(frame for frame in client.frames if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags)
    assert own.settings[3] == 100 and own.settings[6] == 32 * 1024


def test_unknown_frames_and_flags_are_ignored(client):
    client.send_bytes(raw(0x42, 0xFF, 0, b"what"))
    client.send_bytes(raw(6, 0xFE & ~1, 0, b"12345678"))
    assert client.get()[0] == 200


@pytest.mark.parametrize("frame, codes", [
    (raw(0, 0, 0, b"data"), {PROTOCOL_ERROR}),                                # DATA on stream 0
    (raw(1, 4, 0, b"\x82"), {PROTOCOL_ERROR}),                                # HEADERS on stream 0
    (raw(2, 0, 0, bytes(5)), {PROTOCOL_ERROR}),                               # PRIORITY on stream 0
    (raw(3, 0, 0, bytes(4)), {PROTOCOL_ERROR}),                               # RST_STREAM on stream 0
    (raw(3, 0, 1, bytes(3)), {FRAME_SIZE_ERROR}),
    (raw(3, 0, 1, bytes(4)), {PROTOCOL_ERROR}),                               # of an idle stream
    (raw(4, 0, 1), {PROTOCOL_ERROR}),                                         # SETTINGS on a stream
    (raw(4, 1, 0, bytes(6)), {FRAME_SIZE_ERROR}),                             # an acknowledgement that says something
    (raw(4, 0, 0, bytes(5)), {FRAME_SIZE_ERROR}),
    (raw(4, 0, 0, struct.pack(">HI", 2, 2)), {PROTOCOL_ERROR}),               # ENABLE_PUSH of 2
    (raw(4, 0, 0, struct.pack(">HI", 4, 1 << 31)), {FLOW_CONTROL_ERROR}),
    (raw(4, 0, 0, struct.pack(">HI", 5, 1)), {PROTOCOL_ERROR}),               # MAX_FRAME_SIZE too small
    (raw(5, 4, 1, bytes(4) + b"\x82"), {PROTOCOL_ERROR}),                     # PUSH_PROMISE of a client
    (raw(6, 0, 0, bytes(7)), {FRAME_SIZE_ERROR}),
    (raw(6, 0, 1, bytes(8)), {PROTOCOL_ERROR}),
    (raw(7, 0, 1, bytes(8)), {PROTOCOL_ERROR}),
    (raw(8, 0, 0, bytes(3)), {FRAME_SIZE_ERROR}),
    (raw(8, 0, 0, bytes(4)), {PROTOCOL_ERROR}),                               # an increment of 0
    (raw(8, 0, 1, struct.pack(">I", 1)), {PROTOCOL_ERROR}),                   # of an idle stream
    (raw(9, 4, 1, b"\x82"), {PROTOCOL_ERROR}),                                # CONTINUATION of nothing
    (raw(0, 0, 1, b"data"), {PROTOCOL_ERROR, STREAM_CLOSED}),                 # DATA of an idle stream
    (raw(0, 0, 0, bytes(16_385)), {FRAME_SIZE_ERROR}),
    (raw(1, 5, 2, b"\x82\x86\x84\x41\x01a"), {PROTOCOL_ERROR}),               # an even stream
    (raw(1, 5, 1, b"\xff\xff\xff\xff\xff\xff"), {COMPRESSION_ERROR}),
    (raw(1, 0xD, 1, b"\xff\x82"), {PROTOCOL_ERROR}),                          # more padding than frame
])
def test_a_wrong_frame_ends_the_connection(gate, origin, frame, codes):
    with Client(gate.port) as client:
        client.send_bytes(frame)
        ends(client, *codes)
    with Client(gate.port) as client:
        assert client.get()[0] == 200
    assert len(origin.requests) == 1


def test_a_stream_number_never_goes_back(client):
    assert client.get(5)[0] == 200
    client.headers(3)
    ends(client, PROTOCOL_ERROR, STREAM_CLOSED)


def test_nothing_comes_between_the_parts_of_a_header_block(client):
    block = client.encoder.encode(HEAD)
    client.send_bytes(raw(1, 1, 1, block[:3]) + raw(6, 0, 0, bytes(8)))
    ends(client, PROTOCOL_ERROR)


def test_a_header_block_in_parts_is_one(client):
    block = client.encoder.encode(HEAD)
    client.send_bytes(raw(1, 1, 1, block[:3]) + raw(9, 0, 1, block[3:6]) + raw(9, 4, 1, block[6:]))
    assert client.answer(1)[0] == 200


def test_data_behind_the_end_is_an_error(client, origin):
    hold = threading.Event()
    origin.answer = lambda request, _: hold.wait(10) and response(200, b"x")
    client.headers(1)
    client.data(1, b"late")
    result = client.answer(1)
    hold.set()
    assert result in (("reset", STREAM_CLOSED), ("goaway", STREAM_CLOSED))


def test_a_window_beyond_its_maximum_is_an_error(client, origin):
    hold = threading.Event()
    origin.answer = lambda request, _: hold.wait(10) and response(200, b"x")
    client.headers(1)
    client.window(1, 2**31 - 1)
    result = client.answer(1)
    hold.set()
    assert result in (("reset", FLOW_CONTROL_ERROR), ("goaway", FLOW_CONTROL_ERROR))
    client.window(0, 2**31 - 1)
    ends(client, FLOW_CONTROL_ERROR)


def test_a_body_beyond_its_window_is_an_error(gates, origin, folder):
    # While a rule delays the request nothing of its body is taken.
    (folder / "rules.yaml").write_text(json.dumps({"rules": [
        {"id": "slow", "name": "s", "when": [{"request.method": {"equals": "POST"}}], "then": {"action": "delay", "time": "5s"}}]}))
    gate = gates(origin=origin, rules={"files": [str(folder / "rules.yaml")]})
    with Client(gate.port) as client:
        client.headers(1, post(), end=False)
        client.send(*(DataFrame(1, data=bytes(16_384)) for _ in range(9)))
        assert client.answer(1) in (("reset", FLOW_CONTROL_ERROR), ("goaway", FLOW_CONTROL_ERROR))
    assert origin.requests == []


def test_a_negative_window_waits_until_it_is_open_again(gate, origin):
    origin.answer = response(200, b"z" * 100)
    with Client(gate.port, settings={4: 50}) as client:
        client.headers(1)
        client.read(lambda frame: isinstance(frame, DataFrame))
        client.send(SettingsFrame(0, settings={4: 10}))
        assert client.is_alive()
        client.window(1, 1000)
        assert client.answer(1)[2] == b"z" * 100


def test_more_streams_than_agreed_are_refused(gates, origin):
    """Before the client has acknowledged the limit its stream is refused, later its connection ends."""
    hold = threading.Event()
    origin.answer = lambda request, _: hold.wait(10) and response(200, b"x")
    gate = gates(origin=origin, limits={"http2_streams": 4})
    with Client(gate.port) as client:
        for number in range(6):
            client.headers(2 * number + 1)
        assert {client.answer(9), client.answer(11)} == {("reset", REFUSED_STREAM)}
        hold.set()
        assert [client.answer(stream)[0] for stream in (1, 3, 5, 7)] == [200] * 4
        hold.clear()
        assert client.is_alive()
        for number in range(6, 11):
            client.headers(2 * number + 1)
        ends(client, PROTOCOL_ERROR)
        hold.set()
    assert len(origin.requests) <= 8


def test_padding_is_not_body(client, origin):
    client.headers(1, post(("content-length", "4")), end=False)
    client.send_bytes(raw(0, 0x9, 1, b"\x05" + b"body" + bytes(5)))
    assert client.answer(1)[0] == 200
    assert origin.requests[0].body == b"body"


# Requests that would mean something else in HTTP/1.1 (RFC 9113 section 8.2, 8.3, 10.3)

LITERAL = lambda name, value: b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value
PSEUDO = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/")]


def block(*fields):
    return b"".join(LITERAL(name, value) for name, value in fields)


@pytest.mark.parametrize("fields", [
    PSEUDO + [(b"x", b"a\r\nevil: 1")],
    PSEUDO + [(b"x", b"a\nevil: 1")],
    PSEUDO + [(b"x", b"a\x00b")],
    PSEUDO + [(b"x\r\nevil", b"1")],
    PSEUDO + [(b"x y", b"1")],
    PSEUDO + [(b"x:", b"1")],
    PSEUDO + [(b"", b"1")],
    PSEUDO + [(b"X-Upper", b"1")],
    PSEUDO + [(b"connection", b"close")],
    PSEUDO + [(b"keep-alive", b"1")],
    PSEUDO + [(b"proxy-connection", b"close")],
    PSEUDO + [(b"upgrade", b"websocket")],
    PSEUDO + [(b"transfer-encoding", b"chunked")],
    PSEUDO + [(b"te", b"gzip")],
    PSEUDO + [(b"content-length", b"1"), (b"content-length", b"1")],
    PSEUDO + [(b"content-length", b"+1")],
    PSEUDO + [(b"content-length", b"5")],                                    # and no body
    PSEUDO + [(b"host", b"b")],
    PSEUDO + [(b"host", b"a"), (b"host", b"a")],
    PSEUDO + [(b"content_length", b"5")],
    PSEUDO + [(b":path", b"/two")],
    PSEUDO + [(b":method", b"GET")],
    PSEUDO + [(b":authority", b"b")],
    PSEUDO + [(b":status", b"200")],
    PSEUDO + [(b":protocol", b"websocket")],
    PSEUDO + [(b":unknown", b"1")],
    PSEUDO[:3] + [(b"x", b"1"), PSEUDO[3]],                                    # a pseudo field behind another
    PSEUDO[1:],
    [PSEUDO[0], *PSEUDO[2:]],
    PSEUDO[:3],
    PSEUDO[:2] + PSEUDO[3:],                                                   # neither authority nor host
    [(b":method", b"GE T"), *PSEUDO[1:]],
    [(b":method", b"GET / HTTP/1.1\r\nx: y"), *PSEUDO[1:]],
    PSEUDO[:3] + [(b":path", b"")],
    PSEUDO[:3] + [(b":path", b"/a b")],
    PSEUDO[:3] + [(b":path", b"/a HTTP/1.1\r\nevil: 1\r\n")],
    PSEUDO[:3] + [(b":path", b"http://b/")],
    PSEUDO[:3] + [(b":path", b"a")],
    PSEUDO[:3] + [(b":path", b"*")],
    PSEUDO[:3] + [(b":path", b"/#f")],
    [PSEUDO[0], (b":scheme", b"ftp"), *PSEUDO[2:]],
    PSEUDO[:2] + [(b":authority", b"a@b"), PSEUDO[3]],
    PSEUDO[:2] + [(b":authority", b"a b"), PSEUDO[3]],
    PSEUDO[:2] + [(b":authority", b"a/b"), PSEUDO[3]],
    [(b":method", b"CONNECT"), (b":authority", b"b:443")],
    [(b":method", b"CONNECT"), *PSEUDO[1:]],
    [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *PSEUDO[1:]],
])
def test_a_request_that_could_be_read_in_two_ways_is_refused(gate, origin, fields):
    with Client(gate.port) as client:
        client.headers(1, block=block(*fields))
        result = client.answer(1)
        assert result[0] in ("reset", "goaway") and result[1] == PROTOCOL_ERROR or result[0] in (400, 405), result
        if result[0] != "goaway":
            # The fault was the request's, and the connection stands.
            assert client.get(3)[0] == 200
    assert all("GET / " in request.line and not request.field("evil") for request in origin.requests) and len(origin.requests) <= 1
    counted = gate.metric("loginward_http2_malformed_total") + gate.metric("loginward_refusals_total")
    assert counted == 1, counted


@pytest.mark.parametrize("length, parts", [("5", [b"four"]), ("3", [b"four"]), ("0", [b"x"]), ("8", [b"four", b"fives"])])
def test_a_length_that_the_data_does_not_have_is_refused(gate, origin, length, parts):
    origin.answer = response(200, b"x", "Connection: close")
    with Client(gate.port) as client:
        client.headers(1, post(("content-length", length)), end=False)
        for part in parts[:-1]:
            client.data(1, part)
        client.data(1, parts[-1], end=True)
        result = client.answer(1)
        assert result in (("reset", PROTOCOL_ERROR), ("goaway", PROTOCOL_ERROR)) or length == "0" and result[0] == 200, result
    assert all(request.body in (b"", b"fou") for request in origin.requests)


@pytest.mark.parametrize("trailer", [(":path", "/evil"), ("X-Upper", "1"), ("connection", "close"), ("transfer-encoding", "chunked")])
def test_wrong_trailers_are_refused(gate, origin, trailer):
    with Client(gate.port) as client:
        client.headers(1, post(), end=False)
        client.data(1, b"abc")
        client.headers(1, block=block((trailer[0].encode(), trailer[1].encode())))
        assert client.answer(1)[0] in ("reset", "goaway")


def test_trailers_that_frame_or_route_are_left_out(gate, origin):
    with Client(gate.port) as client:
        client.headers(1, post(), end=False)
        client.data(1, b"abc")
        client.headers(1, [("host", "evil"), ("content-length", "3"), ("authorization", "x"), ("x-fine", "1")])
        result = client.answer(1)
    assert result[0] in (200, "reset")
    assert all(request.field("X-Story-Trailer") == "x-fine: 1" for request in origin.requests if result[0] == 200)


def test_headers_in_the_middle_must_end_the_stream(client):
    client.headers(1, post(), end=False)
    client.headers(1, [("x-more", "1")], end=False)
    assert client.answer(1) in (("reset", PROTOCOL_ERROR), ("goaway", PROTOCOL_ERROR))


def test_a_head_beyond_its_limit_is_431(gate, origin):
    with Client(gate.port) as client:
        assert client.get(1, [*HEAD, *((f"x-{number}", "y" * 1000) for number in range(40))])[0] == 431
        assert client.get(3, [*HEAD, *((f"x-{number}", "y") for number in range(200))])[0] == 431
        assert client.get(5)[0] == 200
    assert len(origin.requests) == 1
    assert gate.metric("loginward_refusals_total", reason="head_too_large") == 1


# Floods: each ends its own connection, is counted under its name, and nobody else waits.


def flood(gate, kind, send, seconds=20):
    """`send(client, round)` until the gate ends the connection."""
    with Client(gate.port) as other, Client(gate.port) as client:
        end = time.monotonic() + seconds
        number = 0
        while not client.ended and time.monotonic() < end:
            send(client, number)
            number += 1
            if number % 50 == 0:
                client.socket.setblocking(False)
                try:
                    while not client.ended:
                        more = client.socket.recv(65536)
                        client.rest += more
                        client.ended = not more
                except BlockingIOError:
                    pass
                except OSError:
                    client.ended = True
                client.socket.setblocking(True)
        assert client.ended, f"{number} rounds and still open"
        assert other.get()[0] == 200
    wait_for(lambda: gate.metric("loginward_http2_floods_total", kind=kind) == 1)


def test_rapid_reset(gate, origin):
    def send(client, number):
        client.headers(2 * number + 1)
        client.reset(2 * number + 1)

    flood(gate, "resets", send)


def test_resets_that_the_gate_is_made_to_send(gate):
    def send(client, number):
        client.headers(2 * number + 1, block=block(*PSEUDO, (b"connection", b"close")))

    flood(gate, "resets", send)


def test_settings(gate):
    flood(gate, "settings", lambda client, _: client.send(SettingsFrame(0, settings={3: 100})))


def test_pings(gate):
    flood(gate, "pings", lambda client, _: client.send(PingFrame(0, opaque_data=bytes(8))))


def test_priorities(gate):
    flood(gate, "priorities", lambda client, number: client.send(PriorityFrame(2 * number + 1, depends_on=0, stream_weight=1)))


def test_window_updates(gate):
    frames = raw(8, 0, 0, struct.pack(">I", 1)) * 1000
    flood(gate, "window_updates", lambda client, _: client.send_bytes(frames))


def test_empty_data(gate):
    def send(client, number):
        if number == 0:
            client.headers(1, post(), end=False)
        client.data(1)

    flood(gate, "empty_data", send)


def test_continuations(gate):
    def send(client, number):
        client.send_bytes(raw(1, 1, 1, b"\x82") if number == 0 else raw(9, 0, 1))

    flood(gate, "continuations", send)


def test_unknown_frames(gate):
    flood(gate, "unknown_frames", lambda client, _: client.send_bytes(raw(0x42, 0, 0, b"x")))


def test_a_header_bomb(gate):
    # One entry of 4 KiB in the table, and a byte for each time that it is named: 16 KiB become 64 MiB.
    entry = b"\x40\x01x" + b"\x7f" + bytes([0x80 | (3900 - 127) % 128, (3900 - 127) // 128]) + b"y" * 3900
    before = gate.metric("process_resident_memory_bytes")
    with Client(gate.port) as client:
        client.headers(1, block=block(*PSEUDO) + entry + b"\xbe" * 10_000)
        ends(client, ENHANCE_YOUR_CALM)
    assert gate.metric("loginward_http2_floods_total", kind="header_bomb") == 1
    assert gate.metric("process_resident_memory_bytes") - before < 8 << 20


def test_a_flood_is_not_read_to_its_end(gate):
    with Client(gate.port) as other, Client(gate.port) as client:
        client.socket.settimeout(0.5)
        sent = 0
        try:
            while sent < 64 << 20:
                client.socket.sendall(raw(6, 0, 0, bytes(8)) * 500)
                sent += 17 * 500
        except (TimeoutError, OSError):
            pass
        assert sent < 64 << 20
        assert other.get()[0] == 200


def test_a_header_block_that_never_ends_meets_the_header_timeout(gates, origin):
    gate = gates(origin=origin, limits={"header_timeout": "500ms"})
    with Client(gate.port) as client:
        assert client.is_alive()
        client.send_bytes(raw(1, 1, 1, b"\x82"))
        assert client.goaway(5) in ("closed", ENHANCE_YOUR_CALM, 0)
    assert gate.metric("loginward_refusals_total", reason="header_timeout") == 1


def test_an_idle_connection_is_closed_with_a_word(gates, origin):
    gate = gates(origin=origin, limits={"idle_timeout": "500ms"})
    with Client(gate.port) as client:
        assert client.get()[0] == 200
        assert client.goaway(5) == 0
        assert client.read(lambda frame: False, 5) is None


def test_a_body_that_drips_meets_its_timeout(gates, origin):
    gate = gates(origin=origin, limits={"body_timeout": "500ms"})
    with Client(gate.port) as client:
        client.headers(1, post(), end=False)
        client.data(1, b"a")
        assert client.answer(1)[0] in (408, "reset")
        assert client.get(3)[0] == 200
