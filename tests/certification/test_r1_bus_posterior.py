"""R1 as a posterior: draws of (RC, theta11) for Rust's group 4 against prior times likelihood summed over a grid.

The surface shares no code with telic. Published estimate: CERTIFICATION.md, R1 (Rust 1987, table IX): 10.0750 and
2.2930, to 1e-3; the likelihood there is -163.5843, to 1e-3.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import norm


@pytest.fixture
def surfaces(project_root, monkeypatch):
    monkeypatch.syspath_prepend(str(project_root / "reproductions"))
    import bus_surface

    return bus_surface


@pytest.fixture
def posteriors(surfaces):
    import bus_posterior

    return bus_posterior


def test_the_outside_likelihood_is_the_published_and_the_librarys(posteriors, surfaces, data_dir):
    likelihood, steps, counts = posteriors.data_of(data_dir)
    assert steps == pytest.approx([0.3919, 0.5953, 0.0128], abs=5e-5)
    assert counts.sum(axis=0).tolist() == [4259, 33]
    points = np.array([[10.0749, 2.2931], [6.0, 0.7], [20.0, 7.0], [9.0, 4.0]])
    outside = surfaces.log_likelihood(points[:, 0], points[:, 1], steps, counts)
    assert outside[0] == pytest.approx(-163.5843, abs=1e-3)
    inside = [likelihood.evaluate(w, order=0).value for w in points]
    assert outside == pytest.approx(inside, abs=1e-6)


def test_sums_over_a_grid_are_those_of_a_normal_density(surfaces):
    """Means 3 and -1, standard deviations 2 and .5, correlation .8; regions of mass q end at log(1 - q)."""
    axes = (np.linspace(-13.0, 19.0, 129), np.linspace(-5.0, 3.0, 129))
    x, y = np.meshgrid((axes[0] - 3) / 2, (axes[1] + 1) / 0.5, indexing="ij")
    truth = surfaces.Surface(axes, -(x**2 - 1.6 * x * y + y**2) / (2 * (1 - 0.8**2)))
    for k, (mean, sd) in enumerate(((3.0, 2.0), (-1.0, 0.5))):
        assert truth.moments(k) == pytest.approx((mean, sd), rel=1e-9)
        for q in (0.05, 0.5, 0.95):
            assert truth.quantile(k, q) == pytest.approx(norm.ppf(q, mean, sd), abs=1e-4 * sd)
    for mass in (0.5, 0.9, 0.99):
        assert truth.threshold(mass) == pytest.approx(np.log(1 - mass), rel=0.02)
    assert truth.at(np.array([[3.1, -1.2]]))[0] == pytest.approx(
        -(0.05**2 + 1.6 * 0.05 * 0.4 + 0.4**2) / 0.72, abs=1e-6
    )


@pytest.mark.slow
def test_draws_agree_with_the_surface(project_root, data_dir):
    """1,200 draws (the reproduction: 20,000). Of 13 z-scores the largest is below 4.2 with probability .9996 at
    least; the key was fixed before the first run.
    """
    done = subprocess.run(
        [sys.executable, str(project_root / "reproductions" / "bus_posterior.py"), "--data", str(data_dir)],
        env={name: value for name, value in os.environ.items() if name != "TELIC_FULL"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["result"] == "success"
    assert told["mode"] == pytest.approx({"replacement_cost": 10.0750, "operating_cost": 2.2930}, abs=1e-3)
    assert told["likelihood_difference"] < 1e-6
    assert told["density_on_the_edge"] < 1e-7
    assert told["of_half_the_points"] < 1e-3
    assert told["n_compared"] == 13
    assert told["largest_z"] < 4.2
    for weight in told["weights"].values():
        assert weight["total_variation"] < 2 * weight["by_chance"]


def test_the_page_shows_what_the_kept_result_says(project_root):
    """Every figure of the table's last column is in the result, as the page rounds it."""
    kept = project_root / "reproductions" / "results" / "bus_posterior.json"
    if not kept.is_file():
        pytest.skip("no kept result: run scripts/prove bus_posterior to check the page against it")
    (told,) = json.loads(kept.read_text())["results"]
    told.pop("drawn")
    page = (project_root / "docs" / "methods" / "posterior.md").read_text()
    table = page.partition("## Reproduction")[2].partition("\n\n![")[0]
    rows = [line.rstrip("|").split("|")[-1] for line in table.splitlines() if line.startswith("|")][2:]
    shown = re.findall(r"\d*\.\d+", " ".join(rows))
    found = list(numbers(told))
    assert len(shown) == 27
    assert [s for s in shown if not any(abs(x - float(s)) <= half(s) for x in found)] == []


def numbers(told):
    """Every number in a JSON document."""
    if isinstance(told, dict | list):
        for part in told.values() if isinstance(told, dict) else told:
            yield from numbers(part)
    elif isinstance(told, int | float):
        yield float(told)


def half(shown: str) -> float:
    """Half of the last digit that is shown."""
    return 0.5000001 * 10.0 ** -len(shown.partition(".")[2])
