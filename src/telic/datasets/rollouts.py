"""Rollouts of a Gymnasium environment, recorded as episodes that the format ``npz-episodes`` reads.

Three things go wrong in such recordings, and here they do not:

- ``terminated`` (the task ended) and ``truncated`` (the record stopped) are kept apart; a single ``done`` would make
  every time limit look like a goal or a crash.
- A vector environment starts the next episode by itself. In mode ``NextStep`` the step after an end only resets: its
  action was not taken by anybody and is left out. In mode ``SameStep`` the observation that comes back is the first of
  the next episode; the last one of the old is taken from ``info["final_obs"]``.
- The first so many episodes that *end* are short ones. Each environment of a vector records a number of episodes that
  was fixed before the first step, whatever their lengths.

Nothing of Gymnasium is imported: what is recorded is whatever has its ``reset`` and ``step`` (1.0 and later).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import DataError, SettingsError
from telic.storage import atomic_write

__all__ = ["Recorded", "record_rollouts"]

NEXT_STEP, SAME_STEP, DISABLED = "NextStep", "SameStep", "Disabled"
"""Values of ``gymnasium.vector.AutoresetMode``."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What was recorded.

    Attributes:
        path: the ``.npz`` file.
        n_episodes: episodes in it.
        n_steps: steps in it.
        n_terminated: episodes whose task ended; the others were cut off.
        env_spec: the environment's own description (``EnvSpec.to_json``), "" where it has none that is JSON.
    """

    path: Path
    n_episodes: int
    n_steps: int
    n_terminated: int
    env_spec: str


@dataclass
class _Episodes:
    """Steps as they come, in any order of episodes."""

    rows: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    episode: list[int] = field(default_factory=list)

    def add(self, episode: int, **values: Any) -> None:
        self.episode.append(episode)
        for name, value in values.items():
            for leaf, array in _leaves(name, value):
                self.rows.setdefault(leaf, []).append(array)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it, episode by episode."""
        order = np.argsort(np.asarray(self.episode), kind="stable")
        found = {name: np.stack(values)[order] for name, values in self.rows.items()}
        return {**found, "ep_id": np.asarray(self.episode)[order]}


def record_rollouts(
    env: Any,
    policy: Callable[[Any], Any],
    path: str | Path,
    *,
    episodes: int,
    key: int = 0,
    max_steps: int = 100_000,
) -> Recorded:
    """Whole episodes of a policy in an environment, in a file that ``data.format: npz-episodes`` reads.

    Args:
        env: a Gymnasium environment, or a vector of them.
        policy: observation to action; of a vector, observations to actions. Its own randomness is its own affair.
        path: the ``.npz`` file to write or replace.
        episodes: how many to record; a vector of n environments records them in n equal shares, rounded up.
        key: seed of the first reset.
        max_steps: steps after which an episode that has not ended is cut off (and counts as truncated).

    Raises:
        SettingsError: a setting lies outside its range, or the vector does not say how it resets.
        DataError: an observation changes its shape, or an episode of a vector is longer than ``max_steps``.
        TemporaryError, PermanentError: the file cannot be written.
    """
    if episodes < 1 or max_steps < 1:
        raise SettingsError(
            f"`episodes` and `max_steps` must be at least 1, got {episodes} and {max_steps}.",
            hint="Record at least one episode of at least one step.",
        )
    kept = _Episodes()
    if hasattr(env, "num_envs"):
        _vector(env, policy, kept, episodes, key, max_steps)
    else:
        _single(env, policy, kept, episodes, key, max_steps)
    try:
        arrays = kept.arrays()
    except ValueError as problem:
        raise DataError(
            f"Observations or actions change their shape from step to step: {problem}.",
            hint="Record arrays of one shape (wrap the environment to flatten them).",
        ) from None
    odd = [name for name, values in arrays.items() if values.dtype.kind not in "biufSU"]
    if odd:
        raise DataError(
            f"{', '.join(odd)} of the environment are no numbers, truth values or texts.",
            hint="Wrap the environment so that they are.",
        )

    def write(file: IO[bytes]) -> None:
        np.savez(file, **arrays)  # type: ignore[arg-type]

    target = atomic_write(path, write)
    return Recorded(
        path=target,
        n_episodes=len(np.unique(arrays["ep_id"])),
        n_steps=len(arrays["ep_id"]),
        n_terminated=int(arrays["terminated"].sum()),
        env_spec=_spec(env),
    )


def _spec(env: Any) -> str:
    spec = getattr(env, "spec", None)
    try:
        return "" if spec is None else str(spec.to_json())
    except TypeError:  # settings that are no JSON, such as the autoreset mode of a vector
        return ""


def _single(
    env: Any, policy: Callable[[Any], Any], kept: _Episodes, episodes: int, key: int, max_steps: int
) -> None:
    for i in range(episodes):
        # Seeded once: a seed at every reset would make every episode begin alike.
        observation, _ = env.reset(seed=key) if i == 0 else env.reset()
        for t in range(max_steps):
            action = policy(observation)
            # An environment may hand out one array again and again; `_leaves` copies.
            kept_before = _copy(observation)
            after, reward, terminated, truncated, _ = env.step(action)
            cut = bool(truncated) or (t == max_steps - 1 and not terminated)
            kept.add(
                i,
                obs=kept_before,
                acts=action,
                next_obs=after,
                rews=float(reward),
                terminated=bool(terminated),
                truncated=cut,
            )
            observation = after
            if terminated or cut:
                break


def _vector(
    env: Any, policy: Callable[[Any], Any], kept: _Episodes, episodes: int, key: int, max_steps: int
) -> None:
    n = int(env.num_envs)
    mode = (getattr(env, "metadata", None) or {}).get("autoreset_mode")
    mode = getattr(mode, "value", mode)
    if mode not in (NEXT_STEP, SAME_STEP, DISABLED):
        raise SettingsError(
            f"The vector environment does not say how it resets (`metadata['autoreset_mode']` is {mode!r}).",
            hint="Use Gymnasium 1.1 or later, or record one environment at a time.",
        )
    share = -(-episodes // n)
    done_so_far, length = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    resets = np.zeros(n, dtype=bool)  # environments whose next step only resets
    observations, _ = env.reset(seed=key)
    while (done_so_far < share).any():
        actions = policy(observations)
        before = _copy(observations)
        after, rewards, terminated, truncated, info = env.step(actions)
        ended = np.asarray(terminated, dtype=bool) | np.asarray(truncated, dtype=bool)
        for i in range(n):
            if resets[i] or done_so_far[i] >= share:
                continue
            following = _of(after, i)
            if mode == SAME_STEP and ended[i]:
                following = _final(info, i)
            kept.add(
                int(i * share + done_so_far[i]),
                obs=_of(before, i),
                acts=_of(actions, i),
                next_obs=following,
                rews=float(rewards[i]),
                terminated=bool(terminated[i]),
                truncated=bool(truncated[i]),
            )
            length[i] += 1
            if length[i] >= max_steps and not ended[i]:
                raise DataError(
                    f"Episode {int(done_so_far[i])} of environment {i} has not ended after {max_steps:,} steps.",
                    hint="Give the environment a time limit, or record one environment at a time.",
                )
        was_reset = resets
        resets = ended & ~was_reset if mode == NEXT_STEP else np.zeros(n, dtype=bool)
        finished = ended & ~was_reset
        done_so_far += finished
        length[finished] = 0
        if mode == DISABLED and ended.any():
            after, _ = env.reset(options={"reset_mask": ended})
        observations = after


def _final(info: Mapping[str, Any], i: int) -> Any:
    """The last observation of an episode that was followed by a reset in the same step."""
    found = info.get("final_obs")
    if found is None or (not isinstance(found, Mapping) and found[i] is None):
        raise DataError(
            "The environment reset in the same step and did not keep the last observation (`info['final_obs']`).",
            hint="Use autoreset mode NextStep.",
        )
    return _of(found, i)


def _of(batch: Any, i: int) -> Any:
    """The part of a batch that is one environment's."""
    if isinstance(batch, Mapping):
        return {name: _of(values, i) for name, values in batch.items()}
    if isinstance(batch, tuple):
        return tuple(_of(values, i) for values in batch)
    return batch[i]


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copy(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(_copy(inner) for inner in value)
    return np.array(value)


def _leaves(name: str, value: Any) -> list[tuple[str, NDArray[Any]]]:
    """Dotted name and array of everything in an observation or action."""
    if isinstance(value, Mapping):
        return [leaf for key, inner in value.items() for leaf in _leaves(f"{name}.{key}", inner)]
    if isinstance(value, tuple):
        return [leaf for i, inner in enumerate(value) for leaf in _leaves(f"{name}.{i}", inner)]
    return [(name, np.array(value))]
