"""R2: ICU-Sepsis (Choudhary et al. 2024), exact evaluation of three policies and the gaps of the clinicians'
table.

Recalculated values of CERTIFICATION.md, R2: returns .7801 .7818 .8751 and lengths 9.462 9.238 10.992
(published .78 .78 .88 and 9.45 9.22 10.99); tolerances half a unit of the last digit given.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _script(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("icu_sepsis", root / "reproductions" / "icu_sepsis.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def result(project_root: Path, data_dir: Path) -> dict[str, Any]:
    script = _script(project_root)
    told = script.run(script.read(data_dir / "icu_sepsis"))
    return json.loads(json.dumps(told, allow_nan=False))


@pytest.mark.parametrize(
    ("policy", "expected_return", "expected_length"),
    [("random", 0.7801, 9.462), ("clinicians", 0.7818, 9.238), ("optimal", 0.8751, 10.992)],
)
def test_returns_and_lengths(
    result: dict[str, Any], policy: str, expected_return: float, expected_length: float
) -> None:
    assert result["policies"][policy]["expected_return"] == pytest.approx(expected_return, abs=5e-5)
    assert result["policies"][policy]["expected_length"] == pytest.approx(expected_length, abs=5e-4)


def test_support_gaps_are_reported(result: dict[str, Any]) -> None:
    assert result["support"]["empty_rows"] == [713, 714, 715]
    assert result["support"]["share_zero"] == pytest.approx(0.48, abs=5e-3)
    codes = [f["code"] for f in result["findings"]]
    assert "excluded-actions" in codes and "actions-without-support" in codes


def test_inference_from_the_table_states_what_it_is_not(result: dict[str, Any]) -> None:
    assert result["result"] == "success"
    assert (result["domain"], result["autonomy_ceiling"]) == ("medical", "observe")
    assert "not a medical device" in result["what_it_is_not"]
    inferred = result["inference"]
    assert inferred["certificate"]["score_norm"] < 1e-8
    assert inferred["weights"]["survival"] > 0
    # Between choosing at random and the table itself, which no policy of the state can pass.
    assert inferred["nats_of_uniform"] < inferred["nats_per_decision"] < inferred["nats_of_the_table_itself"]
    assert any(f["code"] == "no-standard-errors" for f in result["findings"])


def test_a_folder_without_the_file_is_refused(project_root: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"dynamics\.npz is not in"):
        _script(project_root).read(tmp_path)
