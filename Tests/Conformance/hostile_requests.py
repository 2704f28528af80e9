# SPDX-License-Identifier: Apache-2.0
"""Requests that two readers could read in two ways, or that no reader may refuse. Each says what RFC 9110 and 9112 ask for.

REFUSE: an error or a closed connection, nothing whole reaches the origin. ACCEPT: these bodies arrive, in this order, each answered.
CONTAIN: refused, or passed on in a form that every reader reads alike. `where` names the paragraph.
"""

from collections import namedtuple

Case = namedtuple("Case", "name kind raw bodies where")
CASES = []
H = b"Host: a\r\n"


def refuse(name, raw, where):
    CASES.append(Case(name, "REFUSE", raw, None, where))


def contain(name, raw, where):
    CASES.append(Case(name, "CONTAIN", raw, None, where))


def accept(name, raw, where, bodies=(b"",)):
    CASES.append(Case(name, "ACCEPT", raw, list(bodies), where))


def post(*lines, body=b""):
    return b"POST / HTTP/1.1\r\n" + H + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def get(*lines):
    return b"GET / HTTP/1.1\r\n" + H + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def chunked(body, *lines):
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


# Length and chunks.
refuse("two different lengths", post(b"Content-Length: 3", b"Content-Length: 4", body=b"abcd"), "9112 6.3")
refuse("a list of different lengths", post(b"Content-Length: 3, 4", body=b"abcd"), "9112 6.3")
contain("the same length twice", post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"), "9112 6.3")
contain("a list of the same length", post(b"Content-Length: 3, 3", body=b"abc"), "9112 6.3")
refuse("a length and chunks", post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), "9112 6.1")
refuse("chunks and a length", post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"), "9112 6.1")
for text in (b"+3", b"-3", b"0x3", b"3 3", b"3;", b"3.0", b"3e0", b"", b"three", b"\xd9\xa3", b"3\x0b", b"18446744073709551616",
             b"99999999999999999999999999"):
    refuse(f"a length of {text!r}", post(b"Content-Length: " + text, body=b"abc"), "9110 8.6")
contain("a length with zeros in front", post(b"Content-Length: 0003", body=b"abc"), "9110 8.6")
refuse("a length behind a tab and a letter", post(b"Content-Length:\tx3", body=b"abc"), "9110 8.6")
for text in (b"gzip", b"identity", b"chunked, gzip", b"chunked, chunked", b"xchunked", b"chunkedx", b"\"chunked\"", b"chunked;q=1", b",", b"",
             b"chunked\x0b", b"\x00chunked", b"chunk ed", b"cow"):
    refuse(f"a transfer coding of {text!r}", post(b"Transfer-Encoding: " + text, body=b"0\r\n\r\n"), "9112 6.1")
refuse("chunked twice in two fields", chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked"), "9112 6.1")
refuse("chunked, then identity in a second field", chunked(b"0\r\n\r\n", b"Transfer-Encoding: identity"), "9112 6.1")
contain("a transfer coding in capitals", post(b"Transfer-Encoding: CHUNKED", body=b"3\r\nabc\r\n0\r\n\r\n"), "9112 6.1")
refuse("chunks for HTTP/1.0", b"POST / HTTP/1.0\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "9112 6.1")
contain("a name like Transfer-Encoding", post(b"Transfer_Encoding: chunked", b"Content-Length: 3", body=b"abc"), "CGI names")
contain("a name like Content-Length", post(b"Content_Length: 30", b"Content-Length: 3", body=b"abc"), "CGI names")

# Chunks in detail.
for size in (b"-1", b"+3", b"0x3", b" 3", b"3 ", b"", b"g", b"3\x00", b"FFFFFFFFFFFFFFFFF", b"10000000000000000", b"3_0", b"\xef\xbc\x93"):
    refuse(f"a chunk size of {size!r}", chunked(size + b"\r\nabc\r\n0\r\n\r\n"), "9112 7.1")
refuse("a chunk that ends in LF", chunked(b"3\r\nabc\n0\r\n\r\n"), "9112 7.1")
refuse("a chunk size that ends in LF", chunked(b"3\nabc\r\n0\r\n\r\n"), "9112 7.1")
refuse("a chunk size that ends in CR", chunked(b"3\rabc\r\n0\r\n\r\n"), "9112 7.1")
refuse("a chunk longer than its size", chunked(b"3\r\nabcd\r\n0\r\n\r\n"), "9112 7.1")
refuse("a chunk extension with a bare LF", chunked(b"3;a\nbc\r\nabc\r\n0\r\n\r\n"), "9112 7.1.1")
refuse("a chunk extension with a bare CR", chunked(b"3;a\rb\r\nabc\r\n0\r\n\r\n"), "9112 7.1.1")
refuse("a chunk extension with a NUL", chunked(b"3;a\x00\r\nabc\r\n0\r\n\r\n"), "9112 7.1.1")
contain("a chunk extension", chunked(b"3;name=value\r\nabc\r\n0\r\n\r\n"), "9112 7.1.1")
contain("a chunk extension in quotes", chunked(b'3;name="a;b"\r\nabc\r\n0\r\n\r\n'), "9112 7.1.1")
contain("a trailer", chunked(b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"), "9112 7.1.2")
contain("a trailer that is a length", chunked(b"3\r\nabc\r\n0\r\nContent-Length: 50\r\n\r\n"), "9110 6.5.1")
contain("a trailer that is a transfer coding", chunked(b"0\r\nTransfer-Encoding: chunked\r\n\r\n"), "9110 6.5.1")
contain("a trailer that is a host", chunked(b"0\r\nHost: b\r\n\r\n"), "9110 6.5.1")
refuse("a trailer with a space before the colon", chunked(b"0\r\nX-Sum : 1\r\n\r\n"), "9112 5.1")
refuse("a trailer with a bare CR", chunked(b"0\r\nX-Sum: 1\r2\r\n\r\n"), "9112 2.2")
accept("two chunks", chunked(b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), "9112 7.1", [b"abcdefg"])
accept("a chunk size in capitals with zeros", chunked(b"000A\r\n0123456789\r\n0\r\n\r\n"), "9112 7.1", [b"0123456789"])
accept("no chunk but the last", chunked(b"0\r\n\r\n"), "9112 7.1", [b""])

# Lines.
refuse("a bare LF after the request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", "9112 2.2")
refuse("bare LFs everywhere", b"GET / HTTP/1.1\nHost: a\n\n", "9112 2.2")
refuse("a bare CR in a value", get(b"X-A: b\rc"), "9112 2.2")
refuse("a CR before CR LF", get(b"X-A: b\r"), "9112 2.2")
refuse("a line that is folded", get(b"X-A: b\r\n c"), "9112 5.2")
refuse("a line that is folded with a tab", get(b"X-A: b\r\n\tc"), "9112 5.2")
refuse("a first line that begins with a space", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "9112 2.2")
refuse("a space before the colon", get(b"X-A : b"), "9112 5.1")
refuse("a tab before the colon", get(b"Content-Length\t: 0"), "9112 5.1")
refuse("a name without a colon", get(b"X-A"), "9112 5")
refuse("an empty name", get(b": b"), "9112 5")
for byte in (0, 1, 8, 11, 12, 14, 27, 127):
    refuse(f"byte {byte} in a value", get(b"X-A: b" + bytes([byte]) + b"c"), "9110 5.5")
for byte in b'"(),/:;<=>?@[\\]{} \x00\x7f\x80\xff':
    if byte != ord(":"):
        refuse(f"byte {byte} in a name", get(b"X" + bytes([byte]) + b"A: b"), "9110 5.1")
accept("a value with bytes above 127", get(b"X-A: \xc3\xa9\xff"), "9110 5.5")
accept("a value with a tab inside", get(b"X-A: b\tc"), "9110 5.5")
accept("an empty value", get(b"X-A:"), "9110 5.5")
accept("a value without a space", get(b"X-A:b"), "9110 5.6.3")
accept("all characters of a token in a name", get(b"!#$%&'*+-.^_`|~09az: b"), "9110 5.6.2")

# Request line.
refuse("no version", b"GET /\r\n" + H + b"\r\n", "9112 3")
refuse("two spaces before the target", b"GET  / HTTP/1.1\r\n" + H + b"\r\n", "9112 3")
refuse("a tab before the target", b"GET\t/ HTTP/1.1\r\n" + H + b"\r\n", "9112 3")
refuse("two spaces before the version", b"GET /  HTTP/1.1\r\n" + H + b"\r\n", "9112 3")
refuse("a space behind the version", b"GET / HTTP/1.1 \r\n" + H + b"\r\n", "9112 3")
refuse("a space in the target", b"GET /a b HTTP/1.1\r\n" + H + b"\r\n", "9112 3.2")
for text in (b"HTTP/1.2.3", b"HTTP/11", b"http/1.1", b"HTTP/1.", b"HTTP/ 1.1", b"HTTP 1.1", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.1x", b"HTTP/1.01",
             b"XTTP/1.1", b"HTTP/-1.1"):
    refuse(f"the version {text!r}", b"GET / " + text + b"\r\n" + H + b"\r\n", "9112 2.3")
for byte in b'"(),/:;<=>?@[\\]{}\x00\x7f\x80':
    refuse(f"byte {byte} in the method", b"G" + bytes([byte]) + b"T / HTTP/1.1\r\n" + H + b"\r\n", "9110 9.1")
refuse("no method", b" / HTTP/1.1\r\n" + H + b"\r\n", "9112 3")
refuse("a target without a slash", b"GET a HTTP/1.1\r\n" + H + b"\r\n", "9112 3.2")
refuse("an asterisk for GET", b"GET * HTTP/1.1\r\n" + H + b"\r\n", "9112 3.2.4")
refuse("a fragment in the target", b"GET /a#b HTTP/1.1\r\n" + H + b"\r\n", "9112 3.2")
for byte in (0, 9, 11, 127, 128, 255):
    refuse(f"byte {byte} in the target", b"GET /a" + bytes([byte]) + b" HTTP/1.1\r\n" + H + b"\r\n", "9112 3.2")
refuse("CONNECT to a gate that is no tunnel", b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "9110 9.3.6")
refuse("the preface of HTTP/2 from nobody who agreed to it", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "9113 3.4")
accept("a method that nobody knows", b"BREW / HTTP/1.1\r\n" + H + b"\r\n", "9110 9.1")
accept("an asterisk for OPTIONS", b"OPTIONS * HTTP/1.1\r\n" + H + b"\r\n", "9112 3.2.4")
accept("an absolute target", b"GET http://a/b?c HTTP/1.1\r\n" + H + b"\r\n", "9112 3.2.2")
accept("an empty line before the request", b"\r\n" + get(), "9112 2.2")
accept("a query with everything that may stand there", b"GET /?a=1&b=/?:@-._~!$'()*+,;= HTTP/1.1\r\n" + H + b"\r\n", "3986 3.4")
accept("HTTP/1.0", b"GET / HTTP/1.0\r\n" + H + b"\r\n", "9112 2.3")

# Host.
refuse("no host", b"GET / HTTP/1.1\r\n\r\n", "9112 3.2")
refuse("two hosts", get(b"Host: b"), "9112 3.2")
refuse("the same host twice", get(b"Host: a"), "9112 3.2")
for text in (b"a b", b"a/b", b"a@b", b"a,b", b"a:b", b"a:80:80", b"[::1", b"::1", b"a?b", b"a#b", b"a\\b", b"a\x00b", b"<a>", b"a:99999999"):
    refuse(f"the host {text!r}", b"GET / HTTP/1.1\r\nHost: " + text + b"\r\n\r\n", "9110 7.2")
contain("an absolute target and another host", b"GET http://b/ HTTP/1.1\r\n" + H + b"\r\n", "9112 3.2.2")
refuse("an absolute target with a user", b"GET http://u@a/ HTTP/1.1\r\n" + H + b"\r\n", "9110 4.2.4")
accept("a host with a port", b"GET / HTTP/1.1\r\nHost: a:8080\r\n\r\n", "9110 7.2")
accept("a host that is an address", b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "9110 7.2")

# Connection.
contain("Connection names the length", post(b"Connection: Content-Length", b"Content-Length: 3", body=b"abc"), "9110 7.6.1")
contain("Connection names the host", get(b"Connection: Host"), "9110 7.6.1")
contain("an upgrade to h2c", get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"), "9113 3.1")
contain("an upgrade with a body", post(b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 3", body=b"abc"), "9110 7.8")
contain("an expectation that nobody knows", post(b"Expect: 200-maybe", b"Content-Length: 3", body=b"abc"), "9110 10.1.1")

# Several requests.
accept("two requests at once", get() + get(), "9112 9.3.2", [b"", b""])
accept("a request behind a body", post(b"Content-Length: 3", body=b"abc") + get(), "9112 9.3.2", [b"abc", b""])
accept("a request behind chunks", chunked(b"3\r\nabc\r\n0\r\n\r\n") + get(), "9112 9.3.2", [b"abc", b""])
contain("a request behind Connection: close", get(b"Connection: close") + get(), "9112 9.6")
contain("a GET with a body that looks like a request", b"GET / HTTP/1.1\r\n" + H + b"Content-Length: 31\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n", "9110 9.3.1")
contain("a request behind the end of HTTP/1.0", b"GET / HTTP/1.0\r\n" + H + b"\r\n" + get(), "9112 9.3")
