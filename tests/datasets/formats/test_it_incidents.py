"""The recipe of ``docs/it-incidents.md`` on the real log (UCI, CC BY 4.0), which is not part of this project."""

from __future__ import annotations

import importlib.util
from itertools import pairwise

import pytest

from telic.datasets import DatasetStore, ingest, read_demonstrations


@pytest.fixture(scope="module")
def recipe(project_root):
    place = project_root / "reproductions" / "it_incidents.py"
    spec = importlib.util.spec_from_file_location("it_incidents", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def log(data_dir, recipe):
    path = data_dir / recipe.LOG
    if not path.is_file():
        pytest.skip(f"no real incidents: {recipe.LOG} is missing in TELIC_DATA")
    return path


@pytest.fixture(scope="module")
def told(recipe, log):
    return recipe.measure(log)


def test_the_log_becomes_decisions_of_pseudonyms(recipe, log):
    with recipe.public_key():
        demos = read_demonstrations(recipe.contract(), log)
    # 5,998 rows of 890 incidents: the first of each is how it was opened.
    assert demos.n_decisions == 5998 - 890
    assert int(demos.terminated.sum()) == 897  # as many as rows that say Closed
    assert {f.code for f in demos.findings} >= {"counter-goes-back", "missed-updates"}
    assert all(name.startswith("demonstrator-") for name in demos.demonstrator_names)


def test_actions_are_as_many_as_the_fields_that_changed(told):
    # Counted with csv alone: states that became Closed, counts of reopening that rose, all from row to row.
    assert (told["actions"]["close"], told["actions"]["reopen"]) == (890, 11)
    assert sum(told["actions"].values()) == told["n_decisions"]


def test_cloning_predicts_more_than_the_marginal_frequency(told):
    for part in told["held_out"].values():
        gain = part["cloning over marginal"]
        assert gain["interval"][0] > 0
        assert gain["nats"] == pytest.approx(part["cloning"]["nats"] - part["marginal"]["nats"], abs=1e-12)


def test_what_was_done_could_be_done(told, log):
    import csv

    sets = told["choice_sets"]
    assert sets["taken_but_not_offered"] == 0
    # Counted with csv alone: rows before an update whose state is Resolved or Closed.
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    before = [a for a, b in pairwise(rows) if a["number"] == b["number"]]
    ended = sum(row["incident_state"] in ("Resolved", "Closed") for row in before)
    assert abs(sets["offered"]["reopen"] - ended) <= 20  # five incidents stand in another order


def test_no_account_stands_in_what_is_stored(recipe, log, tmp_path):
    store = DatasetStore(tmp_path / "store")
    with recipe.public_key():
        ingest(recipe.contract(), log, store)
    written = b"".join(p.read_bytes() for p in (tmp_path / "store").rglob("*") if p.is_file())
    said = " ".join(store.load().demonstrator_names)
    assert b"Updated by" not in written and b"Caller " not in written
    assert "Updated by" not in said and said.count("demonstrator-") == 168


def test_the_page_says_what_is_measured(told, recipe):
    page = recipe.PAGE.read_text()
    sets, coverage, mixed = told["choice_sets"], told["coverage"], told["contradictions"]
    low, high = coverage["interval"]
    flat = " ".join(page.split())
    assert f"{sets['mean_size']:.2f} of 10 actions could be taken on average" in flat
    assert f"`reopen` in {sets['offered']['reopen']:,} of the 5,108" in flat
    assert f"`assign` in {sets['offered']['assign']:,}" in flat
    assert f"{coverage['seen']} of {coverage['states']} states were seen" in flat
    assert f"probability {coverage['missing_mass']:.3f} ({low:.3f} to {high:.3f})" in flat
    assert f"In {mixed['with_different_actions']} of {mixed['states_met_again']} states" in flat
    assert f"explains {mixed['explained_by_most_frequent']:.1%}".replace("%", " %") in flat
    assert mixed["demonstrators_differ_p"] < 0.001
    for part in told["held_out"].values():
        for score in ("marginal", "cloning", "cloning over marginal"):
            low, high = part[score]["interval"]
            assert f"{part[score]['nats']:.3f} ({low:.3f} to {high:.3f})" in page
    for action, n in told["actions"].items():
        assert f"{action} {n:,}" in page
