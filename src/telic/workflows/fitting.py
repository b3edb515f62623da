"""From a posed problem to a reward by the method asked for, with checkpoints for long fits.

Methods differ in what they take; this table says what each is given. A checkpoint is a file of plain arrays:
where one is found for the same problem, the fit goes on from it, and it is removed when the fit has ended by
itself.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from telic._core.near_miss import near_miss
from telic.errors import SettingsError
from telic.inference import METHODS
from telic.reports import Finding, Outcome, Severity
from telic.rewards import LinearReward, RewardEstimate
from telic.storage import atomic_write
from telic.trajectories import Demonstrations

from .choice_sets import available_where
from .problem import Problem
from .progress import Progress, silent

__all__ = ["Checkpoint", "fit_reward"]

CHECKPOINT_SECONDS = 2.0
"""Least time between two checkpoints: a short fit writes none."""


@dataclass
class Checkpoint:
    """Where a fit keeps its state, so that it can go on after it was stopped.

    Attributes:
        path: its file, or None to keep nothing.
    """

    path: Path | None
    _last: float = field(default_factory=time.monotonic, repr=False)
    _newest: Mapping[str, Any] | None = field(default=None, repr=False)

    def load(self) -> dict[str, Any] | None:
        """The state to go on from, or None; one that cannot be read counts as none."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            with np.load(io.BytesIO(self.path.read_bytes()), allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        return {name: column.item() if column.ndim == 0 else column for name, column in found.items()}

    def keep(self, state: Mapping[str, Any]) -> None:
        """Take note of a state; it is written when the last writing was some seconds ago."""
        self._newest = state
        if time.monotonic() - self._last >= CHECKPOINT_SECONDS:
            self.write()

    def write(self) -> None:
        """Write the newest state, if there is one."""
        if self.path is None or self._newest is None:
            return
        plain = {name: np.asarray(value) for name, value in self._newest.items() if value is not None}
        buffer = io.BytesIO()
        np.savez(buffer, **plain)  # type: ignore[arg-type]
        atomic_write(self.path, buffer.getvalue())
        self._last = time.monotonic()

    def discard(self) -> None:
        """Remove the file: the fit has ended by itself."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def fit_reward(
    problem: Problem,
    demos: Demonstrations,
    *,
    method: str = "max_causal_entropy",
    rationality: float = 1.0,
    l2: float = 0.0,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
    stage: str = "fitting the reward",
) -> RewardEstimate:
    """The reward behind these decisions, by a registered method.

    Args:
        problem: world and features.
        demos: decisions with states of the problem; its training part, or that of one demonstrator.
        method: registered name.
        rationality: inverse temperature at which weights are stated.
        l2: penalty on the squared norm of the weights, in nats.
        checkpoint: where the state of a long fit is kept.
        progress: told how far the fit is.
        stage: what to call it.

    Raises:
        SettingsError: there is no such method, or it takes no such settings.
    """
    fit = _FITS.get(method)
    if fit is None:
        raise SettingsError(
            f"No method {method!r} fits a project.{near_miss(method, _FITS)}",
            hint=f"There are: {', '.join(_FITS)}. `telic advise` says which fits the data.",
            registered=sorted(METHODS),
        )
    keeper = checkpoint or Checkpoint(None)
    try:
        estimate = fit(problem, demos, rationality, l2, keeper, _steps(progress, stage))
    except KeyboardInterrupt:
        keeper.write()
        raise
    if estimate.outcome is Outcome.INTERRUPTED:
        keeper.write()
    else:
        keeper.discard()
    progress(stage, 1, 1, estimate.outcome.label)
    return estimate


def _max_causal_entropy(
    problem: Problem, demos: Demonstrations, rationality: float, l2: float, keeper: Checkpoint, bar: Any
) -> RewardEstimate:
    from telic.inference import FitSettings, max_causal_entropy

    return max_causal_entropy(
        demos,
        problem.world,
        problem.features,
        settings=FitSettings(rationality=rationality, l2=l2, checkpoint_every=1),
        transition_log_likelihood=problem.dynamics.transition_log_likelihood,
        solver_state=keeper.load(),
        checkpoint=keeper.keep,
        progress=bar,
    )


def _conditional_choice_probability(
    problem: Problem, demos: Demonstrations, rationality: float, l2: float, _keeper: Checkpoint, _bar: Any
) -> RewardEstimate:
    from telic.inference.methods.conditional_choice_probability import (
        ConditionalChoiceProbabilitySettings,
        conditional_choice_probability,
    )
    from telic.mdp import TabularMDP

    if not isinstance(problem.world, TabularMDP):
        raise SettingsError(
            "`conditional_choice_probability` needs a discounted world, this contract has a horizon.",
            hint="Use max_causal_entropy.",
        )
    estimate = conditional_choice_probability(
        demos,
        problem.world,
        problem.features,
        settings=ConditionalChoiceProbabilitySettings(rationality=rationality, l2=l2),
    )
    return replace(estimate, transition_log_likelihood=problem.dynamics.transition_log_likelihood)


def _conditional_choice_transitions(
    problem: Problem, demos: Demonstrations, rationality: float, l2: float, _keeper: Checkpoint, _bar: Any
) -> RewardEstimate:
    from telic.features import MeasuredFeatureMap
    from telic.inference.methods.conditional_choice_transitions import (
        ConditionalChoiceTransitionsSettings,
        conditional_choice_transitions,
    )

    contract = problem.contract
    if contract.dynamics.environment is not None:
        raise SettingsError(
            "`conditional_choice_transitions` takes all transitions as those of one world, but the contract names"
            f" environments (dynamics.environment: {contract.dynamics.environment}).",
            hint="Use max_causal_entropy or conditional_choice_probability; or make a project for each environment"
            " and take `dynamics.environment` out.",
        )
    estimate = conditional_choice_transitions(
        demos,
        MeasuredFeatureMap.from_expressions(
            {feature.name: feature.expression for feature in contract.features},
            action_values=contract.actions.values,
            units=[feature.unit for feature in contract.features],
            categories=demos.categories,
        ),
        discount=problem.world.discount,
        exogenous=[o.name for o in contract.state_observations if o.affected_by_action is False],
        available=(
            None
            if problem.available is None
            else available_where(problem.space, problem.available, demos.categories)
        ),
        settings=ConditionalChoiceTransitionsSettings(rationality=rationality, l2=l2),
    )
    # The same weights on the cells, so that what follows can plan with them.
    on_cells = LinearReward(features=problem.features, weights=estimate.weights)
    note = Finding(
        code="reward-on-cells",
        severity=Severity.INFO,
        message=(
            "The weights come from measurements; predictions below use them on the"
            f" {problem.space.n_states:,} states."
        ),
    )
    return replace(estimate, reward=on_cells, findings=(*estimate.findings, note))


_Fit = Callable[[Problem, Demonstrations, float, float, Checkpoint, Any], RewardEstimate]

_FITS: dict[str, _Fit] = {
    "max_causal_entropy": _max_causal_entropy,
    "conditional_choice_probability": _conditional_choice_probability,
    "conditional_choice_transitions": _conditional_choice_transitions,
}
"""Methods that fit a project's contract; the others in ``METHODS`` are called from Python."""


def _steps(progress: Progress, stage: str) -> Callable[[Any], bool]:
    def move(info: Any) -> bool:
        progress(stage, info.iteration, info.max_iterations, f"score {info.score_norm:.1e}")
        return True

    return move
