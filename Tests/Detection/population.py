"""The people who log in: who they are, from where, with what, how often they mistype, and what disturbs them all at once.

Everything is drawn from one seed. An event is a tuple, see `Event`; `Population.attempt` makes them, `traffic.py` writes them.
At scale 1 a day has about 460 000 attempts of 150 000 active users; a service knows four times as many accounts.
"""
import bisect
import itertools
import math
from collections import namedtuple

from clients import Clients

DAY = 86_400.0
EPOCH = 1_793_577_600.0  # Monday 2026-11-02, midnight UTC
ACTIVE, ATTEMPTS = 150_000, 460_000
Event = namedtuple("Event", "time ip client length cookie login uid exists success token label path")
LEGITIMATE = 0
FIRST = "anna ben carla david elena felix greta hugo ines jonas karla leo marie nils olga paul rita sven tina udo vera willi yara zoe".split()
LAST = "adler bauer costa dupont engel fischer garcia huber ivanov jansen koch lopez meyer novak otto peters rossi silva toth vogel weber yilmaz zimmer".split()
MAILS = ["gmail.com"] * 5 + ["outlook.com", "web.de", "gmx.net", "yahoo.com", "icloud.com", "example.org", "company.example"]
DIURNAL = [0.35, 0.26, 0.22, 0.21, 0.23, 0.34, 0.55, 0.78, 0.95, 1, 0.98, 0.95, 0.92, 0.94, 0.93, 0.9, 0.88, 0.87, 0.9, 0.95, 0.97, 0.86, 0.68, 0.48]


def login_of(index):
    """The login of the account with this number."""
    mixed = index * 2_654_435_761 & 0xFFFF_FFFF
    return f"{FIRST[mixed % 24]}.{LAST[(mixed >> 8) % 23]}{index}@{MAILS[(mixed >> 16) % 12]}"


class Network:
    """Where people connect from: one home, or an address that many share, or a carrier that gives another one each time."""

    __slots__ = ("kind", "addresses", "pool")

    def __init__(self, kind, addresses, pool=None):
        self.kind, self.addresses, self.pool = kind, addresses, pool

    def address(self, rng):
        if self.pool is None:
            return self.addresses[0] if len(self.addresses) == 1 else rng.choice(self.addresses)
        if self.kind == "home6":  # privacy extensions: another interface each day
            return f"{self.pool}:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}"
        if self.kind == "carrier6":
            return f"{self.pool}:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:0:1"
        raise AssertionError(self.kind)


class Device:
    """One browser or app of a person; its cookie is None where cookies are not kept."""

    __slots__ = ("client", "cookie")

    def __init__(self, client, cookie):
        self.client, self.cookie = client, cookie


class Person:
    __slots__ = ("number", "login", "uid", "home", "other", "devices", "known", "token", "typing")


class Places:
    """The address plan of one run: providers, carriers, companies, campuses; attackers rent from the same providers."""

    def __init__(self, rng, scale):
        self.rng = rng
        heads = [head for head in range(11, 223) if head not in (100, 127, 169, 172, 192, 198, 203)]
        self.providers = [f"{rng.choice(heads)}.{rng.randrange(256)}" for _ in range(220)]
        self.hosting = [f"{rng.choice(heads)}.{rng.randrange(256)}" for _ in range(30)]
        self.prefixes = [f"2{rng.randrange(0xa00, 0xaff):x}:{rng.randrange(1, 0xffff):x}" for _ in range(30)]
        self.carriers = []
        for _ in range(5):
            base = rng.choice(self.providers)
            block = f"{base}.{rng.randrange(256)}"
            self.carriers.append(Network("carrier", [f"{block}.{host}" for host in rng.sample(range(1, 255), min(250, max(6, round(150 * scale))))]))
        self.carriers += [Network("carrier6", None, rng.choice(self.prefixes)) for _ in range(2)]
        self.campuses = [self.campus(rng.choice([1, 1, 2, 4])) for _ in range(max(2, round(5 * scale)))]
        self.companies = [Network("company", [f"{self.block()}.{rng.randrange(1, 255)}"]) for _ in range(max(8, round(320 * scale)))]

    def campus(self, addresses):
        block = self.block()
        return Network("campus", [f"{block}.{host}" for host in range(4, 4 + addresses)])

    def company(self):
        """A few companies are large, most are small."""
        return self.companies[min(len(self.companies) - 1, int(self.rng.paretovariate(0.6)) - 1)]

    def block(self):
        return f"{self.rng.choice(self.providers)}.{self.rng.randrange(256)}"

    def home(self):
        rng = self.rng
        if rng.random() < 0.3:
            return Network("home6", None, f"{rng.choice(self.prefixes)}:{rng.getrandbits(16):x}:{rng.getrandbits(8) * 256:x}")
        return Network("home", [self.residential()])

    def residential(self):
        rng = self.rng
        return f"{rng.choice(self.providers)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"

    def rented(self):
        """An address of a hosting provider."""
        rng = self.rng
        return f"{rng.choice(self.hosting)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


class Population:
    """All people of one run and what they do. Owned by one scenario."""

    def __init__(self, rng, scale=0.2, days=1.0, mix="usual", cookies=0.9, fail=0.1, tls=True, scripted=False, activity=1.0, unsettled=1.0):
        self.rng, self.scale, self.days = rng, scale, days
        self.clients, self.places = Clients(rng, mix, scripted), Places(rng, scale)
        self.cookies, self.fail, self.tls = cookies, fail, tls
        self.activity, self.unsettled, self.update, self.release = activity, unsettled, None, None
        self.people = [self.person(number) for number in range(max(1_500, round(ACTIVE * scale)))]
        self.accounts = len(self.people) * 4
        self.weights = list(itertools.accumulate(rng.lognormvariate(0, 0.9) for _ in self.people))
        self.events, self.disturbances, self.popular = [], [], [f"popular{index}" for index in range(200)]

    def person(self, number):
        rng, person = self.rng, Person()
        person.number, person.login, person.uid, person.token = number, login_of(number), f"u{number}", f"own{number}"
        person.home = self.places.home()
        draw = rng.random()
        if draw < 0.06:
            person.other = rng.choice(self.places.campuses)
        elif draw < 0.16:
            person.other = self.places.company()
        else:
            person.other = None
        person.known, person.typing = rng.random() > 0.03 * self.unsettled, rng.lognormvariate(-0.3, 0.8)
        kinds = ["desktop", "mobile"] if rng.random() < 0.45 else [rng.choice(["desktop", "mobile"])]
        person.devices = [Device(self.clients.person(kind), self.cookie() if rng.random() < self.cookies else None) for kind in kinds]
        return person

    def cookie(self):
        return f"device_id={self.rng.getrandbits(64):016x}"

    def history(self):
        """Earlier successes: (login, address, device cookie value or None) of everyone who is known."""
        rng = self.rng
        for person in self.people:
            if not person.known:
                continue
            for device in person.devices:
                value = device.cookie and device.cookie.partition("=")[2]
                yield person.login, person.home.address(rng), value
                if person.other:
                    yield person.login, person.other.address(rng), value
                if device.client.kind == "mobile":
                    yield person.login, rng.choice(self.places.carriers).address(rng), value

    def place(self, person, device, hour):
        rng = self.rng
        draw = rng.random()
        if draw < 0.05 * self.unsettled:  # on the road, or the provider gave another address
            return Network("hotel", [self.places.residential()])
        if device.client.kind == "mobile" and draw < 0.4:
            return self.places.carriers[person.number % len(self.places.carriers)]
        if person.other is not None and 7 <= hour < 18 and draw < 0.85:
            return person.other
        return person.home

    def attempt(self, time, person, device, address, success, token=None, exists=True, login=None, label=LEGITIMATE):
        login = login or person.login
        self.events.append((time, address, device.client, 32 + len(login), device.cookie, login, person.uid if exists else None,
                            exists, success, token or (person.token if success else f"typo{self.rng.getrandbits(40):x}"), label, None))

    def device(self, person):
        """Mostly the first device; at times a new one, or one that lost its cookies."""
        rng = self.rng
        draw = rng.random()
        if draw < 0.014 * self.unsettled:
            made = Device(self.clients.person(), self.cookie() if rng.random() < self.cookies else None)
            if len(person.devices) < 4:
                person.devices.append(made)
            return Device(made.client, None)
        device = person.devices[0] if draw < 0.65 else rng.choice(person.devices)
        if draw > 1 - 0.035 * self.unsettled:
            return Device(device.client, None)
        return device

    def session(self, time, person, fail=1.0, place=None):
        """One person logs in: some mistype, most of them get it right, a few give up."""
        rng = self.rng
        random = rng.random
        used = self.device(person)
        hour = int(time % DAY / 3600)
        address = (place or self.place(person, used, hour)).address(rng)
        disturbed = [change for change in self.disturbances if change.start <= time < change.end and change.touches(self, person, used)]
        if self.update and time > self.update and person.number % 100 < (time - self.update) / DAY * 35:
            used = Device(self.clients.updated(used.client), used.cookie)
        if self.release and time > self.release and used.client.kind == "mobile":
            used = Device(self.clients.released(used.client), used.cookie)
        chance = min(0.9, self.fail * person.typing * fail)
        if random() < 0.012:
            self.attempt(time, person, used, address, False, exists=False, login=rng.choice("xqz") + person.login)
            time += rng.uniform(4, 30)
        tries, wrong = 0, None
        while disturbed or random() < (chance if tries == 0 else 0.3):
            tries += 1
            stale = disturbed and disturbed[0].stale(person)
            if wrong is None or random() < 0.5:
                wrong = rng.choice(self.popular[:60]) if random() < 0.03 else f"typo{rng.getrandbits(40):x}"
            self.attempt(time, person, used, address, False, token=stale or wrong)
            time += rng.uniform(3, 40)
            if tries >= (disturbed[0].patience(rng) if disturbed else 5):
                if not disturbed or not disturbed[0].recovers(person, rng):
                    return
                time += rng.uniform(60, 600)
                break
        self.attempt(time, person, used, address, True)

    def times(self, count, start=0.0, end=None):
        """Times over the run, with the shape of the day."""
        rng, end = self.rng, end if end is not None else self.days * DAY
        hours = max(1, math.ceil((end - start) / 3600))
        weights = [DIURNAL[int((start / 3600 + hour) % 24)] * (0.8 if int((start + hour * 3600) / DAY) % 7 > 4 else 1) for hour in range(hours)]
        chosen = rng.choices(range(hours), weights, k=count)
        return [min(end, start + (hour + rng.random()) * 3600) for hour in chosen]

    def live(self):
        """The ordinary life of all days."""
        rng, people = self.rng, self.people
        for time in self.times(round(ATTEMPTS * self.scale * self.days * self.activity / 1.22)):
            index = bisect.bisect(self.weights, rng.random() * self.weights[-1])
            self.session(time, people[min(index, len(people) - 1)])
        self.machines()

    def machines(self):
        """Stale clients that retry an old password all day, and service accounts that log in by script."""
        rng, length = self.rng, self.days * DAY
        for _ in range(max(1, len(self.people) // 2_500)):
            person = rng.choice(self.people)
            device, address, time = Device(self.clients.person("mobile"), None), person.home.address(rng), rng.uniform(0, 300)
            while time < length:
                self.attempt(time, person, device, address, False, token=f"old{person.number}")
                time += 300 + rng.uniform(-2, 2)
        self.services = []
        for number in range(max(3, round(40 * self.scale))):
            person = Person()
            person.number, person.login, person.uid = self.accounts + number, f"svc-{number}@{MAILS[-1]}", f"svc{number}"
            person.token, person.known, address = f"svc{number}", True, self.places.rented()
            device, time = Device(self.clients.tool(rng.choice(["requests", "curl", "go", "java"])), None), rng.uniform(0, 1800)
            self.services.append((person, address))
            while time < length:
                self.attempt(time, person, device, address, rng.random() > 0.002)
                time += rng.uniform(600, 1800)

    def service_history(self):
        return [(person.login, address, None) for person, address in self.services]

    def exists(self, number):
        return number < self.accounts


class Disturbance:
    """Something that makes honest logins fail for a while: an outage, a release that breaks them, a forced rotation of passwords."""

    def __init__(self, kind, start, end, share=1.0):
        self.kind, self.start, self.end, self.share, self.over = kind, start, end, share, set()

    def touches(self, population, person, device):
        if self.kind == "outage":
            return population.rng.random() < self.share
        if self.kind == "deploy":
            return device.client.kind == "mobile" and population.rng.random() < self.share
        return person.number % 100 < self.share * 100 and person.number not in self.over

    def stale(self, person):
        return person.token if self.kind != "rotation" else f"old{person.number}"

    def patience(self, rng):
        return rng.choice([1, 1, 2, 3] if self.kind == "rotation" else [1, 2, 2, 3, 4])

    def recovers(self, person, rng):
        """After a rotation most people set a new password and come in."""
        if self.kind != "rotation" or rng.random() > 0.9:
            return False
        self.over.add(person.number)
        return True
