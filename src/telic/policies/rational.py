"""``tanh`` (and ``exp``) from additions, multiplications and divisions alone: every machine gives the same bits.

    tanh x = lim_K sum_{k=1..K} 2 x / (x^2 + ((2 k - 1) pi / 2)^2)

(the partial fractions of ``tanh``) is cut after four terms and a constant, and the nine numbers are fitted to the least
largest error on ``|x| <= 9``; beyond, ``x`` counts as 9. All terms are positive, so nothing cancels. ``TANH_ERROR``
bounds the error, measured on a million points (``tests/policies/test_served.py``): 1.96e-8 within, 3.1e-8 beyond.

Each operation is one of IEEE 754 (+ - * /) on single elements, rounded to the nearest; library functions such as
``exp`` are not, and differ between machines, versions and lengths of arrays.
"""

from __future__ import annotations

import math

import numpy as np

from telic.typing import FloatArray

__all__ = ["TANH_ERROR", "TANH_LIMIT", "fixed_exp", "rational_tanh"]

TANH_LIMIT = 9.0
"""Size of an argument beyond which the function is constant."""

TANH_ERROR = 5.1e-8
"""Bound of ``|rational_tanh(x) - tanh(x)|`` for all ``x``."""

CONSTANT = 0.017114002310742216
NUMERATORS = (12.104343528694647, 3.168318893702597, 2.0379410526137547, 2.0000332941409495)
POLES = (328.10168460256375, 71.904798265427, 22.308312231251765, 2.467417042047994)
"""The terms, small ones first: this order of the sum is a part of the definition."""

TERMS = tuple(
    (np.array(numerator), np.array(pole)) for numerator, pole in zip(NUMERATORS, POLES, strict=True)
)
LEAST_EXPONENT = -700.0
"""Below it ``2^k`` would not be a normal number."""

INVERSE_LN2 = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
"""ln 2 in two parts; the first has 32 bits, so that ``k`` times it is exact."""

SERIES = tuple(1.0 / math.factorial(n) for n in range(13, -1, -1))

LOW, HIGH, START = np.array(-TANH_LIMIT), np.array(TANH_LIMIT), np.array(CONSTANT)


def rational_tanh(x: FloatArray) -> FloatArray:
    """``tanh x``, to ``TANH_ERROR``, in float64; the array that is given is overwritten."""
    np.maximum(x, LOW, out=x)
    np.minimum(x, HIGH, out=x)
    square = x * x
    numerator, pole = TERMS[0]
    total: FloatArray = square + pole
    np.divide(numerator, total, total)
    np.add(total, START, total)
    term = np.empty_like(square)
    for numerator, pole in TERMS[1:]:
        np.add(square, pole, term)
        np.divide(numerator, term, term)
        np.add(total, term, total)
    np.multiply(total, x, total)
    return total


def fixed_exp(x: FloatArray) -> FloatArray:
    """``exp x`` for ``x <= 0`` (below -700: as at -700), to 4e-16 of its size, in single operations of IEEE 754.

    ``x = k ln 2 + r`` with ``|r| <= ln 2 / 2``; the series of ``exp r`` to the power 13 (rest below 5e-18), times
    ``2^k``, whose bits are written down.

    References:
        Cody and Waite (1980), Software Manual for the Elementary Functions, chapter 6 (the reduction in two parts).
    """
    x = np.maximum(x, LEAST_EXPONENT)
    k = np.rint(x * INVERSE_LN2)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    total = np.full_like(r, SERIES[0])
    for coefficient in SERIES[1:]:
        np.multiply(total, r, total)
        np.add(total, coefficient, total)
    power = ((k.astype(np.int64) + 1023) << 52).view(np.float64)
    out: FloatArray = total * power
    return out
