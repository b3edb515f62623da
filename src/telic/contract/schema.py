"""The JSON Schema of a contract as text; run as a module it prints it, for ``docs/reference``."""

from __future__ import annotations

import json
import sys

from .task import TaskContract

__all__ = ["schema_text"]


def schema_text() -> str:
    """The JSON Schema of ``TaskContract``, indented, with a newline at the end."""
    return json.dumps(TaskContract.json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
