"""Bradley and Terry's model as it was first stated: an ability for each item, nothing known about the items.

It is the model of rewards with an indicator of each item as features. Only differences of abilities show, so one item
of every group that comparisons link is a reference of ability 0.

References: Bradley and Terry (1952), Biometrika 39; Ford (1957), American Mathematical Monthly 64, for when there is
a best estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from telic.errors import DataError, SettingsError
from telic.features import FeatureMap
from telic.trajectories import Comparisons
from telic.typing import FloatArray

from .bradley_terry import fit_preferences
from .findings import group_finding, winner_findings
from .graph import comparison_graph
from .likelihood import PreferenceLikelihood
from .result import PreferenceEstimate
from .settings import BradleyTerrySettings

__all__ = ["item_abilities"]

OF_FEATURES = ("separation", "collinear-features", "feature-without-effect", "many-null-directions")
"""Findings in the words of features that the graph of comparisons says better."""


def item_abilities(
    comparisons: Comparisons,
    items: Sequence[str],
    *,
    reference: str | None = None,
    weights: FloatArray | None = None,
    cluster_by: str = "annotator",
    settings: BradleyTerrySettings | None = None,
) -> PreferenceEstimate:
    """The ability of each item relative to a reference: ``log p(i beats j) / p(j beats i) = ability_i - ability_j``.

    Args:
        comparisons: of the items, by their place in ``items``.
        items: N distinct names.
        reference: item of ability 0; default the first, unless ``settings.fit`` fixes another.
        weights: ``(M,)`` weight of each comparison, or None for 1.
        cluster_by: what is independent in ``sandwich_clustered`` errors.
        settings: ties, annotators, penalties.

    Raises:
        DataError: there are no comparisons, they name other items, or all are ties.
        SettingsError: the reference is no item, or a setting is out of range.
    """
    chosen = settings or BradleyTerrySettings()
    if len(items) < 2 or len(set(items)) != len(items):
        raise DataError(
            f"Items need two or more distinct names, got {list(items)[:20]}.", hint="Name each item once."
        )
    if reference is not None and reference not in items:
        raise SettingsError(
            f"`reference` {reference!r} is not among the items {', '.join(list(items)[:20])}.",
            hint="Name one of them, or leave it out.",
        )
    fit = chosen.fit
    if reference is not None or not fit.fixed_weights:
        held = {items[0] if reference is None else reference: 0.0}
        fit = replace(fit, fixed_weights={**fit.fixed_weights, **held})
    likelihood = PreferenceLikelihood(
        alternatives=np.eye(len(items)),
        comparisons=comparisons,
        features=FeatureMap(values=np.eye(len(items)), names=tuple(items), form="S"),
        weights=weights,
        cluster_by=cluster_by,
    )
    graph = comparison_graph(comparisons, len(items))
    found = fit_preferences(likelihood, settings=replace(chosen, fit=fit), labels=items)
    told = group_finding(graph, items)
    told += winner_findings(graph, items, is_held=bool(fit.l2 or fit.l1))
    rest = [f for f in found.findings if f.code not in OF_FEATURES]
    return replace(found, reward=replace(found.reward, findings=(*told, *rest)))
