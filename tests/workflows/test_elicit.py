"""`elicit`: questions in words with what they tell, answers read back and used, and what is refused."""

from __future__ import annotations

import csv
import json
from itertools import zip_longest

import numpy as np
import pytest
from machines import CONTRACT, keeper_log, write_project

from telic.cli import main
from telic.datasets.sources.pseudonyms import pseudonyms
from telic.errors import DataError, PermanentError, SettingsError
from telic.workflows import ElicitSettings, elicit, ingest

CLAIM = "repairs < 4 wear"
COMPARE = ElicitSettings(kinds=("comparison",), n_plans=20, claims=(CLAIM,))


def answer(path, out, choices, who="ann"):
    """The file of questions filled in, one choice a row; none where there are no more."""
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    for row, choice in zip_longest(rows, choices[: len(rows)], fillvalue=""):
        row |= {"choice": choice, "who": who if choice else ""}
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return out


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A short log, so that much is open; tests only add runs to it."""
    folder = write_project(tmp_path_factory.mktemp("ask") / "machines", log=keeper_log(12, 20))
    ingest(folder)
    result = elicit(folder, settings=COMPARE)
    return folder, result


def comparisons(result):
    return [q for q in result.report.data["questions"] if q["kind"] == "comparison"]


def test_questions_say_what_the_plans_collect_in_the_words_of_the_contract(asked):
    _, result = asked
    first = comparisons(result)[0]
    amounts = np.array(first["amounts"])
    assert first["names"] == ["wear", "repairs"]
    for side, (wear, repairs) in zip("ab", amounts, strict=True):
        unit = "repair" if repairs == 1 else "repairs"
        if amounts[0, 0] != amounts[1, 0] and amounts[0, 1] != amounts[1, 1]:
            assert first[side] == f"{wear:.0f} steps of wear and {repairs:.0f} {unit}"
    assert first["a"] in result.report.to_text(width=200)


def test_gains_are_those_of_bradley_and_terry_over_the_draws(asked):
    """Entropy of the mean less mean of the entropies, by plain numpy on the draws of the product."""
    _, result = asked
    belief = result.product
    for q in comparisons(result):
        difference = np.array(q["amounts"][0]) - np.array(q["amounts"][1])
        p = 1 / (1 + np.exp(-belief.weights @ difference))
        h = -p * np.log(p) - (1 - p) * np.log(1 - p)
        m = p.mean()
        assert q["gain"] == pytest.approx(-m * np.log(m) - (1 - m) * np.log(1 - m) - h.mean(), abs=1e-9)
        assert q["chance_a"] == pytest.approx(m)
        assert q["interval"][0] <= q["gain"] <= q["interval"][1]


def test_the_sheet_beats_questions_at_random_and_says_by_how_much(asked):
    _, result = asked
    data = result.report.data
    together = data["together"]
    assert together["gain"] == pytest.approx(sum(q["added"] for q in comparisons(result)))
    assert together["gain"] > together["random"]["mean"] + 3 * together["random"]["standard_error"]
    assert data["random"]["comparison"]["mean"] < comparisons(result)[0]["gain"]
    assert f"times as much as {len(comparisons(result))} at random" in data["headline"]


def test_the_file_of_questions_has_a_row_each_with_nothing_filled_in(asked):
    folder, result = asked
    text = (result.page.parent / "questions.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert [(r["question"], r["a"], r["b"]) for r in rows] == [
        (q["id"], f"A: {q['a']}", f"B: {q['b']}") for q in comparisons(result)
    ]
    assert {(r["choice"], r["who"]) for r in rows} == {("", "")}
    assert result.next_command == f"telic elicit {folder} --answers {result.page.parent / 'questions.csv'}"


def test_the_page_draws_a_bar_each_with_one_at_random(asked):
    _, result = asked
    page = result.page.read_text()
    assert page.count("<svg") >= 2  # for a column, and for a phone
    assert "Diamonds: one at random" in page
    for q in comparisons(result):
        assert page.count(q["id"]) >= 3
    twin = json.loads((result.page.parent / "elicit.json").read_text())
    assert twin["questions"] == result.report.data["questions"]


def test_the_same_questions_are_not_ranked_twice_and_the_file_comes_back(asked):
    folder, result = asked
    (result.page.parent / "questions.csv").unlink()
    again = elicit(folder, settings=COMPARE)
    assert again.is_reused
    assert again.product is None
    assert again.report.data == result.report.data
    assert (result.page.parent / "questions.csv").is_file()


def test_answers_change_the_belief_as_bayes_says_and_are_not_asked_again(asked, tmp_path):
    folder, result = asked
    path = answer(result.page.parent / "questions.csv", tmp_path / "a.csv", ["A", "b", " tie ", "A", ""])
    before = path.read_bytes()
    after = elicit(folder, settings=COMPARE, answers=path)
    assert path.read_bytes() == before
    old = result.product
    z = [(np.array(q["amounts"][0]) - np.array(q["amounts"][1])) @ old.weights.T for q in comparisons(result)]
    log_p = -sum(np.logaddexp(0, -s * z[i]) for i, s in ((0, 1), (1, -1), (3, 1)))
    log_p = log_p - 0.5 * (np.logaddexp(0, z[2]) + np.logaddexp(0, -z[2]))
    w = np.exp(log_p - log_p.max())
    w /= w.sum()
    # Draws may have been moved: two errors of a mean by the effective number of both.
    spread = np.sqrt(w @ (old.weights - w @ old.weights) ** 2)
    error = spread * np.sqrt(np.sum(w**2) + 1 / after.product.effective_draws)
    assert np.all(np.abs(after.product.mean - w @ old.weights) < 3 * error)
    told = after.report.data["answers"]
    assert (told["n"], told["n_blank"]) == (4, len(comparisons(result)) - 4)
    assert told["gain"] == pytest.approx(float(w @ np.log(w * len(w))), abs=0.05)
    assert "After 4 answers" in after.report.data["headline"]
    answered = {q["id"] for q in comparisons(result)[:4]}
    assert not answered & {q["id"] for q in comparisons(after)}
    assert f"--answers {path} --answers {after.page.parent / 'questions.csv'}" in after.next_command
    # Who answered is not told: the contract permits no word about single people.
    assert {row["who"] for row in told["rows"]} == {""}
    assert "ann" not in after.page.read_text().split()


def test_answers_as_json_lines_and_with_semicolons_are_the_same_answers(asked, tmp_path):
    folder, result = asked
    names = [q["id"] for q in comparisons(result)]
    lines = tmp_path / "a.jsonl"
    lines.write_text(
        "".join(json.dumps({"question": n, "choice": "A", "who": "bo"}) + "\n" for n in names[:2])
    )
    table = tmp_path / "a.csv"
    table.write_text("Question;Choice;Who\r\n" + "".join(f"{n};a;bo\r\n" for n in names[:2]))
    first = elicit(folder, settings=COMPARE, answers=lines)
    second = elicit(folder, settings=COMPARE, answers=[table])
    assert second.is_reused
    assert second.report.data["answers"] == first.report.data["answers"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty: it has no answers"),
        ("question,choice\n", "is empty: it has no answers"),
        ("question,answer\nQ0,A\n", "has no column 'choice'; it has question, answer"),
        ("question,choice,who\nq-nothere,A,\n", "line 2: 'q-nothere' is no question that was asked"),
        ("question,choice,who\nQ0,C,\n", "line 2: the choice must be A, B or tie, got 'C'"),
        ("question,choice,who\n,A,\n", "line 2: a choice without a question"),
        ("question,choice,who\nQ0,A,ann\nQ1,A,ann\nQ0,B,ann\n", "answered Q0 in two ways: A"),
        ("question,choice,who\nQ0,,\nQ1,,\n", "has 2 questions, and no `choice` is filled in"),
        ("question,choice\nQ0,\xe9\n", "is not text in UTF-8"),
    ],
)
def test_bad_answers_are_refused_in_words_before_anything_is_written(asked, tmp_path, text, said):
    folder, result = asked
    names = [q["id"] for q in comparisons(result)]
    for i, name in enumerate(names):
        text, said = text.replace(f"Q{i}", name), said.replace(f"Q{i}", name)
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode("latin-1"))
    runs = sorted(p.name for p in (folder / "runs").iterdir())
    with pytest.raises(DataError) as error:
        elicit(folder, settings=COMPARE, answers=path)
    assert said in error.value.message
    assert error.value.hint
    assert path.read_bytes() == text.encode("latin-1")
    assert sorted(p.name for p in (folder / "runs").iterdir()) == runs


def test_a_line_that_is_no_json_and_a_file_that_is_missing_are_named(asked, tmp_path):
    folder, _ = asked
    (tmp_path / "a.jsonl").write_text('{"question": "x", "choice": "A"}\nA\n')
    with pytest.raises(DataError, match=r"a\.jsonl, line 2 is no JSON"):
        elicit(folder, settings=COMPARE, answers=tmp_path / "a.jsonl")
    with pytest.raises(PermanentError, match=r"There is no file .*a\.jsnl.*Did you mean `a\.jsonl`"):
        elicit(folder, settings=COMPARE, answers=tmp_path / "a.jsnl")


def test_answers_are_never_written_over(asked, tmp_path):
    folder, result = asked
    sheet = result.page.parent / "questions.csv"
    filled = answer(sheet, tmp_path / "filled.csv", ["A"])
    before = filled.read_bytes()
    with pytest.raises(PermanentError, match="holds answers already"):
        elicit(folder, settings=COMPARE, questions=filled)
    assert filled.read_bytes() == before
    other = tmp_path / "notes.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(PermanentError, match="no file of questions"):
        elicit(folder, settings=COMPARE, questions=other)
    assert other.read_text() == "a,b\n1,2\n"
    elicit(folder, settings=COMPARE, questions=tmp_path / "next.csv")
    assert (tmp_path / "next.csv").read_bytes() == sheet.read_bytes()
    elicit(folder, settings=COMPARE, questions=tmp_path / "next.csv")  # nothing was filled in


def never_repairs() -> str:
    """A keeper who repairs at wear 3 and above, always, and never below."""
    rng = np.random.default_rng(2)
    lines = ["machine,day,wear,action"]
    for machine in range(10):
        wear = 0
        for day in range(20):
            lines.append(f"m{machine},{86400 * day},{wear},{'repair' if wear >= 3 else 'run'}")
            wear = 0 if wear >= 3 else wear + int(rng.random() < 0.6)
    return "\n".join(lines) + "\n"


def test_weights_that_separate_are_refused_without_a_prior_that_was_stated(tmp_path):
    folder = write_project(tmp_path / "machines", log=never_repairs())
    ingest(folder)
    refused = elicit(folder, settings=COMPARE)
    assert refused.outcome.label == "separation"
    assert refused.product is None
    assert refused.report.data["questions"] == []
    assert "No question was ranked (separation)" in refused.report.data["headline"]
    finding = refused.report.data["findings"][0]
    assert finding["code"] == "belief-separated"
    assert "--prior" in finding["hint"]
    assert main(["elicit", str(folder), "--kind", "comparison", "--pool", "20", "--claim", CLAIM]) == 7
    stated = ElicitSettings(kinds=("comparison",), n_plans=10, prior={"wear": 2.0, "repairs": 5.0})
    result = elicit(folder, settings=stated)
    assert result.outcome.ok
    assert result.report.data["questions"]
    warned = [f for f in result.report.data["findings"] if f["code"] == "belief-separated"]
    assert [f["severity"] for f in warned] == ["warning"]


def test_demonstrations_are_ranked_from_states_of_the_log_and_in_other_worlds(asked, tmp_path, monkeypatch):
    monkeypatch.setattr("telic.workflows.elicit_watching.N_DRAWS", 60)
    folder, _ = asked
    other = write_project(tmp_path / "other", log=keeper_log(12, 20, key=5))
    ingest(other)
    kinds = ("demonstration", "environment")
    settings = ElicitSettings(kinds=kinds, steps=3, n_questions=2, worlds=(str(other),))
    result = elicit(folder, settings=settings)
    data = result.report.data
    starts = [q for q in data["questions"] if q["kind"] == "demonstration"]
    worlds = [q for q in data["questions"] if q["kind"] == "environment"]
    assert len(starts) == 2
    assert starts[0]["gain"] >= starts[1]["gain"]
    worn = {row.split(",")[2] for row in keeper_log(12, 20).splitlines()[1:]}
    assert 2 <= data["random"]["demonstration"]["n_candidates"] <= len(worn)
    assert starts[0]["gain"] > data["random"]["demonstration"]["mean"]
    assert starts[0]["where"].startswith("wear ")
    assert {q["where"] for q in worlds} == {"the world as it is", str(other)}
    for q in data["questions"]:
        assert q["interval"][0] <= q["gain"] <= q["highest_gain"] + 1e-12 <= q["interval"][1] + 1e-12
    # With two actions, none can be taken away.
    assert "world-left-out" in [f["code"] for f in data["findings"]]
    best = max(data["questions"], key=lambda q: q["gain"])
    assert best["gain"] >= data["least_gain"]  # so that watching is worth asking for
    assert data["headline"].startswith(f"{best['steps']} decisions ")
    assert best["where"] in data["headline"]
    sheet = result.page.parent / "questions.csv"
    assert sheet.read_text(encoding="utf-8-sig").strip() == "question,a,b,choice,who"
    # A choice is no answer to a request for decisions.
    (tmp_path / "a.csv").write_text(f"question,choice\n{starts[0]['id']},A\n")
    with pytest.raises(DataError, match="asks for a demonstration, which a choice does not answer"):
        elicit(folder, settings=settings, answers=tmp_path / "a.csv")


def test_plans_may_be_simulated_in_the_estimated_world(asked):
    folder, _ = asked
    result = elicit(
        folder, settings=ElicitSettings(kinds=("comparison",), plans="simulated", n_plans=12, steps=6)
    )
    for q in comparisons(result):
        assert all(label.startswith("simulated ") for label in q["plans"])
        assert np.all(np.array(q["amounts"])[:, 1] <= 6)  # a repair at most a decision
        assert np.all(np.array(q["amounts"])[:, 0] <= 5 * 6)


PEOPLE = """
people:
  purpose: make the trade-off explicit
  legal_basis: consent
  informed_on: 2026-02-20
"""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n_questions": 11}, "`n_questions` must be between 1 and 10, got 11"),
        ({"steps": 0}, "`steps` must be at least 1, got 0"),
        ({"n_draws": 10}, "`n_draws` must be between 100 and 100,000"),
        ({"answer_rationality": 0.0}, "`answer_rationality` must be a finite number above 0"),
        ({"level": 0.4}, "`level` must lie strictly between 0.5 and 1"),
        ({"least_gain": -1.0}, "`least_gain` must be finite and not negative"),
        ({"plans": "logs"}, "no plans of 'logs'. Did you mean `log`?"),
        ({"kinds": ("comparisons",)}, "Did you mean `comparison`?"),
        ({"kinds": ()}, "No kind of question was named"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(SettingsError) as error:
        ElicitSettings(**settings)
    assert said in error.value.message


def test_the_shell_prints_json_and_keeps_its_exit_codes(asked, tmp_path, capsys):
    folder, result = asked
    place = [str(folder), "--kind", "comparison", "--pool", "20", "--claim", CLAIM]
    assert main(["elicit", *place, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == result.report.data
    (tmp_path / "a.csv").write_text("question,choice\nq-1,A\n")
    assert main(["elicit", *place, "--answers", str(tmp_path / "a.csv")]) == 4
    assert "hint: Names of questions stand in the questions.csv" in capsys.readouterr().err
    assert main(["elicit", *place, "--count", "11"]) == 2
    assert main(["elicit", str(tmp_path / "nowhere")]) == 74


def test_claims_come_with_what_is_believed_and_the_chance_that_they_are_settled(asked):
    _, result = asked
    told = result.report.data["claims"]
    assert [c["claim"] for c in told if c["is_asked"]] == [CLAIM]
    weights = result.product.weights
    assert told[0]["share"] == pytest.approx(np.mean(weights[:, 1] < 4 * weights[:, 0]))
    assert told[0]["is_open"]
    # What each question tells about it is by plain Bayes.
    truth = weights[:, 1] < 4 * weights[:, 0]
    for q in comparisons(result):
        p = 1 / (1 + np.exp(-weights @ (np.array(q["amounts"][0]) - np.array(q["amounts"][1]))))
        left = 0.0
        for chance in (p, 1 - p):
            s = float(chance @ truth / chance.sum())
            left += chance.mean() * -(s * np.log(s) + (1 - s) * np.log(1 - s))
        s = truth.mean()
        before = -(s * np.log(s) + (1 - s) * np.log(1 - s))
        assert q["tells"][CLAIM] == pytest.approx(before - left, abs=1e-9)
    assert 0 <= result.report.data["together"]["settles"][CLAIM] <= 1
    assert f"{told[0]['share']:.1%}" in result.page.read_text()


def test_what_no_choice_tells_is_alike_and_where_nothing_is_left_nothing_is_asked(tmp_path):
    """Rain comes and goes whatever is done. Then nobody is asked, for no answer tells 0.7 nats."""
    contract = CONTRACT.replace(
        "observations:\n",
        "observations:\n  - {name: rain, column: rain, type: integer, unit: mm, low: 0, high: 1, bins: null,"
        " affected_by_action: false}\n",
    ).replace("features:\n", 'features:\n  - {name: rain, expression: "rain", unit: mm of rain}\n')
    log = keeper_log(12, 20).splitlines()
    rain = np.random.default_rng(0).integers(0, 2, len(log))
    rows = [log[0] + ",rain"] + [f"{row},{mm}" for row, mm in zip(log[1:], rain, strict=False)]
    folder = write_project(tmp_path / "machines", contract, "\n".join(rows) + "\n")
    ingest(folder)
    result = elicit(folder, settings=ElicitSettings(kinds=("comparison",), n_plans=10, n_questions=2))
    data = result.report.data
    assert data["belief"]["untold"] == ["rain"]
    assert len(data["questions"]) == 2
    for q in data["questions"]:
        assert "rain" not in q["a"] + q["b"]
        assert q["amounts"][0][0] == q["amounts"][1][0]
        assert not [claim for claim in q["settles"] if "rain" in claim]
    nothing = elicit(folder, settings=ElicitSettings(kinds=("comparison",), n_plans=10, least_gain=0.7))
    assert nothing.report.data["questions"] == []
    assert nothing.report.data["headline"].startswith(
        "Nothing is left to learn here: no question would tell more"
    )
    assert "no-question-tells" in [f["code"] for f in nothing.report.data["findings"]]
    assert nothing.outcome.ok
    assert nothing.next_command == f"telic ambiguity {folder}"


def test_a_single_demonstrator_only_where_the_contract_permits_it(asked, tmp_path):
    folder, _ = asked
    with pytest.raises(SettingsError, match="no `people` block"):
        elicit(folder, settings=ElicitSettings(demonstrator="ann"))
    log = keeper_log(16, 20).splitlines()
    rows = [log[0] + ",keeper"] + [row + (",ann" if int(row[1:4]) % 2 else ",bo") for row in log[1:]]
    contract = (
        CONTRACT.replace("trajectory: [machine]", "trajectory: [machine], demonstrator: keeper") + PEOPLE
    )
    shared = write_project(tmp_path / "shared", contract, "\n".join(rows) + "\n")
    ingest(shared)
    with pytest.raises(SettingsError, match="There is no demonstrator 'ann'") as error:
        elicit(shared, settings=ElicitSettings(demonstrator="ann"))
    mine, _ = pseudonyms(["ann", "bo"], "machines")
    assert mine in error.value.hint
    own = ElicitSettings(kinds=("comparison",), n_plans=10, demonstrator=mine)
    result = elicit(shared, settings=own)
    assert 0 < result.report.data["belief"]["n_decisions"] <= 160
    assert f"--demonstrator {mine}" in result.next_command
    names = [q["id"] for q in comparisons(result)]
    (tmp_path / "a.csv").write_text(
        f"question,choice,who\n{names[0]},A,ann\n{names[1]},A,bo\n{names[2]},A,\n"
    )
    heard = elicit(shared, settings=own, answers=tmp_path / "a.csv").report.data
    assert heard["answers"]["n"] == 2
    assert {row["who"] for row in heard["answers"]["rows"]} == {mine, ""}
    assert "answers-of-others" in [f["code"] for f in heard["findings"]]
    (tmp_path / "a.csv").write_text(f"question,choice,who\n{names[0]},A,bo\n")
    with pytest.raises(DataError, match="None of the 1 answers is by"):
        elicit(shared, settings=own, answers=tmp_path / "a.csv")
