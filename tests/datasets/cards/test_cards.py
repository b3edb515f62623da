"""Cards: the Hub's YAML and Croissant's JSON-LD describe the file that is there, and nothing says who decided."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from gate_service import N, T, contract, service

from telic._core.clock import manual_clock
from telic.datasets import DatasetStore
from telic.datasets.cards import write_card
from telic.errors import PermanentError, SettingsError
from telic.reports import Finding, Severity
from telic.storage import file_digest

FINDING = Finding(code="x", severity=Severity.WARNING, message="A | b\nis odd.")


@pytest.fixture
def card(tmp_path):
    task = contract(
        identity={"task": "service", "license": "CC-BY-4.0", "owner": "SRE", "paragraph": "Who adds pods."}
    )
    demos = service()
    version = DatasetStore(tmp_path / "data").publish(demos)
    return (
        write_card(tmp_path / "out", demos, version, task, [FINDING], clock=manual_clock(1_731_400_000.0)),
        demos,
        task,
    )


def test_the_table_needs_no_codes_and_names_nobody(card):
    made, demos, _ = card
    table = pq.read_table(made.folder / "data" / "decisions.parquet")
    assert table.column_names == ["trajectory", "step", "time", "load", "tier", "action"]
    assert table.num_rows == N * T
    row = table.slice(25, 1).to_pylist()[0]
    assert (row["trajectory"], row["step"]) == ("t1", 5)
    assert row["time"].timestamp() == demos.times[25]
    assert row["action"] == ("hold", "add")[demos.actions[25]]
    assert row["tier"] == ("gold", "silver")[demos.observations["tier"][25]]
    written = b"".join(p.read_bytes() for p in made.folder.rglob("*") if p.is_file())
    assert b"demonstrator-" not in written


def test_the_hugging_face_card_has_the_yaml_that_the_hub_reads(card):
    made, _, _ = card
    _, head, body = (made.folder / "README.md").read_text().split("---\n", 2)
    about = yaml.safe_load(head)
    assert about["license"] == "cc-by-4.0"
    assert about["size_categories"] == ["1K<n<10K"]
    (config,) = about["configs"]
    assert (made.folder / config["data_files"]).is_file()
    assert "- A \\| b is odd." in body
    assert "| `tier` |" in body


def test_croissant_describes_the_file_that_is_there(card):
    made, _, _ = card
    about = json.loads((made.folder / "croissant.json").read_text())
    (file,) = about["distribution"]
    table = made.folder / file["contentUrl"]
    assert "sha256:" + file["sha256"] == file_digest(table) == made.table_digest
    assert file["contentSize"] == f"{table.stat().st_size} B"
    fields = about["recordSet"][0]["field"]
    assert [f["source"]["extract"]["column"] for f in fields] == pq.read_table(table).column_names
    assert about["datePublished"] == "2024-11-12"


def test_croissants_own_reader_accepts_it_and_reads_the_records(card):
    croissant = pytest.importorskip(
        "mlcroissant", reason="mlcroissant is not installed: Croissant's own validation was not run"
    )
    made, demos, _ = card
    dataset = croissant.Dataset(jsonld=str(made.folder / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    first = next(iter(dataset.records("decisions")))
    assert first["decisions/trajectory"] == b"t0"
    assert np.isclose(first["decisions/load"], demos.observations["load"][0])


def test_what_is_there_already_and_what_must_stay_erasable_is_refused(card, tmp_path):
    made, demos, task = card
    version = DatasetStore(tmp_path / "data").latest
    with pytest.raises(PermanentError, match="there already"):
        write_card(made.folder, demos, version, task, [])
    private = contract(data={"time": "t", "demonstrator": "who"}, privacy={"key": "team", "encrypt": True})
    with pytest.raises(SettingsError, match="erased"):
        write_card(tmp_path / "other", demos, version, private, [])
    assert not (tmp_path / "other").exists()
