"""Chains of draws from any log density with gradient, and the judgement whether they can be trusted.

The sampler is nutpie's no-U-turn sampler (Hoffman and Gelman 2014, JMLR 15, 1593-1623). R-hat and effective sizes
are those of Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), Bayesian Analysis 16, 667-718, as ArviZ
computes them. Draws are an answer where every number has R-hat of at most 1.01, at least 100 effective draws a chain
in bulk and tails, and no more than one draw in two hundred diverged.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from telic.errors import SettingsError
from telic.reports import Finding, Outcome, Severity
from telic.rewards import ChainDiagnostics
from telic.typing import FloatArray

__all__ = ["Chain", "Density", "NutsSettings", "diagnose", "judge", "run_chains"]

Chain = Mapping[str, FloatArray]
"""``z`` ``(N, P)``, ``log_density`` ``(N,)``, ``diverging`` ``(N,)``, ``n_evaluations`` of every step."""

Density = Callable[[FloatArray], tuple[float, FloatArray | None]]
"""Log density and gradient at ``(P,)``; ``(-inf, None)`` where there is none."""

R_HAT = 1.01
LEAST_ESS = 100
"""Effective draws a chain, in bulk and in tails."""
MOST_DIVERGENT = 0.005
"""Share of draws that may diverge."""


@dataclass(frozen=True, kw_only=True)
class NutsSettings:
    """How long and how carefully to sample.

    Attributes:
        n_chains: chains, at least 2 so that they can disagree.
        n_draws: kept draws a chain.
        n_tune: draws a chain during which the step adapts; thrown away.
        target_acceptance: higher: smaller steps, fewer divergences where the choices nearly separate.
        max_depth: longest path is ``2 ** max_depth`` steps.
    """

    n_chains: int = 4
    n_draws: int = 1_000
    n_tune: int = 300
    target_acceptance: float = 0.9
    max_depth: int = 10

    def __post_init__(self) -> None:
        for name, least in (("n_chains", 2), ("n_draws", 4), ("n_tune", 50), ("max_depth", 1)):
            if getattr(self, name) < least:
                raise SettingsError(
                    f"`{name}` must be at least {least}, got {getattr(self, name)}.",
                    hint="4 chains of 1,000 draws after 300 of adaptation are usual.",
                )
        if not 0.5 <= self.target_acceptance < 1:
            raise SettingsError(
                f"`target_acceptance` must lie in [0.5, 1), got {self.target_acceptance}.",
                hint="0.9 is usual; 0.95 where draws diverge.",
            )

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON-able values."""
        return dict(vars(self))


def run_chains(
    density: Density,
    centre: FloatArray,
    root: FloatArray,
    settings: NutsSettings,
    *,
    key: int,
    chains: Mapping[int, Chain] | None = None,
    checkpoint: Callable[[int, Chain], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Chain]:
    """One chain after the other, those in ``chains`` excepted.

    Args:
        density: what is sampled.
        centre: ``(P,)`` a place of high density; chains start around it.
        root: ``(P, P)`` with ``root root'`` about the covariance.
        settings: lengths and limits.
        key: of the random numbers; chain c of a key is always the same, to rounding.
        chains: finished chains of an interrupted run, as ``checkpoint`` got them.
        checkpoint: called with (chain, its arrays) whenever one ends.
        progress: called with (chains done, chains in all).
    """
    done = dict(chains or {})
    for c in range(settings.n_chains):
        if c not in done:
            done[c] = _run_chain(density, centre, root, settings, _seed(key, c))
            if checkpoint is not None:
                checkpoint(c, done[c])
        if progress is not None:
            progress(c + 1, settings.n_chains)
    return [done[c] for c in range(settings.n_chains)]


def _seed(key: int, chain: int) -> int:
    return int(np.random.SeedSequence([key, chain]).generate_state(1, dtype=np.uint32)[0])


class _NoValueError(ArithmeticError):
    """The forward problem has no solution at these weights; the sampler counts a divergence and turns back."""

    is_recoverable = True


def _run_chain(
    density: Density, centre: FloatArray, root: FloatArray, settings: NutsSettings, seed: int
) -> Chain:
    nutpie = load("nutpie")
    compiled = load("nutpie.compiled_pyfunc")
    P = len(centre)

    def make_logp() -> Callable[[FloatArray], tuple[float, FloatArray]]:
        def logp(x: FloatArray) -> tuple[float, FloatArray]:
            value, score = density(centre + root @ x)
            if score is None:
                raise _NoValueError("no finite value here")
            return value, root.T @ score

        return logp

    def make_expand(*_: Any) -> Callable[[FloatArray], dict[str, FloatArray]]:
        return lambda x: {"z": np.asarray(centre + root @ x)}

    model = compiled.from_pyfunc(
        P,
        make_logp,
        make_expand,
        [np.dtype(np.float64)],
        [(P,)],
        ["z"],
        make_initial_point_fn=lambda s: np.random.default_rng(s).normal(size=P),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        trace = nutpie.sample(
            model,
            chains=1,
            cores=1,
            draws=settings.n_draws,
            tune=settings.n_tune,
            seed=seed,
            progress_bar=False,
            save_warmup=True,
            target_accept=settings.target_acceptance,
            maxdepth=settings.max_depth,
        )
    z = np.asarray(trace.posterior["z"])[0]
    if len(z) < settings.n_draws:  # stopped by the keyboard, the sampler hands out what it has
        raise KeyboardInterrupt
    return {
        "z": z,
        "log_density": np.asarray(trace.sample_stats["logp"])[0],
        "diverging": np.asarray(trace.sample_stats["diverging"])[0].astype(np.float64),
        "n_evaluations": np.concatenate(
            [np.asarray(g["n_steps"])[0] for g in (trace.warmup_sample_stats, trace.sample_stats)]
        ).astype(np.float64),
    }


def diagnose(draws: FloatArray, *, free: Any, n_divergent: int, n_evaluations: int) -> ChainDiagnostics:
    """R-hat and effective sizes of ``(C, N, K)`` draws; fixed weights count as settled."""
    arviz = load("arviz")
    C, N, K = draws.shape
    r_hat, bulk, tail = np.ones(K), np.full(K, float(C * N)), np.full(K, float(C * N))
    for k in free:
        x = draws[:, :, k]
        r_hat[k] = float(arviz.rhat(x))
        bulk[k] = float(arviz.ess(x, method="bulk"))
        tail[k] = float(arviz.ess(x, method="tail"))
    return ChainDiagnostics(
        r_hat=r_hat, bulk_ess=bulk, tail_ess=tail, n_divergent=n_divergent, n_evaluations=n_evaluations
    )


def judge(
    names: Sequence[str], d: ChainDiagnostics, n_chains: int, n_draws: int
) -> tuple[Outcome, list[Finding]]:
    """Whether chains are an answer, and what is wrong with them."""
    notes = []
    worst = [n for n, r in zip(names, d.r_hat, strict=True) if not r <= R_HAT]
    least = np.minimum(d.bulk_ess, d.tail_ess)
    few = [n for n, e in zip(names, least, strict=True) if not e >= LEAST_ESS * n_chains]
    if worst or few:
        notes.append(
            Finding(
                code="chains-not-mixed",
                severity=Severity.ERROR,
                message="The chains do not tell one story: "
                + "; ".join(
                    part
                    for part in (
                        f"R-hat above {R_HAT} for {', '.join(worst)} (largest {np.max(d.r_hat):.3f})"
                        if worst
                        else "",
                        f"fewer than {LEAST_ESS * n_chains} effective draws for {', '.join(few)} "
                        f"(smallest {np.nanmin(least):.0f})"
                        if few
                        else "",
                    )
                    if part
                )
                + ".",
                hint="Sample longer (`n_draws`, `n_tune`), or narrow the prior of these weights.",
                evidence={"r_hat": dict(zip(names, d.r_hat.tolist(), strict=True))},
            )
        )
    if d.n_divergent:
        too_many = d.n_divergent > MOST_DIVERGENT * n_draws
        notes.append(
            Finding(
                code="divergent-draws",
                severity=Severity.ERROR if too_many else Severity.NOTICE,
                message=f"{d.n_divergent} of {n_draws:,} draws diverged: some part of the posterior is too narrow for "
                "the step, and may be missing.",
                hint="Raise `target_acceptance` to 0.95, or narrow the prior.",
                evidence={"n_divergent": d.n_divergent},
            )
        )
    failed = any(n.severity is Severity.ERROR for n in notes)
    return (Outcome.NOT_MIXED if failed else Outcome.SUCCESS), notes


def load(name: str) -> Any:
    """A module of the optional sampler, or an error that says how to get it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a notice of its next version, at import
            return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        raise SettingsError(
            f"Sampling needs the package {problem.name!r}, which is not installed.",
            hint="Install telic with its extra `posterior`: pip install 'telic[posterior]'. The method `laplace` "
            "needs nothing more.",
        ) from problem
