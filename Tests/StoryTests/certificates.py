"""Certificates for one story, made by openssl, and TLS clients that say what they saw."""
import hashlib
import socket
import ssl
import subprocess


def openssl(*words, **more):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, timeout=60, **more)
    assert done.returncode == 0, (words, done.stderr.decode())
    return done.stdout


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder, name="test-ca"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = folder / "ca.pem", folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2,
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    def issue(self, file, *names, subject=None, key=("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), more=""):
        """(certificate, key) for these names; the same file name replaces what was there."""
        base = self.folder / file
        paths = [base.with_name(base.name + end) for end in (".pem", ".key", ".csr", ".ext")]
        certificate, private, request, extensions = paths
        wanted = ",".join(("IP:" if name[0].isdigit() else "DNS:") + name for name in names)
        extensions.write_text((f"subjectAltName={wanted}\n" if names else "") + more)
        openssl("req", "-newkey", *key, "-nodes", "-subj", subject or f"/CN={file}", "-keyout", private, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", 2,
                "-extfile", extensions, "-out", certificate)
        return str(certificate), str(private)


def listener(*pairs, **more):
    """The settings of a listener with these certificates."""
    return {"tls": {"certificates": [{"certificate": c, "key": k, **extra} for c, k, *rest in pairs for extra in [rest[0] if rest else {}]],
                    **more}}


def trusting(authority, *alpn, pair=None):
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if pair:
        context.load_cert_chain(*pair)
    return context


def connect(port, context, name="login.example", session=None):
    plain = socket.create_connection(("127.0.0.1", port), 10)
    try:
        return context.wrap_socket(plain, server_hostname=name, session=session)
    except BaseException:
        plain.close()
        raise


def first_message(context, name):
    """What a client of this context says first, as one record, and the client itself."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read(), client, incoming, outgoing


def ja4(record):
    """JA4 of a record with a ClientHello, worked out from its description and not from our code."""
    body = record[9:]
    place = 34
    place += 1 + body[place]
    count = int.from_bytes(body[place:place + 2], "big")
    suites = [body[at:at + 2].hex() for at in range(place + 2, place + 2 + count, 2)]
    place += 2 + count
    place += 1 + body[place] + 2
    extensions = {}
    while place < len(body):
        kind, size = body[place:place + 2].hex(), int.from_bytes(body[place + 2:place + 4], "big")
        extensions[kind] = body[place + 4:place + 4 + size]
        place += 4 + size
    versions = extensions["002b"][1:]
    highest = max(versions[at:at + 2] for at in range(0, len(versions), 2))
    algorithms = extensions["000d"][2:]
    names = extensions.get("0010", b"")[3:]
    first = names[:extensions["0010"][2]].decode() if names else "00"
    front = f"t{ {b'%c%c' % (3, 4): '13', b'%c%c' % (3, 3): '12'}[highest]}{'d' if '0000' in extensions else 'i'}" \
            f"{len(suites):02}{len(extensions):02}{first[0]}{first[-1]}"
    kinds = ",".join(sorted(set(extensions) - {"0000", "0010"}))
    signed = ",".join(algorithms[at:at + 2].hex() for at in range(0, len(algorithms), 2))
    cut = [hashlib.sha256(text.encode()).hexdigest()[:12] for text in (",".join(sorted(suites)), f"{kinds}_{signed}")]
    return "_".join([front, *cut])
