"""The default rules of others, on the same traffic: what they stop and whom.

Parameters are the documented ones: AWS WAF account takeover prevention (more than 20 logins, or more than 10 failed ones, of an
address in 10 minutes), CrowdSec (bucket of 5 that leaks one in 10 s; banned 4 h), fail2ban (5 failures in 10 minutes; banned
10 minutes), Auth0 (10 consecutive failures of an address for an account; 100 failures of an address in a day, then one attempt in
864 s), and the usual lockout of an account (5 failures in 15 minutes). What a rule stopped it does not see the outcome of.
"""
from collections import defaultdict, deque

from score import Signal


class Rule:
    """One rule set over one recording. `stop` says whether an attempt is stopped; `learn` takes the outcome of one that was not."""

    name, span = "", 0.0

    def __init__(self):
        self.until, self.alarms = {}, []

    def key(self, address, login):
        return address

    def stop(self, time, address, login):
        return self.until.get(self.key(address, login), 0) > time

    def ban(self, key, time, lines):
        self.until[key] = time + self.span
        self.alarms.append((time, list(lines)))


class Windowed(Rule):
    """More than `most` failures of one key within `window` seconds: stopped for `span`."""

    most, window = 0, 0.0

    def __init__(self):
        super().__init__()
        self.failures = defaultdict(deque)

    def learn(self, time, address, login, success, line):
        if success:
            return
        key = self.key(address, login)
        recent = self.failures[key]
        recent.append((time, line))
        while recent and recent[0][0] < time - self.window:
            recent.popleft()
        if len(recent) >= self.most:
            self.ban(key, time, [number for _, number in recent])
            recent.clear()


class Fail2ban(Windowed):
    name, most, window, span = "fail2ban", 5, 600.0, 600.0


class Lockout(Windowed):
    name, most, window, span = "lockout", 5, 900.0, 900.0

    def key(self, address, login):
        return login


class CrowdSec(Rule):
    name, span = "CrowdSec", 4 * 3600.0

    def __init__(self):
        super().__init__()
        self.buckets = {}

    def learn(self, time, address, login, success, line):
        if success:
            return
        level, last, lines = self.buckets.get(address, (0.0, time, ()))
        level = max(0.0, level - (time - last) / 10.0) + 1
        lines = (*lines[-8:], line) if level > 1 else (line,)
        if level > 5:
            self.ban(address, time, lines)
            level = 0.0
        self.buckets[address] = (level, time, lines)


class TakeoverPrevention(Rule):
    """Rates over a sliding window: an address is stopped while it is over them, and its attempts go on counting as logins."""

    name = "AWS ATP"

    def __init__(self):
        super().__init__()
        self.logins, self.failures, self.over = defaultdict(deque), defaultdict(deque), set()

    def stop(self, time, address, login):
        logins, failures = self.logins[address], self.failures[address]
        logins.append(time)
        while logins[0] < time - 600:
            logins.popleft()
        while failures and failures[0][0] < time - 600:
            failures.popleft()
        stopped = len(logins) > 20 or len(failures) > 10
        if stopped and address not in self.over:
            self.alarms.append((time, [number for _, number in failures]))
            self.over.add(address)
        elif not stopped:
            self.over.discard(address)
        return stopped

    def learn(self, time, address, login, success, line):
        if not success:
            self.failures[address].append((time, line))


class Auth0(Rule):
    name = "Auth0"

    def __init__(self):
        super().__init__()
        self.pairs, self.tokens = defaultdict(int), {}

    def stop(self, time, address, login):
        left, last = self.tokens.get(address, (100.0, time))
        left = min(100.0, left + (time - last) / 864.0)
        self.tokens[address] = (left, time)
        return left < 1 or self.pairs[address, login] >= 10

    def learn(self, time, address, login, success, line):
        if success:
            self.pairs.pop((address, login), None)
            return
        self.pairs[address, login] += 1
        left, last = self.tokens[address]
        self.tokens[address] = (left - 1, last)
        if left < 2 or self.pairs[address, login] == 10:
            self.alarms.append((time, [line]))


RULES = [TakeoverPrevention, CrowdSec, Fail2ban, Auth0, Lockout]


def play(rule, recording):
    """What one rule set stops of a recording: (actions by line, its alarms as signals)."""
    actions = {}
    rows = zip(recording.time, recording.address, recording.login, recording.success)
    for line, (time, address, login, success) in enumerate(rows):
        if rule.stop(time, address, login):
            actions[line] = "block"
        else:
            rule.learn(time, address, login, success, line)
    signals = []
    for number, (time, lines) in enumerate(rule.alarms):
        signal = Signal(str(number))
        signal.take({"time": time, "type": rule.name, "severity": "medium", "lines": lines}, recording)
        signals.append(signal)
    return actions, signals
