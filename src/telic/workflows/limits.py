"""Hard limits of the contract as actions that a policy may not take.

A limit over measurements alone is about where one is: an action is kept out where it may lead from inside
the limit to outside it. A limit that names ``action`` is about the pair itself. Where no action would be
left, all stay, and a finding says so: a policy cannot be blamed for a place without a way out.
"""

from __future__ import annotations

import numpy as np

from telic.contract import TaskContract
from telic.features import compile_expression
from telic.mdp import StateSpace
from telic.reports import Finding, Severity
from telic.typing import BoolArray

from .problem import World

__all__ = ["allowed_actions"]


def allowed_actions(
    contract: TaskContract, space: StateSpace, world: World
) -> tuple[BoolArray, tuple[Finding, ...]]:
    """``(S, A)`` pairs that break no hard limit, and what was noticed.

    Args:
        contract: its ``limits``.
        space: representative measurements of every state.
        world: where actions lead, and which are available at all.

    Raises:
        FeatureError: a limit names something that is not observed.
    """
    S, A = world.n_states, world.n_actions
    allowed = world.availability.copy()
    findings: list[Finding] = []
    is_text = contract.actions.type == "category"
    values = [str(v) if is_text else v for v in contract.actions.values]
    columns = {name: column[:, None] for name, column in space.cells.items()}
    columns["action"] = np.asarray(values, dtype=object if is_text else np.float64)[None, :]
    for limit in contract.limits:
        if not limit.hard:
            continue
        claim = compile_expression(limit.expression)
        holds = np.broadcast_to(np.asarray(claim.evaluate(columns), dtype=bool), (S, A))
        if "action" in claim.names:
            kept_out = ~holds
        else:
            inside = holds[:, 0]
            leaves = np.asarray(world.transition @ (~inside).astype(np.float64)).reshape(S, A) > 0
            kept_out = leaves & inside[:, None]
        trapped = world.availability.any(axis=1) & ~(allowed & ~kept_out).any(axis=1)
        allowed &= ~kept_out | trapped[:, None]
        findings.append(
            Finding(
                code="hard-limit",
                severity=Severity.WARNING if trapped.any() else Severity.INFO,
                message=(
                    f"`{limit.name}` ({limit.expression}) keeps {int((kept_out & ~trapped[:, None]).sum())}"
                    f" of {S * A} pairs of state and action out of the policy"
                    + (
                        f"; in {int(trapped.sum())} states no action is left that keeps to it."
                        if trapped.any()
                        else "."
                    )
                ),
                hint="Look at these states: the limit cannot be kept from there." if trapped.any() else "",
                evidence={"limit": limit.name, "states_without_way": np.flatnonzero(trapped)[:20].tolist()},
            )
        )
    return allowed, tuple(findings)
