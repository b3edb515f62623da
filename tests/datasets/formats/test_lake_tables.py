"""Delta Lake and Iceberg: tables made by their own writers give the rows that a CSV gives; broken ones are refused."""

import json
import shutil

import pyarrow as pa
import pyarrow.csv as csv
import pytest
from machines import CONTRACT, keeper_log

from telic.datasets import parse_contract, read_demonstrations
from telic.datasets.sources.lake_tables import import_reader, require_inside
from telic.errors import DataError, PermanentError

PLAIN = parse_contract(CONTRACT)


def rows(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(keeper_log(6, 10))
    return path, csv.read_csv(path)


def contract(form):
    return parse_contract(CONTRACT.replace("data: {trajectory", f"data: {{format: {form}, trajectory"))


@pytest.fixture
def delta(tmp_path):
    """A table in two appends, the second of which replaces machine m005 by itself."""
    lake = pytest.importorskip(
        "deltalake", reason="deltalake is not installed (extra `delta`): Delta was not read"
    )
    path, table = rows(tmp_path)
    place = tmp_path / "delta"
    lake.write_deltalake(str(place), table.slice(0, 50))
    lake.write_deltalake(str(place), pa.concat_tables([table.slice(50), table.slice(50)]), mode="append")
    lake.DeltaTable(str(place)).delete("machine = 'm005'")
    lake.write_deltalake(str(place), table.slice(50), mode="append")
    return path, place


@pytest.fixture
def iceberg(tmp_path):
    pytest.importorskip(
        "pyiceberg", reason="pyiceberg is not installed (extra `iceberg`): Iceberg was not read"
    )
    catalog = pytest.importorskip("pyiceberg.catalog.sql", reason="pyiceberg lacks its SQL catalog")
    path, table = rows(tmp_path)
    (tmp_path / "warehouse").mkdir()
    made = catalog.SqlCatalog(
        "test", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/warehouse"
    )
    made.create_namespace("logs")
    target = made.create_table("logs.machines", schema=table.schema)
    target.append(table.slice(0, 50))
    target.append(table.slice(50))
    return path, next((tmp_path / "warehouse").rglob("metadata")).parent


def test_a_delta_table_holds_the_same_decisions(delta):
    path, place = delta
    assert read_demonstrations(contract("delta"), place).digest == read_demonstrations(PLAIN, path).digest


def test_a_delta_log_that_leads_out_of_its_folder_is_refused(delta, tmp_path):
    _, place = delta
    secret = next(place.glob("*.parquet"))
    shutil.copy(secret, tmp_path / "secret.parquet")
    last = max((place / "_delta_log").glob("*.json"))
    lines = [json.loads(line) for line in last.read_text().splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["path"] = (tmp_path / "secret.parquet").as_uri()
    last.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    # The library looks for the address below the folder, where there is none.
    with pytest.raises(DataError, match="not found"):
        read_demonstrations(contract("delta"), place)


def test_a_delta_table_without_its_log_or_a_file_is_refused(delta, tmp_path):
    _, place = delta
    bare = tmp_path / "bare"
    shutil.copytree(place, bare, ignore=shutil.ignore_patterns("_delta_log"))
    with pytest.raises(DataError, match="Delta Lake table"):
        read_demonstrations(contract("delta"), bare)
    for file in place.glob("*.parquet"):
        file.write_bytes(b"PAR1 broken PAR1")
    with pytest.raises(DataError, match="Delta Lake table"):
        read_demonstrations(contract("delta"), place)


def test_an_iceberg_table_holds_the_same_decisions(iceberg):
    path, place = iceberg
    assert read_demonstrations(contract("iceberg"), place).digest == read_demonstrations(PLAIN, path).digest


def test_an_iceberg_table_that_was_moved_or_broken_is_refused(iceberg, tmp_path):
    _, place = iceberg
    moved = tmp_path / "moved"
    shutil.copytree(place, moved)
    with pytest.raises(DataError, match="outside its folder"):
        read_demonstrations(contract("iceberg"), moved)
    max((place / "metadata").glob("*.metadata.json")).write_text("{")
    with pytest.raises(DataError, match="Iceberg"):
        read_demonstrations(contract("iceberg"), place)


def test_a_folder_that_is_no_iceberg_table_is_refused(tmp_path):
    pytest.importorskip("pyiceberg", reason="pyiceberg is not installed (extra `iceberg`)")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.txt").write_text("a")
    with pytest.raises(DataError, match="no Iceberg table"):
        read_demonstrations(contract("iceberg"), tmp_path / "x")


def test_a_missing_package_names_its_extra():
    with pytest.raises(PermanentError) as caught:
        import_reader("a_package_that_nobody_has", "nobody", "delta", "Delta Lake tables")
    assert "telic[delta]" in caught.value.hint


@pytest.mark.parametrize("named", ["/etc/passwd", "../x", "file:///etc/passwd", "s3://bucket/x", "a/../../x"])
def test_paths_that_climb_out(tmp_path, named):
    with pytest.raises(DataError, match="outside its folder"):
        require_inside(tmp_path, [named])
    require_inside(tmp_path, ["a.parquet", f"file://{tmp_path}/b%20c.parquet", str(tmp_path / "d")])
