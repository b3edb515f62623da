"""Rust's bus engines (1987), from the raw odometer files to the published table, by the nested fixed point.

    python reproductions/bus_engine.py [--data DIR] [--groups 1,2,3,4] [--bins 90] [--discount .9999]

prints one JSON line. DIR holds the odometer files (default: ``rust_bus`` in the folder that TELIC_DATA
names, else in ``../shared/data`` beside the project). The reward of keeping the engine is ``-.001 *
operating_cost * bin``, that of replacing it ``-replacement_cost``; the increments of mileage are estimated
by their frequencies, and every standard error is of the choice likelihood with the transitions fixed.
Published, groups 4 and 1-4 at 90 bins and discount .9999: replacement cost 10.0750 and 9.7558, operating
cost 2.2930 and 2.6275 (Rust 1987, table IX).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse as sp

ROOT = Path(__file__).resolve().parent.parent

COST_SCALE = 0.001
"""Operating cost a bin is this times the weight, as in Rust's table IX."""


def fit(rows: Any, binned: tuple[Any, Any], *, bins: int, discount: float) -> Any:
    """The estimate for binned decisions: ``(state, increment)`` of every row."""
    from telic.features import FeatureMap
    from telic.inference import fit_likelihood
    from telic.inference.likelihood import DiscountedLikelihood
    from telic.mdp import TabularMDP
    from telic.trajectories import Demonstrations

    state, increment = binned
    counts = np.bincount(increment)
    n = len(increment)
    share = counts / n
    seen = counts > 0
    transition_log_likelihood = float(counts[seen] @ np.log(share[seen]))

    start = np.stack([np.arange(bins), np.zeros(bins, dtype=np.int64)], axis=1).ravel()  # keep, replace
    steps = np.flatnonzero(seen)
    arrival = np.minimum(start[:, None] + steps, bins - 1)
    pairs = np.repeat(np.arange(2 * bins), len(steps))
    transition = sp.csr_array(
        (np.tile(share[steps], 2 * bins), (pairs, arrival.ravel())), shape=(2 * bins, bins)
    )
    world = TabularMDP.from_transition(
        transition, n_actions=2, discount=discount, action_labels=("keep", "replace")
    )
    phi = np.zeros((bins, 2, 2))
    phi[:, 1, 0] = -1.0
    phi[:, 0, 1] = -COST_SCALE * np.arange(bins)
    features = FeatureMap(
        values=phi,
        names=("replacement_cost", "operating_cost"),
        units=("replacement", f"{COST_SCALE:g} x bin of mileage"),
    )
    # No next states: after a replacement the state counts by the floor, the increment by the ceiling.
    demos = Demonstrations.from_arrays(
        state,
        rows.replaced.astype(np.int32),
        next_states=np.full(n, -1),
        offsets=rows.offsets,
        action_labels=("keep", "replace"),
    )
    return fit_likelihood(
        DiscountedLikelihood(world, features, demos), transition_log_likelihood=transition_log_likelihood
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=None, help="folder with the odometer files")
    parser.add_argument("--groups", default="1,2,3,4", help="Rust's groups, with commas between them")
    parser.add_argument("--bins", type=int, default=90, help="equal bins of 450,000 miles")
    parser.add_argument("--discount", type=float, default=0.9999, help="per month, in [0, 1)")
    options = parser.parse_args()
    odometers = load_parser()
    try:
        groups = groups_of(options.groups)
        rows = odometers.read_odometers(data_folder(options.data), groups)
        binned = odometers.bin_mileage(rows, options.bins)
        if not 0 <= options.discount < 1:
            raise ValueError(f"--discount must lie in [0, 1), got {options.discount}.")
    except (ValueError, FileNotFoundError) as error:
        print(f"bus_engine: {error}", file=sys.stderr)
        return 2
    estimate = fit(rows, binned, bins=options.bins, discount=options.discount)
    print(json.dumps(line(estimate, rows, groups, options.bins, options.discount)))
    return 0 if estimate.outcome.ok else 1


def groups_of(text: str) -> list[int]:
    """Numbers with commas between them, each once: a group given twice would count its buses twice."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts) or len(set(map(int, parts))) < len(parts):
        raise ValueError(
            f"--groups must be different numbers with commas between them, such as 1,2,3,4, got {text!r}."
        )
    return [int(part) for part in parts]


def line(estimate: Any, rows: Any, groups: list[int], bins: int, discount: float) -> dict[str, Any]:
    """What is printed."""
    told = estimate.to_json()
    return {
        "groups": groups,
        "bins": bins,
        "discount": discount,
        "result": told["result"],
        "n_decisions": told["n_decisions"],
        "n_replacements": int(rows.replaced.sum()),
        "replacement_cost": told["weights"]["replacement_cost"],
        "operating_cost": told["weights"]["operating_cost"],
        "log_likelihood": told["log_likelihood"],
        "choice_log_likelihood": told["choice_log_likelihood"],
        "transition_log_likelihood": told["transition_log_likelihood"],
        "standard_errors": told["standard_errors"],
        "certificate": told["certificate"],
        "nullity": told["nullity"],
        "seconds": told["seconds"],
    }


def data_folder(given: Path | None) -> Path:
    """The folder with the odometer files."""
    base = Path(os.environ.get("TELIC_DATA") or ROOT.parent / "shared" / "data")
    folder = given or base
    return folder / "rust_bus" if (folder / "rust_bus").is_dir() else folder


def load_parser() -> ModuleType:
    """``examples/bus_engine/odometers.py``, which is no package."""
    spec = importlib.util.spec_from_file_location(
        "odometers", ROOT / "examples" / "bus_engine" / "odometers.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["odometers"] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
