# SPDX-License-Identifier: Apache-2.0
"""Answers of an origin that is broken or hostile, and what a client may see of them.

WHOLE: the answer arrives with this body. BROKEN: nobody takes it for a whole good answer: an error of ours, or a connection that breaks.
ONCE: at most one answer is seen, and nothing of what stands behind it. Behind every case another request must get its own answer.
"""

from collections import namedtuple

Case = namedtuple("Case", "name kind parts body method where")
CASES = []
OK = b"HTTP/1.1 200 OK\r\n"
SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nHIDDEN"


def whole(name, parts, body, where, method="GET"):
    CASES.append(Case(name, "WHOLE", parts if isinstance(parts, list) else [parts], body, method, where))


def broken(name, parts, where):
    CASES.append(Case(name, "BROKEN", parts if isinstance(parts, list) else [parts], None, "GET", where))


def once(name, parts, where, method="GET"):
    CASES.append(Case(name, "ONCE", parts if isinstance(parts, list) else [parts], None, method, where))


whole("a length", OK + b"Content-Length: 3\r\n\r\nabc", b"abc", "9112 6.3")
whole("chunks", OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc", "9112 7.1")
whole("until the end of the connection", OK + b"\r\nabc", b"abc", "9112 6.3")
whole("byte by byte", [bytes([b]) for b in OK + b"Content-Length: 1\r\n\r\na"], b"a", "9112 2.2")
whole("a hint before the answer", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 3\r\n\r\nabc", b"abc", "9110 15.2")
whole("no reason phrase", b"HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\nabc", b"abc", "9112 4")
whole("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc", "9112 2.3")

broken("a body shorter than its length", OK + b"Content-Length: 10\r\n\r\nabc", "9112 8")
broken("chunks without the last", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "9112 8")
broken("a chunk that is cut", OK + b"Transfer-Encoding: chunked\r\n\r\n10\r\nabc", "9112 8")
broken("a trailer that is cut", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-A: b", "9112 8")
broken("a bad chunk size", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\nabc\r\n0\r\n\r\n", "9112 7.1")
broken("a chunk longer than its size", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "9112 7.1")
broken("a head that is cut", b"HTTP/1.1 200 OK\r\nContent-Le", "9112 8")
broken("nothing at all", b"", "9112 8")
broken("two lengths", OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "9112 6.3")
broken("a list of lengths", OK + b"Content-Length: 3, 4\r\n\r\nabcd", "9112 6.3")
broken("a length and chunks", OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "9112 6.3")
for text in (b"-1", b"+3", b"0x3", b"3x", b"99999999999999999999"):
    broken(f"a length of {text!r}", OK + b"Content-Length: " + text + b"\r\n\r\nabc", "9110 8.6")
for text in (b"gzip", b"chunked, gzip", b"chunked, chunked", b"xchunked"):
    broken(f"a transfer coding of {text!r}", OK + b"Transfer-Encoding: " + text + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "9112 6.1")
for line in (b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 abc OK", b"HTTP/1.1 099 OK", b"HTTP/2.0 200 OK", b"HTTP/1.1  200 OK", b"200 OK",
             b"ICY 200 OK", b"HTTP/1.1 200\tOK", b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 -20 OK"):
    broken(f"the status line {line!r}", line + b"\r\nContent-Length: 3\r\n\r\nabc", "9112 4")
for line in (b"X-A : b", b"X A: b", b": b", b"X-A: b\x00c", b"X-A: b\rc", b"X-A: b\r\n c", b"X-A"):
    broken(f"the field {line!r}", OK + line + b"\r\nContent-Length: 3\r\n\r\nabc", "9112 5")
broken("a bare LF behind the status line", b"HTTP/1.1 200 OK\nContent-Length: 3\r\n\r\nabc", "9112 2.2")
broken("a storm of 100 Continue", b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, "9110 15.2")
broken("a head without end", [OK] + [b"X-A: " + b"b" * 8000 + b"\r\n"] * 40, "limits")
broken("fields without end", OK + b"".join(b"X-%d: b\r\n" % n for n in range(5000)) + b"\r\n", "limits")
broken("switching protocols unasked", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nHIDDEN", "9110 15.2.2")

once("an answer behind the answer", OK + b"Content-Length: 3\r\n\r\nabc" + SECOND, "9112 9.2")
once("an answer behind chunks", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + SECOND, "9112 9.2")
once("bytes behind the answer", OK + b"Content-Length: 3\r\n\r\nabcHIDDEN", "9112 9.2")
once("an answer behind 204", b"HTTP/1.1 204 No Content\r\n\r\n" + SECOND, "9112 6.3")
once("a body behind 204", b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nHIDDEN", "9112 6.3")
once("a body behind 304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\nHIDDEN", "9112 6.3")
once("chunks behind 304", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nHIDDEN\r\n0\r\n\r\n", "9112 6.3")
once("a body for HEAD", OK + b"Content-Length: 6\r\n\r\nHIDDEN", "9112 6.3", "HEAD")
once("chunks for HEAD", OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\nHIDDEN\r\n0\r\n\r\n", "9112 6.3", "HEAD")
once("an answer behind HEAD", OK + b"Content-Length: 3\r\n\r\n" + SECOND, "9112 9.2", "HEAD")
once("an answer behind 100 and the answer", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 3\r\n\r\nabc" + SECOND, "9112 9.2")
once("an answer in a trailer", OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: b\r\n\r\n" + SECOND, "9112 9.2")
