"""Copy ``examples/scaling`` into a working folder and run the whole way there: log in, page out.

The example itself stays as it is. Running again repeats nothing that is already done: same inputs, same
digest.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--example", default="scaling", help="a folder of examples/ (default: scaling)")
    parser.add_argument("--into", type=Path, default=None, help="working folder (default: runs/EXAMPLE)")
    options, rest = parser.parse_known_args()
    source = ROOT / "examples" / options.example
    if not source.is_dir():
        known = sorted(path.name for path in (ROOT / "examples").glob("*") if path.is_dir())
        print(f"expected an example ({', '.join(known)}), got {options.example!r}", file=sys.stderr)
        return 2
    folder = options.into or ROOT / "runs" / options.example
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    telic = Path(sys.executable).parent / "telic"
    return subprocess.run([str(telic), "run", str(folder), *rest], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
