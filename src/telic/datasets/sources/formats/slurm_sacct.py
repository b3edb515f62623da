"""Job accounting of Slurm, as ``sacct --parsable2`` prints it: one row a job or a step of one.

The columns are those of ``--format``. Beside them stand what Slurm packs into one text: the job and its step
(``JobID.job``, ``JobID.step``; a row without a step is the job itself), who cancelled (``State.by``), the exit code and
the signal (``ExitCode.code``, ``ExitCode.signal``), and seconds of ``Elapsed`` and ``Timelimit``. A step repeats
what its job did, so a contract usually wants ``--allocations``, which leaves the steps out.

Times are written in the zone of who called sacct and do not say which: call it with ``TZ=UTC``, or hours of the clock
change in autumn stand there twice. ``Unknown`` and ``None`` are missing values.

References: sacct(1), Slurm 24.05.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import text_lines
from telic.datasets.sources.text_fields import named_fields
from telic.errors import DataError

__all__ = ["FORMAT"]

ABSENT = frozenset({"", "Unknown", "None", "None assigned"})

DURATIONS = ("Elapsed", "Timelimit", "TotalCPU", "CPUTime", "Reserved", "Planned", "Suspended")
"""Columns written as ``[days-]hours:minutes:seconds``."""

DURATION = re.compile(
    r"(?:(?P<days>[0-9]{1,6})-)?(?:(?P<hours>[0-9]{1,6}):)?(?P<minutes>[0-9]{1,2}):(?P<seconds>[0-9]{1,2}([.][0-9]{1,6})?)"
)


def _records(source: SourceFile) -> Iterator[Record]:
    names: list[str] = []
    for line, text in text_lines(source):
        values = text.split("|")
        if not names:
            names = _header(source, line, values)
            continue
        fields = named_fields(
            source,
            line,
            names,
            values,
            "Was the output cut off? A name or comment with | cannot be told apart: leave JobName, Comment and"
            " SubmitLine out of --format, or put them through `tr`.",
        )
        row: dict[str, Value] = {name: None if v in ABSENT else v for name, v in fields.items()}
        yield {**row, **_unpacked(source, line, row)}


def _header(source: SourceFile, line: int, names: list[str]) -> list[str]:
    """The names of the columns.

    Raises:
        DataError: the line is none of ``sacct --parsable2``.
    """
    if names[-1] == "" and "JobID" in names:
        raise DataError(
            f"{source.name} line {line} ends in |, as of `sacct --parsable`.",
            hint="Export with --parsable2, whose lines do not.",
            line=line,
        )
    if "JobID" not in names:
        raise DataError(
            f"{source.name} line {line} must name the columns of sacct, JobID among them.",
            hint="Export with --parsable2, without --noheader, and with JobID in --format.",
            line=line,
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"{source.name} line {line} names {', '.join(twice)[:80]} more than once.",
            hint="Name each column once in --format.",
            line=line,
        )
    return names


def _unpacked(source: SourceFile, line: int, row: Record) -> Record:
    job, _, step = str(row["JobID"] or "").partition(".")
    found: dict[str, Value] = {"JobID.job": job or None, "JobID.step": step or None}
    state = row.get("State")
    if isinstance(state, str):
        word, _, who = state.partition(" by ")
        found |= {"State": word.rstrip("+"), "State.by": who or None}
    code = row.get("ExitCode")
    if isinstance(code, str):
        first, _, signal = code.partition(":")
        if not (first.isdecimal() and signal.isdecimal() and len(code) < 20):
            raise _no_value(source, line, "ExitCode", "code:signal")
        found |= {"ExitCode.code": int(first), "ExitCode.signal": int(signal)}
    for name in DURATIONS:
        text = row.get(name)
        if isinstance(text, str):
            found[f"{name}.seconds"] = _seconds(source, line, name, text)
    return found


def _seconds(source: SourceFile, line: int, name: str, text: str) -> Value:
    if text in ("UNLIMITED", "Partition_Limit", "INVALID"):
        return None
    parts = DURATION.fullmatch(text)
    if parts is None:
        raise _no_value(source, line, name, "[days-]hours:minutes:seconds")
    days, hours, minutes = (int(parts[name] or 0) for name in ("days", "hours", "minutes"))
    return float(86400 * days + 3600 * hours + 60 * minutes + float(parts["seconds"]))


def _no_value(source: SourceFile, line: int, name: str, shape: str) -> DataError:
    return DataError(
        f"{source.name} line {line} must hold {name} as {shape}.",
        hint="Is a name with | shifting the columns, or was the line damaged?",
        line=line,
    )


FORMAT = EventFormat(
    name="slurm-sacct",
    title="Slurm job accounting, sacct --parsable2",
    columns={
        "JobID": "job, array task or step, such as 12, 12_3 or 12.batch",
        "JobID.job": "the job without its step",
        "JobID.step": "the step; missing for the job itself",
        "State": "last state: COMPLETED, FAILED, CANCELLED, TIMEOUT, ...",
        "State.by": "number of the user who cancelled",
    },
    records=_records,
)
