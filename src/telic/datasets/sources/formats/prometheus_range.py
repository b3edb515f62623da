"""Answers of Prometheus to range queries (``/api/v1/query_range``), one row a sample of a series.

A file is one answer, or several: one a line or one after the other, as a long time is asked for in parts. Both ends of
a range are included, so a sample that ends one answer and begins the next is given once. Prometheus repeats the last
sample of a series for up to its look-back time (5 minutes, unless it was set), so a value may be that much older than
its ``time``; where a series has gone stale it has no samples, and no rows.

``value`` keeps NaN (the contract then sees it as missing) and infinities (which no contract accepts as a number: cut
them in the query, or read ``valueKind``).

References: Prometheus documentation, "HTTP API: range queries" and "Expression query result formats: range vectors".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_values import Place, child, children, json_values

__all__ = ["FORMAT"]

NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,4})?")
KINDS = {"NaN": "not-a-number", "+Inf": "plus-infinity", "-Inf": "minus-infinity"}
"""Texts of the values that are no numbers, and what ``valueKind`` calls them (``nan`` would mean a missing text)."""

LATEST = 1e12
"""Seconds since 1970 beyond which a time must be in another unit (the year 33,658)."""

Labels = tuple[tuple[str, str], ...]


def _records(source: SourceFile) -> Iterator[Record]:
    last: dict[Labels, tuple[float, str]] = {}
    for place, answer in json_values(source):
        for series in _series(place, answer):
            labels = _labels(series, place)
            named = {"metric": dict(labels).get("__name__")}
            named |= {f"labels.{name}": value for name, value in labels if name != "__name__"}
            for time, text in _samples(series, "values", place):
                if not isinstance(text, str):
                    raise place.error(
                        f"has {type(text).__name__} for the value of a sample, which must be text.",
                        "Prometheus writes values as text; was the answer rewritten by another tool?",
                    )
                if last.get(labels) != (time, text):
                    last[labels] = time, text
                    yield {
                        "time": time,
                        "value": _number(text, place),
                        "valueKind": KINDS.get(text, "number"),
                        **named,
                    }
            for time, histogram in _samples(series, "histograms", place):
                if not isinstance(histogram, dict):
                    raise place.error("has a histogram that is no object.", "Is the file damaged?")
                parts = {f"histogram.{key}": _number(histogram.get(key), place) for key in ("count", "sum")}
                yield {"time": time, "valueKind": "histogram", **parts, **named}


def _series(place: Place, answer: Any) -> list[dict[str, Any]]:
    """The series of an answer that succeeded and is one of a range."""
    if not isinstance(answer, dict) or "status" not in answer:
        raise place.error(
            "is no answer of Prometheus: it has no `status`.",
            "Save the whole answer of /api/v1/query_range, with its `status` and `data`.",
        )
    if answer["status"] != "success":
        raise place.error(
            f"is an error in place of data: {str(answer.get('errorType'))[:40]}: {str(answer.get('error'))[:200]}",
            "The query failed; ask again, perhaps for a shorter time.",
        )
    data = child(answer, "data", place)
    if data.get("resultType") != "matrix":
        raise place.error(
            f"holds a {str(data.get('resultType'))[:40]}, not a matrix.",
            "Ask /api/v1/query_range; /api/v1/query gives one moment only.",
        )
    return children(data, "result", place)


def _labels(series: dict[str, Any], place: Place) -> Labels:
    labels = child(series, "metric", place)
    if not all(isinstance(value, str) for value in labels.values()):
        raise place.error("has a label whose value is no text.", "Is the file damaged?")
    return tuple(sorted(labels.items()))


def _samples(series: dict[str, Any], key: str, place: Place) -> Iterator[tuple[float, Any]]:
    samples = series.get(key)
    if samples is None:
        return
    if not isinstance(samples, list):
        raise place.error(f"has no list for `{key}`.", "Is the file damaged?")
    for sample in samples:
        if not (isinstance(sample, list) and len(sample) == 2):
            raise place.error(
                f"has a sample in `{key}` that is no pair of time and value.", "Is the file damaged?"
            )
        time = sample[0]
        if isinstance(time, bool) or not isinstance(time, int | float) or not abs(time) < LATEST:
            raise place.error(
                f"has {str(time)[:40]!r} for the time of a sample, which must be seconds since 1970.",
                "Prometheus writes seconds; were they turned into milliseconds or text?",
            )
        yield float(time), sample[1]


def _number(text: Any, place: Place) -> float:
    if isinstance(text, str) and text in KINDS:
        return math.nan if text == "NaN" else float(text)
    if not isinstance(text, str) or not NUMBER.fullmatch(text):
        raise place.error(
            f"has {str(text)[:40]!r} for a value, which must be a number as text.",
            "Prometheus writes NaN, +Inf, -Inf and numbers with a point.",
        )
    return float(text)


FORMAT = EventFormat(
    name="prometheus-range",
    title="answer of Prometheus to a range query (HTTP API v1)",
    columns={
        "time": "time of evaluation, seconds since 1970",
        "value": "value of the series; NaN where the query gave none, and infinities as such",
        "valueKind": "number, not-a-number, plus-infinity, minus-infinity or histogram",
        "metric": "name of the metric; missing where the query calculated something",
    },
    records=_records,
)
