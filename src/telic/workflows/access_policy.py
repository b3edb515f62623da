"""Who may do what in a project: ``access.yaml`` beside the contract, roles of logins and groups of the system.

::

    schema_version: 1
    roles:
      steward: {members: [ana, "%platform"], may: [ingest, check, review]}
      analyst: {members: ["*"], may: [infer, report]}

A member is a login, a group after ``%``, or ``*`` for everybody. Without the file everybody may do everything that the
folder lets them; with it, nobody may do what no role of theirs names.
"""

from __future__ import annotations

import grp
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from telic._core.hashing import digest_bytes
from telic._core.near_miss import near_miss
from telic.errors import ContractError, world_errors

__all__ = ["ALWAYS", "POLICY", "RULED", "AccessPolicy", "group_names"]

POLICY = "access.yaml"

RULED = (
    "init",
    "ingest",
    "check",
    "diff",
    "lineage",
    "card",
    "infer",
    "ambiguity",
    "compare",
    "elicit",
    "train",
    "imitate",
    "export",
    "report",
    "review",
    "erase",
    "advise",
)
"""Verbs that a role may name."""

ALWAYS = ("run", "verify", "methods")
"""Verbs that need no role: ``run`` calls others, each with its own; whoever may read the folder may verify it; a list
of methods is of no project."""


@dataclass(frozen=True, kw_only=True)
class AccessPolicy:
    """The roles of a project.

    Attributes:
        members: role to its logins, ``%groups`` and ``*``.
        may: role to its verbs.
        digest: of the bytes of the file.
    """

    members: Mapping[str, tuple[str, ...]]
    may: Mapping[str, tuple[str, ...]]
    digest: str

    @classmethod
    def of(cls, folder: Path) -> AccessPolicy | None:
        """The policy of a project folder, or None where it has none.

        Args:
            folder: with the contract.

        Raises:
            ContractError: the file is not such a policy; everything that is wrong is listed.
            PermanentError: it cannot be read.
        """
        path = folder / POLICY
        if not path.exists():
            return None
        with world_errors(f"read {path}"):
            raw = path.read_bytes()
        try:
            found = yaml.safe_load(raw)
        except (yaml.YAMLError, ValueError, RecursionError) as problem:
            raise ContractError(f"{path} is not YAML: {problem}.", hint="See docs/upkeep.md.") from problem
        problems = _problems(found)
        if problems:
            raise ContractError(
                f"{path} is no access policy: {' '.join(problems)}",
                hint="See docs/upkeep.md; until it is right, nobody may do anything.",
                problems=problems,
            )
        roles = found["roles"]
        return cls(
            members={n: tuple(r["members"]) for n, r in roles.items()},
            may={n: tuple(r["may"]) for n, r in roles.items()},
            digest=digest_bytes(raw),
        )

    def roles_of(self, login: str, groups: Collection[str]) -> tuple[str, ...]:
        """The roles of somebody.

        Args:
            login: name.
            groups: names of their groups.
        """
        named = {"*", login, *(f"%{g}" for g in groups)}
        return tuple(role for role, members in self.members.items() if named & set(members))

    def allows(self, verb: str, login: str, groups: Collection[str]) -> bool:
        """Whether a role of theirs names the verb.

        Args:
            verb: one of ``RULED``.
            login: name.
            groups: names of their groups.
        """
        return any(verb in self.may[role] for role in self.roles_of(login, groups))


def group_names() -> tuple[str, ...]:
    """Names of the groups of whoever runs this process, by the system."""
    found = []
    for number in {os.getgid(), *os.getgroups()}:
        try:
            found.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue  # a number without a name is in nobody's policy
    return tuple(sorted(found))


def _problems(found: Any) -> list[str]:
    """What is wrong with the content of the file."""
    if not isinstance(found, Mapping):
        return ["It is no mapping."]
    problems = [f"Unknown key {k!r}." for k in found if k not in ("schema_version", "roles")]
    if found.get("schema_version") != 1:
        problems.append(f"`schema_version` must be 1, got {found.get('schema_version')!r}.")
    roles = found.get("roles")
    if not isinstance(roles, Mapping) or not roles:
        return [*problems, "`roles` must name at least one role."]
    for name, role in roles.items():
        if not isinstance(role, Mapping) or set(role) != {"members", "may"}:
            problems.append(f"Role {name!r} must have `members` and `may`, and nothing else.")
            continue
        for key in ("members", "may"):
            listed = role[key]
            if not isinstance(listed, list) or not all(isinstance(x, str) and x for x in listed):
                problems.append(f"`{key}` of role {name!r} must be a list of texts.")
            elif key == "may":
                problems += [
                    f"Role {name!r} names {verb!r}, which is no verb that is ruled.{near_miss(verb, RULED)}"
                    for verb in listed
                    if verb not in RULED
                ]
    return problems
