"""Roles: what no role gives is refused and noted; an edit of data, records, results or policy is found."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from machines import write_project

from telic.cli import VERBS, main
from telic.errors import ContractError, PermanentError, SettingsError
from telic.storage.ledger import entries, login_name
from telic.workflows import check, infer, ingest, report, review, verify
from telic.workflows.access_policy import ALWAYS, RULED, AccessPolicy, group_names

ME = login_name()


def policy(folder, **roles):
    """Write an access policy: role to (members, verbs)."""
    text = {"schema_version": 1, "roles": {n: {"members": m, "may": v} for n, (m, v) in roles.items()}}
    (folder / "access.yaml").write_text(json.dumps(text))  # JSON is YAML


def noted(folder):
    return entries(folder / "runs" / "access.jsonl")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Somebody who may ingest and check has done so; somebody else may erase."""
    folder = write_project(tmp_path_factory.mktemp("access") / "machines")
    policy(folder, steward=([ME], ["ingest", "check", "review"]), officer=(["somebody-else"], ["erase"]))
    ingest(folder)
    check(folder)
    return folder


@pytest.fixture
def copy(made, tmp_path):
    shutil.copytree(made, tmp_path / "machines")
    return tmp_path / "machines"


def test_every_verb_is_ruled_or_said_to_need_no_role():
    assert {verb.NAME for verb in VERBS} == {*RULED, *ALWAYS}


def test_a_denied_write_is_refused_and_noted_and_changes_nothing(copy):
    before = {p: p.read_bytes() for p in (copy / "data").rglob("*") if p.is_file()}
    assert main(["erase", str(copy), "--version", "0"]) == 2
    with pytest.raises(
        SettingsError,
        match=rf"{re.escape(ME)} may not infer here: .*gives it to no role, and {ME} has `steward`",
    ):
        infer(copy)
    denied = [e for e in noted(copy) if e["what"] == "denied"]
    assert [(e["verb"], e["who"]) for e in denied] == [("erase", ME), ("infer", ME)]
    assert before == {p: p.read_bytes() for p in (copy / "data").rglob("*") if p.is_file()}


WORDS = {
    "init": ["--from", "FOLDER/log.csv", "--force"],
    "card": ["OUT"],
    "compare": ["FOLDER"],
    "export": ["OUT", "--lerobot", "FOLDER"],
    "erase": ["--expired"],
}


@pytest.mark.parametrize("verb", RULED)
def test_no_verb_goes_round_the_policy(copy, tmp_path, verb, capsys):
    policy(copy, nobody=(["somebody-else"], list(RULED)))
    words = [
        w.replace("FOLDER", str(copy)).replace("OUT", str(tmp_path / "out")) for w in WORDS.get(verb, [])
    ]
    n = len(noted(copy))
    assert main([verb, str(copy), *words]) == 2
    assert f"may not {verb} here" in " ".join(capsys.readouterr().err.split())
    assert [e["verb"] for e in noted(copy)[n:]] == [verb]


def test_groups_and_everybody_are_members(tmp_path):
    policy(
        tmp_path,
        a=(["%" + group_names()[0]], ["ingest"]),
        b=(["*"], ["report"]),
        c=(["%nobody-at-all"], ["erase"]),
    )
    rules = AccessPolicy.of(tmp_path)
    assert rules.allows("ingest", ME, group_names())
    assert rules.allows("report", "anyone", ())
    assert not rules.allows("ingest", "anyone", ())
    assert not rules.allows("erase", ME, group_names())
    assert rules.roles_of(ME, group_names()) == ("a", "b")


def test_what_is_whole_verifies(copy):
    found = verify(copy)
    assert found.status == "ok"
    assert found.report.data["is_whole"] is True
    assert found.report.data["n_files"] == 2
    assert found.report.data["n_results"] == 4  # pages and twins of ingest and check
    assert found.report.data["records"]["runs/access.jsonl"]["entries"] == 2


def edit_rows(folder):
    path = next((folder / "data" / "versions").rglob("rows-*.parquet"))
    path.write_bytes(path.read_bytes()[:-9] + b"x" + path.read_bytes()[-8:])


def edit_manifest(folder):
    path = next((folder / "data" / "versions").rglob("manifest.json"))
    path.write_text(path.read_text().replace('"run"', '"ran"', 1))


def remove_rows(folder):
    next((folder / "data" / "versions").rglob("rows-*.parquet")).unlink()


def edit_result(folder):
    path = next((folder / "runs").glob("*/check.json"))
    path.write_text(path.read_text().replace('"warn"', '"pass"').replace('"verdict"', '"verdict" ', 1))


def edit_record(folder):
    path = folder / "runs" / "access.jsonl"
    path.write_text(path.read_text().replace('"ingest"', '"report"', 1))


def reorder_record(folder):
    path = folder / "runs" / "access.jsonl"
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (edit_rows, "dataset-changed"),
        (edit_manifest, "dataset-changed"),
        (remove_rows, "dataset-changed"),
        (edit_result, "result-changed"),
        (edit_record, "record-changed"),
        (reorder_record, "record-changed"),
    ],
)
def test_an_edit_breaks_verification(copy, edit, code, capsys):
    edit(copy)
    found = verify(copy)
    assert [f.code for f in found.product if f.severity.name == "ERROR"] == [code]
    assert main(["verify", str(copy)]) == 74


def test_nothing_goes_on_after_the_record_was_changed(copy):
    edit_record(copy)
    with pytest.raises(PermanentError, match="was changed: line 2"):
        check(copy)


def test_a_policy_that_goes_or_changes_is_noticed(copy):
    policy(copy, everybody=(["*"], list(RULED)))
    assert "policy-changed" in {f.code for f in verify(copy).product}
    review(copy)
    words = next(f for f in verify(copy).product if f.code == "policy-changed").message
    assert f"{ME} was the first under the new one" in words
    (copy / "access.yaml").unlink()
    with pytest.raises(PermanentError, match=r"access\.yaml is gone"):
        check(copy)


def test_a_policy_that_is_none_stops_everybody(copy):
    (copy / "access.yaml").write_text(
        "schema_version: 2\nroles:\n  a: {members: [x], may: [ingst]}\n  b: {members: x, may: [check]}\nowner: me\n"
    )
    with pytest.raises(ContractError) as caught:
        check(copy)
    assert len(caught.value.data["problems"]) == 4
    assert "Did you mean `ingest`?" in str(caught.value)


def test_a_project_without_a_policy_is_as_before(tmp_path):
    folder = write_project(tmp_path / "machines")
    ingest(folder)
    assert not (folder / "runs" / "access.jsonl").exists()
    assert verify(folder).report.data["n_results"] == 0
    with pytest.raises(PermanentError, match="no finished `infer` yet"):
        report(folder)


def test_a_log_without_actions_is_verified_too(tmp_path):
    (tmp_path / "log.csv").write_text("who,t,x\na,1,0\na,2,1\na,3,1\n")
    told = {
        "schema_version": 1,
        "identity": {"task": "walk"},
        "observations": [{"name": "x", "type": "integer", "low": 0, "high": 1}],
        "actions": {"column": None, "values": ["stay", "go"]},
        "features": [{"name": "x", "expression": "x"}],
        "data": {"trajectory": "who", "time": "t"},
    }
    (tmp_path / "contract.yaml").write_text(json.dumps(told))  # JSON is YAML
    ingest(tmp_path)
    assert verify(tmp_path).status == "ok" and verify(tmp_path).report.data["n_files"] > 0
    rows = next((tmp_path / "data" / "states").rglob("rows-*.parquet"))
    rows.write_bytes(rows.read_bytes() + b"x")
    found = verify(tmp_path)
    assert found.status == "permanent"
    assert "data/states/versions/" in found.report.data["findings"][0]["message"]
