"""``infer``: what the experts value, as trade-offs with intervals, and what the data cannot tell.

Two doors to one room. Over a project folder it does everything a page needs and keeps the result by the
digest of its inputs; over demonstrations, a world and features it returns the ``Fit`` alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, overload

from telic.errors import SettingsError
from telic.features import FeatureMap
from telic.inference import FitSettings, max_causal_entropy
from telic.inference.dynamics_errors import dynamics_errors
from telic.inference.tradeoffs import preferred_kind
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.reports import Outcome, Severity
from telic.trajectories import Demonstrations
from telic.trajectories.checks import check

from .access import permitted
from .choice_rules import advised_against
from .findings import finding_from
from .fit import Fit
from .fitting import Checkpoint, fit_reward
from .infer_parts import asked_outcome, check_parts, with_parts
from .infer_report import infer_report, outcome_named
from .infer_result import result_of
from .intents import IntentSettings
from .options_check import turning_shares, with_availability
from .origins import learned_from, require_origins
from .people import single_demonstrators
from .posterior import PosteriorSettings
from .problem import Problem, pose
from .progress import Progress, silent
from .project import Project, Run
from .readings import audited
from .robustness import over_discounts, over_rationality, over_resolutions
from .verb_result import VerbResult, most_important

__all__ = ["InferSettings", "fit_everyone", "infer"]

RESAMPLED_WORLDS = 40
"""Re-estimates of the dynamics behind what they add to the errors, which is then known to about 11 %."""

PROFILE_WORLDS = 16
"""The same for fits under other discounts and resolutions, where a look is enough: about 18 %."""

EVERYBODY = "all together"
"""Label of the fit of all demonstrators, where single ones are reported too."""


@dataclass(frozen=True, kw_only=True)
class InferSettings:
    """What may be chosen about an inference.

    Attributes:
        method: registered name of the method.
        level: coverage of every interval, in (0, 1).
        errors: kind of standard error behind the intervals; None: the one that assumes least.
        discount: per decision, instead of that of the contract; assumed, not estimated.
        rationality: inverse temperature at which weights are stated.
        l2: penalty on the squared norm of the weights, in nats; more pulls them towards zero.
        with_dynamics_errors: add what estimated dynamics contribute to the intervals.
        with_profiles: fit again under other discounts and resolutions.
        key: of the resampling, and of draws.
        posterior: draws of the weights given the decisions and a prior; None: none are made.
        intents: several intents among the decisions; None: none are sought.
        suspects: look for demonstrators who contradict the others, and weigh them by the evidence.
        over_time: weights by block of time.
        strict_options: give no answer where options that were passed over could not be taken; else warn.
        origins: whose trajectories count, of ``telic.trajectories.ORIGINS``; None: people's and rules', and where the
            contract says `adversary` an attacker's.
    """

    method: str = "max_causal_entropy"
    level: float = 0.95
    errors: str | None = None
    discount: float | None = None
    rationality: float = 1.0
    l2: float = 0.0
    with_dynamics_errors: bool = True
    with_profiles: bool = True
    key: int = 0
    posterior: PosteriorSettings | None = None
    intents: IntentSettings | None = None
    suspects: bool = False
    over_time: bool = False
    strict_options: bool = False
    origins: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        require_origins(self.origins)
        if not 0.0 < self.level < 1.0:
            raise SettingsError(
                f"`level` must lie strictly between 0 and 1, got {self.level}.", hint="0.95 is usual."
            )
        if self.discount is not None and not 0.0 <= self.discount <= 1.0:
            raise SettingsError(
                f"`discount` must lie in [0, 1], got {self.discount}.",
                hint="It is per decision, not per second.",
            )
        if not 0.0 < self.rationality < math.inf:
            raise SettingsError(
                f"`rationality` must be a finite number above 0, got {self.rationality}.",
                hint="1 is the convention.",
            )
        if not 0.0 <= self.l2 < math.inf:
            raise SettingsError(
                f"`l2` must be finite and not negative, got {self.l2}.", hint="0 means no penalty."
            )


@overload
def infer(
    subject: str | Path | Project,
    *,
    settings: InferSettings | None = ...,
    version: str | None = ...,
    progress: Progress = ...,
) -> VerbResult: ...
@overload
def infer(
    subject: Demonstrations,
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
    features: FeatureMap,
    *,
    held_out: Demonstrations | None = ...,
    settings: InferSettings | None = ...,
    progress: Progress = ...,
) -> Fit: ...
def infer(
    subject: str | Path | Project | Demonstrations,
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP | None = None,
    features: FeatureMap | None = None,
    *,
    held_out: Demonstrations | None = None,
    settings: InferSettings | None = None,
    version: str | None = None,
    progress: Progress = silent,
) -> VerbResult | Fit:
    """What the experts value: over a project folder a ``VerbResult``, over data in hand a ``Fit``.

    Args:
        subject: project folder; or demonstrations with states, with ``world`` and ``features``.
        world: the dynamics, where data are given.
        features: candidate terms of the reward, where data are given.
        held_out: decisions to judge the fit on, where data are given.
        settings: what may be chosen.
        version: digest (or its beginning) of a dataset version, where a folder is given; None: the newest.
        progress: told how far the work is.

    Returns:
        For a folder, ``product`` is the pooled ``Fit`` (None where the result was there already).

    Raises:
        ContractError, DataError, DynamicsError, FeatureError, SettingsError: see their messages.
        PermanentError: there is no such folder, or nothing was ingested.
    """
    chosen = settings or InferSettings()
    if isinstance(subject, Demonstrations):
        if world is None or features is None:
            raise SettingsError(
                "Demonstrations need a world and features to be explained by.",
                hint="telic.infer(demos, world, features), or telic.infer(FOLDER).",
            )
        subject = learned_from(subject, None, chosen.origins)
        check_parts(subject, chosen)
        estimate = max_causal_entropy(
            subject, world, features, settings=FitSettings(rationality=chosen.rationality, l2=chosen.l2)
        )
        fit = Fit(
            estimate=estimate,
            world=world,
            features=features,
            demos=subject,
            held_out=held_out,
            level=chosen.level,
            kind=chosen.errors,
        )
        return with_parts({EVERYBODY: fit}, chosen, everybody=EVERYBODY, folder=None, progress=progress)[
            EVERYBODY
        ]
    project = subject if isinstance(subject, Project) else Project.open(subject)
    return _infer_project(project, chosen, version, progress)


@permitted("infer")
@audited("infer")
def _infer_project(
    project: Project, settings: InferSettings, version: str | None, progress: Progress
) -> VerbResult:
    contract = project.contract
    dataset = project.dataset(version)
    inputs = {"dataset": project.key_of(dataset), "contract": contract.digest, "settings": asdict(settings)}
    run = project.run_of("infer", inputs)
    if run.is_done:
        data = run.read()
        project.remember(run)
        return _result(project, run, data, fit=None, is_reused=True)
    with project.lock():
        progress("cutting states", 0, None)
        demos = project.demonstrations(dataset)
        problem = pose(contract, demos, discount=settings.discount, origins=settings.origins)
        progress("cutting states", 1, 1, f"{problem.space.n_states:,} states")
        check_parts(problem.train, settings, contract)
        fits = fit_everyone(problem, settings, progress=progress, folder=run.folder)
        progress("whether actions could be taken", 0, None)
        fits, availability = with_availability(
            problem, fits, everybody=EVERYBODY, is_strict=settings.strict_options
        )
        fits = with_parts(fits, settings, everybody=EVERYBODY, folder=run.folder, progress=progress)
        pooled = fits[EVERYBODY]
        profiles: list[dict[str, Any]] = []
        resolution: list[dict[str, Any]] = []
        seen = check(problem.encode(demos), contract, n_situations=problem.space.n_states)
        notes = (
            *availability.findings,
            *advised_against(contract, demos),
            *dataset.findings,
            *(f for f in seen if f.severity >= Severity.NOTICE),
        )
        if settings.with_dynamics_errors and pooled.error_kind not in pooled.estimate.kinds_with_dynamics:
            notes = (*problem.findings_of_spread, *notes)
        if settings.with_profiles and pooled.outcome.ok:
            progress("options out of reach", 0, None)
            availability = replace(availability, flips=turning_shares(problem, pooled))

            def refit(other: Problem) -> Mapping[str, Fit]:
                return fit_everyone(other, settings, n_worlds=PROFILE_WORLDS)

            profiles = over_discounts(
                problem, fits, refit, done=lambda i, n: progress("other discounts", i, n)
            )
            resolution, flips = over_resolutions(
                contract, demos, problem, fits, refit, done=lambda i, n: progress("other resolutions", i, n)
            )
            notes = (*flips, *notes)
        data = result_of(
            dataset=dataset,
            run=run,
            problem=problem,
            fits=fits,
            everybody=EVERYBODY,
            profiles=profiles,
            rationality=over_rationality(pooled),
            resolution=resolution,
            notes=notes,
            settings=asdict(settings),
            availability=availability,
        )
        run.write(infer_report(data))
        project.remember(run)
    return _result(project, run, data, fit=pooled, is_reused=False)


def fit_everyone(
    problem: Problem,
    settings: InferSettings,
    *,
    n_worlds: int = RESAMPLED_WORLDS,
    progress: Progress = silent,
    folder: Path | None = None,
) -> dict[str, Fit]:
    """The fit of each demonstrator (where the contract permits it) and of all together, the latter last.

    Args:
        problem: states, dynamics, features and decisions.
        settings: of the inference.
        n_worlds: re-estimates of the dynamics behind what they add to the errors.
        progress: told how far the work is.
        folder: where checkpoints are kept; None: nowhere.

    Raises:
        SettingsError: the method does not fit the problem.
    """
    has_spread = settings.with_dynamics_errors and problem.has_spread_of_dynamics
    worlds = problem.resampled_worlds(n_worlds, settings.key) if has_spread else ()
    fits: dict[str, Fit] = {}
    for who in (*single_demonstrators(problem), EVERYBODY):
        demos = problem.train if who == EVERYBODY else problem.train.of(who)
        estimate = fit_reward(
            problem,
            demos,
            method=settings.method,
            rationality=settings.rationality,
            l2=settings.l2,
            checkpoint=Checkpoint(
                None if folder is None else folder / f"checkpoint-{who.replace(' ', '-')}.npz"
            ),
            progress=progress,
            stage="fitting the reward" if who == EVERYBODY else f"fitting {who}",
        )
        added = None
        if worlds and preferred_kind(estimate, settings.errors) not in estimate.kinds_with_dynamics:
            added = dynamics_errors(
                estimate,
                demos,
                problem.features,
                worlds,
                progress=lambda i: progress("errors of the dynamics", i, len(worlds)),
            )
        fits[who] = Fit(
            estimate=estimate,
            world=problem.world,
            features=problem.features,
            demos=demos,
            held_out=problem.held_out if who == EVERYBODY else problem.held_out.of(who),
            pairs=tuple((str(n), str(d)) for n, d in problem.contract.tradeoffs),
            dynamics_errors=added,
            level=settings.level,
            kind=settings.errors,
        )
    return fits


def _result(
    project: Project, run: Run, data: dict[str, Any], *, fit: Fit | None, is_reused: bool
) -> VerbResult:
    findings = [finding_from(f) for f in data["findings"]]
    return VerbResult(
        verb="infer",
        report=infer_report(data),
        page=run.folder / "infer.html",
        finding=most_important(findings),
        next_command=_next(project, outcome_named(data["result"])),
        is_reused=is_reused,
        outcome=outcome_named(asked_outcome(data)),
        product=fit,
    )


def _next(project: Project, outcome: Outcome) -> str:
    """The next sensible command: the page, or a fit that has an answer."""
    if outcome is Outcome.SEPARATION:
        return f"telic infer {project.folder} --l2 1"
    return f"telic report {project.folder}"
