"""A scripted origin on raw sockets: records the bytes that arrive, sends the bytes that the story wants."""
import re
import socket
import ssl
import threading

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Request:
    """One request as it arrived."""

    def __init__(self, head: bytes, body: bytes, connection: int):
        self.head = head
        self.body = body
        self.connection = connection
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def field(self, name):
        found = self.all(name)
        return found[0] if found else None


class Origin:
    """`answer` is bytes, or a function of (request, socket) that returns bytes, or None when it has dealt with the socket itself."""

    def __init__(self, answer=OK, context: ssl.SSLContext = None, read_body=True, listener=None):
        self.answer = answer
        self.context = context
        self.read_body = read_body
        self.requests = []
        self.connections = 0
        self.listener = listener or socket.create_server(("127.0.0.1", 0), backlog=256)
        name = self.listener.getsockname()
        self.port = name[1] if isinstance(name, tuple) else None
        self.open = []
        self.running = True
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.running = False
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for client in list(self.open):
            try:
                client.close()
            except OSError:
                pass

    def _accept(self):
        while self.running:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client, self.connections), daemon=True).start()

    def _serve(self, client, number):
        self.open.append(client)
        try:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
            rest = b""
            while True:
                request, rest = self._read(client, rest, number)
                if request is None:
                    break
                self.requests.append(request)
                answer = self.answer(request, client) if callable(self.answer) else self.answer
                if answer is None:
                    break
                client.sendall(answer)
                if b"connection: close" in answer.lower().split(b"\r\n\r\n")[0] or answer.startswith(b"HTTP/1.0"):
                    break
        except (OSError, ValueError):
            pass
        finally:
            try:
                client.close()
            except OSError:
                pass

    def _read(self, client, data, number):
        while b"\r\n\r\n" not in data:
            block = client.recv(65536)
            if not block:
                return None, b""
            data += block
        head, rest = data.split(b"\r\n\r\n", 1)
        if not self.read_body:
            return Request(head, rest, number), b""
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
            body = b""
            while True:
                while b"\r\n" not in rest:
                    rest += self._more(client)
                line, rest = rest.split(b"\r\n", 1)
                size = int(line, 16)
                while len(rest) < size + 2:
                    rest += self._more(client)
                if size == 0:
                    trailer = rest
                    if not trailer.startswith(b"\r\n"):
                        while b"\r\n\r\n" not in trailer:
                            trailer += self._more(client)
                        fields, rest = trailer.split(b"\r\n\r\n", 1)
                        head += b"\r\nX-Story-Trailer: " + fields.replace(b"\r\n", b"|")
                    else:
                        rest = trailer[2:]
                    return Request(head, body, number), rest
                body += rest[:size]
                rest = rest[size + 2:]
        wanted = int(length[1]) if length else 0
        while len(rest) < wanted:
            rest += self._more(client)
        return Request(head, rest[:wanted], number), rest[wanted:]

    @staticmethod
    def _more(client):
        block = client.recv(65536)
        if not block:
            raise ValueError("the request ended early")
        return block


def response(status=200, body=b"ok", *fields) -> bytes:
    """An answer with a length."""
    lines = [f"HTTP/1.1 {status} X".encode(), f"Content-Length: {len(body)}".encode(), *(field.encode() for field in fields)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
