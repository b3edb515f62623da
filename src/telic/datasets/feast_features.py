"""Observations of a contract from a Feast repository: for a log as it was then, for a request as it is now.

An observation whose ``column`` is ``view:feature`` is served by Feast, under that name in both ways; every other column
comes with the log or the request. The join keys of a view are columns of the same names (``data.trajectory`` or any
other that the contract reads).

Law: a request that is asked at the moment of a decision, of an online store that was filled up to that moment, has the
features of that decision's row of the log, bit for bit. Three habits of Feast break it, and are made good here:

- the historical store leaves out a decision where one view knew nothing then: each view is asked by itself;
- the online store answers with values that are older than the view's ``ttl``, the historical one does not: they are
  missing in both;
- the online store keeps a value in the type that the view declares (a ``Float32`` has 24 bits), the historical one
  hands out what the file holds: it is brought into the declared type first.

Beside each value stands the moment from which it held. A value that is missing or has ended is said, never filled.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from telic.errors import DataError, SettingsError
from telic.features import RequestFeatures, RequestReader

from .feast_log import MICROSECONDS, Served, ServedLog, served_log, views_of
from .feast_repository import FeastRepository, FeastView, open_repository

__all__ = ["FeastFeatures", "ServedLog", "ServedRequest"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedRequest:
    """A request with what Feast knows now.

    Attributes:
        values: column to value: of the request, and of Feast; one that is missing is None.
        measured_at: observation to the moment from which its value held, seconds since 1970.
        missing: columns that Feast does not have for these keys.
        expired: columns whose value is older than the view's ``ttl``; their value is None.
    """

    values: Mapping[str, Any]
    measured_at: Mapping[str, float]
    missing: tuple[str, ...]
    expired: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeastFeatures:
    """Observations of a reader's contract, served by a Feast repository.

    Attributes:
        reader: of requests; its contract names what is served.
        repository: opened by ``open``.

    Raises:
        SettingsError: no observation is served, one is not in the registry, or a join key is no column of the contract.
    """

    reader: RequestReader
    repository: FeastRepository

    @classmethod
    def open(cls, reader: RequestReader, folder: str | os.PathLike[str]) -> FeastFeatures:
        """Of a folder with ``feature_store.yaml``, as it stands now.

        Args:
            reader: of requests.
            folder: of the repository; its registry is a file of this machine.

        Raises:
            PermanentError: the extra `feast` is not installed, or a file is missing or damaged.
            SettingsError: see the class.
        """
        return cls(reader=reader, repository=open_repository(folder))

    def __post_init__(self) -> None:
        contract, served = self.reader.contract, self.served
        if not served:
            raise SettingsError(
                "No observation of the contract is served by Feast.",
                hint='Name one by its feature view: column: "view:feature".',
            )
        data = contract.data
        known = {
            *data.trajectory,
            *(o.column for o in contract.observations),
            *data.labels,
            data.demonstrator,
        }
        for view in self.views:
            for key in view.keys:
                if key not in known:
                    raise SettingsError(
                        f"Feature view {view.name!r} is looked up by {key!r}, which is no column of the contract.",
                        hint="Name it in data.trajectory, data.labels or as an observation.",
                    )

    @cached_property
    def served(self) -> Served:
        """Column to its view and feature."""
        columns = [o.column for o in self.reader.contract.observations if ":" in o.column]
        return {c: self.repository.feature(c) for c in columns}

    @property
    def views(self) -> tuple[FeastView, ...]:
        """Those that serve something, by name."""
        return views_of(self.served)

    def log(self, decisions: pa.Table) -> ServedLog:
        """The decisions with what the offline store knew at each, for ``ingest`` (write it as Parquet).

        Args:
            decisions: rows of the log, with ``data.time`` and the join keys; everything else goes along.

        Raises:
            ContractError: the contract names no time.
            DataError: a moment or a join key is missing, or a value is not of the type that its view declares.
        """
        return served_log(self.repository, self.served, self.reader.contract, decisions)

    def request(self, row: Mapping[str, Any], *, now: float) -> ServedRequest:
        """What the online store knows of the keys of a request.

        Args:
            row: columns that come with the request, the join keys among them.
            now: moment of the decision, seconds since 1970.

        Raises:
            DataError: a join key is missing, or Feast has a value from after ``now``.
        """
        keys = sorted({k for view in self.views for k in view.keys})
        absent = [k for k in keys if row.get(k) is None]
        if absent:
            raise DataError(
                f"The request has no {', '.join(f'`{k}`' for k in absent)}, by which Feast is asked.",
                hint="Send every join key of the feature views.",
            )
        answer = self.repository.store.get_online_features(
            features=list(self.served), entity_rows=[{k: row[k] for k in keys}], full_feature_names=True
        ).proto
        told = dict(zip(answer.metadata.feature_names.val, answer.results, strict=True))
        values, measured = dict(row), dict[str, float]()
        missing, expired = list[str](), list[str]()
        ticks = round(float(now) * MICROSECONDS)
        for column, (view, feature) in self.served.items():
            one = told[f"{view.name}__{feature}"]
            kind = one.values[0].WhichOneof("val")
            value = None if kind is None else getattr(one.values[0], kind)
            stamp = one.event_timestamps[0]
            moment = stamp.seconds * MICROSECONDS + stamp.nanos // 1000
            values[column] = None
            if value is None:
                missing.append(column)
            elif view.ttl_seconds and ticks - moment > view.ttl_seconds * MICROSECONDS:
                expired.append(column)
            else:
                values[column] = value
                measured[column] = moment / MICROSECONDS
        names = {o.column: o.name for o in self.reader.contract.observations}
        return ServedRequest(
            values=values,
            measured_at={names[c]: m for c, m in measured.items()},
            missing=tuple(missing),
            expired=tuple(expired),
        )

    def read(
        self, row: Mapping[str, Any], *, now: float, previous: Mapping[str, Any] | None = None
    ) -> RequestFeatures:
        """The features of a request, as the policy sees them; arguments as ``request``.

        Args:
            row: columns that come with the request.
            now: moment of the decision.
            previous: as ``RequestReader.read``.

        Raises:
            DataError: as ``request`` and ``RequestReader.read``; what Feast lacked or let end is named.
        """
        served = self.request(row, now=now)
        try:
            return self.reader.read(served.values, now=now, measured_at=served.measured_at, previous=previous)
        except DataError as error:
            parts = (
                ("Feast has no", served.missing),
                ("the value is past the view's ttl of", served.expired),
            )
            told = "; ".join(f"{word} {', '.join(f'`{c}`' for c in names)}" for word, names in parts if names)
            if not told:
                raise
            raise DataError(f"{error.message} ({told})", hint=error.hint, **error.data) from error
