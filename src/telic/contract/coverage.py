"""The edge cases that a dataset has to hold: a named list, each with its expression and the number it needs."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

__all__ = ["EdgeCase"]


class EdgeCase(BaseModel):
    """One situation that must occur often enough before anything may be learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        min_length=1, description="Name of the case, unique in the contract, as a reader should see it."
    )
    expression: str = Field(
        min_length=1,
        description="Expression over observations and `action` that is true in a decision of this case.",
    )
    at_least: Annotated[int, Strict(), Field(ge=1)] = Field(
        1, description="Number of decisions of this case that the dataset must hold."
    )
