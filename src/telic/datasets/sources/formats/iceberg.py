"""Apache Iceberg: the current snapshot of a table in a folder, as PyIceberg reads it (extra ``iceberg``).

The newest ``metadata/*.metadata.json`` is the table; no catalog is asked. Every data and delete file of the snapshot
must lie in the folder (Iceberg writes whole addresses, so a table that was moved has to be registered anew).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from telic.datasets.sources.event_format import EventFormat
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.lake_tables import flat_tables, import_reader, require_inside
from telic.errors import DataError

__all__ = ["FORMAT"]

BROKEN = (ValueError, KeyError, TypeError, IndexError, EOFError, OSError)
"""What readers of JSON and Avro raise where the bytes are not what they should be, beside PyIceberg's own errors."""


def _tables(source: SourceFile, columns: Sequence[str] | None) -> Iterator[pa.Table]:
    reader = import_reader("pyiceberg.table", "pyiceberg", "iceberg", "Iceberg tables")
    raised = vars(import_reader("pyiceberg.exceptions", "pyiceberg", "iceberg", "Iceberg tables")).values()
    faults = tuple(x for x in raised if isinstance(x, type) and issubclass(x, Exception))
    metadata = _newest(source)
    try:
        table = reader.StaticTable.from_metadata(str(metadata))
        scan = table.scan()
        tasks = list(scan.plan_files())
        require_inside(source.path, [task.file.file_path for task in tasks])
        require_inside(source.path, [f.file_path for task in tasks for f in task.delete_files])
        if columns is not None:
            known = [field.name for field in table.schema().fields]
            wanted = sorted({_top(name, known) for name in columns} - {""})
            scan = table.scan(selected_fields=tuple(wanted))
        batches = scan.to_arrow_batch_reader()
        yield from flat_tables([pa.RecordBatch.from_pylist([], schema=batches.schema)])
        yield from flat_tables(batches)
    except DataError:
        raise
    except (*faults, *BROKEN, pa.ArrowException) as problem:
        why = (str(problem) or type(problem).__name__).splitlines()[0]
        raise DataError(
            f"{source.name} cannot be read as an Iceberg table: {why}",
            hint="Is it the table's folder, with `metadata` and `data` in it, and does it lie where it was written?",
        ) from None


def _newest(source: SourceFile) -> Path:
    """The metadata file with the highest number: ``v3.metadata.json`` or ``00003-....metadata.json``."""
    found = []
    for path in (source.path / "metadata").glob("*.metadata.json"):
        number = re.match(r"v?([0-9]+)", path.name)
        if number is not None:
            found.append((int(number[1]), path.name, path))
    if not found:
        raise DataError(
            f"{source.name} is no Iceberg table: there is no metadata/*.metadata.json in it.",
            hint="Name the table's folder, the one that holds `metadata` and `data`.",
        )
    return max(found)[2]


def _top(name: str, known: list[str]) -> str:
    """The column of the table that a name lies in, or empty."""
    return name if name in known else next((k for k in known if name.startswith(f"{k}.")), "")


FORMAT = EventFormat(
    name="iceberg",
    title="Apache Iceberg table, current snapshot",
    columns={},
    tables=_tables,
    is_folder=True,
)
"""What ``data.format: iceberg`` names."""
