"""Rust's bus engines, from the raw odometer files to the page.

    python examples/bus_engine/run.py --data DIR [--groups 1,2,3,4] [--into FOLDER]

DIR holds the odometer files (default: ``rust_bus`` in the folder that TELIC_DATA names, else in
``../shared/data`` beside the project). They are read, never copied; the log made of them lies in FOLDER
(default ``runs/bus_engine``).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from odometers import read_odometers, to_csv

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def main() -> int:
    named = os.environ.get("TELIC_DATA")
    data = Path(named) if named else ROOT.parent / "shared" / "data"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=data / "rust_bus", help="folder of the odometer files")
    parser.add_argument("--groups", default="1,2,3,4", help="Rust's groups, 1 to 8")
    parser.add_argument("--into", type=Path, default=ROOT / "runs" / "bus_engine", help="working folder")
    options, rest = parser.parse_known_args()
    options.into.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / "contract.yaml", options.into / "contract.yaml")
    try:
        rows = read_odometers(options.data, [int(group) for group in options.groups.split(",")])
    except (OSError, ValueError) as error:
        print(f"error: {error}\n\nhint: give the folder of the odometer files with --data", file=sys.stderr)
        return 4
    to_csv(rows, options.into / "odometers.csv")
    from telic.cli import main as telic

    return telic(["run", str(options.into), *rest])


if __name__ == "__main__":
    sys.exit(main())
