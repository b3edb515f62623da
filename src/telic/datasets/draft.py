"""``draft_contract``: from a file that nobody has described to a contract that works at once, every guess marked.

The draft is a start, not an answer: it says which column it took for the action and which were the rivals, which unit
it read out of a header, and what it left out. A person confirms the lines marked CONFIRM.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from telic.contract import Data, TaskContract
from telic.errors import DataError

from .contract_file import parse_contract
from .drafting.foreign import Known, known_of
from .drafting.head import read_head
from .drafting.profile import MISSING_TEXTS, ColumnProfile
from .drafting.roles import roles_of
from .drafting.text import Guess
from .drafting.writer import Writer
from .sources.csv_files import csv_columns, csv_delimiter, csv_pieces
from .sources.event_format import event_columns, event_pieces
from .sources.files import PLAIN_FORMATS, SourceFile, is_utf16, source_file, text_faults
from .sources.formats import event_format
from .sources.json_lines import json_columns, json_pieces
from .sources.parquet_files import parquet_columns, parquet_pieces
from .sources.pieces import Pieces

__all__ = ["Draft", "draft_contract"]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A drafted contract.

    Attributes:
        contract_text: YAML with ``# GUESS:`` and ``CONFIRM`` comments.
        contract: the same, read.
        guesses: every guess, in the order of the text.
        rows: rows of the file; of a very long one roles are guessed from the first only, as the draft says.
    """

    contract_text: str
    contract: TaskContract
    guesses: tuple[Guess, ...]
    rows: int


def draft_contract(
    path: str | os.PathLike[str],
    *,
    task: str | None = None,
    format: str | None = None,  # noqa: A002 - as the contract
) -> Draft:
    """The contract that a file suggests; it is valid, and the file can be ingested by it.

    Args:
        path: a CSV, JSON lines or Parquet file; or a foreign log (of some formats a folder).
        task: name of the task; default the name of the file.
        format: ``data.format`` of a foreign log, such as ``servicenow``; default: the file's own columns.

    Raises:
        ContractError: there is no such format.
        DataError: the file cannot be read, has no rows, or has no column that could be an action.
        PermanentError: there is no such file.
    """
    source = source_file(path, format)
    known = None
    if source.format in PLAIN_FORMATS:
        data, pieces = _as_it_is(source)
    else:
        form = event_format(source.format)
        known, data = known_of(form), Data(missing_values=MISSING_TEXTS, format=source.format)
        pieces = event_pieces(source, form, event_columns(source, form))
    head = read_head(pieces)
    if head.n_rows == 0:
        raise DataError(
            f"{source.name} has no rows to draft a contract from.", hint="Was the export filtered to nothing?"
        )
    profiles = head.profiles
    if source.format == "csv" and data.delimiter != "," and any(p.decimal_comma for p in profiles):
        data = data.model_copy(update={"decimal": ","})
    roles = roles_of(profiles, known)
    if roles is None and known is not None and known.action:
        raise _no_choice(source, known, profiles)
    if roles is None:
        kinds = ", ".join(f"{p.name} ({p.kind}, {p.n_distinct:,} values)" for p in profiles[:12])
        raise DataError(
            f"No column of {source.name} could be an action: one with 2 to 40 distinct values, none missing ({kinds}).",
            hint="Add a column that says what was decided in each row.",
        )
    writer = Writer(
        source,
        data,
        head,
        roles,
        task or Path(source.name).name.split(".")[0],
        None if known is None else known.meanings,
    )
    if not writer.names:
        reasons = "; ".join(f"`{column}`: {why}" for column, why in list(writer.left_out.items())[:8])
        raise DataError(
            f"No column of {source.name} could be observed when `{roles.action}` was decided "
            f"({reasons or 'there is no other'}).",
            hint=known.instead
            if known is not None
            else "Add columns with what the experts saw before they decided.",
        )
    page = writer.page()
    return Draft(
        contract_text=page.text,
        contract=parse_contract(page.text, source="the draft"),
        guesses=tuple(page.guesses),
        rows=head.n_rows,
    )


def _no_choice(source: SourceFile, known: Known, profiles: Sequence[ColumnProfile]) -> DataError:
    """Why none of the columns that a format has for what was done can be the action."""
    by_name = {p.name: p for p in profiles}
    below = [p for name in known.action for p in profiles if p.name.startswith(f"{name}.")]
    said = [
        f"`{p.name}` has {p.n_distinct:,} distinct values"
        + (f" and is missing in {p.missing:.0%} of the records" if p.missing else "")
        for p in [*(by_name[name] for name in known.action if name in by_name), *below][:8]
    ]
    return DataError(
        f"No column of {source.name} could be an action: of the format {source.format} that would be "
        f"{' or '.join(f'`{name}`' for name in known.action)}, with 2 to 40 distinct values and none missing; "
        f"{'; '.join(said) or 'the log has no such column'}.",
        hint=known.instead,
    )


def _as_it_is(source: SourceFile) -> tuple[Data, Pieces]:
    """How the file's text is to be read, and its own columns in pieces."""
    data = Data(missing_values=MISSING_TEXTS)
    if source.format == "parquet":
        return data, parquet_pieces(source, parquet_columns(source))
    for encoding in ("utf-16",) if is_utf16(source.path) else ("utf-8", "cp1252", "latin-1"):
        try:
            text_faults(source, encoding)
        except DataError:
            continue
        data = data.model_copy(update={"encoding": encoding})
        break
    if source.format == "jsonl":
        return data, json_pieces(source, dict.fromkeys(json_columns(source), pa.float64()))
    data = data.model_copy(update={"delimiter": csv_delimiter(source, data)})
    as_text = data.model_copy(update={"missing_values": ()})
    return data, csv_pieces(source, dict.fromkeys(csv_columns(source, data), pa.string()), as_text)
