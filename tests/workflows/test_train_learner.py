"""``train`` with settings: what a learner comes to, again from its own settings, and what is wrong is said."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
import yaml
from odd_sinks import Broken, fake_sinks

pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.policies import NetworkPolicy
from telic.reports import Outcome
from telic.workflows import train
from telic.workflows.checkpoints import described
from telic.workflows.methods import METHODS, Needs
from telic.workflows.policy_files import read_policy
from telic.workflows.stopped import Stopped

SHOP = """
schema_version: 1
identity: {task: shop, owner: shop, domain: operations}
observations:
  - {name: stock, type: number, low: 0, high: 10, bins: 5}
  - {name: price, type: number, low: 0, high: 2, in_state: false}
  - {name: profit, type: number, in_state: false}
actions: {column: order, type: category, values: [none, some]}
data: {trajectory: [week], time: t, time_format: seconds, held_out: 0, key: 0}
"""
PPO = {
    "method": "ppo",
    "environment": {"simulator": "cartpole"},
    "steps": 4,
    "settings": {"n_envs": 4, "n_steps": 8, "n_minibatches": 2, "n_epochs": 1, "hidden": [4]},
}
TINY = {"hidden": [8], "batch": 32, "n_inner": 2}


def shop_log() -> str:
    """Weeks of a shop where ordering pays when stock is low: one more sold, worth 2, for a cost of 1."""
    rng = np.random.default_rng(5)
    lines = ["week,t,stock,price,profit,order"]
    for week in range(8):
        stock = rng.uniform(0, 10)
        for t in range(20):
            some = bool(rng.random() < 0.5)
            profit = (2.0 if stock < 5 else 0.0) * some - 1.0 * some
            lines.append(
                f"w{week},{t},{stock:.4f},{rng.uniform(0, 2):.4f},{profit},{'some' if some else 'none'}"
            )
            stock = float(np.clip(stock + 2.0 * some - 1.0 + 0.3 * rng.normal(), 0, 10))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "contract.yaml").write_text(SHOP)
    (folder / "log.csv").write_text(shop_log())
    return folder


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """PPO for four small steps, undisturbed."""
    out = tmp_path_factory.mktemp("learned") / "run"
    return train(settings=PPO, out=out)


def file_of(folder, settings):
    path = folder / "s.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def test_a_run_is_made_again_from_what_it_wrote(telic, learned, tmp_path, monkeypatch) -> None:
    """By the command, and with a sink whose disk fills up after the first step: it changes nothing and is said."""
    folder, found = learned.page.parent, learned.report.data
    assert learned.outcome is Outcome.SUCCESS and isinstance(learned.product, NetworkPolicy)
    assert read_policy(folder / "policy.npz").digest == found["policy_digest"]
    told = yaml.safe_load((folder / "settings.yaml").read_text())
    assert told["settings"]["learning_rate"] == METHODS["ppo"].defaults()["learning_rate"]
    assert told["settings"]["n_updates"] == 4.0  # the rate falls over the steps of this run
    assert len(found["curve"]["loss"]) == 4 and not (folder / "checkpoints").exists()
    first, second = found["returns"]
    assert first["n_episodes"] == 20 and second["interval"][0] < second["mean_return"] < second["interval"][1]
    # A pole that is pushed by chance falls after some 22 decisions (Gymnasium's random agent).
    assert 15 < second["mean_return"] < 32
    fake_sinks(monkeypatch, lambda about: Broken(2, OSError(28, "No space left on device")))
    words = ("--out", tmp_path / "again", "--sink", "broken", "--sink", "console", "--json")
    again = telic("train", "--settings", folder / "settings.yaml", *words)
    assert again.status == 0, again.err
    other = json.loads(again.out)
    assert other["curve"] == found["curve"] and [f["code"] for f in other["findings"]] == ["sink-failed"]
    assert "`broken` failed in step 2" in again.err.split("step 3: ")[0]  # said at once
    assert len(re.findall("^step [1-4]: loss", again.err, re.MULTILINE)) == 4
    assert other["policy_digest"] == found["policy_digest"] and other["digest"] == found["digest"]
    assert (folder / "settings.yaml").read_bytes() == (tmp_path / "again" / "settings.yaml").read_bytes()
    assert (
        "nothing was done again"
        in telic("train", "--settings", folder / "settings.yaml", "--out", folder).err
    )


@pytest.mark.slow
def test_stopped_it_goes_on_to_the_same_policy(telic, learned, tmp_path) -> None:
    def stopping(stage: str, done: float, total: float | None, note: str = "") -> None:
        if stage == "training" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(Stopped) as stop:
        train(settings=PPO, out=tmp_path / "run", progress=stopping)
    assert "after step 2 of 4" in stop.value.message
    assert f"telic train --resume {tmp_path / 'run'}" in stop.value.hint
    shutil.copytree(tmp_path / "run", tmp_path / "of another version")
    told = telic("train", "--resume", tmp_path / "run", "--json")
    assert told.status == 0, told.err
    found = json.loads(told.out)
    assert found["policy_digest"] == learned.report.data["policy_digest"] and len(found["curve"]["loss"]) == 2
    path = tmp_path / "of another version" / "settings.yaml"
    path.write_text(path.read_text().replace("learning_rate: 0.0025", "learning_rate: 0.1"))
    told = telic("train", "--resume", path.parent)
    assert told.status == 2 and "learning_rate was 0.0025, is 0.1" in told.err


def test_a_record_with_logged_rewards_teaches_when_to_order(telic, shop, tmp_path) -> None:
    settings = {
        "method": "iql",
        "dataset": {"path": str(shop / "log.csv"), "contract": str(shop / "contract.yaml")},
        "reward": {"column": "profit"},
        "steps": 3,
        # With discount 0 what an action is worth is its profit alone: order where stock is below 5.
        "settings": {"hidden": [16], "n_inner": 100, "batch": 64, "learning_rate": 0.01, "discount": 0.0}
        | {"sharpness": 10.0, "expectile": 0.5},
    }
    told = telic("train", "--settings", file_of(tmp_path, settings), "--out", tmp_path / "run", "--json")
    assert told.status == 0, told.err
    found = json.loads(told.out)
    policy = read_policy(tmp_path / "run" / "policy.npz")
    assert policy.mode(np.array([[1.0], [2.0], [8.0], [9.0]])).tolist() == [1, 1, 0, 0]
    assert (
        found["alike"]["n_decisions"] == 152 and found["returns"] is None
    )  # the last of a week is of unknown outcome
    kept = yaml.safe_load((tmp_path / "run" / "settings.yaml").read_text())
    assert kept["observations"] == ["stock"] and kept["dataset"]["digest"].startswith("sha256:")


@pytest.mark.slow
def test_an_inferred_reward_is_learned_from(telic, finished_folder, tmp_path) -> None:
    settings = {"method": "cql", "reward": {"inference": "newest"}, "steps": 1, "settings": TINY}
    path = file_of(tmp_path, settings)
    told = telic("train", finished_folder, "--settings", path, "--out", tmp_path / "run", "--json")
    assert told.status == 0, told.err
    kept = yaml.safe_load((tmp_path / "run" / "settings.yaml").read_text())
    newest = json.loads((finished_folder / "runs" / "latest.json").read_text())["infer"]
    assert kept["reward"] == {"inference": newest}


def test_a_world_outside_goes_by_what_is_known_of_it() -> None:
    """Two learners of the same settings are the same to a checkpoint, though their environments are two objects."""
    pytest.importorskip("gymnasium", reason="NOT RUN: the extra `robots` is not installed")
    from telic.workflows.learning_worlds import environment_of

    world = environment_of({"gymnasium": "CartPole-v1", "n_envs": 2})
    resolved = METHODS["ppo"].resolved({"hidden": [4], "n_minibatches": 1}, without=world.said_elsewhere)
    one, two = (described(world.learner(METHODS["ppo"], resolved)) for _ in range(2))
    assert one == two
    other = environment_of({"gymnasium": "CartPole-v1", "n_envs": 4})
    assert described(other.learner(METHODS["ppo"], resolved)) != one


WRONG = {
    "method": ({"method": "pppo"}, "Did you mean `ppo`"),
    "none": ({"method": None}, "name no `method`"),
    "of imitate": ({"method": "cloning"}, "Use `telic imitate`"),
    "setting": ({"settings": {"n_evns": 4}}, "Did you mean `n_envs`"),
    "out of range": ({"settings": {"clip": 2.0}}, r"`clip` must lie in \(0, 1\)"),
    "top": ({"stepz": 1}, "Did you mean `steps`"),
    "steps": ({"steps": 0}, "at least 1"),
    "simulator": ({"environment": {"simulator": "cartpol"}}, "Did you mean `cartpole`"),
    "no such id": (
        {"environment": {"gymnasium": "CartPole-v99"}, "settings": {}},
        "cannot make `CartPole-v99`",
    ),
    "near id": ({"environment": {"gymnasium": "CartPol-v1"}, "settings": {}}, "Did you mean `CartPole-v1`"),
    "an option": (
        {"environment": {"gymnasium": "CartPole-v1", "options": {"wind": 1}}, "settings": {}},
        "cannot make",
    ),
    "streams": ({"environment": {"gymnasium": "CartPole-v1"}}, "environment: {n_envs: 8}"),
    "both": ({"dataset": {"path": "log.csv"}}, "no data are learned from"),
    "neither": ({"environment": {}}, "must name a `simulator`"),
    "nothing": ({"environment": None}, "neither an `environment` nor data"),
    "amounts": ({"method": "sac", "settings": {}}, "takes amounts"),
    "choices": ({"method": "dqn", "environment": {"simulator": "pendulum"}, "settings": {}}, "takes choices"),
    "a record": ({"method": "iql", "settings": {}}, "needs a record with rewards"),
    "outside": (
        {"method": "dqn", "environment": {"gymnasium": "CartPole-v1"}, "settings": {}},
        "needs a compiled simulator",
    ),
    "enough": ({"stop_at_return": "much"}, "must be a number"),
    "version": ({"schema_version": 2}, "form 2"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_settings_that_are_wrong_are_said(telic, tmp_path, case) -> None:
    pytest.importorskip("gymnasium", reason="NOT RUN: the extra `robots` is not installed")
    change, message = WRONG[case]
    settings = {name: value for name, value in {**PPO, **change}.items() if value is not None}
    told = telic("train", "--settings", file_of(tmp_path, settings), "--out", tmp_path / "run")
    assert told.status == 2, told.err
    assert re.search(message, told.err), told.err
    assert not (tmp_path / "run").exists()


WRONG_RECORD = {
    "no reward": ({"reward": None}, 2, "logged `column` or an `inference`"),
    "column": ({"reward": {"column": "proft"}}, 4, "Did you mean `profit`"),
    "inference": ({"reward": {"inference": "newest"}}, 2, "that of a project"),
    "attackers": ({"origins": ["adversary"]}, 2, "attacker"),
    "digest": ({"dataset": {"digest": "sha256:0"}}, 4, "of digest sha256:0"),
    "bounds": ({"method": "td3_bc", "amounts": {"price": [0, 1]}}, 4, "lie between the bounds"),
    "choices": ({"method": "td3_bc"}, 2, "amounts"),
}


@pytest.mark.parametrize("case", list(WRONG_RECORD))
def test_records_that_do_not_fit_are_said(telic, shop, tmp_path, case) -> None:
    change, status, message = WRONG_RECORD[case]
    place = {"path": str(shop / "log.csv"), "contract": str(shop / "contract.yaml")}
    settings = {"method": "iql", "reward": {"column": "profit"}, **change}
    settings["dataset"] = {**place, **settings.get("dataset", {})}
    settings = {name: value for name, value in settings.items() if value is not None}
    told = telic("train", "--settings", file_of(tmp_path, settings), "--out", tmp_path / "run")
    assert told.status == status and message in told.err, told.err


def test_neither_a_project_nor_settings(telic) -> None:
    told = telic("train")
    assert told.status == 2 and "neither a project nor settings" in told.err


RUN_ABOVE = ("ppo", "iql", "cql")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [m.name for m in METHODS.values() if m.verb == "train" and m.name not in RUN_ABOVE]
)
def test_every_other_learner_runs_from_a_settings_file(telic, shop, tmp_path, name) -> None:
    """The smallest run of each, to a policy file that is read back."""
    method, known = METHODS[name], METHODS[name].defaults()
    small = {
        "n_envs": 4,
        "n_steps": 4,
        "n_minibatches": 1,
        "hidden": [4],
        "batch": 8,
        "n_inner": 2,
        "n_random": 4,
    }
    small = {k: v for k, v in {**small, "capacity": 64, "n_samples": 2}.items() if k in known}
    settings = {"method": name, "steps": 1, "settings": small}
    if Needs.SIMULATOR in method.worlds:
        world = "pendulum" if "one choice" not in method.actions else "cartpole"
        settings["environment"] = {"simulator": world}
    else:
        settings |= {
            "dataset": {"path": str(shop / "log.csv"), "contract": str(shop / "contract.yaml")},
            "reward": {"column": "profit"},
            **({"amounts": ["price"]} if "one choice" not in method.actions else {}),
        }
    told = telic("train", "--settings", file_of(tmp_path, settings), "--out", tmp_path / "run", "--json")
    assert told.status == 0, told.err
    assert read_policy(tmp_path / "run" / "policy.npz").digest == json.loads(told.out)["policy_digest"]
