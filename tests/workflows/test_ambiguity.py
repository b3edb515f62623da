"""`ambiguity`: claims as people write them, the usual ones, what no choice tells, and a page."""

from __future__ import annotations

import numpy as np
import pytest
from machines import write_project

from telic.errors import FeatureError, SettingsError
from telic.workflows import AmbiguitySettings, ambiguity, ingest
from telic.workflows.claim_words import read_claim, usual_claims

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
    return folder, ambiguity(folder, settings=AmbiguitySettings(claims=asked))


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
    again = ambiguity(folder, settings=AmbiguitySettings(claims=("repairs < 2 wear", "repairs < 4 wear")))
    assert again.is_reused
    assert again.report.data == told.report.data


def test_a_limit_of_another_form_is_refused(telic, looked_at):
    told = telic("ambiguity", looked_at[0], "--limit", "wear")
    assert told.status == 2
    assert "`--limit` takes FEATURE=SIZE" in told.err
    told = telic("ambiguity", looked_at[0], "--level", "1.2")
    assert told.status == 2
    assert "`level` must lie strictly between 0 and 1, got 1.2" in told.err
