"""What a learner is given: a compiled simulator by its name, a Gymnasium environment, or recorded decisions.

A settings file names one of them; what is made here knows how a method's learner is built on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from telic._core.hashing import digest_json
from telic._core.near_miss import near_miss
from telic.errors import DataError, SettingsError
from telic.policies.heads import GaussianHead
from telic.reports import Finding
from telic.rewards import LinearReward
from telic.trajectories import Demonstrations

from .imitate_data import ImitateData, data_of
from .infer_report import outcome_named
from .methods import Method, Needs
from .origins import require_no_attacker
from .problem import pose
from .settings_files import require_known, whole_number

__all__ = ["LearningWorld", "environment_of", "record_of", "simulators"]

N_ENVS = 8
"""Streams of a Gymnasium environment where nobody says how many."""

LONGEST = 100_000
"""Decisions after which an episode that has not ended is refused."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LearningWorld:
    """What is learned in or from.

    Attributes:
        kind: of those that a method may have in ``worlds``.
        name: in words.
        described: as a settings file has it, with nothing left to a default.
        digest: of what its outcome depends on.
        simulator: a compiled world, or None.
        make: a new vector environment of so many streams, or None.
        transitions: recorded rows, or None.
        data: where they come from.
        findings: what was noticed.
    """

    kind: Needs
    name: str
    described: Mapping[str, Any]
    digest: str
    simulator: Any = None
    make: Callable[[int], Any] | None = None
    transitions: Any = None
    data: ImitateData | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def said_elsewhere(self) -> dict[str, str]:
        """Settings of learners that this world says, and where."""
        return {"n_envs": "environment: {n_envs: 8}"} if self.make is not None else {}

    def learner(self, method: Method, settings: Mapping[str, Any]) -> Any:
        """The learner of a method here.

        Args:
            method: that this kind of world suits.
            settings: all of them.

        Raises:
            SettingsError: the method needs something else, or its actions are of another kind.
        """
        if self.kind not in method.worlds:
            raise SettingsError(
                f"`{method.name}` needs {' or '.join(method.worlds)}; {self.name} is {self.kind}.",
                hint="`telic methods` says what each of them needs.",
            )
        if self.simulator is not None:
            learner = method.load()(simulator=self.simulator, **settings)
        elif self.make is not None:
            env = self.make(int(self.described["environment"]["n_envs"]))
            longest = self.described["environment"]["longest"]
            return method.load(outside=True).of(env, longest=longest, **settings)
        else:
            learner = method.load()(rows=self.transitions.rows(), head=self.transitions.head, **settings)
        _ = learner.head  # refuses actions of another kind at the door
        return learner


def simulators() -> dict[str, Callable[[], Any]]:
    """Compiled simulators by their names in settings files."""
    from telic.neural import simulators as known

    return {
        "acrobot": known.acrobot,
        "cartpole": known.cartpole,
        "mountain_car": known.mountain_car,
        "pendulum": known.pendulum,
    }


def environment_of(given: Mapping[str, Any]) -> LearningWorld:
    """The world that ``environment`` of a settings file names.

    Args:
        given: that part of the file.

    Raises:
        SettingsError: it names none, or one that is not there.
    """
    if not isinstance(given, Mapping) or ("simulator" in given) == ("gymnasium" in given):
        raise SettingsError(
            f"`environment` must name a `simulator` or a `gymnasium` environment, got {given!r}.",
            hint="environment: {simulator: cartpole}, or environment: {gymnasium: CartPole-v1, n_envs: 8}.",
        )
    if "simulator" in given:
        require_known(given, ("simulator",), "`environment` of a simulator")
        known, name = simulators(), str(given["simulator"])
        if name not in known:
            raise SettingsError(
                f"There is no compiled simulator `{name}`.{near_miss(name, known)}",
                hint=f"There are {', '.join(known)}; any other world by `gymnasium`.",
            )
        described = {"environment": {"simulator": name}}
        return LearningWorld(
            kind=Needs.SIMULATOR,
            name=name,
            described=described,
            digest=digest_json(described),
            simulator=known[name](),
        )
    return _gymnasium(given)


def _gymnasium(given: Mapping[str, Any]) -> LearningWorld:
    try:
        import gymnasium
    except ImportError as error:
        raise SettingsError(
            "`gymnasium` environments need the package of that name.", hint="pip install 'telic[robots]'"
        ) from error
    require_known(given, ("gymnasium", "n_envs", "longest", "options"), "`environment` of Gymnasium")
    name, options = str(given["gymnasium"]), given.get("options") or {}
    if not isinstance(options, Mapping):
        raise SettingsError(
            f"`options` must hold arguments by name, got {options!r}.", hint="options: {g: 9.81}"
        )
    n_envs = whole_number(given, "n_envs", N_ENVS, least=1)
    longest = whole_number(given, "longest", LONGEST, least=1)

    def make(n: int) -> Any:
        try:
            return gymnasium.make_vec(name, num_envs=n, vectorization_mode="sync", **options)
        except (gymnasium.error.Error, ImportError, TypeError) as problem:
            near = near_miss(name, gymnasium.registry)
            raise SettingsError(
                f"Gymnasium cannot make `{name}`: {' '.join(str(problem).split())[:200]}.{near}",
                hint="Check the id and its version, the packages that it needs, and `options`.",
            ) from problem

    described = {
        "environment": {"gymnasium": name, "n_envs": n_envs, "longest": longest, "options": dict(options)}
    }
    return LearningWorld(
        kind=Needs.ENVIRONMENT, name=name, described=described, digest=digest_json(described), make=make
    )


def record_of(place: Path, contract: str | Path | None, given: Mapping[str, Any]) -> LearningWorld:
    """Recorded decisions with their rewards.

    Args:
        place: project folder, or file of decisions.
        contract: of a file.
        given: top level of the settings, with ``reward``.

    Raises:
        DataError: what follows decisions is not known, or a reward is no number.
        SettingsError: it is not said what a decision was worth.
    """
    from telic.neural.recorded import observed, refuse_what_is_not_used
    from telic.neural.transitions import Transitions

    asked = given.get("reward")
    if not isinstance(asked, Mapping) or ("column" in asked) == ("inference" in asked):
        raise SettingsError(
            f"`reward` must name a logged `column` or an `inference`, got {asked!r}.",
            hint="reward: {column: profit}, or reward: {inference: newest} of a project.",
        )
    require_known(asked, ("column", "inference"), "`reward`")
    data = data_of(place, contract, given)
    require_no_attacker(data.origins)
    if data.contract.data.origin == "adversary":
        raise SettingsError(
            "No policy is made from an attacker's decisions (`data.origin: adversary`).",
            hint="`telic infer` may describe what they value, for defence.",
        )
    reward: Any
    demos, said = data.demos, dict(asked)
    if "column" in asked:
        name = str(asked["column"])
        if name not in demos.observations:
            raise DataError(
                f"There is no column `{name}` with rewards.{near_miss(name, demos.observations)}",
                hint="Declare it as an observation of the contract (`in_state: false`).",
            )
        columns = tuple(c for c in data.columns if c != name)
        reward = np.asarray(demos.observations[name], dtype=np.float64)
    else:
        columns, (reward, demos, said) = data.columns, _inferred(data, str(asked["inference"]))
    data = replace(data, columns=columns)
    seen = _only(demos, columns)
    if data.amounts:
        refuse_what_is_not_used(seen)
        x, after, known, names = observed(seen, None)
        done = np.zeros(seen.n_decisions, dtype=bool)
        ends = seen.offsets[1:][np.diff(seen.offsets) > 0] - 1
        done[ends] = seen.terminated[np.diff(seen.offsets) > 0]
        low, high = zip(*data.amounts.values(), strict=True)
        actions = np.stack([demos.observations[name] for name in data.amounts], axis=1)
        if not isinstance(reward, np.ndarray):
            raise SettingsError(
                "An inferred reward is of the actions of the contract, and `amounts` are asked for.",
                hint="reward: {column: ...}",
            )
        head = GaussianHead(low=low, high=high)
        transitions = Transitions.from_arrays(
            x, actions, reward, after, done, head, next_known=known, names=names
        )
    else:
        transitions = Transitions.from_demonstrations(seen, reward)
    return LearningWorld(
        kind=Needs.RECORD,
        name=data.contract.identity.task,
        described={**data.described, "reward": said},
        digest=transitions.digest,
        transitions=transitions,
        data=data,
        findings=data.findings,
    )


def _only(demos: Demonstrations, columns: tuple[str, ...]) -> Demonstrations:
    """The decisions with some of their columns, in order."""
    return replace(
        demos,
        observations={name: demos.observations[name] for name in columns},
        next_observations={
            name: demos.next_observations[name] for name in columns if demos.next_observations
        },
        categories={name: labels for name, labels in demos.categories.items() if name in columns},
    )


def _inferred(data: ImitateData, run: str) -> tuple[LinearReward, Demonstrations, dict[str, Any]]:
    """The reward of an inference of the project, and the decisions in its states."""
    if data.project is None:
        raise SettingsError(
            "An inferred reward is that of a project, and a file of decisions is given.",
            hint="telic train FOLDER --settings FILE",
        )
    found = data.project.find_run("infer", None if run == "newest" else run)
    told = found.read()
    outcome = outcome_named(told["result"])
    if not outcome.ok:
        raise SettingsError(
            f"The inference {found.folder.name} has no answer ({outcome.label}), so there is no reward.",
            hint=outcome.value,
        )
    demos = data.demos
    problem = pose(
        data.contract, demos, discount=told["settings"]["discount"], origins=told["settings"].get("origins")
    )
    weights = np.array([told["weights"][name] for name in problem.features.names])
    reward = LinearReward(features=problem.features, weights=weights)
    return reward, problem.encode(demos), {"inference": found.digest}
