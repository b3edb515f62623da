"""What traces and logs of OTLP share: one object of resources a line, attributes as dotted columns, exact times.

A 64-bit whole number stands in JSON as text and becomes a whole number again, so no digit of a nanosecond or of a count
is lost. Seconds are the nearest float64 to the nanoseconds (some 0.2 microseconds apart today); the nanoseconds stand
beside them as they were.

References: OpenTelemetry Protocol File Exporter; OTLP specification, "JSON Protobuf Encoding"; the protobuf types
``opentelemetry.proto.trace.v1`` and ``logs.v1``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from telic.datasets.sources.event_format import Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import DEEPEST, flat
from telic.datasets.sources.json_values import Place, child, children, json_values

__all__ = [
    "Told",
    "any_value",
    "attributes",
    "enum_name",
    "hexadecimal",
    "nanoseconds",
    "seconds",
    "told_under",
]

Told = tuple[Place, dict[str, Value], dict[str, Any]]
"""Where it stands, the columns of its resource and scope, and the span or log record itself."""

SIGNALS = {
    "resourceSpans": "otlp-traces",
    "resourceLogs": "otlp-logs",
    "resourceMetrics": "metrics (not read)",
}
"""Key at the top of a line to the format that reads it."""

WHOLE = re.compile(r"-?[0-9]{1,19}")


def told_under(source: SourceFile, resources: str, scopes: str, records: str) -> Iterator[Told]:
    """Every span or log record of a file.

    Args:
        source: the file.
        resources: key at the top, ``resourceSpans`` or ``resourceLogs``.
        scopes: key of the scopes under a resource.
        records: key of the records under a scope.

    Raises:
        DataError: a line is another signal, another version, or no OTLP.
    """
    for place, value in json_values(source):
        if not isinstance(value, dict) or resources not in value:
            raise _another(place, value, resources)
        for resource in children(value, resources, place):
            if scopes not in resource and any(key.startswith("instrumentationLibrary") for key in resource):
                raise place.error(
                    "is of a version before OTLP 0.19 (instrumentationLibrary in place of scope).",
                    "Send it through a current collector, or export it again with a newer exporter.",
                )
            about = _named("resource", child(resource, "resource", place), place)
            for scope in children(resource, scopes, place):
                columns = about | _named("scope", child(scope, "scope", place), place)
                for record in children(scope, records, place):
                    yield place, columns, record


def _another(place: Place, value: Any, resources: str) -> Exception:
    found = [key for key in SIGNALS if isinstance(value, dict) and key in value]
    if found:
        return place.error(
            f"holds {found[0]}; {SIGNALS[resources]} reads {resources}.",
            f"Set `data.format: {SIGNALS[found[0]]}`; a file has one kind of signal only.",
        )
    keys = ", ".join(list(value)[:6]) if isinstance(value, dict) else type(value).__name__
    return place.error(
        f"is no OTLP: it must have `{resources}`, got {keys or 'nothing'}.",
        "Is it the answer of a collector, or another log?",
    )


def _named(prefix: str, about: dict[str, Any], place: Place) -> dict[str, Value]:
    rest = {key: value for key, value in about.items() if key not in ("attributes", "entityRefs")}
    return flat(rest, f"{prefix}.") | attributes(about, f"{prefix}.attributes.", place)


def attributes(parent: Mapping[str, Any], prefix: str, place: Place) -> dict[str, Value]:
    """The attributes of an object as ``{prefix}{key}``; of a key that is there twice, the first.

    Raises:
        DataError: they are no list of keys and values, or a value is not of the type that it says.
    """
    found: dict[str, Value] = {}
    for pair in children(parent, "attributes", place):
        key = pair.get("key")
        if not isinstance(key, str):
            raise place.error("has an attribute without a key.", "Is the file damaged?")
        found = any_value(child(pair, "value", place), f"{prefix}{key}", place) | found
    return found


def any_value(value: Mapping[str, Any], name: str, place: Place, depth: int = 0) -> dict[str, Value]:
    """A value of any type as columns: one of that name, or several below it where it is a list or a map.

    Raises:
        DataError: a number is none, or it is nested deeper than ``DEEPEST``.
    """
    if depth > DEEPEST:
        raise place.error(
            f"has a value nested more than {DEEPEST} levels deep.", "Is the file damaged, or made to do harm?"
        )
    found: dict[str, Value] = {}
    if "arrayValue" in value:
        for i, item in enumerate(children(child(value, "arrayValue", place), "values", place)):
            found.update(any_value(item, f"{name}.{i}", place, depth + 1))
    elif "kvlistValue" in value:
        for pair in children(child(value, "kvlistValue", place), "values", place):
            inner = child(pair, "value", place)
            found = any_value(inner, f"{name}.{pair.get('key')}", place, depth + 1) | found
    elif value.get("intValue") is not None:
        found[name] = whole(value["intValue"], name, place)
    elif value.get("doubleValue") is not None:
        found[name] = _double(value["doubleValue"], name, place)
    else:
        found[name] = _plain(value, name, place)
    return found


def _plain(value: Mapping[str, Any], name: str, place: Place) -> Value:
    for key, kind in (("stringValue", str), ("boolValue", bool), ("bytesValue", str)):
        if value.get(key) is not None:
            plain: Value = value[key]
            if not isinstance(plain, kind):
                raise place.error(
                    f"has {type(plain).__name__} for {key} of `{name}`.",
                    f"It must be {kind.__name__}; is the file damaged?",
                )
            return plain
    return None


def whole(value: Any, name: str, place: Place) -> int:
    """A 64-bit whole number, which JSON may hold as text.

    Raises:
        DataError: it is none.
    """
    if isinstance(value, str) and WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**64:
        raise place.error(
            f"has {str(value)[:40]!r} for `{name}`, which must be a whole number of 64 bits.",
            "Is the file damaged, or did another tool rewrite its numbers?",
        )
    return value


def _double(value: Any, name: str, place: Place) -> float:
    if isinstance(value, float):
        return value
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1023:
        return float(value)
    raise place.error(
        f"has {str(value)[:40]!r} for `{name}`, which must be a number.", "Is the file damaged?"
    )


def nanoseconds(record: Mapping[str, Any], key: str, place: Place) -> int | None:
    """Nanoseconds since 1970; None where there are none (0 means unknown in OTLP)."""
    value = record.get(key)
    return (whole(value, key, place) or None) if value is not None else None


def seconds(ticks: int | None) -> float | None:
    """The float64 nearest to that many nanoseconds, in seconds."""
    return None if ticks is None else ticks / 1_000_000_000


def hexadecimal(record: Mapping[str, Any], key: str, digits: int, place: Place) -> str | None:
    """An identity in lower case; None where there is none.

    Raises:
        DataError: it has not so many hexadecimal digits.
    """
    value = record.get(key)
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", value):
        raise place.error(
            f"has {str(value)[:40]!r} for `{key}`, which must be {digits} hexadecimal digits.",
            "Old exporters wrote identities in base64; export again with a newer one.",
        )
    return value.lower()


def enum_name(value: Any, names: tuple[str, ...], prefix: str) -> str:
    """The name of a number of an enumeration (or of its own long name, as old exporters wrote it)."""
    if isinstance(value, str):
        return value.removeprefix(prefix)
    number = value or 0
    return names[number] if isinstance(number, int) and 0 <= number < len(names) else str(number)
