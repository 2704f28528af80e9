"""A client of HTTP/2 that sends the frames that a story wants, right or wrong, and collects what comes back."""
import socket
import ssl

import hpack
from hyperframe.frame import (
    ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame,
    SettingsFrame, WindowUpdateFrame)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = [(":method", "GET"), (":scheme", "http"), (":authority", "sso.example"), (":path", "/")]


def post(*fields, path="/"):
    return [(":method", "POST"), (":scheme", "http"), (":authority", "sso.example"), (":path", path), *fields]


class Client:
    """Owns one connection. `settings` are the client's own, sent at once."""

    def __init__(self, port, tls=False, settings=None, preface=PREFACE, begin=True):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname="sso.example")
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.rest = b""
        self.frames = []
        self.ended = False
        if begin:
            self.send_bytes(preface)
            self.send(SettingsFrame(0, settings=settings or {}))

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Sending

    def send_bytes(self, data):
        """What the gate does not want any more is lost: it may have ended the connection."""
        try:
            self.socket.sendall(data)
        except OSError:
            self.ended = True

    def send(self, *frames):
        self.send_bytes(b"".join(frame.serialize() for frame in frames))

    def headers(self, stream, fields=HEAD, end=True, block=None):
        data = self.encoder.encode(fields) if block is None else block
        frames = [HeadersFrame(stream, data=data[:16_384])]
        frames += [ContinuationFrame(stream, data=data[place:place + 16_384]) for place in range(16_384, len(data), 16_384)]
        frames[-1].flags.add("END_HEADERS")
        if end:
            frames[0].flags.add("END_STREAM")
        self.send(*frames)

    def data(self, stream, data=b"", end=False):
        frame = DataFrame(stream, data=data)
        if end:
            frame.flags.add("END_STREAM")
        self.send(frame)

    def reset(self, stream, code=8):
        self.send(RstStreamFrame(stream, error_code=code))

    def window(self, stream, increment):
        self.send(WindowUpdateFrame(stream, window_increment=increment))

    # Receiving

    def read(self, until, seconds=10):
        """Frames until `until(frame)` is true for one, which is returned; None when the connection ended before."""
        self.socket.settimeout(seconds)
        while True:
            while len(self.rest) >= 9:
                frame, length = Frame.parse_frame_header(memoryview(self.rest[:9]))
                if len(self.rest) < 9 + length:
                    break
                frame.parse_body(memoryview(self.rest[9:9 + length]))
                self.rest = self.rest[9 + length:]
                if isinstance(frame, (HeadersFrame, ContinuationFrame)):
                    frame.fields = self.decoder.decode(frame.data)
                if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
                    acknowledgement = SettingsFrame(0)
                    acknowledgement.flags.add("ACK")
                    self.send(acknowledgement)
                self.frames.append(frame)
                if until(frame):
                    return frame
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                self.ended = True
                return None
            self.rest += more

    def answer(self, stream, seconds=10):
        """(status, fields, body, trailers) of a stream that ends well; ("reset", code) or ("goaway", code) otherwise."""
        status, fields, body, trailers = None, [], [], []
        seen = 0

        def over(frame):
            if isinstance(frame, GoAwayFrame):
                return frame.error_code != 0
            if frame.stream_id != stream:
                return False
            return isinstance(frame, RstStreamFrame) or "END_STREAM" in frame.flags

        last = next((frame for frame in self.frames if over(frame)), None) or self.read(over, seconds)
        if last is None:
            return "closed", None
        if isinstance(last, GoAwayFrame):
            return "goaway", last.error_code
        if isinstance(last, RstStreamFrame):
            return "reset", last.error_code
        for frame in self.frames:
            if frame.stream_id != stream:
                continue
            if isinstance(frame, HeadersFrame):
                found = [(str(name), str(value)) for name, value in frame.fields]
                if found and found[0][0] == ":status":
                    seen = int(found[0][1])
                    if seen >= 200:
                        status, fields = seen, found[1:]
                else:
                    trailers = found
            elif isinstance(frame, DataFrame):
                body.append(frame.data)
        return status, fields, b"".join(body), trailers

    def get(self, stream=1, fields=HEAD):
        self.headers(stream, fields)
        return self.answer(stream)

    def goaway(self, seconds=10):
        """The error code with which the gate ends the connection, 'closed' when it ends without a word."""
        frame = self.read(lambda frame: isinstance(frame, GoAwayFrame), seconds)
        return frame.error_code if frame else "closed"

    def is_alive(self):
        """It still answers a PING."""
        self.send(PingFrame(0, opaque_data=b"stories!"))
        return self.read(lambda frame: isinstance(frame, PingFrame) and "ACK" in frame.flags) is not None


def raw(kind, flags, stream, payload=b"", length=None):
    """A frame as bytes, with any lie in its head."""
    length = len(payload) if length is None else length
    return length.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


__all__ = ["Client", "ContinuationFrame", "DataFrame", "GoAwayFrame", "HEAD", "HeadersFrame", "PREFACE", "PingFrame",
           "PriorityFrame", "RstStreamFrame", "SettingsFrame", "WindowUpdateFrame", "post", "raw"]
