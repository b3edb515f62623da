"""Every row of Rust's bus engines that a table was published for, beside the published figures.

``scripts/prove bus_engine_table`` prints one JSON line a row: groups, discount, what ``bus_engine.py`` finds, what was
published (Rust 1987, tables IX and X; standard errors are those of the outer product) and the gaps. The published
likelihood of groups 1-4 differs in its transition part, which is why that gap is printed but not judged.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import bus_engine

PUBLISHED: tuple[tuple[list[int], float, dict[str, Any]], ...] = (
    (
        [4],
        0.9999,
        {
            "replacement_cost": 10.0750,
            "operating_cost": 2.2930,
            "log_likelihood": -3304.155,
            "outer_product": {"replacement_cost": 1.582, "operating_cost": 0.639},
        },
    ),
    (
        [1, 2, 3, 4],
        0.9999,
        {
            "replacement_cost": 9.7558,
            "operating_cost": 2.6275,
            "log_likelihood": -6055.250,
            "outer_product": {"replacement_cost": 1.227, "operating_cost": 0.618},
        },
    ),
    ([4], 0.0, {"replacement_cost": 7.6538, "operating_cost": 71.5133}),
)
BINS = 90


def main() -> int:
    """Print one line a row."""
    odometers = bus_engine.load_parser()
    folder = bus_engine.data_folder(None)
    for groups, discount, published in PUBLISHED:
        try:
            rows = odometers.read_odometers(folder, groups)
        except FileNotFoundError as missing:
            print(f"bus_engine_table: {missing}\n\nhint: name the folder in TELIC_DATA", file=sys.stderr)
            return 2
        estimate = bus_engine.fit(rows, odometers.bin_mileage(rows, BINS), bins=BINS, discount=discount)
        found = bus_engine.line(estimate, rows, groups, BINS, discount)
        gaps = {name: found[name] - value for name, value in published.items() if isinstance(value, float)}
        print(json.dumps(found | {"published": published, "gaps": gaps}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
