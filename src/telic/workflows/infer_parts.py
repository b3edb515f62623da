"""The parts of an inference that are made where they are asked for: posterior, intents, suspects, weights over time.

What cannot be made of the data is refused before anything is fitted. A part that was fitted and is no answer costs
nothing else: the others stand, and the outcome of the whole is that of the part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telic.contract import TaskContract
from telic.errors import SettingsError
from telic.reports import Finding, Outcome
from telic.trajectories import Demonstrations

from .fit import Fit
from .intents import check_intents, find_intents
from .intents_result import leaning
from .posterior import with_posteriors
from .posterior_result import posterior_outcome
from .progress import Progress
from .suspects import check_suspects, evidence_about, find_suspects
from .weights_over_time import check_over_time, find_over_time

if TYPE_CHECKING:
    from .infer import InferSettings

__all__ = ["about_people", "asked_outcome", "check_parts", "named_findings", "stated_parts", "with_parts"]


def check_parts(demos: Demonstrations, settings: InferSettings, contract: TaskContract | None = None) -> None:
    """Refuse what cannot be looked for in these decisions, before anything is fitted to them.

    Args:
        demos: the decisions to be fitted.
        settings: of the inference.
        contract: of the project; None for data in hand.

    Raises:
        DataError: there are too few trajectories or demonstrators.
        SettingsError: single demonstrators would be told apart, and the contract has no `people` block.
    """
    intents = settings.intents
    if intents is not None:
        if intents.unit == "demonstrator" and contract is not None and contract.people is None:
            raise SettingsError(
                "Intents of demonstrators say who wants what, and the contract has no `people` block: nothing is"
                " reported for single people.",
                hint="Leave `--intents-by demonstrator` out, or add `people` once those concerned were told.",
            )
        check_intents(demos, intents)
    if settings.suspects:
        check_suspects(demos)
    if settings.over_time:
        check_over_time(demos)


def with_parts(
    fits: dict[str, Fit],
    settings: InferSettings,
    *,
    everybody: str,
    folder: Path | None,
    progress: Progress,
) -> dict[str, Fit]:
    """The fits with the parts that were asked for, where all together have an answer.

    Args:
        fits: by demonstrator, and all under ``everybody``.
        settings: of the inference.
        everybody: label of the fit of all.
        folder: where chains are kept; None: nowhere.
        progress: told how far the work is.

    Raises:
        DataError, NumericalError, SettingsError: see the parts.
    """
    if not fits[everybody].outcome.ok:
        return fits
    if settings.posterior is not None:
        fits = with_posteriors(
            fits, settings.posterior, everybody=everybody, key=settings.key, folder=folder, progress=progress
        )
    pooled = fits[everybody]
    if settings.intents is not None:
        found = find_intents(pooled, settings.intents, l2=settings.l2, key=settings.key, progress=progress)
        pooled = replace(pooled, intents=found)
    if settings.suspects:
        progress("evidence about demonstrators", 0, 1)
        pooled = replace(pooled, suspects=find_suspects(pooled, l2=settings.l2, key=settings.key))
        progress("evidence about demonstrators", 1, 1)
    if settings.over_time:
        progress("weights over time", 0, 1)
        pooled = replace(pooled, over_time=find_over_time(pooled))
        progress("weights over time", 1, 1)
    return {**fits, everybody: pooled}


def asked_outcome(data: Mapping[str, Any]) -> str:
    """The outcome of a result: that of the fit, unless a part that was asked for is no answer.

    Args:
        data: of ``infer``.
    """
    parts = (data.get(name) for name in ("intents", "suspects", "over_time"))
    labels = [posterior_outcome(data), *(str(p["result"]) for p in parts if p and "result" in p)]
    return next((label for label in labels if label != Outcome.SUCCESS.label), Outcome.SUCCESS.label)


def about_people(pooled: Fit, told: Mapping[str, Any], contract: TaskContract) -> dict[str, Any]:
    """The parts with what they say about single demonstrators; empty where the contract does not permit it.

    Args:
        pooled: the fit of all together.
        told: its JSON form, which names nobody.
        contract: with a ``people`` block or without.
    """
    found: dict[str, Any] = {}
    if contract.people is None:
        return found
    if pooled.intents is not None and pooled.intents.mixture.outcome.ok and len(pooled.intents.people) > 1:
        found["intents"] = {**told["intents"], "leaning": leaning(pooled.intents)}
    if pooled.suspects is not None and pooled.suspects.weighed.outcome.ok:
        found["suspects"] = {**told["suspects"], "demonstrators": evidence_about(pooled.suspects.weighed)}
    return found


def named_findings(pooled: Fit, contract: TaskContract) -> tuple[Finding, ...]:
    """Findings about single demonstrators, where the contract permits them.

    Args:
        pooled: the fit of all together.
        contract: with a ``people`` block or without.
    """
    return pooled.suspects.findings if pooled.suspects is not None and contract.people is not None else ()


def stated_parts(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the parts that were asked for, a line each.

    Args:
        settings: of the inference, as plain values.
    """
    found: dict[str, Any] = {}
    asked = settings["posterior"]
    if asked is not None:
        chains = f"{asked['n_chains']} chains of " if asked["method"] == "nuts" else ""
        found["posterior"] = f"{asked['method']}, {chains}{asked['n_draws']:,} draws"
        found |= {f"prior SD of {name}": sd for name, sd in asked["prior"].items()}
    intents = settings["intents"]
    if intents is not None:
        number = intents["n_intents"]
        how = f"{number}" if number is not None else f"the best of up to {intents['most']}"
        found["intents"] = f"{how}, by {intents['unit']}, {intents['starts']} starts"
    found |= {name.replace("_", " "): "yes" for name in ("suspects", "over_time") if settings[name]}
    return found
