"""Roles and campaigns: the beta-binomial law, who took a decision, and groups that differ in one place or all over."""

import math
from dataclasses import replace

import numpy as np
import pytest
from gate_service import N, T, contract, service

from telic.datasets.quality import find_campaigns, gate_findings
from telic.datasets.quality.records import records_of, units_of
from telic.datasets.quality.regions import regions_of
from telic.datasets.quality.roles import expected_shares, overdispersion, role_tail
from telic.mdp import StateSpace


def test_the_tail_of_a_role_is_polya_and_binomial_without_scatter():
    assert role_tail(2, 3, 0.5, 0.0) == pytest.approx(0.5)
    # Polya's urn with one white and one black ball (rho = 1/3): every count is equally likely.
    assert role_tail(2, 3, 0.5, 1 / 3) == pytest.approx(0.5)
    assert role_tail(3, 3, 0.5, 1 / 3) == pytest.approx(0.25)
    assert role_tail(10, 10, 0.5, 0.0) == pytest.approx(2.0**-10)


def test_overdispersion_of_groups_that_always_agree_with_themselves_is_high_and_of_one_law_none():
    people = 200
    agree = np.where((np.arange(people) % 2 == 0)[:, None], [4, 0], [0, 4])
    total = np.broadcast_to(agree.sum(axis=0), agree.shape)
    assert overdispersion(agree, agree.sum(axis=1), total, total.sum(axis=1)) == 0.95  # 1, cut off there
    g = np.random.default_rng(3)
    alike = g.binomial(4, 0.5, people)
    k = np.stack([alike, 4 - alike], axis=1)
    total = np.broadcast_to(k.sum(axis=0), k.shape)
    # The estimate has mean 0 and a standard deviation of sqrt(2 / people) / 3 or so; four of these.
    assert overdispersion(k, k.sum(axis=1), total, total.sum(axis=1)) < 4 * math.sqrt(2 / people) / 3


def encoded(demos):
    space = StateSpace.from_contract(contract(), demos)
    return space.encode(demos), space


def test_a_decision_belongs_to_who_took_it_after_a_hand_over():
    demos = service()
    cut = replace(
        demos,
        offsets=np.insert(np.arange(N + 1) * T, 1, 5),
        trajectory_ids=np.array(["t0", "t0#2", *(f"t{i}" for i in range(1, N))], dtype=object),
        demonstrators=np.concatenate([[0, 1], demos.demonstrators[1:]]).astype(np.int32),
        terminated=np.zeros(N + 1, dtype=bool),
        truncated=np.ones(N + 1, dtype=bool),
    )
    cut, space = encoded(cut)
    units, regions = units_of(cut), regions_of(cut, space)[0]
    records = records_of(cut, units, regions, regions.codes)
    assert units.count == N  # the pieces are one source
    first = records.unit == 0
    assert records.person[first].tolist() == np.where(records.row[first] < 5, 0, 1).tolist()


def test_expected_shares_are_those_of_the_state_where_all_act_alike():
    demos, space = encoded(service(demonstrators=np.zeros(N, dtype=np.int32)))
    units, regions = units_of(demos), regions_of(demos, space)[0]
    records = records_of(demos, units, regions, regions.codes)
    shares = expected_shares(records, np.ones(units.count, dtype=bool))
    here = records.state == 0
    counts = np.bincount(records.action[here], minlength=records.n_actions)
    assert shares[here][0] == pytest.approx((counts + 0.5 / len(counts)) / (counts.sum() + 0.5))
    assert shares.sum(axis=1) == pytest.approx(1.0)


@pytest.fixture
def gate(project_root, monkeypatch):
    monkeypatch.syspath_prepend(str(project_root / "reproductions"))
    import quality_gate

    return quality_gate


def codes_of(gate, demos, task):
    space = StateSpace.from_contract(task, demos)
    return {f.code for f in gate_findings(space.encode(demos), task, space)}


def roles(demos, gate):
    """Each person has an action of their own that they take in two of three decisions, wherever they are."""
    g = np.random.default_rng(9)
    who = demos.demonstrators[demos.trajectory_index]
    own = np.arange(gate.PEOPLE) % gate.A
    forced = g.random(demos.n_decisions) < 2 / 3
    return replace(demos, actions=np.where(forced, own[who], demos.actions).astype(np.int32))


def test_roles_are_noticed_and_nobody_is_suspected(gate):
    demos, task = gate.service(5)
    changed = roles(demos, gate)
    found = codes_of(gate, changed, task)
    assert "acts-otherwise" in found
    assert "poisoning-suspected" not in found
    assert not {"acts-otherwise", "poisoning-suspected"} & codes_of(gate, demos, task)


def test_a_person_who_plants_in_one_region_is_suspected_and_no_role(gate):
    planted, task, guilty = gate.by_person(24)(17)
    space = StateSpace.from_contract(task, planted)
    (found,) = find_campaigns(space.encode(planted), space)[0]
    assert found.group == ("demonstrator", "demonstrator-5")
    named = {str(planted.trajectory_ids[t]) for t in planted.trajectory_index[found.rows].tolist()}
    assert len(named & guilty) >= 20
    found = gate_findings(space.encode(planted), task, space)
    assert "acts-otherwise" not in {f.code for f in found}


def test_a_window_is_found_wherever_it_begins_and_the_answer_does_not_change(gate):
    planted, task, guilty = gate.in_a_window(24)(18)
    space = StateSpace.from_contract(task, planted)
    first, again = (find_campaigns(space.encode(planted), space)[0] for _ in range(2))
    assert [c.group[0] for c in first] == ["time"]
    named = {str(planted.trajectory_ids[t]) for t in planted.trajectory_index[first[0].rows].tolist()}
    assert len(named & guilty) >= 18
    assert [c.rows.tolist() for c in first] == [c.rows.tolist() for c in again]


@pytest.mark.slow
def test_real_incidents_are_not_suspected(project_root, data_dir, monkeypatch):
    """890 incidents with roles; ten halves, each of which may be accused with a chance of 5 % (bound at .001)."""
    monkeypatch.syspath_prepend(str(project_root / "reproductions"))
    import quality_real_logs

    demos, task = quality_real_logs.incidents(data_dir)
    assert quality_real_logs.suspects(demos, task) == set()
    told = quality_real_logs.halves(demos, task, 10, quality_real_logs.KEY, quality_real_logs.as_it_is)
    assert told["halves accused"]["hits"] <= 4
    assert told["trajectories quarantined"]["hits"] <= 0.05 * told["trajectories quarantined"]["of"]
    anew = quality_real_logs.power(
        demos, task, 5, quality_real_logs.KEY + 12_000, quality_real_logs.drawn_anew
    )
    assert anew["found"]["hits"] >= 2
