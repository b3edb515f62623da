"""One source file: what it is called, what it is, its digest, and whether its text is readable."""

from __future__ import annotations

import codecs
import contextlib
import io
import itertools
import lzma
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from telic._core.hashing import digest_json
from telic.errors import ContractError, DataError, WorldError, world_errors
from telic.storage import file_digest

__all__ = [
    "PLAIN_FORMATS",
    "SourceFile",
    "format_of",
    "is_utf16",
    "refuse_disguise",
    "source_file",
    "text_faults",
    "text_stream",
]

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""File endings that are read; one of ``COMPRESSED`` may follow a text format."""

PLAIN_FORMATS = ("csv", "jsonl", "parquet")
"""Formats whose columns are the file's own; every other is one of ``telic.datasets.sources.formats``."""

COMPRESSED = (".gz", ".bz2", ".zst", ".xz")
"""Compressed text is read as it streams."""

SHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
"""Endings of spreadsheets, which are not read."""

BEGINNINGS: tuple[tuple[bytes, str, tuple[str, ...], str], ...] = (
    (rb"PAR1[\x00-\x1f]", "is a Parquet file", (".parquet", ".pq"), "Rename it to end in .parquet."),
    (rb"\x1f\x8b", "is compressed with gzip", (".gz",), "Rename it to end in {ending}.gz, or unpack it."),
    (
        rb"BZh[1-9]1AY&",
        "is compressed with bzip2",
        (".bz2",),
        "Rename it to end in {ending}.bz2, or unpack it.",
    ),
    (
        rb"\x28\xb5\x2f\xfd",
        "is compressed with zstd",
        (".zst",),
        "Rename it to end in {ending}.zst, or unpack it.",
    ),
    (rb"\xfd7zXZ\x00", "is compressed with xz", (".xz",), "Rename it to end in {ending}.xz, or unpack it."),
    (
        rb"PK\x03\x04",
        "is a spreadsheet or a ZIP archive",
        (),
        "Save the sheet as CSV, or unpack the archive.",
    ),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a spreadsheet", (), "Save the sheet as CSV."),
    (
        rb"\x80[\x02-\x05][\x80-\x95(})\]cX]",
        "is a Python pickle",
        (),
        "Loading a pickle can run any program, so none is ever read; export the data as text or Parquet.",
    ),
)
"""First bytes that no text has: what they say, the endings that say the same, and what to do otherwise."""

CHUNK_BYTES = 1 << 20

UNPACKED_BYTES = 64 << 20
"""Bytes that any compressed file may unpack to, however small it is."""

UNPACKED_RATIO = 250
"""Unpacked bytes for one compressed byte beyond ``UNPACKED_BYTES``. Logs reach some tens; a file made to fill the disk
or the memory of whoever unpacks it reaches 1,000 (all that gzip can) or millions."""


@runtime_checkable
class Table(Protocol):
    """Rows by columns and slices: an Arrow table, or one that is on the disk (and gives slices of it as such)."""

    @property
    def column_names(self) -> Sequence[str]:
        """Its columns."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""

    def select(self, names: Sequence[str]) -> Table:
        """The same rows with some of the columns."""

    def slice(self, start: int, n: int) -> pa.Table:
        """Some rows."""


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to read.

    Attributes:
        path: where it is.
        name: its name without the folder, for messages and manifests.
        format: how it is read: one of ``PLAIN_FORMATS``, or the name of a format of foreign logs.
        digest: of its bytes; of a folder, of the names and bytes of all files in it.
        stream: the stream of the contract that it belongs to; empty where there are none.
        table: its rows, where they were made from several files; ``path`` is then only a name.
        namer: a row of that table in words, such as the file and line that it was read from.
    """

    path: Path
    name: str
    format: str
    digest: str
    stream: str = ""
    table: Table | None = field(default=None, repr=False, compare=False)
    namer: Callable[[int], str] | None = field(default=None, repr=False, compare=False)


def source_file(path: str | os.PathLike[str], stated: str | None = None) -> SourceFile:
    """The file, with its format and digest.

    Args:
        path: the file, or the folder of a format that is one.
        stated: ``data.format`` of the contract; None: by the ending.

    Raises:
        DataError: its ending is not one that is read, it is empty, or its first bytes are of another format.
        PermanentError: there is no such file.
    """
    place = Path(path)
    if place.is_dir() and stated not in (None, *PLAIN_FORMATS):
        return SourceFile(path=place, name=place.name, format=str(stated), digest=_folder_digest(place))
    with world_errors(f"read {place}"):
        size = place.stat().st_size
    if size == 0:
        raise DataError(
            f"{place.name} is empty (0 bytes).", hint="Was the export interrupted? Write it again."
        )
    form = stated or format_of(place)
    if form in PLAIN_FORMATS:
        refuse_disguise(place)
    return SourceFile(path=place, name=place.name, format=form, digest=file_digest(place))


def _folder_digest(folder: Path) -> str:
    """Of the names and digests of all files below; links that lead out of the folder are refused.

    Raises:
        DataError: the folder is empty, or a file in it lies elsewhere.
    """
    found: dict[str, str] = {}
    with world_errors(f"read {folder}"):
        inside = folder.resolve()
        for place in sorted(p for p in folder.rglob("*") if p.is_file()):
            if not place.resolve().is_relative_to(inside):
                raise DataError(
                    f"{place.relative_to(folder)} in {folder.name} leads out of the folder.",
                    hint="Copy the file into the folder; links to other places are not followed.",
                )
            found[place.relative_to(folder).as_posix()] = file_digest(place)
    if not found:
        raise DataError(
            f"{folder.name} is an empty folder.", hint="Was the export interrupted? Write it again."
        )
    return digest_json(found)


def refuse_disguise(path: Path) -> None:
    """Nothing, where the first bytes of a text or Parquet file are not those of another kind than its ending says.

    Raises:
        DataError: they are: a compressed file without its ending, a spreadsheet, an archive, a pickle.
    """
    with world_errors(f"read {path}"), path.open("rb") as file:
        first = file.read(8)
    ending = path.suffix.lower()
    for begin, what, endings, hint in BEGINNINGS:
        if re.match(begin, first) and ending not in endings:
            raise DataError(
                f"{path.name} {what}, though its name ends in {ending or 'nothing'}.",
                hint=hint.format(ending=ending),
            )


def format_of(path: Path) -> str:
    """How a file is read, from its ending.

    Raises:
        DataError: the ending is not known.
    """
    endings = [s.lower() for s in path.suffixes]
    if endings and endings[-1] in COMPRESSED:
        endings.pop()
    if endings and endings[-1] in SHEETS:
        raise DataError(
            f"{path.name} is a spreadsheet; what is read ends in one of {', '.join(SUFFIXES)}.",
            hint="Save the one sheet that holds the decisions as CSV (UTF-8), with one line of headers.",
        )
    if not endings or endings[-1] not in SUFFIXES:
        raise DataError(
            f"{path.name} must end in one of {', '.join(SUFFIXES)}, got "
            f"{endings[-1] if endings else 'no ending'!r}.",
            hint="Rename it to say what it holds, or convert it.",
        )
    return SUFFIXES[endings[-1]]


def text_faults(source: SourceFile, encoding: str) -> bool:
    """Whether the text lacks a newline at its end (which a cut-off file also lacks).

    Args:
        source: a CSV or JSON lines file.
        encoding: the contract's ``data.encoding``.

    Raises:
        DataError: a line is not text in that encoding; the message names the line.
        ContractError: there is no such encoding.
    """
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        raise ContractError(
            f"`data.encoding` {encoding!r} is not an encoding.",
            hint="Common ones: utf-8, latin-1, cp1252, utf-16.",
        ) from None
    pieces, last = 0, b""
    try:
        for piece in _chunks(source.path):
            pieces += 1
            last = piece
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as problem:
        before = sum(p.count(b"\n") for p in itertools.islice(_chunks(source.path), pieces - 1))
        line = 1 + before + last.count(b"\n", 0, max(0, problem.start))
        raise DataError(
            f"{source.name} line {line} is not {encoding} text (byte {problem.object[problem.start]:#04x}).",
            hint="Set `data.encoding: utf-16`: the file begins with its mark."
            if is_utf16(source.path)
            else "Set `data.encoding` (latin-1 and cp1252 are common), or save the file as UTF-8.",
            line=line,
        ) from None
    return not last.endswith(b"\n")


def is_utf16(path: Path) -> bool:
    """Whether the file begins with the byte order mark of UTF-16."""
    return next(iter(_chunks(path)), b"")[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@contextlib.contextmanager
def text_stream(path: Path) -> Iterator[pa.NativeFile]:
    """The bytes of a text file, decompressed where its ending says that it is compressed.

    Raises:
        DataError: the compressed stream is broken, cut off, or unpacks to far more than a log does.
        PermanentError: the file cannot be read.
    """
    try:
        with world_errors(f"read {path}"), contextlib.ExitStack() as stack:
            if path.suffix == ".xz":
                unpacked = stack.enter_context(lzma.open(path, "rb"))
            else:
                unpacked = stack.enter_context(pa.input_stream(str(path), compression="detect"))
            if path.suffix in COMPRESSED:
                measured = _Measured(unpacked, path.name, path.stat().st_size)
                unpacked = stack.enter_context(pa.PythonFile(measured, mode="r"))
            yield unpacked
    except (WorldError, EOFError, lzma.LZMAError) as problem:
        if path.suffix not in COMPRESSED:
            raise
        raise DataError(
            f"{path.name} cannot be decompressed: {str(problem).splitlines()[0]}",
            hint="Was the file cut off while it was copied?",
        ) from None


class _Measured(io.RawIOBase):
    """A stream that is unpacked while it is read, and refuses to go on where it was made to do harm."""

    def __init__(self, unpacked: Any, name: str, packed_bytes: int) -> None:
        super().__init__()
        self._unpacked, self._name, self._packed = unpacked, name, packed_bytes
        self._given = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self._unpacked.read(size) if size >= 0 else self._unpacked.read()
        self._given += len(piece)
        if self._given > max(UNPACKED_BYTES, UNPACKED_RATIO * self._packed):
            raise DataError(
                f"{self._name} ({self._packed:,} bytes) unpacks to more than {self._given:,} bytes, over "
                f"{UNPACKED_RATIO} for each of its own.",
                hint="A log does not shrink like that, so it was made to do harm or holds one line over and over. "
                "Unpack it yourself if you know that it is good.",
            )
        return piece


def _chunks(path: Path) -> Iterable[bytes]:
    with text_stream(path) as stream:
        while piece := stream.read(CHUNK_BYTES):
            yield piece
