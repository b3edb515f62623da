"""Which rows of which stream are in memory together while streams are joined."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.contract import TaskContract
from telic.typing import FloatArray

from .clock_correction import Correction
from .dealing import hashes
from .disk import Disk
from .in_order import TIME
from .ready import Numbering, hashed_by
from .shelf import RawStream
from .slices import cuts_of, sliced_at
from .stream_table import coded

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
        late: streams that are joined afterwards, because decisions meet them in other buckets: states that are about
            less than what decisions are dealt by, then outcomes that have a key or are about less.
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
        self._rules = rules
        self._names = {s.name: [name for name, _ in s.entities] for s in contract.streams}
        own = next(self._names[s.name] for s in contract.streams if s.role == "decisions")
        alike = [n for s, n in self._names.items() if n and not (s in rules and rules[s].key)]
        self._by = [name for name in own if all(name in n for n in alike)] or own
        self._many = 1 if disk is None else 1 + sum(r.held.n_bytes for r in raw.values()) // disk.bucket
        self.cuts, self.late = None, list[str]()
        here = [(r, right[s]) for s, r in raw.items() if s not in rules]
        # Moments at which nothing was done lie between acts that may be in two slices.
        if disk is not None and not own and contract.decisions.no_action is None:
            self.cuts = cuts_of(here, self._many)
        self.n = len(self.cuts) + 1 if self.cuts is not None else self._many if self._by else 1
        states = [s.name for s in contract.streams if s.role == "state"]
        if disk is not None:
            self.late = [s for s in states if self._by and not self._is_alike(s)]
            self.late += [s for s, rule in rules.items() if rule.key or not self._by or not self._is_alike(s)]
        of_all = [s for s in self.late if s in states and not self._names[s]]
        self._of_all = cuts_of(here, self._many) if of_all else None

    def _is_alike(self, stream: str) -> bool:
        """Whether a stream is about all that decisions are dealt by."""
        return set(self._by) <= set(self._names[stream])

    @property
    def is_dealt(self) -> bool:
        """Whether streams are in buckets; else all rows of those that are not ``late`` are joined at once."""
        return self.cuts is not None or bool(self._by)

    def is_sliced(self, stream: str) -> bool:
        """Whether the buckets of a stream are slices of time."""
        return self._cuts(stream) is not None

    def numbers(self, stream: str) -> Numbering:
        """By what the rows of a stream are dealt."""
        cuts, rule = self._cuts(stream), self._rules.get(stream)
        if cuts is not None:
            return sliced_at(cuts)
        if stream in self.late and rule is not None and rule.key:
            return hashed_by([f"key:{c}" for c in rule.key_there or rule.key])
        return hashed_by([f"entity:{name}" for name in self._dealt_by(stream)])

    def numbers_of_decisions(self, stream: str, decisions: pa.Table) -> NDArray[np.uint64]:
        """``(n,)`` by what decisions are dealt to meet a stream that is joined afterwards.

        Args:
            stream: its name.
            decisions: some of them.
        """
        cuts, rule = self._cuts(stream), self._rules.get(stream)
        if cuts is not None:
            times = np.asarray(decisions[TIME].to_numpy(), dtype=np.float64)
            return np.searchsorted(cuts, times, side="right").astype(np.uint64)
        keys = [f"key:{c}" for c in rule.key] if rule is not None and rule.key else self._dealt_by(stream)
        return hashes([coded(decisions[name]) for name in keys], np.arange(decisions.num_rows))

    def buckets(self, stream: str) -> int:
        """Into how many buckets a stream is dealt."""
        cuts, rule = self._cuts(stream), self._rules.get(stream)
        if cuts is not None:
            return len(cuts) + 1
        if stream in self.late:
            return self._many if self._names[stream] or (rule is not None and rule.key) else 1
        return self.n

    def _dealt_by(self, stream: str) -> list[str]:
        return self._names[stream] if stream in self.late else self._by

    def _cuts(self, stream: str) -> FloatArray | None:
        if stream in self._rules:
            return None
        if stream in self.late:
            return None if self._names[stream] else self._of_all
        return self.cuts
