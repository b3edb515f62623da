"""Rust's odometer files as rows of decisions: keep the engine or replace it.

Each file holds one group of buses in one column of numbers: for every bus 11 header values (bus number;
month and year of purchase; month, year and odometer of the first engine replacement; the same of the
second; month and year of the first reading) and then one odometer reading a month. Source: Rust (1987),
"Optimal Replacement of GMC Bus Engines", Econometrica 55, 999-1033; public NFXP data, repository
OpenSourceEconomics/zurcher-data (MIT licence).

Conventions, with which the published increments .3919, .5953, .0128 of group 4 come out: mileage counts
from the last replacement; the decision to replace falls in the last month whose odometer is below that of
the replacement; every reading of a bus but the first is a decision, and the miles driven since the reading
before belong to it.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["FILES", "MILES", "Odometers", "bin_mileage", "read_odometers", "to_csv"]

HEADER = 11
"""Values in front of the readings of each bus."""

MILES = 450_000.0
"""Upper end of the mileage that the bins divide."""

FILES: dict[int, tuple[str, int]] = {
    1: ("g870.asc", 36),
    2: ("rt50.asc", 60),
    3: ("t8h203.asc", 81),
    4: ("a530875.asc", 128),
    5: ("a530874.asc", 137),
    6: ("a452374.asc", 137),
    7: ("a530872.asc", 137),
    8: ("a452372.asc", 137),
}
"""File of each group and its number of values a bus (Rust 1987, table I and the NFXP manual)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Odometers:
    """One row a decision, buses one after the other, in time order.

    Attributes:
        bus: ``(n,)`` number of the bus, with its group: ``"4-5297"``.
        group: ``(n,)`` group of the bus.
        month: ``(n,)`` months since the first reading.
        date: ``(n,)`` month of the calendar.
        mileage: ``(n,)`` miles since the last replacement, before the decision.
        replaced: ``(n,)`` True where the engine is replaced.
        last_mileage: ``(n,)`` miles since the last replacement at the reading before.
        just_replaced: ``(n,)`` True where the engine was replaced at the reading before.
        offsets: ``(N + 1,)`` first row of every bus, and the number of rows.
    """

    bus: NDArray[np.str_]
    group: NDArray[np.int64]
    month: NDArray[np.int64]
    date: NDArray[np.datetime64]
    mileage: NDArray[np.float64]
    replaced: NDArray[np.bool_]
    last_mileage: NDArray[np.float64]
    just_replaced: NDArray[np.bool_]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.mileage)


def read_odometers(folder: str | Path, groups: Iterable[int] = (1, 2, 3, 4)) -> Odometers:
    """The decisions of some groups.

    Args:
        folder: where the files lie.
        groups: numbers of Rust's groups, 1 to 8.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a group is unknown, or a file does not hold whole buses.
    """
    names = ("bus", "group", "month", "date", "mileage", "replaced", "last_mileage", "just_replaced")
    columns: dict[str, list[NDArray[np.generic]]] = {name: [] for name in names}
    lengths: list[int] = []
    for group in groups:
        for record in _records(Path(folder), group):
            odometer = record[HEADER:]
            base = np.zeros(len(odometer))
            replaced = np.zeros(len(odometer), dtype=bool)
            for at in record[[5, 8]]:  # odometer of the first and of the second replacement, 0 for none
                if at > 0:
                    base[odometer >= at] = at
                    before = np.flatnonzero(odometer < at)
                    if len(before) and len(before) < len(odometer):
                        replaced[before[-1]] = True
            mileage = odometer - base
            n = len(odometer) - 1
            lengths.append(n)
            columns["bus"].append(np.full(n, f"{group}-{record[0]:.0f}"))
            columns["group"].append(np.full(n, group))
            columns["month"].append(np.arange(1, n + 1))
            first = np.datetime64(f"19{record[10]:02.0f}-{record[9]:02.0f}", "M")
            columns["date"].append(first + columns["month"][-1])
            columns["mileage"].append(mileage[1:])
            columns["replaced"].append(replaced[1:])
            columns["last_mileage"].append(mileage[:-1])
            columns["just_replaced"].append(replaced[:-1])
    if not lengths:
        raise ValueError("No group was asked for. Give at least one of Rust's groups, 1 to 8.")
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Odometers(
        bus=whole["bus"].astype(np.str_),
        group=whole["group"].astype(np.int64),
        month=whole["month"].astype(np.int64),
        date=whole["date"].astype("datetime64[M]"),
        mileage=whole["mileage"].astype(np.float64),
        replaced=whole["replaced"].astype(np.bool_),
        last_mileage=whole["last_mileage"].astype(np.float64),
        just_replaced=whole["just_replaced"].astype(np.bool_),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    )


def bin_mileage(rows: Odometers, bins: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``(state, increment)`` of every decision, in equal bins of 450,000 miles.

    The increment is the number of bins driven since the reading before. After a replacement it counts from
    the new engine, as the ceiling of the new mileage over the width of a bin, not the floor; the state is
    the floor all the same.

    Args:
        rows: decisions.
        bins: number of bins.

    Raises:
        ValueError: a mileage lies outside the bins, or falls without a replacement.
    """
    if bins < 1:
        raise ValueError(f"`bins` must be at least 1, got {bins}.")
    width = MILES / bins
    state = np.floor(rows.mileage / width).astype(np.int64)
    before = np.floor(rows.last_mileage / width).astype(np.int64)
    if max(state.max(), before.max()) >= bins or min(state.min(), before.min()) < 0:
        raise ValueError(f"A mileage lies outside 0 to {MILES:,.0f}; check the file.")
    increment = np.where(rows.just_replaced, np.ceil(rows.mileage / width).astype(np.int64), state - before)
    if increment.min() < 0:
        bad = int(np.flatnonzero(increment < 0)[0])
        raise ValueError(
            f"Bus {rows.bus[bad]}: the odometer falls in month {rows.month[bad]} without a replacement."
        )
    return state, increment


def to_csv(rows: Odometers, path: str | Path) -> None:
    """Writes one line a decision: bus, group, first day of the month, miles since the last replacement, action."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["bus", "group", "month", "mileage", "action"])
        for i in range(len(rows)):
            action = "replace" if rows.replaced[i] else "keep"
            day = f"{rows.date[i]}-01"
            writer.writerow([rows.bus[i], int(rows.group[i]), day, f"{rows.mileage[i]:.0f}", action])


def main(arguments: Sequence[str]) -> int:
    """``odometers.py FOLDER FILE.csv [GROUP,...]`` writes the rows of the folder as a CSV file."""
    if len(arguments) not in (2, 3):
        print(main.__doc__, file=sys.stderr)
        return 2
    groups = [int(g) for g in arguments[2].split(",")] if len(arguments) == 3 else [1, 2, 3, 4]
    to_csv(read_odometers(arguments[0], groups), arguments[1])
    return 0


def _records(folder: Path, group: int) -> NDArray[np.float64]:
    """``(N, values)`` one row a bus."""
    if group not in FILES:
        raise ValueError(f"Rust's groups are {min(FILES)} to {max(FILES)}, got {group}.")
    name, size = FILES[group]
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(f"The file {name} of group {group} is not in {folder}.")
    values = np.array(path.read_text(encoding="ascii").split(), dtype=np.float64)
    if not len(values) or len(values) % size:
        raise ValueError(
            f"{name} must hold {size} values a bus, got {len(values)} values in all; is it cut off?"
        )
    return values.reshape(-1, size)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
