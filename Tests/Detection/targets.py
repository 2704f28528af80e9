"""The targets, by scenario, and the table that says which are met."""
import statistics

ATTACK_TARGETS = {  # scenario: guesses, events, seconds, share stopped, share of compromises prevented (None: no target)
    "bruteforce-one": {"guesses": 15, "stopped": 0.94, "prevented": 1.0},
    "bruteforce-many": {"events": 60, "stopped": 0.93, "prevented": 1.0},
    "stuffing-few": {"events": 20, "stopped": 0.999, "prevented": 0.995},
    "stuffing-networks": {"events": 25, "stopped": 0.99, "prevented": 0.99},
    **{f"distributed-{level}": {"events": 75, "seconds": 30, "stopped": 0.999, "prevented": 0.995} for level in range(4)},
    "distributed-4": {"events": 60, "stopped": 0.85, "stopped_worst": 0.65, "prevented": 0.85},
    "mimicry": {"events": 120, "seconds": 120, "stopped_most": 0.0, "challenged": 0.95, "honest_challenged": 0.05},
    "spraying": {"events": 30, "stopped": 0.999, "prevented": 0.995},
    "enumeration": {"events": 40, "stopped": 0.995},
    "slow": {"events": 30, "seconds": 600, "stopped": 0.99, "prevented": 0.95},
    "nat": {"events": 25, "seconds": 60, "stopped": 0.98, "prevented": 0.99},
    "adaptive": {"events": 250, "seconds": 15, "stopped": 0.93, "prevented": 0.93, "after_change": 60},
    "several": {"events": 75, "stopped": 0.94, "prevented": 0.99},
}
ALIKE = {  # what a variation of a scenario is held against
    "night": "distributed-3", "pause": "distributed-3", "resolved": "distributed-2", "forged": "distributed-3", "early": "distributed-2",
    "services": "distributed-2", "mobile": "distributed-3", "prefix": "stuffing-few", "sources": "stuffing-few", "guesses": "bruteforce-many",
    "popular": "spraying", "covered": "distributed-2", "tiny": "distributed-3",
}
HONEST_MEDIAN, HONEST_WORST, HONEST_BENIGN, FALSE_ALARMS_PER_DAY = 5.0, 25.0, 0.5, 1 / 30


def middle(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def compare(name, results):
    """(what, value, target, met) of one scenario over its seeds; the median counts, and for stopped at level 4 the worst too."""
    rows, target = [], ATTACK_TARGETS.get(ALIKE.get(name, name))
    if target is None:
        # A stopped login in a small sample is far above 0.5 per million: none may be stopped.
        alarms = sum(result["false_alarms"] for result in results)
        rows.append(("signals of Medium or above", alarms, "0", alarms == 0))
        ppm = 1e6 * sum(result["honest"].get("stopped successes", 0) for result in results) / sum(result["honest"].get("successes", 1) for result in results)
        rows.append(("logins stopped per million", ppm, f"≤ {HONEST_BENIGN}", ppm <= HONEST_BENIGN))
        return rows
    campaigns = [found for result in results for found in result["campaigns"].values()]
    detected = sum(found["detected"] for found in campaigns)
    rows.append(("detected", f"{detected}/{len(campaigns)}", "all", detected == len(campaigns)))

    def row(what, value, bound, least):
        met = value is not None and (value >= bound - 1e-12 if least else value <= bound + 1e-12)
        rows.append((what, value, f"{'≥' if least else '≤'} {bound:g}", met))

    for what in ("guesses", "events", "seconds"):
        if what in target:
            row(what, middle([found.get(what) for found in campaigns]), target[what], False)
    for what in ("stopped", "prevented", "challenged"):
        if what in target and (what != "prevented" or any(found["prevented"] is not None for found in campaigns)):
            row(what, middle([found[what] for found in campaigns]), target[what], True)
    if "stopped_worst" in target:
        row("stopped, worst", min(found["stopped"] for found in campaigns), target["stopped_worst"], True)
    if "stopped_most" in target:
        row("stopped automatically", max(found["stopped"] for found in campaigns), target["stopped_most"], False)
    if "honest_challenged" in target:
        row("honest logins challenged", middle([result["challenged_share"] for result in results]), target["honest_challenged"], False)
    if "after_change" in target:
        waits = [wait for found in campaigns for wait in found["after_change"]]
        row("seconds after a change, worst", None if None in waits or not waits else max(waits), target["after_change"], False)
    row("logins stopped per million", middle([result["stopped_ppm"] for result in results]), HONEST_MEDIAN, False)
    row("the same, worst", max(result["stopped_ppm"] for result in results), HONEST_WORST, False)
    alarms = sum(result["false_alarms"] for result in results)
    rows.append(("false alarms", alarms, "0", alarms == 0))
    compromise(name, campaigns, row)
    ratios = [result["collateral_ratio"] for result in results if result["collateral_ratio"]]
    if ratios:
        row("collateral estimate ÷ actual, least", min(ratios), 1.0, True)
        row("collateral estimate ÷ actual, most", max(ratios), 10.0, False)
    return rows


def compromise(name, campaigns, row):
    bound = 0.9 if name in ("distributed-4", "adaptive") else 0.99
    least_precision = 0.25 if name == "mimicry" else bound
    recalls = [found.get("recall") for found in campaigns if found["landed"]]
    if recalls:
        row("compromised accounts: recall", middle(recalls), 0.9 if name == "mimicry" else bound, True)
    precisions = [found.get("precision") for found in campaigns if found["reported"]]
    if precisions:
        row("compromised accounts: precision", middle(precisions), least_precision, True)


def written(value):
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 2 else f"{value:.1f}"
    return str(value)


def table(scores):
    """The lines of the table; `scores` maps scenario names to their results."""
    lines = [f"{'scenario':<18} {'measure':<36} {'value':>10} {'target':>9}  "]
    for name, results in scores.items():
        for index, (what, value, bound, met) in enumerate(compare(name, results)):
            lines.append(f"{name if index == 0 else '':<18} {what:<36} {written(value):>10} {bound:>9}  {'pass' if met else 'MISS'}")
    return lines
