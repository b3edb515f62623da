"""The loop around learners, stopped by the keyboard at any of its places: nothing is lost, and the outcome says it."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.neural.driver import train  # noqa: E402
from telic.policies import NetworkPolicy  # noqa: E402
from telic.policies.heads import CategoricalHead  # noqa: E402
from telic.policies.layers import Dense  # noqa: E402
from telic.reports import Outcome  # noqa: E402
from telic.workflows.sweep import Run, sweep  # noqa: E402

N_STEPS = 6


@pytest.fixture(autouse=True)
def keyboard():
    """As in a terminal, also where the tests run in the background of a shell, which ignores the keyboard there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Sum(NamedTuple):
    total: Any
    way: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Summing:
    """Counts its steps outside compiled code, so that a step can be interrupted too."""

    is_compiled: ClassVar[bool] = False
    at: Any = -1

    def init(self, key: Any) -> Sum:
        return Sum(jax.numpy.zeros(()), jax.numpy.zeros(()))

    def step(self, state: Sum) -> tuple[Sum, dict[str, Any]]:
        if self.at >= 0 and float(state.total) >= self.at:
            signal.raise_signal(signal.SIGINT)
        total = np.asarray(state.total) + 1.0
        return Sum(total, np.asarray(state.way) * 3.0 + total), {"total": total}

    def policy(self, state: Sum) -> NetworkPolicy:
        one = np.ones((1, 2), dtype=np.float32)
        return NetworkPolicy(
            layers=(Dense(weight=one, bias=one[0] * np.float32(state.way)),),
            activation="tanh",
            head=CategoricalHead(n_actions=2),
            shift=one[0, :1],
            scale=one[0, :1],
        )


@pytest.mark.parametrize("place", ["step", "sink", "progress", "checkpoint", "stop"])
def test_the_keyboard_stops_a_run_and_nothing_is_lost(place) -> None:
    kept, noted = [], []

    def checkpoint(done: int, state: Any) -> None:
        if place == "checkpoint" and done == 3 and not any(d == 3 for d, _ in kept):
            kept.append((done, state))
            signal.raise_signal(signal.SIGINT)
        kept.append((done, state))

    def at_three(word: str):
        def called(done: Any, *_: Any) -> bool:
            if word == "sink":
                noted.append(done)
            done = done["total"] if word == "stop" else done
            if place == word and done == 3:
                signal.raise_signal(signal.SIGINT)
            return False

        return called

    found = train(
        Summing(at=3) if place == "step" else Summing(),
        3,
        N_STEPS,
        sink=at_three("sink"),
        progress=at_three("progress"),
        stop=at_three("stop"),
        checkpoint=checkpoint,
        every=1,
    )
    assert found.outcome is Outcome.INTERRUPTED and found.is_stopped
    done, state = kept[-1]
    # A step counts once its metrics were told: interrupted while telling, it is done again.
    assert done == found.n_steps == (2 if place == "sink" else 3) == float(state.total)
    assert found.history["total"].tolist() == list(np.arange(1.0, done + 1))
    assert noted[:done] == list(range(1, done + 1))
    assert found.findings[0].evidence == {"step": done, "n_steps": N_STEPS}
    with pytest.raises(KeyboardInterrupt):
        found.answer()
    rest = train(Summing(), 3, N_STEPS, resume=(done, state))
    whole = train(Summing(), 3, N_STEPS)
    assert float(rest.answer().way) == float(whole.answer().way) > 0
    assert not rest.is_stopped and not whole.is_stopped


def test_stopped_before_its_first_step_a_run_keeps_its_beginning_or_nothing() -> None:
    @jax.tree_util.register_dataclass
    @dataclass(frozen=True, kw_only=True)
    class Slow(Summing):
        def init(self, key: Any) -> Sum:
            signal.raise_signal(signal.SIGINT)
            return Summing.init(self, key)

    kept: list[int] = []
    found = train(Slow(), 3, N_STEPS, checkpoint=lambda done, _: kept.append(done))
    assert (found.outcome, found.n_steps, found.state, kept) == (Outcome.INTERRUPTED, 0, None, [])
    found = train(Summing(at=0), 3, N_STEPS, checkpoint=lambda done, _: kept.append(done))
    assert (found.n_steps, kept, found.history) == (0, [0], {})


def test_the_keyboard_stops_a_whole_sweep_and_the_same_call_goes_on(tmp_path, monkeypatch) -> None:
    def result(folder):
        found = sweep(runs, folder)
        return [(r.policy.digest, r.outcome, r.history["total"].tolist()) for r in found]

    runs = [Run(learner=Summing(), key=key, n_steps=N_STEPS) for key in (0, 1)]
    undisturbed = result(tmp_path / "undisturbed")
    with monkeypatch.context() as patch:
        patch.setattr(Summing, "step", lambda self, state: STEP(replace(self, at=2), state))
        with pytest.raises(KeyboardInterrupt):
            sweep(runs, tmp_path / "stopped")
    assert len(list((tmp_path / "stopped").iterdir())) == 1  # the second run was not begun
    assert result(tmp_path / "stopped") == undisturbed


STEP = Summing.step
