"""The contract of ``docs/incidents.md``: planted incidents come back with their symptoms, acts and outcomes."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field

import yaml
from scipy.special import betaincinv

from telic.contract import TaskContract
from telic.datasets import read_demonstrations

KEY = 60
"""Of the corpus; fixed before the first run."""

INCIDENTS = 60
START = 1_772_359_200
"""2026-03-01T10:00:00Z, seconds since 1970."""

SYMPTOMS = ("latency high", "disk full", "error rate", "certificate expires", "queue grows")
ACTS = ("acknowledge", "assign", "escalate", "annotate", "snooze")
ZONES = (0, 3600, -5 * 3600)


@dataclass
class Planted:
    """What really happened: per incident its symptom and whether it was resolved, and every act of a person."""

    symptoms: dict[str, str] = field(default_factory=dict)
    resolved: dict[str, bool] = field(default_factory=dict)
    acts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    anonymous: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    in_order: dict[str, list[str]] = field(default_factory=dict)
    entries: list[dict] = field(default_factory=list)
    incidents: list[dict] = field(default_factory=list)


def planted(draw: random.Random) -> Planted:
    corpus = Planted()
    for i in range(INCIDENTS):
        identity, at = f"P{i:03}", START + 3600 * i
        symptom = draw.choice(SYMPTOMS)
        wrote = Writer(corpus, identity, draw)
        wrote.entry("trigger", at, "service", channel={"type": "api", "summary": symptom})
        wrote.entry("notify", at, "service")
        touched, resolved = draw.random() > 0.1, draw.random() > 0.3
        for _ in range(draw.randint(1, 6) if touched else 0):
            at += draw.choice([0, 1, 30, 400])
            wrote.act(draw.choice(ACTS), at)
            if draw.random() < 0.3:
                wrote.entry("escalate", at + 5, "escalation_policy")
                at += 5
        if resolved:
            at += draw.randint(1, 900)
            if touched and draw.random() < 0.8:
                wrote.act("resolve", at)
            else:
                wrote.entry("resolve", at, "service")
            wrote.entry("annotate", at + 60, "service")
        corpus.symptoms[identity] = symptom
        corpus.resolved[identity] = resolved
        corpus.incidents.append({"id": identity, "type": "incident", "title": symptom, "status": "resolved"})
    return corpus


@dataclass
class Writer:
    """Writes the entries of one incident as PagerDuty would."""

    corpus: Planted
    identity: str
    draw: random.Random

    def act(self, action: str, at: int) -> None:
        self.corpus.acts[self.identity, action, at] += 1
        gone = action == "annotate" and self.draw.random() < 0.15
        if gone:
            self.corpus.anonymous[self.identity, action, at] += 1
        else:
            self.corpus.in_order.setdefault(self.identity, []).append(action)
        self.entry(action, at, None if gone else "user")

    def entry(self, action: str, at: int, actor: str | None, **change) -> None:
        zone = dt.timezone(dt.timedelta(seconds=self.draw.choice(ZONES)))
        self.corpus.entries.append(
            {
                "id": f"R{len(self.corpus.entries):05}",
                "type": f"{action}_log_entry",
                "created_at": dt.datetime.fromtimestamp(at, zone).isoformat(),
                "agent": actor and {"id": "U1", "type": f"{actor}_reference"},
                "channel": {"type": "web"},
                "service": {"id": "S1", "summary": "shop"},
                "incident": {"id": self.identity, "type": "incident_reference"},
                **change,
            }
        )


def exported(corpus: Planted, draw: random.Random) -> str:
    """Pages of 50 entries, newest first, that overlap by ten as pages do while entries come in; then the incidents."""
    newest = corpus.entries[::-1]
    pages = [{"log_entries": newest[i : i + 60], "more": True} for i in range(0, len(newest), 50)]
    draw.shuffle(pages)
    return "".join(json.dumps(page) + "\n" for page in [*pages, {"incidents": corpus.incidents}])


def test_the_contract_of_the_page_finds_what_was_planted(tmp_path, project_root):
    page = (project_root / "docs" / "incidents.md").read_text()
    contract = TaskContract.from_mapping(yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1]))
    draw = random.Random(KEY)
    corpus = planted(draw)
    (tmp_path / "incidents.jsonl").write_text(exported(corpus, draw))
    demos = read_demonstrations(contract, tmp_path)

    of = demos.trajectory_ids.repeat(demos.offsets[1:] - demos.offsets[:-1])
    acts = Counter(
        (str(incident), demos.action_labels[a], round(t))
        for incident, a, t in zip(of, demos.actions, demos.times, strict=True)
    )
    labels = demos.categories["symptom"]
    symptoms = {str(i): labels[c] for i, c in zip(of, demos.observations["symptom"], strict=True)}
    outcomes = {
        str(i): {1: True, 0: False}[int(s)]
        for i, s in zip(demos.trajectory_ids, demos.succeeded, strict=True)
    }

    touched = {incident for incident, _, _ in corpus.acts - corpus.anonymous}
    assert (
        corpus.acts - acts == corpus.anonymous
    )  # missed: those of whom the export does not say that a person acted
    assert acts - corpus.acts == Counter()
    assert symptoms == {i: s for i, s in corpus.symptoms.items() if i in touched}
    assert outcomes == {i: r for i, r in corpus.resolved.items() if i in touched}
    assert corpus.anonymous.total() >= 5

    found, planted_acts = acts.total(), corpus.acts.total()
    f1 = 2 * found / (found + planted_acts)
    assert f1 > 0.95
    low = float(betaincinv(found, planted_acts - found + 1, 0.025))
    high = float(betaincinv(found + 1, planted_acts - found, 0.975))
    assert f"| acts, with action and second | {found} | {planted_acts} | 0 | {f1:.3f} |" in page
    assert f"| symptoms of incidents | {len(symptoms)} | {len(touched)} | 0 | 1 |" in page
    assert f"| outcomes | {len(outcomes)} | {len(touched)} | 0 | 1 |" in page
    assert f"precision of acts 1 ({0.025 ** (1 / found):.3f} to 1)" in page
    assert f"recall of acts {found / planted_acts:.3f} ({low:.3f} to {high:.3f})" in page


def test_acts_of_each_incident_stand_in_order_of_time(tmp_path, project_root):
    page = (project_root / "docs" / "incidents.md").read_text()
    contract = TaskContract.from_mapping(yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1]))
    draw = random.Random(KEY + 1)
    corpus = planted(draw)
    (tmp_path / "incidents.jsonl").write_text(exported(corpus, draw))
    demos = read_demonstrations(contract, tmp_path)
    told = {
        str(i): [demos.action_labels[a] for a in demos.actions[first:last]]
        for i, first, last in zip(demos.trajectory_ids, demos.offsets[:-1], demos.offsets[1:], strict=True)
    }
    assert told == corpus.in_order


def one_stream(form: str, entity: str, column: str, values: list[str], symptom: str) -> TaskContract:
    """The contract that the table of the page describes for tools whose rows say everything."""
    return TaskContract.from_mapping(
        {
            "identity": {"task": "incident-response"},
            "observations": [{"name": "symptom", "column": symptom, "type": "category"}],
            "actions": {"column": column, "values": values},
            "outcomes": {"succeeded": "ends.resolved"},
            "data": {"trajectory": "incident", "duplicates": "keep"},
            "streams": [
                {
                    "name": name,
                    "files": "export.jsonl",
                    "format": form,
                    "role": role,
                    "time": "time",
                    "entities": {"incident": entity},
                    "where": {column: values} if role == "decisions" else {},
                }
                for name, role in (("acts", "decisions"), ("ends", "outcomes"))
            ],
            "decisions": {"outcomes": [{"stream": "ends", "key": entity}]},
        }
    )


def told(contract: TaskContract, tmp_path, *values: object) -> dict[str, tuple[str, list[str], int]]:
    """Incident to its symptom, its acts in order, and its outcome (1, 0 or -1)."""
    (tmp_path / "export.jsonl").write_text("".join(json.dumps(v) + "\n" for v in values))
    demos = read_demonstrations(contract, tmp_path)
    return {
        str(identity): (
            demos.categories["symptom"][demos.observations["symptom"][first]],
            [demos.action_labels[a] for a in demos.actions[first:last]],
            int(succeeded),
        )
        for identity, first, last, succeeded in zip(
            demos.trajectory_ids, demos.offsets[:-1], demos.offsets[1:], demos.succeeded, strict=True
        )
    }


def test_issues_of_jira_by_the_table_of_the_page(tmp_path):
    def issue(key: str, *changes: tuple[str, str, str | None]) -> dict:
        histories = [
            {"id": str(i), "created": at, "items": [{"field": name, "to": to, "toString": to}]}
            for i, (at, name, to) in enumerate(changes)
        ]
        fields = {
            "created": "2026-03-01T10:00:00.000+0000",
            "summary": f"symptom of {key}",
            "status": {"name": "Open"},
        }
        return {
            "key": key,
            "fields": fields,
            "changelog": {"total": len(histories), "histories": histories[::-1]},
        }

    contract = one_stream(
        "jira-service-management", "issue", "field", ["status", "assignee", "priority"], "fields.summary"
    )
    work = [
        ("2026-03-01T10:05:00.000+0000", "assignee", "Ana"),
        ("2026-03-01T12:10:00.000+0100", "status", "Done"),
    ]
    solved = issue("OPS-1", *work, ("2026-03-01T11:10:01.000+0000", "resolution", "Fixed"))
    assert told(contract, tmp_path, {"issues": [solved, issue("OPS-2", work[0])]}) == {
        "OPS-1": ("symptom of OPS-1", ["assignee", "status"], 1),
        "OPS-2": ("symptom of OPS-2", ["assignee"], 0),
    }


def test_alerts_of_opsgenie_by_the_table_of_the_page(tmp_path):
    def alert(identity: str, *logs: tuple[str, str]) -> dict:
        listed = [{"log": text, "createdAt": at} for at, text in logs]
        return {"alert": {"id": identity, "message": f"symptom of {identity}"}, "logs": listed[::-1]}

    contract = one_stream(
        "opsgenie",
        "alert.id",
        "action",
        ["acknowledge", "assign", "escalate", "note", "close"],
        "alert.message",
    )
    begun = [
        ("2026-03-01T10:00:00Z", "Alert created via API"),
        ("2026-03-01T10:01:00Z", "Sent [Push] notification"),
    ]
    acts = [
        ("2026-03-01T12:02:00+02:00", "Alert acknowledged via web"),
        ("2026-03-01T10:09:00Z", "Added note[ok]"),
    ]
    closed = ("2026-03-01T10:30:00Z", "Alert closed via API")
    assert told(contract, tmp_path, alert("a-1", *begun, *acts, closed), alert("a-2", *begun, *acts)) == {
        "a-1": ("symptom of a-1", ["acknowledge", "note", "close"], 1),
        "a-2": ("symptom of a-2", ["acknowledge", "note"], 0),
    }
