"""What the quality gate refuses, and what becomes of trajectories under suspicion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

__all__ = ["Quality"]


class Quality(BaseModel):
    """The rule of the quality gate (`telic check`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fail_on: tuple[Annotated[str, Strict(), Field(min_length=1)], ...] = Field(
        (),
        description="Codes of findings that fail the gate, beside every finding that is an error (docs/quality.md "
        "lists the codes).",
    )
    quarantine: Literal["report", "leave_out"] = Field(
        "report",
        description="What becomes of trajectories under suspicion of poisoning: `report` lists them; `leave_out` "
        "also keeps them out of everything that is computed.",
    )
    enough: Annotated[int, Strict(), Field(ge=1)] = Field(
        5, description="Decisions from which a state counts as covered."
    )
