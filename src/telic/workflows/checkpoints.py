"""Checkpoints of a training run on the disk: the last few states, each in one file that is there whole or not at all.

A file holds plain arrays and one page of text, never a pickle: the leaves of the state by their place in it, the steps
done, the key, what the learner was, and the version of this form. A run goes on only from a state of the same learner
and key; what differs is named. A file that the disk has damaged is passed over for the one before it, and said.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from telic.errors import DataError, SettingsError, world_errors
from telic.neural.engine import import_engine
from telic.reports import Finding, Severity
from telic.storage import atomic_write

__all__ = ["Checkpoints"]

FORM = 1
"""Version of what a file holds; raised whenever an older one could not be read as it was meant."""

NAME = re.compile(r"step-(\d{12})\.npz")
KEEP = 2
"""The newest and, should the disk have damaged it, the one before."""

ABOUT = "about"


class Checkpoints:
    """The checkpoints of one run: ``train(..., checkpoint=checkpoints, resume=checkpoints.latest())``.

    Attributes:
        folder: where they are; made when the first is written.
        findings: what was noticed while reading.
    """

    def __init__(self, folder: str | Path, learner: Any, key: int) -> None:
        """Of a learner and a key.

        Args:
            folder: for this run alone.
            learner: settings and pure functions; a dataclass.
            key: random key of the run.
        """
        self.folder = Path(folder)
        self.findings: tuple[Finding, ...] = ()
        self._learner = learner
        self._key = key

    def __call__(self, done: int, state: Any) -> None:
        """Keep a state; older ones go when it is on the disk.

        Args:
            done: steps done.
            state: of the learner.

        Raises:
            TemporaryError: the disk is full; those kept before are whole.
            PermanentError: the folder cannot be written to.
        """
        leaves = _leaves(state)
        about = {
            "form": FORM,
            "done": done,
            "key": self._key,
            "learner": described(self._learner),
            "leaves": [_shape(leaf) for leaf in leaves],
        }

        held: dict[str, Any] = {f"leaf_{i}": leaf for i, leaf in enumerate(leaves)}

        def write(file: IO[bytes]) -> None:
            np.savez(file, about=_text(about), **held)

        atomic_write(self.folder / f"step-{done:012d}.npz", write)
        for path in self._files()[KEEP:]:
            path.unlink(missing_ok=True)

    def latest(self) -> tuple[int, Any] | None:
        """Steps done and the state of the newest checkpoint that is whole, or None where there is none.

        Raises:
            DataError: there are checkpoints, and none is whole or of this version.
            SettingsError: they are of another learner or key.
        """
        damaged = []
        for path in self._files():
            try:
                about, arrays = _read(path)
            except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                damaged.append(f"{path.name} ({error})")
                continue
            self._require_same(about, path)
            if damaged:
                self.findings += (_passed_over(damaged, path),)
            return int(about["done"]), self._state(about, arrays, path)
        if damaged:
            raise DataError(
                f"No checkpoint in {self.folder} can be read: {'; '.join(damaged)}.",
                hint="Delete the folder to begin anew; the disk or what copied the files has damaged them.",
            )
        return None

    def _files(self) -> list[Path]:
        """Those there are, the newest first."""
        if not self.folder.is_dir():
            return []
        with world_errors(f"read {self.folder}"):
            return sorted((p for p in self.folder.iterdir() if NAME.fullmatch(p.name)), reverse=True)

    def _require_same(self, about: dict[str, Any], path: Path) -> None:
        if about.get("form") != FORM:
            raise DataError(
                f"{path} is a checkpoint of form {about.get('form')}; this version reads form {FORM}.",
                hint="Go on with the version that wrote it, or begin anew in another folder.",
            )
        now = {"key": self._key, **described(self._learner)}
        then = {"key": about["key"], **about["learner"]}
        other = [
            f"{name} was {then.get(name, 'not there')}, is {now.get(name, 'not there')}"
            for name in sorted(now.keys() | then.keys())
            if now.get(name) != then.get(name)
        ]
        if other:
            raise SettingsError(
                f"{path} is of another run: {'; '.join(other)}.",
                hint="Give the settings and key of that run, or begin anew in another folder.",
            )

    def _state(self, about: dict[str, Any], arrays: list[Any], path: Path) -> Any:
        jax = import_engine()
        wanted = jax.eval_shape(self._learner.init, jax.random.key(self._key))
        places, structure = jax.tree.flatten(wanted)
        shapes = [_wanted_shape(jax, place) for place in places]
        if shapes != about["leaves"]:
            raise DataError(
                f"{path} holds {len(about['leaves'])} arrays that are not those of a state of this learner.",
                hint="It was written by another version of the learner: begin anew in another folder.",
            )
        return jax.tree.unflatten(
            structure, [_as_leaf(jax, place, array) for place, array in zip(places, arrays, strict=True)]
        )


def described(learner: Any) -> dict[str, str]:
    """What a learner is, name by name, as text that is the same on every machine and in every process.

    Args:
        learner: a dataclass of numbers, texts, tuples, arrays, functions by their names, and dataclasses of these.
    """
    return {"learner": type(learner).__qualname__} | {
        field.name: _described(getattr(learner, field.name)) for field in dataclasses.fields(learner)
    }


def _described(value: Any) -> str:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inside = ", ".join(
            f"{field.name}={_described(getattr(value, field.name))}" for field in dataclasses.fields(value)
        )
        return f"{type(value).__qualname__}({inside})"
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(_described(item) for item in value) + ")"
    if hasattr(value, "described"):  # a world outside compiled code: what a learner knows of it
        return _described(value.described())
    if inspect.isroutine(value):
        known = inspect.getclosurevars(inspect.unwrap(value)).nonlocals
        inside = ", ".join(f"{name}={_described(known[name])}" for name in sorted(known))
        return f"{value.__module__}.{value.__qualname__}({inside})"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        array = np.ascontiguousarray(value)
        return f"{array.dtype}{list(array.shape)} {hashlib.sha256(array.tobytes()).hexdigest()[:16]}"
    return repr(value)


def _leaves(state: Any) -> list[np.ndarray]:
    jax = import_engine()
    return [
        np.asarray(jax.random.key_data(leaf) if _is_key(jax, leaf) else leaf)
        for leaf in jax.tree.leaves(jax.device_get(state))
    ]


def _is_key(jax: Any, leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _shape(leaf: Any) -> str:
    return f"{np.dtype(leaf.dtype).name}{list(leaf.shape)}"


def _wanted_shape(jax: Any, place: Any) -> str:
    return _shape(jax.eval_shape(jax.random.key_data, place) if _is_key(jax, place) else place)


def _as_leaf(jax: Any, place: Any, array: np.ndarray) -> Any:
    return jax.random.wrap_key_data(array) if _is_key(jax, place) else jax.numpy.asarray(array)


def _text(about: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)


def _read(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """What a file says of itself and its arrays; every byte is held against the checksums of the archive."""
    with world_errors(f"read {path}"), path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        about = json.loads(archive[ABOUT].tobytes())
        n = len(about["leaves"]) if about.get("form") == FORM else 0
        return about, [archive[f"leaf_{i}"] for i in range(n)]


def _passed_over(damaged: list[str], used: Path) -> Finding:
    return Finding(
        code="checkpoint-damaged",
        severity=Severity.WARNING,
        message=f"{'; '.join(damaged)} cannot be read; the run goes on from {used.name}.",
        hint="Look after the disk: a checkpoint is written whole, so something changed it afterwards.",
        evidence={"damaged": damaged, "used": used.name},
    )
