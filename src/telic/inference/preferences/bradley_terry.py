"""Bradley and Terry's model over rewards: which of two trajectories is preferred, and how sharply, gives the weights.

    log p(first) / p(second) = b_j (F_first - F_second) theta,

with ``F`` the features that a trajectory collects and ``b_j`` the rationality of the annotator; ties after Davidson
(``telic.inference.preferences.davidson``). Fitted by exact maximum likelihood by the driver of all likelihoods,
alone or added to that of decisions. First with all annotators alike, which is concave; from there the rationalities
and the tie strength are freed, and the errors of the weights include theirs.

References: Bradley and Terry (1952), Biometrika 39; Davidson (1970), JASA 65; Christiano, Leike, Brown, Martic, Legg
and Amodei (2017), Deep reinforcement learning from human preferences, section 2.2.1, for rewards of segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from telic.errors import DataError, SettingsError
from telic.features import FeatureMap, MeasuredFeatureMap
from telic.inference.driver import fit_likelihood
from telic.inference.likelihood import ChoiceLikelihood, JointLikelihood
from telic.inference.settings import FitSettings
from telic.reports import Finding
from telic.rewards import MeasuredReward, RewardEstimate
from telic.trajectories import Comparisons, Demonstrations
from telic.typing import FloatArray, LongArray

from .annotators import AnnotatorLikelihood
from .findings import (
    about_annotators,
    circle_finding,
    few_preferences,
    in_words_of_comparisons,
    no_errors_by_annotator,
    only_ties,
)
from .graph import comparison_graph
from .likelihood import PreferenceLikelihood
from .projection import Projection
from .result import PreferenceEstimate
from .settings import BradleyTerrySettings

__all__ = ["bradley_terry", "fit_preferences"]

METHOD = "bradley_terry"


def bradley_terry(
    comparisons: Comparisons,
    demos: Demonstrations,
    features: FeatureMap | MeasuredFeatureMap,
    *,
    discount: float | int = 1.0,
    weights: FloatArray | None = None,
    cluster_by: str = "annotator",
    decisions: ChoiceLikelihood | None = None,
    settings: BradleyTerrySettings | None = None,
) -> PreferenceEstimate:
    """The reward weights that make the answers most likely, with errors, gauge and what the answers cannot tell.

    Args:
        comparisons: of the trajectories of ``demos``.
        demos: what was shown; how often something was chosen in it does not count.
        features: phi, a table or functions of measurements.
        discount: per decision, from the first decision of each trajectory; 1 adds the features up.
        weights: ``(M,)`` weight of each comparison, or None for 1.
        cluster_by: ``"annotator"`` or ``"comparison"``: what is independent in ``sandwich_clustered`` errors.
        decisions: likelihood of demonstrations in the same features, added to that of the comparisons.
        settings: ties, annotators, penalties.

    Raises:
        DataError: there are no comparisons, or they are of other data, or all are ties.
        FeatureError: the features do not fit.
        SettingsError: a setting is out of range.
    """
    likelihood = PreferenceLikelihood.of_trajectories(
        demos, comparisons, features, discount=discount, weights=weights, cluster_by=cluster_by
    )
    found = fit_preferences(
        likelihood,
        decisions=decisions,
        settings=settings,
        labels=[str(name) for name in demos.trajectory_ids],
    )
    if isinstance(features, MeasuredFeatureMap):
        measured = MeasuredReward(features=features, weights=found.reward.weights)
        return replace(found, reward=replace(found.reward, reward=measured))
    return found


def fit_preferences(
    preferences: PreferenceLikelihood,
    *,
    decisions: ChoiceLikelihood | None = None,
    settings: BradleyTerrySettings | None = None,
    labels: Sequence[str] | None = None,
    findings: tuple[Finding, ...] = (),
) -> PreferenceEstimate:
    """The same from a likelihood of comparisons, whose own rationalities and tie strength are not used.

    Args:
        preferences: of comparisons.
        decisions: likelihood of demonstrations in the same features, or None.
        settings: ties, annotators, penalties.
        labels: names of the alternatives, for findings; default their numbers.
        findings: put in front of the findings of the fit.

    Raises:
        DataError: all answers are ties.
        FeatureError: the features of comparisons and decisions differ.
        SettingsError: settings do not fit the comparisons.
    """
    chosen = settings or BradleyTerrySettings()
    c = preferences.comparisons
    notes = [*findings, *about_annotators(c)]
    N = len(preferences.alternatives)
    names = [str(i) for i in range(N)] if labels is None else list(labels)
    notes += circle_finding(comparison_graph(c, N), names)
    told = int(np.count_nonzero(preferences.row_weights * (c.preferred != 0.5)))
    if preferences.is_sampled and decisions is None:
        notes += few_preferences(told, preferences.n_decisions, preferences.n_weights)
    tie_strength = _start_of_ties(preferences, chosen, notes)
    base = replace(preferences, annotator_rationality=None, tie_strength=tie_strength)
    groups = _groups(c, chosen)
    has_scale = decisions is not None or _has_unit(chosen.fit)
    pooled = fit_likelihood(
        base if decisions is None else JointLikelihood((decisions, base)), chosen.fit, method=METHOD
    )
    if chosen.annotators == "each":
        held = None if has_scale else _most_agreeing(base, pooled.weights)
        free = groups.answered[groups.answered != held] if held is not None else groups.answered
    else:
        is_free = decisions is not None and not chosen.same_rationality
        free = np.zeros(int(is_free), dtype=np.int64)
    everything = AnnotatorLikelihood(
        preferences=base,
        decisions=decisions,
        groups=groups.of,
        group_names=groups.names,
        free_groups=free,
        spread=chosen.spread if len(free) and chosen.annotators == "each" else None,
        frees_ties=tie_strength is not None,
    )
    estimate = pooled
    is_freed = everything.n_weights > everything.n_features and pooled.outcome.ok
    if is_freed:
        estimate = _freed(everything, pooled, chosen.fit)
        if chosen.annotators == "each" and preferences.cluster_by == "annotator":
            estimate = _without_clusters(estimate)
    centre = np.zeros(len(groups.names))
    if chosen.annotators == "each" and not has_scale:
        centre[groups.answered if groups.reference is None else groups.reference] = 1.0
        centre /= centre.sum()
    found = Projection(
        estimate=estimate,
        likelihood=everything,
        is_freed=is_freed,
        centre=centre,
        reference=None if has_scale else groups.reference,
    ).result()
    words = in_words_of_comparisons(found.reward.findings, has_decisions=decisions is not None)
    return replace(found, reward=replace(found.reward, findings=(*notes, *words)))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Groups:
    """Who shares a rationality: group of each annotator, names, groups that answered, and that of rationality 1."""

    of: LongArray
    names: tuple[str, ...]
    answered: LongArray
    reference: int | None


def _groups(c: Comparisons, settings: BradleyTerrySettings) -> _Groups:
    J = len(c.annotator_names)
    if settings.annotators == "alike":
        name = c.annotator_names[0] if J == 1 else "all annotators"
        only = np.zeros(1, dtype=np.int64)
        return _Groups(of=np.zeros(J, dtype=np.int64), names=(name,), answered=only, reference=None)
    answered = np.unique(c.annotators).astype(np.int64)
    reference = None
    if settings.reference is not None:
        known = [c.annotator_names[j] for j in answered.tolist()]
        if settings.reference not in known:
            raise SettingsError(
                f"`reference` {settings.reference!r} answered nothing; those who did are {', '.join(known[:20])}.",
                hint="Name one of them, or leave it out.",
            )
        reference = c.annotator_names.index(settings.reference)
    return _Groups(
        of=np.arange(J, dtype=np.int64), names=c.annotator_names, answered=answered, reference=reference
    )


def _most_agreeing(preferences: PreferenceLikelihood, weights: FloatArray) -> int:
    """The annotator whose answers agree most with the weights of all: held at 1 while the others are fitted.

    The gauge is chosen afterwards. Someone whose rationality runs to 0 would send all others to infinity instead.
    """
    c = preferences.comparisons
    agrees = np.sign(preferences.differences @ weights) * np.sign(c.preferred - 0.5)
    sums = np.bincount(
        c.annotators, weights=preferences.row_weights * agrees, minlength=len(c.annotator_names)
    )
    answered = np.bincount(c.annotators, minlength=len(c.annotator_names)) > 0
    return int(np.argmax(np.where(answered, sums, -np.inf)))


def _has_unit(fit: FitSettings) -> bool:
    """Whether a fixed weight sets the scale of the reward."""
    return any(value != 0 for value in fit.fixed_weights.values())


def _start_of_ties(
    preferences: PreferenceLikelihood, settings: BradleyTerrySettings, notes: list[Finding]
) -> float | None:
    """The tie strength of answers that know no difference, or None where there is none to estimate."""
    w = preferences.row_weights
    share = float(w @ (preferences.comparisons.preferred == 0.5)) / float(w.sum())
    if share == 1.0 and settings.ties == "davidson":
        raise DataError(
            f"All {preferences.n_decisions:,} answers are ties: they are called so readily that no difference of "
            "reward can be told.",
            hint="Ask for a choice where there is one. `ties='half'` takes ties as proof that the alternatives are "
            "worth the same, which they need not be.",
        )
    if share == 1.0:
        notes.append(only_ties(preferences.n_decisions))
    return 2.0 * share / (1.0 - share) if share and settings.ties == "davidson" else None


def _without_clusters(estimate: RewardEstimate) -> RewardEstimate:
    """No errors between annotators: along its own rationality the scores of each sum to nothing."""
    covariances = {k: m for k, m in estimate.covariances.items() if k != "sandwich_clustered"}
    said = ("one-trajectory", "few-trajectories")
    notes = [f for f in estimate.findings if f.code not in said]
    return replace(estimate, covariances=covariances, findings=(*notes, no_errors_by_annotator()))


def _freed(everything: AnnotatorLikelihood, pooled: RewardEstimate, fit: FitSettings) -> RewardEstimate:
    """The fit of all numbers, from the weights that fit when all annotators are alike."""
    if fit.l1 or fit.frees_rationality:
        what = "An absolute penalty" if fit.l1 else "`rationality='free'`"
        raise SettingsError(
            f"{what} cannot be combined with rationalities or ties that are estimated.",
            hint="Use `l2`, or `annotators='alike'` with `ties='half'`.",
        )
    extra = np.zeros(everything.n_weights - everything.n_features)
    if everything.frees_ties:
        extra[-1] = everything.preferences.log_tie
    start = np.concatenate([pooled.weights, extra])
    return fit_likelihood(everything, replace(fit, initial_weights=start), method=METHOD)
