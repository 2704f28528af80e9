"""Datadog's own engine and ours over its recommended ruleset: the short form of Tests/Differential/compare.py."""
import pathlib
import sys

import pytest

from gate import ROOT, binary

sys.path.insert(0, str(ROOT / "Tests/Differential"))
import compare
import datadog


def test_the_recommended_ruleset_matches_what_it_matches_in_datadogs_engine():
    evaluate = pathlib.Path(binary()).parent / "loginward-evaluate"
    if datadog.package() is None or not evaluate.exists():
        pytest.skip("Datadog's engine or loginward-evaluate is not there: make test brings both")
    _, matches, differences = compare.compare(evaluate, 400)
    assert matches > 300
    assert not [(rule, way, exchange.addresses()) for rule, way, exchange in compare.unknown(differences)]
