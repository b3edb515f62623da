"""The options of an inference, the same wherever one is made (``telic infer``, ``telic run``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from cyclopts import Parameter

from .numbers_by_name import numbers_by_name

if TYPE_CHECKING:
    from telic.workflows.infer import InferSettings

__all__ = ["DEFAULTS", "InferOptions", "Options"]


@dataclass(frozen=True, kw_only=True)
class InferOptions:
    """What may be chosen about an inference on the command line.

    Attributes:
        method: registered name of the method (`telic advise` says which fits).
        level: coverage of every interval, in (0, 1).
        errors: kind of standard error behind the intervals; default: clustered by trajectory, or `sandwich` where
            there are too few of them. All four kinds are always reported.
        discount: per decision; default: that of the contract. It is assumed, not estimated.
        rationality: inverse temperature at which weights are stated; trade-offs do not depend on it.
        l2: penalty on the squared norm of the weights; more pulls them towards zero.
        quick: leave out the profiles over discount and resolution.
        posterior: draw from the exact posterior too (`nuts`, which a bare --posterior means), or from its normal
            approximation (`laplace`, quick); conditional on the transition probabilities as estimated.
        draws: draws of the posterior a chain.
        prior: FEATURE=SD, the standard deviation of a weight before the data, around 0; once for each feature. The
            result states the default of the others.
        intents: look for several intents among the decisions: a number of them, or `auto` (which a bare --intents
            means) for the number that held-out likelihood supports.
        intents_by: what keeps one intent: each trajectory, or each demonstrator (who must be in `people`).
        suspects: look for demonstrators who act at random or against the others, and weigh them by the evidence.
        over_time: weights by block of time, or the finding that nothing says that they change.
        strict_options: give no answer, instead of a warning, where options that were passed over could not be taken.
        origins: whose trajectories count: `human`, `rule`, `policy`, `adversary`, `unknown`; once for each. Default:
            those of people, rules and unknown makers, and an attacker's where the contract says `adversary`.
    """

    method: str = "max_causal_entropy"
    level: float = 0.95
    errors: Literal["sandwich_clustered", "sandwich", "hessian", "outer_product"] | None = None
    discount: float | None = None
    rationality: float = 1.0
    l2: float = 0.0
    quick: bool = False
    posterior: Annotated[Literal["nuts", "laplace"] | bool, Parameter(negative=())] = False
    draws: int = 1_000
    prior: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    intents: Annotated[Literal["auto"] | int | bool, Parameter(negative=())] = False
    intents_by: Literal["trajectory", "demonstrator"] = "trajectory"
    suspects: Annotated[bool, Parameter(negative=())] = False
    over_time: Annotated[bool, Parameter(negative=())] = False
    strict_options: Annotated[bool, Parameter(negative=())] = False
    origins: Annotated[tuple[str, ...], Parameter(negative=())] = ()

    @property
    def settings(self) -> InferSettings:
        """The same for the workflow.

        Raises:
            SettingsError: one is out of range.
        """
        from telic.workflows.infer import InferSettings
        from telic.workflows.intents import IntentSettings
        from telic.workflows.posterior import PosteriorSettings

        beliefs = numbers_by_name("--prior", self.prior, "FEATURE=SD", "waiting=2.5")
        asked = None
        if self.posterior or beliefs:
            method = self.posterior if isinstance(self.posterior, str) else "nuts"
            asked = PosteriorSettings(method=method, n_draws=self.draws, prior=beliefs)
        return InferSettings(
            method=self.method,
            level=self.level,
            errors=self.errors,
            discount=self.discount,
            rationality=self.rationality,
            l2=self.l2,
            with_profiles=not self.quick,
            posterior=asked,
            intents=IntentSettings(n_intents=self._n_intents, unit=self.intents_by)
            if self._seeks_intents
            else None,
            suspects=self.suspects,
            over_time=self.over_time,
            strict_options=self.strict_options,
            origins=self.origins or None,
        )

    @property
    def _seeks_intents(self) -> bool:
        """Whether a number was given, or one is to be found; 0 is a number, and refused later."""
        return self.intents is not False or self.intents_by != "trajectory"

    @property
    def _n_intents(self) -> int | None:
        is_number = isinstance(self.intents, int) and not isinstance(self.intents, bool)
        return int(self.intents) if is_number else None


DEFAULTS = InferOptions()
"""The options where none is given."""

Options: TypeAlias = Annotated[InferOptions, Parameter(name="*")]
"""All of them, each as an option of the command itself."""
