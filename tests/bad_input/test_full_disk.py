"""A disk that fills up: the old version and the old results stay whole, and the command says to try again."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from machines import CONTRACT, keeper_log, write_project

from telic.errors import TemporaryError


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 4 MiB; skips where this user may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=False, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("no `mount` on this machine: the full disk is only tried by an injected error")
    if done.returncode:
        pytest.skip("this user may not mount a file system: the full disk is only tried by an injected error")
    yield place
    subprocess.run(["umount", str(place)], check=True, capture_output=True)


def fill(disk):
    """A file that takes all the room that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 512)
    assert shutil.disk_usage(disk).free == 0
    return filler


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_real_full_disk(telic, small_disk):
    folder = write_project(small_disk / "p", CONTRACT, keeper_log(8, 12))
    assert telic("ingest", folder).status == 0
    assert telic("infer", folder, "--quick").status == 0
    first = json.loads(telic("check", folder, "--json").out)["dataset"]
    (folder / "log.csv").write_text(keeper_log(8, 13))
    filler = fill(small_disk)
    before = contents(folder)
    for verb in (("ingest", folder), ("infer", folder, "--quick", "--level", "0.9")):
        told = telic(*verb)
        assert told.status == 75, told.err
        assert told.out == ""
        assert "the disk is full" in told.err
        assert "\n\nhint: Free some space" in told.err
        assert "Traceback" not in told.err
    after = contents(folder)
    assert {name: after[name] for name in before} == before  # nothing is lost ...
    assert {
        name for name in after if name not in before and not name.endswith(".lock")
    } == set()  # ... or left
    filler.unlink()
    told = telic("ingest", folder, "--json")
    assert told.status == 0
    assert json.loads(told.out)["dataset"] != first
    assert telic("check", folder, "--version", first.removeprefix("sha256:")[:12]).status == 0


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_injected_error(door, telic, monkeypatch, call):
    (door.folder / "log.csv").write_text(keeper_log(8, 13))
    before = {k: v for k, v in contents(door.folder).items() if not k.endswith(".lock")}

    def full(*_args, **_more):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        if call == "replace":
            patch.setattr(Path, "replace", full)
            patch.setattr(Path, "rename", full)
        told = telic("ingest", door.folder)
    assert told.status == 75, told.err
    assert "the disk is full" in told.err
    after = contents(door.folder)
    assert {name: after.get(name) for name in before} == before
    assert telic("ingest", door.folder).status == 0


def test_init_leaves_no_half_of_a_contract(telic, small_disk, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(keeper_log(8, 12))
    filler = fill(small_disk)
    told = telic("init", small_disk / "p", "--from", log)
    assert told.status == 75
    assert "the disk is full" in told.err
    assert not list(small_disk.rglob("contract.yaml"))
    filler.unlink()
    assert telic("init", small_disk / "p", "--from", log).status == 0


def test_a_folder_that_may_not_be_written(door, telic):
    if os.geteuid() == 0:
        # The superuser may write anywhere; a file in the way of the folder stops it too.
        shutil.rmtree(door.folder / "runs")
        (door.folder / "runs").write_text("in the way")
        told = telic("check", door.folder)
    else:
        (door.folder / "runs").chmod(0o500)
        told = telic("infer", door.folder, "--quick")
        (door.folder / "runs").chmod(0o700)
    assert told.status == 74, told.err
    assert "runs" in told.err
    assert "Traceback" not in told.err


def test_the_report_to_a_full_pipe_is_no_traceback(door):
    """``telic check > /dev/full``: the answer could not be written, and that is said."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from telic.cli import main; sys.exit(main())",
                "check",
                str(door.folder),
            ],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 75, done.stderr
    assert "Traceback" not in done.stderr
    assert "the disk is full" in done.stderr


def test_a_checkpoint_that_finds_no_room_leaves_the_one_before(small_disk):
    jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
    from telic.neural.simulators import cartpole
    from telic.planning.rl.ppo import Ppo
    from telic.workflows.checkpoints import Checkpoints

    learner = Ppo(simulator=cartpole(), n_envs=4, n_steps=4, n_minibatches=2, hidden=(8,))
    state = jax.jit(learner.init)(jax.random.key(0))
    checkpoints = Checkpoints(small_disk / "run", learner, 0)
    checkpoints(1, state)
    filler = fill(small_disk)
    with pytest.raises(TemporaryError):
        checkpoints(2, state)
    assert [p.name for p in (small_disk / "run").iterdir()] == ["step-000000000001.npz"]
    filler.unlink()
    assert checkpoints.latest()[0] == 1
