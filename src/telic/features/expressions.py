"""Small expressions over named columns: a safe subset of Python's syntax, evaluated on whole arrays.

``minutes_over_slo``, ``pods * price / 60``, ``where(action == "add", 1, 0)``, ``max(0, load - 80)``. The
text is parsed to a syntax tree, the tree is checked node by node against the list below, and the tree is
walked with numpy: nothing is ever compiled or executed as a program, so a contract from a stranger can
calculate and compare and nothing else.

Allowed: numbers, strings, ``True``/``False``, names; ``+ - * / ** %``; ``== != < <= > >=`` (also chained),
``in`` and ``not in`` with a list of literals; ``and or not`` (element by element); ``x if condition else
y``; ``abs min max log exp sqrt where clip floor``. Text can be compared for equality and nothing else.
Numbers are float64, so ``7 / 2`` is 3.5 and ``2 ** 0.5`` is allowed. Both branches of a condition are
evaluated; only the chosen one must be finite.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from telic._core.near_miss import near_miss
from telic.errors import FeatureError

__all__ = ["FUNCTIONS", "Expression", "compile_expression"]

MAX_CHARACTERS = 2_000
"""Longest expression read; longer ones are generated code and belong in a column."""

MAX_DEPTH = 50
"""Deepest nesting walked, far below the interpreter's recursion limit."""

_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.Mod: np.mod,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_ONE = {"abs": np.abs, "log": np.log, "exp": np.exp, "sqrt": np.sqrt, "floor": np.floor}
_ARITY: Mapping[str, tuple[int, int | None]] = {
    **dict.fromkeys(_ONE, (1, 1)),
    "min": (2, None),
    "max": (2, None),
    "where": (3, 3),
    "clip": (3, 3),
}

FUNCTIONS: tuple[str, ...] = tuple(sorted(_ARITY))
"""Names of the functions that an expression may call."""


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A checked expression; make it with ``compile_expression``.

    Attributes:
        text: as it was written.
        names: the columns it needs, in order of appearance.
        tree: the checked syntax tree.
    """

    text: str
    names: tuple[str, ...]
    tree: ast.expr = field(repr=False, compare=False)

    def evaluate(self, columns: Mapping[str, ArrayLike], *, allow_non_finite: bool = False) -> NDArray[Any]:
        """The values, in the common shape of the columns: booleans for a claim, else float64.

        Args:
            columns: name to numbers, booleans or text, of shapes that broadcast together, for example
                ``(S, 1)`` measurements and ``(A,)`` actions. Names that are not needed only add to the shape
                when the expression needs none.
            allow_non_finite: return NaN and infinity instead of raising.

        Raises:
            FeatureError: a column is missing or has the wrong kind, shapes do not fit, or a result is not
            finite.

        Example:
            >>> import numpy as np
            >>> compile_expression("max(0, load - 80) * 2").evaluate({"load": np.array([70.0, 90.0])})
            array([ 0., 20.])
        """
        arrays = {name: _column(self, name, columns) for name in self.names}
        shapes = [np.shape(v) for v in (arrays.values() if arrays else columns.values())]
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError:
            listed = ", ".join(f"`{n}` {np.shape(v)}" for n, v in arrays.items())
            raise FeatureError(
                f"The columns of {self.text!r} must have shapes that broadcast together, got {listed}.",
                hint="Give one value per row in every column.",
            ) from None
        with np.errstate(all="ignore"):  # judged below, after `where` has chosen its branch
            raw = np.asarray(_Walk(self.text, arrays).value(self.tree))
        if raw.dtype.kind in "OUS":
            raise FeatureError(
                f"{self.text!r} is text, not a number or a claim.", hint='Compare it: `column == "label"`.'
            )
        result = np.broadcast_to(raw if raw.dtype == bool else raw.astype(np.float64), shape).copy()
        if not allow_non_finite and result.dtype != bool and not np.all(np.isfinite(result)):
            bad = np.flatnonzero(~np.isfinite(result.ravel()))
            raise FeatureError(
                f"{self.text!r} is not finite in {len(bad)} of {result.size} places (first: place {bad[0]}, "
                f"{_inputs_at(arrays, shape, int(bad[0]))}).",
                hint="Guard it, as in `where(x > 0, y / x, 0)`.",
                expression=self.text,
                places=bad[:20].tolist(),
            )
        return result


def compile_expression(text: str) -> Expression:
    """The checked expression of a text.

    Args:
        text: at most 2,000 characters of the subset that the module describes.

    Raises:
        FeatureError: not in the subset; the message has the position (counted from 1), what was expected and
        the
            nearest known name.

    Example:
        >>> compile_expression("cpu / 100 if cpu > 80 else 0").names
        ('cpu',)
    """
    if len(text) > MAX_CHARACTERS:
        raise FeatureError(
            f"An expression may have at most {MAX_CHARACTERS} characters, got {len(text)}.",
            hint="Compute the value upstream and give it as a column.",
        )
    try:
        with warnings.catch_warnings():  # about odd literals such as "1and": read or refused, never printed
            warnings.simplefilter("ignore")
            tree = ast.parse(text.lstrip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        at = getattr(problem, "offset", None)
        position = max(1, (at or 1) + len(text) - len(text.lstrip()))
        raise FeatureError(
            f"{text!r} is not an expression: {getattr(problem, 'msg', 'it cannot be parsed')} at position "
            f"{position}.",
            hint='Write a formula such as `pods * price` or `action == "add"`.',
            position=position,
        ) from None
    names: dict[str, None] = {}
    _check(text, tree, names, 0)
    return Expression(text=text, names=tuple(names), tree=tree)


def _check(text: str, node: ast.expr, names: dict[str, None], depth: int) -> None:
    """Raise unless the tree below ``node`` is in the subset; collect the names it reads."""
    if depth > MAX_DEPTH:
        _refuse(text, node, f"nesting of at most {MAX_DEPTH}", "deeper nesting")
    below: Sequence[ast.expr] = ()
    match node:
        case ast.Constant(value=value):
            if not isinstance(value, bool | int | float | str):
                _refuse(text, node, "a number, a text or a truth value", repr(value))
            if isinstance(value, int) and abs(value) > sys.float_info.max:
                _refuse(text, node, "a number of float64", f"one of {len(str(value))} digits")
        case ast.Name(id=name):
            if name in _ARITY:
                _refuse(text, node, f"`{name}(...)` with its arguments", f"`{name}` alone")
            names.setdefault(name)
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() | ast.Not(), operand=operand):
            below = (operand,)
        case ast.BinOp(left=left, op=op, right=right):
            if type(op) not in _ARITHMETIC:
                tail = " (write `floor(a / b)`)" if isinstance(op, ast.FloorDiv) else ""
                _refuse(text, node, f"one of + - * / ** %{tail}", f"the operator {type(op).__name__}")
            below = (left, right)
        case ast.BoolOp(values=values):
            below = values
        case ast.IfExp(test=test, body=body, orelse=orelse):
            below = (test, body, orelse)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            below = _check_comparison(text, left, ops, comparators)
        case ast.Call(func=func, args=args, keywords=keywords):
            _check_call(text, node, func, args, keywords)
            below = args
        case _:
            _refuse(
                text,
                node,
                "numbers, names, + - * / ** %, comparisons, and/or/not, if-else or a function",
                _kind(node),
            )
    for child in below:
        _check(text, child, names, depth + 1)


def _check_comparison(
    text: str, left: ast.expr, ops: Sequence[ast.cmpop], right: Sequence[ast.expr]
) -> Sequence[ast.expr]:
    operands = [left]
    for op, operand in zip(ops, right, strict=True):
        if isinstance(op, ast.In | ast.NotIn):
            if (
                not isinstance(operand, ast.Tuple | ast.List | ast.Set)
                or not operand.elts
                or not all(isinstance(e, ast.Constant) for e in operand.elts)
            ):
                _refuse(
                    text, operand, 'a list of literals after `in`, as in `x in ("a", "b")`', _kind(operand)
                )
            if len(ops) > 1:
                _refuse(text, operand, "`in` by itself", "`in` inside a chain of comparisons")
            operands += operand.elts
        elif type(op) in _COMPARISONS:
            operands.append(operand)
        else:
            _refuse(text, operand, "one of == != < <= > >= in, not in", f"the comparison {type(op).__name__}")
    return operands


def _check_call(
    text: str, node: ast.expr, func: ast.expr, args: Sequence[ast.expr], keywords: Sequence[ast.keyword]
) -> None:
    if not isinstance(func, ast.Name):
        _refuse(text, func, f"one of the functions {', '.join(FUNCTIONS)}", _kind(func))
    if func.id not in _ARITY:
        _refuse(
            text,
            func,
            f"one of the functions {', '.join(FUNCTIONS)}",
            f"`{func.id}`",
            near_miss(func.id, FUNCTIONS),
        )
    if keywords:
        _refuse(text, node, "arguments without names", f"`{keywords[0].arg}=`")
    least, most = _ARITY[func.id]
    if len(args) < least or (most is not None and len(args) > most):
        wanted = f"{least} argument{'s' if least > 1 else ''}{' or more' if most is None else ''}"
        _refuse(text, node, f"{wanted} for `{func.id}`", str(len(args)))


def _refuse(text: str, node: ast.AST, expected: str, got: str, tail: str = "") -> NoReturn:
    lead = len(text) - len(text.lstrip())
    position = getattr(node, "col_offset", 0) + lead + 1
    raise FeatureError(
        f"In {text!r} at position {position}: expected {expected}, got {got}.{tail}",
        hint="docs/contract.md lists what an expression may contain.",
        expression=text,
        position=position,
    )


def _kind(node: ast.AST) -> str:
    words = {
        ast.Attribute: "an attribute (`a.b`)",
        ast.Subscript: "an index (`a[b]`)",
        ast.Lambda: "a function definition",
        ast.JoinedStr: "a formatted text",
        ast.NamedExpr: "an assignment",
        ast.Starred: "an unpacking (`*a`)",
        ast.Name: "a name",
    }
    return words.get(type(node), f"{type(node).__name__}")


def _column(expression: Expression, name: str, columns: Mapping[str, ArrayLike]) -> NDArray[Any]:
    if name not in columns:
        position = next(
            n.col_offset for n in ast.walk(expression.tree) if isinstance(n, ast.Name) and n.id == name
        )
        raise FeatureError(
            f"In {expression.text!r} at position {position + 1}: no column is called "
            f"`{name}`.{near_miss(name, columns)}",
            hint=f"There are: {', '.join(columns) or 'none'}.",
            expression=expression.text,
            position=position + 1,
        )
    return np.asarray(columns[name])


def _inputs_at(arrays: Mapping[str, NDArray[Any]], shape: tuple[int, ...], place: int) -> str:
    values = (f"{n} = {np.broadcast_to(v, shape).ravel()[place]}" for n, v in arrays.items())
    return ", ".join(values) or "a constant"


class _Walk:
    """Values of the nodes of one checked tree over one set of columns."""

    def __init__(self, text: str, columns: Mapping[str, NDArray[Any]]) -> None:
        self.text, self.columns = text, columns

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value if isinstance(value, bool | str) else float(value)  # type: ignore[arg-type]
            case ast.Name(id=name):
                return self.columns[name]
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return np.logical_not(self.claim(operand))
            case ast.UnaryOp(op=op, operand=operand):
                return -self.number(operand) if isinstance(op, ast.USub) else self.number(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return _ARITHMETIC[type(op)](self.number(left), self.number(right))
            case ast.BoolOp(op=op, values=values):
                both = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return reduce(both, [self.claim(v) for v in values])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.choice(node, test, body, orelse)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self.comparison(left, ops, comparators)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self.call(node, name, args)
        raise AssertionError(f"unchecked node {type(node).__name__}")

    def number(self, node: ast.expr) -> NDArray[np.float64]:
        value = np.asarray(self.value(node))
        if value.dtype.kind in "OUS":
            _refuse(self.text, node, "a number", f"text ({_sample(value)})")
        return value.astype(np.float64)

    def claim(self, node: ast.expr) -> NDArray[np.bool_]:
        value = np.asarray(self.value(node))
        if value.dtype.kind in "OUS":
            _refuse(self.text, node, "a claim that is true or false", f"text ({_sample(value)})")
        return value.astype(bool)

    def choice(self, node: ast.expr, test: ast.expr, body: ast.expr, orelse: ast.expr) -> NDArray[Any]:
        first, second = np.asarray(self.value(body)), np.asarray(self.value(orelse))
        if (first.dtype.kind in "OUS") != (second.dtype.kind in "OUS"):
            _refuse(self.text, node, "both branches to be numbers or both to be text", "one of each")
        return np.where(self.claim(test), first, second)

    def comparison(
        self, left: ast.expr, ops: Sequence[ast.cmpop], right: Sequence[ast.expr]
    ) -> NDArray[np.bool_]:
        if isinstance(ops[0], ast.In | ast.NotIn):
            elements = right[0].elts  # type: ignore[attr-defined]
            found = reduce(np.logical_or, [self.pair(left, ast.Eq(), e) for e in elements])
            return np.logical_not(found) if isinstance(ops[0], ast.NotIn) else found
        operands = [left, *right]
        return reduce(
            np.logical_and, [self.pair(a, op, b) for a, op, b in zip(operands, ops, right, strict=False)]
        )

    def pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> NDArray[np.bool_]:
        a, b = np.asarray(self.value(left)), np.asarray(self.value(right))
        a_text, b_text = a.dtype.kind in "OUS", b.dtype.kind in "OUS"
        if a_text != b_text:
            text_side, number_side = (left, b) if a_text else (right, a)
            sample = a if a_text else b
            _refuse(
                self.text,
                text_side,
                "both sides of a comparison to be numbers or both text",
                f"text ({_sample(sample)}) and a number ({_sample(number_side)})",
            )
        if a_text and not isinstance(op, ast.Eq | ast.NotEq):
            _refuse(self.text, right, "== or != between texts", f"the comparison {type(op).__name__}")
        if a_text:
            a, b = a.astype(object), b.astype(object)
        return np.asarray(_COMPARISONS[type(op)](a, b)).astype(bool)

    def call(self, node: ast.expr, name: str, args: Sequence[ast.expr]) -> NDArray[Any]:
        if name == "where":
            return self.choice(node, args[0], args[1], args[2])
        numbers = [self.number(a) for a in args]
        if name in _ONE:
            return np.asarray(_ONE[name](numbers[0]))
        if name == "clip":
            return np.asarray(np.minimum(np.maximum(numbers[0], numbers[1]), numbers[2]))
        return np.asarray(reduce(np.minimum if name == "min" else np.maximum, numbers))


def _sample(values: NDArray[Any]) -> str:
    return (
        repr(values.ravel()[0].item() if hasattr(values.ravel()[0], "item") else values.ravel()[0])
        if values.size
        else "empty"
    )
