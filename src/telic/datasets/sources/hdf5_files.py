"""HDF5, read so that a file can do no harm: hard links only, no storage outside the file, no more than it can hold.

An HDF5 file can lead elsewhere in three ways: a link to another file, a dataset whose bytes lie in another file, and a
virtual dataset that is put together from others; a soft link can pass through the first. None of them is followed. A
file of a few kilobytes can also claim a dataset of terabytes, all of it fill value: what a dataset claims is held
against the size of the file.
"""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import DataError, PermanentError

from .files import UNPACKED_BYTES, UNPACKED_RATIO

__all__ = ["attribute", "hdf5_file", "leaves", "member", "members", "numbered", "read_rows"]

FAULTS = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)
"""What h5py raises where the bytes of a file are not what they should be."""

DEEPEST = 16
"""Levels of groups below an episode; groups may hold themselves."""

KINDS = "biufSO"
"""Kinds of numpy types that become columns: truth values, numbers, texts."""


@contextlib.contextmanager
def hdf5_file(path: Path, name: str) -> Iterator[Any]:
    """The open file (``h5py.File``).

    Args:
        path: where it is.
        name: for messages.

    Raises:
        DataError: it is not a whole HDF5 file, or something in it cannot be decoded.
        PermanentError: h5py is not installed.
    """
    try:
        h5py = importlib.import_module("h5py")
    except ModuleNotFoundError as problem:
        raise PermanentError(
            f"Reading {name} needs the package h5py, which is not installed.",
            hint="Install telic with its extra `robots`: pip install 'telic[robots]'.",
        ) from problem
    try:
        with h5py.File(path, "r") as file:
            yield file
    except DataError:
        raise
    except FAULTS as problem:
        raise DataError(
            f"{name} is not a whole HDF5 file: {str(problem).splitlines()[0] if str(problem) else 'damaged'}.",
            hint="Was the file cut off while it was copied, or its writer stopped before it closed the file?",
        ) from None


def member(group: Any, key: str, name: str) -> Any | None:
    """The group or dataset of that name, None where there is none.

    Args:
        group: an open group.
        key: name in it, without a slash.
        name: of the file, for messages.

    Raises:
        DataError: it is a link, or its bytes lie elsewhere, or it claims more than the file can hold.
    """
    kind = group.get(key, getclass=True, getlink=True)
    if kind is None:
        return None
    where = f"{group.name.rstrip('/')}/{key}"
    if kind.__name__ != "HardLink":
        raise DataError(
            f"`{where}` of {name} is a link to elsewhere, which is not followed.",
            hint="Write the data themselves into the file (`h5repack`, or `h5py`'s copy with expand_external).",
        )
    found = group[key]
    if not hasattr(found, "shape"):
        return found if hasattr(found, "keys") else None
    if found.external is not None or found.is_virtual:
        raise DataError(
            f"The values of `{where}` of {name} lie in other files, which are not read.",
            hint="Write the data themselves into the file (`h5repack`).",
        )
    claimed = int(np.prod(found.shape or (0,), dtype=np.float64)) * found.dtype.itemsize
    size = Path(group.file.filename).stat().st_size
    if claimed > max(UNPACKED_BYTES, UNPACKED_RATIO * size):
        raise DataError(
            f"`{where}` of {name} claims {claimed / 2**20:,.0f} MiB, more than {UNPACKED_RATIO} bytes for each of the"
            " file's own.",
            hint="No log is; is the file damaged, or made to do harm?",
        )
    return found


def members(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Name and member of everything in a group, in the order of the names; errors as ``member``."""
    for key in sorted(group.keys()):
        found = member(group, key, name)
        if found is not None:
            yield key, found


def numbered(group: Any, prefix: str, name: str) -> list[tuple[str, Any]]:
    """The members called ``prefix`` and a number, by that number; errors as ``member``."""
    keys = [key for key in group if re.fullmatch(rf"{prefix}[0-9]{{1,18}}", key)]
    found = ((key, member(group, key, name)) for key in sorted(keys, key=lambda k: int(k[len(prefix) :])))
    return [(key, inner) for key, inner in found if hasattr(inner, "keys")]


def leaves(found: Any, prefix: str, name: str, depth: int = 0) -> dict[str, Any]:
    """Dotted name to dataset, for every dataset below; those of types that are no column are left out.

    Args:
        found: a group or a dataset.
        prefix: dotted name of it.
        name: of the file, for messages.
        depth: levels above it.

    Raises:
        DataError: as ``member``, or groups are nested deeper than ``DEEPEST``.
    """
    if depth > DEEPEST:
        raise DataError(
            f"Groups of {name} are nested more than {DEEPEST} deep (at `{prefix[:80]}`).",
            hint="Is the file damaged, or made to do harm?",
        )
    if hasattr(found, "shape"):
        is_column = found.dtype.kind in KINDS and found.shape and (found.dtype.kind != "O" or _is_text(found))
        return {prefix: found} if is_column else {}
    below: dict[str, Any] = {}
    for key, inner in members(found, name):
        below |= leaves(inner, f"{prefix}.{key}" if prefix else key, name, depth + 1)
    return below


def read_rows(dataset: Any, begin: int, end: int) -> NDArray[Any]:
    """``(end - begin, ...)`` rows of a dataset; texts as ``str``."""
    values: NDArray[Any] = (dataset.asstr() if _is_text(dataset) else dataset)[begin:end]
    return values


def attribute(found: Any, key: str) -> Any | None:
    """An attribute as a plain value: text, number, or None where there is none."""
    value = found.attrs.get(key)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value


def _is_text(dataset: Any) -> bool:
    return (
        bool(importlib.import_module("h5py").check_string_dtype(dataset.dtype)) and dataset.dtype.kind == "O"
    )
