"""The blocks ``streams`` and ``decisions``: several logs with clocks of their own, and how they become decisions.

A contract without them reads one table of decisions, as it always did. With them, ``telic.datasets.decisions`` joins
the streams into that table: the rows of streams with the role ``decisions`` are the decisions, those of ``state`` say
what was known just before each, and those of ``outcomes`` what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, Strict, WithJsonSchema

from .base import Block, Columns, Flag, Names, Number, Seconds, Selection

__all__ = ["Clock", "Decisions", "LateOutcome", "NoAction", "Offered", "Origin", "OriginNames", "Stream"]

Origin = Literal["human", "rule", "policy", "adversary", "unknown"]
"""Who made a decision; the names of ``telic.trajectories.ORIGINS``."""

OriginNames = Annotated[
    tuple[tuple[str, Origin], ...],
    BeforeValidator(lambda v: tuple((str(k), x) for k, x in v.items()) if isinstance(v, Mapping) else v),
    PlainSerializer(dict, return_type=dict[str, str]),
    WithJsonSchema({"type": "object", "additionalProperties": {"enum": list(get_args(Origin))}}),
]
"""What a log writes to whom it means, written as a mapping."""


class Clock(Block):
    """How far the clock of a stream is off, as stated or as estimated."""

    offset_seconds: Number = Field(
        0.0,
        description="Seconds by which this clock is ahead of the others, taken off its times; not together with "
        "`estimate_against`.",
    )
    estimate_against: str = Field(
        "",
        description="Stream whose clock counts as right: offset and drift are estimated from the events that both "
        "hold. Empty: `offset_seconds` as stated.",
    )
    key: Columns = Field(
        (), description="Columns whose values together name an event, such as a request's id."
    )
    key_there: Columns = Field(
        (), description="The same columns in the other stream; empty: they have the same names there."
    )
    lag_seconds: Number = Field(
        0.0,
        description="Seconds by which this stream notes an event later than the other one by right (a queue, the "
        "network); a constant lag cannot be told from an offset.",
    )
    drift: Flag = Field(
        True, description="Whether the clock may also run fast or slow, which is then estimated."
    )


class Stream(Block):
    """One log among several: where it is, when its rows happened, whom they are about, what it is for."""

    name: str = Field(
        description="Name of the stream: letters, digits and `_`; its columns are called `name.column` elsewhere."
    )
    files: Columns = Field(
        description="Files, as names or patterns (`audit/*.log`) relative to the folder of the contract."
    )
    format: str | None = Field(
        None, min_length=1, description="How they are laid out, as `data.format`; null: by the file's ending."
    )
    role: Literal["decisions", "state", "outcomes"] = Field(
        description="`decisions`: its rows are decisions; `state`: what was known when deciding; `outcomes`: what "
        "became known afterwards."
    )
    time: str = Field(min_length=1, description="Column with the time of each row.")
    time_format: str | None = Field(None, description="How times are written, as `data.time_format`.")
    zone: str | None = Field(
        None,
        min_length=1,
        description="Time zone of times without one, such as `UTC` or `Europe/Berlin`; null: such times are an error.",
    )
    fold: Literal["error", "earlier", "later"] = Field(
        "error",
        description="Which moment a local time means that a change of the clocks made happen twice: `error`, the "
        "`earlier` or the `later` one.",
    )
    entities: Names = Field(
        (),
        description="Shared name (service, host, robot) to the column of this stream that holds it; rows are joined "
        "where all names agree. Empty: the stream is about everything.",
    )
    columns: Names = Field(
        (),
        description="Other name to column, where several streams of decisions call the same thing differently.",
    )
    where: Selection = Field(
        (),
        description="Column to the values that it may have; other rows are left out and counted. Empty: every row.",
    )
    identity: Columns = Field(
        (),
        description="Columns that together name a row wherever it was written: fragments of one log that overlap are "
        "stitched by them. Empty: rows equal in all that is read (and not decisions) are one.",
    )
    clock: Clock = Field(Clock(), description="How far its clock is off.")
    max_age_seconds: Seconds | None = Field(
        None,
        description="State older than this at the decision counts as missing; null: however old.",
    )
    same_time: Literal["exclude", "include"] = Field(
        "exclude",
        description="Whether state of exactly the decision's time was known then; `exclude` never lets an effect pass "
        "for a cause.",
    )
    duplicates: Literal["error", "last"] = Field(
        "error",
        description="What different rows of one entity at one time mean in a stream of state: `error`, or the `last` "
        "in the order of the files counts.",
    )
    origin: Origin | None = Field(
        None, description="Who made the decisions of this stream; null: as `data.origin` says."
    )


class NoAction(Block):
    """Decisions to do nothing, which no log writes down: moments between acts, taken by a stated rule."""

    label: str = Field(
        min_length=1, description="The action that stands for doing nothing, one of `actions.values`."
    )
    every_seconds: Seconds = Field(description="Distance of the moments, in seconds.")
    policy: Literal["grid", "after_act"] = Field(
        "grid",
        description="`grid`: at multiples of `every_seconds` since 1970; `after_act`: so long after each act, and "
        "again until the next.",
    )
    margin_seconds: Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)] = Field(
        0.0, description="Moments no further than this from an act of the same entity are left out."
    )


class LateOutcome(Block):
    """Which decision a row of a stream of outcomes belongs to."""

    stream: str = Field(description="A stream with the role `outcomes`.")
    key: Columns = Field(
        (), description="Columns of the decision that name it; empty: by time, see `within_seconds`."
    )
    key_there: Columns = Field((), description="The same in the stream of outcomes; empty: the same names.")
    within_seconds: Seconds | None = Field(
        None,
        description="Longest wait. Without `key`: an outcome belongs to the last decision about the same entities "
        "before it, if that is no longer ago than this.",
    )
    keep: Literal["last", "first"] = Field(
        "last",
        description="Which of several outcomes of a decision counts: a label that was corrected is the `last`.",
    )


class Decisions(Block):
    """What a decision is, beyond the rows of the streams with that role."""

    no_action: NoAction | None = Field(
        None, description="Decisions to do nothing between the acts; null: only acts are decisions."
    )
    outcomes: tuple[LateOutcome, ...] = Field(
        (), description="How rows of streams of outcomes find the decision that they belong to."
    )
    proposed: str = Field(
        "",
        description="Column of the decisions with what a learned policy proposed. Where something else was done, a "
        "person overrode it: the decision is that person's, and the proposal is kept. Empty: there is none.",
    )


class Offered(Block):
    """What else could have been done at each decision, as the log or a rule has it."""

    column: str = Field(
        "",
        description="Column with the labels of the actions that could be taken, in one text; empty: see `columns`.",
    )
    separator: str = Field("|", min_length=1, description="What stands between two labels in `column`.")
    columns: Names = Field(
        (),
        description="Action to the boolean column that is true where it could be taken; one left out could always be.",
    )
    evidence: Literal["recorded", "rule", "assumed"] = Field(
        "recorded",
        description="How it is known: `recorded` then, worked out by a `rule` afterwards, or `assumed`.",
    )
