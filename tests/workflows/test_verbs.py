"""The verbs over a small project: keys of the result, nothing redone, refusals, and what is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
from machines import CONTRACT, WORTH, keeper_log, keeper_policy, write_project

from telic.errors import DataError, FeatureError, PermanentError, SettingsError
from telic.reports import Outcome
from telic.workflows import InferSettings, Project, advise, check, infer, ingest, report, run, train

ISSUE_KEYS = [
    "schema_version",
    "method",
    "result",
    "n_decisions",
    "choice_log_likelihood",
    "transition_log_likelihood",
    "log_likelihood",
    "weights",
    "standard_errors",
    "tradeoffs",
    "gauge",
    "nullity",
    "null_directions",
    "certificate",
    "held_out",
    "seconds",
]
QUICK = InferSettings(with_profiles=False)


def data_of(folder, verb):
    return Project.open(folder).find_run(verb).read()


def test_infer_tells_what_the_issue_asks_for(finished_folder):
    data = data_of(finished_folder, "infer")
    assert [key for key in ISSUE_KEYS if key not in data] == []
    assert set(data["standard_errors"]) == {"hessian", "outer_product", "sandwich", "sandwich_clustered"}
    assert set(data["standard_errors"]["hessian"]) == {"wear", "repairs"}
    assert data["log_likelihood"] == pytest.approx(
        data["choice_log_likelihood"] + data["transition_log_likelihood"]
    )
    for key in ("numerator", "denominator", "unit", "value", "interval", "method", "bounded"):
        assert key in data["tradeoffs"][0]
    assert {"score_norm", "bellman_residual"} <= set(data["certificate"])
    held = data["held_out"]
    assert {"nats_per_decision", "bits_per_decision", "baselines"} <= set(held)
    assert set(held["baselines"]) == {"uniform", "behavioural_cloning"}
    assert held["baselines"]["uniform"] == pytest.approx(np.log(0.5))
    assert held["bits_per_decision"] == pytest.approx(held["nats_per_decision"] / np.log(2))


def test_the_keepers_taste_is_found(finished_folder):
    told = data_of(finished_folder, "infer")["tradeoffs"][0]
    low, high = told["interval"]
    assert low <= WORTH <= high
    # 4 standard errors: one false alarm in 16,000.
    assert abs(told["value"] - WORTH) < 4 * (high - low) / 3.92


def test_held_out_likelihood_is_near_that_of_the_truth(finished_folder):
    held = data_of(finished_folder, "infer")["held_out"]
    project = Project.open(finished_folder)
    demos = project.store.load(project.dataset())
    pi = keeper_policy()
    truth = np.log(pi[demos.observations["wear"].astype(int), demos.actions]).mean()
    # All decisions against the held-out fifth: 480 decisions, sd of a log-probability below 0.7.
    assert abs(held["nats_per_decision"] - truth) < 4 * 0.7 / np.sqrt(held["n_decisions"])


def test_people_are_not_told_apart_without_permission(tmp_path):
    named = CONTRACT.replace("data: {trajectory", "data: {demonstrator: keeper, trajectory")
    lines = keeper_log(30, 20).splitlines()
    log = "\n".join(
        [lines[0] + ",keeper", *(f"{line},{'ann' if i < 300 else 'ben'}" for i, line in enumerate(lines[1:]))]
    )
    folder = write_project(tmp_path / "p", named, log + "\n")
    ingest(folder)
    data = infer(folder, settings=QUICK).report.data
    assert data["people"] == {}
    assert data["dataset"]["demonstrators"] == []
    text = json.dumps(data)
    assert "ann" not in text.replace("channel", "")
    assert "no `people` block" in data["dataset"]["sentence"]


def test_the_same_inputs_are_not_done_again(project_folder):
    first = run(project_folder)
    again = run(project_folder)
    assert not first.is_reused
    assert again.is_reused
    assert first.report.data["digest"] == again.report.data["digest"]
    assert first.report.headline == again.report.headline
    other = infer(project_folder, settings=InferSettings(level=0.9, with_profiles=False))
    assert not other.is_reused
    assert other.report.data["digest"] != first.report.data["digest"]


def test_every_verb_says_where_its_page_is_and_what_comes_next(project_folder):
    for verb, result in (
        ("ingest", ingest(project_folder)),
        ("check", check(project_folder)),
        ("infer", infer(project_folder, settings=QUICK)),
        ("train", train(project_folder)),
        ("report", report(project_folder)),
    ):
        assert result.verb == verb
        assert result.page is not None
        assert result.page.is_file()
        assert result.next_command.startswith(("telic ", "open "))
        assert result.report.headline


def test_other_settings_change_what_they_should(project_folder):
    ingest(project_folder)
    plain = infer(project_folder, settings=QUICK).report.data
    wider = infer(project_folder, settings=InferSettings(level=0.99, with_profiles=False)).report.data
    assert np.ptp(wider["tradeoffs"][0]["interval"]) > np.ptp(plain["tradeoffs"][0]["interval"])
    known = InferSettings(with_dynamics_errors=False, with_profiles=False)
    narrower = infer(project_folder, settings=known).report.data
    assert np.ptp(narrower["tradeoffs"][0]["interval"]) < np.ptp(plain["tradeoffs"][0]["interval"])
    doubled = infer(project_folder, settings=InferSettings(rationality=2.0, with_profiles=False)).report.data
    assert doubled["weights"]["wear"] == pytest.approx(plain["weights"]["wear"] / 2, rel=1e-5)
    assert doubled["tradeoffs"][0]["value"] == pytest.approx(plain["tradeoffs"][0]["value"], rel=1e-5)


def test_another_method_agrees_with_the_exact_one(project_folder):
    ingest(project_folder)
    exact = infer(project_folder, settings=QUICK).report.data["tradeoffs"][0]
    other = InferSettings(method="conditional_choice_probability", with_profiles=False)
    quick = infer(project_folder, settings=other).report.data["tradeoffs"][0]
    assert abs(quick["value"] - exact["value"]) < np.ptp(exact["interval"]) / 2


def test_a_method_that_does_not_exist_offers_the_nearest(project_folder):
    ingest(project_folder)
    with pytest.raises(SettingsError, match="Did you mean `max_causal_entropy`"):
        infer(project_folder, settings=InferSettings(method="max_causal_entropi"))


@pytest.mark.parametrize(
    ("setting", "value", "word"),
    [
        ("level", 1.0, "level"),
        ("discount", 1.5, "discount"),
        ("rationality", 0.0, "rationality"),
        ("l2", -1.0, "l2"),
    ],
)
def test_settings_out_of_range_are_refused_at_the_door(setting, value, word):
    with pytest.raises(SettingsError, match=word):
        InferSettings(**{setting: value})


def test_separation_has_no_answer_and_says_so_first(tmp_path):
    # Repairs exactly when wear reaches 3: a fixed rule, so the weights run to infinity.
    lines = ["machine,day,wear,action"]
    for machine in range(30):
        wear = 0
        for day in range(24):
            repair = wear >= 3
            lines.append(f"m{machine},{86400 * day},{wear},{'repair' if repair else 'run'}")
            wear = 0 if repair else wear + (day * 7 + machine) % 2
    folder = write_project(tmp_path / "p", log="\n".join(lines) + "\n")
    result = run(folder)
    assert result.outcome is Outcome.SEPARATION
    assert result.report.headline.startswith("Not an answer (separation)")
    assert result.finding.code == "separation"
    assert "infinity" in result.finding.message
    assert result.report.data["tradeoffs"] == []
    assert result.page.is_file()
    with pytest.raises(SettingsError, match="no answer"):
        train(folder)


def test_no_policy_is_made_of_an_attackers_decisions(tmp_path):
    hostile = CONTRACT.replace("data: {trajectory", "data: {origin: adversary, trajectory")
    folder = write_project(tmp_path / "p", hostile)
    result = run(folder)
    assert [step.verb for step in result.product] == ["ingest", "check", "infer", "report"]
    assert any("not an attribution" in text for text in result.report.data["cautions"])
    with pytest.raises(SettingsError, match="attacker"):
        train(folder)


def test_a_policy_keeps_to_hard_limits(finished_folder):
    folder = Project.open(finished_folder).find_run("train").folder
    with np.load(folder / "policy.npz", allow_pickle=False) as arrays:
        soft, greedy, actions = arrays["soft"], arrays["greedy"], list(arrays["actions"])
        states = list(arrays["states"])
    run_index = actions.index("run")
    # `wear <= 4` is hard: from 4, running may lead to 5.
    four = next(i for i, label in enumerate(states) if label.startswith("wear 4"))
    assert soft[four, run_index] == 0.0
    assert actions[greedy[four]] == "repair"
    assert soft.sum(axis=1) == pytest.approx(np.ones(6))


def test_a_limit_that_nothing_can_keep_is_a_finding(tmp_path):
    neither = "action != 'run' and action != 'repair'"
    folder = write_project(tmp_path / "p", CONTRACT.replace("wear <= 4", neither))
    ingest(folder)
    infer(folder, settings=QUICK)
    found = train(folder).finding
    assert found.code == "hard-limit"
    assert "no action is left" in found.message


def test_the_last_day_is_told_again(finished_folder):
    day = data_of(finished_folder, "train")["last_day"]
    assert day["name"] == "day 39"  # its clock begins at zero: no date is known
    assert not any("1970" in x["time"] for x in day["least_expected"])
    assert day["n_decisions"] == 60  # one decision a machine
    assert sum(sum(row.values()) for row in day["counts"].values()) == 60


def test_the_page_is_drawn_from_the_numbers_alone(finished_folder):
    from telic.workflows.page import build_page

    data = data_of(finished_folder, "infer")
    page = build_page(data).to_html()
    assert page == build_page(json.loads(json.dumps(data))).to_html()
    stored = (Project.open(finished_folder).find_run("infer").folder / "report.html").read_text()
    assert page == stored


def test_progress_counts_the_sections_that_there_are(finished_folder):
    from telic.workflows.page import build_page

    steps = []
    built = build_page(data_of(finished_folder, "infer"), section_done=lambda i, n: steps.append((i, n)))
    assert steps == [(i + 1, len(steps)) for i in range(len(steps))]
    assert len(steps) >= len(built.sections)


def test_one_measurement_makes_lines_and_the_rest_of_the_sections(finished_folder):
    from telic.workflows.page import build_page

    built = build_page(data_of(finished_folder, "infer"))
    anchors = [section.anchor for section in built.sections]
    assert anchors[0] == "tradeoffs"
    assert {"weights", "fields", "choices", "held-out", "identifiability", "robustness", "data"} <= set(
        anchors
    )
    fields = next(section for section in built.sections if section.anchor == "fields")
    assert "lines" in fields.items[0].data


def test_dataset_without_decisions_left_to_fit(tmp_path):
    folder = write_project(tmp_path / "p", log="machine,day,wear,action\n")
    with pytest.raises(DataError):
        run(folder)


def test_a_single_decision_is_not_enough(tmp_path):
    folder = write_project(tmp_path / "p", log="machine,day,wear,action\nm1,0,0,run\n")
    with pytest.raises(DataError):
        run(folder)


def test_nothing_to_ingest_is_said(project_folder):
    (project_folder / "log.csv").unlink()
    with pytest.raises(DataError, match="nothing to ingest") as caught:
        run(project_folder)
    assert "telic ingest" in caught.value.hint


def test_constant_and_collinear_features_are_named(tmp_path):
    doubled = CONTRACT.replace(
        "tradeoffs:", '  - {name: twice, expression: "2 * wear", unit: half step}\ntradeoffs:'
    )
    folder = write_project(tmp_path / "p", doubled)
    ingest(folder)
    with pytest.raises(FeatureError, match="twice"):
        infer(folder, settings=QUICK)


def test_python_callers_get_a_fit_from_nouns_in_hand(finished_folder):
    from telic import StateSpace, estimate_dynamics, load
    from telic.features import from_contract

    project = Project.open(finished_folder)
    demos = load(finished_folder / "log.csv", contract=project.contract)
    space = StateSpace.from_contract(project.contract, demos)
    demos = space.encode(demos)
    world = estimate_dynamics(demos, space, discount=0.9).mdp
    fit = infer(demos, world, from_contract(project.contract, space.cells))
    assert fit.outcome.ok
    assert fit.summary().sections[0].anchor == "tradeoffs"
    assert fit.identifiability().nullity == 0
    told = {t.numerator: t for t in fit.tradeoffs()}
    # Without pairs of a contract, against the best-determined weight, whichever it is.
    value = told["repairs"].value if "repairs" in told else 1 / told["wear"].value
    assert abs(value - WORTH) < 1.0
    assert fit.counterfactual(scale={"repairs": 2.0}).outcome.ok
    assert fit.scores is None  # nothing was held out
    with pytest.raises(SettingsError, match="world and features"):
        infer(demos)


def test_advice_follows_the_data_once_there_are_any(project_folder):
    before = advise(project_folder)
    assert before.report.headline.startswith("Use max_causal_entropy")
    (project_folder / "log.csv").write_text(keeper_log(3, 10))
    ingest(project_folder)
    after = advise(project_folder / "contract.yaml")
    assert after.report.headline.startswith("Do not use inverse RL here yet")
    assert after.finding.code == "too-few-decisions"
    names = {rule["name"] for rule in after.report.data["rules"]}
    assert "few-trajectories" in names


def test_a_result_that_was_removed_is_made_again(project_folder):
    ingest(project_folder)
    infer(project_folder, settings=QUICK)
    folder = Project.open(project_folder).find_run("infer").folder
    (folder / "infer.json").unlink()
    with pytest.raises(PermanentError, match="no finished `infer`"):
        report(project_folder)
    assert not infer(project_folder, settings=QUICK).is_reused


ENDED = CONTRACT.replace("limits:", "outcomes: {terminated: ended}\nlimits:")


def ended_log() -> str:
    """The keeper's log with a column that says on which day a machine was taken out of service."""
    lines = keeper_log(50, 25).splitlines()
    out = [lines[0] + ",ended"]
    for line in lines[1:]:
        machine, day = line.split(",")[0], int(line.split(",")[1]) // 86400
        last = 8 + int(machine[1:]) % 17
        if day <= last:
            out.append(f"{line},{'true' if day == last else 'false'}")
    return "\n".join(out) + "\n"


@pytest.mark.parametrize(
    ("contract", "log", "headline"),
    [
        (CONTRACT.replace("discount: 0.9}", "discount: 0.9, horizon: 40}"), None, "One repair is worth"),
        (CONTRACT.replace("held_out: 0.2", "held_out: 0.0"), None, "One repair is worth"),
        (CONTRACT.replace("discount: 0.9", "discount: 0.0"), None, "cannot be told"),
        (CONTRACT.replace("tradeoffs: [[repairs, wear]]\n", ""), None, "is worth"),
        (
            CONTRACT.replace('  - {name: wear, expression: "wear", unit: step of wear}\n', "").replace(
                "tradeoffs: [[repairs, wear]]\n", ""
            ),
            None,
            "nothing to trade it against",
        ),
        (ENDED, ended_log(), "One repair is worth"),
    ],
    ids=["horizon", "nothing held out", "discount 0", "no pairs", "one feature", "ends by itself"],
)
def test_every_kind_of_contract_goes_the_whole_way(tmp_path, contract, log, headline):
    folder = write_project(tmp_path / "p", contract, log or keeper_log(40, 40))
    ingest(folder)
    result = infer(folder, settings=QUICK)
    assert result.outcome.ok
    assert headline in result.report.headline
    assert train(folder).report.headline
    page = report(folder).page.read_text()
    assert page.count("<figure>") >= 3
