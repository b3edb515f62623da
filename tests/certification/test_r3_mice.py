"""R3: mice in a labyrinth (Rosenberg et al. 2021), every figure in nats a decision on sequences 0, 5, 10, ...

Values and the tolerance of 2e-3 are those of CERTIFICATION.md, R3 (an independent calculation). The tolerance
covers what the text leaves open: whether the first decision of a sequence, which has no past, is scored (here
it is, with the mouse taken to have been where it is) moves the figures with memory by 2e-4.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

TOLERANCE = 2e-3


def _script(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "mice_labyrinth", root / "reproductions" / "mice_labyrinth.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def result(project_root: Path, data_dir: Path) -> dict[str, Any]:
    script = _script(project_root)
    sequences, transition = script.read(data_dir / "mice_labyrinth")
    return script.run(sequences, transition, discount=0.9, penalty=1.0, memory_penalties=[1.0, 0.1])


def test_figures(result: dict[str, Any]) -> None:
    nats = result["nats_per_decision"]
    assert result["n_test_decisions"] == 48 * 500
    assert nats["cloning_unmerged"] == pytest.approx(-0.8750, abs=TOLERANCE)
    assert nats["cloning"] == pytest.approx(-0.8743, abs=TOLERANCE)
    assert nats["cloning_order_2"] == pytest.approx(-0.6814, abs=TOLERANCE)
    assert nats["node_reward"] == pytest.approx(-1.2192, abs=TOLERANCE)
    assert result["n_states"] == {"node": 127, "memory": 379}
    assert nats["memory_reward"]["1"] == pytest.approx(-0.8816, abs=TOLERANCE)
    assert nats["memory_reward"]["0.1"] == pytest.approx(-0.8750, abs=TOLERANCE)


def test_home_and_the_water_port_are_among_the_three_highest(result: dict[str, Any]) -> None:
    assert {0, 116} <= set(result["highest_nodes"])


def test_the_misfit_is_found_and_explained(result: dict[str, Any]) -> None:
    (finding,) = [f for f in result["findings"] if f["code"] == "reward-below-cloning"]
    assert finding["severity"] == "warning"
    assert finding["evidence"]["reason"] == "history-dependence"
    assert "choices depend on the previous state" in finding["message"]
    assert "Put the previous state into the state" in finding["hint"]
    assert result["markov_test"]["adjusted_p_value"] < 1e-10
    assert result["merged_pairs"] == 129


def _small_labyrinth(folder: Path, *, steps: int = 60) -> None:
    """Three nodes in a row, three actions of which two do the same at the ends; a walker that rarely
    turns.
    """
    transition = np.zeros((3, 3, 3))
    for s in range(3):
        transition[s, 0, max(s - 1, 0)] = transition[s, 1, min(s + 1, 2)] = transition[s, 2, s] = 1.0
    rng = np.random.default_rng(0)
    sequences = np.zeros((20, steps, 2), dtype=np.int64)
    for i in range(20):
        s, a = int(rng.integers(3)), int(rng.integers(3))
        for t in range(steps):
            a = int(rng.integers(3)) if rng.random() < 0.3 or s != 1 else a
            sequences[i, t] = s, a
            s = int(transition[s, a].argmax())
    np.save(folder / "emissions500new.npy", sequences)
    np.save(folder / "trans_probs.npy", transition)


def test_any_folder_of_that_layout(
    project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _small_labyrinth(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mice_labyrinth", "--data", str(tmp_path)])
    assert _script(project_root).main() == 0
    (line,) = capsys.readouterr().out.strip().splitlines()
    told = json.loads(line)
    assert told["n_test_decisions"] == 4 * 60
    assert told["n_states"] == {"node": 3, "memory": 7}
    assert told["merged_pairs"] == 2
    assert told["markov_test"]["variable"] in ("previous state", "previous action")


def test_a_folder_without_the_files_or_with_impossible_steps_is_refused(
    project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = _script(project_root)
    monkeypatch.setattr(sys, "argv", ["mice_labyrinth", "--data", str(tmp_path)])
    assert script.main() == 2
    assert "emissions500new.npy is not in" in capsys.readouterr().err
    _small_labyrinth(tmp_path)
    sequences = np.load(tmp_path / "emissions500new.npy")
    sequences[4, 7, 0] = (sequences[4, 6, 0] + 2) % 3
    sequences[4, 6, 1] = 2
    np.save(tmp_path / "emissions500new.npy", sequences)
    assert script.main() == 2
    assert "impossible under the table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s[:1], "expected at least two sequences"),
        (lambda s: s[:0], "expected at least two sequences"),
        (lambda s: np.where(np.arange(20)[:, None, None] == 3, np.nan, s), "must be whole numbers"),
        (lambda s: s + np.array([3, 0]) * (np.arange(20) == 4)[:, None, None], "expected nodes 0 to 2, got"),
        (
            lambda s: s - np.array([0, 9]) * (np.arange(20) == 4)[:, None, None],
            "expected actions 0 to 2, got -",
        ),
    ],
)
def test_sequences_that_do_not_fit_are_refused_in_one_line(
    spoil: Any, message: str, project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    _small_labyrinth(tmp_path)
    sequences = np.load(tmp_path / "emissions500new.npy")
    np.save(tmp_path / "emissions500new.npy", spoil(sequences))
    monkeypatch.setattr(sys, "argv", ["mice_labyrinth", "--data", str(tmp_path)])
    assert _script(project_root).main() == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told


def test_rows_that_do_not_sum_to_one_and_words_for_numbers_are_refused(
    project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    script = _script(project_root)
    _small_labyrinth(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mice", "--data", str(tmp_path), "--memory-penalties", "1,x"])
    assert script.main() == 2
    assert "such as 1,0.1, got '1,x'" in capsys.readouterr().err
    np.save(tmp_path / "trans_probs.npy", np.load(tmp_path / "trans_probs.npy") / 2)
    monkeypatch.setattr(sys, "argv", ["mice", "--data", str(tmp_path)])
    assert script.main() == 2
    assert "must sum to 1" in capsys.readouterr().err


def test_whole_numbers_stored_as_floats_are_read(project_root: Path, tmp_path: Path) -> None:
    _small_labyrinth(tmp_path)
    whole = np.load(tmp_path / "emissions500new.npy")
    np.save(tmp_path / "emissions500new.npy", whole.astype(float))
    assert np.array_equal(_script(project_root).read(tmp_path)[0], whole)
