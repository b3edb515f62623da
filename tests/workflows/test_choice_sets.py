"""Recorded choice sets take part in the fit: what could not be taken was not passed over."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import yaml
from scipy.optimize import minimize

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.errors import ContractError
from telic.mdp import FiniteHorizonMDP
from telic.workflows import offered_states
from telic.workflows.ambiguity import ambiguity
from telic.workflows.choice_sets import SeenSets
from telic.workflows.compare import compare
from telic.workflows.elicit import elicit
from telic.workflows.infer import EVERYBODY, InferSettings, fit_everyone, infer
from telic.workflows.ingest import ingest
from telic.workflows.options_check import with_availability
from telic.workflows.problem import pose
from telic.workflows.train import train

QUICK = InferSettings(with_profiles=False, with_dynamics_errors=False)

SHOP = {
    "identity": {"task": "shop"},
    "observations": [{"name": "place", "type": "category", "values": ["here"]}],
    "actions": {
        "column": "action",
        "values": ["tea", "coffee", "juice", "water"],
        "offered": {"column": "menu"},
    },
    "timing": {"discount": 0.0},
    "features": [
        {"name": "hot", "expression": "action == 'tea' or action == 'coffee'"},
        {"name": "coffees", "expression": "action == 'coffee'"},
        {"name": "juices", "expression": "action == 'juice'"},
    ],
    "data": {"trajectory": ["guest"], "time": "second", "time_format": "seconds", "held_out": 0},
}
PHI = np.array([[1.0, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]])
MENUS = np.array([[1, 1, 1, 1], [1, 0, 1, 1], [1, 0, 0, 1], [0, 1, 0, 1]], dtype=bool)


@pytest.fixture(scope="module")
def queue(project_root):
    """The reproduction: its expert, simulated apart from the fit."""
    place = project_root / "reproductions" / "choice_sets.py"
    spec = importlib.util.spec_from_file_location("choice_sets", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shop_log(place, n_guests=150, n_orders=4, key=0):
    """Menus drawn without regard to anything, orders by a logit; returns menu and order of each row."""
    rng = np.random.default_rng(key)
    menus = rng.integers(len(MENUS), size=n_guests * n_orders)
    value = np.where(MENUS[menus], PHI @ np.array([0.5, -0.8, 1.0]), -np.inf)
    orders = (value + rng.gumbel(size=value.shape)).argmax(axis=1)
    names = SHOP["actions"]["values"]
    lines = ["guest,second,place,menu,action"]
    for i, (menu, order) in enumerate(zip(menus, orders, strict=True)):
        listed = "|".join(n for n, on in zip(names, MENUS[menu], strict=True) if on)
        lines.append(f"g{i // n_orders},{i % n_orders},here,{listed},{names[order]}")
    place.write_text("\n".join(lines) + "\n")
    return menus, orders


def conditional_logit(menus, orders):
    """Maximum likelihood among what was listed, by a general optimiser."""

    def score(theta):
        v = np.where(MENUS[menus], PHI @ theta, -np.inf)
        p = np.exp(v - np.logaddexp.reduce(v, axis=1)[:, None])
        return (
            -np.sum(np.log(p[np.arange(len(orders)), orders])),
            -(PHI[orders] - p @ PHI).sum(axis=0),
        )

    found = minimize(score, np.zeros(3), jac=True, method="BFGS", options={"gtol": 1e-8})
    return found.x


def read(terms, place):
    contract = TaskContract.from_mapping(terms)
    return contract, read_demonstrations(contract, place)


def codes_of(problem):
    return [f.code for f in problem.findings if f.code.startswith("choice-sets-")]


def without(demos):
    return replace(demos, offered=None)


def queue_log(queue, place, shifts=40, steps=40, **changes):
    place.write_text(queue.log_of(7, shifts, steps))
    return read({**queue.CONTRACT, **changes}, place)


@pytest.mark.parametrize("horizon", [None, 4])
def test_in_one_state_the_weights_are_those_of_a_conditional_logit_among_what_was_listed(tmp_path, horizon):
    menus, orders = shop_log(tmp_path / "log.csv")
    terms = {**SHOP, "timing": {"discount": 0.0, "horizon": horizon}}
    problem = pose(*read(terms, tmp_path / "log.csv"))
    assert isinstance(problem.world, FiniteHorizonMDP) is bool(horizon)
    estimate = fit_everyone(problem, QUICK)[EVERYBODY].estimate
    assert estimate.names == ("hot", "coffees", "juices")
    np.testing.assert_allclose(estimate.weights, conditional_logit(menus, orders), atol=1e-6)


def test_with_a_horizon_later_choice_sets_count_as_the_log_shows_them(tmp_path, queue):
    """The likelihood of the fit is that of a backward induction written here."""
    timing = {"discount": 0.9, "horizon": 30}
    contract, demos = queue_log(queue, tmp_path / "log.csv", steps=30, timing=timing)
    problem = pose(contract, demos)
    estimate = fit_everyone(problem, QUICK)[EVERYBODY].estimate
    cells = problem.space.coordinates
    reward = np.stack(
        [
            np.full(len(cells), estimate.weights[0]),
            cells[:, 0] * estimate.weights[2],
            np.full(len(cells), estimate.weights[1]),
        ],
        axis=1,
    )
    reward[~problem.sets.sets[cells[:, 1]]] = -np.inf
    ahead = problem.world.transition.toarray().reshape(len(cells), 3, len(cells))
    value, total = np.zeros(len(cells)), 0.0
    states, steps = problem.train.states, problem.train.step_index
    for t in reversed(range(30)):
        q = reward + 0.9 * ahead @ value
        value = np.logaddexp.reduce(q, axis=1)
        now = steps == t
        total += float((q - value[:, None])[states[now], problem.train.actions[now]].sum())
    assert estimate.choice_log_likelihood == pytest.approx(total, abs=1e-6)


def test_the_states_are_named_by_what_could_be_had(tmp_path):
    shop_log(tmp_path / "log.csv")
    problem = pose(*read(SHOP, tmp_path / "log.csv"))
    assert problem.sets.labels == ("all", "all but coffee", "only tea, water", "only coffee, water")
    np.testing.assert_array_equal(problem.sets.sets, MENUS)
    assert problem.space.labels[2] == "place here, offered only tea, water"
    np.testing.assert_array_equal(problem.world.availability, MENUS)
    for world in problem.resampled_worlds(2, key=0):
        np.testing.assert_array_equal(world.availability, MENUS)
    assert codes_of(problem) == ["choice-sets-fitted"]


def test_names_of_actions_with_commas_make_no_two_sets_alike():
    demos_of = SeenSets.of
    from telic.trajectories import Demonstrations

    names = ["a", "b, c", "a, b", "c", "d", "e", "f"]
    offered = np.array([[1, 1, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 0]], dtype=bool)
    demos = Demonstrations.from_arrays([0, 0], [0, 2], action_labels=names, offered=offered)
    assert demos_of(demos).labels == ("only a, b, c", "only a, b, c (2)")


def test_a_planted_sign_that_turns_where_choice_sets_are_ignored_is_found(tmp_path, queue):
    contract, demos = queue_log(queue, tmp_path / "log.csv", shifts=60, steps=100)
    found = {}
    for name, log in (("recorded", demos), ("ignored", without(demos))):
        estimate = fit_everyone(pose(contract, log), QUICK)[EVERYBODY].estimate
        found[name] = dict(zip(estimate.names, estimate.weights.tolist(), strict=True))
    assert found["ignored"]["age_taken"] < -0.3
    assert found["ignored"]["news"] < -0.05
    assert found["recorded"]["age_taken"] > 0.1
    assert found["recorded"]["news"] > 0.05


@pytest.mark.slow
def test_intervals_hold_the_planted_weights_about_as_often_as_they_say(queue):
    """60 logs: of 60, 52 or more is what 95 % intervals give with probability above .99 (binomial)."""
    told = queue.measure(60, shifts=60, steps=100, smoothing=0.1, key=5_000_000)
    for name, weight in told["recorded"].items():
        assert weight["covered"]["hits"] >= 52, name
    assert told["recorded"]["age_taken"]["wrong_sign"]["hits"] == 0
    assert told["ignored"]["age_taken"]["wrong_sign"]["hits"] == 60


def test_the_other_methods_see_the_same_choice_sets(tmp_path, queue):
    contract, demos = queue_log(queue, tmp_path / "log.csv", shifts=60, steps=200)
    problem = pose(contract, demos)
    for method in ("conditional_choice_probability", "conditional_choice_transitions"):
        fit = fit_everyone(problem, replace(QUICK, method=method))[EVERYBODY]
        errors = fit.estimate.standard_errors("sandwich_clustered")
        assert np.all(np.abs(fit.estimate.weights - list(queue.TRUE.values())) < 4 * errors), method


def test_states_that_say_the_set_already_are_not_split(tmp_path):
    menus, orders = shop_log(tmp_path / "log.csv")
    lines = (tmp_path / "log.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    for row, menu in zip(rows, menus, strict=True):
        row[2] = f"m{menu}"
    (tmp_path / "log.csv").write_text("\n".join([lines[0], *(",".join(r) for r in rows)]) + "\n")
    said = {**SHOP, "observations": [{"name": "place", "type": "category"}]}
    problem = pose(*read(said, tmp_path / "log.csv"))
    assert problem.sets is None
    assert problem.space.n_states == 4
    np.testing.assert_array_equal(problem.world.availability, MENUS)
    [told] = [f for f in problem.findings if f.code == "choice-sets-fitted"]
    assert told.evidence == {
        "n_restricted": int((menus > 0).sum()),
        "n_decisions": 600,
        "n_sets": 4,
        "by": "states",
    }
    estimate = fit_everyone(problem, QUICK)[EVERYBODY].estimate
    np.testing.assert_allclose(estimate.weights, conditional_logit(menus, orders), atol=1e-6)


def test_the_set_after_a_change_of_hands_is_known_and_after_a_record_is_not(tmp_path):
    lines = ["guest,second,place,menu,action,who"]
    for guest, hands in (("a", "xxyy"), ("b", "xxxx")):
        for i, who in enumerate(hands * 30):
            listed = "tea|water" if i % 3 else "tea|coffee|juice|water"
            lines.append(f"{guest},{i},here,{listed},{'tea' if i % 2 else 'water'},{who}")
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    terms = {**SHOP, "data": {**SHOP["data"], "demonstrator": "who"}}
    problem = pose(*read(terms, tmp_path / "log.csv"))
    _, after = problem.train.require_states()
    last = problem.train.offsets[1:] - 1
    assert len(last) > 40
    # Each guest's record ends once; no other row is without a next state.
    assert int((after < 0).sum()) == 2
    sets = problem.space.cell_along("offered")
    moved = np.flatnonzero(after >= 0)
    np.testing.assert_array_equal(problem.sets.sets[sets[after[moved]]], problem.train.offered[moved + 1])


def test_an_observation_of_the_same_name_is_refused_in_words(tmp_path, queue):
    place = tmp_path / "log.csv"
    place.write_text(queue.log_of(7, 30, 40))
    observations = [{"name": "offered", "column": "age", "type": "integer", "low": 0, "high": 5}]
    features = [{"name": "waits", "expression": "action == 'wait'"}]
    contract, demos = read({**queue.CONTRACT, "observations": observations, "features": features}, place)
    with pytest.raises(ContractError, match=r"another one of that name \(column age\)"):
        pose(contract, demos)


@pytest.mark.parametrize(("most", "fewest", "why"), [(2, 10.0, "more than 2"), (32, 1e6, "fewer than 1e")])
def test_what_cannot_be_split_is_fitted_as_before_with_a_warning(
    tmp_path, queue, monkeypatch, most, fewest, why
):
    monkeypatch.setattr(offered_states, "MOST_SETS", most)
    monkeypatch.setattr(offered_states, "FEWEST_DECISIONS", fewest)
    contract, demos = queue_log(queue, tmp_path / "log.csv")
    problem, blind = pose(contract, demos), pose(contract, without(demos))
    [warning] = [f for f in problem.findings if f.code == "choice-sets-not-fitted"]
    assert why in warning.message
    assert problem.world.digest == blind.world.digest
    assert problem.space.digest == blind.space.digest
    fits = [fit_everyone(p, QUICK) for p in (problem, blind)]
    np.testing.assert_array_equal(*(f[EVERYBODY].estimate.weights for f in fits))
    _, found = with_availability(problem, fits[0], everybody=EVERYBODY)
    assert found.n_restricted == int((~problem.train.offered).any(axis=1).sum())
    assert found.sentence.startswith("Every action of a state could be taken whenever it was not.")


def test_all_resolutions_are_fitted_alike(tmp_path, queue, monkeypatch):
    observations = [{"name": "age", "low": 0, "high": 6, "bins": 3}]
    contract, demos = queue_log(queue, tmp_path / "log.csv", observations=observations)
    declared, finer = (pose(contract, demos, scale=scale) for scale in (1.0, 2.0))
    each = [p.train.n_decisions / len(np.unique(p.train.states)) for p in (declared, finer)]
    assert each[1] < each[0]
    monkeypatch.setattr(offered_states, "FEWEST_DECISIONS", (each[0] + each[1]) / 2)
    assert pose(contract, demos, scale=2.0).space.names == ("age", "offered")
    monkeypatch.setattr(offered_states, "FEWEST_DECISIONS", each[0] + 1)
    assert pose(contract, demos, scale=0.5).space.names == ("age",)


def test_a_thin_split_is_told(tmp_path, queue):
    problem = pose(*queue_log(queue, tmp_path / "log.csv", shifts=20, steps=25))
    assert codes_of(problem) == ["choice-sets-thin", "choice-sets-fitted"]


def test_records_of_one_decision_say_nothing_about_later_sets(tmp_path):
    shop_log(tmp_path / "log.csv", n_guests=600, n_orders=1)
    contract, demos = read(SHOP, tmp_path / "log.csv")
    after = {"place": demos.observations["place"]}
    known = np.ones(demos.n_decisions, dtype=bool)
    problem = pose(contract, replace(demos, next_observations=after, next_known=known))
    [warning] = [f for f in problem.findings if f.code == "choice-sets-not-fitted"]
    assert "no record has two decisions" in warning.message


def test_where_everything_was_offered_nothing_is_new(tmp_path, queue):
    contract, demos = queue_log(queue, tmp_path / "log.csv")
    everything = replace(demos, offered=np.ones_like(demos.offered))
    problem, blind = pose(contract, everything), pose(contract, without(demos))
    assert problem.space.digest == blind.space.digest
    assert problem.world.digest == blind.world.digest
    assert codes_of(problem) == []


def test_sets_that_no_fitted_decision_has_get_the_nearest_one_and_are_told(tmp_path):
    shop_log(tmp_path / "log.csv")
    contract, demos = read(SHOP, tmp_path / "log.csv")
    problem = pose(contract, demos)
    odd = replace(
        demos.select([0]), offered=np.array([[1, 1, 0, 1]] * 4, dtype=bool), actions=np.zeros(4, np.int32)
    )
    encoded = problem.encode(odd)
    assert [problem.space.labels[s] for s in encoded.states] == ["place here, offered all"] * 4
    assert "unseen-choice-sets" in [f.code for f in encoded.findings]


def project(folder, queue, key):
    folder.mkdir()
    (folder / "contract.yaml").write_text(yaml.safe_dump({**queue.CONTRACT, "schema_version": 1}))
    (folder / "log.csv").write_text(queue.log_of(key, 40, 60))
    ingest(folder)
    return folder


def test_infer_and_train_know_what_could_be_had(tmp_path, queue):
    folder = project(tmp_path / "queue", queue, 7)
    data = infer(folder, settings=QUICK).report.data
    assert data["weights"]["age_taken"] > 0
    assert "offered" in [axis["name"] for axis in data["states"]["axes"]]
    assert "choice-sets-fitted" in [f["code"] for f in data["findings"]]
    assert "Every action that the log offers could be taken, and no other" in " ".join(data["assumptions"])
    problem = pose(*read(queue.CONTRACT, folder / "log.csv"))
    plan = train(folder).product
    np.testing.assert_array_equal(plan.table > 0, problem.world.availability)


@pytest.mark.slow
def test_what_is_asked_and_compared_afterwards_knows_it_too(tmp_path, queue):
    folder, other = (project(tmp_path / f"queue{key}", queue, key) for key in (7, 8))
    for each in (folder, other):
        infer(each, settings=QUICK)
    asked = elicit(folder).report.data
    assert asked["belief"]["weights"]["age_taken"]["mean"] > 0
    assert ambiguity(folder).report.data["n_decisions"] == 40 * 60
    assert compare(folder, other).outcome.ok
