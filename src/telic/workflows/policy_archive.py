"""The outside of a policy file: an archive of plain arrays by name and a page of JSON, no larger than what is there.

Nothing is pickled and nothing is compressed, so what a file claims to hold must be what lies in it. Headers of arrays
are read by one expression of text that takes what numpy writes and nothing else: no header is ever evaluated.
"""

from __future__ import annotations

import io
import json
import math
import re
import struct
import zipfile
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from telic.errors import DataError

__all__ = ["BROKEN", "packed", "unpacked"]

MOST_ABOUT = 1 << 20
"""Bytes of the page of JSON, at most."""

MOST_PARTS = 10_000
"""Arrays of a file, at most."""

ABOUT = "about"

PREAMBLE = b"\x93NUMPY\x01\x00"
"""Of an array file of version 1.0, which numpy writes wherever the header is short."""

HEADER = re.compile(
    r"\{\s*'descr':\s*'([^']{1,20})',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d, ]*)\),?\s*\}\s*"
)

BROKEN = (
    zipfile.BadZipFile,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
)
"""What zipfile, numpy and json raise where the bytes are not what they should be (``RuntimeError``: a part is marked
as encrypted, or JSON is nested too deep).
"""


def packed(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: there is more than a file may hold.
    """
    text = np.frombuffer(json.dumps(about, allow_nan=False).encode(), dtype=np.uint8)
    if len(text) > MOST_ABOUT or len(arrays) >= MOST_PARTS:
        raise DataError(
            f"A policy of {len(arrays):,} arrays and {len(text):,} bytes of words is more than a file holds"
            f" ({MOST_PARTS - 1:,} and {MOST_ABOUT:,}).",
            hint="Write its parts to files of their own, or shorten the settings in its provenance.",
        )
    buffer = io.BytesIO()
    held: dict[str, Any] = {ABOUT: text, **{name: np.ascontiguousarray(a) for name, a in arrays.items()}}
    np.savez(buffer, **held)
    return buffer.getvalue()


def unpacked(raw: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The page of JSON and the arrays by name, none larger than what lies in the file.

    Raises:
        DataError: it is no such file; the message is the end of a sentence. Other exceptions are those of ``BROKEN``.
    """
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.infolist()
        if len(members) > MOST_PARTS:
            raise DataError(f"it holds {len(members):,} parts")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED or not member.filename.endswith(".npy"):
                raise DataError(
                    f"{member.filename[:60]!r} is compressed or no array; policies are written plainly"
                )
        if sum(member.file_size for member in members) > len(raw):
            raise DataError("its parts claim more bytes than it has")
        if len({member.filename for member in members}) < len(members):
            raise DataError("two of its parts have one name")
        arrays = {m.filename.removesuffix(".npy"): _array(m.filename, archive.read(m)) for m in members}
    return _about(arrays.pop(ABOUT)), arrays


def _array(name: str, raw: bytes) -> np.ndarray:
    """One array from the bytes of an ``.npy``; numbers only, and as many as are there."""
    if raw[: len(PREAMBLE)] != PREAMBLE:
        raise DataError(f"{name} is an array file of another version")
    (size,) = struct.unpack_from("<H", raw, len(PREAMBLE))
    begin = len(PREAMBLE) + 2 + size
    found = HEADER.fullmatch(raw[len(PREAMBLE) + 2 : begin].decode("latin1"))
    if found is None:
        raise DataError(f"{name} does not say what numbers it holds")
    descr, order, lengths = found.groups()
    if "O" in descr:
        raise DataError(f"{name} holds Python objects (a pickle), which are never read")
    dtype, held = np.dtype(descr), len(raw) - begin
    shape = tuple(int(n) for n in lengths.replace(" ", "").split(",") if n)
    if dtype.kind not in "fiu" or dtype.itemsize * math.prod(shape) != held:
        raise DataError(f"{name} claims {dtype} of shape {shape}, but holds {held:,} bytes")
    values = np.frombuffer(raw, dtype=dtype, offset=begin).astype(dtype.newbyteorder("="))
    return values.reshape(shape, order="F" if order == "True" else "C")


def _about(text: np.ndarray) -> dict[str, Any]:
    if text.dtype != np.uint8 or text.ndim != 1 or len(text) > MOST_ABOUT:
        raise DataError("it does not say what it is in a page of text")
    about = json.loads(text.tobytes(), parse_constant=_no_number)
    if not isinstance(about, dict):
        raise DataError("what it says of itself is no JSON object")
    return about


def _no_number(word: str) -> NoReturn:
    raise DataError(f"what it says of itself holds {word}, which is no number")
