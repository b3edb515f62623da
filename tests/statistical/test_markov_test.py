"""False alarms and power of the tests of the state, on worlds where the truth is known.

Reduced: 200 clean data sets a design (alarms at level .05 at or below the central 99.9 % binomial interval of .05;
Holm makes the tests conservative, so there is no lower bound) and 40 faulty ones (at least 36 found; below that has
probability < 1e-3 where the power is .99; at most 2 misnamed). Full size: ``scripts/prove state_tests``. Keys are
fixed below.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import scipy.stats as st

from telic.evaluation import markov_test

CLEAN, FAULTS = 200, 40
MOST_ALARMS = int(st.binom.ppf(0.9995, CLEAN, 0.05))


@pytest.fixture(scope="module")
def script(project_root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "state_tests", project_root / "reproductions" / "state_tests.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("design", ["sparse", "many states", "dense", "one trajectory"])
def test_false_alarms_stay_at_their_level(script: ModuleType, design: str) -> None:
    sets = (script.random_world(1000 + k, **script.DESIGNS[design]) for k in range(CLEAN))
    assert sum(markov_test(demos).p_value < 0.05 for demos in sets) <= MOST_ALARMS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "memory", "strength"),
    [
        ("sparse", "action", 1.5),
        ("dense", "action", 0.7),
        ("dense", "state", 0.7),
        ("many states", "action", 1.5),
    ],
)
def test_planted_memories_are_found_and_named(
    script: ModuleType, design: str, memory: str, strength: float
) -> None:
    world = {"memory": memory, "strength": strength, **script.DESIGNS[design]}
    culprits = [markov_test(script.random_world(5000 + k, **world)).culprit("choice") for k in range(FAULTS)]
    found = [c.variable for c in culprits if c is not None]
    assert len(found) >= 36
    assert sum(name != f"previous {memory}" for name in found) <= 2, found


@pytest.mark.slow
def test_exogeneity_is_rejected_where_it_is_false_and_rarely_else(script: ModuleType) -> None:
    assert sum(script.responds(9000 + k, 0.0) for k in range(CLEAN)) <= MOST_ALARMS
    assert sum(script.responds(9500 + k, 20.0) for k in range(FAULTS)) >= 36
