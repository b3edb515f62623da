"""Every piece of Python in docs/ runs as it stands; examples there and in docstrings print what they say."""

from __future__ import annotations

import doctest
import importlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.trajectories import Demonstrations

ROOT = Path(__file__).resolve().parents[2]
S, A, H, N = 3, 2, 6, 40


def blocks(page: str) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), flags=re.DOTALL)


PAGES = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))]
WITH_PROMPTS = [page for page in PAGES if any(">>>" in block for block in blocks(page))]
PLAIN = [page for page in PAGES if blocks(page) and page not in WITH_PROMPTS]


@pytest.mark.parametrize("page", WITH_PROMPTS)
def test_examples_print_what_the_page_says(page: str) -> None:
    found = doctest.testfile(str(ROOT / page), module_relative=False)
    assert found.attempted > 3
    assert found.failed == 0


SAMPLING = ("docs/methods/elicitation.md", "docs/methods/posterior.md")
"""Pages whose code draws from a posterior, which takes more than a few seconds."""


@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=pytest.mark.slow) if p in SAMPLING else p for p in PLAIN]
)
def test_the_code_on_the_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages on methods take ``demos``, ``world`` and ``features`` as given; all others bring what they need."""
    project = tmp_path / "my-scaler"
    project.mkdir()
    for name in ("contract.yaml", "decisions.csv"):
        shutil.copy(ROOT / "examples" / "scaling" / name, project / name)
    monkeypatch.chdir(tmp_path)
    names = given(page) if page.startswith("docs/methods/") else {}
    for block in blocks(page):
        exec(compile(block, page, "exec"), names)


SOURCES = sorted(path for path in (ROOT / "src").rglob("*.py") if ">>> " in path.read_text("utf-8"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_examples_in_docstrings_print_what_they_say(source: Path) -> None:
    module = importlib.import_module(".".join(source.relative_to(ROOT / "src").with_suffix("").parts))
    found = doctest.testmod(module)
    assert found.attempted == source.read_text("utf-8").count(">>> ")
    assert found.failed == 0


def test_no_page_is_left_out() -> None:
    assert {"docs/tradeoffs.md", "docs/identifiability.md"} <= set(WITH_PROMPTS)
    assert {"docs/planning.md", "docs/ingest.md", "docs/states.md", "docs/evaluation.md"} <= set(PLAIN)
    assert len([page for page in PLAIN if page.startswith("docs/methods/")]) >= 7


def given(page: str) -> dict[str, object]:
    """A small ring to walk on, or a small service to scale, under the names that pages on methods use."""
    if page.endswith("conditional_choice_transitions.md"):
        return {"demos": scaled()}
    P = np.zeros((S, A, S))
    for s in range(S):
        P[s, 0, s] = 1.0
        P[s, 1, (s + 1) % S] = 1.0
    values = np.zeros((S, A, 2))
    values[1, :, 0] = 1.0
    values[:, 1, 1] = -1.0
    features = FeatureMap(values=values, names=("prize", "moves"))
    world: object = TabularMDP.from_transition(P, discount=0.8, initial=np.full(S, 1 / S))
    if page.endswith("path_entropy.md"):
        world = FiniteHorizonMDP.from_transition(P, horizon=H)
    if page.endswith("linear_programming.md"):
        features = FeatureMap(values=np.eye(S)[:, :2], names=("prize", "pit"), form="S")
    return {
        "demos": walked(),
        "world": world,
        "features": features,
        "actions": np.array([1, 0, 1]),
        "policy_table": np.array([[0.3, 0.7], [0.8, 0.2], [0.4, 0.6]]),
        "visits": np.full(S, 50.0),
    }


def walked() -> Demonstrations:
    """Walks that mostly stay in state 1."""
    rng = np.random.default_rng(3)
    s = rng.integers(0, S, N)
    rows = []
    for _ in range(H):
        a = (rng.random(N) < np.where(s == 1, 0.2, 0.7)).astype(int)
        after = (s + a) % S
        rows.append((s, a, after))
        s = after
    states, actions, after = (np.stack(column, axis=1).ravel() for column in zip(*rows, strict=True))
    return Demonstrations.from_arrays(states, actions, next_states=after, offsets=np.arange(0, N * H + 1, H))


def scaled(n: int = 2_000, length: int = 100) -> Demonstrations:
    """A wandering load and a number of pods that follows it."""
    rng = np.random.default_rng(5)
    load, pods, actions = np.zeros(n), np.zeros(n), np.zeros(n, dtype=np.int32)
    x, p = 5.0, 5.0
    for t in range(n):
        load[t], pods[t] = x, p
        chance = np.exp(-0.5 * np.abs(p + np.array([-1, 0, 1]) - x) - 0.3 * np.array([1, 0, 1]))
        actions[t] = rng.choice(3, p=chance / chance.sum())
        p = float(np.clip(p + actions[t] - 1, 1, 10))
        x = float(np.clip(0.8 * x + 1 + rng.normal(), 0, 10))
    return Demonstrations(
        actions=actions,
        offsets=np.arange(0, n + 1, length),
        action_labels=("-1", "0", "1"),
        observations={"load": load, "pods": pods},
        trajectory_ids=np.array([f"day {i}" for i in range(n // length)], dtype=object),
        demonstrators=np.zeros(n // length, dtype=np.int32),
        terminated=np.zeros(n // length, dtype=bool),
        truncated=np.ones(n // length, dtype=bool),
    )
