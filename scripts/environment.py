"""Run a command in an environment that has telic in it; make that environment first where there is none.

Inside a virtual environment, that one is used; otherwise ``.venv`` in the project. What is installed is
noted in a stamp there (a digest of pyproject.toml, constraints.txt and the extras), so a second run installs
nothing. Standard library only, and readable by an old Python, so that too old a one is told what to do.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3", "python")
STAMP = "telic-installed.txt"


def main():
    """Parse ``[--dev] SCRIPT ARGUMENTS...`` and run the script with the environment's Python."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dev", action="store_true", help="install the tools for tests and checks too")
    parser.add_argument("script", help="a Python file of the project")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    python = environment("dev" if options.dev else "")
    os.chdir(ROOT)
    os.execv(python, [python, options.script, *options.arguments])  # noqa: S606 (our own files)


def environment(extra):
    """Path of a Python that has telic (and the extra) installed."""
    if sys.prefix == sys.base_prefix:
        folder = ROOT / ".venv"
        python = folder / "bin" / "python"
        if not python.exists():
            say("making a virtual environment in .venv")
            subprocess.run([suitable_python(), "-m", "venv", str(folder)], check=True)
    else:
        require_version(sys.version_info[:2], sys.executable)
        folder, python = Path(sys.prefix), Path(sys.executable)
    wanted = digest(extra)
    stamp = folder / STAMP
    if not (stamp.exists() and wanted in stamp.read_text().split()):
        say("installing telic and what it needs (once)")
        target = f"{ROOT}[{extra}]" if extra else str(ROOT)
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--editable", target, *constraints], check=True
        )
        # The development set holds the plain one, so noting both saves a later plain run its install.
        stamp.write_text("\n".join({wanted, digest("")}) + "\n")
    return str(python)


def digest(extra):
    """What an installation depends on, as one digest."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([*parts, extra.encode(), str(ROOT).encode()])).hexdigest()


def suitable_python():
    """The running Python if it is new enough, else the newest known one on the path."""
    if sys.version_info[:2] >= OLDEST:
        return sys.executable
    for name in CANDIDATES:
        path = shutil.which(name)
        probe = [path, "-c", "import sys; sys.exit(sys.version_info[:2] < (3, 11))"]
        if path and subprocess.run(probe, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return path
    return require_version(sys.version_info[:2], sys.executable)


def require_version(version, where):
    """Leave with a hint where Python is too old."""
    if version < OLDEST:
        found = ".".join(str(part) for part in version)
        hint = "install a newer Python, or put one first on the PATH."
        sys.exit(f"telic needs Python 3.11 or newer, got {found} ({where}).\n\nhint: {hint}")
    return where


def say(text):
    """One line of progress, on standard error."""
    print(f"[telic] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
