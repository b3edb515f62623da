"""The README.md of a dataset on the Hugging Face Hub: YAML that the Hub reads, then the card for people.

References:
    https://huggingface.co/docs/hub/datasets-cards for the keys of the YAML.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from telic.contract import TaskContract
from telic.datasets.store import DatasetVersion
from telic.reports import Finding, Severity

from .readable import Column

__all__ = ["SIZES", "hugging_face_card"]

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
)
"""Rows below each bound and what the Hub calls that size."""


def hugging_face_card(
    version: DatasetVersion,
    contract: TaskContract,
    columns: Sequence[Column],
    findings: Sequence[Finding],
    *,
    n_rows: int,
    table: str,
) -> str:
    """The text of README.md.

    Args:
        version: that the table was written from.
        contract: what it means.
        columns: of the table.
        findings: of the gate and of the ingest, for what a reader must know.
        n_rows: rows of the table.
        table: path of the table, relative to the card.
    """
    identity = contract.identity
    head = {
        "pretty_name": identity.task,
        **({"license": identity.license.lower()} if identity.license else {}),
        "size_categories": [next((name for bound, name in SIZES if n_rows < bound), "10B<n<100B")],
        "tags": ["demonstrations", "inverse-reinforcement-learning", identity.domain],
        "configs": [{"config_name": "decisions", "data_files": table}],
    }
    warned = [f for f in findings if f.severity >= Severity.WARNING]
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(),
        "---",
        "",
        f"# {identity.task}",
        "",
        identity.paragraph or f"Decisions of experts in the task {identity.task}.",
        "",
        f"{n_rows:,} decisions, one a row, of the version `{version.digest}`.",
        *(["", f"Answers for it: {identity.owner}."] if identity.owner else []),
        "",
        "## Columns",
        "",
        "| column | meaning |",
        "| --- | --- |",
        *(f"| `{c.name}` | {_cell(c.meaning)} |" for c in columns),
        "",
        "## Actions",
        "",
        *(f"- `{label}`" for label in contract.actions.labels),
        "",
        "## Before you learn from it",
        "",
        *([f"- {_cell(f.message)}" for f in warned] or ["Its quality gate has no warning."]),
        "",
        "## People",
        "",
        "Nothing in this dataset says who decided. It must not be used to appraise, rank or discipline people.",
        "",
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
