"""Rust's bus group 4 by telic's nested fixed point, all four standard errors: cold fit, then warm ones.

One JSON line: parameters, all standard errors, CPU seconds of the first fit and the median of ten more. The data
are Rust's odometer files in ``TELIC_DATA`` (default: ``../shared/data``).
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import time
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent


def reproduction() -> ModuleType:
    """``reproductions/bus_engine.py`` as a module."""
    spec = importlib.util.spec_from_file_location(
        "bus_engine_reproduction", ROOT / "reproductions" / "bus_engine.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Fit and print."""
    bus = reproduction()
    odometers = bus.load_parser()
    rows = odometers.read_odometers(bus.data_folder(None), [4])
    binned = odometers.bin_mileage(rows, 90)
    seconds = []
    for _ in range(11):
        start = time.process_time()
        estimate = bus.fit(rows, binned, bins=90, discount=0.9999)
        seconds.append(time.process_time() - start)
    told = estimate.to_json()
    print(
        json.dumps(
            {
                "n_decisions": told["n_decisions"],
                "parameters": told["weights"],
                "standard_errors": told["standard_errors"],
                "choice_log_likelihood": told["choice_log_likelihood"],
                "result": told["result"],
                "cpu_seconds_cold": seconds[0],
                "cpu_seconds_warm": statistics.median(seconds[1:]),
            }
        )
    )


if __name__ == "__main__":
    main()
