"""What readers of lake tables share: their files lie in the table's folder, and come as small flat tables."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlparse

import pyarrow as pa

from telic.errors import DataError, PermanentError

__all__ = ["flat_tables", "import_reader", "require_inside"]


def import_reader(module: str, package: str, extra: str, what: str) -> ModuleType:
    """The module that reads a kind of table.

    Args:
        module: to import.
        package: that it belongs to.
        extra: of telic that installs it.
        what: is read, for the message.

    Raises:
        PermanentError: the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as problem:
        raise PermanentError(
            f"Reading {what} needs the package {package}, which is not installed.",
            hint=f"Install telic with its extra `{extra}`: pip install 'telic[{extra}]'.",
        ) from problem


def require_inside(folder: Path, files: Iterable[str]) -> None:
    """Nothing, where every file that a table names lies in its folder.

    Args:
        folder: of the table.
        files: paths or ``file:`` addresses, as the table's log names them.

    Raises:
        DataError: a file lies elsewhere, or on another machine.
    """
    inside = folder.resolve()
    for named in files:
        address = urlparse(named)
        place = Path(unquote(address.path) if address.scheme == "file" else named)
        whole = place if place.is_absolute() else inside / place
        if address.scheme not in ("", "file") or not whole.resolve().is_relative_to(inside):
            raise DataError(
                f"{folder.name} names a data file outside its folder: {named}.",
                hint="Copy the whole table into the folder with the lake's own tools; other places are not read.",
            )


def flat_tables(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches as tables whose nested fields are columns with dots.

    Args:
        batches: of one table.
    """
    for batch in batches:
        table = pa.Table.from_batches([batch])
        while any(pa.types.is_struct(field.type) for field in table.schema):
            table = table.flatten()
        yield table
