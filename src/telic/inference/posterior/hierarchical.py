"""Rewards of many services or operators at once: those with few decisions borrow strength from the others.

The weights of unit i are ``w_i = m + tau * eta_i`` for every feature, with the population mean m normal, the spread tau
between units half-normal, and eta standard normal (the non-centred form, Papaspiliopoulos, Roberts and Skold 2007,
Statistical Science 22, 59-73, which the sampler needs where units have few decisions). All numbers are sampled together
from the exact likelihoods with their adjoint gradients.

Sampled are ``(m - prior mean) / prior sd``, ``log(tau / tau scale)`` and eta: their density has no constraint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

import telic
from telic.errors import GaugeError, SettingsError
from telic.inference.likelihood import ChoiceLikelihood
from telic.reports import Finding, Provenance, Severity
from telic.rewards import NormalPrior
from telic.typing import FloatArray

from .chains import Chain, NutsSettings, diagnose, judge, run_chains
from .hierarchical_result import HierarchicalPosterior
from .target import null_rows, prior_alone

__all__ = ["hierarchical_posterior"]


def hierarchical_posterior(
    likelihoods: Mapping[str, ChoiceLikelihood],
    prior: NormalPrior,
    spread_scales: Mapping[str, float],
    *,
    settings: NutsSettings | None = None,
    key: int = 0,
    chains: Mapping[int, Chain] | None = None,
    checkpoint: Callable[[int, Chain], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> HierarchicalPosterior:
    """Weights of all units together.

    Args:
        likelihoods: name of a service or operator to the likelihood of its choices; the features and the
            rationality are the same for all, worlds may differ.
        prior: of the population means.
        spread_scales: feature to the scale of the half-normal prior of the spread between units.
        settings: lengths and limits.
        key: of the random numbers.
        chains: finished chains of an interrupted run, as ``checkpoint`` got them.
        checkpoint: called with (chain, its arrays) whenever one ends.
        progress: called with (chains done, chains in all).

    Raises:
        SettingsError: fewer than two units, or a prior or scale that does not fit.
        GaugeError: the units have other features or another rationality.
    """
    began = time.process_time()
    chosen = settings or NutsSettings()
    names = _checked(likelihoods, prior, spread_scales)
    scales = np.array([float(spread_scales[n]) for n in names])
    parts = list(likelihoods.values())
    U, K = len(parts), len(names)

    def unpack(z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        m = prior.means + prior.standard_deviations * z[..., :K]
        tau = scales * np.exp(np.clip(z[..., K : 2 * K], -50, 50))
        return m, tau, z[..., 2 * K :].reshape(*z.shape[:-1], U, K)

    def density(z: FloatArray) -> tuple[float, FloatArray | None]:
        m, tau, eta = unpack(z)
        ratio = tau / scales
        # log of half-normal(tau) dtau/dlog tau, up to a constant.
        value = -0.5 * float(z[:K] @ z[:K]) + float((-0.5 * ratio**2 + np.log(ratio)).sum())
        value -= 0.5 * float((eta * eta).sum())
        slope = np.concatenate([-z[:K], 1.0 - ratio**2, -eta.ravel()])
        for u, part in enumerate(parts):
            answer = part.evaluate(m + tau * eta[u], order=1)
            if not answer.outcome.ok or answer.score is None:
                return -np.inf, None
            value += answer.value
            slope[:K] += prior.standard_deviations * answer.score
            slope[K : 2 * K] += tau * eta[u] * answer.score
            slope[2 * K + u * K : 2 * K + (u + 1) * K] += tau * answer.score
        return value, slope

    centre = np.concatenate([np.zeros(K), np.full(K, -0.5), np.zeros(U * K)])
    ordered = run_chains(
        density,
        centre,
        np.eye(len(centre)),
        chosen,
        key=key,
        chains=chains,
        checkpoint=checkpoint,
        progress=progress,
    )
    z = np.stack([np.asarray(c["z"]) for c in ordered])
    m, tau, eta = unpack(z)
    draws = m[..., None, :] + tau[..., None, :] * eta
    watched = np.concatenate([m, np.log(tau), draws.reshape(*draws.shape[:2], U * K)], axis=-1)
    diagnosed = (
        *(f"mean of {n}" for n in names),
        *(f"log spread of {n}" for n in names),
        *(f"{n} of {unit}" for unit in likelihoods for n in names),
    )
    d = diagnose(
        watched,
        free=range(watched.shape[-1]),
        n_divergent=int(sum(int(np.sum(c["diverging"])) for c in ordered)),
        n_evaluations=U * int(sum(int(np.sum(c["n_evaluations"])) for c in ordered)),
    )
    outcome, notes = judge(diagnosed, d, z.shape[0], z.shape[0] * z.shape[1])
    return HierarchicalPosterior(
        outcome=outcome,
        units=tuple(likelihoods),
        names=names,
        draws=draws,
        means=m,
        spreads=tau,
        diagnostics=d,
        diagnosed=diagnosed,
        n_decisions=tuple(part.n_decisions for part in parts),
        prior=prior,
        spread_scales=scales,
        seconds=time.process_time() - began,
        findings=(
            *notes,
            *{f.message: f for part in parts for f in part.findings}.values(),
            *_untold(parts, draws.mean(axis=(0, 1))),
        ),
        provenance=Provenance(
            inputs={
                f"{unit}: {what}": digest
                for unit, part in likelihoods.items()
                for what, digest in part.digests().items()
            },
            settings={
                "method": "hierarchical",
                "prior": prior.to_json(),
                "spread_scales": dict(spread_scales),
                "key": key,
                **chosen.to_json(),
            },
            code=telic.__version__,
        ),
    )


def _untold(parts: Sequence[ChoiceLikelihood], means: FloatArray) -> list[Finding]:
    """Combinations of weights that no choice of any unit depends on, by the information at the mean draws."""
    K = parts[0].n_weights
    information = np.zeros((K, K))
    for part, weights in zip(parts, means, strict=True):
        point = part.evaluate(weights, order=2)
        if point.information is None:
            return [
                Finding(
                    code="information-unknown",
                    severity=Severity.WARNING,
                    message="What the choices leave to the prior could not be looked at: the mean weights of a unit "
                    f"have no finite value ({point.outcome.label}).",
                    hint="Look at the posterior of each unit alone; it names such combinations.",
                )
            ]
        information += point.information
    return [prior_alone(parts[0].names, row) for row in null_rows(parts, information, np.arange(K))]


def _checked(
    likelihoods: Mapping[str, ChoiceLikelihood], prior: NormalPrior, spread_scales: Mapping[str, float]
) -> tuple[str, ...]:
    if len(likelihoods) < 2:
        raise SettingsError(
            f"A fit over units needs at least 2, got {len(likelihoods)}.",
            hint="For one, use `nuts_posterior`.",
        )
    first, *rest = likelihoods.items()
    names = first[1].names
    for unit, other in rest:
        if other.names != names or other.features.units != first[1].features.units:
            raise GaugeError(
                f"{unit!r} has the features {', '.join(other.names)}, {first[0]!r} has {', '.join(names)}, or their "
                "units differ.",
                hint="Strength can be borrowed only between the same features in the same units.",
            )
        if other.rationality != first[1].rationality:
            raise GaugeError(
                f"{unit!r} has rationality {other.rationality}, {first[0]!r} has {first[1].rationality}.",
                hint="Use one for all.",
            )
    if prior.names != names or set(spread_scales) != set(names):
        raise SettingsError(
            f"Prior and spreads must be over {', '.join(names)}, got {', '.join(prior.names)} and "
            f"{', '.join(spread_scales)}.",
            hint="Give both for every feature.",
        )
    bad = [n for n in names if not (np.isfinite(spread_scales[n]) and spread_scales[n] > 0)]
    if bad:
        raise SettingsError(
            f"The scale of the spread between units must be finite and above 0; it is not for {', '.join(bad)}.",
            hint="A scale like the prior standard deviation lets units differ as much as any weight may.",
        )
    return names
