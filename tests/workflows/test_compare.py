"""`compare`: runs and tables side by side in one world, with answers about held-out trajectories."""

from __future__ import annotations

import json

import numpy as np
import pytest
from machines import CONTRACT, DISCOUNT, WEAR, keeper_log, write_project

TRUE = -0.5 * np.arange(WEAR)[:, None] - 2.0 * np.array([0.0, 1.0])[None, :]
"""Reward of the keeper: a row a state of wear, columns run and repair."""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    from telic.workflows import InferSettings, infer, ingest

    folder = write_project(tmp_path_factory.mktemp("compared") / "machines")
    ingest(folder)
    return folder, infer(folder, settings=InferSettings(with_profiles=False, with_dynamics_errors=False))


def save(path, table):
    np.save(path, table)
    return path


def test_the_fit_is_near_the_truth_and_far_from_its_negative(telic, fitted, tmp_path):
    folder, run = fitted
    n = run.product.world.n_states
    table = np.vstack([TRUE, np.zeros((n - WEAR, 2))])
    near = telic("compare", folder, save(tmp_path / "true.npy", table), "--json")
    assert near.status == 0, near.err
    told = json.loads(near.out)
    assert told["distances"]["starc"][0][1] < 0.05
    assert told["rewards"][0]["nullity"] == 0
    assert told["inferences"] == {"machines": run.report.data["digest"]}
    # Shaping and scale do no harm; here V = wear squared, in the world as estimated.
    world, V = run.product.world, np.arange(n) ** 2.0
    shaped = 3 * table + world.discount * (world.transition @ V).reshape(n, 2) - V[:, None]
    same = telic(
        "compare", save(tmp_path / "shaped.npy", shaped), tmp_path / "true.npy", "--world", folder, "--json"
    )
    assert json.loads(same.out)["distances"]["starc"][0][1] == pytest.approx(0.0, abs=1e-6)
    far = telic("compare", folder, save(tmp_path / "against.npy", -table), "--json")
    assert json.loads(far.out)["distances"]["starc"][0][1] > 0.95


def test_a_table_of_text_may_have_names(telic, fitted, tmp_path):
    folder, run = fitted
    n = run.product.world.n_states
    rows = ["run,repair", *(f"{-0.5 * min(s, WEAR)},{-0.5 * min(s, WEAR) - 2}" for s in range(n))]
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    told = telic("compare", tmp_path / "table.csv", folder)
    assert told.status == 0, told.err
    assert "STARC" in told.out


def test_answers_about_held_out_trajectories_are_counted(telic, fitted, tmp_path):
    folder, run = fitted
    kept = run.product.held_out
    names = [str(name) for name in kept.trajectory_ids]
    days = [kept.observations["wear"][a:b] for a, b in zip(kept.offsets, kept.offsets[1:], strict=False)]
    wear = [float(w.sum()) for w in days]
    rows = ["first,second,preferred"]
    for i in range(0, len(names) - 1, 2):
        rows.append(f"{names[i]},{names[i + 1]},{'first' if wear[i] < wear[i + 1] else 'second'}")
    (tmp_path / "answers.csv").write_text("\n".join(rows) + "\n")
    n = run.product.world.n_states
    other = save(tmp_path / "wear.npy", -np.minimum(np.arange(n), WEAR)[:, None] * np.ones((1, 2)))
    told = telic("compare", folder, other, "--answers", tmp_path / "answers.csv", "--json")
    assert told.status == 0, told.err
    _, accuracy = [r["accuracy"] for r in json.loads(told.out)["rewards"]]
    # The answers go by wear as it is, a return by wear discounted.
    worn = [float(w @ DISCOUNT ** np.arange(len(w))) for w in days]
    pairs = [(i, i + 1) for i in range(0, len(names) - 1, 2)]
    right = [(wear[i] < wear[j]) == (worn[i] < worn[j]) for i, j in pairs]
    assert (accuracy["n"], accuracy["value"]) == (len(pairs), pytest.approx(np.mean(right)))
    assert 0 < np.mean(right) < 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("first,second\na,b\n", "needs the columns first, second, preferred"),
        (
            "first,second,preferred\nm000,m001,yes\n",
            "`preferred` must be one of first, second, tie, got 'yes'",
        ),
        (
            "first,second,preferred\nm000,nobody,first\n",
            "names 1 trajectories that the data do not have: nobody",
        ),
    ],
)
def test_answers_that_cannot_be_read_say_why(telic, fitted, tmp_path, text, said):
    (tmp_path / "answers.csv").write_text(text)
    table = save(tmp_path / "t.npy", np.ones(fitted[1].product.world.n_states))
    told = telic("compare", fitted[0], table, "--answers", tmp_path / "answers.csv")
    assert told.status == 4
    assert said in " ".join(told.err.split())


def test_what_cannot_be_compared_is_said(telic, fitted, tmp_path):
    folder, _ = fitted
    a, b = save(tmp_path / "a.npy", np.ones(3)), save(tmp_path / "b.npy", np.ones((3, 2)))
    told = telic("compare", a, b)
    assert told.status == 2
    assert "--world FOLDER" in told.err
    told = telic("compare", folder, folder)
    assert told.status == 2
    assert "compared with itself" in told.err
    assert telic("compare", folder, a).status == 5  # of other states
    told = telic("compare", folder, tmp_path / "nothing.npy")
    assert told.status == 74
    assert "There is no file" in told.err
    np.save(tmp_path / "text.npy", np.array(["x"]))
    told = telic("compare", folder, tmp_path / "text.npy")
    assert told.status == 4
    assert "not numbers" in told.err


def test_rewards_in_other_gauges_are_refused_unless_asked_for(telic, fitted):
    folder, run = fitted
    from telic.workflows import InferSettings, infer

    other = infer(folder, settings=InferSettings(discount=0.8, with_profiles=False))
    runs = folder / "runs"
    first, second = (runs / r.report.data["digest"].removeprefix("sha256:")[:12] for r in (run, other))
    told = telic("compare", first, second)
    assert told.status == 6
    assert "discount 0.9 against 0.8" in told.err
    flagged = telic("compare", first, second, "--mixed-gauges", "--json")
    assert flagged.status == 0, flagged.err
    assert "mixed-gauges" in {f["code"] for f in json.loads(flagged.out)["findings"]}


def test_a_single_demonstrator_is_compared_with_another_and_with_all(telic, tmp_path):
    """Ann's repairs are worth 4 units of wear, and bo's as well: two samples of one keeper."""
    from telic.workflows import InferSettings, infer, ingest

    log = keeper_log(30, 30).splitlines()
    rows = [log[0] + ",keeper"] + [row + (",ann" if int(row[1:4]) % 2 else ",bo") for row in log[1:]]
    contract = CONTRACT.replace("trajectory: [machine]", "trajectory: [machine], demonstrator: keeper")
    contract += "people: {purpose: agree on one, legal_basis: consent, informed_on: 2026-02-20}\n"
    folder = write_project(tmp_path / "shared", contract, "\n".join(rows) + "\n")
    ingest(folder)
    run = infer(folder, settings=InferSettings(with_profiles=False, with_dynamics_errors=False))
    ann, bo = run.report.data["people"]
    told = telic("compare", folder, folder, "--demonstrator", ann, "--demonstrator", bo, "--json")
    assert told.status == 0, told.err
    two = json.loads(told.out)
    assert [r["name"] for r in two["rewards"]] == [f"{ann} of shared", f"{bo} of shared"]
    one = json.loads(telic("compare", folder, folder, "--demonstrator", ann, "--json").out)
    assert [r["name"] for r in one["rewards"]] == [f"{ann} of shared", "shared"]
    # All together lies between the two.
    assert 0 < one["distances"]["starc"][0][1] < two["distances"]["starc"][0][1] < 0.3
    table = save(tmp_path / "t.npy", np.ones(run.product.world.n_states))
    for words, said in [
        (
            [folder, folder, "--demonstrator", ann[:-1]],
            f"has no reward of '{ann[:-1]}'. Did you mean `{ann}`?",
        ),
        ([folder, folder, "--demonstrator", ann, "--demonstrator", ann], "compared with itself"),
        ([table, folder, "--demonstrator", ann], "is a table, which is nobody's reward"),
        ([folder, folder, *["--demonstrator", ann] * 3], "at most two demonstrators can be named, got 3"),
    ]:
        refused = telic("compare", *words)
        assert refused.status == 2
        assert said in " ".join(refused.err.split())


def test_nobody_is_compared_alone_where_the_contract_permits_no_word_about_people(telic, fitted):
    told = telic("compare", fitted[0], fitted[0], "--demonstrator", "ann")
    assert told.status == 2
    assert "has no `people` block" in " ".join(told.err.split())
