"""Which rows of which stream are in memory together while streams are joined."""

from __future__ import annotations

from collections.abc import Mapping

from telic.contract import LateOutcome, TaskContract

from .clock_correction import Correction
from .disk import Disk
from .ready import Numbering, hashed_by
from .shelf import RawStream
from .slices import cuts_of, sliced_at

__all__ = ["Plan"]


class Plan:
    """How rows are dealt.

    Args:
        contract: with ``streams``.
        raw: name to each stream as it was read.
        right: how its times are put right.
        disk: where streams are; None: in memory, in one bucket.

    Attributes:
        n: number of buckets of decisions.
        late: outcomes that may belong to a decision of another bucket.
        cuts: rising seconds at which buckets begin, where they are slices of time; None: they are not.
    """

    def __init__(
        self,
        contract: TaskContract,
        raw: Mapping[str, RawStream],
        right: Mapping[str, Correction],
        disk: Disk | None,
    ) -> None:
        rules = {o.stream: o for o in contract.decisions.outcomes}
        self._names = {s.name: [name for name, _ in s.entities] for s in contract.streams}
        own = next(self._names[s.name] for s in contract.streams if s.role == "decisions")
        alike = [n for s, n in self._names.items() if n and not (s in rules and rules[s].key)]
        self._by = [name for name in own if all(name in n for n in alike)] or own
        self._many = 1 if disk is None else 1 + sum(r.held.n_bytes for r in raw.values()) // disk.bucket
        self._late: dict[str, list[str]] = {}
        for stream, rule in rules.items():
            if rule.key:
                self._late[stream] = [f"key:{c}" for c in rule.key_there or rule.key]
            elif not self._by or not set(self._by) <= set(self._names[stream]):
                self._late[stream] = [f"entity:{name}" for name in self._names[stream]]
        self.late = [] if disk is None else [r for s, r in rules.items() if s in self._late]
        self.cuts = None
        # Moments at which nothing was done lie between acts that may be in two slices.
        if disk is not None and not own and contract.decisions.no_action is None:
            self.cuts = cuts_of([(r, right[s]) for s, r in raw.items() if s not in rules], self._many)
        self.n = len(self.cuts) + 1 if self.cuts is not None else self._many if self._by else 1

    def is_dealt(self, stream: str) -> bool:
        """Whether a stream is dealt as decisions are; else all of it is joined with every bucket."""
        return self.cuts is not None or (bool(self._by) and set(self._by) <= set(self._names[stream]))

    def numbers(self, stream: str) -> Numbering:
        """By what a stream is dealt."""
        if stream in self._late:
            return hashed_by(self._late[stream])
        if self.cuts is not None:
            return sliced_at(self.cuts)
        return hashed_by([f"entity:{name}" for name in self._by] if self.is_dealt(stream) else [])

    def buckets(self, stream: str) -> int:
        """Into how many buckets a stream is dealt."""
        if stream in self._late:
            return self._many if self._late[stream] else 1
        return self.n if self.is_dealt(stream) else 1

    def keys_of_decisions(self, rule: LateOutcome) -> list[str]:
        """The columns of decisions by which they meet outcomes."""
        return [f"key:{c}" for c in rule.key] or [k.removeprefix("entity:") for k in self._late[rule.stream]]
