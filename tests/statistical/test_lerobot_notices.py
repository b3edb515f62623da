"""How often the notices of LeRobot folders are wrong, reduced: 210 clean recordings, and 10 faulty ones a fault.

Clean ones at a jitter of 0, 2 and 5 % of a frame, 70 each: no alarm in all 210 (at a rate of 5 % that has a probability
of 2e-5). Faulty ones: each lost frame, changed order, cut and NaN is found and its frame named (jitter 5 %; a lost
frame is 2 periods where 1.5 are the bound and the step's error is .07, seven of its standard deviations away). Full
size: ``scripts/prove lerobot_timing``. Keys are fixed there.
"""

from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(scope="module")
def timing(project_root):
    spec = importlib.util.spec_from_file_location(
        "lerobot_timing", project_root / "reproductions" / "lerobot_timing.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_clean_recordings_raise_no_alarm(timing):
    told = timing.measure(clean=70, faulty=0, jitters=(0.0, 0.02, 0.05))
    assert [a["k"] for a in told["false_alarms"]] == [0, 0, 0]


@pytest.mark.slow
def test_planted_faults_are_found_and_their_frame_is_named(timing):
    told = timing.measure(clean=0, faulty=10, jitters=(0.05,))
    assert {p["fault"]: (p["found"]["k"], p["named"]["k"]) for p in told["power"]} == {
        "lost": (10, 10),
        "swapped": (10, 10),
        "cut": (10, 10),
        "nan": (10, 10),
    }
