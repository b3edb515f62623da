"""How well a simulator made from a log imitates it: one step ahead, and in closed loop.

**One step.** The log probability of what followed each held-out decision under the simulator's law, beside that of a
law that knows neither action nor exogenous values (``p(y' | y)`` of the training part), paired and clustered by
trajectory.

**Closed loop.** Each held-out trajectory is replayed with its own start and exogenous trace while a policy (usually
the cloned one) decides and the simulator answers. For every quantity three numbers are compared by trajectory: its
*level* (mean over decisions), its *spread* (mean squared deviation from the log's mean) and its *persistence* (mean
product of deviations ``lag`` decisions apart). Differences are in units of the quantity's standard deviation over the
log (of its variance for the last two); intervals are of all of them together at the level stated (Bonferroni),
clustered by trajectory.

**Memory.** Correlations of the next step with what the simulator forgets (``fidelity_memory``), by a margin of
theirs.

A simulator is *faithful* where all intervals lie within the margin, *unfaithful* where one lies wholly outside it,
and otherwise the log is too short to say. The question is about this simulator, with whatever its training data made
of it.

References: Law (2015), Simulation Modeling and Analysis, 5th edition, section 5.6, for comparing a system and its
model by intervals; Wellek (2010), Testing Statistical Hypotheses of Equivalence and Noninferiority, for margins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, SettingsError
from telic.mdp.trace_simulator import TraceSimulator
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import FloatArray, LongArray

from .clustered import ClusteredMean, clustered_mean
from .fidelity_memory import Memory, forgotten, tests_of_memory

__all__ = ["Difference", "Fidelity", "fidelity"]

FEWEST = 8
"""Held-out source trajectories below which nothing is said about the closed loop."""

NEVER = 1e-12
"""Probability that a transition counts with to which the simulator gives none."""

PARTS = ("level", "spread", "persistence")

MOST_LOST = 0.05
"""Share of simulated decisions that may be missing because the trace led where no state is."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One number of one quantity, simulated less logged.

    Attributes:
        quantity: name.
        part: ``level``, ``spread`` or ``persistence``.
        logged, simulated: in units of the quantity (squared for the last two).
        difference: in standard deviations of the log (variances for the last two), with its interval.
        verdict: ``faithful``, ``unfaithful`` or ``open``.
    """

    quantity: str
    part: str
    logged: float
    simulated: float
    difference: ClusteredMean
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes."""
        d = self.difference
        return {
            "quantity": self.quantity,
            "part": self.part,
            "logged": self.logged,
            "simulated": self.simulated,
            "difference": d.value,
            "interval": None if d.interval is None else list(d.interval),
            "verdict": self.verdict,
        }


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """What a simulator is worth.

    Attributes:
        one_step: nats a decision of the simulator's law.
        gain: nats a decision over a law without action and exogenous values.
        unforeseen: share of held-out transitions to which the simulator gives no probability.
        differences: in closed loop; empty with too few trajectories.
        memory: correlations of the next step with what the simulator forgets.
        lost: share of simulated decisions that are missing.
        margin: in standard deviations.
        verdict: ``faithful``, ``unfaithful`` or ``open``.
        findings: the verdict in words.
    """

    one_step: ClusteredMean
    gain: ClusteredMean
    unforeseen: float
    differences: tuple[Difference, ...]
    memory: tuple[Memory, ...]
    lost: float
    margin: float
    verdict: str
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Keys as the attributes, without the findings."""
        return {
            "one_step": _mean_json(self.one_step),
            "gain": _mean_json(self.gain),
            "unforeseen": self.unforeseen,
            "differences": [d.to_json() for d in self.differences],
            "memory": [
                {"quantity": m.quantity, "known": m.known, "verdict": m.verdict, **_mean_json(m.correlation)}
                for m in self.memory
            ],
            "lost": self.lost,
            "margin": self.margin,
            "verdict": self.verdict,
        }


def fidelity(
    simulator: TraceSimulator,
    train: Demonstrations,
    held_out: Demonstrations,
    policy: Float[np.ndarray, "S A"],
    quantities: Mapping[str, FloatArray],
    *,
    margin: float | int = 0.25,
    memory_margin: float | int = 0.1,
    level: float | int = 0.95,
    repeats: int = 20,
    lag: int = 5,
    key: int = 0,
) -> Fidelity:
    """One-step and closed-loop fidelity on decisions that the simulator was not made from.

    Args:
        simulator: made from ``train``.
        train: with states of its space.
        held_out: other trajectories, with states of its space.
        policy: who decides in closed loop: the cloned policy of the same experts.
        quantities: name to ``(S,)`` numbers by state.
        margin: difference, in standard deviations of the log, that does not matter.
        memory_margin: correlation with what the simulator forgets that does not matter.
        level: of all intervals together.
        repeats: replays of each trajectory; more leave less of the simulator's own chance.
        lag: decisions apart for persistence.
        key: random key.

    Raises:
        DataError: there is no known transition, or a quantity does not fit the states.
        SettingsError: a number is out of range.
    """
    if not min(margin, memory_margin) > 0 or not 0 < level < 1 or repeats < 1 or lag < 1:
        raise SettingsError(
            f"Margins, `repeats` and `lag` must be positive and `level` in (0, 1), got {margin}, {memory_margin}, "
            f"{repeats}, {lag} and {level}.",
            hint="The defaults are 0.25, 0.1, 20, 5 and 0.95.",
        )
    S = simulator.world.n_states
    for name, values in quantities.items():
        if values.shape != (S,) or not np.all(np.isfinite(values)):
            raise DataError(
                f"Quantity {name!r} must be {S} finite numbers, one a state, got shape {values.shape}.",
                hint="Take `space.cells[name]` of a measured observation.",
            )
    one, gain, unforeseen = _one_step(simulator, train, held_out, level)
    sources = source_index(held_out)
    n_sources = len(np.unique(sources[np.diff(held_out.offsets) > 0]))
    differences: tuple[Difference, ...] = ()
    memory: tuple[Memory, ...] = ()
    lost = 0.0
    if n_sources >= FEWEST and quantities:
        count = len(quantities) * len(PARTS) + tests_of_memory(len(quantities))
        each = 1.0 - (1.0 - float(level)) / count
        differences, lost = _closed_loop(
            simulator, held_out, policy, quantities, sources, margin, each, repeats, lag, key
        )
        # Nothing of it is fitted, so the larger part serves.
        memory = forgotten(simulator, train, quantities, margin=float(memory_margin), level=each)
    verdict = _verdict([*(d.verdict for d in differences), *(m.verdict for m in memory)], lost)
    return Fidelity(
        one_step=one,
        gain=gain,
        unforeseen=unforeseen,
        differences=differences,
        memory=memory,
        lost=lost,
        margin=float(margin),
        verdict=verdict,
        findings=_findings(verdict, differences, memory, n_sources, lost, float(margin)),
    )


def _one_step(
    simulator: TraceSimulator, train: Demonstrations, held_out: Demonstrations, level: float | int
) -> tuple[ClusteredMean, ClusteredMean, float]:
    states, after = held_out.require_states()
    known = np.flatnonzero(after >= 0)
    if not len(known):
        raise DataError(
            "No held-out decision has a known outcome, so nothing can be compared.",
            hint="Trajectories of at least two decisions have some.",
        )
    rows = states[known].astype(np.int64) * simulator.world.n_actions + held_out.actions[known]
    now, then = simulator.responding_cell[states[known]], simulator.responding_cell[after[known]]
    mine = _entries(simulator.law, rows, then)
    plain = _entries(_plain_law(simulator, train), now, then)
    trajectories = source_index(held_out)[held_out.trajectory_index[known]]
    said = np.log(np.maximum(mine, NEVER))
    return (
        clustered_mean(said, trajectories, level=float(level)),
        clustered_mean(said - np.log(plain), trajectories, level=float(level)),
        float((mine <= 0).mean()),
    )


def _plain_law(simulator: TraceSimulator, train: Demonstrations) -> FloatArray:
    """``(Y, Y)`` law of the responding cell given the one before, with one decision's worth of what is usual."""
    states, after = train.require_states()
    known = after >= 0
    cells = simulator.responding_cell
    Y = int(cells.max()) + 1
    counts = np.zeros((Y, Y))
    np.add.at(counts, (cells[states[known]], cells[after[known]]), 1.0)
    usual = (counts.sum(axis=0) + 1.0 / Y) / (counts.sum() + 1.0)
    return np.asarray((counts + usual) / (counts.sum(axis=1, keepdims=True) + 1.0))


def _entries(law: Any, rows: LongArray, columns: LongArray) -> FloatArray:
    return np.asarray(law[rows, columns]).ravel().astype(np.float64)


def _closed_loop(
    simulator: TraceSimulator,
    held_out: Demonstrations,
    policy: FloatArray,
    quantities: Mapping[str, FloatArray],
    sources: LongArray,
    margin: float | int,
    level: float | int,
    repeats: int,
    lag: int,
    key: int,
) -> tuple[tuple[Difference, ...], float]:
    logged = held_out.require_states()[0]
    runs = [
        simulator.replay(held_out, simulator.policy_choice(policy, key=key + i), key=key + i)
        for i in range(repeats)
    ]
    n = held_out.n_decisions
    lost = 1.0 - sum(run.n_decisions for run in runs) / (n * repeats)
    out = []
    for name, values in quantities.items():
        x = values[logged]
        centre, scale = float(x.mean()), float(x.std())
        if scale == 0.0:
            continue
        theirs = [_moments(values, run, centre, lag) for run in runs]
        mine = _moments(values, held_out, centre, lag)
        for i, part in enumerate(PARTS):
            a, weight = mine[i]
            b = np.nanmean([run[i][0] for run in theirs], axis=0)
            kept = np.flatnonzero((weight > 0) & np.isfinite(a) & np.isfinite(b))
            if not len(kept):
                continue
            unit = scale if part == "level" else scale**2
            d = clustered_mean((b[kept] - a[kept]) / unit, sources[kept], weight[kept], level=float(level))
            shown = weight[kept] / weight[kept].sum()
            out.append(
                Difference(
                    quantity=name,
                    part=part,
                    logged=float(shown @ a[kept]) + (centre if part == "level" else 0.0),
                    simulated=float(shown @ b[kept]) + (centre if part == "level" else 0.0),
                    difference=d,
                    verdict=_against(d, margin),
                )
            )
    return tuple(out), lost


def _moments(
    values: FloatArray, demos: Demonstrations, centre: float, lag: int
) -> list[tuple[FloatArray, FloatArray]]:
    """For level, spread and persistence: ``(N,)`` mean over each trajectory, and how many numbers it is of."""
    y = values[demos.require_states()[0]] - centre
    N, who = demos.n_trajectories, demos.trajectory_index
    pairs = np.flatnonzero(who[lag:] == who[:-lag]) if len(who) > lag else np.zeros(0, dtype=np.int64)
    columns = ((y, who), (y**2, who), (y[pairs] * y[pairs + lag], who[pairs]))
    found = []
    for x, at in columns:
        counts = np.bincount(at, minlength=N).astype(np.float64)
        sums = np.bincount(at, weights=x, minlength=N)
        found.append((np.where(counts > 0, sums / np.maximum(counts, 1.0), np.nan), counts))
    return found


def _against(difference: ClusteredMean, margin: float | int) -> str:
    if difference.interval is None:
        return "open"
    low, high = difference.interval
    if -margin <= low and high <= margin:
        return "faithful"
    return "unfaithful" if low > margin or high < -margin else "open"


def _verdict(parts: list[str], lost: float) -> str:
    if "unfaithful" in parts or lost > MOST_LOST:
        return "unfaithful"
    return "faithful" if parts and set(parts) == {"faithful"} else "open"


def _findings(
    verdict: str,
    differences: tuple[Difference, ...],
    memory: tuple[Memory, ...],
    n_sources: int,
    lost: float,
    margin: float,
) -> tuple[Finding, ...]:
    if verdict == "faithful":
        return ()
    off = [d for d in differences if d.verdict == "unfaithful"]
    if lost > MOST_LOST:
        why = f"{lost:.0%} of the simulated decisions are missing: replayed traces lead where no state is"
    elif off:
        worst = max(off, key=lambda d: abs(d.difference.value))
        unit = "standard deviation" if worst.part == "level" else "variance"
        why = (
            f"in closed loop the {worst.part} of {worst.quantity} is {worst.simulated:.3g} where the log has "
            f"{worst.logged:.3g} ({worst.difference.value:+.2f} of its {unit}, margin {margin:g})"
        )
    elif recalled := [m for m in memory if m.verdict == "unfaithful"]:
        most = max(recalled, key=lambda m: abs(m.correlation.value))
        why = (
            f"what {most.quantity} does next is foretold by {most.known} among decisions that are alike to the "
            f"simulator (correlation {most.correlation.value:+.2f})"
        )
    elif not differences:
        why = f"{n_sources} held-out trajectories are too few to compare in closed loop; {FEWEST} are the fewest"
    else:
        why = "the held-out log is too short to tell whether it stays within the margin"
    is_off = verdict == "unfaithful"
    return (
        Finding(
            code="simulator-unfaithful" if is_off else "simulator-unproven",
            severity=Severity.WARNING if is_off else Severity.NOTICE,
            message=f"A simulator from this log {'does not imitate it' if is_off else 'is not proved'}: {why}.",
            hint="Add what is missing to the state (history, another signal), finer bins, or data; until then no claim "
            "rests on it."
            if is_off
            else "Hold out more trajectories, or read its numbers with their intervals.",
            evidence={"verdict": verdict, "lost": lost, "n_held_out": n_sources},
        ),
    )


def _mean_json(mean: ClusteredMean) -> dict[str, Any]:
    return {"value": mean.value, "interval": None if mean.interval is None else list(mean.interval)}
