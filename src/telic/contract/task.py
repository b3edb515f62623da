"""The task contract: what is observed, what can be done, when, to what end, and what may be in the reward.

One document goes along the whole way: ingest validates against it, states and features are built from it, the
report repeats it. Its one door is ``TaskContract.from_mapping``, which lists everything that is wrong at
once; reading it from a file is ``telic.datasets.load_contract``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, Strict, TypeAdapter, ValidationError, model_validator

from telic._core.hashing import digest_json
from telic._core.near_miss import near_miss
from telic.errors import ContractError

from .blocks import (
    Actions,
    Data,
    Dynamics,
    Feature,
    Identity,
    Limit,
    Observation,
    Outcomes,
    People,
    States,
    Timing,
)
from .coverage import EdgeCase
from .privacy import Privacy, privacy_problems
from .problems import Problem, contract_error, cross_checks, structural_problems
from .quality import Quality
from .streams import Decisions, Stream

__all__ = ["SCHEMA_VERSION", "TaskContract"]

SCHEMA_VERSION = 1
"""Version of the contract's layout; rises when a file of the old layout would be read wrongly."""


class TaskContract(BaseModel):
    """A validated task contract (frozen; unknown keys are errors).

    Laws: ``TaskContract.from_mapping(c.to_mapping()) == c``; equal contracts have equal digests, and a field
    added later with a default does not change the digest of a contract that does not use it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", title="telic task contract")

    schema_version: Annotated[Literal[1], Field(description="Version of this layout; always 1.")] = 1
    identity: Identity = Field(description="What the task is, whose it is, and how far automation may go.")
    observations: tuple[Observation, ...] = Field(
        description="What could be seen at each decision, one entry a measurement."
    )
    actions: Actions = Field(description="What could be done at each decision.")
    timing: Timing = Field(
        Timing(), description="How often decisions are taken, and how far ahead they look."
    )
    outcomes: Outcomes = Field(Outcomes(), description="How trajectories end, and which ends are good.")
    limits: tuple[Limit, ...] = Field((), description="Bounds that must hold whatever the reward says.")
    features: tuple[Feature, ...] = Field((), description="Candidate terms of the reward.")
    tradeoffs: tuple[tuple[str, str], ...] = Field(
        (),
        description="Pairs [numerator, denominator] of features to report; empty: every feature against "
        "the best-determined one.",
    )
    states: States = Field(States(), description="How finely measurements are cut into states.")
    dynamics: Dynamics = Field(Dynamics(), description="How the world's response is estimated.")
    data: Data = Field(Data(), description="Where the log keeps what, and how it is read.")
    coverage: tuple[EdgeCase, ...] = Field(
        (), description="Edge cases that the dataset must hold, each with the number of decisions it needs."
    )
    quality: Quality = Field(Quality(), description="What the quality gate refuses.")
    streams: tuple[Stream, ...] = Field(
        (),
        description="Several logs that are joined into one table of decisions; empty: the log is that table.",
    )
    decisions: Decisions = Field(
        Decisions(), description="What a decision is beyond the rows of the streams with that role."
    )
    people: People | None = Field(
        None,
        description="Permission to report about single people; null: nothing is reported per demonstrator.",
    )
    privacy: Privacy | None = Field(
        None,
        description="What is removed, masked or renamed at the door, and how long data is kept; null: only the names "
        "of demonstrators become pseudonyms.",
    )
    embodiment: dict[Annotated[str, Strict()], Any] | None = Field(
        None, description="For robots: body, cameras, controllers, as free keys for now; null: no body."
    )

    @model_validator(mode="after")
    def _check(self) -> TaskContract:
        parts = {name: getattr(self, name) for name in type(self).model_fields}
        problems = [*cross_checks(parts, self.observation_names), *privacy_problems(parts)]
        if problems:
            raise contract_error(problems)
        return self

    @classmethod
    def from_mapping(cls, mapping: object) -> TaskContract:
        """The contract that a mapping (from YAML or JSON) describes.

        Args:
            mapping: block names to blocks, as in docs/contract.md.

        Raises:
            ContractError: with every problem, its path and near misses; ``data["problems"]`` has them as
            values.
        """
        if not isinstance(mapping, Mapping):
            raise ContractError(
                f"A contract is a mapping of blocks, got {type(mapping).__name__}.",
                hint="Start from `telic init DIR --from FILE`.",
            )
        parts, problems = _validate_blocks(mapping)
        problems += cross_checks(parts, _names_of(mapping.get("observations")))
        problems += privacy_problems(parts)
        if problems:
            raise contract_error(problems)
        return cls(**parts)

    def to_mapping(self) -> dict[str, Any]:
        """Every field, defaults included, as JSON-able values."""
        return self.model_dump(mode="json")

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema (draft 2020-12) of a contract file."""
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **cls.model_json_schema()}

    @cached_property
    def digest(self) -> str:
        """Digest of what is said, whatever the order of keys, spelled-out defaults and file format."""
        stated = self.model_dump(mode="json", exclude_defaults=True)
        return digest_json({**stated, "schema_version": self.schema_version})

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Names of the observations, in order."""
        return tuple(o.name for o in self.observations)

    @property
    def state_observations(self) -> tuple[Observation, ...]:
        """The observations that make up the state."""
        return tuple(o for o in self.observations if o.in_state)

    def observation(self, name: str) -> Observation:
        """The observation of that name.

        Raises:
            ContractError: there is none; the nearest name is offered.
        """
        for o in self.observations:
            if o.name == name:
                return o
        raise ContractError(
            f"No observation is called `{name}`.{near_miss(name, self.observation_names)}",
            hint=f"The contract has: {', '.join(self.observation_names)}.",
        )


def _validate_blocks(mapping: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The blocks that are valid by themselves, and what is wrong with the others."""
    parts: dict[str, Any] = {}
    problems: list[Problem] = []
    fields = TaskContract.model_fields
    for key in mapping:
        if key not in fields:
            tail = near_miss(str(key), fields) or f" Known: {', '.join(fields)}."
            problems.append(Problem(path=str(key), message=f"Unknown block.{tail}"))
    for name, field in fields.items():
        if name not in mapping:
            if field.is_required():
                problems.append(Problem(path=name, message="Missing; this block has no default."))
            else:
                parts[name] = field.get_default()
            continue
        annotation: Any = field.annotation
        model = _model_of(annotation)
        try:
            parts[name] = TypeAdapter(annotation).validate_python(mapping[name])
        except ValidationError as error:
            problems += structural_problems(error.errors(include_url=False), name, model)
    return parts, problems


def _names_of(observations: Any) -> list[str]:
    """The names that the entries of a block give, also where the block is broken."""
    entries = observations if isinstance(observations, list | tuple) else ()
    return [str(x["name"]) for x in entries if isinstance(x, Mapping) and "name" in x]


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The block model inside an annotation such as ``tuple[Observation, ...]`` or ``People | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _model_of(inner)
        if found is not None:
            return found
    return None
