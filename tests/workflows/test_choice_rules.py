"""The table of docs/how-to-choose.md: each rule applies where its words say so, and not where they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from machines import CONTRACT

from telic.contract import TaskContract
from telic.trajectories import Demonstrations
from telic.workflows.choice_rules import RULES, Facts, Verdict, as_markdown, facts_of

PLAIN = Facts(
    domain="operations",
    origin="human",
    n_actions=3,
    n_features=3,
    n_cells=120,
    cap=5000,
    discount=0.95,
    horizon=None,
    ends_by_itself=False,
    exogenous=False,
    n_decisions=4000,
    n_trajectories=90,
    n_others=2000,
)
APPLIES = {
    "no-consequences": [
        replace(PLAIN, exogenous=True),
        replace(PLAIN, discount=0.0),
        replace(PLAIN, horizon=1),
    ],
    "fixed-rule": [replace(PLAIN, origin="rule")],
    "one-action-dominates": [replace(PLAIN, n_others=29)],
    "too-few-decisions": [replace(PLAIN, n_decisions=100)],
    "copying-is-enough": [PLAIN],
    "objective-known": [PLAIN],
    "tabular-discounted": [PLAIN, replace(PLAIN, n_cells=None)],
    "finite-horizon": [replace(PLAIN, horizon=12)],
    "ends-by-itself": [replace(PLAIN, ends_by_itself=True)],
    "too-many-cells": [replace(PLAIN, n_cells=10_000)],
    "large-table": [replace(PLAIN, n_cells=4_000)],
    "several-environments": [replace(PLAIN, in_environments=True)],
    "no-features": [replace(PLAIN, n_features=0)],
    "few-trajectories": [replace(PLAIN, n_trajectories=8)],
    "several-demonstrators": [replace(PLAIN, n_demonstrators=3), replace(PLAIN, n_demonstrators=None)],
    "mixed-origin": [replace(PLAIN, origin="mixed"), replace(PLAIN, origin="policy")],
    "adversary": [replace(PLAIN, origin="adversary")],
    "medical": [replace(PLAIN, domain="medical")],
}
DOES_NOT = {
    "no-consequences": [PLAIN],
    "fixed-rule": [PLAIN],
    "one-action-dominates": [PLAIN, replace(PLAIN, n_others=30), replace(PLAIN, n_others=None)],
    "too-few-decisions": [PLAIN, replace(PLAIN, n_decisions=None)],
    "copying-is-enough": [],
    "objective-known": [],
    "tabular-discounted": [
        replace(PLAIN, horizon=12),
        replace(PLAIN, n_cells=10_000),
        replace(PLAIN, discount=0.0),
    ],
    "finite-horizon": [PLAIN, replace(PLAIN, horizon=1)],
    "ends-by-itself": [PLAIN, replace(PLAIN, ends_by_itself=True, horizon=5)],
    "too-many-cells": [
        PLAIN,
        replace(PLAIN, n_cells=10_000, exogenous=True),
        replace(PLAIN, n_cells=10_000, in_environments=True),
    ],
    "large-table": [PLAIN, replace(PLAIN, n_cells=10_000)],
    "several-environments": [PLAIN, replace(PLAIN, in_environments=True, discount=0.0)],
    "no-features": [PLAIN],
    "few-trajectories": [PLAIN, replace(PLAIN, n_trajectories=None)],
    "several-demonstrators": [PLAIN],
    "mixed-origin": [PLAIN],
    "adversary": [PLAIN],
    "medical": [PLAIN],
}


def test_names_are_distinct_and_every_rule_is_tested_both_ways():
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert set(names) == set(APPLIES) == set(DOES_NOT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_applies_where_its_condition_holds(rule):
    assert all(rule.applies(facts) for facts in APPLIES[rule.name])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_does_not_apply_elsewhere(rule):
    assert not any(rule.applies(facts) for facts in DOES_NOT[rule.name])


def test_rules_that_always_apply_ask_the_reader():
    assert all(rule.asks_reader == (not DOES_NOT[rule.name]) for rule in RULES)


def test_every_kind_of_task_with_consequences_has_exactly_one_exact_method():
    exact = {"tabular-discounted", "finite-horizon", "ends-by-itself", "too-many-cells"}
    for facts in (
        PLAIN,
        replace(PLAIN, horizon=9),
        replace(PLAIN, ends_by_itself=True),
        replace(PLAIN, n_cells=9_999),
    ):
        assert sum(rule.applies(facts) for rule in RULES if rule.name in exact) == 1


def test_named_methods_are_registered():
    from telic.inference import METHODS

    for rule in RULES:
        if rule.verdict is Verdict.USE:
            assert rule.method in METHODS


def test_facts_come_from_the_contract():
    contract = TaskContract.from_mapping(yaml.safe_load(CONTRACT))
    facts = facts_of(contract)
    assert facts.n_cells == 6  # wear 0 to 5
    assert facts.discount == 0.9
    assert facts.n_decisions is None
    assert not facts.exogenous


def test_how_many_decided_is_known_from_the_contract_or_from_the_data():
    contract = TaskContract.from_mapping(yaml.safe_load(CONTRACT))
    named = TaskContract.from_mapping(
        yaml.safe_load(CONTRACT.replace("data: {trajectory", "data: {demonstrator: keeper, trajectory"))
    )
    demos = Demonstrations.from_arrays(
        [0, 0, 0],
        [0, 1, 0],
        offsets=[0, 1, 2, 3],
        demonstrators=["ana", "bo", "bo"],
    )
    assert facts_of(contract).n_demonstrators == 1
    assert facts_of(named).n_demonstrators is None
    assert facts_of(named, demos).n_demonstrators == 2


def test_the_page_is_generated_from_the_table(project_root):
    text = (project_root / "docs" / "how-to-choose.md").read_text()
    assert as_markdown() in text
