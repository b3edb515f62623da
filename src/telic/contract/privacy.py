"""The ``privacy`` block: what is removed, masked, made coarser or renamed at the door, how long data is kept, and
whether the rows of one person can be erased.

Everything here holds before anything is stored or printed; what each rule does to which values is in
``docs/privacy.md``. Secrets (the key of the pseudonyms, a list of names) are named here and lie elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from .base import Block, Flag, Number, Selection
from .blocks import Actions, Data, Observation, Outcomes
from .problems import Problem

__all__ = ["Privacy", "PrivacyRule", "privacy_problems"]

Kind = Literal["key", "email", "card", "ip", "phone", "name"]

DETECTED: tuple[Kind, ...] = ("key", "email", "card", "ip", "phone", "name")
"""Kinds that are looked for (``telic.datasets.privacy.detectors.KINDS``, which a test compares)."""

KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

WAYS = ("width", "to", "groups", "prefix")
"""How values are made coarser; a rule states one."""


class PrivacyRule(Block):
    """What is done with the values of one column of the source, before anything else sees them."""

    column: str = Field(
        min_length=1,
        description="Column of the source, or JSON key with dots; the rule also covers the keys below it "
        "(`user` covers `user.name`).",
    )
    rule: Literal["remove", "mask", "generalise", "pseudonym"] = Field(
        description="`remove`: nothing may use the column; `mask`: what the detectors find in its text is replaced by "
        "its kind, as in `<email>`; `generalise`: values are made coarser; `pseudonym`: each value becomes a keyed "
        "pseudonym.",
    )
    width: Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="For numbers: values are rounded down to a multiple of this, in the column's unit."
    )
    to: Literal["hour", "day", "week"] | None = Field(
        None, description="For `data.time`: the beginning of its hour, day or week (Monday), in UTC."
    )
    groups: Selection = Field((), description="For text: name of each group to the values that become it.")
    other: str = Field(
        "other", min_length=1, description="Group of the values that stand in none of `groups`."
    )
    prefix: Annotated[int, Strict(), Field(ge=0, le=32)] | None = Field(
        None,
        description="For IP addresses: bits of an IPv4 address that are kept, 0 to 32; of an IPv6 address twice as "
        "many. What is no address becomes `other`.",
    )


class Privacy(Block):
    """Protection of the people in the data, at the door: before anything is stored or printed."""

    key: str | None = Field(
        None,
        description="Name of the secret key of all pseudonyms: a file NAME.key in the private folder (docs/privacy.md)"
        ", made on first use, never stored with the data. null: the task's name is the key, which protects from "
        "nobody who knows it.",
    )
    names: str | None = Field(
        None,
        min_length=1,
        description="List of names to look for, one a line: NAME for NAME.names in the private folder, or a path. "
        "null: names are not looked for.",
    )
    rules: tuple[PrivacyRule, ...] = Field((), description="One entry a column of the source.")
    detect: tuple[Kind, ...] = Field(
        DETECTED, description="Kinds that `mask`, findings and messages look for in text."
    )
    encrypt: Flag = Field(
        False,
        description="true: the rows of each demonstrator are encrypted under a key of their own, so that "
        "`telic erase --person` can destroy it. Needs `key`, `data.demonstrator` and the extra `privacy`.",
    )
    retention_days: Annotated[Number, Field(gt=0)] | None = Field(
        None,
        description="Days after which `telic erase --expired` removes a version of the dataset; null: kept for ever.",
    )


def privacy_problems(parts: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the block alone and beside the others.

    Args:
        parts: block name to its model, without the blocks that are broken themselves.
    """
    privacy: Privacy | None = parts.get("privacy")
    if privacy is None:
        return []
    found: list[Problem] = []
    if privacy.key is not None and not KEY_NAME.fullmatch(privacy.key):
        found.append(_at("privacy.key", "Must be a name of letters, digits, `.`, `_` and `-`, not a path."))
    uses = _uses(parts)
    columns = [r.column for r in privacy.rules]
    for i, rule in enumerate(privacy.rules):
        here = f"privacy.rules[{i}]"
        if rule.column in columns[:i]:
            found.append(_at(f"{here}.column", f"`{rule.column}` has a rule already."))
        found += _of_rule(here, rule, uses)
        if rule.rule == "pseudonym" and privacy.key is None:
            found.append(_at(here, "A pseudonym needs a secret: name one in `privacy.key`."))
    data: Data | None = parts.get("data")
    if privacy.encrypt and data is not None and data.demonstrator is None:
        found.append(_at("privacy.encrypt", "Rows are encrypted by person: name `data.demonstrator`."))
    if privacy.encrypt and privacy.key is None:
        found.append(
            _at("privacy.encrypt", "People are found again by a keyed pseudonym: name `privacy.key`.")
        )
    return found


def _uses(parts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Column, kind (number, time, text, ...) and field of every use of a column."""
    observations: Sequence[Observation] = parts.get("observations") or ()
    found: list[tuple[str, str, str]] = [
        (o.column, o.type, f"observations[{i}]") for i, o in enumerate(observations)
    ]
    actions: Actions | None = parts.get("actions")
    if actions is not None and actions.column is not None:
        found.append((actions.column, actions.type, "actions"))
    outcomes: Outcomes | None = parts.get("outcomes")
    if outcomes is not None and outcomes.terminated is not None:
        found.append((outcomes.terminated, "boolean", "outcomes.terminated"))
    data: Data | None = parts.get("data")
    if data is not None:
        found += [(c, "text", "data.trajectory") for c in data.trajectory]
        named = (
            (data.demonstrator, "text", "data.demonstrator"),
            (data.time, "time", "data.time"),
            (data.weight, "number", "data.weight"),
        )
        found += [(c, kind, field) for c, kind, field in named if c is not None]
    return found


def _of_rule(here: str, rule: PrivacyRule, uses: Sequence[tuple[str, str, str]]) -> Iterator[Problem]:
    stated = [way for way in WAYS if getattr(rule, way) not in (None, ())]
    if rule.rule != "generalise" and stated:
        yield _at(f"{here}.{stated[0]}", f"Is for `rule: generalise`; this one is `{rule.rule}`.")
        return
    if rule.rule == "generalise" and len(stated) != 1:
        yield _at(here, f"`generalise` needs exactly one of {', '.join(WAYS)}; got {len(stated)}.")
        return
    wanted = {"width": ("number", "integer"), "to": ("time",)}.get(
        stated[0] if stated else "", ("category", "text")
    )
    for column, kind, field in uses:
        if not (column == rule.column or column.startswith(f"{rule.column}.")):
            continue
        if rule.rule == "remove":
            yield _at(f"{here}.column", f"`{column}` is removed, but {field} uses it.")
        elif rule.width is not None and kind == "integer" and not rule.width.is_integer():
            yield _at(
                f"{here}.width", f"Must be a whole number for the integers of `{column}`; got {rule.width:g}."
            )
        elif kind not in wanted:
            yield _at(here, f"Is for {' and '.join(wanted)} columns; {field} reads `{column}` as {kind}.")


def _at(path: str, message: str) -> Problem:
    return Problem(path=path, message=message)
