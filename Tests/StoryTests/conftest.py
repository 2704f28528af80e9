"""Fixtures of the stories: a running gate, origins and collectors, each story with its own."""
import pathlib

import pytest

from gate import Gate
from origin import Origin


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path


@pytest.fixture
def origin():
    """A scripted origin; `origin.answer` says what it sends."""
    with Origin() as running:
        yield running


@pytest.fixture
def gates(folder):
    """Makes gates and stops them at the end of the story."""
    made = []

    def make(**settings) -> Gate:
        gate = Gate(folder / f"gate{len(made)}", **settings)
        made.append(gate)
        return gate.start()

    yield make
    for gate in made:
        gate.kill()


@pytest.fixture
def gate(gates, origin):
    """A gate in front of the scripted origin, with nothing else configured."""
    return gates(origin=origin)
