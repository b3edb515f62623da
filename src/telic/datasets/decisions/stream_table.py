"""The rows of one stream in memory, and the numbers that stand for what they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from telic._core.codes import renumber
from telic.contract import Stream
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.labels import labels_and_codes
from telic.datasets.sources.rows import RowNames
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

__all__ = ["Coded", "StreamTable", "coded", "codes_of", "shared_keys"]


@dataclass(frozen=True, kw_only=True)
class Coded:
    """A column of texts: ``codes`` ``(n,)`` into the sorted ``texts``, -1 where missing."""

    codes: IntArray
    texts: tuple[str, ...]

    def column(self) -> pa.ChunkedArray:
        """The texts as an Arrow column."""
        codes = pa.array(self.codes, mask=np.asarray(self.codes) < 0)
        return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, pa.array(self.texts, pa.string()))])


@dataclass(frozen=True, kw_only=True)
class StreamTable:
    """Some rows of a stream.

    Attributes:
        stream: the contract's entry.
        times: ``(n,)`` seconds since 1970, by the right clock once that was seen to.
        entities: shared name to whom each row is about.
        columns: role (``column:NAME``, ``identity:NAME``, ``clock:NAME``, ``key:NAME``) to its ``(n,)`` values.
        places: ``(n,)`` row among all rows that were read.
        rows: names of the rows that were read.
        files: the files, in order.
    """

    stream: Stream
    times: FloatArray
    entities: Mapping[str, Coded]
    columns: Mapping[str, pa.ChunkedArray]
    places: LongArray
    rows: RowNames
    files: tuple[SourceFile, ...]

    def __len__(self) -> int:
        return len(self.times)

    def take(self, rows: BoolArray | LongArray) -> StreamTable:
        """Only some rows, or the rows in another order."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        indices = pa.array(chosen)
        return replace(
            self,
            times=self.times[chosen],
            entities={k: replace(c, codes=c.codes[chosen]) for k, c in self.entities.items()},
            columns={k: v.take(indices) for k, v in self.columns.items()},
            places=self.places[chosen],
        )

    def as_table(self) -> pa.Table:
        """The rows as a table: ``time``, ``place``, ``entity:NAME`` and the columns by their roles."""
        columns = {"time": pa.chunked_array([self.times]), "place": pa.chunked_array([self.places])}
        columns |= {f"entity:{name}": c.column() for name, c in self.entities.items()}
        return pa.table(columns | dict(self.columns))

    def with_rows(self, table: pa.Table) -> StreamTable:
        """The same stream with the rows of ``as_table``."""
        columns = {name: table[name] for name in table.column_names}
        return replace(
            self,
            times=np.asarray(columns.pop("time").to_numpy(), dtype=np.float64),
            places=np.asarray(columns.pop("place").to_numpy(), dtype=np.int64),
            entities={name: coded(columns.pop(f"entity:{name}")) for name in self.entities},
            columns=columns,
        )


def coded(column: pa.ChunkedArray) -> Coded:
    """A column of texts (dictionary) by its codes."""
    codes, texts = labels_and_codes(column)
    return Coded(codes=codes, texts=texts)


def codes_of(columns: Sequence[Coded | pa.ChunkedArray]) -> LongArray:
    """``(n,)`` one number for each distinct tuple of values; a missing value is a value of its own.

    Args:
        columns: of one length, at least one.
    """
    keys: LongArray | None = None
    for column in columns:
        if isinstance(column, Coded):
            codes = column.codes.astype(np.int64)
        else:
            encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
            one = (
                encoded.unify_dictionaries().combine_chunks()
                if encoded.num_chunks
                else pa.array([], encoded.type)
            )
            whole = one.combine_chunks() if isinstance(one, pa.ChunkedArray) else one
            codes = np.asarray(whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)).astype(np.int64)
        _, places = renumber(codes)
        keys = places if keys is None else renumber(keys * (int(places.max(initial=0)) + 1) + places)[1]
    assert keys is not None
    return keys


def shared_keys(tables: Sequence[Sequence[Coded]], lengths: Sequence[int]) -> list[LongArray]:
    """For each table ``(n_i,)`` numbers that are equal where all texts are equal; -1 where one of them is missing.

    Args:
        tables: of each table its columns, in the same order; no columns: everything is about one thing.
        lengths: rows of each table.
    """
    keys: list[LongArray] = [np.zeros(n, dtype=np.int64) for n in lengths]
    for j in range(len(tables[0])):
        texts = sorted({t for table in tables for t in table[j].texts})
        place = {t: i for i, t in enumerate(texts)}
        for i, table in enumerate(tables):
            lookup = np.array([place[t] for t in table[j].texts] + [-1], dtype=np.int64)
            codes = lookup[table[j].codes]
            keys[i] = np.where((keys[i] < 0) | (codes < 0), -1, keys[i] * len(texts) + codes)
        distinct, places = renumber(np.concatenate(keys))
        gone = bool(len(distinct)) and distinct[0] < 0
        keys = list(np.split(places - 1 if gone else places, np.cumsum(lengths)[:-1]))
    return keys
