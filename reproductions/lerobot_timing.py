"""How often the notices of LeRobot folders are wrong: planted faults found and named, and alarms on clean recordings.

    python reproductions/lerobot_timing.py                  # reduced: 60 clean and 20 faulty recordings a design
    TELIC_FULL=1 python reproductions/lerobot_timing.py     # 400 and 200

prints one JSON line. A recording has 5 episodes of 60 to 240 frames at 30 frames a second; its timestamps stand on the
grid (``jitter 0``, what LeRobot writes) or are off it by a normal error with a standard deviation of 2, 5 or 10 % of a
frame. Clean ones have no fault, so every warning is a false alarm (``uneven-frames`` is a notice and says what is so).
Faulty ones have one: a frame that was lost (the next one carries on the numbers, but not the time), two times changed
about, a frame cut out of the file, or a NaN in the state. A fault counts as named where the first frame that the
finding gives is the right one. Intervals are exact (Clopper-Pearson), 95 %.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "support"))

FPS = 30
JITTERS = (0.0, 0.02, 0.05, 0.1)
"""Standard deviation of a timestamp's error, in frames."""

WARNINGS = ("frame-gap", "time-backwards", "frame-numbers", "episode-lengths", "not-finite")
FAULTS = {"lost": "frame-gap", "swapped": "time-backwards", "cut": "frame-numbers", "nan": "not-finite"}
"""Planted fault to the finding that must name it."""

CLEAN_KEY, FAULTY_KEY = 10_000, 50_000
"""First random keys, fixed before the first run."""


def main() -> int:
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    told = measure(clean=400 if full else 60, faulty=200 if full else 20)
    print(json.dumps({**told, "seconds": time.perf_counter() - started}))
    return 0


def measure(*, clean: int, faulty: int, jitters: tuple[float, ...] = JITTERS) -> dict[str, Any]:
    """Everything that is printed.

    Args:
        clean: clean recordings a jitter.
        faulty: faulty recordings a jitter and fault.
        jitters: standard deviations, in frames.
    """
    alarms, found = [], []
    for jitter in jitters:
        wrong = sum(bool(set(notices(CLEAN_KEY + k, jitter)[0]) & set(WARNINGS)) for k in range(clean))
        alarms.append({"jitter": jitter, **rate(wrong, clean)})
        for fault, code in FAULTS.items():
            seen = named = 0
            for k in range(faulty):
                told, where = notices(FAULTY_KEY + k, jitter, fault)
                seen += code in told
                named += told.get(code) == where
            found.append(
                {"jitter": jitter, "fault": fault, "found": rate(seen, faulty), "named": rate(named, faulty)}
            )
    return {"false_alarms": alarms, "power": found}


def notices(key: int, jitter: float, fault: str = "") -> tuple[dict[str, str], str]:
    """Finding to the first frame that it names, and the frame in which the fault was planted."""
    from lerobot_folders import write_folder

    from telic.datasets.sources.lerobot_folder import open_lerobot
    from telic.datasets.sources.lerobot_notices import lerobot_notices

    rng = np.random.default_rng(key)
    lengths = tuple(rng.integers(60, 240, 5).tolist())
    episode = np.repeat(np.arange(5), lengths)
    frame = np.concatenate([np.arange(n) for n in lengths])
    seconds = (frame + jitter * rng.normal(size=len(frame))) / FPS
    state = rng.normal(size=(len(frame), 2))
    at = int(rng.choice(np.flatnonzero((frame > 1) & (frame < np.array(lengths)[episode] - 2))))
    later = (episode == episode[at]) & (frame >= frame[at])
    if fault == "lost":
        seconds[later] += 1 / FPS
    elif fault == "swapped":
        seconds[[at - 1, at]] = seconds[[at, at - 1]]
    elif fault == "nan":
        state[at, 1] = np.nan
    with tempfile.TemporaryDirectory() as place:
        folder = write_folder(Path(place) / "d", lengths, state=state, timestamp=seconds, per_file=2, fps=FPS)
        if fault == "cut":
            cut_out(folder, at)
        found = lerobot_notices(open_lerobot(folder))
    first = {f.code: str(f.evidence.get("first", "")).rpartition(" in ")[2] for f in found}
    return first, f"episode {episode[at]} frame {frame[at] + (fault == 'cut')}"


def cut_out(folder: Path, index: int) -> None:
    """One frame less, by its number in the dataset; nothing else is brought up to date."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in sorted((folder / "data").glob("*/*.parquet")):
        table = pq.read_table(path)
        pq.write_table(table.filter(pa.array(table["index"].to_numpy() != index)), path)


def rate(k: int, n: int) -> dict[str, Any]:
    """A share with its exact 95 % interval (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    low = float(betaincinv(k, n - k + 1, 0.025)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 0.975)) if k < n else 1.0
    return {"k": k, "n": n, "rate": k / n if n else None, "interval": [low, high]}


if __name__ == "__main__":
    raise SystemExit(main())
