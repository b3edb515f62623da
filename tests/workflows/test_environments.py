"""Several environments with one reward: what each tells, the joint fit, and every decision by its own policy.

A lamp and a switch, wired straight (up lights it) or crossed (up puts it out). Light is worth something and so
is pushing up. With one wiring the lamp is lit exactly where the switch was put, so only one combination of the
two shows in choices: with V = 1[lit], V - 0.9 E V(s') = 1[lit] - 0.9 * 1[up] in straight rooms, and, up to a
constant, 1[lit] + 0.9 * 1[up] in crossed ones. No direction is null in both. Policies, log and the maximum of
the likelihood are made here by plain numpy and scipy.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from machines import write_project
from scipy.optimize import minimize

from telic.errors import ContractError, DataError, SettingsError
from telic.workflows import InferSettings, Project, check, infer, ingest, report, train

DISCOUNT = 0.9
TASTE = np.array([0.8, -0.5])  # light, up
WIRINGS = ("straight", "crossed")
CONTRACT = """
schema_version: 1
identity: {task: lamps}
observations:
  - {name: lit, type: boolean, affected_by_action: true}
  - {name: wiring, type: category, affected_by_action: false}
actions: {column: action, values: [down, up]}
timing: {discount: 0.9}
features:
  - {name: light, expression: "lit", unit: hour of light}
  - {name: up, expression: "action == 'up'", unit: push}
tradeoffs: [[light, up]]
dynamics: {smoothing: 0, environment: wiring}
data: {trajectory: room, time: hour, time_format: seconds, held_out: 0.25, key: 0}
"""
QUICK = InferSettings(with_profiles=False)


def next_lit(wiring):
    """``(2, 2)`` whether the lamp is lit after each action, whatever it was before."""
    return np.array([[0, 1], [0, 1]]) if wiring == "straight" else np.array([[1, 0], [1, 0]])


def soft_log_policy(weights, wiring):
    """``(2, 2)`` log-probability of down and up, dark and lit."""
    reward = weights[0] * np.array([[0.0], [1.0]]) + weights[1] * np.array([[0.0, 1.0]])
    V = np.zeros(2)
    for _ in range(600):
        Q = reward + DISCOUNT * V[next_lit(wiring)]
        V = np.logaddexp(Q[:, 0], Q[:, 1])
    return Q - V[:, None]


def lamp_log(wirings=WIRINGS, n_rooms=40, n_hours=30):
    rng = np.random.default_rng(5)
    lines = ["room,hour,lit,wiring,action"]
    for wiring in wirings:
        pi = np.exp(soft_log_policy(TASTE, wiring))
        for room in range(n_rooms):
            lit = int(rng.random() < 0.5)
            for hour in range(n_hours):
                up = int(rng.random() < pi[lit, 1])
                lines.append(
                    f"{wiring}-{room},{3600 * hour},{'true' if lit else 'false'},{wiring},"
                    f"{'up' if up else 'down'}"
                )
                lit = int(next_lit(wiring)[lit, up])
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("lamps") / "lamps", CONTRACT, lamp_log())


@pytest.fixture(scope="module")
def fit(folder):
    ingest(folder)
    return infer(folder, settings=QUICK).product


@pytest.fixture(scope="module")
def told(folder, fit):
    return Project.open(folder).find_run("infer").read()


def decisions(fit):
    """Counts ``(part, wiring, lit, action)`` of fitted and of held-out decisions."""
    counts = np.zeros((2, 2, 2, 2))
    for i, demos in enumerate((fit.demos, fit.held_out)):
        wiring = np.array(demos.categories["wiring"])[demos.observations["wiring"]]
        codes = np.array([WIRINGS.index(w) for w in wiring])
        np.add.at(counts[i], (codes, demos.observations["lit"].astype(int), demos.actions), 1)
    return counts


def test_each_wiring_alone_leaves_a_direction_and_both_leave_none(told):
    found = told["identifiability"]
    assert [(s["rank_alone"], s["nullity"], s["removed"]) for s in found["steps"]] == [(1, 1, 1), (1, 0, 1)]
    assert found["nullity"] == told["nullity"] == 0
    assert found["words"] == []
    for step in found["steps"]:
        assert len(step["words"]) == 1
        assert "light and up only through" in step["words"][0]
    assert found["environment_words"][-1] == (
        "Both values of wiring together leave no directions untold; the best of them alone leaves 1 direction."
    )


def test_one_wiring_alone_cannot_tell_the_weights(tmp_path):
    alone = CONTRACT.replace("  - {name: wiring, type: category, affected_by_action: false}\n", "")
    alone = alone.replace(", environment: wiring", "")
    folder = write_project(tmp_path / "straight", alone, lamp_log(("straight",)))
    ingest(folder)
    data = infer(folder, settings=QUICK).report.data
    assert data["nullity"] == 1
    assert abs(data["null_directions"][0]["up"] / data["null_directions"][0]["light"] + 0.9) < 1e-9
    assert data["tradeoffs"][0]["value"] is None
    # At another discount g the null direction is (1, -g): together they leave none.
    second = data["identifiability"]["second_discount"]
    assert second["nullity"] == 0
    assert second["discount"] != DISCOUNT
    assert second["sentence"].endswith("as well would leave no directions untold, instead of 1.")


def test_weights_are_the_maximum_of_the_joint_likelihood(fit, told):
    fitted = decisions(fit)[0]

    def loss(weights):
        return -sum((fitted[i] * soft_log_policy(weights, w)).sum() for i, w in enumerate(WIRINGS))

    best = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})
    assert [told["weights"]["light"], told["weights"]["up"]] == pytest.approx(best.x.tolist(), abs=1e-5)
    assert told["choice_log_likelihood"] == pytest.approx(-best.fun, abs=1e-6)
    errors = told["standard_errors"]["sandwich_clustered"]
    for name, true in zip(("light", "up"), TASTE, strict=True):  # 4.5 errors: one false alarm in 1e5
        assert abs(told["weights"][name] - true) < 4.5 * errors[name]


def test_every_decision_is_judged_by_the_policy_of_its_own_wiring(fit, told):
    weights = np.array([told["weights"]["light"], told["weights"]["up"]])
    held = decisions(fit)[1]
    own = [soft_log_policy(weights, w) for w in WIRINGS]
    nats = sum((held[i] * own[i]).sum() for i in range(2)) / held.sum()
    assert told["held_out"]["nats_per_decision"] == pytest.approx(nats, abs=1e-8)
    panel = next(p for p in told["choices"]["panels"] if p["title"] == "wiring")
    at = [panel["cells"].index(w) for w in WIRINGS]
    for i, wiring in enumerate(WIRINGS):
        shares = held[i].sum(axis=1) / held[i].sum()
        predicted = shares @ np.exp(own[i])
        assert panel["predicted"][at[i]] == pytest.approx(predicted.tolist(), abs=1e-8), wiring


def test_training_gives_a_policy_for_each_wiring(folder, told):
    weights = np.array([told["weights"]["light"], told["weights"]["up"]])
    train(folder)
    run = Project.open(folder).find_run("train")
    with np.load(io.BytesIO((run.folder / "policy.npz").read_bytes()), allow_pickle=False) as file:
        soft, states, where = file["soft"], file["states"], file["environments"]
    assert set(where) == {f"wiring {w}" for w in WIRINGS}
    for wiring in WIRINGS:
        rows = np.flatnonzero(where == f"wiring {wiring}")
        lit = [int("lit 1" in str(states[i])) for i in rows]
        assert sorted(lit) == [0, 1]
        expected = np.exp(soft_log_policy(weights, wiring))[lit]
        assert soft[rows] == pytest.approx(expected, abs=1e-8)
    assert "a policy for each wiring" in run.read()["headline"]


def test_page_and_terminal_show_what_each_wiring_adds(folder, told):
    page = report(folder).page.read_text()
    text = infer(folder, settings=QUICK).report.to_text(width=120)
    for shown in (page, text):
        assert "What each wiring adds" in shown
        assert "Wiring straight alone leaves 1 direction" in " ".join(shown.split())
    assert "second_discount" not in told["identifiability"]  # there is nothing left to tell
    assert any("same in every wiring" in sentence for sentence in told["assumptions"])


def test_a_wiring_that_changes_within_a_trajectory_is_refused(tmp_path):
    lines = lamp_log().splitlines()
    lines[10] = lines[10].replace(",straight,", ",crossed,")
    folder = write_project(tmp_path / "changed", CONTRACT, "\n".join(lines) + "\n")
    ingest(folder)
    for verb in (check, infer):
        with pytest.raises(DataError, match="`wiring` must be the same within a trajectory") as caught:
            verb(folder)
        assert "data.trajectory" in caught.value.hint


def test_a_wiring_without_data_is_named(tmp_path):
    listed = CONTRACT.replace("type: category,", "type: category, values: [straight, crossed, none],")
    folder = write_project(tmp_path / "missing", listed, lamp_log())
    ingest(folder)
    with pytest.raises(DataError, match="where wiring none") as caught:
        infer(folder, settings=QUICK)
    assert "Leave it out of `values`" in caught.value.hint


def test_a_method_that_cannot_do_several_says_what_can(folder, fit):
    with pytest.raises(SettingsError, match="environments") as caught:
        infer(folder, settings=InferSettings(method="conditional_choice_transitions"))
    assert "max_causal_entropy" in caught.value.hint
    quick = InferSettings(method="conditional_choice_probability", with_profiles=False)
    exact = infer(folder, settings=QUICK).report.data["tradeoffs"][0]
    other = infer(folder, settings=quick).report.data["tradeoffs"][0]
    assert abs(other["value"] - exact["value"]) < np.ptp(exact["interval"]) / 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("environment: wiring", "environment: wirring"), "No observation is called `wirring`"),
        (("environment: wiring", "environment: hour"), "No observation is called `hour`"),
        (
            ("type: category, affected_by_action: false", "type: category, in_state: false"),
            "part of the state",
        ),
        (
            ("type: category, affected_by_action: false", "type: category, affected_by_action: true"),
            "no action",
        ),
        (("type: category, affected_by_action: false", "type: integer, bins: null"), "of type integer"),
    ],
)
def test_what_is_wrong_with_the_field_is_said_in_the_contract(tmp_path, change, message):
    folder = write_project(tmp_path / "wrong", CONTRACT.replace(*change), lamp_log())
    with pytest.raises(ContractError, match=message):
        ingest(folder)


def test_dynamics_from_one_trajectory_are_named_since_resamples_of_it_do_not_differ(tmp_path):
    contract = CONTRACT.replace("held_out: 0.25", "held_out: 0")
    head, *lines = lamp_log(n_rooms=20).splitlines()
    kept = [line for line in lines if "straight" in line or line.startswith("crossed-0,")]
    told = {}
    for name, log in {"lone": kept, "both": lines}.items():
        folder = write_project(tmp_path / name, contract, "\n".join([head, *log]) + "\n")
        ingest(folder)
        told[name] = [
            f
            for f in infer(folder, settings=QUICK).report.data["findings"]
            if f["code"] == "one-trajectory-dynamics"
        ]
    assert told["both"] == []
    (finding,) = told["lone"]
    assert finding["message"] == (
        "The dynamics of wiring crossed are estimated from one trajectory: their error cannot be told and is"
        " counted as zero, so the intervals are too narrow."
    )


def test_one_trajectory_in_all_adds_no_errors_of_dynamics_that_are_zero(tmp_path):
    contract = CONTRACT.replace("held_out: 0.25", "held_out: 0").replace(", environment: wiring", "")
    contract = contract.replace("  - {name: wiring, type: category, affected_by_action: false}\n", "")
    head, *lines = lamp_log(("straight",), n_rooms=1, n_hours=300).splitlines()
    folder = write_project(tmp_path / "one", contract, "\n".join([head, *lines]) + "\n")
    ingest(folder)
    data = infer(folder, settings=QUICK).report.data
    assert data["standard_errors_dynamics"] is None
    (finding,) = [f for f in data["findings"] if f["code"] == "one-trajectory-dynamics"]
    assert finding["message"].startswith("The dynamics are estimated from one trajectory: their error")
