"""Plays scenarios through `loginward replay`, judges them against the targets, and prints others' default rules beside.

    python3 Tests/Detection/detection.py --loginward BINARY [--scenario NAME …] [--seeds N] [--scale X] [--json FILE]
    python3 Tests/Detection/detection.py --write FOLDER --scenario NAME [--seeds N]     only the traffic, with labels
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import incumbents
import scenarios
import score
import targets
import traffic
import wider

CONFIGURATION = """\
version: 1
listeners:
  - { address: 127.0.0.1, port: 1 }
services:
  - { name: accounts, upstreams: [ "http://127.0.0.1:2" ] }
"""
COOKIE = "detection:\n  device_cookie: device_id\n"
ALL = {**scenarios.ATTACKS, **scenarios.BENIGN, **wider.ATTACKS, **wider.BENIGN}
GROUPS = {"attacks": scenarios.ATTACKS, "benign": scenarios.BENIGN, "wider": {**wider.ATTACKS, **wider.BENIGN}}
OTHERS = [rule.name for rule in incumbents.RULES]


def prepare(folder, scenario, service=None):
    """Writes the files of one scenario; returns its recording."""
    with open(folder / "events.ndjson", "w", encoding="utf-8") as file:
        recording = traffic.write(scenario, file, service)
    rows = list(scenario.population.history()) + scenario.population.service_history()
    with open(folder / "history.ndjson", "w", encoding="utf-8") as file:
        traffic.write_history(rows, file)
    return recording


def label_file(folder, scenario, recording):
    """What only the judge may know: one label a line (0 honest, 99 authorised scan, otherwise the campaign)."""
    with open(folder / "labels.ndjson", "w", encoding="utf-8") as file:
        file.writelines(f"{label}\n" for label in recording.label)
    about = {"scenario": scenario.name, "seed": scenario.seed, "scale": scenario.scale, "varied": scenario.varied,
             "levels": {label: campaign.level for label, campaign in scenario.campaigns.items()}, "changes": scenario.changes}
    (folder / "about.json").write_text(json.dumps(about, indent=1))


def replay(binary, folder, configuration, history=True):
    """Runs the replay; returns its seconds."""
    began = time.monotonic()
    words = [binary, "replay", "--config", configuration, "--events", folder / "events.ndjson",
             "--verdicts", folder / "verdicts.ndjson", "--signals", folder / "signals.ndjson"]
    if history:
        words += ["--history", folder / "history.ndjson"]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"replay: exit {done.returncode}: {done.stderr.strip()[-2000:]}")
    return time.monotonic() - began


def play(name, seed, options):
    """One scenario with one seed: (our result or None, the others' results)."""
    with tempfile.TemporaryDirectory(prefix="detection-") as made:
        folder = pathlib.Path(options.write) / f"{name}-{seed}" if options.write else pathlib.Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        scenario = ALL[name](seed, options.scale)
        recording = prepare(folder, scenario, options.service)
        if options.write:
            label_file(folder, scenario, recording)
        ours, others = None, {}
        if options.loginward:
            configuration = options.config
            if configuration is None:
                configuration = folder / "loginward.yaml"
                configuration.write_text(CONFIGURATION + ("" if options.no_device_cookie else COOKIE))
            seconds = replay(options.loginward, folder, configuration, not options.no_history)
            ours = score.judge(scenario, recording, folder / "verdicts.ndjson", folder / "signals.ndjson")
            ours["replay_seconds"] = seconds
        if options.others:
            for rule in incumbents.RULES:
                actions, signals = incumbents.play(rule(), recording)
                others[rule.name] = score.judge_actions(scenario, recording, actions, signals)
        return ours, others


def others_table(scores, others):
    """Ours and the others' side by side: detected after seconds, share stopped, honest attempts stopped per million."""
    lines = ["", f"{'scenario':<18} {'':<26} " + " ".join(f"{name:>10}" for name in ["ours", *OTHERS])]

    def cell(results, what):
        campaigns = [found for result in results for found in result["campaigns"].values()]
        if what == "seconds":
            seconds = targets.middle([found.get("seconds") for found in campaigns])
            return "no" if seconds is None else f"{seconds:.0f} s"
        if what == "stopped":
            return f"{targets.middle([found['stopped'] for found in campaigns]):.4f}"
        return f"{targets.middle([result['stopped_attempts_ppm'] for result in results]):.0f}"

    for name, by_rule in others.items():
        measures = [("honest attempts stopped ppm", "honest")]
        if name in scenarios.ATTACKS or name in wider.ATTACKS:
            measures = [("detected after", "seconds"), ("attempts stopped", "stopped")] + measures
        for index, (words, what) in enumerate(measures):
            ours = cell(scores[name], what) if name in scores else "–"
            lines.append(f"{name if index == 0 else '':<18} {words:<26} {ours:>10} " + " ".join(f"{cell(by_rule[rule], what):>10}" for rule in OTHERS))
    return lines


def options_of(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loginward", help="the program; without it only the others' rules are played")
    parser.add_argument("--scenario", action="append", choices=[*ALL, *GROUPS], help="may be given more than once; attacks and benign when absent")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=0.2, help="1 is the full size: 500 000 attempts of the distributed campaign")
    parser.add_argument("--others", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--config", help="a configuration file of your own")
    parser.add_argument("--no-device-cookie", action="store_true", help="do not name the service's device cookie")
    parser.add_argument("--no-history", action="store_true")
    parser.add_argument("--service", help="the name of the service in each event")
    parser.add_argument("--write", help="keep the traffic, the labels and what was answered below this folder")
    parser.add_argument("--json", help="write all figures here")
    return parser.parse_args(words)


def main(words=None):
    options = options_of(words)
    names = []
    for name in options.scenario or ["attacks", "benign"]:
        names += list(GROUPS.get(name, [name]))
    scores, others = {}, {}
    for name in names:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            ours, theirs = play(name, seed, options)
            if ours:
                scores.setdefault(name, []).append(ours)
                print(summary(name, ours), file=sys.stderr, flush=True)
            for rule, result in theirs.items():
                others.setdefault(name, {}).setdefault(rule, []).append(result)
    if scores:
        print("\n".join(targets.table(scores)))
    if others:
        print("\n".join(others_table(scores, others)))
    rows = {name: targets.compare(name, results) for name, results in scores.items()}
    missed = [(name, what) for name, found in rows.items() for what, _, _, met in found if not met]
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"ours": scores, "others": others, "missed": missed}, indent=1, default=str))
    if scores:
        print(f"\n{len(missed)} of {sum(map(len, rows.values()))} targets missed")
    return 1 if missed else 0


def summary(name, found):
    parts = [f"{name}/{found['seed']}: {found['events']} events in {found['replay_seconds']:.1f} s"]
    for label, campaign in found["campaigns"].items():
        after = f" after {campaign['events']} events {campaign['seconds']:.0f} s" if campaign["detected"] else " NOT detected"
        prevented = "" if campaign["prevented"] is None else f" prevented {campaign['prevented']:.3f}"
        parts.append(f"[{label}:L{campaign['level']}{after}, stopped {campaign['stopped']:.4f}{prevented} challenged {campaign['challenged']:.2f}]")
    parts.append(f"honest stopped {found['honest'].get('stopped successes', 0)} challenged {found['challenged_share']:.3f} false alarms {found['false_alarms']} signals {dict(found['signals'])}")
    return " ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
