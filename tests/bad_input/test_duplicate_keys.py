"""Two rows with the trajectory and time of one decision: counted, placed, and left to the owner to settle."""

from __future__ import annotations


def test_in_a_log(door, lines):
    error = door.refuses_log(
        "\n".join([*lines, lines[4], "m000,0,3,repair"]) + "\n",
        message=r"2 of 98 rows have the trajectory and time of another row \(1 of them equal in every column, 1 not\)",
        hint="`data.duplicates: keep`.*`drop`.*`data.trajectory`",
    )
    assert "log.csv line 98, log.csv line 99" in error


def test_a_column_twice(door, lines):
    door.refuses_log(
        "\n".join([lines[0].replace("machine", "wear"), *lines[1:]]) + "\n",
        message="`wear` more than once",
        hint=".",
    )


def test_a_key_twice_in_the_contract(door):
    door.contract("timing: {discount: 0.9}", "timing: {discount: 0.9}\ntiming: {discount: 0.8}")
    door.refuses(
        "infer",
        door.folder,
        status=3,
        message=r"line \d+.*the key `timing` is there twice \(first in line",
        hint=".",
    )
