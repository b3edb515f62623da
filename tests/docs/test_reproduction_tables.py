"""Every figure in the column "here" of a page's reproduction table is printed by the reproduction it names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
QUICK = [
    "apprenticeship_max_margin",
    "apprenticeship_projection",
    "conditional_choice_probability",
    "linear_programming",
    "path_entropy",
]
"""Seconds each. The table of conditional_choice_transitions takes 200 logs; those of max_causal_entropy are below."""


def figures(page: str) -> list[str]:
    """Numbers as typed in the last column of the table under ``## Reproduction``."""
    section = re.search(
        r"^## Reproduction\n(.*?)^## ", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    assert section is not None
    rows = [line.rstrip("|").split("|")[-1] for line in section.group(1).splitlines() if line.startswith("|")]
    return re.findall(r"-?\d*\.?\d+(?:e-?\d+)?", " ".join(rows[2:]))


def numbers(printed: Any) -> list[float]:
    """Every number in a JSON document."""
    if isinstance(printed, dict | list):
        parts = printed.values() if isinstance(printed, dict) else printed
        return [number for part in parts for number in numbers(part)]
    return [float(printed)] if isinstance(printed, int | float) and not isinstance(printed, bool) else []


def is_printed(figure: str, found: list[float]) -> bool:
    """Whether some number, rounded as the page rounds, is the figure."""
    mantissa, _, exponent = figure.partition("e")
    decimals = len(mantissa.partition(".")[2])
    half = 0.5 * 10.0 ** (int(exponent or 0) - decimals)
    return any(abs(number - float(figure)) <= half * (1 + 1e-9) for number in found)


@pytest.mark.parametrize("name", QUICK)
def test_the_table_of_a_page_is_what_its_reproduction_prints(name: str):
    full = {"TELIC_FULL": "1"} if name == "conditional_choice_probability" else {}
    done = subprocess.run(
        [sys.executable, str(ROOT / "reproductions" / f"{name}.py")],
        env={**os.environ, **full},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told = figures(f"docs/methods/{name}.md")
    assert len(told) >= 3
    found = numbers(json.loads(done.stdout))
    assert [figure for figure in told if not is_printed(figure, found)] == []


def test_the_table_of_max_causal_entropy(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "reproductions"))
    import bus_engine
    import max_causal_entropy

    printed: list[Any] = [max_causal_entropy.chain(), max_causal_entropy.exact_policies()]
    odometers = bus_engine.load_parser()
    for groups in ([4], [1, 2, 3, 4]):
        rows = odometers.read_odometers(bus_engine.data_folder(data_dir), groups)
        estimate = bus_engine.fit(rows, odometers.bin_mileage(rows, 90), bins=90, discount=0.9999)
        printed.append(bus_engine.line(estimate, rows, groups, 90, 0.9999))
    told = figures("docs/methods/max_causal_entropy.md")
    del told[-12:]  # coverage, below
    assert [figure for figure in told if not is_printed(figure, numbers(printed))] == []


@pytest.mark.parametrize("form", ["discounted", "horizon", "goals"])
def test_the_coverage_of_max_causal_entropy(form: str, monkeypatch: pytest.MonkeyPatch):
    """In full (TELIC_FULL=1, a minute or more a form) the figures themselves; else that the page's lie in range."""
    from scipy.stats import binom

    place = ["discounted", "horizon", "goals"].index(form)
    told = figures("docs/methods/max_causal_entropy.md")[-12:][4 * place : 4 * place + 4]
    assert len(told) == 4
    low, high = (binom.ppf(q, 1_000, 0.95) / 1_000 for q in (0.0005, 0.9995))
    assert [figure for figure in told if not low <= float(figure) <= high] == []
    if os.environ.get("TELIC_FULL"):
        monkeypatch.syspath_prepend(str(ROOT / "reproductions"))
        import max_causal_entropy

        monkeypatch.setattr(max_causal_entropy, "WORLDS", 1_000)
        printed = max_causal_entropy.coverage(form)["coverage"].values()
        assert [figure for figure, n in zip(told, printed, strict=True) if not is_printed(figure, [n])] == []
