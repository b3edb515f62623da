"""Expressions: the subset computes what numpy says, and everything outside it is refused with a position."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telic.errors import FeatureError
from telic.features.expressions import FUNCTIONS, compile_expression

X = np.array([-2.0, 0.0, 0.5, 3.0])
Y = np.array([1.0, 2.0, 4.0, 8.0])
TIER = np.array(["gold", "tin", "gold", "lead"], dtype=object)
COLUMNS = {"x": X, "y": Y, "tier": TIER, "up": X > 0, "n": np.array([1, 2, 3, 4])}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + y", X + Y),
        ("x - y * 2", X - Y * 2),
        ("x / y", X / Y),
        ("n / 2", np.array([0.5, 1.0, 1.5, 2.0])),
        ("y ** 0.5", np.sqrt(Y)),
        ("-x % 3", np.mod(-X, 3)),
        ("+x", X),
        ("abs(x)", np.abs(X)),
        ("min(x, y, 0.25)", np.minimum(np.minimum(X, Y), 0.25)),
        ("max(0, x)", np.maximum(0, X)),
        ("log(y)", np.log(Y)),
        ("exp(x)", np.exp(X)),
        ("sqrt(y)", np.sqrt(Y)),
        ("floor(x)", np.floor(X)),
        ("clip(x, 0, 1)", np.clip(X, 0, 1)),
        ("where(x > 0, y / x, 0)", np.array([0.0, 0.0, 8.0, 8 / 3])),
        ("y / x if x > 0 else 0", np.array([0.0, 0.0, 8.0, 8 / 3])),
        ("x > 0", X > 0),
        ("0 <= x < 1", (X >= 0) & (X < 1)),
        ("x > 0 and y < 8", (X > 0) & (Y < 8)),
        ("x > 0 or y < 2", (X > 0) | (Y < 2)),
        ("not up", ~(X > 0)),
        ("up * 2", np.where(X > 0, 2.0, 0.0)),
        ("tier == 'gold'", TIER == "gold"),
        ('tier != "gold"', TIER != "gold"),
        ("tier in ('gold', 'lead')", np.isin(TIER.astype(str), ["gold", "lead"])),
        ("tier not in ['gold']", TIER != "gold"),
        ("n in (1, 4)", np.array([True, False, False, True])),
        ("(tier == 'gold') * y", np.where(TIER == "gold", Y, 0.0)),
        ("where(up, 'a', 'b') == 'a'", X > 0),
        ("  x + 1", X + 1),
        ("3", np.full(4, 3.0)),
        ("True", np.full(4, True)),
    ],
)
def test_values_are_numpys(text, expected):
    result = compile_expression(text).evaluate(COLUMNS)
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == (bool if np.asarray(expected).dtype == bool else np.float64)


def test_names_in_order_of_appearance_without_functions():
    assert compile_expression("max(y, x) + y * where(tier == 'x', 1, 0)").names == ("y", "x", "tier")


def test_shapes_broadcast():
    result = compile_expression("load * (action == 'add')").evaluate(
        {"load": np.array([[1.0], [2.0]]), "action": np.array(["add", "hold", "add"], dtype=object)}
    )
    np.testing.assert_array_equal(result, [[1, 0, 1], [2, 0, 2]])
    with pytest.raises(FeatureError, match=r"broadcast together, got `x` \(2,\), `y` \(3,\)"):
        compile_expression("x + y").evaluate({"x": np.zeros(2), "y": np.zeros(3)})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x +", "not an expression"),
        ("", "not an expression"),
        ("x.real", "position 1: expected .* got an attribute"),
        ("x[0]", "got an index"),
        ("__import__('os').system('true')", "got an attribute"),
        ("(lambda: 1)()", "one of the functions"),
        ("open('f')", "one of the functions .* got `open`"),
        ("srqt(x)", "Did you mean `sqrt`"),
        ("eval('1')", "got `eval`"),
        ("[x for x in y]", "got ListComp"),
        ("f'{x}'", "a formatted text"),
        ("(x := 3)", "an assignment"),
        ("x // 2", r"floor\(a / b\)"),
        ("x @ y", "MatMult"),
        ("x & y", "BitAnd"),
        ("~x", "expected numbers"),
        ("x is y", "comparison Is"),
        ("x in y", "a list of literals"),
        ("log(x, 2)", "1 argument for `log`, got 2"),
        ("min(x)", "2 arguments or more for `min`, got 1"),
        ("clip(x, 0, high=1)", "arguments without names, got `high=`"),
        ("log", r"`log\(...\)` with its arguments"),
        ("1j", "a number, a text or a truth value, got 1j"),
        ("None", "got None"),
        ("x + " * 600 + "x", "at most 2000 characters"),
        ("(" * 60 + "x" + ")" * 60 + " + -" + "-" * 60 + "x", "nesting of at most 50"),
    ],
)
def test_everything_else_is_refused(text, said):
    with pytest.raises(FeatureError, match=said):
        compile_expression(text)


def test_position_counts_from_one_with_leading_spaces():
    with pytest.raises(FeatureError, match="at position 7") as caught:
        compile_expression("  x + foo(y)")
    assert caught.value.data["position"] == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x + z", "at position 5: no column is called `z`"),
        ("teir == 'gold'", "Did you mean `tier`"),
        ("tier + 1", "position 1: expected a number, got text \\('gold'\\)"),
        ("tier and up", "a claim that is true or false, got text"),
        ("tier < 'gold'", "== or != between texts"),
        ("tier == 1", "both sides of a comparison to be numbers or both text"),
        ("where(up, tier, 1)", "both branches"),
        ("tier", "is text"),
        ("1 / x", r"not finite in 1 of 4 places \(first: place 1, x = 0.0\)"),
        ("log(x)", "not finite in 2 of 4"),
        ("exp(1000)", "not finite in 4 of 4 places .*a constant"),
    ],
)
def test_wrong_columns_are_named(text, said):
    with pytest.raises(FeatureError, match=said):
        compile_expression(text).evaluate(COLUMNS)


def test_non_finite_on_request():
    result = compile_expression("1 / x").evaluate({"x": np.zeros(2)}, allow_non_finite=True)
    assert np.all(np.isinf(result))


def test_big_powers_stay_floats():
    result = compile_expression("9 ** 9 ** 9").evaluate({}, allow_non_finite=True)
    assert math.isinf(float(result))


def test_functions_are_all_documented_in_the_module():
    import telic.features.expressions as module

    assert all(name in (module.__doc__ or "") for name in FUNCTIONS)


@given(st.text(alphabet="xy()+-*/%<>=!'\" ,.0123456789andornotif[]{}:@~", max_size=40))
def test_any_text_either_computes_or_is_a_feature_error(text):
    try:
        result = compile_expression(text).evaluate({"x": X, "y": Y})
    except FeatureError:
        return
    assert result.shape == (4,)


def test_whole_numbers_beyond_float64_are_refused_with_their_position() -> None:
    with pytest.raises(FeatureError, match="position 5: expected a number of float64, got one of 401 digits"):
        compile_expression("x + 1" + "0" * 400)
