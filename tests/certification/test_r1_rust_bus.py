"""R1: Rust (1987), "Optimal Replacement of GMC Bus Engines", Econometrica 55, table IX, from the raw odometer
files.

Published values and an independent recalculation are those of CERTIFICATION.md, R1. Tolerances as written
there: parameters 1e-3 and likelihood 1e-3 against the recalculation (the published likelihood of groups 1-4
differs from it in the transition part), standard errors 1 %.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

TABLE = {
    "group 4": {
        "groups": [4],
        "discount": 0.9999,
        "n": (4292, 33),
        "weights": (10.0749, 2.2931),
        "choice": -163.5843,
        "total": -3304.155,
        "errors": {
            "outer_product": (1.582, 0.639),
            "hessian": (1.350, 0.554),
            "sandwich": (1.153, 0.482),
            "sandwich_clustered": (1.150, 0.484),
        },
    },
    "groups 1-4": {
        "groups": [1, 2, 3, 4],
        "discount": 0.9999,
        "n": (8156, 60),
        "weights": (9.7558, 2.6276),
        "choice": -300.250,
        "total": -6050.644,
        "errors": {
            "outer_product": (1.227, 0.618),
            "hessian": (0.901, 0.471),
            "sandwich": (0.662, 0.370),
            "sandwich_clustered": (0.683, 0.422),
        },
    },
    "group 4, discount 0": {
        "groups": [4],
        "discount": 0.0,
        "n": (4292, 33),
        "weights": (7.6358, 71.513),
        "choice": -165.4585,
        "total": None,
        "errors": {},
    },
}


@pytest.fixture(scope="module")
def script(project_root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "bus_engine", project_root / "reproductions" / "bus_engine.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(script: ModuleType, data_dir: Path, monkeypatch, capsys, *arguments: str) -> dict:
    monkeypatch.setattr(sys, "argv", ["bus_engine.py", "--data", str(data_dir / "rust_bus"), *arguments])
    assert script.main() == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("row", TABLE)
def test_the_published_table(row: str, script: ModuleType, data_dir: Path, monkeypatch, capsys) -> None:
    expected = TABLE[row]
    told = run(
        script,
        data_dir,
        monkeypatch,
        capsys,
        "--groups",
        ",".join(map(str, expected["groups"])),
        "--discount",
        str(expected["discount"]),
    )
    assert told["groups"] == expected["groups"]
    assert (told["n_decisions"], told["n_replacements"]) == expected["n"]
    assert told["replacement_cost"] == pytest.approx(expected["weights"][0], abs=1e-3)
    assert told["operating_cost"] == pytest.approx(expected["weights"][1], abs=1e-3)
    assert told["choice_log_likelihood"] == pytest.approx(expected["choice"], abs=1e-3)
    if expected["total"] is not None:
        assert told["log_likelihood"] == pytest.approx(expected["total"], abs=1e-3)
    for kind, (replacement, operating) in expected["errors"].items():
        errors = told["standard_errors"][kind]
        assert errors["replacement_cost"] == pytest.approx(replacement, rel=0.01), kind
        assert errors["operating_cost"] == pytest.approx(operating, rel=0.01), kind
    assert told["certificate"]["score_norm"] <= 1e-6


def test_published_increments_of_group_4(script: ModuleType, data_dir: Path) -> None:
    odometers = script.load_parser()
    rows = odometers.read_odometers(data_dir / "rust_bus", [4])
    state, increment = odometers.bin_mileage(rows, 90)
    assert np.bincount(increment) / len(increment) == pytest.approx([0.3919, 0.5953, 0.0128], abs=5e-5)
    assert len(np.unique(rows.bus)) == 37
    assert state.min() == 0


def test_175_bins_are_finite_and_twice_as_fine(
    script: ModuleType, data_dir: Path, monkeypatch, capsys
) -> None:
    """Bins of half the width count twice as many of them: the cost of a bin halves, that of an engine
    stays.
    """
    told = run(script, data_dir, monkeypatch, capsys, "--groups", "4", "--bins", "175")
    assert told["replacement_cost"] == pytest.approx(10.07, abs=0.3)
    assert told["operating_cost"] == pytest.approx(2.293 * 90 / 175, abs=0.1)
    for errors in told["standard_errors"].values():
        assert 0 < errors["replacement_cost"] < 3


def test_errors_name_the_file_and_the_group(script: ModuleType, data_dir: Path, monkeypatch, capsys) -> None:
    folder = str(data_dir / "rust_bus")
    monkeypatch.setattr(sys, "argv", ["bus_engine.py", "--data", folder, "--groups", "5"])
    assert script.main() == 2
    assert "a530874.asc" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["bus_engine.py", "--data", folder, "--groups", "9"])
    assert script.main() == 2
    assert "1 to 8" in capsys.readouterr().err


def test_a_truncated_file_is_refused(script: ModuleType, data_dir: Path, tmp_path: Path) -> None:
    text = (data_dir / "rust_bus" / "rt50.asc").read_text().split()
    (tmp_path / "rt50.asc").write_text("\n".join(text[:-7]))
    with pytest.raises(ValueError, match="cut off"):
        script.load_parser().read_odometers(tmp_path, [2])


@pytest.mark.parametrize("groups", ["4,4", "x", "1,,2", ""])
def test_groups_are_numbers_each_once(
    groups: str, script: ModuleType, data_dir: Path, monkeypatch, capsys
) -> None:
    folder = str(data_dir / "rust_bus")
    monkeypatch.setattr(sys, "argv", ["bus_engine.py", "--data", folder, "--groups", groups])
    assert script.main() == 2
    assert f"different numbers with commas between them, such as 1,2,3,4, got '{groups}'" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--groups", "1,2"),
        ("--groups", "1", "--bins", "175"),  # values near 1e4: rounding alone points back on the walk
        ("--groups", "1", "--bins", "200", "--discount", ".99999"),
    ],
)
def test_no_replacement_in_the_data_is_separation(
    options: tuple[str, ...], script: ModuleType, data_dir: Path, monkeypatch, capsys
) -> None:
    folder = str(data_dir / "rust_bus")
    monkeypatch.setattr(sys, "argv", ["bus_engine.py", "--data", folder, *options])
    assert script.main() == 1
    told = json.loads(capsys.readouterr().out)
    assert told["result"] == "separation"
    assert told["n_replacements"] == 0
    assert told["standard_errors"] == {}
