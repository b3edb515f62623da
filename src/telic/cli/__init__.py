"""The command line: ``telic VERB FOLDER``. One module a verb; each parses, calls one workflow and shows its
report.

Importing this package or asking for help imports no numerical library.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError
from cyclopts.exceptions import UnknownCommandError

import telic

from . import (
    advise,
    ambiguity,
    card,
    check,
    compare,
    diff,
    elicit,
    erase,
    export,
    imitate,
    infer,
    ingest,
    init,
    lineage,
    methods,
    report,
    review,
    run,
    train,
    verify,
)
from .exit_codes import OK, USAGE
from .shell import fail, guarded

__all__ = ["VERBS", "app", "main"]

app = App(
    name="telic",
    help="From logs of what experts did to what they value, with honest uncertainty.",
    help_epilogue="Reports go to standard output, everything else to standard error. Each verb takes --json.",
    help_format="plaintext",
    version=telic.__version__,
    version_flags=["--version"],
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
VERBS = (
    init,
    ingest,
    check,
    diff,
    lineage,
    card,
    infer,
    ambiguity,
    compare,
    elicit,
    train,
    imitate,
    export,
    report,
    run,
    review,
    verify,
    erase,
    advise,
    methods,
)
"""One module a verb, in the order of a project's life."""
for i_verb, verb in enumerate(VERBS):
    app.command(verb.command, name=verb.NAME, sort_key=i_verb)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status (docs/reference/cli.md).

    Args:
        arguments: words after ``telic``; default: those of the process.
    """
    return guarded(lambda: _dispatch(list(sys.argv[1:] if arguments is None else arguments)))


def _dispatch(words: list[str]) -> int:
    try:
        status = app(words, exit_on_error=False, print_error=False)
    except UnknownCommandError as error:
        return fail(str(error), "`telic --help` lists the verbs.", USAGE)
    except CycloptsError as error:
        verb = words[0] if words and not words[0].startswith("-") else ""
        return fail(str(error), f"`telic {verb + ' ' if verb else ''}--help` lists what can be given.", USAGE)
    return status if isinstance(status, int) else OK
