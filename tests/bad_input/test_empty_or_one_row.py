"""Nothing, or next to nothing, to learn from."""

from __future__ import annotations

import pytest

from telic.errors import DataError
from telic.trajectories import Demonstrations


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("", r"log\.csv is empty \(0 bytes\)"),
        ("\n", r"log\.csv"),
        ("machine,day,wear,action\n", r"There are no rows to ingest \(log\.csv\)"),
        (
            "machine,day,wear,action\nm1,0,0,run\n",
            "1 of 1 rows is left to learn from; at least 2 decisions are needed",
        ),
    ],
)
def test_in_a_log(door, log, message):
    door.refuses_log(log, message=message, hint=".")


@pytest.mark.parametrize("text", ["", "a,action\n", "a,action\n1,x\n"])
def test_drafting_from_it(telic, tmp_path, text):
    log = tmp_path / "log.csv"
    log.write_text(text)
    told = telic("init", tmp_path / "p", "--from", log)
    assert told.status == 4
    assert "log.csv" in told.err
    assert "\n\nhint: " in told.err
    assert not (tmp_path / "p").exists()


def test_two_decisions_say_that_they_are_few(telic, door):
    (door.folder / "log.csv").write_text("machine,day,wear,action\nm1,0,0,run\nm1,86400,1,repair\n")
    assert telic("ingest", door.folder).status == 0
    told = telic("infer", door.folder, "--quick")
    assert told.status == 0
    headline = " ".join(told.out.split("\n\n")[0].split())
    assert "One repair in steps of wear: cannot be told" in headline


def test_in_hand():
    import numpy as np

    from telic.features import FeatureMap
    from telic.inference import max_causal_entropy
    from telic.mdp import TabularMDP

    world = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=0.5)
    features = FeatureMap(values=np.array([[[0.0], [1.0]]]), names=("x",), units=("",))
    nothing = Demonstrations.from_arrays([], [], action_labels=("a", "b"))
    with pytest.raises(DataError, match="There are no decisions in the demonstrations"):
        max_causal_entropy(nothing, world, features)
