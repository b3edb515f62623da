"""Act, ask or abstain: a decision for every state, from what acting may lose there and what calibration shows.

    act       the state is covered and its posterior expected regret is at most the calibrated threshold
    ask       the state is covered, but too much is open: somebody's answer would help
    abstain   no demonstration came here, or calibration showed nothing

Where it acts, ``P(loss > bound | acted) <= alpha`` with confidence ``1 - delta`` (``risk_control``), for decisions
drawn as the calibration decisions were. It says nothing of states, people or worlds that changed since.

Where regret cannot be observed, the loss is ``posterior expected regret + cost * [the operator did otherwise]`` on
decisions of an operator who was held out (``proxy_losses``), and every sentence about it says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from telic.errors import DataError, SettingsError
from telic.reports import Finding, Outcome, Report, Section, Table
from telic.typing import FloatArray

from .action_regret import ActionRegret
from .risk_control import GateCalibration

__all__ = ["DECISIONS", "AutonomyGate", "proxy_losses"]

DECISIONS = ("act", "ask", "abstain")
"""What a gate can say."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AutonomyGate:
    """A gate in front of every decision.

    Attributes:
        regret: action, score and coverage of every state.
        calibration: what was shown about the threshold.
    """

    regret: ActionRegret
    calibration: GateCalibration

    @property
    def outcome(self) -> Outcome:
        """That of the calibration."""
        return self.calibration.outcome

    @property
    def decisions(self) -> tuple[str, ...]:
        """S entries of ``DECISIONS``; where nobody decides, ``"abstain"``."""
        threshold = self.calibration.threshold
        if threshold is None:
            return ("abstain",) * len(self.regret.actions)
        scores = self.regret.scores
        return tuple(
            "abstain" if not math.isfinite(score) else "act" if score <= threshold else "ask"
            for score in scores.tolist()
        )

    def decide(self, state: int) -> tuple[str, int | None]:
        """Act, ask or abstain in a state, and the action where it acts.

        Raises:
            DataError: there is no such state; a gate never acts there.
        """
        if not 0 <= state < len(self.regret.actions):
            raise DataError(
                f"State {state} is none of the {len(self.regret.actions)} states of the gate.",
                hint="Abstain where a measurement fits no state.",
            )
        said = self.decisions[state]
        return said, int(self.regret.actions[state]) if said == "act" else None

    def shares(self, visitation: FloatArray) -> Mapping[str, float]:
        """Share of the decisions on which it acts, asks and abstains.

        Args:
            visitation: ``(S,)`` how often each state comes up.

        Raises:
            DataError: it does not fit the states, or is negative or 0 everywhere.
        """
        d = np.asarray(visitation, dtype=np.float64)
        if d.shape != self.regret.actions.shape or not (np.all(d >= 0) and d.sum() > 0):
            raise DataError(
                f"`visitation` must be how often each of {len(self.regret.actions)} states comes up, got shape "
                f"{d.shape}.",
                hint="Not negative, and above 0 somewhere.",
            )
        said = np.array(self.decisions)
        return {name: float(d[said == name].sum() / d.sum()) for name in DECISIONS}

    def to_json(self) -> dict[str, Any]:
        """Calibration, and by state decision, action (null where it does not act) and score (null: not covered)."""
        said = self.decisions
        scores = self.regret.scores.tolist()
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "calibration": self.calibration.to_json(),
            "decisions": list(said),
            "actions": [
                a if d == "act" else None for a, d in zip(self.regret.actions.tolist(), said, strict=True)
            ],
            "scores": [s if math.isfinite(s) else None for s in scores],
            "findings": [f.to_json() for f in self.regret.findings],
        }

    def summary(self) -> Report:
        """The gate as a report."""
        said = self.decisions
        counts = {name: said.count(name) for name in DECISIONS}
        table = Table(
            title="States by decision",
            columns=("decision", "states"),
            rows=tuple(counts.items()),
            note=f"{int((~self.regret.covered).sum())} states are not covered.",
        )
        calibration = self.calibration.summary()
        items: tuple[Table | Finding, ...] = (table, *self.regret.findings)
        return Report(
            title="Act, ask or abstain",
            headline=self.calibration.sentence,
            sections=(Section(title="States", items=items, anchor="autonomy"), *calibration.sections),
            data=self.to_json(),
        )


def proxy_losses(
    regret: ActionRegret,
    states: Int[np.ndarray, "n"],
    operator_actions: Int[np.ndarray, "n"],
    *,
    cost: float | int,
) -> Float[np.ndarray, "n"]:
    """The stated loss where regret is not observed: posterior expected regret plus disagreement with an operator.

    Calibrate with it as ``Loss.PROXY``. With a ``cost`` above the bound every disagreement counts as a loss above it.

    Args:
        regret: action and score of every state.
        states: of decisions of an operator whom the posterior has not seen.
        operator_actions: what the operator did there.
        cost: of one disagreement, in units of reward, above 0.

    Raises:
        DataError: the rows do not fit each other or the states.
        SettingsError: the cost is not above 0.
    """
    if not (math.isfinite(cost) and cost > 0):
        raise SettingsError(
            f"`cost` must be finite and above 0, got {cost}.", hint="It is in units of reward."
        )
    S = len(regret.actions)
    if states.shape != operator_actions.shape or (len(states) and not 0 <= states.min() <= states.max() < S):
        raise DataError(
            f"An operator's decisions are one state (of {S}) and one action each, got {states.shape} and "
            f"{operator_actions.shape}.",
            hint="Use the space that encoded the demonstrations.",
        )
    return np.asarray(regret.expected[states] + float(cost) * (regret.actions[states] != operator_actions))
