"""Posteriors of fits: settings in, fits with draws out; every chain is kept in the run folder when it ends.

One prior serves everybody, so that demonstrators differ by their decisions alone. The posterior is conditional on the
transition probabilities: what estimating these adds to an interval is in Fieller's, not here.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from telic._core.near_miss import near_miss
from telic.errors import SettingsError
from telic.inference.likelihood import ChoiceLikelihood, choice_likelihood
from telic.inference.posterior import NutsSettings, default_prior, laplace_posterior, nuts_posterior
from telic.rewards import NormalPrior, RewardPosterior
from telic.storage import atomic_write
from telic.typing import FloatArray

from .fit import Fit
from .progress import Progress, silent

__all__ = ["POSTERIOR_METHODS", "ChainFiles", "PosteriorSettings", "stated_prior", "with_posteriors"]

POSTERIOR_METHODS = ("nuts", "laplace")
"""How draws are made: by sampling the exact posterior, or from its normal approximation."""


@dataclass(frozen=True, kw_only=True)
class PosteriorSettings:
    """What may be chosen about a posterior.

    Attributes:
        method: ``nuts`` draws from the exact posterior, ``laplace`` from its normal approximation at the mode.
        n_draws: draws a chain (in all, for ``laplace``).
        n_chains: chains of ``nuts``.
        n_tune: draws of each chain that adapt its step, and are thrown away.
        prior: feature to standard deviation of its weight, around 0; the default prior for those not named.
    """

    method: str = "nuts"
    n_draws: int = 1_000
    n_chains: int = 4
    n_tune: int = 300
    prior: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method not in POSTERIOR_METHODS:
            raise SettingsError(
                f"There is no posterior by {self.method!r}.{near_miss(self.method, POSTERIOR_METHODS)}",
                hint=f"There are: {', '.join(POSTERIOR_METHODS)}.",
            )
        if self.method == "laplace" and self.n_draws < 100:
            raise SettingsError(
                f"A posterior by `laplace` needs at least 100 draws, got {self.n_draws}.",
                hint="1,000 is usual.",
            )
        NutsSettings(n_chains=self.n_chains, n_draws=self.n_draws, n_tune=self.n_tune)
        for name, sd in self.prior.items():
            if not 0 < sd < math.inf:
                raise SettingsError(
                    f"The prior of {name!r} needs a finite standard deviation above 0, got {sd}.",
                    hint="A wide one decides nothing that the data can tell, and the share it decides is printed.",
                )


@dataclass(frozen=True, kw_only=True)
class ChainFiles:
    """Finished chains in a folder, plain arrays in one ``.npz`` each, written whole or not at all.

    Attributes:
        folder: of the run, or None to keep nothing.
        who: whose posterior; a part of the names of the files.
        n_draws: of a chain; a file with another number counts as none.
    """

    folder: Path | None
    who: str
    n_draws: int

    def path(self, chain: int) -> Path:
        """The file of a chain."""
        assert self.folder is not None
        return self.folder / f"chain-{self.who.replace(' ', '-')}-{chain}.npz"

    def load(self, n_chains: int) -> dict[int, dict[str, FloatArray]]:
        """The chains that are there; one that cannot be read counts as not there."""
        found: dict[int, dict[str, FloatArray]] = {}
        for c in range(n_chains if self.folder is not None else 0):
            chain = _arrays(self.path(c))
            if chain is not None and _is_whole(chain, self.n_draws):
                found[c] = chain
        return found

    def keep(self, chain: int, arrays: Mapping[str, FloatArray]) -> None:
        """Write a chain that has ended.

        Raises:
            KeyboardInterrupt: it is shorter than asked for, as the sampler leaves it when it is interrupted.
        """
        if len(arrays["z"]) < self.n_draws:
            raise KeyboardInterrupt
        if self.folder is not None:
            write_arrays(self.path(chain), arrays)

    def keep_draws(self, posterior: RewardPosterior) -> str:
        """Write the draws of all chains in units of the weights; the name of the file, "" where none is kept."""
        if self.folder is None:
            return ""
        path = self.folder / f"posterior-{self.who.replace(' ', '-')}.npz"
        write_arrays(
            path,
            {
                "names": np.array(posterior.names),
                "draws": posterior.draws,
                "log_likelihoods": posterior.log_likelihoods,
            },
        )
        return path.name


def with_posteriors(
    fits: Mapping[str, Fit],
    settings: PosteriorSettings,
    *,
    everybody: str,
    key: int = 0,
    folder: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Fit]:
    """The fits, each that has an answer with its posterior.

    Args:
        fits: by demonstrator, and all under ``everybody``.
        settings: of the posterior.
        everybody: label of the fit of all, whose states scale the default prior.
        key: of the random numbers.
        folder: where chains are kept; None: nowhere.
        progress: told how many chains have ended.

    Raises:
        SettingsError: the prior names something else than features, has no scale for one, or the sampler is not
            installed.
        NumericalError: a mode was not found.
    """
    prior = stated_prior(_likelihood(fits[everybody]), settings.prior)
    out = {}
    for who, fit in fits.items():
        out[who] = fit
        if fit.outcome.ok:
            files = ChainFiles(folder=folder, who=who, n_draws=settings.n_draws)
            posterior = _posterior(_likelihood(fit), prior, settings, key, files, progress, who)
            out[who] = replace(fit, posterior=posterior, posterior_file=files.keep_draws(posterior))
    return out


def stated_prior(likelihood: ChoiceLikelihood, given: Mapping[str, float]) -> NormalPrior:
    """The default prior, with the standard deviations that were given in place of its own.

    Args:
        likelihood: whose states scale the default.
        given: feature to standard deviation.

    Raises:
        SettingsError: it names something else than a feature, or the default has no scale for one.
    """
    names = likelihood.names
    unknown = [name for name in given if name not in names]
    if unknown:
        raise SettingsError(
            f"The prior names {unknown[0]!r}, which is not a feature.{near_miss(unknown[0], names)}",
            hint=f"The features are {', '.join(names)}.",
        )
    if len(given) == len(names):
        return NormalPrior.of(names, {n: float(sd) for n, sd in given.items()})
    default = default_prior(likelihood, dict.fromkeys(given, 0.0))
    if not given:
        return default
    beliefs = dict(zip(default.names, default.standard_deviations.tolist(), strict=True))
    beliefs |= {name: float(sd) for name, sd in given.items()}
    stated = ", ".join(given)
    return NormalPrior.of(
        names, beliefs, source=f"{stated}: stated by the caller; the others {default.source}"
    )


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Plain arrays in one ``.npz``, whole or not at all.

    Args:
        path: of the file.
        arrays: by name.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.asarray(value) for name, value in arrays.items()})  # type: ignore[arg-type]
    atomic_write(path, buffer.getvalue())


def _likelihood(fit: Fit) -> ChoiceLikelihood:
    return choice_likelihood(fit.world, fit.features, fit.demos, rationality=fit.estimate.gauge.rationality)


def _posterior(
    likelihood: ChoiceLikelihood,
    prior: NormalPrior,
    settings: PosteriorSettings,
    key: int,
    files: ChainFiles,
    progress: Progress,
    who: str,
) -> RewardPosterior:
    stage = f"posterior, {who}"
    if settings.method == "laplace":
        progress(stage, 0, 1)
        found = laplace_posterior(likelihood, prior, n_draws=settings.n_draws, key=key)
        progress(stage, 1, 1)
        return found
    progress(stage, 0, settings.n_chains, "chains")
    return nuts_posterior(
        likelihood,
        prior,
        settings=NutsSettings(n_chains=settings.n_chains, n_draws=settings.n_draws, n_tune=settings.n_tune),
        key=key,
        chains=files.load(settings.n_chains),
        checkpoint=files.keep,
        progress=lambda done, total: progress(stage, done, total, "chains"),
    )


def _arrays(path: Path) -> dict[str, FloatArray] | None:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _is_whole(chain: Mapping[str, FloatArray], n_draws: int) -> bool:
    wanted = ("z", "log_density", "diverging")
    return "n_evaluations" in chain and all(n in chain and len(chain[n]) == n_draws for n in wanted)
