"""Drafts of foreign logs: the format names its columns, what came after the act stays out, and the draft is usable."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from telic.datasets import draft_contract, parse_contract, read_demonstrations
from telic.datasets.drafting.foreign import KNOWN
from telic.datasets.sources.formats import MODULES, event_format
from telic.errors import ContractError, DataError

FILES = Path(__file__).parent / "formats" / "files"


def servicenow(folder: Path) -> Path:
    """Six incidents, each assigned, reassigned or worked on, then resolved and closed; how it ended is on every row."""
    rows = []
    for i in range(6):
        states = [
            ("New", "?", "TRUE"), ("New", "net", "TRUE"), ("Active", ("net", "db")[i % 2], "TRUE"),
            ("Resolved", "db", "TRUE"), ("Closed", "db", "FALSE"),
        ]  # fmt: skip
        for k, (state, group, active) in enumerate(states):
            rows.append(
                {
                    "number": f"INC{i}", "incident_state": state, "active": active, "reopen_count": 0,
                    "sys_mod_count": k, "priority": ("3 - Moderate", "2 - High")[i % 2], "assignment_group": group,
                    "assigned_to": "?", "opened_at": "29-02-2016 01:00", "sys_updated_by": ("ana", "bo")[(i + k) % 2],
                    "sys_updated_at": f"29-02-2016 {i + 1:02}:{10 * k:02}", "closed_code": f"code {i % 3}",
                    "made_sla": ("TRUE", "FALSE")[i % 2],
                }
            )  # fmt: skip
    path = folder / "incidents.csv"
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return path


def kubernetes(folder: Path) -> Path:
    lines = [
        {
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": f"id-{i}",
            "stage": "ResponseComplete", "requestURI": "/apis", "verb": ("create", "patch", "delete")[i % 3],
            "user": {"username": f"u{i % 2}@example.org"}, "sourceIPs": ["192.0.2.7"],
            "objectRef": {"resource": "deployments", "namespace": ("shop", "mail")[i // 15], "name": f"web{i % 4}"},
            "responseStatus": {"code": 200 + i % 2}, "stageTimestamp": f"2026-03-01T10:{i:02}:00.000001Z",
        }
        for i in range(30)
    ]  # fmt: skip
    path = folder / "audit.log"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def slurm(folder: Path) -> Path:
    head = "JobID|User|Partition|Submit|Start|End|Elapsed|Timelimit|State|ExitCode"
    rows = [
        f"{100 + i}|{('ana', 'bo')[i % 2]}|{('short', 'long')[i // 2 % 2]}|2026-03-01T10:{i:02}:00|2026-03-01T11:00:00|"
        f"2026-03-01T11:01:00|00:01:00|0{1 + i % 3}:00:00|COMPLETED|0:0"
        for i in range(20)
    ]
    path = folder / "sacct.txt"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def swf(folder: Path) -> Path:
    lines = ["; Version: 2.2", "; UnixStartTime: 1700000000", ";"]
    lines += [
        f"{i + 1} {60 * i} {i % 7} 100 4 95.5 2048 {4 + i % 3} {600 * (1 + i % 4)} -1 1 {1 + i % 2} 1 7 "
        f"{i // 2 % 2} -1 -1 -1"
        for i in range(20)
    ]
    path = folder / "jobs.swf"
    path.write_text("\n".join(lines) + "\n")
    return path


def transcript(folder: Path) -> Path:
    path = folder / "chat.txt"
    path.write_text("".join(f"2026-03-01 10:{i:02} {('ana', 'bo')[i % 2]}: message {i}\n" for i in range(12)))
    return path


def copied(name: str):
    def place(folder: Path) -> Path:
        source, target = FILES / name, folder / name
        return Path(shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target))

    return place


CASES = {
    "servicenow": (servicenow, "action", ["number"], "time", "sys_updated_by", "closed_code"),
    "kubernetes-audit": (
        kubernetes, "verb", ["objectRef.namespace"], "stageTimestamp", "user.username", "responseStatus.code",
    ),
    "otlp-traces": (copied("otlp-traces.jsonl"), "name", ["traceId"], "time", None, "durationSeconds"),
    "xes": (copied("pm4py.xes"), "concept:name", ["case:concept:name"], "time:timestamp", "org:resource", None),
    "slurm-sacct": (slurm, "Partition", ["User"], "Submit", "User", "Elapsed.seconds"),
    "swf": (swf, "queue", ["user"], "submitted", "user", "wait_time"),
    "lerobot": (copied("lerobot_v30"), "action", ["episode_index"], "timestamp", None, None),
}  # fmt: skip
"""Format to a log, and what its draft must say: action, trajectory, time, who decided, and what came after the act."""


@pytest.mark.parametrize("form", CASES)
def test_a_draft_names_the_columns_of_the_format_and_can_be_used(form, tmp_path, monkeypatch):
    monkeypatch.setenv("TELIC_PRIVATE", str(tmp_path / "private"))
    make, action, trajectory, time, who, later = CASES[form]
    path = make(tmp_path)
    draft = draft_contract(path, task="desk", format=form)
    contract = parse_contract(draft.contract_text, source="the draft")
    assert contract.data.format == form
    assert contract.actions.column == action
    assert list(contract.data.trajectory) == trajectory
    assert (contract.data.time, contract.data.demonstrator) == (time, who)
    observed = {o.column for o in contract.observations}
    assert observed
    assert not any(KNOWN[form].comes_after(column) for column in observed)
    assert KNOWN[form].offered not in observed
    assert not KNOWN[form].offered or "left out: offered (what could be done" in draft.contract_text
    if later is not None:
        assert (
            f"left out: {later}" in draft.contract_text or f"left out: final.{later}" in draft.contract_text
        )
    demos = read_demonstrations(contract, path)
    assert demos.n_decisions == draft.rows
    assert {guess.path for guess in draft.guesses if guess.confirm} >= {"actions.column"}


def test_a_log_whose_columns_hold_no_choice_is_refused_in_words(tmp_path):
    alone = tmp_path / "chat.txt"
    alone.write_text("".join(f"2026-03-01 10:{i:02} ana: message {i}\n" for i in range(5)))
    with pytest.raises(
        DataError, match=r"that would be `command\.0` or `speaker` or `kind`.*`speaker` has 1 "
    ) as told:
        draft_contract(alone, format="transcript")
    assert "seldom what was decided or seen" in told.value.hint


def test_a_log_in_which_nothing_could_be_seen_before_the_act_is_refused_in_words(tmp_path):
    with pytest.raises(
        DataError, match=r"could be observed when `speaker` was decided.*`text`: known only after"
    ) as told:
        draft_contract(transcript(tmp_path), format="transcript")
    assert "join the log of what was known then" in told.value.hint


def test_a_format_that_is_none_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ContractError, match="servicenow"):
        draft_contract(servicenow(tmp_path), format="service-now")


def test_what_is_known_is_of_formats_that_there_are():
    assert set(KNOWN) <= set(MODULES)
    for name, known in KNOWN.items():
        columns = event_format(name).columns
        of_all = [known.action, known.trajectory, known.time, known.demonstrator, known.terminated]
        # Each role has a column that every file of the format has, or one that the log itself brings.
        stated = [name_ for names in of_all for name_ in names if name_ in columns]
        assert stated or name in ("opsgenie", "slurm-sacct"), name


def test_the_verb_drafts_and_the_project_runs(tmp_path, telic, monkeypatch):
    monkeypatch.setenv("TELIC_PRIVATE", str(tmp_path / "private"))
    source = servicenow(tmp_path)
    told = json.loads(
        telic("init", tmp_path / "desk", "--from", source, "--format", "servicenow", "--json").out
    )
    assert told["rows"] == 24
    stored = json.loads(telic("ingest", tmp_path / "desk", "--json").out)
    assert stored["n_decisions"] == 24
    assert "is not a format" in telic("init", tmp_path / "d2", "--from", source, "--format", "serviceno").err
