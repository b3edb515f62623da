"""Annotations become reward labels: weights that annotators judge by come back, whatever their scales."""

from __future__ import annotations

import numpy as np
import pytest
from machines import CONTRACT

from telic.datasets import parse_contract
from telic.datasets.annotations import Annotation, comparisons_from, read_annotations
from telic.errors import DataError
from telic.features import FeatureMap, trajectory_features
from telic.inference.preferences import bradley_terry
from telic.trajectories import Demonstrations

PLAIN = parse_contract(CONTRACT)
PHI = np.eye(3)[:, :2]  # states: waits, breaks, nothing
TRUE = np.array([-0.5, -2.0])


@pytest.fixture(scope="module")
def incidents():
    """Sixty incidents of eight steps; each annotator tells a noisy return on a scale of their own."""
    g = np.random.default_rng(5)
    states = g.integers(0, 3, (60, 8))
    demos = Demonstrations.from_arrays(
        states.ravel(),
        np.zeros(480, int),
        offsets=np.arange(61) * 8,
        trajectory_ids=[f"INC{i}" for i in range(60)],
        action_labels=("look",),
    )
    returns = PHI[states].sum(axis=1) @ TRUE
    scales = {
        "ann": lambda x: x,
        "ben": lambda x: 100 + 7 * x,
        "eve": lambda x: np.sign(x) * np.abs(x) ** 0.5,
    }
    notes = [
        Annotation(trajectory=f"INC{i}", rating=float(told), by=who)
        for who, scale in scales.items()
        for i, told in enumerate(scale(returns + g.gumbel(size=60)))
    ]
    return demos, notes


def test_annotations_are_reward_labels(incidents):
    demos, notes = incidents
    features = FeatureMap(values=PHI, names=("waits", "breaks"), units=("step", "step"), form="S")
    answers = comparisons_from(notes, demos, PLAIN)
    assert len(answers) == 3 * (60 * 59 // 2)
    found = bradley_terry(answers, demos, features).reward
    assert found.weights[1] / found.weights[0] == pytest.approx(TRUE[1] / TRUE[0], rel=0.15)
    assert np.all(np.sign(found.weights) == np.sign(TRUE))
    assert trajectory_features(features, demos).shape == (60, 2)


def test_authors_are_pseudonyms_and_scales_do_not_mix(incidents):
    demos, _ = incidents
    notes = [
        Annotation(trajectory="INC0", rating=1.0, by="ann"),
        Annotation(trajectory="INC1", rating=2.0, by="ann"),
        Annotation(trajectory="INC2", rating=900.0, by="ben"),
        Annotation(trajectory="INC1", rating=900.0, by="ben"),
    ]
    answers = comparisons_from(notes, demos, PLAIN)
    rows = sorted(
        zip(answers.first.tolist(), answers.second.tolist(), answers.preferred.tolist(), strict=True)
    )
    assert rows == [(0, 1, 0.0), (2, 1, 0.5)]
    assert all(name.startswith("demonstrator-") for name in answers.annotator_names)
    assert answers.dataset == demos.digest


def test_what_does_not_fit_is_refused_by_line_without_an_echo(incidents, tmp_path):
    demos, _ = incidents
    path = tmp_path / "notes.csv"
    path.write_text("trajectory,rating,by\nINC0,4,ann\nINC1,3.5,ann\n")
    assert read_annotations(path)[1] == Annotation(trajectory="INC1", rating=3.5, by="ann")
    path.write_text("trajectory,rating,by\nINC0,4,ann\nINC1,secret@example.org,\n")
    with pytest.raises(
        DataError, match=r"line 3 has no finite number as its rating and nobody who judged"
    ) as caught:
        read_annotations(path)
    assert "secret" not in str(caught.value)
    path.write_text("trajectory,score\n")
    with pytest.raises(DataError, match="lacks the columns rating, by"):
        read_annotations(path)
    path.write_bytes(b"trajectory,rating,by\n\xff,1,a\n")
    with pytest.raises(DataError, match="not UTF-8 at byte 21"):
        read_annotations(path)
    with pytest.raises(DataError, match="about no trajectory of the dataset, such as 'INC99'"):
        comparisons_from([Annotation(trajectory="INC99", rating=1.0, by="a")], demos, PLAIN)
    one = Annotation(trajectory="INC0", rating=1.0, by="a")
    with pytest.raises(DataError, match="judged a trajectory twice"):
        comparisons_from([one, one], demos, PLAIN)
    with pytest.raises(DataError, match="Nobody judged two"):
        comparisons_from([one], demos, PLAIN)
