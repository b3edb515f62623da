"""Who acted, in which scenario and session, how well it was recorded: what a contract names, a log must have."""

from __future__ import annotations

import pytest
from machines import CONTRACT

from telic.datasets import parse_contract, read_demonstrations
from telic.errors import DataError

NAMES = ("keeper", "scenario", "session", "quality")
TOLD = parse_contract(
    CONTRACT.replace(
        "data: {trajectory", "data: {demonstrator: keeper, labels: [scenario, session, quality], trajectory"
    )
)
HEAD, ROWS = "machine,day,wear,action", ("a,0,0,run", "a,1,1,run", "b,0,2,repair")


def log(tmp_path, *absent):
    kept = [n for n in NAMES if n not in absent]
    lines = [",".join([HEAD, *kept]), *(",".join([row, *(f"{n}-1" for n in kept)]) for row in ROWS)]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_they_are_kept_with_each_trajectory(tmp_path):
    demos = read_demonstrations(TOLD, log(tmp_path))
    assert {n: set(v) for n, v in demos.labels.items()} == {n: {f"{n}-1"} for n in NAMES[1:]}
    assert demos.demonstrator_names[0].startswith("demonstrator-")


@pytest.mark.parametrize("absent", NAMES)
def test_each_one_is_required(tmp_path, absent):
    with pytest.raises(DataError, match=f"`{absent}`"):
        read_demonstrations(TOLD, log(tmp_path, absent))
