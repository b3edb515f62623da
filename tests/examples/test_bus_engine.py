"""The second example on real data: a contract, and no code of ours about buses, comes near the published
table.

Rust (1987), table IX, groups 1 to 4, 90 bins, discount .9999: replacement cost 9.7558 and operating cost
2.6275 (per .001 bin of 5,000 miles). The example holds out a fifth of the buses, estimates the dynamics
without knowing that a replacement resets the odometer, and says what a month at a thousand miles costs; so
agreement is asked for within three of its own standard errors, not to a digit. The reproduction
(``reproductions/bus_engine.py``) is exact.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PUBLISHED = {"replacements": -9.7558, "worn_miles": -0.001 * 2.6275 / 5.0}


@pytest.fixture(scope="module")
def done(project_root, data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bus") / "project"
    script = project_root / "examples" / "bus_engine" / "run.py"
    return subprocess.run(
        [sys.executable, str(script), "--data", str(data_dir / "rust_bus"), "--into", str(folder), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_estimates_are_near_the_published_ones(done):
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["result"] == "success"
    for name, published in PUBLISHED.items():
        assert abs(found["weights"][name] - published) < 3 * found["total_errors"][name], name
    low, high = found["tradeoffs"][0]["interval"]
    assert low < PUBLISHED["replacements"] / PUBLISHED["worn_miles"] < high
    assert found["dataset"]["n_decisions"] == 8156


def test_months_are_those_of_the_calendar(done, tmp_path_factory):
    """Headers of the files: group 4 is read from September 1975 on, and group 2 (four buses) longest, to July 1985."""
    folder = next(iter(tmp_path_factory.getbasetemp().glob("bus*/project")))
    rows = [line.split(",") for line in (folder / "odometers.csv").read_text().splitlines()[1:]]
    months = {row[2] for row in rows}
    assert (min(months), max(months)) == ("1975-10-01", "1985-07-01")
    planned = json.loads(next(iter(folder.glob("runs/*/train.json"))).read_text())
    assert planned["headline"].startswith("On 1985-07-01 the policy")
    assert planned["last_day"]["n_decisions"] == 4


def test_missing_files_are_an_error_with_a_hint(project_root, tmp_path):
    script = project_root / "examples" / "bus_engine" / "run.py"
    done = subprocess.run(
        [sys.executable, str(script), "--data", str(tmp_path), "--into", str(tmp_path / "p")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "g870.asc" in done.stderr
    assert "\n\nhint: " in done.stderr
