"""Exported ensembles, windows, tables, histories and trees in ONNX Runtime: the policy, and nothing but the policy."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnx", reason="NOT RUN: the extra `onnx` is not installed")
runtime = pytest.importorskip("onnxruntime", reason="NOT RUN: the extra `onnx` is not installed")

from telic.errors import DataError, SettingsError  # noqa: E402
from telic.neural.onnx_export import compare_onnx, to_onnx  # noqa: E402
from telic.planning.bandits import BanditPolicy, Softmax  # noqa: E402
from telic.policies import (  # noqa: E402
    CategoricalHead,
    Dense,
    EnsemblePolicy,
    GaussianHead,
    HistoryPolicy,
    MixturePolicy,
    MultiCategoricalHead,
    NetworkPolicy,
    RecurrentPolicy,
    TabularPolicy,
    TreePolicy,
    WindowPolicy,
    serve,
)
from telic.workflows.policy_files import write_onnx  # noqa: E402

HEADS = {
    "one choice": CategoricalHead(n_actions=3),
    "several choices": MultiCategoricalHead(counts=(2, 4, 3)),
    "amounts": GaussianHead(low=(-1.0, 0.0), high=(1.0, 5.0)),
    "squashed bells": GaussianHead(low=(-2.0, -1.0), high=(2.0, 3.0), n_components=4, is_squashed=True),
}


def member(head, seed, D):
    rng = np.random.default_rng(seed)
    layers = tuple(
        Dense(
            weight=(rng.normal(size=(a, b)) * math.sqrt(2 / a)).astype(np.float32),
            bias=(0.1 * rng.normal(size=b)).astype(np.float32),
        )
        for a, b in itertools.pairwise((D, 16, head.n_outputs))
    )
    return NetworkPolicy(
        layers=layers,
        activation="tanh",
        head=head,
        shift=rng.normal(size=D),
        scale=rng.uniform(0.5, 2.0, D),
        clip=5.0,
    )


def ensemble(head, D=6):
    return EnsemblePolicy(members=tuple(member(head, seed, D) for seed in range(3)))


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_an_ensemble(head) -> None:
    policy = ensemble(head)
    x = np.random.default_rng(1).normal(size=(2_000, 6)) * 2
    found = compare_onnx(policy, to_onnx(policy), x, batch=777)
    assert (found.n, found.n_different) == (2_000, 0)
    assert found.is_within(1e-5)
    assert found.n_ties <= 4
    assert compare_onnx(policy, to_onnx(policy), x[:1]).n == 1
    other = EnsemblePolicy(members=policy.members[:2])
    if head.is_discrete:
        assert not compare_onnx(policy, to_onnx(other), x).is_within(1e-5)
    swapped = EnsemblePolicy(members=(*policy.members[:2], member(head, 9, 6)))
    assert not compare_onnx(policy, to_onnx(swapped), x).is_within(1e-5)


@pytest.mark.parametrize("is_ensemble", [False, True], ids=["network", "ensemble"])
@pytest.mark.parametrize("head", [HEADS["one choice"], HEADS["amounts"]], ids=["choice", "amounts"])
def test_a_window_takes_what_was_stacked(head, is_ensemble) -> None:
    columns = 3 if head.is_discrete else 2
    D = 3 * 2 + 2 * (columns + 1)
    policy = WindowPolicy(inner=ensemble(head, D) if is_ensemble else member(head, 0, D), n_back=2)
    x = np.random.default_rng(2).normal(size=(6, 300, 2))
    memory = policy.begin(x[0])
    model = to_onnx(policy)
    for seen in x:
        assert compare_onnx(policy, model, policy.window(memory, seen)).is_within(1e-5)
        _, memory = policy.act(memory, seen)


def test_a_table() -> None:
    table = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    table[7], table[8] = 0.25, 0.0  # a tie goes to the lowest index; a state may be silent
    policy = TabularPolicy(table=table)
    states = np.random.default_rng(1).integers(0, 50, 5_000)
    found = compare_onnx(policy, to_onnx(policy), states)
    assert (found.n, found.n_different, found.n_ties) == (5_000, 0, 0)
    assert found.largest_difference <= 2**-25  # half a unit of float32 below 1
    moved = TabularPolicy(table=np.roll(table, 1, axis=0))
    far = compare_onnx(policy, to_onnx(moved), states)
    assert far.n_different > 2_000
    assert not far.is_within(1e-5)
    with pytest.raises(DataError, match=r"`state` must be a row of whole numbers in \[0, 50\)"):
        compare_onnx(policy, to_onnx(policy), np.array([50]))


def test_a_table_by_time_takes_two_inputs() -> None:
    policy = TabularPolicy(table=np.random.default_rng(0).dirichlet(np.ones(3), (4, 5)))
    step, state = (a.ravel() for a in np.mgrid[:4, :5])
    model = to_onnx(policy)
    found = compare_onnx(policy, model, {"step": step, "state": state})
    assert (found.n, found.n_different) == (20, 0)
    assert found.largest_difference <= 2**-25
    with pytest.raises(DataError, match="must be step and state, got state"):
        compare_onnx(policy, model, {"state": state})
    with pytest.raises(DataError, match=r"of one length, got \[19, 20\]"):
        compare_onnx(policy, model, {"step": step[1:], "state": state})


@pytest.mark.parametrize("n_pairs", [0, 1, 60, 11 * 10])
def test_a_history_at_every_pair(n_pairs) -> None:
    rng = np.random.default_rng(n_pairs)
    chosen = np.sort(rng.choice(11 * 10, n_pairs, replace=False))
    policy = HistoryPolicy(
        previous=(chosen // 10 - 1).astype(np.int32),
        current=(chosen % 10).astype(np.int32),
        table=rng.dirichlet(np.ones(3), n_pairs),
        unseen=rng.dirichlet(np.ones(3), 10),
    )
    previous, state = (a.ravel() for a in np.mgrid[-1:10, :10])
    found = compare_onnx(policy, to_onnx(policy), {"previous": previous, "state": state}, batch=64)
    assert (found.n, found.n_different) == (110, 0)
    assert found.largest_difference <= 2**-25


def grown(depth, D, seed):
    """A tree whose leaves lie at every depth down to the deepest."""
    rng = np.random.default_rng(seed)
    feature, threshold, children, open_nodes = [], [], [], [(0, None)]
    while open_nodes:
        level, parent = open_nodes.pop(0)
        node = len(feature)
        if parent is not None:
            children[parent].append(node)
        is_leaf = level == depth or (level > 0 and rng.random() < 0.2)
        feature.append(-1 if is_leaf else int(rng.integers(D)))
        threshold.append(0.0 if is_leaf else float(np.round(rng.normal(), 1)))
        children.append([])
        open_nodes += [] if is_leaf else [(level + 1, node)] * 2
    n = len(feature)
    return TreePolicy(
        n_observations=D,
        feature=np.array(feature, np.int32),
        threshold=np.array(threshold),
        children=np.array([c or [0, 0] for c in children], np.int32),
        probabilities=rng.dirichlet(np.ones(3), n),
        counts=np.ones(n, np.int64),
    )


@pytest.mark.parametrize("depth", [0, 1, 7])
def test_a_tree_at_its_thresholds_and_beside_them(depth) -> None:
    policy = grown(depth, 4, depth)
    assert policy.depth == depth
    rng = np.random.default_rng(1)
    x = np.round(rng.normal(size=(3_000, 4)), 1)  # on thresholds, which have one digit too
    x = np.concatenate(
        [x, np.nextafter(x, np.inf), np.nextafter(x, -np.inf), rng.normal(size=(100, 4)) * 1e9]
    )
    found = compare_onnx(policy, to_onnx(policy), x, batch=1_000)
    assert (found.n, found.n_different) == (9_100, 0)
    assert found.largest_difference <= 2**-25
    if depth:
        beside = replace(policy, threshold=np.nextafter(policy.threshold, -np.inf))
        assert compare_onnx(policy, to_onnx(beside), x).n_different > 0


def test_what_cannot_be_a_model_is_refused_with_what_to_do(tmp_path) -> None:
    network = member(HEADS["one choice"], 0, 8)
    bandit = Softmax(n_actions=2)
    for policy, said, hint in (
        (serve(network), "A ServedPolicy cannot be an ONNX model; these can: Net", "`policy.policy`"),
        (serve(ensemble(HEADS["one choice"])), "A ServedEnsemble cannot", "`policy.original`"),
        (serve(WindowPolicy(inner=network, n_back=1)), "A WindowPolicy of a ServedPolicy", "float original"),
        (
            BanditPolicy(bandit=bandit, state=bandit.init()),
            "A BanditPolicy cannot",
            "learns between decisions",
        ),
        (object(), "A object cannot", "distil_tree"),
    ):
        with pytest.raises(SettingsError, match=said) as told:
            write_onnx(tmp_path / "p.onnx", policy, np.zeros((1, 8)))
        assert hint in told.value.hint
    assert not list(tmp_path.iterdir())


def test_every_kind_is_written_once_proved(tmp_path) -> None:
    table = TabularPolicy(table=np.eye(3))
    assert write_onnx(tmp_path / "p.onnx", table, np.arange(3)).is_within(0.0)
    assert compare_onnx(table, (tmp_path / "p.onnx").read_bytes(), np.arange(3)).n == 3


@pytest.mark.parametrize("head", [HEADS["one choice"], HEADS["squashed bells"]], ids=["choice", "bells"])
def test_a_recurrent_policy_hands_its_memory_on(head) -> None:
    rng = np.random.default_rng(0)
    M, D = 5, 3
    policy = RecurrentPolicy(
        entering=Dense(
            weight=rng.normal(size=(D, 3 * M)).astype(np.float32), bias=np.zeros(3 * M, np.float32)
        ),
        recalling=Dense(
            weight=rng.normal(size=(M, 3 * M)).astype(np.float32),
            bias=rng.normal(size=3 * M).astype(np.float32),
        ),
        inner=replace(
            member(head, 1, M), shift=np.zeros(M, np.float32), scale=np.ones(M, np.float32), clip=math.inf
        ),
        shift=rng.normal(size=D),
        scale=rng.uniform(0.5, 2.0, D),
        clip=5.0,
    )
    model = to_onnx(policy)
    x = rng.normal(size=(30, 100, D)).astype(np.float32)
    memory = policy.begin(x[0])
    alone = memory.copy()
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for seen in x:
        found = compare_onnx(policy, model, {"observations": seen, "memory": memory})
        assert (found.n, found.n_different) == (100, 0)
        assert found.is_within(1e-5)
        memory = policy.remember(memory, seen)
        alone = session.run(["memory_after"], {"observations": seen, "memory": alone})[0]
    assert np.abs(memory).max() > 0.1
    np.testing.assert_allclose(alone, memory, atol=1e-4)  # left to itself for 30 decisions
    other = replace(policy, recalling=replace(policy.recalling, bias=np.zeros(3 * M, np.float32)))
    assert not compare_onnx(policy, to_onnx(other), {"observations": seen, "memory": memory}).is_within(1e-5)
    with pytest.raises(DataError, match="must be observations and memory, got observations"):
        compare_onnx(policy, model, seen)


def test_a_mixture_of_networks_of_tables_and_of_neither() -> None:
    two, three = CategoricalHead(n_actions=2), HEADS["one choice"]
    policy = MixturePolicy(gate=member(two, 0, 6), components=(member(three, 1, 6), member(three, 2, 6)))
    x = np.random.default_rng(1).normal(size=(1_000, 6)).astype(np.float32)
    found = compare_onnx(policy, to_onnx(policy), x)
    assert (found.n, found.n_different) == (1_000, 0)
    assert found.is_within(1e-5)
    swapped = MixturePolicy(gate=policy.gate, components=policy.components[::-1])
    assert not compare_onnx(policy, to_onnx(swapped), x).is_within(1e-5)

    rng = np.random.default_rng(2)
    tables = [TabularPolicy(table=rng.dirichlet(np.ones(3), 40)) for _ in range(2)]
    of_tables = MixturePolicy.of(tables, [0.25, 0.75])
    seen = rng.integers(0, 40, 500)
    found = compare_onnx(of_tables, to_onnx(of_tables), seen)
    assert (found.n, found.n_different) == (500, 0)
    assert found.largest_difference <= 2**-25 + 1e-15
    assert compare_onnx(of_tables, to_onnx(tables[0]), seen).n_different > 0

    amounts = [member(HEADS["amounts"], seed, 6) for seed in range(2)]
    with pytest.raises(SettingsError, match="mixtures of tables, and of networks of one choice, can") as told:
        to_onnx(MixturePolicy(gate=member(two, 0, 6), components=tuple(amounts)))
    assert "one model each" in told.value.hint
