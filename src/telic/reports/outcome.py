"""Why a computation stopped. The value of each member is the advice to the reader."""

from __future__ import annotations

import enum

__all__ = ["Outcome"]


class Outcome(enum.Enum):
    """Why a solver or a fit stopped; only ``SUCCESS`` may be used as an answer."""

    SUCCESS = "Converged to the requested tolerance."
    MAX_ITERATIONS = (
        "Stopped at the iteration limit before the tolerance was met. "
        "Raise `max_iterations`, loosen `tolerance`, or rescale the features to similar sizes."
    )
    NON_FINITE = (
        "A non-finite number appeared. Check rewards and features for extreme values, or rescale them."
    )
    SOFT_VALUE_DIVERGES = (
        "The undiscounted soft value is infinite: wandering for ever is worth more than arriving "
        "(spectral radius >= 1). Make each step cost more, or use a discount below 1."
    )
    VALUE_DIVERGES = (
        "The undiscounted value is infinite: some cycle pays more than it costs. "
        "Make each step cost more, or use a discount below 1."
    )
    NOT_ABSORBING = (
        "Discount 1 needs an absorbing state that every state can reach. "
        "Mark the absorbing states, or use a discount below 1."
    )
    SINGULAR = (
        "A linear system of the solver is singular to working precision. "
        "Lower the discount slightly or check for states that no action leaves."
    )
    SEPARATION = (
        "A weight runs to infinity: some action is always or never taken where this feature tells it apart. "
        "Add an L2 penalty or a prior, drop the feature, or collect decisions that go the other way."
    )
    COLLINEAR = (
        "Some weights are not identified: their features move together in every choice. "
        "Drop one of them, or add data from another environment or discount."
    )
    INFEASIBLE = "No answer satisfies the constraints. Loosen them, or check the demonstrations."
    NOT_MIXED = (
        "The chains of draws do not agree yet, so what they say is not the posterior. "
        "Sample longer, narrow the prior, or fix what the data cannot tell."
    )
    TRIVIAL = (
        "A reward prefers no policy to any other here, so nothing can be compared with it. "
        "Check how it was made: it is zero, constant or pure shaping."
    )
    NO_MAJORITY = (
        "At least half of the demonstrators do not act like the others, so who is right is not for the data to say. "
        "Say whom to follow, or fit every demonstrator apart."
    )
    UNAVAILABLE_OPTIONS = (
        "Options were passed over as if they could not be taken, so the weights say what was possible, not what was "
        "preferred. Record which options could be taken at each decision, list only those, and fit again."
    )
    INTERRUPTED = "Interrupted; the last state was kept. Run the same command again to go on."

    @property
    def ok(self) -> bool:
        """True only for ``SUCCESS``."""
        return self is Outcome.SUCCESS

    @property
    def label(self) -> str:
        """Stable kebab-case name, as printed in JSON."""
        return self.name.lower().replace("_", "-")
