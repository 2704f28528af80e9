"""Hostile requests and hostile answers: whatever two readers could read in two ways does not get through (Tests/Conformance)."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Conformance"))
import hostile_requests  # noqa: E402
import hostile_responses  # noqa: E402
import judge  # noqa: E402

WAIT = 0.6


@pytest.fixture(scope="module")
def way(tmp_path_factory):
    """A gate in front of the recording origin, for all cases: what one leaves behind must not harm the next."""
    from gate import Gate

    origin = judge.Origin()
    gate = Gate(tmp_path_factory.mktemp("conformance"), origin=origin).start()
    yield gate, origin
    gate.kill()
    origin.close()


@pytest.mark.parametrize("case", hostile_requests.CASES, ids=lambda case: case.name)
def test_requests_reach_the_origin_in_one_reading_or_not_at_all(way, case):
    gate, origin = way
    assert judge.judge_request(case, gate.port, origin, WAIT) is None


@pytest.mark.parametrize("case", hostile_responses.CASES, ids=lambda case: case.name)
def test_answers_never_look_better_than_they_are(way, case):
    gate, origin = way
    assert judge.judge_response(case, gate.port, origin, WAIT) is None


def test_the_judge_sees_what_slips_through():
    """A wire instead of a gate fails most of the cases: the judge can say no."""
    origin = judge.Origin()
    try:
        cases = [case for case in hostile_requests.CASES if case.kind == "REFUSE"]
        verdicts = [judge.judge_request(case, origin.port, origin, 0.1) for case in cases[:20]]
        assert sum(verdict is not None for verdict in verdicts) > 10
    finally:
        origin.close()
