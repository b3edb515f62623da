"""``telic methods``."""

from __future__ import annotations

from .shell import Json, show

__all__ = ["NAME", "command"]

NAME = "methods"


def command(
    name: str | None = None,
    *,
    json: Json = False,
) -> int:
    """List the methods that make policies by what they need, or tell one with the settings worth touching.

    Args:
        name: of a method; default: all.
        json: print the result as one JSON document.
    """
    from telic.workflows.method_list import methods

    return show(methods(name), as_json=json)
