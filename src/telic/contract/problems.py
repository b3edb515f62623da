"""Everything that is wrong with a contract, found in one pass: path, what was expected, near misses.

Two sources: pydantic's structural errors, put into words, and the checks that relate fields or blocks
(duplicates, ranges, names in expressions). Blocks that are themselves broken are skipped by the second, so
one mistake is not reported twice.
"""

from __future__ import annotations

import ast
import itertools
import keyword
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from telic._core.near_miss import near_miss
from telic.errors import ContractError

from .blocks import Actions, Data, Dynamics, Feature, Identity, Limit, Observation, Outcomes, States, Timing
from .coverage import EdgeCase
from .stream_problems import offered_problems, stream_problems

__all__ = ["Problem", "contract_error", "cross_checks", "structural_problems"]

FUNCTIONS = ("abs", "clip", "exp", "floor", "log", "max", "min", "sqrt", "where")
"""What an expression may call (``telic.features.expressions.FUNCTIONS``, which a test compares)."""

RESERVED_NAMES = frozenset({"action", *FUNCTIONS})
"""Names with a meaning of their own in expressions; an observation may not take them."""

MAX_BINS = 10_000
"""Most bins of one observation: its dynamics are first counted in a table of bins x bins."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: where, as in ``observations[2].bins``.
        message: what was expected and what was got.
    """

    path: str
    message: str


def contract_error(problems: Sequence[Problem]) -> ContractError:
    """One error that lists every problem, one a line, in order of their paths."""
    lines = "\n".join(f"  {p.path}: {p.message}" for p in problems)
    count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
    return ContractError(
        f"The contract has {count}:\n{lines}",
        hint="Correct these lines; each field is described in docs/contract.md.",
        problems=[{"path": p.path, "message": p.message} for p in problems],
    )


def structural_problems(
    errors: Sequence[ErrorDetails], root: str, model: type[BaseModel] | None
) -> list[Problem]:
    """Pydantic's errors in words, one a path, with the path from the top and near misses of unknown keys.

    Args:
        errors: of one block.
        root: name of that block.
        model: the block's model (of one entry, where the block is a list), for the names of its keys.
    """
    grouped: dict[str, list[ErrorDetails]] = {}
    for error in errors:
        location = tuple(part for part in error["loc"] if not _is_type_tag(part))
        grouped.setdefault(_path((root, *location)), []).append(error)
    return [Problem(path=path, message=_in_words(path, group, model)) for path, group in grouped.items()]


def _in_words(path: str, group: Sequence[ErrorDetails], model: type[BaseModel] | None) -> str:
    first = group[0]
    kind, got = first["type"], first.get("input")
    if kind == "extra_forbidden":
        known = list(model.model_fields) if model is not None else []
        return f"Unknown key.{near_miss(path.rpartition('.')[2], known) or _known(known)}"
    if kind == "missing":
        return "Missing; this field has no default."
    if kind == "literal_error":
        expected = str(first.get("ctx", {}).get("expected", ""))
        options = re.findall("'([^']*)'", expected)
        return f"Must be {expected}, got {got!r}.{near_miss(str(got), options)}"
    # Of the branches of a union, those whose kind fits say more than those of other kinds.
    group = [e for e in group if not e["type"].endswith("_type")] or group
    verb = "have" if " should have " in first["msg"] else "be"
    wanted = dict.fromkeys(
        re.sub(r"^\w+ should (be|have) ", "", e["msg"]).replace("tuple", "list") for e in group
    )
    quote = " Quote a word that YAML or JSON reads as a truth value." if isinstance(got, bool) else ""
    return f"Must {verb} {', or '.join(wanted)}; got {_short(got)}.{quote}"


def _known(names: Sequence[str]) -> str:
    return f" Known: {', '.join(names)}." if names else ""


def cross_checks(parts: Mapping[str, Any], observation_names: Sequence[str]) -> list[Problem]:
    """Every problem that relates fields or blocks.

    Args:
        parts: block name to its model (or tuple of models), without the blocks that are broken themselves.
        observation_names: also where that block is broken, so that expressions are still checked.
    """
    found: list[Problem] = []
    observations: Sequence[Observation] | None = parts.get("observations")
    actions: Actions | None = parts.get("actions")
    identity: Identity | None = parts.get("identity")
    if identity is not None and identity.domain == "medical" and identity.autonomy_ceiling != "observe":
        found.append(
            _at(
                "identity.autonomy_ceiling",
                f"Must be `observe` where `domain` is `medical`, got `{identity.autonomy_ceiling}`.",
            )
        )
    if observations is not None:
        found += _observation_problems(observations, actions, parts.get("data"))
        found += _environment_problems(parts.get("dynamics"), observations)
    if actions is not None:
        found += _action_problems(actions)
    found += _timing_problems(parts.get("timing"), parts.get("outcomes"))
    if not parts.get("streams"):
        found += _time_column_problems(parts.get("timing"), parts.get("data"))
    found += [Problem(path=path, message=message) for path, message in stream_problems(parts)]
    found += [Problem(path=path, message=message) for path, message in offered_problems(actions)]
    states: States | None = parts.get("states")
    if states is not None and 1.0 not in states.resolutions:
        found.append(
            _at(
                "states.resolutions",
                f"Must contain 1 (the bins as declared), got {list(states.resolutions)}.",
            )
        )
    for block in ("limits", "coverage"):
        found += _duplicates(block, [x.name for x in parts.get(block, ())])
    found += _feature_problems(parts.get("features"), parts.get("tradeoffs"))
    labels = _labels(observations or (), actions)
    for path, text in _expressions(parts):
        found += _expression_problems(path, text, observation_names, labels)
    return found


def _observation_problems(
    observations: Sequence[Observation], actions: Actions | None, data: Data | None
) -> Iterator[Problem]:
    if not observations:
        yield _at("observations", "At least one observation is needed.")
    yield from _duplicates("observations", [o.name for o in observations])
    for i, o in enumerate(observations):
        here = f"observations[{i}]"
        yield from _name_problems(f"{here}.name", o.name)
        if o.name in RESERVED_NAMES:
            yield _at(
                f"{here}.name",
                f"`{o.name}` has a meaning of its own in expressions; choose another name and keep `column`.",
            )
        if actions is not None and o.column == actions.column:
            yield _at(
                f"{here}.column",
                f"`{o.column}` is the action's column: a state must not contain the choice that it is to "
                f"explain.",
            )
        if data is not None and o.column == data.weight:
            yield _at(f"{here}.column", f"`{o.column}` is the weight's column.")
        is_measured = o.type in ("number", "integer")
        for side, bound in (("low", o.low), ("high", o.high)):
            if bound is not None and not is_measured:
                yield _at(
                    f"{here}.{side}",
                    f"Only number and integer observations have bounds; this one is a {o.type}.",
                )
        if o.low is not None and o.high is not None and not o.low < o.high:
            yield _at(f"{here}.high", f"Must be above `low` ({o.low:g}), got {o.high:g}.")
        if o.values is not None and o.type != "category":
            yield _at(f"{here}.values", f"Only a category lists its values; this one is a {o.type}.")
        if o.values is not None:
            yield from _duplicates(f"{here}.values", [str(v) for v in o.values], leaf="")
        if o.missing == "label" and o.type != "category":
            yield _at(
                f"{here}.missing",
                f"`label` is for categories only; this one is a {o.type}. Use carry, drop or error.",
            )
        yield from _bin_problems(f"{here}.bins", o)


def _environment_problems(
    dynamics: Dynamics | None, observations: Sequence[Observation]
) -> Iterator[Problem]:
    if dynamics is None or dynamics.environment is None:
        return
    path, name = "dynamics.environment", dynamics.environment
    named = {o.name: o for o in observations}
    if name not in named:
        yield _at(path, f"No observation is called `{name}`.{near_miss(name, list(named))}")
        return
    o = named[name]
    if o.type not in ("category", "boolean"):
        yield _at(path, f"Must be a category or boolean observation; `{name}` is of type {o.type}.")
    if not o.in_state:
        yield _at(path, f"`{name}` must be part of the state; take out its `in_state: false`.")
    if o.affected_by_action:
        yield _at(path, f"`{name}` is `affected_by_action`, but no action leads out of an environment.")
    if all(other is o for other in observations if other.in_state):
        yield _at(path, f"Beside `{name}`, the state needs an observation that can change.")


def _bin_problems(path: str, o: Observation) -> Iterator[Problem]:
    bins = o.bins
    if bins is None:
        if o.type == "number" and o.in_state:
            yield _at(path, "A number needs bins: a count, a list of edges, `quantile:N` or `auto`.")
        return
    if o.type in ("category", "boolean"):
        yield _at(path, f"A {o.type} has one cell a value; leave `bins` out.")
    elif isinstance(bins, str):
        match = re.fullmatch(r"quantile:([1-9][0-9]*)", bins)
        if match is not None and float(match[1]) > MAX_BINS:
            yield _at(path, f"At most {MAX_BINS:,} bins can be told apart, got {bins}.")
        if bins != "auto" and match is None:
            yield _at(
                path,
                f"Must be a count, a list of edges, `auto` or `quantile:N`, got "
                f"{bins!r}.{near_miss(bins, ['auto', 'quantile:8'])}",
            )
    elif isinstance(bins, int):
        if bins > MAX_BINS:
            yield _at(path, f"At most {MAX_BINS:,} bins can be told apart, got {bins:,}.")
        if o.low is None or o.high is None:
            yield _at(path, f"{bins} equal bins need both `low` and `high`; or use `quantile:{bins}`.")
    else:
        if len(bins) < 2:
            yield _at(path, f"A list of edges needs at least 2 of them, got {len(bins)}.")
        if any(b <= a for a, b in itertools.pairwise(bins)):
            yield _at(path, f"Edges must rise, got {list(bins)}.")
        outside = [
            b for b in bins if (o.low is not None and b < o.low) or (o.high is not None and b > o.high)
        ]
        if outside:
            yield _at(path, f"Edges must lie between `low` and `high` ({o.low}, {o.high}); {outside} do not.")


def _action_problems(actions: Actions) -> Iterator[Problem]:
    if len(actions.values) < 2:
        yield _at("actions.values", f"A choice needs at least 2 alternatives, got {len(actions.values)}.")
    yield from _duplicates("actions.values", list(actions.labels), leaf="")
    if actions.type == "category":
        if actions.tolerance:
            yield _at("actions.tolerance", "Only measured actions (integer, number) have a tolerance.")
        return
    for i, v in enumerate(actions.values):
        whole = isinstance(v, int) or (isinstance(v, float) and v.is_integer())
        if isinstance(v, str) or (actions.type == "integer" and not whole):
            yield _at(
                f"actions.values[{i}]",
                f"Must be {'an integer' if actions.type == 'integer' else 'a number'}, got {v!r}.",
            )
    amounts = sorted(float(v) for v in actions.values if not isinstance(v, str))
    closest = min((b - a for a, b in itertools.pairwise(amounts)), default=math.inf)
    if 0 < closest <= 2 * actions.tolerance:
        yield _at(
            "actions.tolerance",
            f"Must be below half the smallest distance of two values ({closest:g}), got "
            f"{actions.tolerance:g}.",
        )


def _timing_problems(timing: Timing | None, outcomes: Outcomes | None) -> Iterator[Problem]:
    if timing is None:
        return
    if (
        timing.discount == 1
        and timing.horizon is None
        and outcomes is not None
        and outcomes.terminated is None
    ):
        yield _at(
            "timing.discount",
            "1 needs an end: give `timing.horizon` or `outcomes.terminated`, or use a discount below 1.",
        )
    period, gap = timing.control_period_seconds, timing.max_gap_seconds
    if period is not None and gap is not None and gap < period:
        yield _at(
            "timing.max_gap_seconds",
            f"Must not be below `control_period_seconds` ({period:g}), got {gap:g}: every row would be "
            f"its own trajectory.",
        )


def _time_column_problems(timing: Timing | None, data: Data | None) -> Iterator[Problem]:
    if data is None or data.time is not None:
        return
    if timing is not None and timing.max_gap_seconds is not None:
        yield _at("timing.max_gap_seconds", "Gaps need times: say in `data.time` which column holds them.")
    if data.cut_seconds is not None:
        yield _at(
            "data.cut_seconds", "Cutting by time needs times: say in `data.time` which column holds them."
        )


def _feature_problems(
    features: Sequence[Feature] | None, tradeoffs: Sequence[tuple[str, str]] | None
) -> Iterator[Problem]:
    if features is None:
        return
    names = [f.name for f in features]
    yield from _duplicates("features", names)
    for i, name in enumerate(names):
        yield from _name_problems(f"features[{i}].name", name)
    for i, (numerator, denominator) in enumerate(tradeoffs or ()):
        for j, name in enumerate((numerator, denominator)):
            if name not in names:
                yield _at(f"tradeoffs[{i}][{j}]", f"No feature is called `{name}`.{near_miss(name, names)}")
        if numerator == denominator:
            yield _at(f"tradeoffs[{i}]", f"A trade-off is between two features, got `{numerator}` twice.")


def _expressions(parts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    limits: Sequence[Limit] = parts.get("limits", ())
    features: Sequence[Feature] = parts.get("features", ())
    cases: Sequence[EdgeCase] = parts.get("coverage", ())
    yield from ((f"limits[{i}].expression", x.expression) for i, x in enumerate(limits))
    yield from ((f"features[{i}].expression", x.expression) for i, x in enumerate(features))
    yield from ((f"coverage[{i}].expression", x.expression) for i, x in enumerate(cases))
    outcomes: Outcomes | None = parts.get("outcomes")
    if outcomes is not None:
        yield from (
            (f"outcomes.{k}", getattr(outcomes, k)) for k in ("success", "failure") if getattr(outcomes, k)
        )


def _labels(observations: Sequence[Observation], actions: Actions | None) -> dict[str, tuple[str, ...]]:
    """Name to every text that it can be, for the names whose texts the contract lists."""
    listed = {
        o.name: tuple(str(v) for v in o.values) + (("missing",) if o.missing == "label" else ())
        for o in observations
        if o.values is not None
    }
    if actions is not None and actions.type == "category":
        listed["action"] = actions.labels
    return listed


def _expression_problems(
    path: str, text: str, observation_names: Sequence[str], labels: Mapping[str, tuple[str, ...]]
) -> Iterator[Problem]:
    """Syntax and names (of observations, functions, labels) only; what an expression may do is the business
    of ``telic.features.expressions``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        yield _at(path, f"Not an expression: {getattr(problem, 'msg', problem)} in {text!r}.")
        return
    nodes = list(ast.walk(tree))
    called = {id(node.func): node.func for node in nodes if isinstance(node, ast.Call)}
    for name in dict.fromkeys(node.id for node in called.values() if isinstance(node, ast.Name)):
        if name not in FUNCTIONS:
            known = near_miss(name, FUNCTIONS) or _known(FUNCTIONS)
            yield _at(path, f"No function is called `{name}`.{known}")
    names = [*observation_names, "action"]
    # Names that are wrong themselves, or not there at all, would make every use of them a second problem.
    if observation_names and all(n.isidentifier() and n not in RESERVED_NAMES for n in observation_names):
        for name in dict.fromkeys(n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in called):
            if name not in names:
                yield _at(path, f"No observation is called `{name}`.{near_miss(name, names)}")
    for name, label in dict.fromkeys(pair for node in nodes for pair in _compared(node)):
        if name in labels and label not in labels[name]:
            known = near_miss(label, labels[name]) or _known(labels[name])
            yield _at(path, f"`{name}` is never {label!r}.{known}")


def _compared(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Names and the texts that a comparison holds them against: ``x == "a"``, ``x in ("a", "b")``."""
    if not isinstance(node, ast.Compare):
        return
    sides = [node.left, *node.comparators]
    for name, other in itertools.chain(itertools.pairwise(sides), itertools.pairwise(sides[::-1])):
        if isinstance(name, ast.Name):
            held = other.elts if isinstance(other, ast.Tuple | ast.List | ast.Set) else [other]
            for x in held:
                if isinstance(x, ast.Constant) and isinstance(x.value, str):
                    yield name.id, x.value


def _name_problems(path: str, name: str) -> Iterator[Problem]:
    if not name.isidentifier() or keyword.iskeyword(name):
        yield _at(
            path, f"Must be a word of letters, digits and `_` that does not start with a digit, got {name!r}."
        )


def _duplicates(path: str, names: Sequence[str], leaf: str = ".name") -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            where = [i for i, x in enumerate(names) if x == name]
            yield _at(
                f"{path}[{where[1]}]{leaf}",
                f"`{name}` is there {count} times (at {where}); names must differ.",
            )


def _at(path: str, message: str) -> Problem:
    return Problem(path=path, message=message)


def _path(parts: Iterable[str | int]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def _is_type_tag(part: str | int) -> bool:
    """Pydantic names the branches of a union inside the location; a reader does not want them."""
    return isinstance(part, str) and (
        part in {"int", "float", "str", "tuple", "constrained-int", "constrained-str"} or "[" in part
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
