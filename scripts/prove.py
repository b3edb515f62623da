"""Run one reproduction at full size and keep what it printed, with commit and machine.

``scripts/prove NAME [ARGUMENTS...]`` runs ``reproductions/NAME.py`` with ``TELIC_FULL=1`` and writes
``reproductions/results/NAME.json``: every JSON line that was printed, seconds, commit, machine, and a digest
of each module of telic that took part, so that a test can tell when the result is older than the code.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import json
import os
import platform
import re
import runpy
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from code_digest import code_digest

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="a file of reproductions/, without .py")
    parser.add_argument(
        "--allow-dirty", action="store_true", help="run with uncommitted changes; the result says so"
    )
    options, arguments = parser.parse_known_args()
    script = ROOT / "reproductions" / f"{options.name}.py"
    if not script.is_file():
        known = ", ".join(sorted(path.stem for path in script.parent.glob("*.py")))
        return refuse(
            f"expected a reproduction ({known}), got {options.name!r}", "the name is that of the file"
        )
    changed = git("status", "--porcelain", "--", ".", ":!reproductions/results")
    if changed and not options.allow_dirty:
        count, first = len(changed.splitlines()), changed.split()[1]
        return refuse(
            f"expected a committed tree, got {count} changed file{'s' * (count > 1)} (first: {first})",
            "commit first, or pass --allow-dirty; the result then says that the code is not the commit's",
        )
    printed, seconds = run(script, arguments)
    used = getattr(sys.modules.get("telic"), "__file__", None)
    if used and not Path(used).is_relative_to(ROOT):
        return refuse(
            f"expected the telic of this project, got that of {Path(used).parent}",
            "install this project in the environment (`pip install --editable .`), or leave the environment",
        )
    result = {
        "schema_version": 1,
        "name": options.name,
        "arguments": arguments,
        "commit": git("rev-parse", "HEAD"),
        "dirty": bool(changed),
        "machine": machine(),
        "seconds": round(seconds, 3),
        "results": json_lines(printed),
        "covers": covered(script),
    }
    if not result["results"]:
        return refuse(
            f"expected {script.name} to print a JSON line, got none",
            "a reproduction ends with print(json.dumps(...))",
        )
    target = ROOT / "reproductions" / "results" / f"{options.name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1, sort_keys=True, allow_nan=False) + "\n")
    partial.replace(target)
    print(f"[telic] {target.relative_to(ROOT)}: {seconds:.1f} s", file=sys.stderr)
    return 0


def run(script: Path, arguments: list[str]) -> tuple[str, float]:
    """What the script printed, and its seconds (imports included)."""
    os.environ["TELIC_FULL"] = "1"
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.parent))
    copy = _Tee(sys.stdout)
    started = time.monotonic()
    with redirect_stdout(copy):
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as leave:
            if leave.code not in (None, 0):
                raise
    return copy.getvalue(), time.monotonic() - started


class _Tee(io.StringIO):
    """Keeps what is written and passes it on."""

    def __init__(self, onward: TextIO) -> None:
        super().__init__()
        self.onward = onward

    def write(self, text: str) -> int:
        self.onward.write(text)
        return super().write(text)


def json_lines(printed: str) -> list[Any]:
    """Every printed line that is a JSON object."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def covered(script: Path) -> dict[str, str]:
    """Digest of the script and of each loaded file of the project, by path.

    Not of ``__init__.py``: it offers names and computes nothing (a test of the architecture holds it to that), and what
    it loads is covered itself.
    """
    files = {script} | {
        Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)
    }
    inside = sorted(
        path
        for path in files
        if path.suffix == ".py" and path.name != "__init__.py" and path.is_relative_to(ROOT)
    )
    wanted = [
        path for path in inside if path.relative_to(ROOT).parts[0] in ("src", "reproductions", "examples")
    ]
    return {str(path.relative_to(ROOT)): code_digest(path.read_text()) for path in wanted}


def machine() -> dict[str, Any]:
    """Processor, cores, Python and the versions of what telic depends on."""
    cpu_info = Path("/proc/cpuinfo")
    model = (
        re.search(r"^model name\s*:\s*(.+)$", cpu_info.read_text(), re.MULTILINE)
        if cpu_info.exists()
        else None
    )
    names = sorted(
        {
            re.split(r"[^A-Za-z0-9_.-]", need)[0]
            for need in importlib.metadata.requires("telic") or []
            if "extra ==" not in need
        }
    )
    return {
        "cpu": model.group(1) if model else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in names},
    }


def git(*arguments: str) -> str:
    """What git says, without the last line break."""
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.rstrip()


def refuse(problem: str, hint: str) -> int:
    """Say what is wrong and what to do."""
    print(f"{problem}\n\nhint: {hint}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
