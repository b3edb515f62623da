"""What is believed about the weights of a project before anybody is asked: a normal distribution, and draws of it.

The draws have a density that is known in closed form, so that answers can move them at no cost of forward problems.
Where a weight separates (the decisions alone would have it infinite) the prior decides how large it is: that is refused
unless the prior of the weights was stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from telic.inference.elicitation import AtStake, WeightBelief
from telic.inference.elicitation.belief import LogDensity
from telic.inference.identifiability import identifiability
from telic.inference.likelihood import ChoiceLikelihood, choice_likelihood
from telic.inference.posterior import laplace_posterior
from telic.inference.tradeoffs import default_pairs
from telic.reports import Finding, Outcome, Severity
from telic.rewards import RewardEstimate, RewardPosterior
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .claim_words import read_claim, usual_claims
from .elicit_settings import ElicitSettings
from .fitting import fit_reward
from .people import decisions_of
from .posterior import stated_prior
from .problem import Problem

__all__ = ["Believed", "Separated", "believed"]

SMALLEST = 1e-14
"""Variance, relative to the largest, that rounding can leave of none."""

N_CHECKED = 40
"""Draws at which the normal distribution is held against the exact posterior; each is a forward problem."""

ALONE = 1 - 1e-6
"""Share of a weight that lies in the directions that no choice tells, from which it counts as wholly there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Believed:
    """A belief with what is open in it.

    Attributes:
        belief: draws of known density.
        posterior: that the draws are of.
        at_stake: claims and trade-offs.
        untold: features whose weight no choice in this world tells, whatever is decided.
        demos: decisions behind it.
    """

    belief: WeightBelief
    posterior: RewardPosterior
    at_stake: AtStake
    untold: tuple[str, ...]
    demos: Demonstrations


@dataclass(frozen=True, kw_only=True, eq=False)
class Separated:
    """There is no belief: a weight runs away, and nothing says how far.

    Attributes:
        estimate: of the fit that did not end.
    """

    estimate: RewardEstimate

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of the fit, and what to do here."""
        names = _separated(self.estimate)
        refused = Finding(
            code="belief-separated",
            severity=Severity.ERROR,
            message="No belief about the weights was made: by the decisions alone a weight would be infinite, so that"
            " the default prior would decide what is worth asking.",
            hint="State how large the weights can be, one standard deviation each: "
            + " ".join(f"--prior {name}=SD" for name in names),
            evidence={"outcome": self.estimate.outcome.label},
        )
        return (refused, *self.estimate.findings)


def believed(problem: Problem, settings: ElicitSettings) -> Believed | Separated:
    """Draws of the normal approximation of the posterior, and what is open in it.

    Args:
        problem: world, features and decisions.
        settings: whose decisions, which prior, which claims.

    Raises:
        NumericalError: the mode was not found.
        SettingsError: there is no such demonstrator or nobody may be looked at alone, a claim cannot be read, or the
            prior and the features do not fit.
    """
    demos = decisions_of(problem, settings.demonstrator)
    estimate = fit_reward(problem, demos, rationality=settings.rationality)
    separates = estimate.outcome is Outcome.SEPARATION
    prior = stated_prior(_likelihood(problem, problem.train, settings.rationality), settings.prior)
    if separates and not set(settings.prior) >= set(_separated(estimate)):
        return Separated(estimate=estimate)
    likelihood = _likelihood(problem, demos, settings.rationality)
    posterior = laplace_posterior(
        likelihood, prior, n_draws=settings.n_draws, key=settings.key, n_checked=N_CHECKED
    )
    notes = tuple(_without_sampling(f) for f in posterior.findings)
    if separates:
        notes = (*notes, _prior_decides())
    belief = WeightBelief.from_density(
        posterior.names, posterior.answer(), _normal_density(posterior), units=posterior.features.units
    )
    names = posterior.names
    asked = [read_claim(text, names) for text in settings.claims]
    pairs = tuple((str(n), str(d)) for n, d in problem.contract.tradeoffs)
    if not pairs and estimate.outcome.ok:
        pairs = default_pairs(estimate)
    untold = _untold(names, identifiability(problem.world, problem.features).null_directions)
    usual = usual_claims(names, posterior.mode, pairs)
    blind = [names.index(n) for n in untold]
    statements = [*asked, *(s for s in usual if not np.any(s.coefficients[blind]))]
    traded, rows = _tradeoffs(names, posterior.mode, pairs, untold)
    return Believed(
        belief=replace(belief, findings=notes),
        posterior=posterior,
        at_stake=AtStake(
            claims=tuple(s.words for s in statements),
            claim_coefficients=np.array([s.coefficients for s in statements]).reshape(-1, len(names)),
            tradeoffs=traded,
            tradeoff_coefficients=rows,
            level=settings.level,
        ),
        untold=untold,
        demos=demos,
    )


def _likelihood(problem: Problem, demos: Demonstrations, rationality: float) -> ChoiceLikelihood:
    return choice_likelihood(problem.world, problem.features, demos, rationality=rationality)


def _without_sampling(finding: Finding) -> Finding:
    """The finding with a hint that can be followed here, where there is no other belief than the normal one."""
    if finding.code != "laplace-is-poor":
        return finding
    hint = "Take the gains as rough, and ask anyway; or state a narrower prior (--prior FEATURE=SD)."
    return replace(finding, hint=hint)


def _separated(estimate: RewardEstimate) -> tuple[str, ...]:
    """Features whose weights run away; all where the fit does not say which."""
    told = [f.evidence["features"] for f in estimate.findings if f.code == "separation"]
    return tuple(told[0]) if told else estimate.names


def _prior_decides() -> Finding:
    return Finding(
        code="belief-separated",
        severity=Severity.WARNING,
        message="By the decisions alone a weight would be infinite: how large it is believed to be is the prior that"
        " was stated, and so is what questions about it are worth.",
        hint="Ask about it first; its answers end this.",
    )


def _untold(names: Sequence[str], null_directions: FloatArray) -> tuple[str, ...]:
    """Features that lie in the span of ``(nullity, K)`` directions that no choice tells."""
    if not len(null_directions):
        return ()
    basis = np.linalg.qr(null_directions.T)[0]
    return tuple(n for n, row in zip(names, basis, strict=True) if float(row @ row) >= ALONE)


def _tradeoffs(
    names: Sequence[str], mode: FloatArray, pairs: Sequence[tuple[str, str]], untold: Sequence[str]
) -> tuple[tuple[str, ...], FloatArray]:
    """Trade-offs at their value at the mode, ``numerator - value * denominator``."""
    words, rows = [], []
    for n, d in pairs:
        i, j = names.index(n), names.index(d)
        if n in untold or d in untold or mode[j] == 0:
            continue
        row = np.zeros(len(names))
        row[i], row[j] = 1.0, -mode[i] / mode[j]
        words.append(f"{n} for {d}")
        rows.append(row)
    return tuple(words), np.array(rows).reshape(-1, len(names))


def _normal_density(posterior: RewardPosterior) -> LogDensity:
    """The log density of the normal distribution that the draws are of, up to a constant."""
    size, axes = np.linalg.eigh(posterior.mode_covariance)
    some = size > SMALLEST * size.max()
    whiten = axes[:, some] / np.sqrt(size[some])

    def log_density(weights: FloatArray) -> FloatArray:
        z = (weights - posterior.mode) @ whiten
        return np.asarray(-0.5 * np.sum(z * z, axis=1))

    return log_density
