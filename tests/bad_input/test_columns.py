"""Missing columns are named with their place in the contract; columns that nobody asked for are said, not lost."""

from __future__ import annotations

import json


def without(lines, i_column):
    rows = (line.split(",") for line in lines)
    return "\n".join(",".join(row[:i_column] + row[i_column + 1 :]) for row in rows) + "\n"


def test_missing_column(door, lines):
    door.refuses_log(
        without(lines, 2),
        message=r"log\.csv lacks 1 column that the contract names:\n  `wear` \(observations\[0\]\.column\)",
        hint="column",
    )


def test_misspelled_column_offers_the_nearest(door, lines):
    error = door.refuses_log(
        "\n".join([lines[0].replace("wear", "waer"), *lines[1:]]) + "\n",
        message=r"Did you mean `waer`",
        hint=".",
    )
    assert "The file has: machine, day, waer, action" in error


def test_every_missing_column_is_named_at_once(door):
    error = door.refuses_log("machine,level\nm1,3\n", message="lacks 3 columns", hint=".")
    for column in ("day", "wear", "action"):
        assert f"`{column}`" in error


def test_extra_column_is_a_finding(door, telic, lines):
    extra = [f"{line},{'note' if i == 0 else 'x'}" for i, line in enumerate(lines)]
    (door.folder / "log.csv").write_text("\n".join(extra) + "\n")
    told = telic("ingest", door.folder, "--json")
    assert told.status == 0
    findings = {finding["code"]: finding for finding in json.loads(told.out)["findings"]}
    assert "1 column that the contract does not use: note" in findings["extra-columns"]["message"]
