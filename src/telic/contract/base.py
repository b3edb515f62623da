"""What all blocks of the contract are made of: closed frozen models, strict values, names that stand for columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, Strict, WithJsonSchema

__all__ = ["Block", "Columns", "Flag", "Label", "Names", "Number", "Seconds", "Selection", "Whole", "as_text"]


def _one_or_many(value: Any) -> Any:
    """A lone string where a list of strings is expected counts as a list of one."""
    return (value,) if isinstance(value, str) else value


def as_text(value: str | int | float) -> str:
    """A label as text: integers without a point, so that 1 and "1" are one label."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _pairs(value: Any) -> Any:
    return tuple(value.items()) if isinstance(value, Mapping) else value


def _choices(value: Any) -> Any:
    """Column to the texts that it may have, from a mapping to one value or several."""
    if not isinstance(value, Mapping):
        return value
    return tuple(
        (k, tuple(_choice(x) for x in (v if isinstance(v, list | tuple) else (v,)))) for k, v in value.items()
    )


def _choice(value: Any) -> Any:
    """Numbers become text, truth values the words that a log has for them."""
    if isinstance(value, bool):
        return str(value).lower()
    return as_text(value) if isinstance(value, int | float) else value


Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Seconds = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
Label = Annotated[str, Strict()] | Whole | Number
Columns = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
Names = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_pairs),
    PlainSerializer(dict, return_type=dict[str, str]),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]
"""Name to name: written as a mapping, kept as pairs so that a contract stays hashable."""

Selection = Annotated[
    tuple[tuple[str, tuple[str, ...]], ...],
    BeforeValidator(_choices),
    PlainSerializer(lambda pairs: {k: list(v) for k, v in pairs}, return_type=dict[str, list[str]]),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
    ),
]
"""Column to the values that it may have, written and kept likewise."""


class Block(BaseModel):
    """Frozen, and closed: an unknown key is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=False)
