"""Campaigns against the population's accounts: whom they try, from where, with which script, how fast.

Each campaign has a number that labels its events. Accounts of one list exist or not, as lists that were stolen elsewhere do;
a small share of the passwords is right. Nothing here reads what the detector answered: recorded traffic cannot.
"""
from population import Device, login_of

HIT_RATE = 0.004


class Addresses:
    """The addresses of one campaign."""

    def __init__(self, rng, places, kind="residential", count=None, reuse=1.01):
        self.rng, self.places, self.kind, self.reuse = rng, places, kind, reuse
        self.fixed, self.recent = None, []
        if kind == "two networks":
            blocks = [f"{rng.choice(places.hosting)}.{rng.randrange(256)}" for _ in range(2)]
            self.fixed = [f"{block}.{host}" for block in blocks for host in range(1, 255)]
        elif kind == "shared":  # carriers' and campuses' own addresses
            shared = places.campuses + places.companies[:40] + [carrier for carrier in places.carriers if carrier.addresses]
            self.fixed = [address for network in shared for address in network.addresses]
        elif count is not None:
            make = places.rented if kind == "hosting" else places.residential
            self.fixed = [make() for _ in range(count)]
        if kind == "ipv6":
            self.block = f"{rng.choice(places.prefixes)}:{rng.getrandbits(16):x}"

    def next(self):
        rng = self.rng
        if self.fixed is not None:
            return rng.choice(self.fixed)
        if self.recent and rng.random() < self.reuse - 1:
            return rng.choice(self.recent)
        if self.kind == "ipv6":
            return f"{self.block}:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:0:0:{rng.getrandbits(16) | 1:x}"
        address = self.places.rented() if self.kind == "hosting" else self.places.residential()
        if len(self.recent) < 500:
            self.recent.append(address)
        return address


class Campaign:
    """One campaign: writes its events into the population's list. `label` is 1 or more."""

    def __init__(self, population, rng, label, level=2, addresses=None, hit_rate=HIT_RATE, existing=0.7):
        self.population, self.rng, self.label, self.level = population, rng, label, level
        self.addresses = addresses or Addresses(rng, population.places)
        self.hit_rate, self.existing = hit_rate, existing
        self.cookie = None
        self.change()

    def change(self, level=None):
        """A new script."""
        if level is not None:
            self.level = level
        self.devices = [Device(client, None) for client in self.population.clients.script(self.level, self.rng)]

    def target(self, number, time, token, success, exists=True, login=None, address=None):
        people = self.population.people
        login = login or login_of(number)
        uid = (people[number].uid if number < len(people) else f"u{number}") if exists else None
        device = self.rng.choice(self.devices)
        self.population.events.append((time, address or self.addresses.next(), device.client, 30 + len(login), self.cookie, login, uid,
                                       exists, success, token, self.label, None))

    def list(self, size):
        """A stolen list: numbers of accounts, or None for one that this service does not know."""
        rng, accounts = self.rng, self.population.accounts
        known = rng.sample(range(accounts), min(accounts, round(size * self.existing)))
        made = known + [None] * (size - len(known))
        rng.shuffle(made)
        return made

    def stuffing(self, start, size, rate, ramp=0.0, wave=0.0):
        """One attempt for each account of a list. The rate grows over `ramp` seconds; `wave` makes it uneven."""
        rng, time = self.rng, start
        for turn, number in enumerate(self.list(size)):
            grown = 1.0 if not ramp or time - start >= ramp else 0.15 + 0.85 * (time - start) / ramp
            if wave and int((time - start) / 1800) % 3 == 2:
                grown *= 1 - wave
            time += rng.expovariate(rate * grown)
            if number is None:
                self.target(0, time, f"list{self.label}.{turn}", False, False, f"{rng.choice('abcdefghk')}{rng.getrandbits(32):x}@{'gmail.com' if turn % 3 else 'mail.example'}")
            else:
                right = rng.random() < self.hit_rate
                self.target(number, time, f"own{number}" if right else f"list{self.label}.{number}", right)
        return time

    def bruteforce(self, start, accounts, guesses, rate):
        """Many guesses for few accounts, which are tried in turn; the right one comes in the last two thirds for half of them."""
        rng, time = self.rng, start
        chosen = rng.sample(range(len(self.population.people)), accounts)
        right = {number: rng.randrange(guesses // 3, guesses) if turn % 2 == 0 else None for turn, number in enumerate(chosen)}
        for guess in range(guesses):
            for number in chosen:
                time += rng.expovariate(rate)
                success = right[number] is not None and guess == right[number]
                self.target(number, time, f"own{number}" if success else f"word{guess}", success)
        return time

    def spraying(self, start, size, rate, passwords=3):
        """A few usual passwords over many accounts: one password at a time."""
        rng, time = self.rng, start
        numbers = self.list(size // passwords)
        for password in range(passwords):
            token = f"popular{password + 1}"
            for turn, number in enumerate(numbers):
                time += rng.expovariate(rate)
                if number is None:
                    self.target(0, time, token, False, False, f"info{turn}@company.example")
                else:
                    self.target(number, time, token, rng.random() < self.hit_rate / 2)
        return time

    def enumeration(self, start, size, rate):
        """Which logins exist? Most do not; the password does not matter."""
        rng, time = self.rng, start
        for turn in range(size):
            time += rng.expovariate(rate)
            if rng.random() < 0.04:
                self.target(rng.randrange(self.population.accounts), time, f"x{rng.randrange(4)}", False)
            else:
                self.target(0, time, f"x{rng.randrange(4)}", False, False, f"{rng.choice('abcdefgh')}.{login_of(rng.randrange(10**7))}")
        return time
