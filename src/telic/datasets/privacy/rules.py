"""What a rule of the contract does to values: text by its distinct values, numbers and times whole columns at a time.

A missing value stays missing. Text that becomes equal is one label afterwards.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from telic.contract import PrivacyRule

from .detectors import Look, mask_text
from .detectors.span import Detector
from .private_folder import SecretKey

__all__ = ["apply_to_numbers", "apply_to_text", "text_rule"]

PSEUDONYM_DIGITS = 12
"""Hexadecimal digits: among 100,000 values two are alike with probability 2 in 100,000."""

SECONDS = {"hour": 3_600.0, "day": 86_400.0, "week": 604_800.0}
MONDAY = 4 * 86_400.0
"""The first Monday after 1 January 1970, a Thursday."""

WIDTH_SLACK = 1e-9
"""In widths: what a multiple of the width may lack to be counted as one, for .3 / .1 is below 3 in float64."""

MOST_V6_BITS = 64
"""Bits of an IPv6 address that name a network; the others name a machine in it."""


def text_rule(
    rule: PrivacyRule, task: str, key: SecretKey | None, detectors: Sequence[Detector]
) -> Callable[[str], str]:
    """From a text to what stands in its place.

    Args:
        rule: ``mask``, ``pseudonym``, or ``generalise`` by ``groups`` or ``prefix``.
        task: keeps pseudonyms of two tasks under one key apart.
        key: of the pseudonyms.
        detectors: of ``mask``.
    """
    if rule.rule == "mask":
        return partial(mask_text, detectors=detectors)
    if rule.rule == "pseudonym":
        assert key is not None, "the contract refuses pseudonyms without a key"
        digest = key.digests(task, "column", rule.column)
        tail = "".join(c if c.isalnum() else "_" for c in rule.column.rpartition(".")[2]) or "value"
        return lambda text: f"{tail}-{digest(text)[:PSEUDONYM_DIGITS]}"
    if rule.groups:
        group_of = {value: group for group, values in rule.groups for value in values}
        return lambda text: group_of.get(text.strip(), rule.other)
    assert rule.prefix is not None, rule
    return partial(_network, rule.prefix, rule.other)


def apply_to_text(
    column: pa.ChunkedArray, change: Callable[[str], str], known: dict[str, str], look: Look | None = None
) -> pa.ChunkedArray:
    """A dictionary column with every distinct text changed.

    Args:
        column: dictionary of text, as ``coerce`` leaves labels.
        change: of one text.
        known: what was changed before; added to.
        look: says which texts ``change`` could change; None: any.
    """
    before: pa.Array | None = None
    texts: pa.DictionaryArray | None = None
    chunks = []
    for chunk in column.chunks:
        if before is None or not chunk.dictionary.equals(before):  # chunks of one piece mostly share one
            before, texts = chunk.dictionary, _changed(chunk.dictionary, change, known, look)
        if texts is not None:
            chunk = pa.DictionaryArray.from_arrays(texts.indices.take(chunk.indices), texts.dictionary)
        chunks.append(chunk)
    return pa.chunked_array(chunks, column.type)


def _changed(
    texts: pa.Array, change: Callable[[str], str], known: dict[str, str], look: Look | None
) -> pa.DictionaryArray | None:
    """What stands in the place of each text; None where all stay as they are."""
    flags = np.asarray(texts.is_valid()) if look is None else look(texts)
    if not flags.any():
        return None
    looked_at = texts.filter(pa.array(flags)).to_pylist()
    known.update((text, change(text)) for text in looked_at if text not in known)
    new = pa.array([known[text] for text in looked_at], pa.string())
    return pc.replace_with_mask(texts, pa.array(flags), new).dictionary_encode()


def apply_to_numbers(column: pa.ChunkedArray, rule: PrivacyRule) -> pa.ChunkedArray:
    """Numbers rounded down to a multiple of ``width``, seconds to the beginning of an hour, day or week.

    Args:
        column: float64 or int64, as ``coerce`` leaves numbers and times.
        rule: ``generalise`` by ``width`` or ``to``.
    """
    width, origin = rule.width, 0.0
    if rule.to is not None:
        width, origin = SECONDS[rule.to], MONDAY if rule.to == "week" else 0.0
    assert width is not None, rule
    return pa.chunked_array([_rounded(chunk, width, origin) for chunk in column.chunks], column.type)


def _rounded(chunk: pa.Array, width: float, origin: float) -> pa.Array:
    gone = np.asarray(chunk.is_null()) if chunk.null_count else None
    values = np.asarray(pc.fill_null(chunk, 0))
    if values.dtype.kind == "i":
        step: Any = int(width)
        rounded = values // step * step
    else:
        rounded = np.floor((values - origin) / width + WIDTH_SLACK) * width + origin
    return pa.array(rounded, chunk.type, mask=gone)


def _network(bits: int, other: str, text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return other
    kept = bits if address.version == 4 else min(2 * bits, MOST_V6_BITS)
    return str(ipaddress.ip_network(f"{address}/{kept}", strict=False))
