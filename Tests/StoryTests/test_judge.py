"""The judge of the detection is fair: an oracle meets every target, a blind, a careless and a confused detector do not."""
import io
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Detection"))

import incumbents  # noqa: E402
import scenarios  # noqa: E402
import score  # noqa: E402
import targets  # noqa: E402
import traffic  # noqa: E402


@pytest.fixture(scope="module")
def played():
    scenario = scenarios.distributed(1, 0.01, 2)
    file = io.StringIO()
    return scenario, traffic.write(scenario, file), file.getvalue()


def judged(played, folder, actions, signals):
    (folder / "verdicts").write_text("".join(json.dumps({"line": line, "action": action}) + "\n" for line, action in actions.items()))
    (folder / "signals").write_text("".join(json.dumps(signal) + "\n" for signal in signals))
    result = score.judge(played[0], played[1], folder / "verdicts", folder / "signals")
    return result, {what: met for what, _, _, met in targets.compare("distributed-2", [result])}


def attack(recording):
    return [number for number, label in enumerate(recording.label) if label == 1]


def test_every_line_is_what_the_replay_reads_in_order_of_time(played):
    lines = [json.loads(line) for line in played[2].splitlines()]
    assert len(lines) == len(played[1])
    assert all(one["time"] <= next_one["time"] for one, next_one in zip(lines, lines[1:]))
    assert all(line["outcome"] in ("success", "failure") and line["usr"]["login"] and line["headers"] for line in lines)
    assert not any("label" in line or "campaign" in line for line in lines)


def test_the_same_seed_is_the_same_traffic(played):
    again = io.StringIO()
    traffic.write(scenarios.distributed(1, 0.01, 2), again)
    assert again.getvalue() == played[2]


def test_an_oracle_meets_every_target(played, folder):
    recording = played[1]
    lines = attack(recording)
    actions = {line: "withhold" if recording.success[line] else "block" for line in lines}
    taken = [recording.login[line] for line in lines if recording.success[line]]
    signal = {"id": "a", "time": recording.time[lines[9]], "type": "distributed_credential_stuffing", "severity": "critical", "lines": lines[:10], "compromised": taken}
    result, met = judged(played, folder, actions, [signal])
    assert result["campaigns"][1]["events"] == 10
    assert all(met.values()), met


def test_who_stops_nothing_meets_nothing(played, folder):
    _, met = judged(played, folder, {}, [])
    assert not met["detected"] and not met["events"] and not met["stopped"] and not met["prevented"]


def test_who_stops_everything_is_told_whom_it_hurt(played, folder):
    result, met = judged(played, folder, {line: "block" for line in range(len(played[1]))}, [])
    assert met["stopped"] and not met["logins stopped per million"]
    assert result["stopped_ppm"] == 1e6


def test_evidence_that_is_mostly_honest_is_a_false_alarm(played, folder):
    recording = played[1]
    honest = [number for number, label in enumerate(recording.label) if label == 0][:30]
    signal = {"id": "a", "time": recording.time[-1], "type": "slow", "severity": "high", "lines": honest + attack(recording)[:20]}
    result, met = judged(played, folder, {}, [signal])
    assert result["false_alarms"] == 1 and not met["detected"]


def test_innocent_accounts_cost_precision_and_silence_costs_recall(played, folder):
    recording = played[1]
    lines = attack(recording)
    honest = [recording.login[number] for number in range(len(recording)) if recording.label[number] == 0][:100]
    signal = {"id": "a", "time": recording.time[lines[0]], "type": "compromise", "severity": "critical", "lines": lines[:10], "compromised": honest}
    found = judged(played, folder, {}, [signal])[0]["campaigns"][1]
    assert found["precision"] < 0.5 and found["recall"] < 0.5


def test_rules_by_address_do_not_see_what_changes_its_address(played):
    for rule in incumbents.RULES[:4]:
        actions, _ = incumbents.play(rule(), played[1])
        assert sum(line in actions for line in attack(played[1])) == 0
