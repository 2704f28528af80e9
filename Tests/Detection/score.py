"""Judges one replay: what was detected, when, what was stopped, whom it hurt; and holds it against the targets.

A signal belongs to the campaign that has most of its evidence lines; evidence that is mostly honest is a false alarm.
Stopped means that the attempt did not succeed: block, withhold, limit, mimic. A challenge stops machines but costs people
something, so it is counted apart.
"""
import json
from collections import Counter

from population import LEGITIMATE
from scenarios import SCAN, is_attack

STOPPED = {"block", "withhold", "limit", "mimic"}
SEVERITIES = {"low": 1, "medium": 2, "high": 3, "critical": 4}
CONTAINED_WINDOW = 100


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def named(entry):
    """A compromised account, whichever way it is written."""
    if isinstance(entry, dict):
        return entry.get("login") or entry.get("usr.login") or entry.get("id") or entry.get("usr.id") or ""
    return str(entry)


class Signal:
    """What the signal lines of one id say together."""

    def __init__(self, identifier):
        self.id, self.kinds, self.severity, self.lines, self.owner = identifier, [], 0, set(), None
        self.first, self.alarm, self.compromised, self.collateral = None, None, set(), []

    def take(self, line, recording):
        if line.get("type") not in self.kinds:
            self.kinds.append(line.get("type"))
        evidence = line.get("lines") or []
        self.lines.update(evidence)
        self.compromised.update(named(entry) for entry in line.get("compromised") or [])
        for trait in line.get("traits") or []:
            if isinstance(trait, dict):
                for key, value in trait.items():
                    if "collateral" in key and isinstance(value, (int, float)):
                        self.collateral.append(float(value))
        level = SEVERITIES.get(str(line.get("severity", "")).lower(), 0)
        if level >= 2 and self.severity < 2:
            self.alarm = line["time"]
        self.severity = max(self.severity, level)
        if self.first is None:
            owners = Counter(recording.label[number] for number in evidence if 0 <= number < len(recording))
            if owners:
                label, count = owners.most_common(1)[0]
                self.owner = label if count * 2 > sum(owners.values()) else LEGITIMATE
                self.first = line["time"]


def signals_of(path, recording):
    made = {}
    for line in lines_of(path):
        made.setdefault(line["id"], Signal(line["id"])).take(line, recording)
    for signal in made.values():  # the owner is decided by all evidence, the time by the first
        owners = Counter(recording.label[number] for number in signal.lines if 0 <= number < len(recording))
        if owners:
            label, count = owners.most_common(1)[0]
            signal.owner = label if count * 2 > sum(owners.values()) else LEGITIMATE
    return list(made.values())


def judge(scenario, recording, verdicts_path, signals_path):
    """All figures of one replay."""
    actions = {line["line"]: line["action"] for line in lines_of(verdicts_path)}
    return judge_actions(scenario, recording, actions, signals_of(signals_path, recording))


def judge_actions(scenario, recording, actions, signals):
    labels, success = recording.label, recording.success
    days = scenario.population.days
    honest = Counter()
    for number, label in enumerate(labels):
        if label == LEGITIMATE:
            action = actions.get(number)
            honest["attempts"] += 1
            honest["successes"] += success[number]
            honest["stopped attempts"] += action in STOPPED
            honest["stopped successes"] += action in STOPPED and success[number]
            honest["challenged"] += action == "challenge" and success[number]
    found = {
        "scenario": scenario.name, "seed": scenario.seed, "scale": scenario.scale, "events": len(recording), "varied": scenario.varied,
        "honest": dict(honest), "stopped_ppm": 1e6 * honest["stopped successes"] / max(1, honest["successes"]),
        "stopped_attempts_ppm": 1e6 * honest["stopped attempts"] / max(1, honest["attempts"]),
        "challenged_share": honest["challenged"] / max(1, honest["successes"]),
        "false_alarms": sum(signal.severity >= 2 and (signal.owner is None or not is_attack(signal.owner)) for signal in signals),
        "signals": Counter(f"{'/'.join(map(str, signal.kinds))} {signal.severity}" for signal in signals), "days": days, "campaigns": {},
    }
    for label, campaign in scenario.campaigns.items():
        found["campaigns"][label] = judge_campaign(scenario, recording, actions, signals, label, campaign.level)
    estimates = [value for signal in signals if signal.owner is not None and is_attack(signal.owner) for value in signal.collateral]
    found["collateral_estimate"] = max(estimates) if estimates else None
    found["collateral_ratio"] = found["collateral_estimate"] / found["stopped_ppm"] if estimates and found["stopped_ppm"] else None
    return found


def judge_campaign(scenario, recording, actions, signals, label, level):
    numbers = [number for number, owner in enumerate(recording.label) if owner == label]
    hits = [number for number in numbers if recording.success[number]]
    began = recording.time[numbers[0]]
    alarms = sorted(signal.first for signal in signals if signal.owner == label and signal.first is not None)
    found = {"level": level, "attempts": len(numbers), "hits": len(hits), "detected": bool(alarms)}
    if alarms:
        before = [number for number in numbers if recording.time[number] <= alarms[0] + 1e-3]
        found["seconds"], found["events"] = alarms[0] - began, len(before)
        found["guesses"] = max(Counter(recording.login[number] for number in before).values(), default=0)
    stopped = [actions.get(number) in STOPPED for number in numbers]
    found["stopped"] = sum(stopped) / len(numbers)
    found["challenged"] = sum(actions.get(number) == "challenge" for number in numbers) / len(numbers)
    found["prevented"] = sum(actions.get(number) in STOPPED for number in hits) / len(hits) if hits else None
    landed = [number for number in hits if actions.get(number) not in {"block", "limit", "mimic", "challenge"}]
    reported = set().union(*(signal.compromised for signal in signals if signal.owner == label)) if signals else set()
    truth = {recording.login[number] for number in hits} | {recording.uid[number] for number in hits}
    everyone = set().union(*(signal.compromised for signal in signals)) if signals else set()
    found["landed"], found["reported"] = len(landed), len(reported)
    if landed:
        found["recall"] = sum(recording.login[number] in everyone or recording.uid[number] in everyone for number in landed) / len(landed)
    if reported:
        found["precision"] = len(reported & truth) / len(reported)
    found["after_change"] = [contained(recording, numbers, stopped, change) for change in scenario.changes] if label == 1 else []
    return found


def contained(recording, numbers, stopped, change):
    """Seconds from a change of script until nine of ten of the next hundred attempts are stopped; None if never."""
    from population import EPOCH
    after = [index for index, number in enumerate(numbers) if recording.time[number] >= EPOCH + change]
    for index in after:
        window = stopped[index:index + CONTAINED_WINDOW]
        if len(window) < 10:
            return None
        if sum(window) >= 0.9 * len(window) and stopped[index]:
            return recording.time[numbers[index]] - EPOCH - change
    return None
