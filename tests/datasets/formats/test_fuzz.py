"""The reduced form of ``reproductions/fuzz_formats.py``: 300 mutated files over all formats, 10,000 in full."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from telic.datasets import DatasetStore

FILES = 300
"""Sample size here; of 0 faults in 300 the exact 95 % interval reaches to 1.2 %."""


@pytest.fixture(scope="module")
def fuzz(project_root):
    spec = importlib.util.spec_from_file_location(
        "fuzz_formats", project_root / "reproductions" / "fuzz_formats.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_no_mutated_file_does_harm(fuzz):
    told = fuzz.measure(FILES, isolated=False)
    assert told["faults"]["first"] == []
    assert told["files"] == told["faults"]["of"] == FILES
    assert told["slowest_seconds"] < fuzz.LIMIT_SECONDS
    assert told["outcomes"]["refused"] > FILES / 2  # the mutations do break files
    assert told["outcomes"]["read"] > FILES / 50  # and not so much that only the first byte is looked at
    assert min(told["mutations"].values()) > 0


def test_a_crash_and_a_hang_are_counted_and_survived(fuzz):
    script = (
        "import json, os, sys, time\n"
        "print('{}', flush=True)\n"
        "for i in range(int(sys.argv[1]), int(sys.argv[2])):\n"
        "    if i == 1: os.abort()\n"
        "    if i == 3: time.sleep(60)\n"
        "    print(json.dumps({'number': i, 'outcome': 'read'}), flush=True)\n"
    )
    told = list(
        fuzz.watched(
            "xes", 5, lambda _, first, end: [sys.executable, "-c", script, str(first), str(end)], patience=1.5
        )
    )
    assert [(case["number"], case["outcome"]) for case in told] == [
        *((0, "read"), (1, "crash"), (2, "read"), (3, "hang"), (4, "read")),
    ]


def test_what_is_wrong_is_told(fuzz, tmp_path, monkeypatch):
    import telic.datasets
    from telic.errors import DataError

    def ingest_that(act):
        def ingest(_contract, path: Path, store: DatasetStore) -> None:
            act(path, store)

        return ingest

    def unnamed(_path, _store):
        raise DataError("something is wrong", hint="look")

    def wrong(_path, _store):
        raise KeyError("time")

    def partial(path, _store):
        (tmp_path / "partial" / "versions" / "half").mkdir(parents=True)
        raise DataError(f"{path.name} is bad", hint="look")

    path = tmp_path / "x.log"
    path.write_text("x")
    for name, act in (("unnamed", unnamed), ("other-error", wrong), ("partial", partial)):
        monkeypatch.setattr(telic.datasets, "ingest", ingest_that(act))
        assert fuzz.tried(None, path, tmp_path / name)["outcome"] == name
