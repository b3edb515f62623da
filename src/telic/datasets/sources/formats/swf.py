"""Standard Workload Format 2, the job logs of the Parallel Workloads Archive: one row a job, eighteen numbers.

Times are seconds after the start of the log; where its header says when that was (``UnixStartTime``), ``submitted``
is the moment of submission. -1 means in every field that a value is not known and becomes a missing one; other
negative numbers stand as they are. Status 2, 3 and 4 are parts of a job that was
swapped out (continued, completed, failed): such a job has several rows with one ``job``, and the row with status 0
or 1 sums them up.

References: Chapin et al. (1999), Benchmarks and standards for the evaluation of parallel job schedulers;
Parallel Workloads Archive, definition of version 2.2.
"""

from __future__ import annotations

from collections.abc import Iterator

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import text_lines
from telic.datasets.sources.text_fields import named_fields, number_field
from telic.errors import DataError

__all__ = ["FORMAT"]

COLUMNS = {
    "job": "number of the job, rising",
    "submit_time": "submitted, seconds after the start of the log",
    "wait_time": "seconds between submission and start",
    "run_time": "seconds between start and end",
    "allocated_processors": "processors given",
    "cpu_time": "mean seconds of processor time used, over processors",
    "used_memory": "mean KB used a processor",
    "requested_processors": "processors asked for",
    "requested_time": "seconds asked for",
    "requested_memory": "KB asked for, a processor",
    "status": "0 failed, 1 completed, 2 to 4 part of a swapped job, 5 cancelled",
    "user": "number of the user",
    "group": "number of the group",
    "application": "number of the program",
    "queue": "number of the queue (0: interactive, by custom)",
    "partition": "number of the partition",
    "preceding_job": "job that had to end before this one was submitted",
    "think_time": "seconds between that job's end and this one's submission",
}
"""The eighteen fields in their order."""

NAMES = tuple(COLUMNS)


def _records(source: SourceFile) -> Iterator[Record]:
    start: Value = None
    for line, text in text_lines(source):
        if text.lstrip().startswith(";"):
            name, _, value = text.lstrip("; \t").partition(":")
            value = value.split()[0] if value.strip() else ""
            if name.strip() == "Version":
                _require_version(source, line, value)
            elif name.strip() == "UnixStartTime" and value:
                start = number_field(source, line, "UnixStartTime", value)
            continue
        fields = named_fields(source, line, NAMES, text.split(), "SWF has 18 numbers a line; was it cut off?")
        row = {name: _number(source, line, name, value) for name, value in fields.items()}
        row["submitted"] = _moment(start, row["submit_time"])
        yield row


def _number(source: SourceFile, line: int, name: str, text: str) -> Value:
    value = number_field(source, line, name, text)
    return None if value == -1 else value


def _moment(start: Value, seconds: Value) -> Value:
    if isinstance(start, str) or isinstance(seconds, str) or start is None or seconds is None or start < 0:
        return None
    return start + seconds


def _require_version(source: SourceFile, line: int, version: str) -> None:
    if version.split(".")[0] not in ("1", "2"):
        raise DataError(
            f"{source.name} line {line} has version {version[:20]!r} of SWF; 1 and 2 are read.",
            hint="Is it the modular format (MSWF) or a later one? Convert it to version 2.2.",
            line=line,
        )


FORMAT = EventFormat(
    name="swf",
    title="Standard Workload Format, versions 1 to 2.2",
    columns={
        **COLUMNS,
        "submitted": "moment of submission, seconds since 1970; missing without UnixStartTime",
    },
    records=_records,
)
