"""A collector on loopback: records what is posted, answers what the story wants."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse


class Posted:
    """One request as it arrived."""

    def __init__(self, path, headers, body):
        self.path = path
        self.headers = headers
        self.body = body


class Receiver:
    """`answer` is (status, fields, body), or a function of the request that returns one."""

    def __init__(self, answer=(200, {}, b""), port=0):
        self.answer = answer
        self.requests = []
        receiver = self

        class Posting(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                posted = Posted(self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"])))
                receiver.requests.append(posted)
                posted.status, fields, body = receiver.answer(posted) if callable(receiver.answer) else receiver.answer
                self.send_response(posted.status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                """A daemon that was killed breaks its connections: no news."""

        self.server = Server(("127.0.0.1", port), Posting)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def taken(self):
        """The requests that were answered with 2xx."""
        return [posted for posted in list(self.requests) if 200 <= getattr(posted, "status", 0) < 300]

    @property
    def lines(self):
        """Events of NDJSON bodies that were taken."""
        return [json.loads(line) for posted in self.taken for line in posted.body.split(b"\n") if line]

    @property
    def records(self):
        """(resource, log record) of OTLP bodies that were taken, decoded by the library of OpenTelemetry."""
        found = []
        for posted in self.taken:
            for resource in decode(posted).resource_logs:
                for scope in resource.scope_logs:
                    found += [(resource.resource, record) for record in scope.log_records]
        return found


def decode(posted) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    if posted.headers["Content-Type"] == "application/json":
        Parse(posted.body.decode(), request)
    else:
        assert posted.headers["Content-Type"] == "application/x-protobuf"
        request.ParseFromString(posted.body)
        assert request.SerializeToString(deterministic=True), "it is a message"
    return request


def rejecting(count) -> bytes:
    """The answer of a collector that rejected so many records, in protobuf."""
    response = ExportLogsServiceResponse()
    response.partial_success.rejected_log_records = count
    return response.SerializeToString()


def plain(value):
    """An AnyValue as Python has it."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, kind)


def attributes(holder):
    names = [pair.key for pair in holder.attributes]
    assert len(names) == len(set(names)), "no attribute stands twice"
    return {pair.key: plain(pair.value) for pair in holder.attributes}
