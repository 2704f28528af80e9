"""Clients as a login service sees them: ordered headers of browsers, apps and tools, and what attackers make of them.

A client is a template of the headers in their order; the length of the body and the cookie are filled in per request.
Header imitation has six levels: 0 a tool's own headers; 1 a tool with browsers' user agents; 2 with the chief headers of
a browser; 3 with all of them, in the tool's order; 4 a browser's headers with one subtle defect; 5 no difference.
"""
import json

LENGTH, COOKIE = object(), object()
SITE = "accounts.example.com"
LANGUAGES = [
    ("en-US,en;q=0.9", 30), ("en-GB,en-US;q=0.9,en;q=0.8", 14), ("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", 18),
    ("fr-FR,fr;q=0.9,en-US;q=0.8,en;q=0.7", 10), ("nl-NL,nl;q=0.9,en-US;q=0.8,en;q=0.7", 5),
    ("es-ES,es;q=0.9,en;q=0.8", 6), ("it-IT,it;q=0.9,en-US;q=0.8,en;q=0.7", 5), ("pl-PL,pl;q=0.9,en-US;q=0.8,en;q=0.7", 4),
    ("pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7", 4), ("de", 2), ("tr-TR,tr;q=0.9,en-US;q=0.8,en;q=0.7", 2),
]
VERSIONS = [(150, 46), (149, 25), (151, 14), (148, 8), (147, 4), (144, 2), (138, 1)]
WINDOWS, MAC, LINUX, ANDROID = "Windows", "macOS", "Linux", "Android"
SYSTEMS = {
    WINDOWS: "Windows NT 10.0; Win64; x64", MAC: "Macintosh; Intel Mac OS X 10_15_7",
    LINUX: "X11; Linux x86_64", ANDROID: "Linux; Android 10; K",
}
NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
JA4 = {
    "chrome": "t13d1516h2_8daaf6152771_d8a2da3f94cd", "firefox": "t13d1717h2_5b57614c22b0_3cbfd9057e0d",
    "safari": "t13d2014h2_a09f3c656075_e42f34c56612", "okhttp": "t13d1613h2_46e7e9700bed_eca864cca44a",
    "cfnetwork": "t13d2014h2_a09f3c656075_7f0f34a4126d", "dart": "t13d1412h1_c866b44c5a26_b5b8faed2b99",
    "requests": "t13d1813h1_85036bcba153_d41ae481755e", "aiohttp": "t13d1812h1_85036bcba153_b26ce05bbdd6",
    "go": "t13d1312h2_f57a46bbacb6_e7c285222651", "node": "t13d5911h1_a33745022dd6_1f22a2ca17c4",
    "curl": "t13d3112h2_e8f1e7e78f70_6bebaf5329ac", "java": "t13d4907h1_0d8feac7bc37_7395dae3b2f3",
    "dotnet": "t12d1909h1_d83cc789557e_16bbda4055b2", "ruby": "t13d1711h1_7c1f7fd0a7a0_2dae41c691ec",
}


class Client:
    """One list of headers, cut at the body length and at the cookie. Shared by all devices that send the same."""

    __slots__ = ("head", "middle", "tail", "cookie_open", "ja4", "kind", "agent", "fields", "later")

    def __init__(self, fields, ja4, kind):
        parts, part, self.cookie_open = [], "[", ',["cookie","'
        for name, value in fields:
            comma = "" if part == "[" and not parts else ","
            if value is COOKIE:
                parts.append(part)
                part, self.cookie_open = "", f',[{json.dumps(name)},"'
            elif value is LENGTH:
                parts.append(part + f'{comma}[{json.dumps(name)},"')
                part = '"]'
            else:
                part += f"{comma}[{json.dumps(name)},{json.dumps(value)}]"
        parts.append(part + "]")
        self.head, self.middle, self.tail = parts
        self.ja4, self.kind = JA4.get(ja4, ja4), kind
        self.agent = next((value for name, value in fields if name.lower() == "user-agent"), "")
        self.fields, self.later = fields, {}

    def headers(self, length, cookie=None):
        """The JSON list of the headers of one request."""
        if cookie is None:
            return f"{self.head}{length}{self.middle}{self.tail}"
        return f'{self.head}{length}{self.middle}{self.cookie_open}{cookie}"]{self.tail}'


def brands(version, product="Google Chrome"):
    grease = ['"Not/A)Brand";v="8"', '"Not?A_Brand";v="24"', '"Not.A/Brand";v="99"'][version % 3]
    parts = [f'"Chromium";v="{version}"', f'"{product}";v="{version}"', grease]
    turn = version % 3
    return ", ".join(parts[turn:] + parts[:turn])


def titled(fields):
    """The same headers as HTTP/1.1 clients write them."""
    return [("-".join(word.capitalize() for word in name.split("-")), value) for name, value in fields]


def chromium(version, system, language, product="Google Chrome", script=False, mobile=False, full=None):
    """A Chromium browser that submits a form, or whose page sends the login by script."""
    agent = (f"Mozilla/5.0 ({SYSTEMS[system]}) AppleWebKit/537.36 (KHTML, like Gecko) "
             f"Chrome/{full or f'{version}.0.0.0'} {'Mobile ' if mobile else ''}Safari/537.36")
    if product == "Microsoft Edge":
        agent += f" Edg/{version}.0.0.0"
    elif product == "Opera":
        agent += f" OPR/{version - 16}.0.0.0"
    elif product == "Samsung Internet":
        agent = agent.replace("Chrome/", f"SamsungBrowser/{version - 121}.0 Chrome/")
    hints = [("sec-ch-ua", brands(version, product)), ("sec-ch-ua-mobile", "?1" if mobile else "?0"),
             ("sec-ch-ua-platform", f'"{system}"')]
    ends = [("referer", f"https://{SITE}/login"), ("accept-encoding", "gzip, deflate, br, zstd"),
            ("accept-language", language), ("cookie", COOKIE)]
    if script:
        return [("host", SITE), ("content-length", LENGTH), hints[2], ("user-agent", agent), hints[0],
                ("content-type", "application/json"), hints[1], ("accept", "application/json, text/plain, */*"),
                ("origin", f"https://{SITE}"), ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors"),
                ("sec-fetch-dest", "empty"), *ends, ("priority", "u=1, i")]
    return [("host", SITE), ("content-length", LENGTH), ("cache-control", "max-age=0"), *hints, ("origin", f"https://{SITE}"),
            ("content-type", "application/x-www-form-urlencoded"), ("upgrade-insecure-requests", "1"), ("user-agent", agent),
            ("accept", NAVIGATION + ",application/signed-exchange;v=b3;q=0.7"), ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "navigate"), ("sec-fetch-user", "?1"), ("sec-fetch-dest", "document"), *ends, ("priority", "u=0, i")]


def firefox(version, system, language, script=False):
    languages = [part.split(";")[0] for part in language.split(",")][:3]
    language = ",".join(part if index == 0 else f"{part};q={[1, 0.5, 0.3][index]}" for index, part in enumerate(languages))
    agent = f"Mozilla/5.0 ({SYSTEMS[system].replace('10_15_7', '10.15')}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    start = [("host", SITE), ("user-agent", agent)]
    accept = "application/json, text/plain, */*" if script else "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    middle = [("accept", accept), ("accept-language", language), ("accept-encoding", "gzip, deflate, br, zstd"),
              ("content-type", "application/json" if script else "application/x-www-form-urlencoded"), ("content-length", LENGTH),
              ("origin", f"https://{SITE}"), ("referer", f"https://{SITE}/login"), ("cookie", COOKIE)]
    if script:
        return start + middle + [("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors"), ("sec-fetch-site", "same-origin"),
                                 ("priority", "u=0"), ("te", "trailers")]
    return start + middle + [("upgrade-insecure-requests", "1"), ("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate"),
                             ("sec-fetch-site", "same-origin"), ("sec-fetch-user", "?1"), ("priority", "u=0, i"), ("te", "trailers")]


def safari(version, phone, language):
    system = f"iPhone; CPU iPhone OS {version[0]}_{version[1]} like Mac OS X" if phone else SYSTEMS[MAC]
    agent = (f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) "
             f"Version/{version[0]}.{version[1]} {'Mobile/15E148 Safari/604.1' if phone else 'Safari/605.1.15'}")
    return [("host", SITE), ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), ("sec-fetch-site", "same-origin"),
            ("accept-language", language), ("sec-fetch-mode", "navigate"), ("accept-encoding", "gzip, deflate, br"),
            ("origin", f"https://{SITE}"), ("user-agent", agent), ("content-length", LENGTH), ("referer", f"https://{SITE}/login"),
            ("sec-fetch-dest", "document"), ("cookie", COOKIE), ("priority", "u=0, i")]


def android_app(version):
    return [("X-App-Version", version), ("Accept", "application/json"), ("Content-Type", "application/json; charset=UTF-8"),
            ("Content-Length", LENGTH), ("Host", SITE), ("Connection", "Keep-Alive"), ("Accept-Encoding", "gzip"),
            ("User-Agent", f"ExampleApp/{version} (Android) okhttp/4.12.0"), ("Cookie", COOKIE)]


def phone_app(version, language):
    return [("Host", SITE), ("Content-Type", "application/json"), ("Accept", "application/json"), ("X-App-Version", version),
            ("User-Agent", f"ExampleApp/{version} CFNetwork/1568.300.101 Darwin/24.2.0"), ("Content-Length", LENGTH),
            ("Accept-Language", language), ("Accept-Encoding", "gzip, deflate, br"), ("Connection", "keep-alive"), ("Cookie", COOKIE)]


TOOLS = {
    "requests": [("Host", SITE), ("User-Agent", "python-requests/2.32.3"), ("Accept-Encoding", "gzip, deflate"), ("Accept", "*/*"),
                 ("Connection", "keep-alive"), ("Content-Length", LENGTH), ("Content-Type", "application/x-www-form-urlencoded")],
    "aiohttp": [("Host", SITE), ("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate"), ("User-Agent", "Python/3.12 aiohttp/3.10.5"),
                ("Content-Length", LENGTH), ("Content-Type", "application/json")],
    "go": [("Host", SITE), ("User-Agent", "Go-http-client/1.1"), ("Content-Length", LENGTH), ("Content-Type", "application/json"),
           ("Accept-Encoding", "gzip")],
    "node": [("Accept", "application/json, text/plain, */*"), ("Content-Type", "application/json"), ("User-Agent", "axios/1.7.7"),
             ("Content-Length", LENGTH), ("Accept-Encoding", "gzip, compress, deflate, br"), ("Host", SITE), ("Connection", "keep-alive")],
    "curl": [("Host", SITE), ("User-Agent", "curl/8.9.1"), ("Accept", "*/*"), ("Content-Length", LENGTH),
             ("Content-Type", "application/x-www-form-urlencoded")],
    "java": [("Content-Type", "application/json"), ("User-Agent", "Java/17.0.12"), ("Host", SITE), ("Accept", "*/*; q=.2"),
             ("Connection", "keep-alive"), ("Content-Length", LENGTH)],
    "dotnet": [("User-Agent", "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621.2506"),
               ("Content-Type", "application/x-www-form-urlencoded"), ("Host", SITE), ("Content-Length", LENGTH), ("Connection", "Keep-Alive")],
    "ruby": [("Accept-Encoding", "gzip;q=1.0,deflate;q=0.6,identity;q=0.3"), ("Accept", "*/*"), ("User-Agent", "Ruby"), ("Host", SITE),
             ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", LENGTH)],
}


def weighted(rng, pairs):
    return rng.choices([value for value, _ in pairs], [weight for _, weight in pairs])[0]


class Clients:
    """All clients of one run, made once each. Owned by the run's generator."""

    MIXES = {  # what share of the devices each family has; a judge has another mix than we
        "usual": {"chrome": 34, "edge": 9, "firefox": 9, "phone": 17, "mac": 6, "samsung": 4, "chrome-mobile": 11, "opera": 1, "android-app": 5, "phone-app": 4},
        "phones": {"chrome": 10, "edge": 3, "firefox": 3, "phone": 26, "mac": 3, "samsung": 7, "chrome-mobile": 20, "opera": 1, "android-app": 14, "phone-app": 13},
        "office": {"chrome": 38, "edge": 35, "firefox": 14, "phone": 4, "mac": 6, "samsung": 1, "chrome-mobile": 2, "opera": 0, "android-app": 0, "phone-app": 0},
        "apps": {"chrome": 14, "edge": 3, "firefox": 3, "phone": 6, "mac": 3, "samsung": 1, "chrome-mobile": 5, "opera": 0, "android-app": 36, "phone-app": 29},
    }

    def __init__(self, rng, mix="usual", scripted=False):
        self.rng, self.made, self.scripted, self.mix = rng, {}, scripted, self.MIXES[mix]
        # How many honest Chromium users send what an attacker's copy would betray itself by.
        self.quirks = [(defect, rng.choice([0, 0.0003, 0.001, 0.004, 0.01])) for defect in self.DEFECTS]
        self.oddness = rng.choice([0.5, 1, 2])

    def client(self, fields, ja4, kind):
        key = (tuple((name, value if isinstance(value, str) else id(value)) for name, value in fields), ja4)
        made = self.made.get(key)
        if made is None:
            made = self.made[key] = Client(fields, ja4, kind)
        return made

    def browser(self, family, language=None, newest=False):
        """Fields, TLS print and kind of one browser or app of the family, as its users have them."""
        rng = self.rng
        language = language or weighted(rng, LANGUAGES)
        version = 151 if newest else weighted(rng, VERSIONS)
        if family == "chrome":
            system = weighted(rng, [(WINDOWS, 75), (MAC, 18), (LINUX, 7)])
            return chromium(version, system, language, script=self.scripted), "chrome", "desktop"
        if family == "edge":
            return chromium(version, WINDOWS, language, "Microsoft Edge", self.scripted), "chrome", "desktop"
        if family == "opera":
            return chromium(version, WINDOWS, language, "Opera", self.scripted), "chrome", "desktop"
        if family == "samsung":
            return chromium(version - 4, ANDROID, language, "Samsung Internet", self.scripted, True), "chrome", "mobile"
        if family == "chrome-mobile":
            return chromium(version, ANDROID, language, script=self.scripted, mobile=True), "chrome", "mobile"
        if family == "firefox":
            return firefox(version + 3, weighted(rng, [(WINDOWS, 70), (LINUX, 20), (MAC, 10)]), language, self.scripted), "firefox", "desktop"
        if family in ("phone", "mac"):
            release = weighted(rng, [((26, 1), 40), ((26, 0), 15), ((18, 6), 30), ((17, 6), 10), ((16, 6), 5)])
            return safari(release, family == "phone", language), "safari", "mobile" if family == "phone" else "desktop"
        version = weighted(rng, [("7.41.0", 60), ("7.40.2", 25), ("7.38.0", 10), ("6.9.4", 5)])
        if family == "android-app":
            return android_app(version), "okhttp", "mobile"
        return phone_app(version, language), "cfnetwork", "mobile"

    def person(self, kind=None):
        """A client of the real population, with its long tail: odd extensions, company proxies, privacy settings."""
        rng = self.rng
        while True:
            family = weighted(rng, list(self.mix.items()))
            fields, ja4, found = self.browser(family)
            if kind is None or found == kind or rng.random() < 0.02:
                break
        if ja4 == "chrome" and found == "desktop":
            draw = rng.random()
            for defect, share in self.quirks:
                draw -= share
                if draw < 0:
                    fields = self.flawed(defect, rng, weighted(rng, VERSIONS), weighted(rng, [(WINDOWS, 75), (MAC, 18), (LINUX, 7)]), weighted(rng, LANGUAGES))
                    break
        odd = rng.random()
        if odd < 0.045 * self.oddness:
            odd /= self.oddness
            fields = self.odd(list(fields), odd)
        if odd > 0.9 and found == "desktop":  # behind a proxy of the company that speaks HTTP/1.1
            fields = titled([field for field in fields if field[0] not in ("priority", "te")])
            fields.insert(1, ("Connection", "keep-alive"))
        return self.client(fields, ja4, found)

    def odd(self, fields, draw):
        rng = self.rng
        place = rng.randrange(2, len(fields))
        if draw < 0.012:
            fields.insert(place, ("dnt", "1"))
        elif draw < 0.022:
            fields.insert(place, ("sec-gpc", "1"))
        elif draw < 0.027:
            fields += [("via", f"1.1 proxy{rng.randrange(60)}.example.org (squid)"), ("x-forwarded-for", f"10.1.{rng.randrange(250)}.{rng.randrange(250)}")]
        elif draw < 0.032:
            fields = [field for field in fields if field[0].lower() != "referer"]
        elif draw < 0.036:
            fields = [(name, "en-US,en;q=0.5" if name.lower() == "accept-language" else value) for name, value in fields]
        elif draw < 0.039:
            fields.insert(place, (f"x-extension-{rng.randrange(400)}", "1"))
        elif draw < 0.042:
            fields = [(name, value) for name, value in fields if not name.lower().startswith("sec-ch-")]
        else:
            fields = titled(fields)
            cut = rng.randrange(2, len(fields) - 1)
            fields[cut], fields[cut - 1] = fields[cut - 1], fields[cut]
            if not {LENGTH, COOKIE}.issubset({value for _, value in fields}):
                return fields
        return self.ordered(fields)

    @staticmethod
    def ordered(fields):
        """The cookie comes after the length: what a template needs."""
        values = [value for _, value in fields]
        if LENGTH in values and COOKIE in values and values.index(COOKIE) < values.index(LENGTH):
            cookie = fields.pop(values.index(COOKIE))
            fields.append(cookie)
        return fields

    def tool(self, name, agent=None):
        fields = [(field, agent if agent and field == "User-Agent" else value) for field, value in TOOLS[name]]
        return self.client(fields + [("Cookie", COOKIE)], name, "tool")

    def script(self, level, rng, width=24):
        """The clients of one attack script at a level of imitation: what differs between its requests is what it rotates."""
        tool = rng.choice(list(TOOLS))
        if level == 0:
            return [self.tool(tool)]
        if level == 5:
            return [self.person() for _ in range(width * 20)]
        browsers = [self.browser(rng.choice(["chrome", "chrome", "edge", "firefox", "chrome-mobile", "mac"])) for _ in range(width)]
        agents = [next(value for name, value in fields if name == "user-agent") for fields, _, _ in browsers]
        if level == 1:
            return [self.tool(tool, agent) for agent in agents]
        if level == 2:
            return [self.imitation(TOOLS[tool], fields, ("accept", "accept-language", "origin", "referer"), agent, tool)
                    for (fields, _, _), agent in zip(browsers, agents)]
        if level == 3:
            return [self.imitation(TOOLS[tool], fields, None, agent, rng.choice([tool, ja4]))
                    for (fields, ja4, _), agent in zip(browsers, agents)]
        return self.defective(rng, width)

    def imitation(self, tool, browser, wanted, agent, ja4):
        """The tool writes its own headers first, in its order, then those that were copied from a browser."""
        values = {name: value for name, value in browser if isinstance(value, str)}
        fields, held = [], set()
        for name, value in tool:
            low = name.lower()
            if low == "user-agent":
                value = agent
            elif value is not LENGTH and low in values and (wanted is None or low in wanted):
                value = values[low]
            fields.append((name, value))
            held.add(low)
        if "user-agent" not in held:
            fields.append(("User-Agent", agent))
        fields += titled([(name, value) for name, value in browser if isinstance(value, str) and name not in held and (wanted is None or name in wanted)])
        return self.client(self.ordered(fields) + [("Cookie", COOKIE)], ja4, "tool")

    def released(self, client):
        """The same client after a release of the site or the app, which sends one header more."""
        if "release" not in client.later:
            fields = list(client.fields)
            fields.insert(len(fields) - 1, ("x-client-release", "2026.11.3"))
            client.later["release"] = self.client(fields, client.ja4, client.kind)
        return client.later["release"]

    def updated(self, client, version=153):
        """The same client after the browser's update; what is not a Chromium stays."""
        if "update" not in client.later:
            fields = []
            for name, value in client.fields:
                if isinstance(value, str):
                    for old, _ in VERSIONS:
                        value = value.replace(f'v="{old}"', f'v="{version}"').replace(f"Chrome/{old}.", f"Chrome/{version}.").replace(f"Edg/{old}.", f"Edg/{version}.")
                fields.append((name, value))
            if fields != client.fields and client.ja4 == JA4["chrome"]:
                fields.insert(len(fields) - 1, ("sec-fetch-storage-access", "active"))
            client.later["update"] = self.client(fields, client.ja4, client.kind)
        return client.later["update"]

    DEFECTS = ("hints", "platform", "encoding", "priority", "unreduced", "language", "user", "stale", "accept", "order", "cache")

    def defective(self, rng, width):
        """A Chromium copied well, with one defect: the same one in all requests of the script."""
        defect = rng.choice(self.DEFECTS)
        return [self.client(self.flawed(defect, rng, weighted(rng, VERSIONS[:4]), rng.choice([WINDOWS, WINDOWS, MAC]), weighted(rng, LANGUAGES[:3])),
                            "chrome", "desktop") for _ in range(width)]

    def flawed(self, defect, rng, version, system, language):
        """The headers of a Chromium with one defect. Some honest people send them too: extensions, old versions, proxies."""
        full = f"{version}.0.{7000 + version}.{rng.randrange(60, 190)}" if defect == "unreduced" else None
        fields = chromium(133 if defect == "stale" else version, system, language, script=self.scripted, full=full)
        change = {
            "hints": ("sec-ch-ua", brands(version - 4)), "platform": ("sec-ch-ua-platform", '"Linux"'),
            "encoding": ("accept-encoding", "gzip, deflate, br"), "language": ("accept-language", "en-US;q=0.9,en;q=0.8"),
            "accept": ("accept", "*/*" if self.scripted else NAVIGATION),
        }.get(defect)
        if change:
            fields = [change if name == change[0] else (name, value) for name, value in fields]
        names = [name for name, _ in fields]
        gone = {"priority": "priority", "user": "sec-fetch-user", "cache": "cache-control"}.get(defect)
        if gone in names:
            return [field for field in fields if field[0] != gone]
        if defect == "order" or gone:
            at = names.index("accept-language")
            fields[at], fields[at - 1] = fields[at - 1], fields[at]
        return fields
