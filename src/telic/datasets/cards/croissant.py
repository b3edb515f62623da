"""Croissant metadata (JSON-LD) of the table: what the file is, its digest, and its columns as fields.

References:
    Croissant format specification 1.0, http://mlcommons.org/croissant/1.0; the context is that of the specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telic.contract import TaskContract
from telic.datasets.store import DatasetVersion

from .readable import Column

__all__ = ["CONTEXT", "croissant"]

NAMES = (
    "citeAs",
    "column",
    "equivalentProperty",
    "extract",
    "field",
    "fileProperty",
    "fileObject",
    "fileSet",
    "format",
    "includes",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "separator",
    "source",
    "subField",
    "transform",
)
"""Keys of the specification that are words of its own vocabulary."""

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{name: f"cr:{name}" for name in NAMES},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
"""Names of the keys below as the specification has them."""


def croissant(
    version: DatasetVersion,
    contract: TaskContract,
    columns: Sequence[Column],
    *,
    table: str,
    digest: str,
    size: int,
    published: str,
) -> dict[str, Any]:
    """The document.

    Args:
        version: that the table was written from.
        contract: what it means.
        columns: of the table.
        table: path of the Parquet file, relative to the document.
        digest: ``sha256:...`` of its bytes.
        size: in bytes.
        published: date of publication, YYYY-MM-DD.
    """
    identity = contract.identity
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": identity.task,
        "description": identity.paragraph or f"Decisions of experts in the task {identity.task}.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "version": f"0.0.0+{version.digest[7:19]}",
        "datePublished": published,
        **({"license": identity.license} if identity.license else {}),
        **({"creator": {"@type": "sc:Organization", "name": identity.owner}} if identity.owner else {}),
        "keywords": ["demonstrations", "inverse reinforcement learning", identity.domain],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "table",
                "name": "table",
                "contentUrl": table,
                "contentSize": f"{size} B",
                "encodingFormat": "application/x-parquet",
                "sha256": digest.removeprefix("sha256:"),
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "decisions",
                "name": "decisions",
                "description": "One record a decision.",
                "key": [{"@id": "decisions/trajectory"}, {"@id": "decisions/step"}],
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"decisions/{c.name}",
                        "name": f"decisions/{c.name}",
                        "description": c.meaning,
                        "dataType": c.type,
                        "source": {"fileObject": {"@id": "table"}, "extract": {"column": c.name}},
                    }
                    for c in columns
                ],
            }
        ],
    }
