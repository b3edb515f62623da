"""Delta Lake: the newest version of a table in a folder, as its own library reads it (extra ``delta``).

Deleted and replaced files do not count; partition columns are columns. Every file that the log names must lie in the
folder. Features that the library does not read (deletion vectors, column mapping) are an error, never ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from telic.datasets.sources.event_format import EventFormat
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.lake_tables import flat_tables, import_reader, require_inside
from telic.datasets.sources.pieces import PIECE_ROWS
from telic.errors import DataError

__all__ = ["FORMAT"]


def _tables(source: SourceFile, columns: Sequence[str] | None) -> Iterator[pa.Table]:
    delta = import_reader("deltalake", "deltalake", "delta", "Delta Lake tables")
    faults = import_reader("deltalake.exceptions", "deltalake", "delta", "Delta Lake tables")
    try:
        table = delta.DeltaTable(str(source.path))
        require_inside(source.path, table.file_uris())
        dataset = table.to_pyarrow_dataset()
        # A dotted name lies in a struct, which is read whole.
        wanted = (
            None if columns is None else sorted({_top(name, dataset.schema.names) for name in columns} - {""})
        )
        yield from flat_tables([pa.RecordBatch.from_pylist([], schema=dataset.schema)])
        yield from flat_tables(dataset.to_batches(columns=wanted, batch_size=PIECE_ROWS))
    except (faults.DeltaError, pa.ArrowException, OSError) as problem:
        raise DataError(
            f"{source.name} cannot be read as a Delta Lake table: {str(problem).splitlines()[0]}",
            hint="Is it the table's folder, with `_delta_log` in it, and was it copied whole?",
        ) from None


def _top(name: str, known: list[str]) -> str:
    """The column of the table that a name lies in, or empty."""
    return name if name in known else next((k for k in known if name.startswith(f"{k}.")), "")


FORMAT = EventFormat(
    name="delta",
    title="Delta Lake table, newest version",
    columns={},
    tables=_tables,
    is_folder=True,
)
"""What ``data.format: delta`` names."""
