"""One schema for every decision that a policy or a person takes while running: what the next dataset is made from.

::

    {"schema_version": 1, "action_id": "...", "rollout_id": "...", "step": 0, "time": 1767225600.0,
     "policy_version": "sha256:...", "dataset_id": "sha256:...", "origin": "policy",
     "state": {"load": 310.0, "pods": 4}, "action": "add", "reward": -1.5, "context": {"region": "eu"}}

A line a decision, every key in every line; what is not known is null. ``rollout_id`` names the run that decisions
belong to (the trajectory), ``policy_version`` and ``dataset_id`` what decided and what it was made from (null where
people decided). The file is JSON lines that a contract reads: ``data.trajectory: rollout_id``, ``origin_column:
origin``, ``labels: [policy_version, dataset_id]``, observations by ``state.load``. Charges find their decision by
``action_id``.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from telic.errors import DataError, world_errors
from telic.trajectories import ORIGINS

__all__ = ["KEYS", "Charge", "DecisionRecord", "append_records", "charged", "read_records"]

SCHEMA_VERSION = 1

KEYS = (
    "schema_version",
    "action_id",
    "rollout_id",
    "step",
    "time",
    "policy_version",
    "dataset_id",
    "origin",
    "state",
    "action",
    "reward",
    "context",
)
"""Of every line."""

PLAIN = (str, int, float, bool, type(None))
"""Types of a value in ``state`` and ``context``."""


@dataclass(frozen=True, kw_only=True)
class DecisionRecord:
    """One decision.

    Attributes:
        action_id: unique in the file.
        rollout_id: of the run that it belongs to.
        step: from 0 within the run.
        time: seconds since 1970.
        origin: of ``telic.trajectories.ORIGINS``.
        state: measurement to what it was before the action.
        action: label.
        policy_version: what decided; None where people did.
        dataset_id: what that was made from; None where it is not known.
        reward: that was seen after it; None: not yet, or never.
        context: what else was known; never part of the state.

    Raises:
        DataError: a field is empty, of another type or out of its range; all are named.
    """

    action_id: str
    rollout_id: str
    step: int
    time: float
    origin: str
    state: Mapping[str, Any]
    action: str
    policy_version: str | None = None
    dataset_id: str | None = None
    reward: float | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = _problems({k: getattr(self, k) for k in KEYS if k != "schema_version"})
        if wrong:
            raise DataError(
                f"Of a decision, {'; '.join(wrong)}.", hint="See docs/annotations.md.", problems=wrong
            )

    def to_json(self) -> dict[str, Any]:
        """Every key of ``KEYS``, in that order."""
        told = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        return {k: told[k] for k in KEYS}


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What one action used, or cost.

    Attributes:
        action_id: of the decision.
        resource: such as ``pod-hours`` or ``eur``.
        amount: in units of the resource; a refund is below 0.
        charge_id: the same charge sent twice counts once; "" where it has no name.
    """

    action_id: str
    resource: str
    amount: float
    charge_id: str = ""


def append_records(path: str | Path, records: Iterable[DecisionRecord]) -> None:
    """Add decisions to a file, after all of them are on the disk.

    Args:
        path: of the file; made where it is missing.
        records: in order.

    Raises:
        TemporaryError, PermanentError: the disk is full, or the file may not be written.
    """
    text = "".join(json.dumps(r.to_json(), ensure_ascii=False, allow_nan=False) + "\n" for r in records)
    with world_errors(f"write {path}"), Path(path).open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read_records(path: str | Path) -> tuple[DecisionRecord, ...]:
    """Every decision of a file.

    Args:
        path: of the file.

    Raises:
        DataError: a line lacks a key, has another, or breaks the schema; an ``action_id`` comes twice.
    """
    found: list[DecisionRecord] = []
    lines: dict[str, int] = {}
    with world_errors(f"read {path}"), Path(path).open(encoding="utf-8") as file:
        for i, raw in enumerate(file, start=1):
            where = f"{Path(path).name} line {i}"
            try:
                told = json.loads(raw)
            except ValueError:
                raise DataError(
                    f"{where} is no JSON object.", hint="A writer may have been killed there."
                ) from None
            missing = [k for k in KEYS if not isinstance(told, dict) or k not in told]
            strange = [] if missing else [k for k in told if k not in KEYS]
            if missing or strange or told["schema_version"] != SCHEMA_VERSION:
                raise DataError(
                    f"{where} is not of schema {SCHEMA_VERSION}: "
                    + (
                        f"it lacks {', '.join(missing)}."
                        if missing
                        else f"it has {', '.join(strange) or 'another'}."
                    ),
                    hint=f"A decision has {', '.join(KEYS)}.",
                )
            wrong = _problems(told)
            if wrong:
                raise DataError(
                    f"{where}: of a decision, {'; '.join(wrong)}.", hint="Correct or remove it.", line=i
                )
            record = DecisionRecord(**{k: told[k] for k in KEYS if k != "schema_version"})
            if record.action_id in lines:
                raise DataError(
                    f"{where} has the `action_id` of line {lines[record.action_id]}.",
                    hint="Give each its own.",
                )
            lines[record.action_id] = i
            found.append(record)
    return tuple(found)


def charged(
    records: Iterable[DecisionRecord], charges: Iterable[Charge]
) -> tuple[dict[str, dict[str, float]], tuple[Charge, ...]]:
    """What each action used and cost in all, and the charges that belong to no action.

    Args:
        records: the decisions; one without a charge has an empty mapping.
        charges: several of one action and resource add up; one that was sent twice counts once.

    Returns:
        ``action_id`` to resource to amount, and what is left over (never spread over other actions).

    Raises:
        DataError: an amount is not finite, or one ``charge_id`` has two contents.
    """
    costs: dict[str, dict[str, float]] = {r.action_id: {} for r in records}
    parts: dict[tuple[str, str], list[float]] = {}
    seen: dict[str, Charge] = {}
    left = []
    for charge in charges:
        if not math.isfinite(charge.amount):
            raise DataError(
                f"A charge of action {charge.action_id!r} is {charge.amount}.",
                hint="Leave it out until it is known.",
            )
        known = seen.get(charge.charge_id) if charge.charge_id else None
        if known is not None and known != charge:
            raise DataError(
                f"Charge {charge.charge_id!r} comes with two contents.",
                hint="Send a correction under its own name.",
            )
        if known is not None:
            continue
        if charge.charge_id:
            seen[charge.charge_id] = charge
        if charge.action_id in costs:
            parts.setdefault((charge.action_id, charge.resource), []).append(charge.amount)
        else:
            left.append(charge)
    for (action, resource), amounts in parts.items():
        costs[action][resource] = math.fsum(amounts)
    return costs, tuple(left)


def _problems(told: Mapping[str, Any]) -> list[str]:
    """What is wrong with the fields of a decision, whatever their types."""
    wrong = [f"`{n}` must be a text" for n in ("action_id", "rollout_id", "action") if not _text(told[n])]
    wrong += [
        f"`{n}` must be a text or null"
        for n in ("policy_version", "dataset_id")
        if told[n] is not None and not _text(told[n])
    ]
    if not isinstance(told["step"], int) or isinstance(told["step"], bool) or told["step"] < 0:
        wrong.append("`step` must be a whole number from 0")
    wrong += [
        f"`{n}` must be a finite number" for n in ("time", "reward") if not _finite(told[n], n == "reward")
    ]
    if told["origin"] not in ORIGINS:
        wrong.append(f"`origin` must be one of {', '.join(ORIGINS)}")
    elif told["origin"] == "policy" and told["policy_version"] is None:
        wrong.append("a policy's decision must name its `policy_version`")
    for name in ("state", "context"):
        values = told[name]
        if not isinstance(values, Mapping) or not all(
            isinstance(k, str)
            and isinstance(v, PLAIN)
            and not (isinstance(v, float) and not math.isfinite(v))
            for k, v in values.items()
        ):
            wrong.append(f"`{name}` must map names to texts, finite numbers, truth values or null")
    return wrong


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _finite(value: Any, may_lack: bool) -> bool:
    if value is None:
        return may_lack
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
