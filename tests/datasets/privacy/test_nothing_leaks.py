"""Nothing that a contract protects is in anything that is written or printed: every file, page, message and log line.

A log of machines gets columns with 72 planted items; the verbs run on it through the command line, then on files with
faults. Every file below the project (Parquet read back as values), standard output, standard error, log records and
errors with their data and tracebacks are searched for every item, as it stands, in small letters and URL-encoded.
"""

from __future__ import annotations

import csv
import io
import json
import traceback
import urllib.parse
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from machines import keeper_log

from telic.datasets import DatasetStore, ingest, load_contract
from telic.errors import TelicError

CONTRACT = """
schema_version: 1
identity: {task: machines, owner: workshop}
observations:
  - {name: wear, type: integer, unit: step, low: 0, high: 5, bins: null, affected_by_action: true}
  - {name: note, type: category, in_state: false}
  - {name: network, column: client.ip, type: category, in_state: false}
  - {name: age, type: integer, unit: year, low: 0, high: 120, in_state: false}
  - {name: job, type: category, in_state: false}
actions: {column: action, values: [run, repair]}
timing: {discount: 0.9}
features:
  - {name: wear, expression: "wear", unit: step of wear}
  - {name: repairs, expression: "action == 'repair'", unit: repair}
tradeoffs: [[repairs, wear]]
data: {trajectory: [machine, owner], demonstrator: keeper, time: day, time_format: seconds, held_out: 0.2}
privacy:
  key: leaks
  names: NAMES
  rules:
    - {column: note, rule: mask}
    - {column: client, rule: generalise, prefix: 24}
    - {column: age, rule: generalise, width: 10}
    - {column: day, rule: generalise, to: day}
    - {column: job, rule: generalise, groups: {care: [nurse Ratched, doctor Zhivago]}}
    - {column: owner, rule: pseudonym}
    - {column: ssn, rule: remove}
"""

KEEPERS = ["Wilhelmina Okonkwo", "Bartholomew Quill", "Xiomara Vance"]
OWNERS = [f"owner-{word}" for word in ("zebra", "quokka", "axolotl", "narwhal", "pangolin", "okapi")]
SSNS = [f"{900 + i}-{10 + i}-{4000 + 37 * i}" for i in range(12)]
IPS = [f"203.0.113.{17 + 11 * i}" for i in range(12)]
JOBS = ["nurse Ratched", "doctor Zhivago", "captain Haddock"]
ITEMS = [
    *(f"{w}.{w}{i}@hidden{i}.example.com" for i, w in enumerate(("ada", "bob", "cyd", "dan", "eve", "flo"))),
    *(f"198.51.100.{33 + 7 * i}" for i in range(6)),
    *(f"+49 30 {1234567 + 1111 * i}" for i in range(6)),
    *(f"ghp_{c * 2}7Qx9Zk2Lm4Np6Rs8Tv1Wy3Bd5Fg7Hj9{c}" for c in "ABCDEF"),
    "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005",
    "Oswald Cobblepot", "Selina Kyle", "Harvey Dent",
]  # fmt: skip
"""Planted in the free text."""
NAMED = ("Oswald Cobblepot", "Selina Kyle", "Harvey Dent", *KEEPERS)
ALL_ITEMS = [*KEEPERS, *OWNERS, *SSNS, *IPS, *JOBS, *ITEMS]
FILE_ITEM = "ada.ada0@hidden0.example.com"


def rows() -> list[dict[str, str]]:
    found = []
    for i, row in enumerate(csv.DictReader(io.StringIO(keeper_log(n_machines=24, n_days=30)))):
        machine = int(row["machine"][1:])
        found.append(
            {
                **row,
                "note": f"wear {row['wear']}: told {ITEMS[i // 3 % len(ITEMS)]} about it"
                if i % 3 == 0
                else "quiet",
                "client.ip": IPS[i % len(IPS)],
                "age": str(20 + i % 60),
                "job": JOBS[i % len(JOBS)],
                "keeper": KEEPERS[machine % len(KEEPERS)],
                "owner": OWNERS[machine % len(OWNERS)],
                "ssn": SSNS[i % len(SSNS)],
            }
        )
    return found


def as_csv(lines: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, lines[0].keys())
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


@pytest.fixture
def project(tmp_path, monkeypatch):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (private / "people.names").write_text("\n".join(NAMED))
    monkeypatch.setenv("TELIC_PRIVATE", str(private))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "contract.yaml").write_text(CONTRACT.replace("NAMES", "people"))
    (tmp_path / "logs").mkdir()
    return folder


def written_below(folder: Path) -> dict[str, str]:
    """Every file as text; Parquet also as values."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "contract.yaml"):
        text = path.read_bytes().decode("utf-8", errors="replace")
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            text += repr(table.schema) + "\n".join(
                str(v) for name in table.column_names for v in set(map(str, table[name].to_pylist()))
            )
        found[path.relative_to(folder).as_posix()] = text
    return found


def leaks_in(texts: dict[str, str]) -> list[tuple[str, str]]:
    found = []
    for place, text in texts.items():
        small = text.lower()
        for item in dict.fromkeys([*ALL_ITEMS, FILE_ITEM]):
            forms = {
                item.lower(),
                urllib.parse.quote(item).lower(),
                json.dumps(item)[1:-1].lower(),
                repr(item)[1:-1].lower(),
            }
            found += [(place, form) for form in forms if form in small]
    return found


def test_the_search_finds_what_is_there():
    assert len(ALL_ITEMS) == 66
    planted = leaks_in({"a page": f"<p>{urllib.parse.quote(ITEMS[0])}</p>", "a note": KEEPERS[0].upper()})
    assert {place for place, _ in planted} == {"a page", "a note"}
    text = as_csv(rows()).lower()
    assert [item for item in ALL_ITEMS if item.lower() not in text] == []  # each of them is in the source


@pytest.mark.slow
def test_no_verb_writes_or_prints_an_item(project, telic, caplog):
    source = project.parent / "logs" / f"shift of {FILE_ITEM}.csv"
    source.write_text(as_csv(rows()))
    texts = {}
    for words in (
        ["ingest", project, source],
        ["check", project],
        ["infer", project, "--quick"],
        ["report", project],
    ):
        told = telic(*words)
        assert told.status == 0, told.err
        texts |= {f"{words[0]} out": told.out, f"{words[0]} err": told.err.replace(str(source), "")}
    for verb in ("ingest", "check", "infer", "report"):
        told = telic(verb, project, *([source] if verb == "ingest" else []), "--json")
        texts |= {f"{verb} json": told.out, f"{verb} json err": told.err}
    texts["log"] = "\n".join(record.getMessage() for record in caplog.records)
    files = written_below(project)
    assert {name.rpartition(".")[2] for name in files} >= {"json", "html", "parquet"}
    assert leaks_in({**files, **texts}) == []
    private = (project.parent / "private" / "leaks.key").read_text().strip()
    assert not [name for name, text in {**files, **texts}.items() if private in text]


def test_what_is_kept_is_what_the_rules_say(project):
    source = project.parent / "logs" / "log.csv"
    source.write_text(as_csv(rows()))
    contract, store = load_contract(project / "contract.yaml"), DatasetStore(project / "data")
    ingest(contract, source, store)
    demos = store.load()
    assert demos.categories["network"] == ("203.0.113.0/24",)
    assert demos.categories["job"] == ("care", "other")
    assert set(demos.observations["age"].tolist()) == {20, 30, 40, 50, 60, 70}
    notes = {n.split(": ", 1)[-1] for n in demos.categories["note"]}
    assert notes == {
        "quiet",
        *(f"told <{kind}> about it" for kind in ("email", "ip", "phone", "key", "card", "name")),
    }
    owners = {t.partition("/")[2].partition("|")[2] or t for t in demos.trajectory_ids.tolist()}
    assert all("owner-" in o for o in owners)
    assert len(demos.demonstrator_names) == 3
    assert all(len(n) == len("demonstrator-") + 10 for n in demos.demonstrator_names)
    np.testing.assert_array_equal(np.unique(demos.times % 86_400), [0.0])


def broken(kind: str, folder: Path) -> Path:
    """A file with a fault that makes messages quote it."""
    lines = rows()
    bad = lines[7]
    path = folder / f"{kind}.csv"
    match kind:
        case "number under a rule":
            bad["age"] = "Oswald Cobblepot"
        case "time under a rule":
            bad["day"] = SSNS[3]
        case "number without a rule":
            bad["wear"] = ITEMS[0]
        case "action":
            bad["action"] = f"told {ITEMS[1]} and Selina Kyle"
        case "out of bounds":
            bad["age"] = "900"
        case "row too long":
            path.write_text(as_csv(lines).replace("\n", f",{SSNS[5]}\n", 3).replace(f",{SSNS[5]}\n", "\n", 1))
            return path
        case "no header":
            path.write_text(as_csv(lines).partition("\n")[2])
            return path
        case "open quote":
            path.write_text(as_csv(lines) + f'"{ITEMS[2]} {SSNS[1]}')
            return path
        case "not JSON":
            path = path.with_suffix(".jsonl")
            path.write_text("\n".join(json.dumps(x) for x in lines[:9]) + f"\n{{{SSNS[2]!r}: {ITEMS[3]}")
            return path
        case "kinds that change":
            path = path.with_suffix(".jsonl")
            path.write_text(
                "\n".join(json.dumps({**x, "wear": x["wear"] if i else 1}) for i, x in enumerate(lines))
            )
            return path
        case "no owner":
            bad["owner"] = ""
        case "name of the file":
            path = folder / f"{FILE_ITEM}.docx"
        case "not UTF-8":
            path.write_bytes(as_csv(lines).encode() + f"{ITEMS[4]}".encode() + b"\xff\xfe")
            return path
    path.write_text(as_csv(lines))
    return path


FAULTS = (
    "number under a rule", "time under a rule", "number without a rule", "action", "out of bounds", "row too long",
    "no header", "open quote", "not JSON", "kinds that change", "no owner", "name of the file", "not UTF-8",
)  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_no_error_of_a_failing_ingest_holds_an_item(project, telic, kind, caplog):
    path = broken(kind, project.parent / "logs")
    contract, store = load_contract(project / "contract.yaml"), DatasetStore(project / "data")
    with pytest.raises(TelicError) as caught:
        ingest(contract, path, store)
    told = telic("ingest", project, path)
    assert told.status != 0
    texts = {
        "error": str(caught.value),
        "data": json.dumps(caught.value.data, default=str, ensure_ascii=False),
        "traceback": "".join(traceback.format_exception(caught.value)).replace(str(path), ""),
        "out": told.out,
        "err": told.err.replace(str(path), ""),
        "log": "\n".join(record.getMessage() for record in caplog.records),
    }
    # A page of pytest shows source lines; the planted items stand in this file, not in messages.
    texts["traceback"] = "\n".join(
        line for line in texts["traceback"].splitlines() if not line.startswith("    ")
    )
    assert leaks_in({**texts, **written_below(project)}) == []
    assert "hint" in told.err


def test_a_message_still_says_where_the_fault_is(project):
    path = broken("number under a rule", project.parent / "logs")
    contract, store = load_contract(project / "contract.yaml"), DatasetStore(project / "data")
    with pytest.raises(
        TelicError, match=r"1 value of column `age` \(observations\[3\]\.column\) is not .*line 9"
    ) as caught:
        ingest(contract, path, store)
    assert caught.value.data["rows"] == [7]
