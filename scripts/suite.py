"""Format, lint, types, import contracts and tests, in that order; stops at the first that fails.

``suite.py check`` runs the fast tests, ``suite.py test`` all of them. Further arguments go to pytest. The
last line printed is pytest's own. One computing thread a process: the tests run beside one another instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_WORKERS = 4
"""More workers than this gain little: the slowest test module sets the time."""

MOST_LINES_SHOWN = 80
"""Of what a failing check said; the rest is had by running it by hand."""


def main() -> int:
    which, *arguments = sys.argv[1:] or ["check"]
    if which not in ("check", "test"):
        print(f"expected 'check' or 'test', got {which!r}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["PYTHONWARNINGS"] = "error"
    for title, command in checks():
        status, seconds = run(title, command)
        if status:
            return status
        print(f"[telic] {title}: ok ({seconds:.1f} s)", flush=True)
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    chosen = ["-m", "not slow"] if which == "check" else []
    spread = ["-n", str(workers), "--dist", "worksteal"] if workers > 1 else []
    command = [sys.executable, "-m", "pytest", "-q", "--durations=5", *chosen, *spread, *arguments]
    return subprocess.run(command, check=False).returncode


def checks() -> list[tuple[str, list[str]]]:
    """Everything but the tests: title and command."""
    here = Path(sys.executable).parent
    return [
        ("format", [sys.executable, "-m", "ruff", "format", "--check", "--quiet", "."]),
        ("lint", [sys.executable, "-m", "ruff", "check", "--quiet", "."]),
        ("types", [sys.executable, "-m", "mypy", "--no-error-summary"]),
        ("import contracts", [str(here / "lint-imports"), "--no-cache"]),
    ]


def run(title: str, command: list[str]) -> tuple[int, float]:
    """Exit status and seconds of one check; what it printed is shown only when it failed."""
    started = time.monotonic()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        said = (done.stdout + done.stderr).rstrip().splitlines()
        print("\n".join(said[-MOST_LINES_SHOWN:]), flush=True)
        by_hand = " ".join([Path(command[0]).name, *command[1:]])
        print(f"[telic] {title}: failed. By hand: {by_hand}", flush=True)
    return done.returncode, time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
