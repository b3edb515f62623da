"""Digests depend on what the values mean, not on how they are stored; the layout is spelt out."""

from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from telic._core.hashing import BLOCK_ROWS, digest_array, digest_bytes, digest_columns, digest_json


def spelt_out(kind: str, shape: list[int], blocks: list[tuple[bytes, bytes]]) -> str:
    """The digest by hand: a header, then the digest of (validity bits, values) of each block."""
    total = hashlib.sha256(json.dumps([kind, shape]).encode())
    for validity, values in blocks:
        total.update(hashlib.sha256(validity + values).digest())
    return "sha256:" + total.hexdigest()


def bits(n: int) -> bytes:
    """n validity bits that are all set, low bit first."""
    return ((1 << n) - 1).to_bytes((n + 7) // 8, "little")


def test_bytes_and_json_are_hashed_in_one_form():
    assert digest_bytes(b"abc") == "sha256:" + hashlib.sha256(b"abc").hexdigest()
    text = '{"a":[1,2.5,null,true],"é":"x"}'
    assert digest_json({"é": "x", "a": [1, 2.5, None, True]}) == digest_bytes(text.encode())
    with pytest.raises(ValueError, match="JSON"):
        digest_json({"a": float("nan")})


def test_floats_are_little_endian_doubles_with_their_validity_bits():
    expected = spelt_out("<f8", [3], [(bits(3), struct.pack("<3d", 1.5, 0.0, -2.0))])
    assert digest_array(np.array([1.5, 0.0, -2.0])) == expected
    assert digest_array(np.array([1.5, -0.0, -2.0])) == expected
    assert digest_array(np.array([1.5, 0.0, -2.0], dtype=">f8")) == expected


def test_integers_booleans_and_single_precision_keep_their_kind():
    assert digest_array(np.array([1, -2], dtype=np.int32)) == spelt_out(
        "<i4", [2], [(bits(2), struct.pack("<2i", 1, -2))]
    )
    assert digest_array(np.array([True, False])) == spelt_out("|b1", [2], [(bits(2), b"\x01\x00")])
    kinds = [np.float64, np.float32, np.int64, np.int32, np.bool_]
    assert len({digest_array(np.array([1, 0], dtype=kind)) for kind in kinds}) == len(kinds)


def test_every_nan_is_one_nan_and_no_number():
    quiet, other = np.frombuffer(struct.pack("<2Q", 0x7FF8000000000000, 0xFFF8DEADBEEF0001), dtype="<f8")
    assert digest_array(np.array([quiet])) == digest_array(np.array([other]))
    assert digest_array(np.array([quiet])) == spelt_out("<f8", [1], [(bits(1), struct.pack("<d", np.nan))])
    assert len({digest_array(np.array([x])) for x in (np.nan, np.inf, -np.inf, 0.0)}) == 4


def test_text_is_length_prefixed_so_that_its_borders_count():
    raw = b"".join(len(word.encode()).to_bytes(8, "little") + word.encode() for word in ("ab", "", "é"))
    expected = spelt_out("text", [3], [(bits(3), raw)])
    assert digest_array(np.array(["ab", "", "é"])) == expected
    assert digest_array(np.array(["ab", "", "é"], dtype=object)) == expected
    assert digest_array(np.array(["ab", "", "é"], dtype="U40")) == expected
    assert digest_array(np.array(["a", "b", "é"])) != expected
    assert digest_array(np.array(["a", "bc"])) != digest_array(np.array(["ab", "c"]))


def test_invalid_values_do_not_count_but_their_place_does():
    valid = np.array([True, False, True])
    expected = spelt_out("<f8", [3], [(b"\x05", struct.pack("<3d", 1.0, 0.0, 3.0))])
    for hidden in (0.0, 7.0, np.nan):
        assert digest_array(np.array([1.0, hidden, 3.0]), valid) == expected
    assert digest_array(np.array([1.0, 0.0, 3.0])) != expected
    assert digest_array(np.array(["a", "x"]), np.array([True, False])) != digest_array(np.array(["a", ""]))
    with_hidden = [digest_array(np.array(["a", x]), np.array([True, False])) for x in ("x", "")]
    assert with_hidden[0] == with_hidden[1]


@pytest.mark.parametrize("n", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 2 * BLOCK_ROWS + 3])
def test_blocks_of_65536_rows_are_hashed_apart(n):
    assert BLOCK_ROWS == 65_536
    column = np.arange(n, dtype=np.int64)
    blocks = []
    for start in range(0, n, 65_536):
        part = column[start : start + 65_536]
        blocks.append((bits(len(part)), part.astype("<i8").tobytes()))
    assert digest_array(column) == spelt_out("<i8", [n], blocks)


def test_one_row_moved_over_a_block_border_is_another_column():
    column = np.arange(BLOCK_ROWS + 1)
    swapped = column.copy()
    swapped[[BLOCK_ROWS - 1, BLOCK_ROWS]] = swapped[[BLOCK_ROWS, BLOCK_ROWS - 1]]
    assert digest_array(column) != digest_array(swapped)


def test_a_matrix_is_hashed_row_by_row_and_its_shape_counts():
    matrix = np.arange(6.0).reshape(3, 2)
    expected = spelt_out("<f8", [3, 2], [(bits(3), struct.pack("<6d", *range(6)))])
    assert digest_array(matrix) == expected
    assert digest_array(np.asfortranarray(matrix)) == expected
    assert digest_array(np.repeat(matrix, 2, axis=1)[:, ::2]) == expected
    assert digest_array(matrix.reshape(2, 3)) != expected
    assert digest_array(matrix.ravel()) != expected


def test_columns_are_combined_by_name_in_any_order():
    a, b = digest_array(np.array([1.0])), digest_array(np.array([2.0]))
    expected = digest_bytes(f'{{"x":"{a}","y":"{b}"}}'.encode())
    assert digest_columns({"x": a, "y": b}) == digest_columns({"y": b, "x": a}) == expected
    assert digest_columns({"x": b, "y": a}) != expected


@settings(max_examples=60, deadline=None)
@given(
    column=hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(allow_nan=True, width=64)),
    step=st.integers(1, 3),
)
def test_views_copies_and_byte_orders_of_one_column_have_one_digest(column, step):
    spread = np.zeros(len(column) * step)
    spread[::step] = column
    expected = digest_array(column.copy())
    assert digest_array(spread[::step]) == expected
    assert digest_array(column.astype(">f8")) == expected
    assert digest_array(column + 0.0) == expected


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.text(max_size=5), max_size=8), other=st.lists(st.text(max_size=5), max_size=8))
def test_two_text_columns_have_one_digest_only_when_they_are_equal(words, other):
    first, second = np.array(words, dtype=object), np.array(other, dtype=object)
    assert (digest_array(first) == digest_array(second)) == (words == other)
