"""Features of one request, as of a moment: the expressions that made those of the log, by the same rules.

A log is read in columns, a request by itself; both go through one contract and one ``MeasuredFeatureMap``, so that a
policy sees when it acts what the reward was fitted to. Each value has an age; where one is older than it may be, the
row says so, and ``require_fresh`` stops whoever would act on it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from telic._core.near_miss import near_miss
from telic.errors import DataError, SettingsError
from telic.typing import FloatArray

from .measured import MeasuredFeatureMap
from .scaling import FeatureScaler

if TYPE_CHECKING:
    from telic.contract import TaskContract
    from telic.contract.blocks import Observation

__all__ = ["RequestFeatures", "RequestReader"]

TRUE_TEXTS = ("true", "t", "yes", "y", "1")
FALSE_TEXTS = ("false", "f", "no", "n", "0")
"""As logs are read."""

EXACT = 2.0**53
"""From here on a float no longer tells neighbouring integers apart."""

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")

MISSING_LABEL = "missing"


@dataclass(frozen=True, kw_only=True, eq=False)
class RequestFeatures:
    """What a policy may look at.

    Attributes:
        observations: name to value: float, int, bool or label.
        values: ``(A, K)`` features of every action, scaled where the reader has a scaler.
        names: K names.
        ages: name to seconds since it was measured; only of those whose moment is known.
        stale: names that are older than they may be, or whose age is not known though it is limited.
        carried: names that the request did not have and that were known before.
    """

    observations: Mapping[str, Any]
    values: FloatArray
    names: tuple[str, ...]
    ages: Mapping[str, float] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()

    def require_fresh(self) -> RequestFeatures:
        """This row, if nothing in it is stale.

        Raises:
            DataError: a value is; each is named with its age.
        """
        if self.stale:
            said = ", ".join(f"{n} ({_age(self.ages.get(n))})" for n in self.stale)
            raise DataError(
                f"Nothing may be decided on values that are too old: {said}.",
                hint="Measure again, or leave the decision to the fallback.",
                stale=list(self.stale),
            )
        return self


@dataclass(frozen=True, kw_only=True, eq=False)
class RequestReader:
    """Requests to features, by one contract.

    Law: the features of a request equal those of the same row of a log, bit for bit.

    Attributes:
        contract: names, types, bounds, labels, what a missing value means.
        max_age_seconds: observation to the age from which it is stale; others never are.
        scaler: applied to the features; None: they stay in their units.
        group: of the scaler, for a reader of one service.

    Raises:
        SettingsError: an age is limited of something that is not observed, or is not positive.
    """

    contract: TaskContract
    max_age_seconds: Mapping[str, float] = field(default_factory=dict)
    scaler: FeatureScaler | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        names = self.contract.observation_names
        for name, age in self.max_age_seconds.items():
            if name not in names:
                raise SettingsError(
                    f"`max_age_seconds` names {name!r}, which is not observed.{near_miss(name, names)}",
                    hint=f"There are: {', '.join(names)}.",
                )
            if not (math.isfinite(age) and age > 0):
                raise SettingsError(
                    f"The largest age of {name!r} must be finite and above 0 seconds, got {age}.",
                    hint="Leave it out where age does not matter.",
                )

    @cached_property
    def map(self) -> MeasuredFeatureMap:
        """The features as functions of measurements."""
        is_text = self.contract.actions.type == "category"
        values = self.contract.actions.values
        return MeasuredFeatureMap.from_expressions(
            {f.name: f.expression for f in self.contract.features},
            action_values=[str(v) for v in values] if is_text else [float(v) for v in values],
            units=[f.unit for f in self.contract.features],
        )

    def read(
        self,
        request: Mapping[str, Any],
        *,
        now: float | int | None = None,
        measured_at: Mapping[str, float] | None = None,
        previous: Mapping[str, Any] | None = None,
    ) -> RequestFeatures:
        """The features of a request.

        Args:
            request: column of the contract to its value, as text or as it is.
            now: moment of the decision, seconds since 1970; needed where ages are limited.
            measured_at: observation to the moment it was measured; one later than ``now`` is refused.
            previous: observations of the row before of the same trajectory, for those that are carried.

        Raises:
            DataError: values are missing, of the wrong type, out of bounds or unlisted, or measured after the decision;
                all of them are listed.
        """
        problems: list[str] = []
        carried: list[str] = []
        seen: dict[str, Any] = {}
        for o in self.contract.observations:
            try:
                value = _value(o, request.get(o.column), self.contract)
                if value is None and o.missing == "carry" and (previous or {}).get(o.name) is not None:
                    value = (previous or {})[o.name]
                    carried.append(o.name)
                seen[o.name] = _known(o, value)
            except DataError as error:
                problems.append(error.message)
        ages = {n: float(now) - t for n, t in (measured_at or {}).items()} if now is not None else {}
        problems += [f"`{n}` was measured {-a:g} s after the decision." for n, a in ages.items() if a < 0]
        if problems:
            raise DataError(
                f"The request cannot be read: {' '.join(problems)}",
                hint="Send every observation of the contract, in its unit, as it stood at the decision.",
                problems=problems,
            )
        stale = tuple(n for n, most in self.max_age_seconds.items() if not ages.get(n, math.inf) <= most)
        columns: dict[str, NDArray[Any]] = {n: np.asarray([v]) for n, v in seen.items()}
        values = self.map.every_action(columns, 1)[0]
        if self.scaler is not None:
            values = self.scaler.apply(values, self.group)
        return RequestFeatures(
            observations=seen,
            values=values,
            names=self.map.names,
            ages=ages,
            stale=stale,
            carried=tuple(carried),
        )


def _value(o: Observation, raw: Any, contract: TaskContract) -> Any:
    """The value in its type, None where it is missing; texts mean what they mean in a log."""
    text = raw.strip() if isinstance(raw, str) else None
    is_nan = isinstance(raw, float) and math.isnan(raw)
    if (
        raw is None
        or is_nan
        or (text is not None and (text in contract.data.missing_values or text.lower() == "nan"))
    ):
        return None
    if o.type == "category":
        return _label(raw)
    if o.type == "boolean":
        return _truth(o, raw, text)
    number = _number(o, raw, text, contract.data.decimal)
    if o.type == "number":
        return number
    if number != math.floor(number) or abs(number) >= EXACT:
        raise DataError(f"`{o.column}` must be an integer, got {raw!r}.", hint="Round it upstream.")
    return int(number)


def _known(o: Observation, value: Any) -> Any:
    """The value, if it may stand."""
    if value is None:
        if o.missing == "label":
            return MISSING_LABEL
        raise DataError(f"`{o.column}` is missing.", hint="Send it.")
    if o.type == "category":
        known = [str(v) for v in o.values or ()]
        if known and value not in known and not (o.missing == "label" and value == MISSING_LABEL):
            raise DataError(
                f"`{o.column}` has no label {value!r}.{near_miss(value, known)}", hint="See the contract."
            )
        return value
    if o.type in ("number", "integer"):
        if o.low is not None and value < o.low:
            raise DataError(_outside(o, value, "below", o.low), hint="Is it in the contract's unit?")
        if o.high is not None and value > o.high:
            raise DataError(_outside(o, value, "above", o.high), hint="Is it in the contract's unit?")
    return value


def _outside(o: Observation, value: float, word: str, bound: float) -> str:
    return f"`{o.column}` is {value:g}{f' {o.unit}' if o.unit else ''}, {word} its bound {bound:g}."


def _label(raw: Any) -> str:
    """Numbers as a person writes them, as in a log."""
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < EXACT:
        return str(int(raw))
    return str(raw)


def _truth(o: Observation, raw: Any, text: str | None) -> bool:
    if isinstance(raw, bool):
        return raw
    word = (text if text is not None else _label(raw)).lower()
    if word in TRUE_TEXTS:
        return True
    if word in FALSE_TEXTS:
        return False
    raise DataError(f"`{o.column}` must be true or false, got {raw!r}.", hint="Send true or false.")


def _number(o: Observation, raw: Any, text: str | None, decimal: str) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        number = float(raw)
    elif text is not None and NUMBER.fullmatch(text.replace(decimal, ".") if decimal != "." else text):
        number = float(text.replace(decimal, "."))
    else:
        raise DataError(f"`{o.column}` must be a number, got {raw!r}.", hint="Send a number.")
    if not math.isfinite(number):
        raise DataError(
            f"`{o.column}` must be finite, got {raw!r}.", hint="Leave it out where it is unknown."
        )
    return number


def _age(seconds: float | None) -> str:
    return "of unknown age" if seconds is None else f"{seconds:g} s old"
