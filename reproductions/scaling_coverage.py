"""How often the intervals of the main example hold the tastes that made its log, over other logs.

    python reproductions/scaling_coverage.py                  # reduced: 10 logs
    TELIC_FULL=1 python reproductions/scaling_coverage.py     # 400

prints one JSON line. Each log is that of ``examples/scaling`` drawn with another key: three operators, thirty shifts
of 48 decisions each, of which a fifth is held out. It goes the way of the verbs: contract, states, dynamics
estimated from the log, one fit an operator, what estimated dynamics add to the errors, Fieller intervals of 95 % for
two trade-offs. Counted are the intervals that hold the truth; one that is unbounded or missing counts as a miss.
``below`` and ``above`` count the bounded intervals that miss it, ``mean_estimate`` and ``mean_interval`` show bias and
width.

Intervals of the counts are exact (Clopper-Pearson), 95 %. Of one operator and trade-off the logs are independent
trials. Sums over operators or trade-offs are not quite, for fits of one log share its traffic; ``by_log`` has the mean
share a log with the normal interval of independent logs.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent

LOGS = 400 if os.environ.get("TELIC_FULL") else 10
"""Logs of thirty days."""

KEY = 610_000
"""First key; chosen before the first run."""


def generator() -> ModuleType:
    """The module that draws the log of the example and knows the tastes."""
    spec = importlib.util.spec_from_file_location(
        "scaling_generator", ROOT / "tests" / "examples" / "scaling_generator.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scaling_generator"] = module
    spec.loader.exec_module(module)
    return module


def intervals(contract: Any, log: Path) -> dict[str, dict[str, Any]]:
    """The trade-offs of every operator by what is traded, from one log."""
    from telic.datasets import read_demonstrations
    from telic.workflows.infer import InferSettings, fit_everyone
    from telic.workflows.problem import pose

    fits = fit_everyone(pose(contract, read_demonstrations(contract, log)), InferSettings())
    return {who: {t.numerator: t for t in fit.tradeoffs()} for who, fit in fits.items()}


def rate(held: np.ndarray) -> dict[str, Any]:
    """How many hold, of how many, their share and its exact interval."""
    from scipy.special import betaincinv

    hits, of = int(held.sum()), len(held)
    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "share": hits / of, "interval": [low, high]}


def main() -> int:
    from telic.datasets import load_contract
    from telic.datasets.sources.pseudonyms import pseudonyms

    start, made = time.process_time(), generator()
    contract = load_contract(ROOT / "examples" / "scaling" / "contract.yaml")
    shown = dict(zip(made.TASTES, pseudonyms(tuple(made.TASTES), "scaling"), strict=True))
    truth = {
        (name, feature): worth
        for name, taste in made.TASTES.items()
        for feature, worth in (("slo_minutes", taste.minutes_worth), ("changes", taste.change_worth))
    }
    told: dict[tuple[str, str], list[tuple[float, float, float]]] = {key: [] for key in truth}
    with tempfile.TemporaryDirectory() as folder:
        for i in range(LOGS):
            log = Path(folder) / "decisions.csv"
            log.write_bytes(made.csv_bytes(KEY + i))
            found = intervals(contract, log)
            for name, feature in truth:
                item = found[shown[name]][feature]
                low, high = item.interval or (np.nan, np.nan)
                told[name, feature].append((np.nan if item.value is None else item.value, low, high))
    rows = {key: np.array(each) for key, each in told.items()}  # (logs, 3): value, lower, upper
    held = {key: (r[:, 1] <= truth[key]) & (truth[key] <= r[:, 2]) for key, r in rows.items()}
    share = np.stack(list(held.values())).mean(axis=0)
    reach = 1.959964 * float(share.std(ddof=1)) / LOGS**0.5
    answer = {
        "logs": LOGS,
        "all": rate(np.concatenate(list(held.values()))),
        "by_log": {"share": share.mean(), "interval": [share.mean() - reach, share.mean() + reach]},
        "by_tradeoff": {
            feature: rate(np.concatenate([h for (_, f), h in held.items() if f == feature]))
            for feature in ("slo_minutes", "changes")
        },
        "by_operator_and_tradeoff": [
            {
                "operator": name,
                "tradeoff": feature,
                "truth": truth[name, feature],
                **rate(held[name, feature]),
                "below": int((r[:, 2] < truth[name, feature]).sum()),
                "above": int((r[:, 1] > truth[name, feature]).sum()),
                "mean_estimate": float(np.nanmean(r[:, 0])),
                "mean_interval": np.nanmean(r[:, 1:], axis=0).tolist(),
            }
            for (name, feature), r in rows.items()
        ],
    }
    print(json.dumps({**answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
