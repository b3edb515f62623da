"""Compiled code is kept where it is told, found by the next process, and not taken from a folder that others write."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import SettingsError
from telic.neural.compile_cache import use_compile_cache

PROGRAM = """
import sys, jax
from jax import monitoring
from telic.neural.compile_cache import use_compile_cache
heard = []
monitoring.register_event_listener(lambda event, **_: heard.append(event))
use_compile_cache(sys.argv[1])
assert float(jax.jit(lambda x: x * 2 + 1)(3.0)) == 7.0
print(heard.count("/jax/compilation_cache/cache_hits"))
"""


def test_the_second_process_finds_what_the_first_compiled(tmp_path) -> None:
    folder = tmp_path / "code"
    folder.mkdir(mode=0o700)
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(folder)],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ,
        )
        found.append(int(done.stdout))
    assert found[0] == 0
    assert found[1] >= 1
    assert any(folder.iterdir())


def test_a_folder_that_is_missing_or_open_to_others_is_refused(tmp_path) -> None:
    with pytest.raises(SettingsError, match="Expected a folder"):
        use_compile_cache(tmp_path / "missing")
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(SettingsError, match="writable by its owner alone"):
        use_compile_cache(folder)
