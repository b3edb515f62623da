"""Laws of the buffer: what is drawn was put in, priorities give their shares, the oldest goes first."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.neural.replay import (  # noqa: E402
    Fields,
    Priorities,
    Replay,
    draw_by_priority,
    draw_evenly,
    put,
    put_some,
    take,
)

evenly = jax.jit(draw_evenly, static_argnums=2)
by_priority = jax.jit(draw_by_priority, static_argnums=2)
find, taken = jax.jit(Priorities.find), jax.jit(take)

FIELDS = Fields(names=("observation", "action", "reward"), widths=(2, 0, 0))


def rows(first: int, n: int) -> jnp.ndarray:
    """Row i is all i, which tells rows apart."""
    return jnp.broadcast_to(jnp.arange(first, first + n, dtype=jnp.float32)[:, None], (n, 4))


def test_fields_come_out_as_they_went_in() -> None:
    rng = np.random.default_rng(0)
    values = {"observation": rng.normal(size=(5, 2)), "action": np.arange(5), "reward": rng.normal(size=5)}
    values = {k: v.astype(np.float32) for k, v in values.items()}
    packed = FIELDS.pack(**values)
    assert packed.shape == (5, FIELDS.width) == (5, 4)
    for name, value in FIELDS.unpack(packed).items():
        np.testing.assert_array_equal(value, values[name])
    with pytest.raises(SettingsError, match="names of their own and a width each"):
        Fields(names=("a", "a"), widths=(1, 1))


@pytest.mark.parametrize("is_prioritised", [False, True])
def test_the_ring_holds_the_last_rows_and_only_they_are_drawn(is_prioritised: bool) -> None:
    step = jax.jit(put)
    replay = Replay.empty(12, 4, is_prioritised=is_prioritised)
    for first in range(0, 30, 3):
        replay = step(replay, rows(first, 3))
        held = sorted(np.asarray(replay.rows[: int(replay.n_held), 0]).astype(int))
        assert held == list(range(max(0, first + 3 - 12), first + 3))
        for key in range(5):
            if is_prioritised:
                places, _ = by_priority(replay, jax.random.key(key), 64)
            else:
                places = evenly(replay, jax.random.key(key), 64)
            drawn = np.asarray(taken(replay, places))
            assert set(drawn[:, 0].astype(int)) <= set(held)
            assert np.all(drawn == drawn[:, :1])
    assert int(replay.n_put) == 30


def test_even_draws_are_even() -> None:
    """Chi-square over 8 rows held of a ring of 12, 40,000 draws; its .9999 quantile at 7 degrees is 29.9."""
    replay = put(put(Replay.empty(12, 4), rows(0, 4)), rows(4, 4))
    counts = np.bincount(evenly(replay, jax.random.key(3), 40_000), minlength=12)
    assert counts[8:].sum() == 0
    assert float(np.sum((counts[:8] - 5_000) ** 2 / 5_000)) < 29.9


@pytest.mark.parametrize("capacity", [10, 16, 300])
def test_draws_by_priority_have_the_stated_shares(capacity: int) -> None:
    rng = np.random.default_rng(capacity)
    wanted = rng.exponential(size=capacity).astype(np.float32)
    wanted[rng.random(capacity) < 0.3] = 0.0
    replay = Replay.empty(capacity, 4, is_prioritised=True)
    replay = replay._replace(priorities=replay.priorities.put(jnp.arange(capacity), jnp.asarray(wanted)))
    share = wanted.astype(float) / wanted.astype(float).sum()
    places, chances = by_priority(replay, jax.random.key(0), 100_000)
    counts = np.bincount(places, minlength=capacity)
    assert counts[wanted == 0].sum() == 0
    # Draws from n equal parts of the total: a row's count is within 2 of n times its share, whatever the key; float32
    # sums may move a border by some millionths of the total.
    np.testing.assert_allclose(counts, 100_000 * share, atol=3)
    np.testing.assert_allclose(chances, share[np.asarray(places)], rtol=1e-5)


def test_places_are_where_the_running_sum_passes() -> None:
    rng = np.random.default_rng(1)
    wanted = rng.integers(0, 4, 300).astype(np.float32)  # small whole numbers: sums are exact
    tree = Priorities.none(300).put(jnp.arange(300), jnp.asarray(wanted))
    total = int(wanted.sum())
    at = np.arange(total)
    found = np.asarray(find(tree, jnp.asarray((at + 0.5) / total, jnp.float32)))
    np.testing.assert_array_equal(found, np.repeat(np.arange(300), wanted.astype(int)))
    ends = np.asarray(find(tree, jnp.asarray([0.0, 1.0 - 2.0**-24], jnp.float32)))
    np.testing.assert_array_equal(ends, [np.flatnonzero(wanted)[0], np.flatnonzero(wanted)[-1]])


def test_sums_stay_exact_over_many_changes() -> None:
    rng = np.random.default_rng(2)
    tree, wanted, highest = Priorities.none(500), np.zeros(500, np.float32), 1.0
    change = jax.jit(Priorities.put)
    for _ in range(200):
        places = rng.integers(0, 500, 16)
        wanted[places] = 10.0 ** rng.uniform(-6, 3, 16)
        highest = max(highest, float(wanted[places].max()))
        tree = change(tree, jnp.asarray(places), jnp.asarray(wanted[places]))
    np.testing.assert_array_equal(tree.levels[-1].ravel()[:500], wanted)
    assert len(tree.levels) == 3
    for above, below in zip(tree.levels, tree.levels[1:], strict=False):
        np.testing.assert_allclose(above.ravel(), np.asarray(below, float).sum(axis=1), rtol=1e-6)
    assert float(tree.highest) == highest


def test_new_rows_get_the_highest_priority_so_far() -> None:
    replay = put(Replay.empty(8, 4, is_prioritised=True), rows(0, 2))
    np.testing.assert_array_equal(replay.priorities.of(jnp.arange(3)), [1.0, 1.0, 0.0])
    replay = replay._replace(priorities=replay.priorities.put(jnp.array([0]), jnp.array([5.0])))
    replay = replay._replace(priorities=replay.priorities.put(jnp.array([0]), jnp.array([0.5])))
    replay = put(replay, rows(2, 2))
    np.testing.assert_array_equal(replay.priorities.of(jnp.arange(4)), [0.5, 1.0, 5.0, 5.0])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SettingsError, match="3 rows at a time must divide the capacity, 8"):
        put(Replay.empty(8, 4), rows(0, 3))
    with pytest.raises(SettingsError, match="got a capacity of 0 rows"):
        Replay.empty(0, 4)
    with pytest.raises(SettingsError, match="no priorities"):
        draw_by_priority(Replay.empty(8, 4), jax.random.key(0), 2)


def test_rows_that_do_not_count_are_left_out_and_the_ring_goes_round() -> None:
    replay, some = Replay.empty(5, 4), jax.jit(put_some)
    replay = some(replay, rows(0, 4), np.array([True, False, True, True]))
    assert (int(replay.n_put), replay.rows[:, 0].tolist()) == (3, [0, 2, 3, 0, 0])
    replay = some(replay, rows(4, 4), np.zeros(4, bool))
    assert (int(replay.n_put), replay.rows[:, 0].tolist()) == (3, [0, 2, 3, 0, 0])
    replay = some(replay, rows(8, 4), np.array([False, True, True, True]))
    assert (int(replay.n_put), replay.rows[:, 0].tolist()) == (6, [11, 2, 3, 9, 10])
    with pytest.raises(SettingsError, match="6 rows at a time do not go into a buffer of 5"):
        put_some(replay, rows(0, 6), np.ones(6, bool))
    with pytest.raises(SettingsError, match="or it has priorities"):
        put_some(Replay.empty(5, 4, is_prioritised=True), rows(0, 1), np.ones(1, bool))
