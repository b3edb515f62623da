"""Real ends of a writer: killed (SIGKILL) in the middle of publishing, and files that may not grow (RLIMIT_FSIZE)."""

import subprocess
import sys
import time

import numpy as np
import pytest

from telic.datasets import DatasetStore
from telic.trajectories import Demonstrations

WRITER = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_store_killed import demos_of
from telic.datasets import DatasetStore
from telic.errors import WorldError
if {limit}:
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
store = DatasetStore(Path({folder!r}))
print("ready", flush=True)
for key in range(1, {versions}):
    try:
        store.publish(demos_of(key))
    except WorldError as error:
        print("refused", error.code, flush=True)
        break
print("end", flush=True)
"""


def demos_of(key, n=200_000):
    g = np.random.default_rng(key)
    states = g.integers(0, 1000, n)
    return Demonstrations.from_arrays(states, g.integers(0, 3, n), action_labels=["a", "b", "c"])


def writer(folder, *, limit=0, versions=200):
    import pathlib

    here = str(pathlib.Path(__file__).parent)
    text = WRITER.format(here=here, folder=str(folder), limit=limit, versions=versions)
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_killed_while_writing(tmp_path):
    store = DatasetStore(tmp_path)
    first = store.publish(demos_of(0))
    for wait in (0.05, 0.11, 0.23):
        child = writer(tmp_path)
        assert child.stdout.readline() == "ready\n"
        time.sleep(wait)
        child.kill()
        child.wait(timeout=30)
        child.stdout.close()
        listed = store.versions()
        assert first.digest in {v.digest for v in listed}
        assert store.load().digest == store.latest.digest
        for version in listed:
            assert store.load(version).n_decisions == 200_000
    store.publish(demos_of(500))
    assert not list(tmp_path.glob(".building-*"))


@pytest.mark.slow
def test_files_that_may_not_grow(tmp_path):
    store = DatasetStore(tmp_path)
    first = store.publish(demos_of(0))
    child = writer(tmp_path, limit=100_000, versions=2)
    out, _ = child.communicate(timeout=120)
    assert child.returncode == 0
    assert out.splitlines()[0] == "ready"
    assert out.splitlines()[1].startswith("refused")
    assert [v.digest for v in store.versions()] == [first.digest]
    assert store.load().digest == first.digest
    assert not list(tmp_path.glob(".building-*"))
