"""Values out of bounds are counted and placed; one common factor is called a wrong unit, with the factor."""

from __future__ import annotations


def test_above_its_bound(door, lines):
    door.refuses_log(
        "\n".join([*lines[:3], "m000,172800,9,run", *lines[4:]]) + "\n",
        message=r"`wear` must lie in \[0, 5\] step; 1 of 96 values do not .*first 9 in log\.csv line 4",
        hint="`low`, `high` or `unit`",
    )


def test_wrong_unit(door, lines):
    door.contract(
        "type: integer, unit: step, low: 0, high: 5, bins: null", "unit: h, low: 0, high: 5, bins: 6"
    )
    rows = [line.split(",") for line in lines]
    in_minutes = [",".join([r[0], r[1], str(60 * int(r[2])), r[3]]) for r in rows[1:]]
    error = door.refuses_log(
        "\n".join([lines[0], *in_minutes]) + "\n",
        message=r"must lie in \[0, 5\] h",
        hint="`low`, `high` or `unit`",
    )
    assert "Divided by 60 all would fit: suspect a factor of 60" in error


def test_in_python(tmp_path):
    import pytest
    from machines import CONTRACT

    from telic import load
    from telic.datasets import parse_contract
    from telic.errors import DataError

    path = tmp_path / "log.csv"
    path.write_text("machine,day,wear,action\nm1,0,0,run\nm1,86400,-1,run\n")
    with pytest.raises(DataError, match=r"first -1 in log\.csv line 3"):
        load(path, contract=parse_contract(CONTRACT))
