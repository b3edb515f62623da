"""`ambiguity`: claims as people write them, the usual ones, what no choice tells, and a page."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest
from machines import CONTRACT, DISCOUNT, keeper_log, write_project

from telic.errors import FeatureError, SettingsError
from telic.evaluation import acting_regret
from telic.mdp import FiniteHorizonMDP
from telic.workflows import AmbiguitySettings, ambiguity, ingest
from telic.workflows.claim_words import read_claim, usual_claims
from telic.workflows.possible_rewards import contested_states, predicted_regret
from telic.workflows.problem import pose
from telic.workflows.project import Project

NAMES = ("wait", "wait_2", "cost")


@pytest.mark.parametrize(
    ("text", "coefficients"),
    [
        ("wait > 2 cost", [1, 0, -2]),
        ("wait>2*cost", [1, 0, -2]),
        ("wait < cost", [-1, 0, 1]),
        ("wait_2 + 3 cost > 0", [0, 1, 3]),
        ("0 < - wait + .5cost - 1e1 wait_2", [-1, -10, 0.5]),
        ("cost + cost > wait", [-1, 0, 2]),
    ],
)
def test_a_written_claim_becomes_coefficients(text, coefficients):
    np.testing.assert_array_equal(read_claim(text, NAMES).coefficients, coefficients)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wait", "needs one `>` or `<`, got 0"),
        ("0 < wait < cost", "needs one `>` or `<`, got 2"),
        ("wiat > cost", "cannot be read at 'wiat'. Did you mean `wait`"),
        ("wait > 2", "cannot be read at '2'"),
        ("wait > ", "cannot be read at ''"),
        ("wait cost > 0", "cannot be read at 'cost'"),
        ("waiting > cost", "cannot be read at 'waiting'"),
    ],
)
def test_a_claim_that_cannot_be_read_says_where(text, said):
    with pytest.raises(SettingsError) as error:
        read_claim(text, NAMES)
    assert said in error.value.message
    assert "wait, wait_2, cost" in error.value.hint


def test_a_claim_with_equal_sides_is_none():
    with pytest.raises(FeatureError, match="compares equals"):
        read_claim("2 wait > wait + wait", NAMES)


def test_costs_outweigh_by_their_size():
    claims = usual_claims(NAMES, np.array([-3.0, 1.0, -2.0]), [("wait", "cost"), ("wait_2", "cost")])
    told = {c.words: c.coefficients.tolist() for c in claims}
    assert told["wait is wanted"] == [1, 0, 0]
    assert told["a unit of wait outweighs one of cost"] == [-1, 0, 1]
    assert told["a unit of wait_2 outweighs one of cost"] == [0, 1, 1]


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    folder = write_project(tmp_path_factory.mktemp("open") / "machines")
    ingest(folder)
    asked = ("repairs < 2 wear", "repairs < 4 wear")
    return folder, ambiguity(folder, settings=AmbiguitySettings(claims=asked, n_draws=100))


def test_claims_are_settled_refuted_or_open(looked_at):
    """The keeper's weights are -0.5 and -2: the second claim compares what is equal."""
    _, told = looked_at
    verdicts = {c["claim"]: c["verdict"] for c in told.report.data["claims"]}
    assert verdicts == {
        "repairs < 2 wear": "settled",
        "repairs < 4 wear": "open",
        "wear is wanted": "refuted",
        "repairs is wanted": "refuted",
        "a unit of repairs outweighs one of wear": "settled",
    }
    wear = next(c for c in told.report.data["claims"] if c["claim"] == "wear is wanted")
    assert wear["lowest"] < -0.5 < wear["highest"]
    assert told.report.data["nullity"] == 0
    assert told.report.headline == "Of 5 claims about what they value: 2 settled, 2 refuted, 1 open."


def test_the_page_shows_claims_as_ranges(looked_at):
    folder, told = looked_at
    page = told.page.read_text()
    assert "How far each claim can go" in page
    assert "open" in page
    assert "transition probabilities are taken as estimated" in " ".join(page.split())
    asked = ("repairs < 2 wear", "repairs < 4 wear")
    again = ambiguity(folder, settings=AmbiguitySettings(claims=asked, n_draws=100))
    assert again.is_reused
    assert again.report.data == told.report.data


def test_contested_trajectories_are_told_apart_by_what_they_hold(looked_at):
    """The amounts, made again from the rows of the log by plain sums."""
    folder, told = looked_at
    held: dict[str, dict[str, float]] = {}
    for line in (folder / "log.csv").read_text().splitlines()[1:]:
        machine, seconds, wear, action = line.split(",")
        now = DISCOUNT ** (int(seconds) / 86400)
        own = held.setdefault(machine, {"wear": 0.0, "repairs": 0.0})
        own["wear"] += now * int(wear)
        own["repairs"] += now * (action == "repair")
    found = told.report.data["at_stake"]["trajectories"]
    pairs = found["pairs"]
    assert found["n_pairs"] == found["n_compared"] * (found["n_compared"] - 1) // 2
    assert 0 < found["n_settled"] < found["n_pairs"]
    regrets = [pair["regret"] for pair in pairs]
    assert regrets == sorted(regrets, reverse=True)
    seen = [name for pair in pairs for name in (pair["first"], pair["second"])]
    assert len(seen) == len(set(seen)) == 16
    for pair in pairs:
        first, second = held[pair["first"]], held[pair["second"]]
        assert pair["more"] == pytest.approx({n: first[n] - second[n] for n in first})
        low, high = pair["interval"]
        assert low < 0 < high
        assert 0.5 - 0.3 < pair["probability"] < 1
        assert pair["regret"] <= 0.5 * abs(high - low)


def test_acting_on_a_reward_that_all_agree_with_costs_nothing(looked_at):
    """Weights near -.5 and -2: repairing early is best under all, and doing so at random is not."""
    _, told = looked_at
    plans = told.report.data["at_stake"]["regret"]["plans"]
    assert plans["the fitted reward"]["worst"] == 0
    assert plans["no reward, at random"]["mean"] > 1
    assert plans["no reward, at random"]["mean"] < plans["no reward, at random"]["conditional_value_at_risk"]
    assert told.report.data["at_stake"]["states"]["states"] == []
    page = " ".join(told.page.read_text().split())
    assert "The best policy is the same under all 100 possible rewards" in page
    assert "Logged trajectories that the possible rewards rank both ways" in page
    assert "From every state the best policy is the same under all possible rewards." in page


def test_predicted_regret_is_that_of_the_judges(looked_at, posed):
    """Wide draws, so that policies differ: the mean's regret as ``acting_regret`` finds it from policies of its own."""
    rng = np.random.default_rng(5)
    draws = rng.normal([-0.5, -2.0], [0.4, 2.0], size=(60, 2))
    found = predicted_regret(posed, draws, np.array([-0.5, -2.0]), level=0.9)
    judged = acting_regret(posed.world, posed.features, draws, n=60, level=0.9)
    mine, theirs = (
        found["plans"]["the mean of the possible rewards"],
        judged.to_json()["plans"]["mean reward"],
    )
    for number in ("mean", "worst", "value_at_risk", "conditional_value_at_risk"):
        assert mine[number] == pytest.approx(theirs[number], abs=1e-9)
    assert mine["mean"] > 0
    assert found["mean_value"] == pytest.approx(float(judged.values.mean()))


def test_a_fixed_horizon_has_regret_and_no_ranking_of_states(posed):
    world = FiniteHorizonMDP(
        transition=posed.world.transition, n_actions=2, horizon=7, discount=0.9, initial=posed.world.initial
    )
    problem = replace(posed, world=world)
    draws = np.array([[-0.5, -2.0], [-0.5, -0.2], [-1.0, 0.5]])
    found = predicted_regret(problem, draws, draws[0], level=0.9)
    best = []
    for w in draws:
        reward = np.asarray(problem.features.values).reshape(-1, 2) @ w
        value = np.zeros(world.n_states)
        for _ in range(7):
            value = (reward + 0.9 * (world.transition @ value)).reshape(-1, 2).max(axis=1)
        best.append(value @ world.initial)
    assert found["mean_value"] == pytest.approx(np.mean(best))
    assert found["plans"]["the fitted reward"]["worst"] > 0
    assert contested_states(problem, draws, 3) is None


@pytest.fixture(scope="module")
def posed(looked_at):
    project = Project.open(looked_at[0])
    return pose(project.contract, project.store.load(project.dataset()))


OPPOSED = CONTRACT.replace(
    "data: {trajectory: [machine],",
    "people: {purpose: to agree, legal_basis: consent, informed_on: 2026-02-20, min_group: 2}\n"
    "data: {trajectory: [machine], demonstrator: keeper,",
)


@pytest.fixture(scope="module")
def two_keepers(tmp_path_factory):
    """One keeper as before, and one who repairs four days of five whatever the wear."""
    rng = np.random.default_rng(3)
    lines = []
    for number, line in enumerate(keeper_log(n_machines=14, n_days=30).splitlines()):
        if not number:
            lines.append(f"{line},keeper")
            continue
        machine, day, wear, action = line.split(",")
        if int(machine[1:]) % 2:
            action = "repair" if rng.random() < 0.8 else "run"
            lines.append(f"{machine},{day},{wear},{action},bob")
        else:
            lines.append(f"{line},ann")
    folder = write_project(
        tmp_path_factory.mktemp("two") / "machines", contract=OPPOSED, log="\n".join(lines) + "\n"
    )
    ingest(folder)
    return folder


def test_each_demonstrator_stands_beside_all_together(two_keepers, monkeypatch):
    # What is at stake is tested above; here it would take most of the time.
    nothing = {"draws": None, "trajectories": None, "states": None, "regret": None, "n_blind": 0}
    monkeypatch.setattr(
        importlib.import_module("telic.workflows.ambiguity"),
        "what_is_at_stake",
        lambda *_, **__: {**nothing, "notes": ["There are no possible rewards to compare."]},
    )
    told = ambiguity(two_keepers, settings=AmbiguitySettings(n_draws=100))
    people = told.report.data["people"]
    assert len(people) == 2
    verdicts = {who: {c["claim"]: c["verdict"] for c in found["claims"]} for who, found in people.items()}
    wanted = {v["repairs is wanted"] for v in verdicts.values()}
    assert wanted == {"settled", "refuted"}
    text = told.report.to_text()
    (bob,) = (who for who, v in verdicts.items() if v["repairs is wanted"] == "settled")
    (ann,) = set(people) - {bob}
    assert f"repairs is wanted: settled for {bob}, refuted for {ann}." in " ".join(text.split())
    alone = ambiguity(two_keepers, settings=AmbiguitySettings(n_draws=100, demonstrator=bob))
    assert alone.report.data["people"] == {}
    assert "There are no possible rewards to compare." in alone.report.to_text()
    assert alone.report.headline.startswith("Of 3 claims about what demonstrator-")
    alone_verdicts = {c["claim"]: c["verdict"] for c in alone.report.data["claims"]}
    assert alone_verdicts["repairs is wanted"] == "settled"


def test_nobody_is_looked_at_alone_without_leave(telic, looked_at, two_keepers):
    told = telic("ambiguity", looked_at[0], "--demonstrator", "bob")
    assert told.status == 2
    assert "has no `people` block" in told.err
    told = telic("ambiguity", two_keepers, "--demonstrator", "bob")
    assert told.status == 2
    assert "There is no demonstrator 'bob'" in told.err
    assert "demonstrator-" in told.err


def test_a_prior_is_of_features_and_above_nothing(telic, looked_at):
    told = telic("ambiguity", looked_at[0], "--prior", "waer=1")
    assert told.status == 2
    assert "not a feature. Did you mean `wear`" in told.err
    told = telic("ambiguity", looked_at[0], "--prior", "wear=0")
    assert told.status == 2
    assert "needs a finite standard deviation above 0, got 0" in told.err
    told = telic("ambiguity", looked_at[0], "--draws", "10")
    assert told.status == 2
    assert "`n_draws` must be at least 100, got 10" in told.err


def test_a_limit_of_another_form_is_refused(telic, looked_at):
    told = telic("ambiguity", looked_at[0], "--limit", "wear")
    assert told.status == 2
    assert "`--limit` takes FEATURE=SIZE" in told.err
    told = telic("ambiguity", looked_at[0], "--level", "1.2")
    assert told.status == 2
    assert "`level` must lie strictly between 0 and 1, got 1.2" in told.err
