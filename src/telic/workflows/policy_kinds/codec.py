"""How one kind of policy is taken apart into plain arrays and words, and built again from what a file holds.

A kind is one ``Codec``: its name, the class, how it is taken apart, how it is built again. Policies inside a policy are
named parts of it, which the file keeps in the same way one level deeper. ``Held`` gives a builder only what it asks for
by name, kind of number and range, so that a file of another making is refused in words before anything is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from telic.errors import DataError
from telic.reports import Provenance

__all__ = ["Codec", "Held", "Parts"]

MOST_SIZE = 1 << 40
"""Of any whole number that says a size."""


class Parts(NamedTuple):
    """A policy taken apart.

    Attributes:
        arrays: by name; names are letters, digits and underscores.
        said: what is no array, as JSON-able values.
        within: policies inside, by name.
    """

    arrays: Mapping[str, np.ndarray]
    said: Mapping[str, Any] = {}
    within: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True, eq=False)
class Codec:
    """One kind of policy in a file.

    Attributes:
        kind: its name in files; never changed.
        form: its class.
        take_apart: from a policy to its parts.
        build: from what a file holds to the policy; raises ``DataError`` for what is no such policy.
    """

    kind: str
    form: type
    take_apart: Callable[[Any], Parts]
    build: Callable[[Held], Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """What a file holds of one policy.

    Attributes:
        said: what is no array.
        arrays: by name.
        within: policies inside, already built.
    """

    said: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    within: Mapping[str, Any] = field(default_factory=dict)

    def require_names(self, arrays: Iterable[str], within: Iterable[str] = ()) -> None:
        """Refuse other arrays or inner policies than these.

        Raises:
            DataError: one is missing, or there is one more.
        """
        wanted, held = {*arrays, *within}, {*self.arrays, *self.within}
        if missing := sorted(wanted - held):
            raise DataError(f"it lacks {', '.join(missing[:5])}")
        if extra := sorted(held - wanted):
            raise DataError(f"it holds {', '.join(extra[:5])}, which no policy of its kind has")

    def numbers(self, name: str, n_dimensions: int) -> Any:
        """Floating numbers with so many axes."""
        return self._array(name, "f", "floating", n_dimensions)

    def whole_numbers(self, name: str, n_dimensions: int) -> Any:
        """Whole numbers with so many axes."""
        return self._array(name, "iu", "whole", n_dimensions)

    def integer(self, name: str, low: int, high: int = MOST_SIZE, *, what: str = "") -> int:
        """A whole number in ``[low, high]``."""
        value = self.said.get(name)
        if type(value) is not int or not low <= value <= high:
            raise DataError(f"it claims {str(value)[:60]} {what or name}")
        return value

    def number(self, name: str) -> float:
        """A finite number."""
        value = self.said.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < math.inf:
            raise DataError(f"{name} must be a finite number, got {str(value)[:60]}")
        return value

    def word(self, name: str, among: Iterable[str]) -> str:
        """One of several words."""
        value = self.said.get(name)
        if value not in set(among):
            raise DataError(f"{name} must be one of {', '.join(among)}, got {str(value)[:60]!r}")
        return str(value)

    def part(self, name: str) -> Held:
        """What is said under a name, itself by names."""
        value = self.said.get(name)
        if not isinstance(value, dict):
            raise DataError(f"{name} must be said by names, got {str(value)[:60]!r}")
        return Held(said=value)

    def policy(self, name: str, *forms: type) -> Any:
        """The policy inside, of one of these classes."""
        held = self.within[name]
        if not isinstance(held, forms):
            raise DataError(f"{name} is a {type(held).__name__}, which has no place there")
        return held

    @property
    def provenance(self) -> Provenance:
        """How the policy was made."""
        known = self.part("provenance")
        key, code = known.said.get("key"), known.said.get("code")
        if not (key is None or type(key) is int) or not isinstance(code, str):
            raise DataError("its provenance names no key or no version")
        return Provenance(
            inputs=dict(known.part("inputs").said),
            settings=dict(known.part("settings").said),
            code=code,
            key=key,
        )

    def _array(self, name: str, kinds: str, what: str, n_dimensions: int) -> np.ndarray:
        if name not in self.arrays:
            raise DataError(f"it lacks {name}")
        values = self.arrays[name]
        if values.dtype.kind not in kinds or values.ndim != n_dimensions:
            raise DataError(
                f"{name} must be {what} numbers with {n_dimensions} axes, got {values.dtype} of shape {values.shape}"
            )
        return values
