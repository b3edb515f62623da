"""Mutated files of every format of foreign logs: no crash, no hang, no partial dataset, an error that names the file.

    python reproductions/fuzz_formats.py                 # reduced: 300 files over all formats, in one process
    TELIC_FULL=1 python reproductions/fuzz_formats.py    # 10,000, in processes of their own that may die or be killed

prints one JSON line. Each file is a small good one (``tests/support/format_samples.py``) changed in one to three ways:
cut, bytes flipped, put in, taken out or repeated, lines swapped, a token or a part of the structure replaced by a
nasty one, spliced with a file of another format, compressed and damaged. It is ingested by a contract that reads the
good one and must either be read whole or be refused with a ``DataError`` or ``PermanentError`` that names the file and
leaves the store as it was. Intervals are exact (Clopper-Pearson), 95 %.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import queue
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

KEY = 4004
"""Of all draws; fixed before the first run."""

FULL, REDUCED = 10_000, 300
"""Mutated files over all formats."""

LIMIT_SECONDS = 10.0
"""A file that takes longer counts as a hang."""

NASTY = (
    *(
        "null",
        "true",
        "-1",
        "0",
        "1e999",
        "-0.0",
        "NaN",
        "9" * 30,
        "9" * 5_000,
        "1.5",
        "[]",
        "{}",
        '""',
        "[[]]",
    ),
    *(
        '"\\ud83d"',
        '"\\u0000"',
        '"1"',
        '"0001-01-01T00:00:00Z"',
        '"9999-12-31T23:59:60+14:00"',
        '"2026-02-30"',
    ),
    *('{"a": {"a": [1, {"a": null}]}}', "[" * 70 + "]" * 70, "[" * 50_000, '"' + "x" * 100_000 + '"'),
)
"""JSON that stands where something else should."""

BYTES = (
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r",
    b'"',
    b"\xed\xa0\x80",
    b"<",
    b"&x;",
    b"\x80\x04\x95",
    b",,",
    b"\t",
)

TOKEN = re.compile(rb'"[^"\n]{0,60}"|[A-Za-z_]{2,}|[0-9][0-9.:TZ-]*')


def main() -> int:
    if sys.argv[1:2] == ["--worker"]:
        return worker(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    told = measure(FULL if full else REDUCED, isolated=full)
    print(json.dumps({**told, "seconds": round(time.perf_counter() - started, 1)}))
    return 0


def measure(files: int, *, isolated: bool) -> dict[str, Any]:
    """Everything that is printed.

    Args:
        files: mutated files over all formats, as evenly as it goes.
        isolated: a process for each format, so that a crash or a hang of one file is counted and survived.
    """
    from format_samples import SAMPLES, missing_package

    from telic.datasets.sources.formats import event_format

    names = sorted(name for name in SAMPLES if not missing_package(name))
    # Here too, not in the workers only: a result names the modules of the process that writes it.
    loaded = [event_format(name.partition(":")[0]) for name in names]
    share = [files // len(names) + (i < files % len(names)) for i in range(len(names))]
    outcomes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    by_format: dict[str, Counter[str]] = {}
    faults: list[dict[str, Any]] = []
    slowest, slow_one = 0.0, ""
    for name, n in zip(names, share, strict=True):
        by_format[name] = Counter()
        for case in watched(name, n) if isolated else cases(name, 0, n):
            outcomes[case["outcome"]] += 1
            by_format[name][case["outcome"]] += 1
            kinds.update(case["kinds"])
            if case["seconds"] > slowest:
                slowest, slow_one = case["seconds"], f"{name} {case['number']}"
            if case["outcome"] not in ("read", "refused"):
                faults.append({"format": name, **case})
    total = sum(outcomes.values())
    bad = total - outcomes["read"] - outcomes["refused"]
    return {
        "files": total,
        "formats": len({form.name for form in loaded}),
        "not_tried": {name: missing_package(name) for name in SAMPLES if name not in names},
        "outcomes": dict(outcomes),
        "faults": {**rate(bad, total), "first": faults[:20]},
        "mutations": dict(sorted(kinds.items())),
        "by_format": {name: dict(counts) for name, counts in by_format.items()},
        "slowest_seconds": round(slowest, 2),
        "slowest": slow_one,
        "limit_seconds": LIMIT_SECONDS,
    }


def cases(name: str, first: int, end: int) -> Iterator[dict[str, Any]]:
    """What became of the mutated files ``first`` to ``end - 1`` of a format."""
    from format_samples import SAMPLES, contract_for, write_sample

    with tempfile.TemporaryDirectory() as place:
        good = Path(place) / "good"
        good.mkdir()
        contract = contract_for(name, write_sample(name, good))
        others = [made.encode() for _, made in SAMPLES.values() if isinstance(made, str)]
        for number in range(first, end):
            folder = Path(place) / str(number)
            folder.mkdir()
            draw = random.Random(f"{KEY} {name} {number}")  # noqa: S311 - no secret is made here
            path, kinds = mutated_file(write_sample(name, folder), draw, others)
            yield {"number": number, "kinds": kinds, **tried(contract, path, folder / "data")}
            shutil.rmtree(folder)


def tried(contract: Any, path: Path, place: Path) -> dict[str, Any]:
    """``read``, ``refused``, or what was wrong, with the seconds that it took."""
    from telic.datasets import DatasetStore, ingest
    from telic.errors import DataError, PermanentError

    store, detail, started = DatasetStore(place), "", time.perf_counter()
    names = {path.name, *(inside.name for inside in path.rglob("*"))} if path.is_dir() else {path.name}
    try:
        ingest(contract, path, store)
        outcome = "read"
    except (DataError, PermanentError) as error:
        outcome = "refused" if any(name in str(error) for name in names) else "unnamed"
        detail = "" if outcome == "refused" else str(error)[:300]
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        outcome, detail = "other-error", f"{type(error).__name__}: {str(error)[:300]}"
    seconds = time.perf_counter() - started
    if seconds > LIMIT_SECONDS:
        outcome = "hang"
    versions = store.versions()
    left = [p.name for p in (place / "versions").iterdir()] if (place / "versions").is_dir() else []
    if outcome == "read" and (len(versions) != 1 or store.load().n_decisions < 1):
        outcome = "partial"
    if outcome != "read" and (versions or left):
        outcome = "partial"
    return {"outcome": outcome, "seconds": round(seconds, 3), "detail": detail}


def mutated_file(path: Path, draw: random.Random, others: list[bytes]) -> tuple[Path, list[str]]:
    """The file (of a folder, one in it) after one to three mutations, and their names; it may get another ending."""
    target = draw.choice(sorted(p for p in path.rglob("*") if p.is_file())) if path.is_dir() else path
    content, kinds = target.read_bytes(), []
    ways = MUTATIONS | {"splice": functools.partial(splice, others)}
    for _ in range(draw.randint(1, 3)):
        kind = draw.choice(sorted(ways))
        kinds.append(kind)
        content = ways[kind](content, draw)
    if target is path and draw.random() < 0.06:
        kinds.append("compress")
        packed = gzip.compress(content + (b"0" * (80 << 20) if draw.random() < 0.1 else b""))
        target.unlink()
        path = target = path.with_name(f"{path.name}.gz")
        content = draw.choice([packed, packed[: len(packed) * 2 // 3], flip(packed, draw)])
    target.write_bytes(content)
    return path, kinds


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randint(0, len(content))]


def flip(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.randint(1, 16) if changed else 0):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def put_in(content: bytes, draw: random.Random) -> bytes:
    at, what = draw.randint(0, len(content)), draw.choice([*BYTES, draw.randbytes(draw.randint(1, 40))])
    return content[:at] + what * draw.choice([1, 1, 3, 1000]) + content[at:]


def take_out(content: bytes, draw: random.Random) -> bytes:
    at = draw.randint(0, len(content))
    return content[:at] + content[at + draw.randint(1, 1 + len(content) // 4) :]


def repeat(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    at = draw.randrange(len(lines))
    return b"".join([*lines[:at], lines[at] * draw.choice([2, 2, 50]), *lines[at + 1 :]])


def swap(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    draw.shuffle(lines)
    return b"".join(lines)


def token(content: bytes, draw: random.Random) -> bytes:
    found = list(TOKEN.finditer(content))
    if not found:
        return content
    hit, what = draw.choice(found), draw.choice(NASTY).encode()
    return (
        content[: hit.start()]
        + draw.choice([what, what.strip(b'"'), draw.choice(found)[0]])
        + content[hit.end() :]
    )


def structure(content: bytes, draw: random.Random) -> bytes:
    """One node of one JSON line replaced, renamed, taken out or put in twice; of other files, a token."""
    lines = content.splitlines(keepends=True)
    at = draw.randrange(len(lines)) if lines else 0
    try:
        value = json.loads(lines[at])
        nodes = [(parent, key) for parent, key in _nodes(value)]
        parent, key = draw.choice(nodes)
    except (IndexError, ValueError, RecursionError):
        return token(content, draw)
    how = draw.choice(["replace", "replace", "remove", "rename", "again"])
    mark = "\x01mark\x01"
    if how == "replace":
        parent[key] = mark
    elif how == "remove":
        del parent[key]
    elif how == "rename" and isinstance(parent, dict):
        parent[str(key)[::-1]] = parent.pop(key)
    elif isinstance(parent, list):
        parent.append(parent[key])
    else:
        parent[f"{key}.{key}"] = parent[key]
    text = json.dumps(value).replace(json.dumps(mark), draw.choice(NASTY))
    lines[at] = text.encode() + b"\n"
    return b"".join(lines)


def _nodes(value: Any) -> Iterator[tuple[Any, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(inside):
        yield value, key
        yield from _nodes(inner)


def splice(others: list[bytes], content: bytes, draw: random.Random) -> bytes:
    other, at = draw.choice(others), draw.randint(0, len(content))
    return draw.choice([content + other, other + content, content[:at] + other[draw.randrange(len(other)) :]])


MUTATIONS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    way.__name__: way for way in (cut, flip, put_in, take_out, repeat, swap, token, structure)
}
"""Those that need the file and a source of chance only."""


def worker(name: str, first: int, end: int) -> int:
    """One line of JSON a file, at once, so that who watches knows which one was the last."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("{}", flush=True)
    for case in cases(name, first, end):
        print(json.dumps(case), flush=True)
    return 0


def worker_of(name: str, first: int, end: int) -> list[str]:
    """The command that tries the files ``first`` to ``end - 1`` of a format."""
    return [sys.executable, __file__, "--worker", name, str(first), str(end)]


def watched(
    name: str,
    n: int,
    command: Callable[[str, int, int], list[str]] = worker_of,
    patience: float = 3 * LIMIT_SECONDS,
) -> Iterator[dict[str, Any]]:
    """What became of ``n`` mutated files, tried in a process that is begun again after a crash or a hang.

    Args:
        name: the format.
        n: how many files.
        command: the process for the format, its first file and the one after its last.
        patience: seconds without an answer after which a file counts as a hang; more than the limit, because the
            machine may be busy with other things.
    """
    number = 0
    while number < n:
        with subprocess.Popen(  # noqa: S603 (our own file)
            command(name, number, n), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            lines: queue.Queue[str] = queue.Queue()
            threading.Thread(target=_passed_on, args=(process.stdout, lines), daemon=True).start()
            has_begun, ended = False, ""
            while number < n and not ended:
                try:
                    line = lines.get(timeout=patience if has_begun else 120)
                except queue.Empty:
                    line, ended = "{}", "hang"
                if not line:
                    ended = "crash"
                elif case := json.loads(line):
                    number += 1
                    yield case
                has_begun = True
            process.kill()
        if ended:
            what = {"outcome": ended, "seconds": 0.0, "kinds": [], "detail": f"status {process.returncode}"}
            yield {"number": number, **what}
            number += 1


def _passed_on(stream: Any, lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def rate(hits: int, of: int) -> dict[str, Any]:
    """Hits, files, and the exact interval of their ratio."""
    from scipy.special import betaincinv

    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "interval": [low, high]}


if __name__ == "__main__":
    sys.exit(main())
