"""Defined arithmetic beyond one network: ensembles, windows, and what needs none because it only compares."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from telic.errors import DataError, SettingsError
from telic.policies import (
    CategoricalHead,
    Dense,
    EnsemblePolicy,
    GaussianHead,
    HistoryPolicy,
    MultiCategoricalHead,
    NetworkPolicy,
    Option,
    OptionsPolicy,
    ServedEnsemble,
    ServedPolicy,
    TabularPolicy,
    TreePolicy,
    WindowPolicy,
    serve,
)
from telic.policies.rational import fixed_exp

HEADS = {
    "one choice": CategoricalHead(n_actions=3),
    "several choices": MultiCategoricalHead(counts=(2, 4)),
    "amounts": GaussianHead(low=(-1.0, 0.0), high=(1.0, 5.0)),
    "squashed bells": GaussianHead(low=(-2.0,), high=(2.0,), n_components=3, is_squashed=True),
}


def member(head, seed, D=6):
    rng = np.random.default_rng(seed)
    layers = tuple(
        Dense(
            weight=(rng.normal(size=(a, b)) * math.sqrt(2 / a)).astype(np.float32),
            bias=np.zeros(b, np.float32),
        )
        for a, b in itertools.pairwise((D, 16, head.n_outputs))
    )
    return NetworkPolicy(
        layers=layers, activation="tanh", head=head, shift=np.zeros(D), scale=np.ones(D), clip=10.0
    )


def ensemble(head, D=6):
    return EnsemblePolicy(members=tuple(member(head, seed, D) for seed in range(3)))


def test_the_fixed_exponential_is_right_to_its_last_digits() -> None:
    x = -np.concatenate([np.linspace(0, 1, 2_001), np.geomspace(1e-12, 700.0, 3_000)])
    # The library's own is within one unit in the last place, 2.2e-16.
    np.testing.assert_allclose(fixed_exp(x), [math.exp(v) for v in x], rtol=4e-16 + 2.3e-16)
    assert fixed_exp(np.array([0.0, -0.0])).tolist() == [1.0, 1.0]
    assert fixed_exp(np.array([-1e6]))[0] == fixed_exp(np.array([-700.0]))[0]


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_an_ensemble_is_one_as_in_a_batch_and_near_its_original(head) -> None:
    policy = ensemble(head)
    served = serve(policy)
    assert isinstance(served, ServedEnsemble)
    x = np.random.default_rng(0).normal(size=(150, 6)) * 2
    singles, modes = np.stack([served.outputs(r) for r in x]), np.stack([served.mode(r) for r in x])
    for n in (1, 3, 64, 150):
        assert served.outputs(x[:n]).tobytes() == singles[:n].tobytes()
        assert served.mode(x[:n]).tobytes() == modes[:n].tobytes()
    found = served.against(x)
    assert (found.n, found.n_different) == (150, 0)
    assert found.is_within(1e-4)
    assert found.n_ties <= 8
    if head.is_discrete:
        # exp(2 e) - 1, the float original's own rounding apart.
        gap = np.abs(served.outputs(x) - policy.probabilities(x)).max()
        assert gap <= math.expm1(2 * served.error) + 1e-5


def test_probabilities_of_an_ensemble_are_the_mean_of_those_of_its_members() -> None:
    policy = ensemble(HEADS["several choices"])
    x = np.random.default_rng(1).normal(size=(7, 6))
    each = np.stack([np.exp(m.outputs(x).astype(np.float64)) for m in policy.members])
    wanted = [
        np.mean(each[..., a:b] / each[..., a:b].sum(-1, keepdims=True), axis=0) for a, b in ((0, 2), (2, 6))
    ]
    np.testing.assert_allclose(policy.probabilities(x), np.concatenate(wanted, axis=1), rtol=1e-12)
    np.testing.assert_allclose(serve(policy).outputs(x), np.concatenate(wanted, axis=1), atol=1e-5)
    with pytest.raises(DataError, match="Amounts have no probabilities"):
        ensemble(HEADS["amounts"]).probabilities(x)


@pytest.mark.parametrize("head", [HEADS["one choice"], HEADS["amounts"]], ids=["choice", "amounts"])
def test_a_window_acts_by_its_inner_policy_served(head) -> None:
    columns = 3 if head.is_discrete else 2
    policy = WindowPolicy(inner=ensemble(head, D=2 + 2 + columns + 1), n_back=1)
    served = serve(policy)
    assert isinstance(served.inner, ServedEnsemble)
    x = np.random.default_rng(2).normal(size=(5, 50, 2))
    memory, own = policy.begin(x[0]), served.begin(x[0])
    for seen in x:
        actions, memory = policy.act(memory, seen)
        done, own = served.act(own, seen)
        np.testing.assert_allclose(done, actions, atol=1e-4)
    with pytest.raises(DataError, match="Draws with defined arithmetic are not defined"):
        served.act(own, x[0], key=1)


def test_what_only_compares_is_served_as_it_is() -> None:
    table = TabularPolicy(table=np.array([[0.25, 0.75], [0.5, 0.5]]))
    history = HistoryPolicy(
        previous=np.array([-1], np.int32),
        current=np.array([0], np.int32),
        table=np.array([[1.0, 0.0]]),
        unseen=np.array([[0.0, 1.0], [0.5, 0.5]]),
    )
    tree = TreePolicy(
        n_observations=1,
        feature=np.array([0, -1, -1], np.int32),
        threshold=np.array([0.1, 0.0, 0.0]),
        children=np.array([[1, 2], [0, 0], [0, 0]], np.int32),
        probabilities=np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]),
        counts=np.array([2, 1, 1]),
    )
    for policy in (table, history, tree):
        assert serve(policy) is policy
    # The smallest step beyond a threshold is beyond it, alone or in a batch.
    edge = np.array([[0.1], [np.nextafter(0.1, 1)], [np.nextafter(0.1, 0)]] * 50)
    assert tree.mode(edge).tolist() == [0, 1, 0] * 50
    assert [int(tree.mode(row)) for row in edge[:3]] == [0, 1, 0]


def test_options_act_by_policies_served() -> None:
    head = HEADS["one choice"]
    policy = OptionsPolicy(
        chooser=member(CategoricalHead(n_actions=2), 0),
        options=tuple(Option(name=str(i), policy=member(head, i), stops=0.25, longest=3) for i in range(2)),
    )
    served = serve(policy)
    assert isinstance(served.chooser, ServedPolicy)
    x = np.random.default_rng(3).normal(size=(9, 40, 6))
    memory, own = policy.begin(x[0]), served.begin(x[0])
    for seen in x:
        actions, memory = policy.act(memory, seen)
        done, own = served.act(own, seen)
        np.testing.assert_array_equal(done, actions)
    asks = replace(policy.options[0], stops=member(CategoricalHead(n_actions=2), 1))
    with pytest.raises(SettingsError, match="options that stop by numbers"):
        serve(replace(policy, options=(asks,)))


def test_what_has_no_such_form_is_refused_with_what_to_do() -> None:
    served = serve(WindowPolicy(inner=member(HEADS["one choice"], 0, D=8), n_back=1))
    with pytest.raises(SettingsError, match="A WindowPolicy has no form with defined arithmetic") as told:
        serve(served)
    assert "distil_tree" in told.value.hint
