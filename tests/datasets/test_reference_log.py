"""The log of ``benchmarks/scan_and_sort.py``: 10 columns, 200 bytes a row, one dataset in both formats."""

import importlib.util
import json
import sys
from dataclasses import replace

import pytest

from telic.contract import TaskContract
from telic.datasets import DatasetStore, ingest


@pytest.fixture(scope="module")
def benchmark(project_root):
    path = project_root / "benchmarks" / "scan_and_sort.py"
    spec = importlib.util.spec_from_file_location("scan_and_sort", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["scan_and_sort"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["scan_and_sort"]


@pytest.fixture(scope="module")
def logs(benchmark, tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    case = replace(benchmark.CASES["reference"], rows=3_000)
    for form in benchmark.FORMATS:
        benchmark.write_log(case, folder / f"log.{form}")
    return folder


def test_a_row_has_ten_columns_and_two_hundred_bytes(logs):
    lines = (logs / "log.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 3_000
    assert {len(json.loads(line)) for line in lines} == {10}
    assert sum(map(len, lines)) / len(lines) == pytest.approx(200, abs=1)


@pytest.mark.parametrize("private", [False, True])
def test_both_formats_give_one_dataset_of_all_rows(benchmark, logs, tmp_path, monkeypatch, private):
    secrets = tmp_path / "private"
    secrets.mkdir(mode=0o700)
    (secrets / "staff.names").write_text("Ada Lovelace\n")
    monkeypatch.setenv("TELIC_PRIVATE", str(secrets))
    contract = TaskContract.from_mapping(
        benchmark.CONTRACT | ({"privacy": benchmark.PRIVACY} if private else {})
    )
    versions = [
        ingest(contract, logs / f"log.{form}", DatasetStore(tmp_path / form)) for form in benchmark.FORMATS
    ]
    assert len({version.digest for version in versions}) == 1
    assert [version.n_decisions for version in versions] == [3_000, 3_000]
    notes = DatasetStore(tmp_path / "jsonl").load().categories["note"]
    assert any("example.org" in note for note in notes) == (not private)
    assert any("Ada Lovelace" in note for note in notes) == (not private)
