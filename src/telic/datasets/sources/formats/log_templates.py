"""Free log lines as templates and their parameters, mined by Drain: one row a line.

``connected to db7 in 12 ms`` has the template ``connected to db<*> in <*> ms`` and the parameters ``7`` and ``12``.
Numbers, addresses and hexadecimal identities are taken out first; words that differ between lines of the same
shape become ``<*>`` by Drain's similarity. The file is read twice: templates are mined from all of it, then each line
is named by the template that fits it at the end, so that equal lines have equal templates wherever they stand.

``template_id`` is made from the template's text: the same file gives the same identities anywhere, and a template
that two files share has one. But what varies is learned from one file, and another may have a wider template for
the same lines. A template holds the words that never varied, names of people among them. Lines of a stack
trace are rows of their own.

References: He et al. (2017), Drain: an online log parsing approach with fixed depth tree; drain3 0.9.11.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import text_lines
from telic.datasets.sources.log_lines import VARIES, masked_line, parameters
from telic.errors import DataError, PermanentError

__all__ = ["FORMAT"]

DEPTH, SIMILARITY, MOST_CHILDREN = 4, 0.4, 100
"""Drain's settings as published; other ones would give other identities."""

MOST_TEMPLATES = 10_000
"""A file with more is no log of a program: each line would be a template of its own."""


def _records(source: SourceFile) -> Iterator[Record]:
    drain = _drain()
    for line, text in text_lines(source):
        drain.add_log_message(" ".join(masked_line(text).words))
        if drain.clusters_counter > MOST_TEMPLATES:
            raise DataError(
                f"{source.name} has more than {MOST_TEMPLATES:,} templates by line {line}.",
                hint="Is it the log of a program? Text that people write has no templates; its format is transcript.",
                line=line,
            )
    for line, text in text_lines(source):
        masked = masked_line(text)
        words = _template(drain, masked.words)
        template = " ".join(words)
        found = parameters(masked, words) + ([] if masked.rest is None else [masked.rest])
        row: dict[str, Value] = {
            "line": line,
            "time": masked.time,
            "template_id": hashlib.sha256(template.encode()).hexdigest()[:12],
            "template": template,
            "n_parameters": len(found),
        }
        yield row | {f"parameter.{i}": value for i, value in enumerate(found)}


def _template(drain: Any, words: tuple[str, ...]) -> tuple[str, ...]:
    cluster = drain.match(" ".join(words), full_search_strategy="fallback")
    assert cluster is not None, "every line was mined"
    return tuple(cluster.log_template_tokens)


def _drain() -> Any:
    """A new tree of Drain.

    Raises:
        PermanentError: drain3 is not installed.
    """
    try:
        drain = importlib.import_module("drain3.drain")
    except ModuleNotFoundError as problem:
        raise PermanentError(
            f"The format log-templates needs the package {problem.name!r}, which is not installed.",
            hint="Install telic with its extra `logs`: pip install 'telic[logs]'.",
        ) from problem
    return drain.Drain(depth=DEPTH, sim_th=SIMILARITY, max_children=MOST_CHILDREN, param_str=VARIES)


FORMAT = EventFormat(
    name="log-templates",
    title="free log lines, as templates and parameters",
    columns={
        "line": "number of the line in the file",
        "time": "moment at the beginning of the line; missing where it begins with none",
        "template_id": "12 hexadecimal digits that name the template",
        "template": "the line with <*> for what varies",
        "n_parameters": "number of parameters",
        "parameter.0": "the first parameter",
    },
    records=_records,
)
