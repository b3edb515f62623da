"""Logs without actions: read, refused by what learns from actions, and their actions inferred apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

import telic
from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest, read_demonstrations
from telic.datasets.state_only import infer_actions, read_state_only
from telic.errors import ContractError, DataError, DynamicsError
from telic.trajectories import Demonstrations

MAPPING = {
    "identity": {"task": "walk"},
    "observations": [{"name": "x", "type": "integer", "low": 0, "high": 2}],
    "actions": {"column": None, "values": ["stay", "go"]},
    "data": {"trajectory": "who", "time": "t"},
}
ROWS = "who,t,x\na,1,0\na,2,1\na,3,1\na,4,2\nb,1,2\nb,2,0\n"

# x stays, or with "go" moves on by one with probability .8; at 2 both stay.
MOVES = np.array([[[1, 0, 0], [0.2, 0.8, 0]], [[0, 1, 0], [0, 0.2, 0.8]], [[0, 0, 1], [0, 0, 1]]]).reshape(
    6, 3
)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "walk.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture
def contract():
    return TaskContract.from_mapping(MAPPING)


@pytest.fixture
def seen(contract, log):
    found = read_state_only(contract, log)
    return found.encoded(found.state_space(contract))


def test_it_is_read_like_any_log(seen):
    assert not isinstance(seen, Demonstrations)
    assert seen.observations["x"].tolist() == [0, 1, 1, 2, 2, 0]
    assert seen.trajectory_ids.tolist() == ["a", "b"]
    assert seen.next_known.tolist() == [True, True, True, False, True, False]
    assert [f.code for f in seen.findings if f.code == "state-only"] == ["state-only"]


def test_what_learns_from_actions_refuses_it(contract, log, tmp_path):
    for call in (
        lambda: read_demonstrations(contract, log),
        lambda: ingest(contract, log, DatasetStore(tmp_path / "data")),
        lambda: telic.load(log, contract=contract),
    ):
        with pytest.raises(ContractError, match="names no column of actions"):
            call()
    assert not (tmp_path / "data").exists()


def test_actions_by_bayes(seen):
    guess = infer_actions(seen, sp.csr_array(MOVES))
    # 0 -> 1: only "go"; 1 -> 1: .5 * 1 against .5 * .2; 1 -> 2: "go"; 2 (end): prior; 2 -> 0: impossible, prior; end.
    expected = [[0, 1], [1 / 1.2, 0.2 / 1.2], [0, 1], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]
    np.testing.assert_allclose(guess.probabilities, expected)
    assert guess.is_told.tolist() == [True, True, True, False, False, False]
    assert guess.entropy[0] == 0.0
    assert guess.entropy[3] == pytest.approx(np.log(2))
    assert guess.findings[0].evidence == {"told": 3, "steps": 6, "impossible": 1}
    assert guess.of == seen.digest


def test_the_prior_is_the_callers(seen):
    prior = np.array([[0.9, 0.1]] * 3)
    guess = infer_actions(seen, sp.csr_array(MOVES), prior=prior)
    np.testing.assert_allclose(guess.probabilities[1], [0.9 / 0.92, 0.02 / 0.92])
    np.testing.assert_allclose(guess.probabilities[3], [0.9, 0.1])
    with pytest.raises(DynamicsError, match="rows sum to 1"):
        infer_actions(seen, sp.csr_array(MOVES), prior=prior * 2)


def test_dynamics_of_another_system_are_refused(seen):
    with pytest.raises(DynamicsError, match=r"\(S \* A, S\) with A = 2"):
        infer_actions(seen, sp.csr_array(MOVES[:4]))


def test_a_log_with_actions_is_no_log_of_states(log):
    with pytest.raises(ContractError, match="names a column of actions"):
        read_state_only(
            TaskContract.from_mapping(MAPPING | {"actions": {"column": "a", "values": ["p", "q"]}}), log
        )


def test_states_come_first(contract, log):
    with pytest.raises(DataError, match="no states yet"):
        infer_actions(read_state_only(contract, log), sp.csr_array(MOVES))


def test_its_digest_is_of_its_content(contract, log):
    one, again = read_state_only(contract, log), read_state_only(contract, log)
    assert one.digest == again.digest
    log.write_text(ROWS.replace("b,2,0", "b,2,1"))
    assert read_state_only(contract, log).digest != one.digest


def test_labels_that_were_renamed_are_other_content(contract, log):
    seen = read_state_only(contract, log)
    coded = [replace(seen, categories={"mood": (name, "calm")}) for name in ("busy", "hasty")]
    assert coded[0].digest != coded[1].digest
    assert replace(seen, action_labels=("stay", "leave")).digest != seen.digest


def test_cells_that_choices_decide_need_choices(log):
    auto = TaskContract.from_mapping(MAPPING | {"observations": [{"name": "x"}]})
    with pytest.raises(ContractError, match=r"observations\[0\]\.bins` is `auto`, which choices decide"):
        read_state_only(auto, log).state_space(auto)
