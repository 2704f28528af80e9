"""Our rules and Datadog's own engine over the same ruleset and the same invented exchanges: `compare.py EVALUATE [COUNT]` prints where they differ.
What is known to differ, and why, stands in Sources/DECISIONS.md and in KNOWN."""
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from datadog import Engine, apart, recommended
from exchanges import Exchange, frames

# Rules that may match here and not there, or there and not here, and why.
LIBINJECTION = "Debian's libinjection is another version than theirs and reads some comments and words otherwise"
KNOWN_MORE = {"crs-942-100": LIBINJECTION, "crs-930-120": "with word boundaries they test only the first and longest hit, which a hit before it hides"}
KNOWN_LESS = {"crs-942-100": LIBINJECTION}


def ours(evaluate, ruleset, exchanges, repetitions=1):
    with tempfile.TemporaryDirectory() as folder:
        rules, configuration = pathlib.Path(folder, "rules.json"), pathlib.Path(folder, "c.yaml")
        rules.write_text(json.dumps(ruleset))
        configuration.write_text(f'version: 1\nlisteners: [{{ address: "127.0.0.1:1" }}]\nservices: [{{ name: a, upstream: {{ servers: ["http://127.0.0.1:1"] }} }}]\nrules: {{ files: ["{rules}"] }}\n')
        done = subprocess.run([str(evaluate), str(configuration), str(repetitions)], input=frames(exchanges), capture_output=True)
    assert done.returncode == 0, done.stdout.decode()[:2000]
    return [(int(line.split()[0]), set(line.split()[1:])) for line in done.stdout.decode().splitlines()]


def compare(evaluate, count, seed=0, ruleset=None):
    """(exchanges, matches, differences): each difference is (rule, "more" or "less", exchange)."""
    ruleset = ruleset or apart(recommended())
    exchanges = [Exchange(seed + number, hostile=number % 3 > 0) for number in range(count)]
    engine, differences, matches = Engine(ruleset), [], 0
    for exchange, (_, found) in zip(exchanges, ours(evaluate, ruleset, exchanges), strict=True):
        theirs = {event["rule"]["id"] for event in engine.run(exchange.addresses())[0].get("events", [])}
        matches += len(theirs)
        differences += [(rule, "more", exchange) for rule in found - theirs] + [(rule, "less", exchange) for rule in theirs - found]
    return exchanges, matches, differences


def unknown(differences):
    return [(rule, way, exchange) for rule, way, exchange in differences if rule not in (KNOWN_MORE if way == "more" else KNOWN_LESS)]


if __name__ == "__main__":
    exchanges, matches, differences = compare(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5000)
    print(f"{len(exchanges)} exchanges, {matches} matches of theirs, {len(differences)} differences")
    for (rule, way), number in collections.Counter((rule, way) for rule, way, _ in differences).most_common():
        example = next(exchange for name, other, exchange in differences if (name, other) == (rule, way))
        print(f"{rule} {way} {number}: {json.dumps(example.addresses())[:900]}")
    sys.exit(1 if unknown(differences) else 0)
