"""Between a command and the terminal: reports to standard output, everything else to standard error.

A command calls one workflow and returns its ``VerbResult``; ``show`` prints it. Errors become a message, an
empty line and a hint, and the exit status of their kind (``exit_codes``).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter

from telic.errors import TelicError, world_errors

from .exit_codes import EXIT_CODES, INTERRUPTED, NOT_AN_ANSWER, OK, OUT_OF_MEMORY, exit_code

if TYPE_CHECKING:
    from telic.workflows.progress import Progress
    from telic.workflows.verb_result import VerbResult

__all__ = ["Json", "fail", "guarded", "progress_bars", "say", "show"]

Json: TypeAlias = Annotated[bool, Parameter(negative=(), help="Print the result as one JSON document.")]
"""The flag that every verb has."""

TEXT_WIDTH = 100
"""Columns of text where the output is no terminal and ``COLUMNS`` does not say how many."""

NARROWEST, WIDEST = 30, 120
"""Columns of text at least and at most: shorter lines are no text, longer ones are hard to read."""


def show(result: VerbResult, *, as_json: bool) -> int:
    """Print the result and how to go on; the exit status says whether it is an answer.

    Args:
        result: of a workflow.
        as_json: one JSON document instead of text.
    """
    if as_json:
        data = result.report.to_json()["data"]
        _print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _print(result.report.to_text(width=_width(), color=_has_color(sys.stdout)).rstrip())
    closing = []
    if result.is_reused:
        closing.append("unchanged: the same inputs gave this result before; nothing was done again")
    if result.page is not None:
        closing.append(f"page: {result.page}")
    if result.finding is not None:
        closing.append(f"most important: {result.finding.message}")
    if result.next_command:
        closing.append(f"next: {result.next_command}")
    if closing:
        say("" if as_json else "\n", *closing)
    return EXIT_CODES[result.status][0] if result.outcome.ok else NOT_AN_ANSWER


def say(*lines: str) -> None:
    """Lines for the person at the terminal, on standard error."""
    for line in lines:
        if line:
            sys.stderr.write(line if line.endswith("\n") else line + "\n")
    sys.stderr.flush()


def fail(message: str, hint: str, status: int) -> int:
    """Print an error with its hint; returns the exit status."""
    say(f"error: {message}", "\n" if hint else "", f"hint: {hint}" if hint else "")
    return status


def guarded(command: Callable[[], int]) -> int:
    """The exit status of a command; every error of telic and the keyboard's interrupt become one."""
    try:
        return command()
    except TelicError as error:
        return fail(error.message, error.hint, exit_code(error))
    except KeyboardInterrupt as stop:
        # A verb whose run can be gone on with says where it is kept (``telic.workflows.stopped``).
        return fail(
            getattr(stop, "message", "Interrupted."),
            getattr(stop, "hint", "What was finished is kept; run the same command again to go on."),
            INTERRUPTED,
        )
    except MemoryError as error:
        return fail(
            f"The memory of this machine does not suffice{f': {error}' if str(error) else ''}.",
            "Make fewer states: fewer `bins`, fewer observations `in_state`; or use a machine with more memory.",
            OUT_OF_MEMORY,
        )
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        _drop_output()
        return OK
    except OSError as error:
        # Where the library did not say what it was doing, the system's word and the place are all there is.
        return guarded(partial(_failed_in_the_world, error))


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Bars on standard error while the block runs; nothing at all where that is no terminal."""
    from telic.workflows.progress import silent

    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def move(stage: str, done: float, total: float | None, note: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, note=note)
            bars.update(tasks[stage], completed=done, total=total, note=note)

        yield move


def _print(text: str) -> None:
    """The text on standard output, or the error of a disk that did not take it."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output()
        with world_errors("write to standard output"):
            raise error


def _failed_in_the_world(error: OSError) -> int:
    """Raises the error of telic that a bare one of the system stands for."""
    with world_errors(f"use {error.filename}" if error.filename else "go on"):
        raise error


def _drop_output() -> None:
    """Nothing more goes to standard output, so that closing it at the end cannot fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _width() -> int:
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named) > 0:
        columns = int(named)
    elif sys.stdout.isatty():
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    else:
        return TEXT_WIDTH
    return max(NARROWEST, min(columns, WIDEST))


def _has_color(stream: Any) -> bool:
    return bool(stream.isatty()) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
