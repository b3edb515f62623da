"""``methods``: which methods make policies, what each needs, and when to use it."""

from __future__ import annotations

from telic._core.near_miss import near_miss
from telic.errors import SettingsError

from .methods import METHODS
from .methods.words import listing, one_method
from .verb_result import VerbResult

__all__ = ["methods"]


def methods(name: str | None = None) -> VerbResult:
    """Every method by what one has, or one of them with its settings.

    Args:
        name: of a method; None: all.

    Raises:
        SettingsError: there is no such method.
    """
    if name is None:
        return VerbResult(verb="methods", report=listing(), product=METHODS)
    if name not in METHODS:
        raise SettingsError(
            f"There is no method `{name}` that makes policies.{near_miss(name, METHODS)}",
            hint="`telic methods` lists them; `telic advise` those that infer rewards.",
        )
    return VerbResult(verb="methods", report=one_method(METHODS[name]), product=METHODS[name])
