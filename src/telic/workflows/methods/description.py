"""What is said of a method that makes policies: once, in a form that pages, listings and checks of settings read.

A description names the callable that holds the method's settings (``home``); their names, types and defaults are read
from it, never written twice. What it adds is what no signature tells: what data the method needs, when to use it and
when not, what it costs, and of the settings worth touching their range and effect.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telic._core.near_miss import near_miss
from telic.errors import SettingsError

__all__ = ["Actions", "Group", "Method", "Needs", "Setting", "checked"]

RANGE = re.compile(r"([\[(])\s*(\S+)\s*,\s*(\S+)\s*([\])])")


PLAIN = (bool, int, float, str, tuple)
"""Types of defaults that a settings file can hold; one whose default is another (None, an object) is for Python."""


class Group(enum.StrEnum):
    """What kind of method it is."""

    IMITATION = "imitation"
    REINFORCEMENT = "reinforcement"
    OFFLINE = "offline"
    CONSTRAINED = "constrained"
    BANDITS = "bandits"
    TABULAR = "tabular"


class Needs(enum.StrEnum):
    """What one must have."""

    DECISIONS = "decisions of experts"
    OBSERVATIONS = "what experts saw, without what they did"
    EXPERT = "an expert who answers"
    POLICY = "a policy"
    SEEN = "observations that it will meet"
    SIMULATOR = "a compiled simulator"
    ENVIRONMENT = "a Gymnasium environment"
    RECORD = "a record with rewards"
    TABLE = "a table of transitions"
    REWARD = "a reward"
    COSTS = "costs with budgets"
    OUTCOMES = "the outcome of each choice at once"


class Actions(enum.StrEnum):
    """What can be done."""

    CHOICE = "one choice"
    CHOICES = "several choices"
    AMOUNTS = "amounts"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting worth touching.

    Attributes:
        name: as in the signature of the method.
        range: ``"(0, 1]"`` and the like, of each number; empty: anything of its type.
        effect: what more of it does, in a few words.
    """

    name: str
    range: str = ""
    effect: str

    def holds(self, value: float) -> bool:
        """Whether a number lies in the range."""
        found = RANGE.fullmatch(self.range)
        if found is None:
            return True
        low, high = float(found[2]), float(found[3])
        above = value >= low if found[1] == "[" else value > low
        return above and (value <= high if found[4] == "]" else value < high)


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method that makes policies.

    Attributes:
        name: registered name, also in settings files.
        title: in words.
        group: what kind it is.
        needs: what one must have, all of it.
        worlds: of these, any one is enough; empty: nothing more is needed.
        actions: what can be done.
        when: what speaks for it, in a sentence.
        when_not: what speaks against it, in a sentence.
        cost: what it takes, in a sentence; only what was measured or follows from its equations.
        home: ``module:name`` of the callable whose settings are those of the method.
        outside: the same for worlds outside compiled code, with ``of(env, longest=..., **settings)``; empty: none.
        settings: those worth touching.
        verb: that runs it from a settings file; empty: it is called from Python.
        steps: steps of the loop where a settings file names none; 0: it has no loop.
        step_is: what one of them is.
        along: settings that are as large as the number of steps unless they are given, such as the updates over which
            a rate falls.
        python_only: settings that no settings file has.
        page: in ``docs/``.
    """

    name: str
    title: str
    group: Group
    needs: tuple[Needs, ...]
    worlds: tuple[Needs, ...] = ()
    actions: tuple[Actions, ...]
    when: str
    when_not: str
    cost: str
    home: str
    outside: str = ""
    settings: tuple[Setting, ...] = ()
    verb: str = ""
    steps: int = 0
    step_is: str = ""
    along: tuple[str, ...] = ()
    python_only: tuple[str, ...] = ()
    page: str

    def load(self, *, outside: bool = False) -> Any:
        """The callable with the settings; imports its module.

        Args:
            outside: that for worlds outside compiled code.
        """
        module, _, name = (self.outside if outside else self.home).partition(":")
        return getattr(importlib.import_module(module), name)

    def defaults(self) -> dict[str, Any]:
        """Every setting of a settings file with its default; imports the method."""
        return {name: known.default for name, known in self.parameters().items()}

    def resolved(
        self, given: Mapping[str, Any], *, n_steps: int = 0, without: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """All settings, those given checked and the others as by default.

        Args:
            given: name to value, as a settings file has it.
            n_steps: steps of the loop.
            without: settings that are said elsewhere, and where.

        Raises:
            SettingsError: one is unknown, of another type, or out of its range.
        """
        known = {name: p for name, p in self.parameters().items() if name not in (without or {})}
        for name in given:
            if without and name in without:
                raise SettingsError(f"`{name}` is said elsewhere here.", hint=without[name])
            if name not in known:
                raise SettingsError(
                    f"The method `{self.name}` has no setting `{name}`.{near_miss(name, known)}",
                    hint=f"It has {', '.join(known)}. See `telic methods {self.name}`.",
                )
        ranges = {setting.name: setting for setting in self.settings}
        found = {}
        for name, parameter in known.items():
            value = parameter.default
            if name in given:
                is_leaf = str(parameter.annotation) in ("Any", "typing.Any")
                value = checked(name, given[name], value, is_number=is_leaf)
            elif name in self.along and n_steps:
                value = float(n_steps)
            found[name] = value
            each = value if isinstance(value, tuple) else (value,)
            if name in ranges and not all(ranges[name].holds(v) for v in each if _is_number(v)):
                raise SettingsError(
                    f"`{name}` must lie in {ranges[name].range}, got {value}.",
                    hint=f"Its default is {parameter.default}: {ranges[name].effect}.",
                )
        return found

    def parameters(self, *, whole: bool = False) -> dict[str, inspect.Parameter]:
        """Settings of a settings file by name; imports the method.

        Args:
            whole: all that its callable takes, those of Python alone and those without a default among them.
        """
        known = inspect.signature(self.load()).parameters
        if whole:
            return dict(known)
        return {n: p for n, p in known.items() if isinstance(p.default, PLAIN) and n not in self.python_only}


def checked(name: str, value: Any, default: Any, *, is_number: bool = False) -> Any:
    """The value in the type of the default.

    Args:
        name: of the setting.
        value: as a settings file has it.
        default: of the setting.
        is_number: a default that is a whole number may be replaced by any number.

    Raises:
        SettingsError: it is of another type, or not finite where the default is.
    """
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        raise _other(name, "true or false", value)
    if isinstance(default, tuple):
        if isinstance(value, (list, tuple)):
            return tuple(checked(f"{name}[{i}]", v, default[0]) for i, v in enumerate(value))
        raise _other(name, f"a list such as {list(default)}", value)
    if isinstance(default, str):
        if isinstance(value, str):
            return value
        raise _other(name, f"a word such as `{default}`", value)
    if value == "inf":
        value = math.inf
    if not _is_number(value) or math.isnan(value):
        raise _other(name, f"a number such as {default}", value)
    if math.isinf(value) and not (isinstance(default, float) and math.isinf(default)):
        raise _other(name, "a finite number", value)
    if isinstance(default, int) and not is_number:
        if isinstance(value, int):
            return value
        raise _other(name, f"a whole number such as {default}", value)
    return value if isinstance(default, int) else float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _other(name: str, wanted: str, value: Any) -> SettingsError:
    return SettingsError(f"`{name}` must be {wanted}, got {value!r}.", hint="See its default.")
