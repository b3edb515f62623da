"""Questions in a file that a person can fill in, and the answers read back from it.

A question is named by what its two plans collect, so that an answer keeps its meaning in every later run. The rows of
a file are never changed here, and a file in which something was filled in is never written over.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from telic._core.near_miss import near_miss
from telic.contract import TaskContract
from telic.datasets.sources.pseudonyms import pseudonyms_of
from telic.errors import DataError, PermanentError, world_errors
from telic.storage import atomic_write

__all__ = [
    "CHOICES",
    "COLUMNS",
    "Answer",
    "read_answers",
    "require_blank",
    "under_pseudonyms",
    "write_questions",
]

COLUMNS = ("question", "a", "b", "choice", "who")
"""Of the file that is filled in."""

CHOICES = {"a": "first", "b": "second", "tie": "cannot say"}
"""What may stand in ``choice`` to the reply of ``telic.inference.elicitation.update_belief``."""

PSEUDONYM = "demonstrator-"
"""How the pseudonyms of a log begin."""

LINES = (".jsonl", ".ndjson")
"""Files with one JSON object a line; all others are CSV."""

_HINT = "Give CSV with the columns question, choice (A, B or tie) and who, such as a filled questions.csv."


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer.

    Attributes:
        question: name of the question.
        choice: ``a``, ``b`` or ``tie``.
        who: name or pseudonym, or "".
        place: where it was read, for messages.
    """

    question: str
    choice: str
    who: str
    place: str


def write_questions(path: Path, questions: Iterable[Mapping[str, Any]]) -> None:
    """The comparisons as CSV with an empty ``choice`` and ``who``, whole or not at all.

    Args:
        path: of the file.
        questions: JSON form of each; other kinds are left out, as decisions answer them.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for q in questions:
        if q["kind"] == "comparison":
            writer.writerow((q["id"], f"A: {q['a']}", f"B: {q['b']}", "", ""))
    # The mark at the front tells spreadsheets that letters beyond ASCII are UTF-8.
    atomic_write(path, text.getvalue().encode("utf-8-sig"))


def require_blank(path: Path) -> None:
    """That a file of questions may be written here: none is there, or one in which nothing was filled in.

    Raises:
        PermanentError: it holds answers, or is another file.
    """
    if not path.exists():
        return
    if path.is_dir():
        raise PermanentError(f"{path} is a folder.", hint="Name a file for the questions.")
    rows = _rows(path, _text(path))
    if not rows or any(column not in rows[0] for column in COLUMNS):
        raise PermanentError(
            f"{path} is there already and is no file of questions; it is left as it is.",
            hint="Name another file.",
        )
    if any((row["choice"] or "").strip() for row in rows):
        raise PermanentError(
            f"{path} holds answers already; it is left as it is.",
            hint=f"Give them with --answers {path}, and name another file for the next questions.",
        )


def read_answers(paths: Sequence[Path]) -> tuple[tuple[Answer, ...], int]:
    """The answers in files, and how many questions in them are not answered yet.

    Args:
        paths: CSV or JSON lines.

    Raises:
        PermanentError: a file is missing or cannot be read.
        DataError: a file is empty or malformed, nothing is filled in, or a choice is none of A, B and tie.
    """
    found: list[Answer] = []
    blank = 0
    for path in paths:
        rows = _rows(path, _text(path))
        if not rows:
            raise DataError(f"{path} is empty: it has no answers.", hint=_HINT)
        missing = [column for column in ("question", "choice") if column not in rows[0]]
        if missing:
            there = [str(column) for column in rows[0]]
            raise DataError(
                f"{path} has no column {missing[0]!r}; it has {', '.join(there)}.{near_miss(missing[0], there)}",
                hint=_HINT,
            )
        answers = [_answer(path, i, row) for i, row in enumerate(rows)]
        blank += sum(answer is None for answer in answers)
        found += [answer for answer in answers if answer is not None]
    if paths and not found:
        named = ", ".join(str(path) for path in paths)
        raise DataError(
            f"{named} has {blank} questions, and no `choice` is filled in.",
            hint="Write A, B or tie into the column `choice`, and save.",
        )
    return tuple(found), blank


def under_pseudonyms(answers: Sequence[Answer], contract: TaskContract) -> tuple[Answer, ...]:
    """The answers by the pseudonyms that the log has for the same names; nobody's name is kept.

    Args:
        answers: as read.
        contract: names the task and the key of its pseudonyms.
    """
    names = sorted({a.who for a in answers if a.who and not a.who.startswith(PSEUDONYM)})
    known = dict(zip(names, pseudonyms_of(names, contract), strict=True))
    return tuple(replace(a, who=known.get(a.who, a.who)) for a in answers)


def _answer(path: Path, i: int, row: Mapping[str, Any]) -> Answer | None:
    """The answer of a row; None where nothing was filled in."""
    question, choice, who = (str(row.get(name) or "").strip() for name in ("question", "choice", "who"))
    # The first row of a CSV holds the names of its columns.
    place = f"{path}, line {i + (1 if path.suffix in LINES else 2)}"
    if not choice:
        return None
    if not question:
        raise DataError(f"{place}: a choice without a question.", hint="Fill in `question`.")
    if choice.lower() not in CHOICES:
        raise DataError(
            f"{place}: the choice must be A, B or tie, got {choice!r}.",
            hint="Leave it empty where nobody has answered yet.",
        )
    return Answer(question=question, choice=choice.lower(), who=who, place=place)


def _text(path: Path) -> str:
    if not path.is_file():
        near = near_miss(path.name, [p.name for p in path.parent.iterdir()]) if path.parent.is_dir() else ""
        raise PermanentError(
            f"There is no file {path}.{near}", hint="Check its name, and the folder that you are in."
        )
    with world_errors(f"read {path}"):
        raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not text in UTF-8 (byte {error.start}).", hint="Save it as CSV in UTF-8."
        ) from error


def _rows(path: Path, text: str) -> list[dict[str, Any]]:
    """Rows by column, the names of the columns in small letters."""
    if path.suffix in LINES:
        return [_line(path, i, line) for i, line in enumerate(text.splitlines()) if line.strip()]
    head = text.split("\n", 1)[0]
    # Spreadsheets of many countries write semicolons.
    delimiter = max(",;\t", key=head.count)
    found = []
    for row in csv.DictReader(io.StringIO(text), delimiter=delimiter):
        named = {str(k).strip().lower(): v for k, v in row.items() if k is not None}
        if any((v or "").strip() for v in named.values()):
            found.append(named)
    return found


def _line(path: Path, i: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise DataError(f"{path}, line {i + 1} is no JSON: {error}.", hint="One object a line.") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}, line {i + 1} is no JSON object.", hint="One object a line.")
    return {str(k).strip().lower(): v for k, v in value.items()}
