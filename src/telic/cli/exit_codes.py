"""The one table from error codes to exit statuses; docs/reference/cli.md prints it.

The library knows kinds of errors, never statuses; a shell script may rely on these numbers.
"""

from __future__ import annotations

from telic.errors import TelicError

__all__ = [
    "EXIT_CODES",
    "INTERRUPTED",
    "NOT_AN_ANSWER",
    "OK",
    "OUT_OF_MEMORY",
    "UNEXPECTED",
    "USAGE",
    "exit_code",
]

OK = 0
UNEXPECTED = 1
USAGE = 2
NOT_AN_ANSWER = 7
OUT_OF_MEMORY = 71
INTERRUPTED = 130

EXIT_CODES: dict[str, tuple[int, str]] = {
    "ok": (OK, "Done."),
    "unexpected": (UNEXPECTED, "A defect of telic itself; the traceback is printed."),
    "usage": (USAGE, "The command line could not be read: unknown verb or option, missing argument."),
    "settings": (USAGE, "A setting lies outside its range."),
    "caller": (USAGE, "Another mistake in what was passed in."),
    "contract": (3, "The contract is not valid, or does not fit the data."),
    "data": (4, "Rows or columns are missing, malformed, contradictory or impossible."),
    "impossible-demonstrations": (4, "The dynamics give probability zero to what was seen."),
    "dynamics": (5, "Transition, discount or horizon are not valid."),
    "features": (6, "Features are misnamed, non-finite, constant or of the wrong shape."),
    "gauge": (6, "Rewards in different gauges were compared."),
    "numerical": (NOT_AN_ANSWER, "The computation stopped without an answer; the result says why."),
    "insufficient-coverage": (8, "The data cannot support the number asked for."),
    "quality": (9, "The quality gate refuses the data; the findings say why."),
    "memory": (OUT_OF_MEMORY, "The memory of the machine does not suffice."),
    "world": (74, "A file, a disk or a lock failed."),
    "permanent": (74, "A file is corrupt, missing or not ours; trying again will not help."),
    "temporary": (75, "The disk is full or a lock is held; try again later."),
    "interrupted": (
        INTERRUPTED,
        "Stopped by the keyboard; what was finished, and the last checkpoint of a fit, is kept.",
    ),
}
"""Error code to (exit status, meaning)."""


def exit_code(error: TelicError) -> int:
    """The exit status of an error: that of its own code, else of its nearest ancestor with one."""
    for kind in type(error).__mro__:
        code = getattr(kind, "code", None)
        if code in EXIT_CODES:
            return EXIT_CODES[code][0]
    return UNEXPECTED
