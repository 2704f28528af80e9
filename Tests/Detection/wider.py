"""Scenarios beyond the table: what another judge's traffic may hold. Attacks are held against the targets of their like."""
from attacks import Addresses
from population import DAY, Device, Disturbance, Network
from scenarios import HOUR, Scenario, marketing


def night(seed, scale):
    """The distributed campaign at three at night, when one attempt in ten is honest."""
    made = Scenario("distributed at night", seed, scale, days=1.3).live()
    made.start = DAY + 2.5 * HOUR
    made.campaign(3).stuffing(made.start, round(300_000 * scale), max(2.0, 30 * scale))
    return made


def pause(seed, scale):
    """It stops for an hour and comes back with the same script from other addresses."""
    made = Scenario("distributed with a pause", seed, scale).live()
    campaign = made.campaign(seed % 3 + 1)
    end = campaign.stuffing(made.start, round(150_000 * scale), max(1.5, 20 * scale))
    campaign.addresses = Addresses(made.rng, made.population.places)
    campaign.stuffing(end + HOUR, round(150_000 * scale), max(1.5, 20 * scale))
    return made


def resolved(seed, scale):
    """Most of the list exists here: a leak of a sister site, and ten times as many hits."""
    made = Scenario("distributed with a good list", seed, scale).live()
    made.campaign(2, hit_rate=0.02, existing=0.98).stuffing(made.start, round(300_000 * scale), max(1.5, 12 * scale))
    return made


def forged(seed, scale):
    """Each request brings an invented device cookie."""
    made = Scenario("distributed with invented cookies", seed, scale).live()
    campaign = made.campaign(3)

    class Invented:
        """A fresh cookie each time it is read."""

        def __format__(self, _):
            return f"device_id={made.rng.getrandbits(64):016x}"

    campaign.cookie = Invented()
    campaign.stuffing(made.start, round(300_000 * scale), max(1.5, 12 * scale))
    return made


def early(seed, scale):
    """Two hours after the daemon was started."""
    made = Scenario("distributed early", seed, scale, days=0.5).live()
    made.campaign(2).stuffing(9 * HOUR if seed % 2 else 3 * HOUR, round(100_000 * scale), max(1.5, 12 * scale))
    return made


def services(seed, scale):
    """Two services, one attacked."""
    made = Scenario("two services, one attacked", seed, scale).live()
    made.campaign(seed % 3 + 1).stuffing(made.start, round(200_000 * scale), max(1.5, 12 * scale))

    def place(label, login):
        if label or sum(login.encode()) % 3:
            return "shop", "web", "/account/login"
        return "forum", "session", "/api/v2/session"

    made.place = place
    return made


def mobile(seed, scale):
    """The attacker imitates the Android app, badly: the app's user agent from a tool."""
    made = Scenario("distributed as the app", seed, scale, mix="apps").live()
    campaign = made.campaign(1)
    agent = "ExampleApp/7.41.0 (Android) okhttp/4.12.0"
    tool = made.rng.choice(["requests", "go", "node", "aiohttp"])
    campaign.devices = [Device(made.population.clients.tool(tool, agent), None)]
    campaign.stuffing(made.start, round(300_000 * scale), max(1.5, 12 * scale))
    return made


def prefix(seed, scale):
    """One rented /48 with another address for each request."""
    made = Scenario("stuffing from one IPv6 prefix", seed, scale).live()
    made.campaign(seed % 6, addresses=made.addresses("ipv6")).stuffing(made.start, 20_000, 2.0)
    return made


def sources(seed, scale):
    """Few addresses, and nothing in the headers."""
    made = Scenario("stuffing few addresses, perfect headers", seed, scale).live()
    made.campaign(5, addresses=made.addresses("hosting", 15)).stuffing(made.start, 30_000, 2.0)
    return made


def guesses(seed, scale):
    """Many addresses and guesses on few accounts, and nothing in the headers."""
    made = Scenario("bruteforce, perfect headers", seed, scale).live()
    made.campaign(5, addresses=made.addresses("residential", 400)).bruteforce(made.start, 5, 220, 0.15)
    return made


def popular(seed, scale):
    """Spraying with perfect headers from 3 000 addresses: only the passwords are alike."""
    made = Scenario("spraying, perfect headers", seed, scale).live()
    made.tokens = True
    made.campaign(5, addresses=made.addresses("residential", 3_000), existing=0.95).spraying(made.start, 30_000, 1.5)
    return made


def covered(seed, scale):
    """An outage of ten minutes in the middle of the attack."""
    made = Scenario("distributed under an outage", seed, scale)
    made.population.disturbances.append(Disturbance("outage", made.start + HOUR, made.start + HOUR + 600))
    made.live()
    made.campaign(seed % 3 + 1).stuffing(made.start, round(200_000 * scale), max(1.5, 12 * scale))
    return made


def tiny(seed, scale):
    """A small service: a few hundred logins a day."""
    made = Scenario("distributed on a small service", seed, 0.02, days=2).live()
    made.start = 1.5 * DAY
    made.campaign(3).stuffing(made.start, 10_000, 1.0)
    return made


def migration(seed, scale):
    """Everyone must set a new password at the first login after eight: familiar and unfamiliar people fail alike."""
    made = Scenario("migration", seed, scale)
    made.population.disturbances.append(Disturbance("rotation", 8 * HOUR, DAY, 1.0))
    return made.live()


def vpn(seed, scale):
    """All employees of the large companies come through one new address."""
    made = Scenario("everyone through the new VPN", seed, scale).live()
    people, rng = made.population, made.population.rng
    egress = Network("company", [people.places.rented()])
    staff = [person for person in people.people if person.other is not None]
    for _ in range(len(staff)):
        people.session(8 * HOUR + rng.expovariate(1 / (2 * HOUR)), rng.choice(staff), fail=1.3, place=egress)
    return made


def launch(seed, scale):
    """A new app is launched: an unseen client, mostly of people who have not been here for long."""
    made = Scenario("launch of a new app", seed, scale).live()
    people, rng = made.population, made.population.rng
    fields = [("Host", "accounts.example.com"), ("User-Agent", "ExampleNext/1.0 (build 17) Dart/3.5"), ("Accept-Encoding", "gzip")]
    from clients import COOKIE, LENGTH
    client = people.clients.client(fields + [("Content-Length", LENGTH), ("Content-Type", "application/json"), ("Cookie", COOKIE)], "dart", "mobile")
    for _ in range(round(40_000 * scale)):
        person, time = rng.choice(people.people), made.start + rng.expovariate(1 / (2 * HOUR))
        device, address = Device(client, None), people.places.residential()
        while rng.random() < 0.25:
            people.attempt(time, person, device, address, False)
            time += rng.uniform(5, 40)
        people.attempt(time, person, device, address, True)
    return made


def probes(seed, scale):
    """A monitoring service tries a wrong password each minute from a dozen places, and one account for each place."""
    made = Scenario("monitoring probes", seed, scale).live()
    people, rng = made.population, made.population.rng
    for number in range(12):
        device, address, time = Device(people.clients.tool("go"), None), people.places.rented(), rng.uniform(0, 60)
        while time < DAY:
            people.attempt(time, people.services[0][0], device, address, False, login=f"probe{number % 3}@company.example", token="probe")
            time += 60
    return made


def counter(seed, scale):
    """Public computers: hundreds of people a day at two addresses with one browser that forgets its cookies."""
    made = Scenario("public computers", seed, scale).live()
    people, rng = made.population, made.population.rng
    kiosks = [(people.places.residential(), Device(people.clients.person("desktop"), None)) for _ in range(2)]
    for _ in range(round(4_000 * max(scale, 0.2))):
        person, (address, device), time = rng.choice(people.people), rng.choice(kiosks), people.times(1, 8 * HOUR, 20 * HOUR)[0]
        while rng.random() < 0.3:
            people.attempt(time, person, device, address, False)
            time += rng.uniform(5, 40)
        if rng.random() < 0.93:
            people.attempt(time, person, device, address, True)
    return made


def ramp(seed, scale):
    """Failures that grow slowly for hours with the day's traffic: a bad hint on the login page, familiar people mostly."""
    made = Scenario("a bad hint on the page", seed, scale)
    made.population.disturbances.append(Disturbance("outage", 9 * HOUR, 15 * HOUR, 0.25))
    marketing(made, 10 * HOUR, 3 * HOUR)
    return made.live()


def resumed(seed, scale):
    """The quiet day after which half of the people come with new devices: the holidays."""
    made = Scenario("new devices after the holidays", seed, scale, unsettled=5.0)
    return made.live()


ATTACKS = {
    "night": night, "pause": pause, "resolved": resolved, "forged": forged, "early": early, "services": services, "mobile": mobile,
    "prefix": prefix, "sources": sources, "guesses": guesses, "popular": popular, "covered": covered, "tiny": tiny,
}
BENIGN = {
    "migration": migration, "vpn": vpn, "launch": launch, "probes": probes, "counter": counter, "ramp": ramp, "resumed": resumed,
}
