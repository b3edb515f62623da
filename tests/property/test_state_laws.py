"""Laws of states, estimated dynamics, histories and comparisons, whatever the data."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as hs

from telic._core.contingency import holm, stratified_independence
from telic.evaluation import held_out
from telic.mdp import TabularMDP, estimate_dynamics, merge_equivalent_actions, with_history
from telic.mdp.axes import Axis
from telic.trajectories import Demonstrations

SMALL = settings(max_examples=40, deadline=None)


Case = tuple[int, int, int, int, int]

CASES = hs.tuples(
    hs.integers(0, 2**32 - 1), hs.integers(1, 6), hs.integers(1, 4), hs.integers(1, 5), hs.integers(1, 12)
)
"""Key, states, actions, trajectories, decisions a trajectory."""


def build(case: Case) -> tuple[Demonstrations, int, int]:
    """Random decisions; made in the tests, as the type checks under pytest draw random numbers of their own."""
    key, S, A, N, T = case
    rng = np.random.default_rng(key)
    states, actions = rng.integers(0, S, (N, T + 1)), rng.integers(0, A, (N, T))
    demos = Demonstrations.from_arrays(
        states[:, :-1].ravel(),
        actions.ravel(),
        next_states=states[:, 1:].ravel(),
        offsets=np.arange(N + 1) * T,
        action_labels=[str(a) for a in range(A)],
    )
    return demos, S, A


@SMALL
@given(case=CASES, smoothing=hs.sampled_from([0.0, 0.3, 5.0]))
def test_estimated_rows_sum_to_one_and_what_was_seen_is_possible(case: Case, smoothing: float) -> None:
    demos, S, A = build(case)
    got = estimate_dynamics(demos, S, discount=0.9, smoothing=smoothing)
    assert np.allclose(np.asarray(got.mdp.transition.sum(axis=1)).ravel(), 1)
    P = got.mdp.transition.toarray()
    assert np.all(P[demos.states * A + demos.actions, demos.next_states] > 0)
    assert np.isfinite(got.transition_log_likelihood) and got.transition_log_likelihood <= 1e-12


@SMALL
@given(case=CASES, data=hs.data())
def test_the_order_of_trajectories_does_not_matter(case: Case, data: hs.DataObject) -> None:
    demos, S, _ = build(case)
    order = data.draw(hs.permutations(range(demos.n_trajectories)))
    first = estimate_dynamics(demos, S, discount=0.9)
    second = estimate_dynamics(demos.select(np.array(order)), S, discount=0.9)
    assert np.allclose((first.mdp.transition - second.mdp.transition).toarray(), 0)


@SMALL
@given(case=CASES, data=hs.data())
def test_renaming_states_renames_the_dynamics(case: Case, data: hs.DataObject) -> None:
    demos, S, A = build(case)
    new = np.array(data.draw(hs.permutations(range(S))), dtype=np.int32)
    renamed = Demonstrations.from_arrays(
        new[demos.states],
        demos.actions,
        next_states=new[demos.next_states],
        offsets=demos.offsets,
        action_labels=demos.action_labels,
    )
    P = estimate_dynamics(demos, S, discount=0.9).mdp.transition.toarray().reshape(S, A, S)
    Q = estimate_dynamics(renamed, S, discount=0.9).mdp.transition.toarray().reshape(S, A, S)
    assert np.allclose(Q[new][:, :, new], P)


@SMALL
@given(case=CASES, order=hs.integers(1, 2))
def test_a_history_projects_back_to_the_small_world(case: Case, order: int) -> None:
    demos, S, A = build(case)
    small = estimate_dynamics(demos, S, discount=0.9).mdp
    large = with_history(small, demos, order=order)
    assert np.array_equal(large.present[large.demos.states], demos.states)
    assert np.array_equal(large.present[large.demos.next_states], demos.next_states)
    onto = np.zeros((large.mdp.n_states, S))
    onto[np.arange(large.mdp.n_states), large.present] = 1
    projected = (large.mdp.transition @ onto).reshape(-1, A, S)
    assert np.allclose(projected, small.transition.toarray().reshape(S, A, S)[large.present])


@SMALL
@given(case=CASES)
def test_merging_twice_is_merging_once(case: Case) -> None:
    demos, S, A = build(case)
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.ones(S), (S, A))
    P[:, A - 1] = P[:, 0]
    once = merge_equivalent_actions(TabularMDP.from_transition(P, discount=0.5), demos)
    assert once.demos is not None
    assert once.mdp.availability[once.demos.states, once.demos.actions].all()
    assert merge_equivalent_actions(once.mdp, once.demos).n_merged == 0


@SMALL
@given(
    edges=hs.lists(hs.floats(-1e6, 1e6), min_size=2, max_size=12, unique=True).map(sorted),
    values=hs.lists(hs.floats(0, 1), min_size=1, max_size=30),
    factor=hs.sampled_from([2.0, 3.0]),
)
def test_finer_cells_lie_within_coarser_ones(edges: list[float], values: list[float], factor: float) -> None:
    axis = Axis(name="x", edges=tuple(float(e) for e in edges))
    fine = axis.scaled(factor)
    x = edges[0] + np.array(values) * (edges[-1] - edges[0])
    x = np.clip(x, edges[0], edges[-1])
    # Equal up to rounding of interpolated edges: leave out values within 1e-6 of the range of an edge.
    span = edges[-1] - edges[0]
    clear = np.abs(x[:, None] - np.array(fine.edges)).min(axis=1) > 1e-6 * span
    if fine.n_cells == factor * axis.n_cells and clear.any():
        assert np.array_equal(fine.encode(x[clear]) // int(factor), axis.encode(x[clear]))


@SMALL
@given(case=CASES, data=hs.data())
def test_tests_do_not_depend_on_labels_or_order(case: Case, data: hs.DataObject) -> None:
    demos, _, _ = build(case)
    rows, columns, strata = (x.astype(np.int64) for x in (demos.next_states, demos.actions, demos.states))
    order = np.array(data.draw(hs.permutations(range(len(rows)))))
    first = stratified_independence(rows, columns, strata)
    second = stratified_independence(7 - 3 * rows[order], columns[order] * 11, -strata[order])
    assert np.isclose(first.p_anywhere, second.p_anywhere) and np.isclose(first.p_alike, second.p_alike)
    assert 0 <= first.p_value <= 1


@SMALL
@given(p=hs.lists(hs.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(a >= x for a, x in zip(adjusted, p, strict=True))
    assert all(adjusted[i] <= adjusted[j] for i in range(len(p)) for j in range(len(p)) if p[i] < p[j])


@SMALL
@given(case=CASES)
def test_both_baselines_are_always_there_and_uniform_is_its_formula(
    case: Case,
) -> None:
    demos, S, A = build(case)
    got = held_out({}, demos, train=demos, n_states=S)
    assert np.isclose(got["uniform"].nats_per_decision, -np.log(A))
    assert got["behavioural_cloning"].nats_per_decision <= 1e-12
