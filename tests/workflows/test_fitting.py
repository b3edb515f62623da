"""Long fits are kept and taken up again; methods are chosen by name."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import SettingsError
from telic.workflows import Project, ingest
from telic.workflows.fitting import Checkpoint, fit_reward
from telic.workflows.problem import pose


@pytest.fixture(scope="module")
def problem(finished_folder):
    project = Project.open(finished_folder)
    return pose(project.contract, project.store.load(project.dataset()))


def test_a_checkpoint_is_plain_arrays_and_comes_back(tmp_path):
    keeper = Checkpoint(tmp_path / "state.npz")
    keeper.keep(
        {"kind": "newton", "weights": np.arange(3.0), "radius": 0.5, "iteration": 4, "warm_start": None}
    )
    assert not (tmp_path / "state.npz").exists()  # short work writes nothing
    keeper.write()
    found = Checkpoint(tmp_path / "state.npz").load()
    assert found["kind"] == "newton"
    assert found["iteration"] == 4
    assert found["radius"] == 0.5
    assert np.array_equal(found["weights"], np.arange(3.0))
    assert "warm_start" not in found
    keeper.discard()
    assert Checkpoint(tmp_path / "state.npz").load() is None


def test_a_damaged_checkpoint_counts_as_none(tmp_path):
    (tmp_path / "state.npz").write_bytes(b"PK\x03\x04 cut off")
    assert Checkpoint(tmp_path / "state.npz").load() is None
    (tmp_path / "state.npz").write_bytes(b"")
    assert Checkpoint(tmp_path / "state.npz").load() is None


def test_an_interrupted_fit_goes_on_where_it_was(problem, tmp_path, monkeypatch):
    whole = fit_reward(problem, problem.train)
    path = tmp_path / "state.npz"
    steps = []

    def stop_at_two(stage, done, total, note=""):
        steps.append(done)
        if done >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_reward(problem, problem.train, checkpoint=Checkpoint(path), progress=stop_at_two)
    assert path.is_file()
    state = Checkpoint(path).load()
    assert state["iteration"] >= 1

    again = []
    resumed = fit_reward(
        problem,
        problem.train,
        checkpoint=Checkpoint(path),
        progress=lambda stage, done, total, note="": again.append(done),
    )
    assert min(again[:-1]) >= state["iteration"]  # it did not begin anew; the last call says that it is done
    assert resumed.weights == pytest.approx(whole.weights, rel=1e-8)
    assert not path.exists()


def test_every_method_for_projects_gives_the_same_taste(problem):
    exact = fit_reward(problem, problem.train)
    error = exact.standard_errors("hessian")
    for method in ("conditional_choice_probability", "conditional_choice_transitions"):
        other = fit_reward(problem, problem.train, method=method)
        assert other.outcome.ok
        assert np.all(np.abs(other.weights - exact.weights) < 2 * error), method


def test_an_unknown_method_lists_those_there_are(problem):
    with pytest.raises(SettingsError, match="No method 'newton' fits a project") as caught:
        fit_reward(problem, problem.train, method="newton")
    assert "max_causal_entropy" in caught.value.hint


def test_no_data_left_to_fit(finished_folder):
    from telic.errors import DataError

    project = Project.open(finished_folder)
    demos = project.store.load(project.dataset())
    with pytest.raises(DataError):
        pose(project.contract, demos.select([]))


def test_resampled_worlds_keep_the_size_and_the_key(problem):
    first, again = problem.resampled_worlds(3, 7), problem.resampled_worlds(3, 7)
    other = problem.resampled_worlds(3, 8)
    assert [w.digest for w in first] == [w.digest for w in again]
    assert [w.digest for w in first] != [w.digest for w in other]
    assert all(w.n_states == problem.world.n_states and w.discount == problem.world.discount for w in first)


def test_a_horizon_makes_a_world_of_finite_horizon(project_folder):
    from telic.mdp import FiniteHorizonMDP

    path = project_folder / "contract.yaml"
    path.write_text(
        path.read_text().replace("timing: {discount: 0.9}", "timing: {discount: 0.9, horizon: 40}")
    )
    ingest(project_folder)
    project = Project.open(project_folder)
    posed = pose(project.contract, project.store.load(project.dataset()))
    assert isinstance(posed.world, FiniteHorizonMDP)
    assert posed.world.horizon == 40
    estimate = fit_reward(posed, posed.train)
    # A keeper who sees the end repairs less near it; ours does not, so the weights stay near the stationary
    # ones.
    assert estimate.outcome.ok
    assert np.all(estimate.weights < 0)
