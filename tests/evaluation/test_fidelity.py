"""Fidelity of simulators made from logs: verdicts on planted faults, and numbers that can be had by hand."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from replayed import service, simulator

from telic.errors import DataError, SettingsError
from telic.evaluation.fidelity import fidelity


@pytest.fixture(scope="module")
def measured(project_root):
    """The reproduction: its service and its faults."""
    place = project_root / "reproductions" / "simulator_fidelity.py"
    spec = importlib.util.spec_from_file_location("simulator_fidelity", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_what_imitates_passes_and_what_does_not_is_seen(measured):
    """Reduced: 8 clean logs and 4 of two faults; 200 and 100 in `reproductions/simulator_fidelity.py`."""
    assert measured.measure("", 8)["unfaithful"]["hits"] == 0
    for fault in ("regime", "delay"):
        assert measured.measure(fault, 4)["unfaithful"]["hits"] == 4


def test_a_simulator_that_cannot_err_is_faithful_and_foresees_everything():
    made, demos = simulator(service(N=120, T=20))
    train, held_out = demos.select(np.arange(80)), demos.select(np.arange(80, 120))
    policy = np.full((made.world.n_states, 3), 1 / 3)  # as the log was made
    pods = np.asarray(made.space.cells["pods"], dtype=float)
    found = fidelity(made, train, held_out, policy, {"pods": pods}, margin=0.5, memory_margin=0.5, key=1)
    assert found.one_step.value == pytest.approx(0.0, abs=1e-12)  # everything that happened was certain
    assert found.unforeseen == 0.0
    assert found.lost == 0.0
    level = next(d for d in found.differences if d.part == "level")
    assert level.logged == pytest.approx(float(pods[held_out.require_states()[0]].mean()))
    assert found.verdict == "faithful"
    assert found.findings == ()


def test_too_few_trajectories_prove_nothing_and_bad_settings_are_refused():
    made, demos = simulator(service(N=20))
    train, held_out = demos.select(np.arange(15)), demos.select(np.arange(15, 20))
    policy = np.full((made.world.n_states, 3), 1 / 3)
    pods = {"pods": np.asarray(made.space.cells["pods"], dtype=float)}
    found = fidelity(made, train, held_out, policy, pods)
    assert found.verdict == "open"
    assert "5 held-out trajectories are too few" in found.findings[0].message
    with pytest.raises(SettingsError, match="Margins, `repeats` and `lag` must be positive"):
        fidelity(made, train, held_out, policy, pods, margin=0)
    with pytest.raises(DataError, match="must be 12 finite numbers"):
        fidelity(made, train, held_out, policy, {"pods": np.zeros(3)})
