"""Codes and sorted labels of dictionary columns, whatever their dictionaries hold."""

import numpy as np
import pyarrow as pa

from telic.datasets.sources.labels import labels_and_codes


def dictionary(codes, texts):
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(texts, pa.string()))


def test_labels_are_sorted_by_code_points_and_those_without_a_row_are_left_out():
    texts = ["zebra", "\U0001f600", "Zebra", "\uffee", "é", "unused", "e", ""]
    codes, labels = labels_and_codes(pa.chunked_array([dictionary([0, 1, 2, 3, 4, 6, 7, 0], texts)]))
    assert labels == ("", "Zebra", "e", "zebra", "é", "\uffee", "\U0001f600")
    assert [labels[c] for c in codes] == ["zebra", "\U0001f600", "Zebra", "\uffee", "é", "e", "", "zebra"]
    assert codes.dtype == np.int32


def test_a_text_that_a_dictionary_holds_twice_is_one_label():
    codes, labels = labels_and_codes(pa.chunked_array([dictionary([0, 1, 2, None], ["b", "a", "b"])]))
    assert (codes.tolist(), labels) == ([1, 0, 1, -1], ("a", "b"))


def test_a_missing_text_of_a_dictionary_is_a_missing_value():
    codes, labels = labels_and_codes(pa.chunked_array([dictionary([0, 1, 2, None], ["b", None, "a"])]))
    assert (codes.tolist(), labels) == ([1, -1, 0, -1], ("a", "b"))


def test_dictionaries_of_several_chunks_become_one():
    column = pa.chunked_array([dictionary([0, 1], ["b", "a"]), dictionary([None, 0, 1], ["c", "b"])])
    codes, labels = labels_and_codes(column)
    assert (codes.tolist(), labels) == ([1, 0, -1, 2, 1], ("a", "b", "c"))


def test_a_column_without_any_value_has_no_labels():
    kind = pa.dictionary(pa.int32(), pa.string())
    assert labels_and_codes(pa.chunked_array([], kind))[1] == ()
    codes, labels = labels_and_codes(pa.chunked_array([dictionary([None, None], [])]))
    assert (codes.tolist(), labels) == ([-1, -1], ())
