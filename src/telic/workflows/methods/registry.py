"""Every method that makes policies, one module each: the one place that pages, listings and settings files read.

A method is added by a module with its ``METHOD`` and a line here; a test sees to the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from telic._core.near_miss import near_miss
from telic.errors import SettingsError

from . import (
    cloning,
    constrained,
    counts,
    cql,
    dagger,
    dqn,
    epsilon_greedy,
    fine_tune,
    from_observations,
    iql,
    lagrangian_ppo,
    lagrangian_sac,
    lin_ucb,
    mixture_cloning,
    model_based,
    mpc,
    multi_agent_ppo,
    options,
    planning,
    ppo,
    sac,
    smaller_network,
    soft_planning,
    softmax,
    td3_bc,
    thompson,
    tree,
)
from .description import Method

__all__ = ["METHODS", "method_named"]

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        module.METHOD.name: module.METHOD
        for module in (
            counts,
            cloning,
            mixture_cloning,
            dagger,
            from_observations,
            tree,
            smaller_network,
            ppo,
            sac,
            dqn,
            multi_agent_ppo,
            mpc,
            fine_tune,
            iql,
            cql,
            td3_bc,
            model_based,
            lagrangian_ppo,
            lagrangian_sac,
            constrained,
            epsilon_greedy,
            softmax,
            lin_ucb,
            thompson,
            planning,
            soft_planning,
            options,
        )
    }
)
"""By name, in the order in which they are told."""


def method_named(name: str, verb: str) -> Method:
    """The method of that name, which a verb runs.

    Args:
        name: as a settings file has it.
        verb: that asks.

    Raises:
        SettingsError: there is none, or another verb runs it, or none does.
    """
    own = [m.name for m in METHODS.values() if m.verb == verb]
    found = METHODS.get(name)
    if found is None:
        raise SettingsError(
            f"There is no method `{name}`.{near_miss(name, METHODS)}",
            hint=f"`telic {verb}` runs {', '.join(own)}; `telic methods` lists all.",
        )
    if found.verb != verb:
        raise SettingsError(
            f"`telic {verb}` does not run `{name}` ({found.title}).",
            hint=f"Use `telic {found.verb}`."
            if found.verb
            else f"It is called from Python: docs/{found.page}.",
        )
    return found
