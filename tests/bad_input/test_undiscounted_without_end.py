"""Discount 1 where nothing ends: refused at every door, with the ways out."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DynamicsError
from telic.mdp import TabularMDP

WAYS_OUT = r"discount below 1.*`outcomes\.terminated`.*`timing\.horizon`"


def test_in_the_contract(door):
    door.contract("discount: 0.9", "discount: 1.0")
    door.refuses("infer", door.folder, status=3, message=r"timing\.discount", hint=".")


def test_on_the_command_line(door):
    door.refuses(
        "infer",
        door.folder,
        "--discount",
        "1",
        status=5,
        message="the task has to end; the contract names no column that says where it did",
        hint=WAYS_OUT,
    )


def test_a_column_of_ends_that_is_never_true(door, telic, lines):
    folder = door.contract(
        "timing: {discount: 0.9}", "timing: {discount: 1.0}\noutcomes: {terminated: ended}"
    )
    rows = [f"{line},{'ended' if i == 0 else 'false'}" for i, line in enumerate(lines)]
    (folder / "log.csv").write_text("\n".join(rows) + "\n")
    assert telic("ingest", folder).status == 0
    told = telic("infer", folder)
    assert told.status == 5
    assert "`ended` (outcomes.terminated) is true in none of" in told.err
    assert "\n\nhint: Use a discount below 1" in told.err


def test_in_hand():
    P = np.full((2, 1, 2), 0.5)
    with pytest.raises(
        DynamicsError, match="`discount` 1 needs absorbing states that every state can reach"
    ) as caught:
        TabularMDP.from_transition(P, discount=1.0)
    assert "FiniteHorizonMDP" in caught.value.hint
