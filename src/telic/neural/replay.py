"""What was seen, kept to learn from again: rows in a ring, drawn evenly or by priority, all inside compiled code.

A transition is one row of float32, so that a draw is one gather of whole rows. The oldest rows are written over. Rows
of E streams are put in together, the streams in order, so that what followed the row at ``i`` in its stream is at
``i + E``.

Priorities are the leaves of a tree in which a node holds the sum of its 16 children. A row is drawn with the
probability ``p_i / sum_j p_j`` exactly (up to float32 sums): ``n`` draws take one number each from the n equal parts of
the total (Schaul, Quan, Antonoglou and Silver 2016, section 3.3 and appendix B.2.1). After a change the sums above it
are added up again from all children, so that nothing drifts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.errors import SettingsError

__all__ = [
    "FAN",
    "Fields",
    "Priorities",
    "Replay",
    "draw_by_priority",
    "draw_evenly",
    "put",
    "put_some",
    "take",
]

FAN = 16
"""Children of a node."""


@dataclass(frozen=True, kw_only=True)
class Fields:
    """Where the numbers of a transition lie in a row.

    Attributes:
        names: of the fields, in order.
        widths: numbers of each; 0: one number without an axis of its own.
    """

    names: tuple[str, ...]
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.widths) or len(set(self.names)) != len(self.names) or not self.names:
            raise SettingsError(
                f"Fields need names of their own and a width each, got {self.names} and {self.widths}.",
                hint="For example names=('observation', 'reward'), widths=(3, 0).",
            )

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return sum(max(1, w) for w in self.widths)

    def pack(self, **values: Any) -> Any:
        """``(..., width)`` rows of the named values."""
        parts = [
            jnp.asarray(values[name], jnp.float32)[..., None]
            if w == 0
            else jnp.asarray(values[name], jnp.float32)
            for name, w in zip(self.names, self.widths, strict=True)
        ]
        return jnp.concatenate(parts, axis=-1)

    def unpack(self, rows: Any) -> dict[str, Any]:
        """The named values of rows: ``unpack(pack(**x)) == x`` for numbers that float32 holds."""
        found, at = {}, 0
        for name, w in zip(self.names, self.widths, strict=True):
            found[name] = rows[..., at] if w == 0 else rows[..., at : at + w]
            at += max(1, w)
        return found


class Priorities(NamedTuple):
    """Sums of priorities.

    Attributes:
        levels: ``(n, 16)`` children of the n nodes of each level, from the root (n = 1) to the leaves; leaf ``i`` is
            child ``i % 16`` of node ``i // 16``.
        highest: largest priority so far, which new rows get.
    """

    levels: tuple[Any, ...]
    highest: Any

    @classmethod
    def none(cls, capacity: int) -> Priorities:
        """Zero for every row."""
        depth = 1
        while FAN**depth < capacity:
            depth += 1
        levels = tuple(jnp.zeros((FAN**i, FAN), jnp.float32) for i in range(depth))
        return cls(levels=levels, highest=jnp.ones((), jnp.float32))

    @property
    def total(self) -> Any:
        """Sum of all priorities."""
        return jnp.sum(self.levels[0])

    def of(self, places: Any) -> Any:
        """Priorities at places."""
        return self.levels[-1][places // FAN, places % FAN]

    def put(self, places: Any, values: Any) -> Priorities:
        """New priorities at places ``(n,)``; where a place comes more than once, all its values must be equal."""
        levels = list(self.levels)
        node, child = places // FAN, places % FAN
        levels[-1] = levels[-1].at[node, child].set(values)
        for depth in range(len(levels) - 1, 0, -1):
            sums = jnp.sum(levels[depth][node], axis=-1)
            node, child = node // FAN, node % FAN
            levels[depth - 1] = levels[depth - 1].at[node, child].set(sums)
        return Priorities(levels=tuple(levels), highest=jnp.maximum(self.highest, jnp.max(values)))

    def find(self, shares: Any) -> Any:
        """Places ``(n,)`` at which the running sum of priorities passes ``shares`` (in [0, 1)) of the total."""
        node = jnp.zeros(shares.shape, jnp.int32)
        left = shares * self.total
        for level in self.levels:
            children = level[node]
            running = jnp.cumsum(children, axis=-1)
            passed = jnp.sum(left[:, None] >= running, axis=-1)
            # Rounding may leave more than all children hold; a child without priority is never taken.
            last = FAN - 1 - jnp.argmax(children[:, ::-1] > 0, axis=-1)
            passed = jnp.minimum(passed, last)
            before = jnp.where(jnp.arange(FAN) < passed[:, None], children, 0.0).sum(axis=-1)
            left = left - before
            node = node * FAN + passed.astype(jnp.int32)
        return node


class Replay(NamedTuple):
    """Rows in a ring.

    Attributes:
        rows: ``(capacity, width)`` float32.
        n_put: rows put in so far, those written over included.
        priorities: of the rows, or None where draws are even.
    """

    rows: Any
    n_put: Any
    priorities: Priorities | None = None

    @classmethod
    def empty(cls, capacity: int, width: int, *, is_prioritised: bool = False) -> Replay:
        """A ring without rows.

        Args:
            capacity: rows that it holds.
            width: numbers of a row.
            is_prioritised: whether rows have priorities.

        Raises:
            SettingsError: there is no room.
        """
        if capacity < 1 or width < 1:
            raise SettingsError(
                f"A buffer needs room, got a capacity of {capacity} rows of {width} numbers.",
                hint="Some ten thousand rows are a small buffer.",
            )
        return cls(
            rows=jnp.zeros((capacity, width), jnp.float32),
            n_put=jnp.zeros((), jnp.int32),
            priorities=Priorities.none(capacity) if is_prioritised else None,
        )

    @property
    def capacity(self) -> int:
        """Rows that it holds."""
        return int(np.shape(self.rows)[0])

    @property
    def n_held(self) -> Any:
        """Rows that can be drawn."""
        return jnp.minimum(self.n_put, self.capacity)


def put(replay: Replay, rows: Any) -> Replay:
    """The buffer with rows ``(n, width)`` more; n must divide the capacity, so that they lie in one piece.

    Raises:
        SettingsError: n does not divide the capacity.
    """
    n = rows.shape[0]
    if replay.capacity % n:
        raise SettingsError(
            f"{n} rows at a time must divide the capacity, {replay.capacity}.",
            hint="Take a multiple of the number of streams.",
        )
    at = replay.n_put % replay.capacity
    kept = jax.lax.dynamic_update_slice(replay.rows, rows.astype(jnp.float32), (at, jnp.int32(0)))
    priorities = replay.priorities
    if priorities is not None:
        places = at + jnp.arange(n, dtype=jnp.int32)
        priorities = priorities.put(places, jnp.full(n, priorities.highest))
    return Replay(rows=kept, n_put=replay.n_put + n, priorities=priorities)


def put_some(replay: Replay, rows: Any, counts: Any) -> Replay:
    """The buffer with those of the rows ``(n, width)`` that count, in their order; n must be within the capacity.

    Args:
        replay: the buffer, without priorities.
        rows: as of ``put``.
        counts: ``(n,)`` whether a row is kept.

    Raises:
        SettingsError: there are more rows than room, or rows have priorities.
    """
    if rows.shape[0] > replay.capacity or replay.priorities is not None:
        raise SettingsError(
            f"{rows.shape[0]} rows at a time do not go into a buffer of {replay.capacity}, or it has priorities.",
            hint="Use a larger buffer, and one without priorities.",
        )
    so_far = jnp.cumsum(counts, dtype=jnp.int32)
    places = jnp.where(counts, (replay.n_put + so_far - 1) % replay.capacity, replay.capacity)
    held = replay.rows.at[places].set(rows.astype(jnp.float32), mode="drop")
    return Replay(rows=held, n_put=replay.n_put + so_far[-1])


def take(replay: Replay, places: Any) -> Any:
    """Rows ``(..., width)`` at places; places must be within the capacity."""
    return replay.rows.at[places].get(mode="promise_in_bounds")


def draw_evenly(replay: Replay, key: Any, n: int) -> Any:
    """Places ``(n,)`` of rows, each drawn alike and with replacement; something must have been put in."""
    return jax.random.randint(key, (n,), 0, replay.n_held)


def draw_by_priority(replay: Replay, key: Any, n: int) -> tuple[Any, Any]:
    """Places ``(n,)`` drawn by priority, and the probability of each.

    Raises:
        SettingsError: the rows have no priorities.
    """
    if replay.priorities is None:
        raise SettingsError("The buffer has no priorities.", hint="Make it with `is_prioritised=True`.")
    shares = (jnp.arange(n) + jax.random.uniform(key, (n,))) / n
    places = replay.priorities.find(jnp.minimum(shares, 1.0 - 2.0**-24))
    return places, replay.priorities.of(places) / replay.priorities.total
