"""What is wrong with ``streams``, ``decisions`` and choice sets, as pairs of path and message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from telic._core.near_miss import near_miss

from .blocks import Actions, Data
from .streams import Decisions, LateOutcome, Stream

__all__ = ["RESERVED_STREAM", "offered_problems", "stream_problems"]

RESERVED_STREAM = "decision"
"""Columns ``decision.time``, ``decision.origin``, ``decision.proposed`` are made while streams are joined."""

Found = Iterator[tuple[str, str]]


def stream_problems(parts: Mapping[str, Any]) -> Found:
    """Every problem of the two blocks, and of ``data`` beside them.

    Args:
        parts: block name to its model, without the blocks that are broken themselves.
    """
    streams: Sequence[Stream] | None = parts.get("streams")
    decisions: Decisions | None = parts.get("decisions")
    if streams is None:
        return
    if not streams:
        if decisions is not None and decisions != Decisions():
            yield "decisions", "Decisions are made of streams: describe them in `streams`, or leave this out."
        return
    by_name = {s.name: s for s in streams}
    yield from _names(streams)
    yield from _data(parts.get("data"))
    if not any(s.role == "decisions" for s in streams):
        yield "streams", "One stream must have the role `decisions`."
    shared = {name for s in streams if s.role == "decisions" for name, _ in s.entities}
    for i, stream in enumerate(streams):
        missing = shared - {name for name, _ in stream.entities}
        if stream.role == "decisions" and missing:
            yield (
                f"streams[{i}].entities",
                f"Other decisions say their {', '.join(sorted(missing))}; these must too.",
            )
    for i, stream in enumerate(streams):
        yield from _stream(f"streams[{i}]", stream, by_name, shared)
    if decisions is not None:
        yield from _decisions(decisions, by_name, parts.get("actions"))


def _names(streams: Sequence[Stream]) -> Found:
    seen: set[str] = set()
    for i, stream in enumerate(streams):
        if not stream.name.isidentifier():
            yield f"streams[{i}].name", f"Must be a word of letters, digits and `_`, got {stream.name!r}."
        if stream.name == RESERVED_STREAM:
            yield f"streams[{i}].name", f"`{RESERVED_STREAM}` is taken for what the join adds."
        if stream.name in seen:
            yield f"streams[{i}].name", f"`{stream.name}` is there twice; names must differ."
        seen.add(stream.name)


def _data(data: Data | None) -> Found:
    if data is None:
        return
    for name in ("time", "time_format", "format", "zone"):
        if getattr(data, name) is not None:
            yield f"data.{name}", f"Each stream has its own `{name}`; leave this out."


def _stream(here: str, stream: Stream, by_name: Mapping[str, Stream], shared: set[str]) -> Found:
    if not stream.files:
        yield f"{here}.files", "At least one file or pattern is needed."
    for j, pattern in enumerate(stream.files):
        if pattern.startswith(("/", "\\")) or ".." in pattern.replace("\\", "/").split("/") or ":" in pattern:
            yield f"{here}.files[{j}]", f"Must stay in the folder of the contract, got {pattern!r}."
    for label in ("entities", "columns", "where"):
        names = [name for name, _ in getattr(stream, label)]
        for name in dict.fromkeys(n for n in names if names.count(n) > 1):
            yield f"{here}.{label}", f"`{name}` is there twice."
    for name, _ in stream.entities:
        if name not in shared:
            yield (
                f"{here}.entities",
                f"No stream of decisions says which `{name}` a decision is about.{near_miss(name, sorted(shared))}",
            )
    if stream.role != "state":
        for field in ("max_age_seconds", "same_time", "duplicates"):
            if getattr(stream, field) != type(stream).model_fields[field].default:
                yield f"{here}.{field}", f"Only a stream of `state` has it; this one is of `{stream.role}`."
    if stream.role != "decisions" and stream.origin is not None:
        yield f"{here}.origin", f"Only decisions are made by somebody; this one is of `{stream.role}`."
    clock, other = stream.clock, by_name.get(stream.clock.estimate_against)
    if clock.estimate_against:
        if other is None or other is stream:
            yield (
                f"{here}.clock.estimate_against",
                f"Must be another stream, got `{clock.estimate_against}`."
                f"{near_miss(clock.estimate_against, list(by_name))}",
            )
        elif other.clock.estimate_against:
            yield (
                f"{here}.clock.estimate_against",
                f"The clock of `{other.name}` is estimated itself; name the stream whose clock is right.",
            )
        if not clock.key:
            yield f"{here}.clock.key", "Needed: which columns name an event that both streams hold."
        if clock.offset_seconds:
            yield f"{here}.clock.offset_seconds", "Either stated or estimated, not both."
        if clock.key_there and len(clock.key_there) != len(clock.key):
            yield f"{here}.clock.key_there", f"Must name {len(clock.key)} columns as `key` does."


def _decisions(decisions: Decisions, by_name: Mapping[str, Stream], actions: Actions | None) -> Found:
    nothing = decisions.no_action
    if nothing is not None and actions is not None and nothing.label not in actions.labels:
        tail = near_miss(nothing.label, list(actions.labels))
        yield "decisions.no_action.label", f"`{nothing.label}` is not one of `actions.values`.{tail}"
    if nothing is not None and actions is not None and actions.column is None:
        yield "decisions.no_action", "A log without a column of actions has no decision to do nothing either."
    joined = [o.stream for o in decisions.outcomes]
    for i, outcome in enumerate(decisions.outcomes):
        yield from _outcome(f"decisions.outcomes[{i}]", outcome, by_name)
        if joined.index(outcome.stream) != i:
            yield f"decisions.outcomes[{i}].stream", f"`{outcome.stream}` is joined twice."
    for name, stream in by_name.items():
        if stream.role == "outcomes" and name not in joined:
            yield "decisions.outcomes", f"Say how rows of `{name}` find their decision."


def _outcome(here: str, outcome: LateOutcome, by_name: Mapping[str, Stream]) -> Found:
    stream = by_name.get(outcome.stream)
    if stream is None or stream.role != "outcomes":
        known = [n for n, s in by_name.items() if s.role == "outcomes"]
        yield (
            f"{here}.stream",
            f"Must be a stream with the role `outcomes`, got `{outcome.stream}`.{near_miss(outcome.stream, known)}",
        )
    if not outcome.key and outcome.within_seconds is None:
        yield f"{here}.within_seconds", "Without `key`, say how long an outcome may take."
    if outcome.key_there and len(outcome.key_there) != len(outcome.key):
        yield f"{here}.key_there", f"Must name {len(outcome.key)} columns as `key` does."


def offered_problems(actions: Actions | None) -> Found:
    """What is wrong with ``actions.offered``."""
    if actions is None or actions.offered is None:
        return
    offered = actions.offered
    if bool(offered.column) == bool(offered.columns):
        yield "actions.offered", "Give either `column` (one text) or `columns` (one truth value an action)."
    for label, _ in offered.columns:
        if label not in actions.labels:
            yield (
                "actions.offered.columns",
                f"`{label}` is not one of `actions.values`.{near_miss(label, list(actions.labels))}",
            )
