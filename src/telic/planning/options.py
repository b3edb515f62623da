"""Planning with courses of action: the best choice among options, exactly.

With the models of ``option_models``, choosing among options is a decision process whose transitions sum to
``E[gamma^k]``, solved by the solver of all others:

    V(s) = max_o r(s, o) + sum_y p(y|s, o) V(y).

With every action among the options, V is that of the world itself; with fewer, it is the best that they can do.

References:
    Sutton, Precup and Singh (1999), Between MDPs and semi-MDPs, Artificial Intelligence 112, 181-211, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from telic.errors import DynamicsError
from telic.mdp import TabularMDP
from telic.policies import TabularPolicy
from telic.policies.options import Option, OptionsPolicy
from telic.typing import BoolArray

from .bellman import BellmanOperator, check_settings
from .hard import solve_hard, solve_hard_operator
from .option_models import OptionModels, option_models
from .solutions import HardSolution, require

__all__ = ["OptionsSolution", "primitive_options", "reaching_option", "solve_options"]


@dataclass(frozen=True, kw_only=True, eq=False)
class OptionsSolution:
    """The best choice among options.

    Attributes:
        models: of the options.
        solution: values, values ``(S, O)`` of options, and the greedy option of each state.
        options: as given.
    """

    models: OptionModels
    solution: HardSolution
    options: tuple[Option, ...]

    @property
    def policy(self) -> OptionsPolicy:
        """To act by; it keeps to an option until that stops.

        Raises:
            NumericalError: the solver came to no answer.
        """
        return OptionsPolicy(chooser=self.solution.policy, options=self.options)


def primitive_options(mdp: TabularMDP) -> tuple[Option, ...]:
    """Each action as an option of one decision."""
    S, A = mdp.n_states, mdp.n_actions
    names = mdp.action_labels or tuple(str(a) for a in range(A))
    eye = np.eye(A)
    return tuple(
        Option(
            name=names[a],
            policy=TabularPolicy(table=np.repeat(eye[a : a + 1], S, axis=0)),
            stops=1.0,
            begins=mdp.availability[:, a].copy(),
        )
        for a in range(A)
    )


def reaching_option(mdp: TabularMDP, name: str, goals: BoolArray, within: BoolArray) -> Option:
    """The option that comes to one of the goals as soon as it can, from inside a region, and stops there or outside.

    Args:
        mdp: the world; its discount says how much sooner is better than surer.
        name: for people.
        goals: ``(S,)`` where it wants to be.
        within: ``(S,)`` where it may begin; a goal among them is left out.

    Raises:
        DynamicsError: shapes do not fit, or nothing is left to begin in.
        NumericalError: the solver came to no answer.
    """
    S = mdp.n_states
    for what, flags in (("goals", goals), ("within", within)):
        if flags.shape != (S,) or flags.dtype != bool or not flags.any():
            raise DynamicsError(
                f"`{what}` must be {S} booleans, at least one True, got shape {flags.shape} of {flags.dtype}.",
                hint="One flag a state.",
            )
    ends = np.zeros(S, dtype=bool) if mdp.absorbing is None else mdp.absorbing
    inside = within & ~goals & ~ends
    if not inside.any():
        raise DynamicsError("There is no state to begin in.", hint="`within` must hold more than the goals.")
    arrives = (mdp.transition @ goals.astype(np.float64)).reshape(S, mdp.n_actions)
    solution = solve_hard(replace(mdp, absorbing=~inside, initial=None), arrives, throw=True)
    return Option(name=name, policy=solution.policy, stops=np.where(inside, 0.0, 1.0), begins=inside.copy())


def solve_options(
    mdp: TabularMDP,
    reward: Float[np.ndarray, "S A"],
    options: Sequence[Option],
    *,
    tolerance: float = 1e-10,
    max_iterations: int = 100,
    throw: bool = False,
) -> OptionsSolution:
    """The best choice among options, exactly.

    Args:
        mdp: the world; its discount is below 1.
        reward: of each pair.
        options: see ``option_models``; in every state that is not absorbing at least one may begin.
        tolerance: Bellman residual relative to ``max(1, max |V|)``.
        max_iterations: limit of policy improvements.
        throw: raise ``NumericalError`` instead of returning an outcome other than ``SUCCESS``.

    Raises:
        DynamicsError: an option does not fit, in some state none may begin, or the world is undiscounted.
        NumericalError: a model could not be solved; or the solver failed and ``throw`` is True.
        SettingsError: a setting lies outside its range.
    """
    check_settings(tolerance, max_iterations, "auto", ("auto",))
    if not 0.0 < mdp.discount < 1.0:
        raise DynamicsError(
            f"Choosing among options needs a discount in (0, 1), got {mdp.discount}.",
            hint="Take one near 1.",
        )
    models = option_models(mdp, reward, options)
    ends = np.zeros(mdp.n_states, dtype=bool) if mdp.absorbing is None else mdp.absorbing
    stuck = np.flatnonzero(~models.allowed.any(axis=1) & ~ends)
    if len(stuck):
        raise DynamicsError(
            f"In {len(stuck)} states no option may begin (first: {stuck[:5].tolist()}).",
            hint="Add options for them, or the actions themselves (`primitive_options`).",
            states=stuck[:20].tolist(),
        )
    # Rows of the models sum to E[gamma^k]: with one gamma taken out they are chances of one decision of this process.
    scaled = models.transition.copy()
    scaled.data = scaled.data / mdp.discount
    operator = BellmanOperator(
        transition=scaled,
        reward=models.reward,
        discount=models.discount,
        rationality=1.0,
        allowed=models.allowed & ~ends[:, None],
        absorbing=mdp.absorbing,
    )
    solution = solve_hard_operator(operator, tolerance, max_iterations, "auto", None)
    if throw:
        require(solution.outcome, solution.findings)
    return OptionsSolution(models=models, solution=solution, options=tuple(options))
