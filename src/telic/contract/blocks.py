"""The blocks of a task contract: one frozen model a block, every field with its meaning, unit and range.

Checks that need one field alone live here as types and ranges, so that they are part of the JSON Schema;
checks that relate fields or blocks live in ``problems``, which lists all of them at once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, model_validator

from .base import Block, Columns, Flag, Label, Number, as_text
from .streams import Offered, OriginNames

__all__ = [
    "Actions",
    "Data",
    "Dynamics",
    "Feature",
    "Identity",
    "Limit",
    "Observation",
    "Outcomes",
    "People",
    "States",
    "Timing",
]


class Identity(Block):
    """What the task is, whose it is and how far automation may ever go."""

    task: str = Field(
        min_length=1,
        description="Short name of the task, for example `my-scaler`; it also keys the pseudonyms.",
    )
    paragraph: str = Field(
        "",
        description="One paragraph for a reader who knows nothing: who decides what, when and why it "
        "matters.",
    )
    owner: str = Field(
        "", description="Who answers for this contract: a team or a role, not necessarily a person."
    )
    license: str = Field(
        "", description="Licence of the data, an SPDX identifier or words; empty: not stated."
    )
    domain: Literal["operations", "robotics", "business", "security", "medical", "research"] = Field(
        "operations", description="Field of use; `medical` fixes `autonomy_ceiling` to `observe`."
    )
    autonomy_ceiling: Literal["observe", "suggest", "approve", "veto", "act"] = Field(
        "observe",
        description="The most that anything built from this contract may ever do by itself, from least to "
        "most.",
    )


class Observation(Block):
    """One measurement that the decision maker could see when deciding."""

    name: str = Field(description="Name used in expressions, reports and results: letters, digits and `_`.")
    column: str = Field(
        "", description="Column (or JSON key) of the source that holds it; empty: the same as `name`."
    )
    type: Literal["number", "integer", "category", "boolean"] = Field(
        "number",
        description="`number` and `integer` are measured, `category` is one of a set of labels, `boolean` "
        "true or false.",
    )
    unit: str = Field("", description="Unit of the values, for example `requests/s`; empty: a pure number.")
    low: Number | None = Field(
        None, description="Smallest possible value, in `unit`; a smaller one is an error. null: no bound."
    )
    high: Number | None = Field(
        None, description="Largest possible value, in `unit`; a larger one is an error. null: no bound."
    )
    values: tuple[Label, ...] | None = Field(
        None,
        description="Labels of a `category`, in order; null: those found in the data, sorted. Not for "
        "other types.",
    )
    bins: Annotated[int, Strict(), Field(ge=1)] | tuple[Number, ...] | str | None = Field(
        None,
        description=(
            "How values become cells of the state: a count of equal widths from `low` to `high`, a list "
            "of rising edges in `unit`, "
            "`quantile:N` for N cells of equal counts, `auto` (chosen by held-out likelihood), or null: "
            "each distinct value is a cell "
            "(integer, category and boolean; a number without `bins` means `auto`)."
        ),
    )
    affected_by_action: Flag | None = Field(
        None,
        description="Whether the action can change its next value: true, false (exogenous), or null "
        "(unknown; estimated).",
    )
    in_state: Flag = Field(
        True,
        description="Whether it is part of the state; false: carried along for features and checks only.",
    )
    missing: Literal["error", "carry", "label", "drop"] = Field(
        "error",
        description=(
            "What a missing value means: `error`; `carry` the last known value of the same trajectory "
            "(never a later one); `label` it "
            "`missing` (category only); `drop` the row and end the trajectory before it."
        ),
    )
    description: str = Field("", description="What is measured, where and when, in words.")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, value: Any) -> Any:
        """The column defaults to the name, the bins of a number to ``auto``, labels written as numbers to
        text.
        """
        if not isinstance(value, Mapping):
            return value
        filled = dict(value)
        if not filled.get("column") and isinstance(filled.get("name"), str):
            filled["column"] = filled["name"]
        if filled.get("type", "number") == "number" and "bins" not in filled:
            filled["bins"] = "auto"
        if filled.get("type") == "category" and isinstance(filled.get("values"), list | tuple):
            filled["values"] = tuple(_label(v) for v in filled["values"])
        return filled


class Actions(Block):
    """What could be done at each decision: finitely many alternatives, in a fixed order."""

    column: str | None = Field(
        min_length=1,
        description="Column (or JSON key) of the source that holds the action taken; null: the log has none "
        "(states only), so nothing that learns from actions accepts it.",
    )
    type: Literal["category", "integer", "number"] = Field(
        "category",
        description="`category`: labels. `integer` or `number`: measured amounts that expressions may "
        "calculate with.",
    )
    values: tuple[Label, ...] = Field(
        description="Every alternative, in the order of the action indices 0, 1, ...; one outside this "
        "list is an error."
    )
    unit: str = Field(
        "", description="Unit of `integer` and `number` actions, for example `pods`; empty for labels."
    )
    tolerance: Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)] = Field(
        0.0,
        description="Largest distance, in `unit`, at which a measured amount still counts as the nearest "
        "of `values`.",
    )
    description: str = Field("", description="What the alternatives mean, in words.")
    offered: Offered | None = Field(
        None, description="What else could have been done at each decision; null: anything, always."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, value: Any) -> Any:
        """Labels written as numbers are text."""
        if (
            isinstance(value, Mapping)
            and value.get("type", "category") == "category"
            and isinstance(value.get("values"), list | tuple)
        ):
            return {**value, "values": tuple(_label(v) for v in value["values"])}
        return value

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each action, in order: the ``action_labels`` of demonstrations."""
        return tuple(as_text(v) for v in self.values)


class Timing(Block):
    """How often decisions are taken and how far ahead they look."""

    control_period_seconds: Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)] | None = Field(
        None,
        description="Time between decisions, in seconds; null: decisions follow events and have no fixed "
        "period.",
    )
    discount: Annotated[float, Strict(), Field(ge=0, le=1)] = Field(
        0.95,
        description="Weight of one decision later against now, per decision, in [0, 1]; 1 needs `horizon` "
        "or `outcomes.terminated`.",
    )
    horizon: Annotated[int, Strict(), Field(ge=1)] | None = Field(
        None, description="Number of decisions after which the task ends, or null when it goes on."
    )
    max_gap_seconds: Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)] | None = Field(
        None,
        description="A silence longer than this, in seconds, ends a trajectory; null: trajectories are "
        "never split at gaps.",
    )


class Outcomes(Block):
    """How a trajectory ends, and which ends are good."""

    terminated: str | None = Field(
        None,
        description="Boolean column: true on the last decision of a task that ended by itself; null: "
        "records only stop (truncated).",
    )
    succeeded: str | None = Field(
        None,
        min_length=1,
        description="Boolean column: whether the task of the trajectory succeeded; its last known value counts, and "
        "failures are kept. null: not recorded.",
    )
    success: str = Field(
        "",
        description="Expression over observations and `action` that is true where the task succeeded; "
        "empty: not stated.",
    )
    failure: str = Field(
        "",
        description="Expression over observations and `action` that is true where the task failed; empty: "
        "not stated.",
    )


class Limit(Block):
    """A bound that must hold whatever the reward says."""

    name: str = Field(min_length=1, description="Name of the limit, unique in the contract.")
    expression: str = Field(
        min_length=1,
        description="Expression over observations and `action` that must be true, for example `pods <= 10`.",
    )
    hard: Flag = Field(True, description="true: never to be broken by a policy; false: reported when broken.")


class Feature(Block):
    """One candidate term of the reward: something the experts may value or avoid."""

    name: str = Field(
        min_length=1, description="Name of the weight in every result: letters, digits and `_`."
    )
    expression: str = Field(
        min_length=1, description="Expression over observations and `action`; its value is counted in `unit`."
    )
    unit: str = Field(
        "", description="What one unit of the value is, for example `minute over SLO`; empty: a pure number."
    )
    indicator: str = Field(
        "",
        description="The indicator or objective it stands for (an SLI or SLO), for the reader; may be empty.",
    )


class States(Block):
    """How finely measurements are cut into states."""

    cap: Annotated[int, Strict(), Field(ge=1)] = Field(
        5000, description="Largest number of cells that `auto` bins may make."
    )
    resolutions: tuple[Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)], ...] = Field(
        (0.5, 1, 2),
        description="Factors on the numbers of bins at which every trade-off is shown; must contain 1.",
    )


class Dynamics(Block):
    """How the world's response is estimated from the log."""

    smoothing: Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)] = Field(
        1.0,
        description="Pseudo-count, in decisions, that pulls each row of the transition table to the "
        "pooled one; 0: plain frequencies.",
    )
    environment: str | None = Field(
        None,
        description="Observation (a category or boolean of the state) that says in which environment a "
        "trajectory happened; each has dynamics of its own, and all share one reward. null: there is one.",
    )


class Data(Block):
    """Where the log keeps what, and how it is read."""

    format: str | None = Field(
        None,
        min_length=1,
        description="How source files are laid out: `csv`, `jsonl`, `parquet` or a format of foreign logs such as "
        "`kubernetes-audit` (docs/formats.md lists them); null: by the file's ending.",
    )
    trajectory: Columns = Field(
        (), description="Columns whose values together name a trajectory; empty: each source file is one."
    )
    demonstrator: str | None = Field(
        None, description="Column that names who decided; kept only as a pseudonym. null: all as one."
    )
    time: str | None = Field(
        None, description="Column with the time of the decision; null: rows are in order as they stand."
    )
    time_format: str | None = Field(
        None,
        description=(
            "How times are written: null for ISO 8601 text or seconds since 1970 as a number, `seconds`, "
            "`milliseconds`, `microseconds`, `nanoseconds`, or a pattern such as `%d-%m-%Y %H:%M`. "
            "Times without a zone are taken as UTC, unless `zone` says otherwise."
        ),
    )
    zone: str | None = Field(
        None,
        min_length=1,
        description="Time zone of times without one, such as `Europe/Berlin`; null: UTC.",
    )
    fold: Literal["error", "earlier", "later"] = Field(
        "error",
        description="Which moment a local time of `zone` means that a change of the clocks made happen twice: "
        "`error`, the `earlier` or the `later` one.",
    )
    cut_seconds: Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)] | None = Field(
        None,
        description="Trajectories are also cut at every multiple of this many seconds since 1970 (86400: at "
        "midnight UTC), so that a record that never ends becomes several; null: they are not.",
    )
    duplicates: Literal["error", "drop", "keep"] = Field(
        "error",
        description="What several rows of one trajectory at one time mean: `error`; `drop` all but the first "
        "(only where they are equal in every column); `keep` all, in the order of the file.",
    )
    weight: str | None = Field(
        None, description="Column with the non-negative weight of each decision; null: all 1."
    )
    origin: Literal["human", "rule", "policy", "adversary", "mixed"] = Field(
        "human",
        description="Who made the decisions: people, a fixed rule, a learned policy, an attacker, or "
        "several of these.",
    )
    origin_column: str | None = Field(
        None,
        min_length=1,
        description="Column that says who made each decision; trajectories are cut where it changes. null: `origin` "
        "holds for all.",
    )
    origin_values: OriginNames = Field(
        (),
        description="Text of `origin_column` to what it means: `human`, `rule`, `policy`, `adversary` or `unknown`; "
        "these words mean themselves.",
    )
    labels: Columns = Field(
        (),
        description="Columns kept as text about each trajectory: scenario, session, quality, incident.",
    )
    held_out: Annotated[float, Strict(), Field(ge=0, lt=1)] = Field(
        0.2,
        description="Share of trajectories kept out of fitting, in [0, 1), chosen by a hash of their "
        "names and `key`.",
    )
    split_by: Literal["episode", "demonstrator", "time"] = Field(
        "episode",
        description="What is kept out whole: trajectories or demonstrators chosen by a hash of their names and "
        "`key`, or the trajectories that began last.",
    )
    key: Annotated[int, Strict(), Field(ge=0)] = Field(0, description="Random key of the held-out split.")
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="Separator of a CSV; null: found from its first line."
    )
    decimal: Literal[".", ","] = Field(".", description="Decimal mark of numbers in a CSV.")
    encoding: str = Field("utf-8", min_length=1, description="Text encoding of CSV and JSON lines.")
    missing_values: tuple[str, ...] = Field(
        ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"),
        description="Texts that mean a missing value, beside an absent one.",
    )


class People(Block):
    """Permission to report about single people (as pseudonyms); without it nothing is reported per
    demonstrator.
    """

    purpose: str = Field(
        min_length=1, description="Why findings about single people are needed; never appraisal or ranking."
    )
    legal_basis: str = Field(min_length=1, description="The legal basis of that purpose.")
    informed_on: dt.date = Field(description="The day on which the people were told, YYYY-MM-DD.")
    min_group: Annotated[int, Strict(), Field(ge=2)] = Field(
        5,
        description="Smallest number of people about whom a shared figure may be handed on "
        "(`telic report --group`).",
    )
    readers: Columns = Field(
        (),
        description="Login names of those who may read about single people; empty: whoever may read the folder.",
    )


def _label(value: Any) -> Any:
    """Numbers become text; anything else is left for the type check."""
    return as_text(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
