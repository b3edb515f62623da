"""Public data sets by contract: mice in a labyrinth, bus engines, recommendations; counts against the sources.

Rosenberg et al. (2021), mice; Rust (1987), Madison buses, group 4; ZOZO, Open Bandit Dataset, uniform random campaign.
Incidents and robots have tests of their own formats.
"""

from __future__ import annotations

import csv
import lzma

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations


def contract_of(observations, actions, data, **blocks):
    return TaskContract.from_mapping(
        {"identity": {"task": "t"}, "observations": observations, "actions": actions, "data": data, **blocks}
    )


def test_mice_in_a_labyrinth(data_dir, tmp_path):
    source = np.load(data_dir / "mice_labyrinth" / "emissions500new.npy", allow_pickle=False)
    N, T, _ = source.shape
    path = tmp_path / "mice.parquet"
    table = {
        "sequence": np.repeat([f"s{i:03d}" for i in range(N)], T),
        "node": source[..., 0].ravel(),
        "move": source[..., 1].ravel(),
    }
    pq.write_table(pa.table(table), path)
    contract = contract_of(
        [{"name": "node", "type": "integer", "low": 0, "high": 126}],
        {"column": "move", "type": "integer", "values": [0, 1, 2, 3]},
        {"trajectory": ["sequence"]},
        identity={"task": "labyrinth", "domain": "research"},
    )
    demos = read_demonstrations(contract, path)
    assert demos.n_trajectories == 238
    assert np.diff(demos.offsets).tolist() == [500] * 238
    assert demos.observations["node"].tolist() == source[..., 0].ravel().tolist()
    assert demos.actions.tolist() == source[..., 1].ravel().tolist()
    assert int((~demos.next_known).sum()) == 238  # what follows the last step of each is not in the record


def test_bus_engines_of_group_4(data_dir, tmp_path):
    """Header of a bus: identity, purchase, two replacements (month, year, odometer), first month; then odometers."""
    numbers = np.array((data_dir / "rust_bus" / "a530875.asc").read_text().split(), dtype=np.int64).reshape(
        37, 128
    )
    path = tmp_path / "buses.csv"
    planned = 0
    with path.open("w") as file:
        out = csv.writer(file)
        out.writerow(["bus", "month", "odometer", "act"])
        for row in numbers:
            header, odometers = row[:11], row[11:]
            replaced = [int(x) for x in (header[5], header[8]) if x > 0]
            planned += len(replaced)
            done = 0
            for month, odometer in enumerate(odometers.tolist()):
                now = done < len(replaced) and odometer >= replaced[done]
                done += now
                out.writerow([f"bus-{row[0]}", 2_592_000 * month, odometer, "replace" if now else "keep"])
    contract = contract_of(
        [{"name": "odometer", "type": "number", "unit": "mile", "low": 0, "high": 500_000}],
        {"column": "act", "values": ["keep", "replace"]},
        {"trajectory": ["bus"], "time": "month", "time_format": "seconds"},
    )
    demos = read_demonstrations(contract, path)
    assert (demos.n_trajectories, demos.n_decisions) == (37, 37 * 117)
    assert int((demos.actions == 1).sum()) == planned
    assert demos.observations["odometer"].max() == numbers[:, 11:].max()


@pytest.mark.parametrize("campaign", ["all", "men", "women"])
def test_recommendations_with_their_propensities(data_dir, campaign):
    path = data_dir / "open_bandit" / "random" / campaign / f"{campaign}.csv.xz"
    with lzma.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    items = sorted({int(row["item_id"]) for row in rows})
    contract = contract_of(
        [
            {"name": "position", "type": "category", "values": ["1", "2", "3"]},
            {"name": "click", "type": "boolean", "in_state": False},
            {
                "name": "propensity",
                "column": "propensity_score",
                "type": "number",
                "low": 0,
                "high": 1,
                "in_state": False,
            },
        ],
        {"column": "item_id", "type": "integer", "values": items},
        {"trajectory": ["user_feature_0"], "time": "timestamp", "duplicates": "keep"},
    )
    demos = read_demonstrations(contract, path)
    assert demos.n_decisions == len(rows) == 10_000
    assert int(demos.observations["click"].sum()) == sum(row["click"] == "1" for row in rows)
    assert demos.n_trajectories == len({row["user_feature_0"] for row in rows})
    # Every item is shown with the same chance, so propensities and counts tell the same number of items.
    assert demos.observations["propensity"].tolist() == [demos.observations["propensity"][0]] * 10_000
    assert round(1 / demos.observations["propensity"][0]) == len(items)
