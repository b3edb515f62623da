"""The quality gate in reduced form: 40 clean and 4 or 5 faulty data sets a row; at full size in ``reproductions``.

Each bound is a one-sided exact binomial tail at .001 / 10 against what is promised: false alarms of all detectors
together at most 5 %, and the power named beside each fault.
"""

import importlib.util

import pytest
from scipy.stats import binom

LEVEL = 0.001 / 10


@pytest.fixture(scope="module")
def gate(project_root):
    spec = importlib.util.spec_from_file_location(
        "quality_gate", project_root / "reproductions" / "quality_gate.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_clean_data_are_left_alone(gate):
    found = gate.false_alarms({}, 40)["any of these"]
    assert binom.sf(found["hits"] - 1, 40, 0.05) > LEVEL


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "sets", "promised"),
    [
        ("targeted by one source, 16 trajectories", 5, 0.7),
        ("targeted within thirty days, 16 trajectories", 5, 0.8),
        ("turned round in a window of time", 4, 0.9),
        ("pulled by a trigger", 4, 0.9),
        ("saturated sensor", 4, 0.9),
        ("signal stopped", 4, 0.9),
        ("records dropped", 4, 0.9),
        ("near-copy", 4, 0.9),
    ],
)
def test_planted_faults_are_found(gate, fault, sets, promised):
    found = gate.power(fault, sets)
    assert binom.cdf(found["hits"], sets, promised) > LEVEL
    if "planted trajectories quarantined" in found:
        named, innocent = found["planted trajectories quarantined"], found["clean trajectories quarantined"]
        assert named["hits"] >= 0.4 * named["of"]
        assert innocent["hits"] <= 0.05 * innocent["of"]
