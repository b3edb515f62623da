"""Weights from logs in which options are now and then out of reach, with and without the recorded choice sets.

    python reproductions/choice_sets.py                  # reduced: 20 logs
    TELIC_FULL=1 python reproductions/choice_sets.py     # 300, of the thin ones 100

prints one JSON line. A log has shifts at a queue. Its oldest job grows a step older (up to 5) with probability .7; who
takes it gains .3 a step of age and begins with a fresh one, a new job gains .2, waiting costs .5. The oldest job is
blocked the more often the older it is, and stays so; three times in ten there is no new one. Dispatchers see what can
be had now, know how often it can be later, and are soft-optimal at discount .9: they are simulated here, on (age,
free, new), by a program of its own. ``recorded`` are logs with the columns of ``actions.offered``, ``ignored`` the same
ones without. Counted is how often intervals (95 %, as ``telic infer`` has them, with the errors of the dynamics) hold
the weight, and how often its sign is wrong, at two values of ``dynamics.smoothing`` (1 is the default). ``thin`` are
logs with fewer and fewer decisions a state, by which the least number is set. Counts have exact intervals, 95 %.
``incidents`` is the held-out log-likelihood of the real log of ``docs/it-incidents.md``, read from TELIC_DATA (default
``../shared/data`` beside the project), whose choice sets are known by a rule.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent

FULL = os.environ.get("TELIC_FULL") == "1"

LOGS = 300 if FULL else 20
"""With many decisions a state."""

THIN_LOGS = 100 if FULL else 5
"""Of each other design."""

THIN = ((60, 20), (60, 10), (30, 8), (20, 5))
"""Shifts and decisions a shift of those designs."""

KEY = 47_000_000
"""First key; chosen before the first run."""

AGES, GROWS, DISCOUNT = 6, 0.7, 0.9

ACTIONS = ("wait", "old", "new")

TRUE = {"waits": -0.5, "news": 0.2, "age_taken": 0.3}

BLOCKED = np.array([0.05, 0.15, 0.35, 0.55, 0.65, 0.7])
"""``(AGES,)`` chance that the oldest job of this age is blocked, where none was at the decision before."""

STAYS = 0.4
"""Share of the rest of the chance that is added where one was."""

NO_NEW = 0.3
"""Chance that there is no new job."""

WORLDS = 20
"""Re-estimates of the dynamics behind what they add to the errors."""

CONTRACT: dict[str, Any] = {
    "identity": {"task": "queue"},
    "observations": [{"name": "age", "type": "integer", "low": 0, "high": AGES - 1}],
    "actions": {
        "column": "action",
        "values": list(ACTIONS),
        "offered": {"columns": {"old": "is_free", "new": "has_new"}},
    },
    "timing": {"discount": DISCOUNT},
    "features": [
        {"name": "waits", "expression": "action == 'wait'"},
        {"name": "news", "expression": "action == 'new'"},
        {"name": "age_taken", "expression": "age * (action == 'old')"},
    ],
    "data": {"trajectory": ["shift"], "time": "second", "time_format": "seconds", "held_out": 0},
}


def blocked_chance() -> np.ndarray:
    """``(2, AGES)`` chance that the oldest job is blocked, by whether it was free before and its age now."""
    return np.stack([BLOCKED + STAYS * (1 - BLOCKED), BLOCKED])


def dispatcher() -> np.ndarray:
    """``(AGES, 2, 2, 3)`` choice probabilities by age, free (0 or 1) and new job (0 or 1): soft Bellman equation."""
    blocked, ages = blocked_chance(), np.arange(AGES)
    older = np.minimum(ages + 1, AGES - 1)
    has_new = np.array([NO_NEW, 1 - NO_NEW])
    value = np.zeros((AGES, 2, 2))
    for _ in range(1_000):
        known = value @ has_new  # (age, free)
        ahead = (blocked * known[:, 0] + (1 - blocked) * known[:, 1]).T  # (next age, free now)
        stays = GROWS * ahead[older] + (1 - GROWS) * ahead
        q = np.full((AGES, 2, 2, 3), -np.inf)
        q[..., 0] = (TRUE["waits"] + DISCOUNT * stays)[..., None]
        q[:, 1, :, 1] = (TRUE["age_taken"] * ages + DISCOUNT * ahead[0, 1])[:, None]
        q[:, :, 1, 2] = TRUE["news"] + DISCOUNT * stays
        value = np.logaddexp.reduce(q, axis=-1)
    return np.exp(q - value[..., None])


def log_of(key: int, shifts: int, steps: int) -> str:
    """The log as CSV."""
    rng, table, blocked = np.random.default_rng(key), dispatcher(), blocked_chance()
    lines, said = ["shift,second,age,is_free,has_new,action"], ("false", "true")
    for shift in range(shifts):
        age, free = 0, 1
        for step in range(steps):
            free = int(rng.random() >= blocked[free, age])
            new = int(rng.random() >= NO_NEW)
            action = int(rng.choice(3, p=table[age, free, new]))
            lines.append(f"s{shift:04d},{60 * step},{age},{said[free]},{said[new]},{ACTIONS[action]}")
            age = 0 if action == 1 else min(age + int(rng.random() < GROWS), AGES - 1)
    return "\n".join(lines) + "\n"


def main() -> int:
    start = time.process_time()
    data = Path(os.environ.get("TELIC_DATA") or ROOT.parent / "shared" / "data")
    told = {
        "logs": {
            "0.1": measure(LOGS, shifts=60, steps=100, smoothing=0.1),
            "1": measure(THIN_LOGS, shifts=60, steps=100, smoothing=1.0),
        },
        "thin": [
            measure(THIN_LOGS, shifts=n, steps=t, smoothing=1.0, key=KEY + 10_000 * (i + 1))
            for i, (n, t) in enumerate(THIN)
        ],
        "incidents": incidents(data / incident_log().LOG),
    }
    print(json.dumps({**told, "seconds": time.process_time() - start}))
    return 0


def measure(n_logs: int, *, shifts: int, steps: int, smoothing: float, key: int = KEY) -> dict[str, Any]:
    """How far off the weights are, with and without the choice sets, however few decisions a state there are.

    Args:
        n_logs: how many.
        shifts: of a log.
        steps: decisions of a shift.
        smoothing: of the dynamics (``dynamics.smoothing``), in decisions.
        key: of the first log.
    """
    from telic.contract import TaskContract
    from telic.datasets import read_demonstrations
    from telic.workflows import offered_states
    from telic.workflows.infer import EVERYBODY, InferSettings, fit_everyone
    from telic.workflows.problem import pose

    stated = {**CONTRACT, "dynamics": {"smoothing": smoothing}}
    blind = {**stated, "actions": {k: v for k, v in CONTRACT["actions"].items() if k != "offered"}}
    asked = {"recorded": TaskContract.from_mapping(stated), "ignored": TaskContract.from_mapping(blind)}
    held: dict[str, list[list[bool]]] = {name: [] for name in asked}
    weights: dict[str, list[list[float]]] = {name: [] for name in asked}
    each, n_split = [], 0
    least, offered_states.FEWEST_DECISIONS = offered_states.FEWEST_DECISIONS, 0.0
    try:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "log.csv"
            for i in range(n_logs):
                place.write_text(log_of(key + i, shifts, steps))
                for name, terms in asked.items():
                    problem = pose(terms, read_demonstrations(terms, place))
                    fit = fit_everyone(problem, InferSettings(), n_worlds=WORLDS)[EVERYBODY]
                    if name == "recorded":
                        n_split += problem.sets is not None
                        each.append(problem.train.n_decisions / len(np.unique(problem.train.states)))
                    weights[name].append(fit.estimate.weights.tolist())
                    held[name].append(inside(fit))
    finally:
        offered_states.FEWEST_DECISIONS = least
    return {
        "logs": n_logs,
        "shifts": shifts,
        "steps": steps,
        "decisions_a_state": float(np.mean(each)),
        "split": n_split,
        **{
            name: {
                feature: {
                    "mean": float(np.mean([w[k] for w in weights[name]])),
                    "spread": float(np.std([w[k] for w in weights[name]], ddof=1)),
                    "covered": rate([h[k] for h in held[name]]),
                    "wrong_sign": rate([np.sign(w[k]) != np.sign(TRUE[feature]) for w in weights[name]]),
                }
                for k, feature in enumerate(TRUE)
            }
            for name in asked
        },
    }


def incident_log() -> Any:
    """The reproduction of the real incidents: its contract, its key and the name of its log."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("it_incidents", ROOT / "reproductions" / "it_incidents.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def incidents(log: Path) -> dict[str, Any]:
    """Held-out nats a decision on real incidents: fitted with the choice sets, without, and without but scored among
    what was offered; differences with intervals clustered by incident.

    Args:
        log: the CSV.
    """
    from telic.contract import TaskContract
    from telic.datasets import read_demonstrations
    from telic.evaluation import decision_probabilities
    from telic.evaluation.clustered import clustered_mean
    from telic.trajectories.splits import source_index
    from telic.workflows.infer import EVERYBODY, InferSettings, fit_everyone
    from telic.workflows.problem import pose

    recipe = incident_log()
    told = recipe.contract().to_mapping()
    # A price for each kind of update, counted from a plain one.
    told["features"] = [
        {"name": f"{a}s", "expression": f"action == '{a}'"}
        for a in told["actions"]["values"]
        if a != "update"
    ]
    terms = TaskContract.from_mapping(told)
    with recipe.public_key():
        demos = read_demonstrations(terms, log)
    settings = InferSettings(with_dynamics_errors=False)
    nats, found = {}, {}
    for name, log_read in (("recorded", demos), ("ignored", replace(demos, offered=None))):
        problem = pose(terms, log_read)
        fit = fit_everyone(problem, settings)[EVERYBODY]
        judged = problem.held_out
        chances = decision_probabilities(fit.policy, judged)
        rows = np.arange(judged.n_decisions)
        nats[name] = np.log(chances[rows, judged.actions])
        if name == "recorded":
            offered = judged.offered
        else:
            nats["ignored, among what was offered"] = nats[name] - np.log((chances * offered).sum(axis=1))
        found[name] = {
            "states": problem.space.n_states,
            "outcome": fit.outcome.label,
            "findings": [f.code for f in problem.findings if f.code.startswith("choice-sets")],
            "weights": dict(zip(fit.estimate.names, fit.estimate.weights.tolist(), strict=True)),
        }
    clusters = source_index(judged)[judged.trajectory_index]
    scores = {name: clustered_mean(values, clusters) for name, values in nats.items()}
    gains = {
        name: clustered_mean(nats["recorded"] - values, clusters)
        for name, values in nats.items()
        if name != "recorded"
    }
    return {
        "n_held_out": judged.n_decisions,
        "fits": found,
        "nats": {name: [s.value, *s.interval] for name, s in scores.items()},
        "gain_of_recorded_over": {name: [s.value, *s.interval] for name, s in gains.items()},
    }


def inside(fit: Any) -> list[bool]:
    """Whether each weight lies in its interval."""
    from telic.inference.critical import critical_value

    found = fit.with_all_errors
    errors = found.standard_errors(fit.error_kind)
    reach = critical_value(found, fit.error_kind, level=fit.level).value * errors
    return [bool(abs(w - t) <= r) for w, t, r in zip(found.weights, TRUE.values(), reach, strict=True)]


def rate(held: list[bool]) -> dict[str, Any]:
    """How many hold, of how many, their share and its exact interval."""
    from scipy.special import betaincinv

    hits, of = int(sum(held)), len(held)
    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "share": hits / max(of, 1), "interval": [low, high]}


if __name__ == "__main__":
    sys.exit(main())
