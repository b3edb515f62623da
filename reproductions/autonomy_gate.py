"""Does the gate keep its promise, and how much does it let through?

In three worlds (random, a slippery grid, a queue with servers) a reward is drawn from the prior, an expert
demonstrates, the posterior (normal approximation) is found, and 600 independent decisions with observed regret come
in: the first 150 cover states and give the thresholds, the others calibrate, at alpha .1 and delta .1. The true risk
and share of the gate are then exact sums over states. Beside it, calibrated alike: gates on the share of the rewards
under which the regret is above the bound, on the entropy of the predicted choice and on the share of the rewards that
disagree with the action; and the gate that only acts in states that were demonstrated, calibrated by all 600. Two
oracles: ``perfect`` knows every regret and acts on as much as any gate may at risk alpha, in whatever state;
``same_score`` knows the risk of every threshold of the same score.

A violation is a repetition whose true risk is above alpha. Printed: violations with their exact binomial interval,
share acted relative to the oracles with a 95 % interval (also over the repetitions in which acting wherever it is
covered would break the promise), and the curve over alpha.

``python reproductions/autonomy_gate.py [REPETITIONS]``; 500 with ``TELIC_FULL=1``, else 20. One JSON line a world.
``--plot FILE`` draws ``docs/figures/autonomy_gate.svg`` from such lines.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from telic.evaluation import (
    ActionRegret,
    Loss,
    action_regret,
    calibrate_gate,
    gate_thresholds,
)
from telic.evaluation.acting_regret import best_policy
from telic.features import FeatureMap
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import laplace_posterior
from telic.mdp import TabularMDP
from telic.mdp.library import grid_world, random_mdp
from telic.planning import simulate, solve_soft, visitation
from telic.rewards import LinearReward, NormalPrior

FIGURE = Path(__file__).resolve().parent.parent / "docs" / "figures" / "autonomy_gate.svg"
KEY = 20260401
ALPHA, DELTA = 0.1, 0.1
ALPHAS = (0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3)
N_DECISIONS, N_REVIEWED = 600, 150
N_DRAWS = 100
SPREAD, N_STEPS = 1.0, 10
WORLDS = {"random": 8, "grid": 15, "queue": 12}
"""Demonstrated trajectories of ten decisions."""

GATES = ("expected_regret", "chance_of_exceeding", "entropy", "ensemble_disagreement", "demonstrated_only")
"""The first is the one that is used."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A world, what the expert is asked for, and how much is seen."""

    name: str
    world: TabularMDP
    features: FeatureMap
    n_trajectories: int
    bound: float


def queue() -> tuple[TabularMDP, FeatureMap]:
    """Up to 11 jobs and 1 to 5 servers; one may remove, hold or add a server. Costs: jobs, servers, changes."""
    jobs, servers = 12, 5
    S = jobs * servers
    P = np.zeros((S, 3, S))
    phi = np.zeros((S, 3, 4))
    for q in range(jobs):
        for k in range(servers):
            for a, move in enumerate((-1, 0, 1)):
                kept = min(max(k + move, 0), servers - 1)
                for arrivals, chance in enumerate((0.25, 0.35, 0.25, 0.15)):
                    left = min(max(q + arrivals - (kept + 1) // 2, 0), jobs - 1)
                    P[q * servers + k, a, left * servers + kept] += chance
                phi[q * servers + k, a] = -q / 4, -kept / 2, -(move != 0), -(q > 7)
    names = ("jobs", "servers", "changes", "late")
    return TabularMDP.from_transition(P, discount=0.9, initial=np.full(S, 1 / S)), FeatureMap(
        values=phi, names=names
    )


def cases(names: Iterable[str] = WORLDS) -> list[Case]:
    """The three worlds; the bound is a hundredth of the prior's mean gap between best and worst action."""
    made = []
    for name in names:
        if name == "queue":
            world, features = queue()
        else:
            p = (
                random_mdp(60, 4, key=3, n_successors=4, discount=0.9, n_features=5)
                if name == "random"
                else grid_world(8, slip=0.2, discount=0.9, tiles=3)
            )
            assert isinstance(p.mdp, TabularMDP)
            world, features = p.mdp, FeatureMap(values=p.features, names=p.feature_names, form=p.form)
        rng = np.random.default_rng([KEY, 0])
        gaps = []
        for _ in range(100):
            best = best_policy(world, features, rng.normal(scale=SPREAD, size=features.n_features))
            gaps.append((best.value - best.action_value.min(axis=1)).mean())
        made.append(
            Case(
                name=name,
                world=world,
                features=features,
                n_trajectories=WORLDS[name],
                bound=0.01 * float(np.mean(gaps)),
            )
        )
    return made


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One repetition: what was found, and what is true."""

    draws: np.ndarray
    found: ActionRegret
    demonstrated: np.ndarray
    regret: np.ndarray
    often: np.ndarray
    decisions: np.ndarray

    @property
    def reviewed(self) -> np.ndarray:
        """States of the decisions that cover and give thresholds."""
        return self.decisions[:N_REVIEWED]


def draw(case: Case, rng: np.random.Generator, n_draws: int = N_DRAWS) -> Drawn:
    """A taste, its demonstrations, the posterior, and independent states to calibrate on."""
    truth = rng.normal(scale=SPREAD, size=case.features.n_features)
    reward = np.asarray(LinearReward(features=case.features, weights=truth).expected(case.world))
    expert = solve_soft(case.world, reward).policy
    demos = simulate(case.world, expert, case.n_trajectories, N_STEPS, key=int(rng.integers(2**31)))
    likelihood = DiscountedLikelihood(case.world, case.features, demos)
    prior = NormalPrior.of(case.features.names, dict.fromkeys(case.features.names, SPREAD))
    posterior = laplace_posterior(
        likelihood, prior, n_draws=n_draws, n_checked=1, key=int(rng.integers(2**31))
    )
    often = visited(case, truth)
    decisions = rng.choice(len(often), size=N_DECISIONS, p=often)
    found = action_regret(
        case.world, case.features, posterior, demos, reviewed=decisions[:N_REVIEWED], n=n_draws
    )
    return Drawn(
        draws=posterior.flat,
        found=found,
        demonstrated=np.asarray(demos.require_states()[0]),
        regret=true_regret(case, truth, found.actions),
        often=often,
        decisions=decisions,
    )


def visited(case: Case, truth: np.ndarray) -> np.ndarray:
    """How often experts of this taste come to each state."""
    reward = np.asarray(LinearReward(features=case.features, weights=truth).expected(case.world))
    often = visitation(case.world, solve_soft(case.world, reward).policy.table).sum(axis=1)
    return np.asarray(often / often.sum())


def true_regret(case: Case, truth: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """What the actions forgo under this taste."""
    best = best_policy(case.world, case.features, truth)
    return np.asarray(best.value - best.action_value[np.arange(len(actions)), actions])


def acting(drawn: Drawn, score: np.ndarray, bound: float, alpha: float) -> np.ndarray:
    """The states in which the gate acts, calibrated by the decisions that were not reviewed for coverage."""
    return calibrated(drawn, score, drawn.reviewed, drawn.decisions[N_REVIEWED:], bound, alpha)


def acting_where_demonstrated(drawn: Drawn, bound: float, alpha: float) -> np.ndarray:
    """The same where only demonstrations cover a state, so that all decisions calibrate."""
    score = np.full(len(drawn.often), np.inf)
    score[drawn.demonstrated] = drawn.found.expected[drawn.demonstrated]
    return calibrated(drawn, score, drawn.demonstrated, drawn.decisions, bound, alpha)


def calibrated(
    drawn: Drawn, score: np.ndarray, others: np.ndarray, at: np.ndarray, bound: float, alpha: float
) -> np.ndarray:
    """The states in which a gate with thresholds from ``others`` acts that is calibrated ``at`` these states."""
    grid = gate_thresholds(score[others], n_calibration=len(at), alpha=alpha, delta=DELTA)
    gate = calibrate_gate(
        score[at],
        drawn.regret[at],
        thresholds=grid,
        bound=bound,
        loss=Loss.REGRET,
        alpha=alpha,
        delta=DELTA,
    )
    return np.zeros(len(score), bool) if gate.threshold is None else score <= gate.threshold


def one(
    case: Case, key: tuple[int, ...], alphas: Sequence[float] = ALPHAS, n_draws: int = N_DRAWS
) -> dict[str, dict[float, tuple[float, float]]]:
    """Share acted and true risk, by gate and alpha."""
    drawn = draw(case, np.random.default_rng(key), n_draws)
    found, often, bad = drawn.found, drawn.often, drawn.regret > case.bound
    out = {
        name: {a: share_and_risk(often, acting(drawn, score, case.bound, a), bad) for a in alphas}
        for name, score in scores(case, drawn.draws, found).items()
    }
    out["demonstrated_only"] = {
        a: share_and_risk(often, acting_where_demonstrated(drawn, case.bound, a), bad) for a in alphas
    }
    out["perfect"] = {a: (min(1.0, float(often[~bad].sum()) / (1 - a)), a) for a in alphas}
    out["same_score"] = {a: ideal(often, found.scores, bad, a) for a in alphas}
    out["always"] = dict.fromkeys(alphas, share_and_risk(often, found.covered, bad))
    return out


def scores(case: Case, draws: np.ndarray, found: ActionRegret) -> dict[str, np.ndarray]:
    """Score of every state, by gate; infinite where not covered."""
    mean = np.zeros((case.world.n_states, case.world.n_actions))
    for w in draws[:20]:
        reward = np.asarray(LinearReward(features=case.features, weights=w).expected(case.world))
        mean += np.exp(solve_soft(case.world, reward).log_policy) / 20
    entropy = -(mean * np.log(np.maximum(mean, 1e-300))).sum(axis=1)
    hidden = ~found.covered
    return {
        "expected_regret": found.scores,
        "chance_of_exceeding": np.where(hidden, np.inf, found.exceedance(case.bound)),
        "entropy": np.where(hidden, np.inf, entropy),
        "ensemble_disagreement": np.where(hidden, np.inf, found.disagreement),
    }


def share_and_risk(often: np.ndarray, acted: np.ndarray, bad: np.ndarray) -> tuple[float, float]:
    """Share of the decisions acted on, and the chance of a loss above the bound there (0 where none is)."""
    share = float(often[acted].sum())
    return share, float(often[acted & bad].sum()) / share if share else 0.0


def ideal(often: np.ndarray, score: np.ndarray, bad: np.ndarray, alpha: float) -> tuple[float, float]:
    """The largest share of a threshold with true risk at most alpha."""
    options = [share_and_risk(often, score <= t, bad) for t in np.unique(score[np.isfinite(score)])]
    return max((o for o in options if o[1] <= alpha), default=(0.0, 0.0))


def interval(k: int, n: int) -> list[float]:
    """Exact binomial 95 % interval."""
    from scipy.stats import beta

    return [
        float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0,
        float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0,
    ]


def summarise(case: Case, runs: list[dict[str, dict[float, tuple[float, float]]]]) -> dict[str, object]:
    """The numbers of one world."""
    n = len(runs)
    table = {name: np.array([list(run[name].values()) for run in runs]) for name in runs[0]}
    alphas = list(runs[0]["perfect"])
    at = alphas.index(ALPHA)
    violated = {g: int((table[g][:, at, 1] > ALPHA).sum()) for g in GATES}
    hard = table["always"][:, at, 1] > ALPHA
    return {
        "world": case.name,
        "repetitions": n,
        "alpha": ALPHA,
        "delta": DELTA,
        "bound": case.bound,
        "n_decisions": N_DECISIONS,
        "n_reviewed": N_REVIEWED,
        "violations": {
            g: {"count": k, "rate": k / n, "interval": interval(k, n)} for g, k in violated.items()
        },
        "risk_when_always_acting": float(table["always"][:, at, 1].mean()),
        "all": shares({name: t[:, at] for name, t in table.items()}),
        "hard": {"repetitions": int(hard.sum())}
        | (shares({name: t[hard, at] for name, t in table.items()}) if hard.any() else {}),
        "curve": {
            name: {str(a): float(t[:, i, 0].mean()) for i, a in enumerate(alphas)}
            for name, t in table.items()
        },
    }


def shares(at: dict[str, np.ndarray]) -> dict[str, object]:
    """Mean share acted by gate, and over that of each oracle."""
    mean = {name: float(t[:, 0].mean()) for name, t in at.items()}
    ours = at["expected_regret"][:, 0]
    return {
        "share_acted": mean,
        "of_perfect_oracle": {g: mean[g] / mean["perfect"] for g in GATES},
        "of_perfect_oracle_interval": ratio_interval(ours, at["perfect"][:, 0]),
        "of_same_score_oracle": mean["expected_regret"] / mean["same_score"],
    }


def ratio_interval(top: np.ndarray, bottom: np.ndarray) -> list[float] | None:
    """95 % interval of a ratio of means, by linearising it; None for a single repetition."""
    ratio = float(top.mean() / bottom.mean())
    if len(top) < 2:
        return None
    error = float((top - ratio * bottom).std(ddof=1) / bottom.mean() / np.sqrt(len(top)))
    return [ratio - 1.96 * error, ratio + 1.96 * error]


def plot(lines: Path) -> None:
    """Share acted against alpha, a panel a world, drawn into the page's folder of figures."""
    from telic.workflows.figures.canvas import ACCENTS, DASHES, INK, MUTED, canvas, to_svg
    from telic.workflows.figures.standalone import standalone

    rows = [json.loads(line) for line in lines.read_text().splitlines() if line.startswith("{")]
    shown = {
        "expected_regret": ("expected regret", ACCENTS[0], DASHES[0]),
        "ensemble_disagreement": ("disagreement", ACCENTS[2], DASHES[1]),
        "entropy": ("entropy", ACCENTS[1], DASHES[2]),
        "perfect": ("perfect oracle", MUTED, DASHES[3]),
    }
    with canvas(8.6, 3.3, columns=len(rows), sharey=True) as (figure, axes):
        for axis, row in zip(axes, rows, strict=True):
            for name, (words, colour, dash) in shown.items():
                curve = {float(alpha): share for alpha, share in row["curve"][name].items()}
                axis.plot(list(curve), list(curve.values()), color=colour, linestyle=dash, label=words)
            axis.set_xlabel(f"alpha ({row['world']})")
            axis.set_ylim(0, 1.02)
        axes[0].set_ylabel("share of decisions acted on")
        lines, words = axes[0].get_legend_handles_labels()
        figure.legend(lines, words, loc="outside lower center", ncols=4, labelcolor=INK, handlelength=3)
        svg = to_svg(figure)
    FIGURE.write_text(standalone(svg))


def main() -> int:
    """Prints one JSON line a world, or draws lines that were printed."""
    if sys.argv[1:2] == ["--plot"]:
        plot(Path(sys.argv[2]))
        return 0
    default = 500 if os.environ.get("TELIC_FULL") == "1" else 20
    n = int(sys.argv[1]) if len(sys.argv) > 1 else default
    for i, case in enumerate(cases()):
        start = time.process_time()
        runs = [one(case, (KEY, i, r)) for r in range(n)]
        print(json.dumps({**summarise(case, runs), "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
