"""Answers that do not fit together, or not to the belief: said, counted as stated, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError
from telic.inference.elicitation import AtStake, PlanPool, WeightBelief
from telic.workflows import ElicitSettings
from telic.workflows.elicit_answers import Answer
from telic.workflows.elicit_heard import heard_of, updated
from telic.workflows.elicit_plans import plan_amounts, plan_digest
from telic.workflows.elicit_sheet import question_id, sheet_of

NAMES, UNITS = ("time", "money"), ("minute", "euro")
PLANS = {"x": [10.0, 1.0], "y": [5.0, 2.0], "z": [2.0, 4.0]}


def question(first, second, names=NAMES, units=UNITS):
    amounts = np.array([PLANS[first], PLANS[second]])
    digests = [plan_digest(row, names, units) for row in amounts]
    return {
        "id": question_id(*digests),
        "kind": "comparison",
        "words": "?",
        "plan_digests": digests,
        "names": list(names),
        "units": list(units),
        "amounts": amounts.tolist(),
        "gain": 0.1,
        "standard_error": 0.0,
        "chance_a": 0.5,
    }


ASKED = {pair: question(*pair) for pair in ("xy", "yz", "zx")}
KNOWN = {q["id"]: q for q in ASKED.values()}


def said(*rows):
    return [
        Answer(question=ASKED[pair]["id"], choice=choice, who=who, place=f"line {i}")
        for i, (pair, choice, who) in enumerate(rows)
    ]


def codes(heard):
    return {f.code: f for f in heard.findings}


def belief_at(mean, n=500):
    draws = np.random.default_rng(0).normal(mean, 0.3, size=(n, 2))
    return WeightBelief.from_density(
        NAMES, draws, lambda w: -0.5 * np.sum((w - np.array(mean)) ** 2, axis=1) / 0.09, units=UNITS
    )


def test_preferences_in_a_circle_are_named():
    """x over y, y over z, z over x."""
    heard = heard_of(said(("xy", "a", "ann"), ("yz", "a", "ann"), ("zx", "a", "ann")), 0, KNOWN, None)
    found = codes(heard)["answers-cycle"]
    assert sorted(found.evidence["questions"]) == sorted(KNOWN)
    assert "go round in a circle" in found.message


@pytest.mark.parametrize(
    "rows",
    [
        [("xy", "a", "ann"), ("yz", "a", "ann"), ("zx", "b", "ann")],  # x over y over z
        [("xy", "a", "ann"), ("yz", "a", "ann"), ("zx", "tie", "ann")],
        [("xy", "a", "ann"), ("yz", "a", "bo"), ("zx", "a", "cy")],  # each by another person
    ],
)
def test_no_circle_where_there_is_none(rows):
    assert "answers-cycle" not in codes(heard_of(said(*rows), 0, KNOWN, None))


def test_disagreement_and_repeats_are_said_and_each_answer_of_a_person_counts_once():
    heard = heard_of(said(("xy", "a", "ann"), ("xy", "b", "bo"), ("xy", "a", "ann")), 2, KNOWN, None)
    assert len(heard.rows) == 2
    assert heard.n_blank == 2
    assert codes(heard)["answers-differ"].evidence["questions"] == [ASKED["xy"]["id"]]
    assert codes(heard)["answers-repeated"].evidence["answers"] == 1
    agreed = heard_of(said(("xy", "a", "ann"), ("xy", "a", "bo")), 0, KNOWN, None)
    assert agreed.findings == ()
    assert len(agreed.rows) == 2


def test_answers_against_the_belief_are_surprising_and_those_with_it_are_not():
    """Who dislikes both prefers y to x for 5 minutes against 1 euro, and z to y for 3 against 2."""
    belief = belief_at([-2.0, -1.0])
    settings = ElicitSettings()
    against = heard_of(said(("xy", "a", ""), ("yz", "a", "")), 0, KNOWN, None)
    _, told, notes = updated(belief, against, settings, with_people=True)
    assert [f.code for f in notes] == ["answers-surprising"]
    assert told["surprise"] < 0.01
    _, told, notes = updated(
        belief, heard_of(said(("xy", "b", ""), ("yz", "b", "")), 0, KNOWN, None), settings, with_people=True
    )
    assert notes == ()
    assert told["surprise"] == 1.0  # no answers are more likely
    _, told, notes = updated(
        belief, heard_of(said(("xy", "tie", "")), 0, KNOWN, None), settings, with_people=True
    )
    assert (told["surprise"], notes) == (None, ())


def test_what_answers_told_is_the_divergence_from_the_belief_before():
    """Normal belief, one answer: by a fine grid over the log-odds, which is all that the answer is about."""
    belief = belief_at([0.0, 0.0], n=20_000)
    _, told, _ = updated(
        belief, heard_of(said(("xy", "a", "ann")), 0, KNOWN, None), ElicitSettings(), with_people=False
    )
    spread = 0.3 * np.hypot(5.0, 1.0)
    z = np.linspace(-8 * spread, 8 * spread, 20_001)
    prior = np.exp(-0.5 * (z / spread) ** 2)
    prior /= prior.sum()
    after = prior / (1 + np.exp(-z))
    after /= after.sum()
    some = after > 0
    assert told["gain"] == pytest.approx(float(after[some] @ np.log(after[some] / prior[some])), abs=0.02)
    assert told["rows"] == [
        {"question": ASKED["xy"]["id"], "choice": "a", "who": "", "chance": pytest.approx(0.5, abs=0.02)}
    ]


@pytest.mark.parametrize(
    ("names", "units", "said_so"),
    [
        (
            ("time", "risk"),
            UNITS,
            "compares time and money; the features of the contract are now time and risk.",
        ),
        (NAMES, ("hour", "euro"), "are now time and money, in other units."),
    ],
)
def test_a_question_about_other_features_says_which(names, units, said_so):
    draws = np.random.default_rng(0).normal(size=(10, 2))
    belief = WeightBelief.from_density(names, draws, lambda w: np.zeros(len(w)), units=units)
    heard = heard_of(said(("xy", "a", "ann")), 0, KNOWN, None)
    with pytest.raises(DataError) as error:
        updated(belief, heard, ElicitSettings(), with_people=True)
    assert said_so in error.value.message


def test_where_every_pair_was_answered_other_plans_are_asked_for():
    pool = PlanPool(amounts=np.array(list(PLANS.values())), names=NAMES, units=UNITS)
    stake = AtStake(
        claims=(), claim_coefficients=np.zeros((0, 2)), tradeoffs=(), tradeoff_coefficients=np.zeros((0, 2))
    )
    heard = heard_of(said(("xy", "a", ""), ("yz", "a", "")), 0, KNOWN, None)
    left = sheet_of(belief_at([0.0, 0.0]), pool, stake, ElicitSettings(), alike=(), answered=heard.pairs)
    assert [set(q["plan_digests"]) for q in left.questions] == [set(ASKED["zx"]["plan_digests"])]
    everything = heard_of(said(("xy", "a", ""), ("yz", "a", ""), ("zx", "a", "")), 0, KNOWN, None)
    with pytest.raises(DataError, match="All 3 pairs of the 3 plans were answered already"):
        sheet_of(belief_at([0.0, 0.0]), pool, stake, ElicitSettings(), alike=(), answered=everything.pairs)


def test_an_open_claim_that_was_asked_about_gets_the_comparison_that_tells_most_about_it():
    """Time tells most; whether money is wanted is told by the two plans that differ in money alone."""
    pool = PlanPool(amounts=np.array([[10.0, 0.0], [0.0, 0.0], [0.0, 1.0]]), names=NAMES, units=UNITS)
    stake = AtStake(
        claims=("money > 0",),
        claim_coefficients=np.array([[0.0, 1.0]]),
        tradeoffs=(),
        tradeoff_coefficients=np.zeros((0, 2)),
    )
    settings = ElicitSettings(n_questions=1, claims=("money > 0",))
    sheet = sheet_of(belief_at([0.0, 0.0]), pool, stake, settings, alike=(), answered=())
    first, second = sheet.questions
    assert first["about"] is None
    assert {row[0] for row in first["amounts"]} == {0.0, 10.0}
    assert second["about"] == "money > 0"
    assert {row[1] for row in second["amounts"]} == {0.0, 1.0}
    assert {row[0] for row in second["amounts"]} == {0.0}
    assert second["tells"]["money > 0"] > first["tells"]["money > 0"]
    assert sheet.told["together"]["gain"] == pytest.approx(first["added"] + second["added"])
    # Where the claim is settled nobody is asked for its sake.
    settled = sheet_of(belief_at([0.0, 2.0]), pool, stake, settings, alike=(), answered=())
    assert [q["about"] for q in settled.questions] == [None]


@pytest.mark.parametrize(
    ("pair", "units", "told"),
    [
        ([[10.0, 1.0], [5.5, 2.0]], UNITS, ("10 minutes and 1 euro", "5.50 minutes and 2 euros")),
        ([[10.0, 1.0], [5.0, 1.0]], UNITS, ("10 minutes", "5 minutes")),  # the same money is not told
        ([[1.00001, 0.0], [1.0, 0.0]], UNITS, ("1.00001 minutes", "1 minute")),  # as many digits as differ
        (
            [[10.0, 1.0], [5.0, 2.0]],
            ("euro", "euro"),
            ("time 10 euros and money 1 euro", "time 5 euros and money 2 euros"),
        ),
        ([[10.0, 1.0], [5.0, 2.0]], ("", ""), ("time 10 and money 1", "time 5 and money 2")),
    ],
)
def test_plans_in_words(pair, units, told):
    assert plan_amounts(np.array(pair), NAMES, units, ()) == told
