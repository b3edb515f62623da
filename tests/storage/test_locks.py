"""One holder at a time, and the lock goes with its holder."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from telic._core.clock import manual_clock
from telic.errors import TemporaryError
from telic.storage import FileLock


def test_a_second_holder_is_refused_and_told_who_has_it(tmp_path):
    path = tmp_path / "store" / "lock"
    with (
        FileLock(path),
        pytest.raises(TemporaryError, match="is locked by process") as caught,
        FileLock(path),
    ):
        pass
    assert caught.value.data["holder"] == str(os.getpid())
    assert "run this one again" in str(caught.value)
    with FileLock(path):
        pass


def test_a_lock_is_free_again_after_an_error_inside(tmp_path):
    with pytest.raises(KeyError), FileLock(tmp_path / "lock"):
        raise KeyError
    with FileLock(tmp_path / "lock"):
        pass


def test_waiting_ends_at_the_timeout_by_the_given_clock(tmp_path):
    clock = manual_clock()
    with FileLock(tmp_path / "lock"), pytest.raises(TemporaryError, match="waited 3 s"):
        FileLock(tmp_path / "lock", timeout_seconds=3.0, clock=clock).__enter__()
    assert 3 <= clock.monotonic() < 3.2


def test_another_process_is_kept_out_and_its_death_frees_the_lock(tmp_path):
    program = textwrap.dedent(
        """
        import sys
        from telic.storage import FileLock
        lock = FileLock(sys.argv[1])
        lock.__enter__()
        print("held", flush=True)
        sys.stdin.read()
        """
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "held"
        with pytest.raises(TemporaryError, match=f"process {child.pid}"):
            FileLock(tmp_path / "lock").__enter__()
        child.kill()
        child.wait()
    with FileLock(tmp_path / "lock"):
        pass
