"""The scenarios by name: ordinary life, what disturbs it, and the campaigns; in the words of the detection page.

Every scenario is a function of (seed, scale). At scale 1 the distributed campaign has 500 000 attempts. What varies with the
seed besides the draws: hour and rate of the attack, mix of browsers, share of people without cookies, whether TLS prints and
password tokens were recorded, kind of addresses. A judge has other traffic than we: the seeds must not all look alike.
"""
import random

from attacks import Addresses, Campaign
from population import DAY, Device, Disturbance, LEGITIMATE, Network, Person, Population

HOUR = 3600.0
SCAN = 99  # label of the authorised scan: no attack, no person


class Scenario:
    """What one run plays: the population, the campaigns by label, the times of changes of script. Owned by the runner.

    `place` says which service, route and path an attempt of a label for a login goes to; None: all to one.
    """

    def __init__(self, name, seed, scale, days=1.0, **settings):
        self.name, self.seed, self.scale = name, seed, scale
        self.rng = random.Random(f"{name}/{seed}")
        rng = self.rng
        self.varied = {
            "mix": rng.choice(["usual", "usual", "phones", "office", "apps"]), "cookies": rng.choice([0.95, 0.9, 0.8]),
            "fail": rng.choice([0.07, 0.1, 0.16]), "tls": rng.random() < 0.6, "scripted": rng.random() < 0.4,
            "unsettled": rng.choice([0.8, 1.2, 1.6, 2.0]),
        }
        self.varied.update(settings)
        self.tokens = rng.random() < 0.8 or "spraying" in name
        self.population = Population(random.Random(f"people/{name}/{seed}"), scale, days, **self.varied)
        self.campaigns, self.changes, self.place = {}, [], None
        self.start = rng.uniform(11.5, 13.5) * HOUR

    def campaign(self, level=2, **settings):
        label = len(self.campaigns) + 1
        made = Campaign(self.population, random.Random(f"campaign/{self.name}/{self.seed}/{label}"), label, level, **settings)
        self.campaigns[label] = made
        return made

    def addresses(self, kind="residential", count=None):
        return Addresses(self.rng, self.population.places, kind, count)

    def live(self):
        self.population.live()
        return self


def bruteforce_one(seed, scale, level=None):
    made = Scenario("bruteforce one address", seed, scale).live()
    made.campaign(seed % 4 if level is None else level, addresses=made.addresses("hosting", 1)).bruteforce(made.start, 10, 220, 0.7)
    return made


def bruteforce_many(seed, scale, level=None):
    made = Scenario("bruteforce 400 addresses", seed, scale).live()
    made.campaign(3 if level is None else level, addresses=made.addresses("residential", 400)).bruteforce(made.start, 5, 220, 0.15)
    return made


def stuffing_few(seed, scale, level=None):
    made = Scenario("stuffing few addresses", seed, scale).live()
    made.campaign(seed % 5 if level is None else level, addresses=made.addresses("hosting", 20)).stuffing(made.start, 30_000, 2.2)
    return made


def stuffing_networks(seed, scale, level=None):
    made = Scenario("stuffing two networks", seed, scale).live()
    made.start = 6 * HOUR
    made.campaign(3 if level is None else level, addresses=made.addresses("two networks")).stuffing(made.start, 6_000, 0.1)
    return made


def distributed(seed, scale, level=2):
    made = Scenario(f"distributed level {level}", seed, scale).live()
    size = round(500_000 * scale)
    kind = "residential" if seed % 3 else made.rng.choice(["residential", "ipv6", "hosting"])
    campaign = made.campaign(level, addresses=made.addresses(kind), existing=made.rng.choice([0.5, 0.7, 0.9]))
    campaign.stuffing(made.start, size, max(1.2, size / made.rng.uniform(6, 9) / HOUR), ramp=made.rng.choice([0, 120, 300]), wave=made.rng.choice([0, 0, 0.7]))
    return made


def mimicry(seed, scale):
    made = distributed(seed, scale, 5)
    made.name = "perfect mimicry"
    return made


def spraying(seed, scale, level=None):
    made = Scenario("spraying", seed, scale).live()
    made.campaign(seed % 4 if level is None else level, addresses=made.addresses("residential", 3_000), existing=0.9).spraying(
        made.start, max(20_000, round(120_000 * scale)), max(1.0, 5 * scale))
    return made


def enumeration(seed, scale, level=None):
    made = Scenario("enumeration", seed, scale).live()
    made.campaign(seed % 4 if level is None else level, addresses=made.addresses("residential", 600)).enumeration(
        made.start, max(20_000, round(60_000 * scale)), 1.6)
    return made


def low_and_slow(seed, scale, level=None):
    made = Scenario("low and slow", seed, scale, days=1.5).live()
    made.start = 12 * HOUR
    made.campaign(seed % 4 if level is None else level, existing=0.8).stuffing(made.start, 4_000, 1 / 20)
    return made


def shared_nat(seed, scale, level=None):
    made = Scenario("blended into shared NAT", seed, scale).live()
    made.campaign(seed % 4 if level is None else level, addresses=made.addresses("shared"), hit_rate=0.01, existing=0.9).stuffing(made.start, 5_000, 0.45)
    return made


def adaptive(seed, scale):
    made = Scenario("adaptive under a marketing peak", seed, scale)
    marketing(made, made.start - HOUR / 2, 3 * HOUR)
    made.live()
    campaign, time = made.campaign(made.rng.choice([1, 2]), existing=0.7), made.start
    rate = 23 * min(1.0, max(0.3, scale ** 0.5))
    for turn, level in enumerate([None, 3, 2, 3, 0, 2]):
        if turn:
            campaign.change(level)
            campaign.addresses = made.addresses(made.rng.choice(["residential", "residential", "hosting"]))
            made.changes.append(time)
        time = campaign.stuffing(time, round(rate * 1_200), rate)
    return made


def several(seed, scale):
    """Three campaigns at once: distributed, spraying, and a brute force from few addresses."""
    made = Scenario("three campaigns at once", seed, scale).live()
    made.campaign(seed % 3 + 1).stuffing(made.start, round(200_000 * scale), max(1.0, 12 * scale))
    made.campaign((seed + 1) % 4, addresses=made.addresses("residential", 2_000), existing=0.9).spraying(made.start + HOUR, 20_000, 2.0)
    made.campaign((seed + 2) % 4, addresses=made.addresses("hosting", 6)).bruteforce(made.start + HOUR / 2, 10, 220, 0.7)
    return made


def marketing(made, start, length):
    """An offer brings many people back at once: new addresses, new devices, forgotten passwords."""
    people, rng = made.population, made.population.rng
    for _ in range(round(100_000 * made.scale * length / HOUR / 2)):
        time = start + min(length - 1, rng.expovariate(2.2 / length))
        person = rng.choice(people.people)
        if rng.random() < 0.45:
            device = Device(people.clients.person("mobile"), None)
            stranger = Person()
            stranger.number, stranger.login, stranger.uid, stranger.token = person.number, person.login, person.uid, person.token
            stranger.home, stranger.other, stranger.devices, stranger.typing = people.places.home(), None, [device], 1.6
            person = stranger
        people.session(time, person, fail=1.5)


def outage(seed, scale):
    made = Scenario("outage", seed, scale)
    made.population.disturbances.append(Disturbance("outage", made.start, made.start + made.rng.choice([720, 1_500, 300]), made.rng.choice([1, 1, 0.6])))
    return made.live()


def deploy(seed, scale):
    made = Scenario("deploy that breaks logins", seed, scale)
    made.population.release = made.start - 600
    made.population.disturbances.append(Disturbance("deploy", made.start, made.start + 2_400, made.rng.choice([0.95, 0.5])))
    return made.live()


def rotation(seed, scale):
    made = Scenario("forced password rotation", seed, scale)
    made.population.disturbances.append(Disturbance("rotation", 8 * HOUR, DAY, made.rng.choice([0.3, 0.9])))
    return made.live()


def peak(seed, scale):
    made = Scenario("marketing peak", seed, scale)
    marketing(made, made.start, 2 * HOUR)
    return made.live()


def term(seed, scale):
    made = Scenario("start of term behind one address", seed, scale).live()
    people, rng = made.population, made.population.rng
    campus = Network("campus", [people.places.campuses[0].addresses[0]])
    for _ in range(round(6_000 * max(scale, 0.1))):
        person = rng.choice(people.people)
        time = 8 * HOUR + abs(rng.gauss(0, 2.5 * HOUR))
        people.session(time, person, fail=4.0, place=campus)
    return made


def fleet(seed, scale):
    made = Scenario("fleet with a rotated credential", seed, scale).live()
    people, rng = made.population, made.population.rng
    devices = [(Device(people.clients.tool(rng.choice(["go", "java", "requests"])), None), people.places.residential() if seed % 2 else people.places.companies[0].addresses[0])
               for _ in range(500)]
    service, _ = people.services[0]
    for device, address in devices:
        time = made.start + rng.uniform(0, 300)
        while time < made.start + 6 * HOUR:
            people.attempt(time, service, device, address, False, token="rotated")
            time += 300 + rng.uniform(-3, 3)
    return made


def scan(seed, scale):
    made = Scenario("authorised scan", seed, scale).live()
    campaign = Campaign(made.population, random.Random(seed), SCAN, 0, made.addresses("hosting", 2), existing=0.0)
    campaign.existing = 0.0
    campaign.stuffing(made.start, 15_000, 4.0)
    return made


def quiet_week(seed, scale):
    made = Scenario("quiet week", seed, scale, days=7.0)
    made.population.update = 3 * DAY
    return made.live()


def quiet_day(seed, scale):
    return Scenario("quiet day", seed, scale).live()


ATTACKS = {
    "bruteforce-one": bruteforce_one, "bruteforce-many": bruteforce_many, "stuffing-few": stuffing_few, "stuffing-networks": stuffing_networks,
    **{f"distributed-{level}": (lambda seed, scale, level=level: distributed(seed, scale, level)) for level in range(5)},
    "mimicry": mimicry, "spraying": spraying, "enumeration": enumeration, "slow": low_and_slow, "nat": shared_nat, "adaptive": adaptive,
    "several": several,
}
BENIGN = {
    "outage": outage, "deploy": deploy, "rotation": rotation, "peak": peak, "term": term, "fleet": fleet, "scan": scan,
    "quiet-day": quiet_day, "quiet-week": quiet_week,
}


def is_attack(label):
    return label not in (LEGITIMATE, SCAN)
