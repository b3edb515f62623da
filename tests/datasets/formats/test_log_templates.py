"""Templates of log lines: planted kinds of lines are told apart, whatever their order (needs the extra `logs`)."""

from __future__ import annotations

import importlib
import random

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.datasets.sources.log_lines import masked_line
from telic.errors import DataError, PermanentError

KINDS = (
    "connected to db{n} in {n} ms",
    "user {w} logged in from 10.0.0.{n}",
    "disk /dev/sda{n} is {n}% full",
    "request {h} failed with status 50{d}",
    "restarting worker {w} after signal {d}",
)
WORDS = ("ana", "bo", "cleo", "dan", "eve", "fay")


@pytest.fixture
def drain3():
    return pytest.importorskip("drain3", reason="the extra `logs` is not installed")


def lines(seed: int, n: int = 400) -> list[tuple[int, str]]:
    draw = random.Random(seed)
    found = []
    for i in range(n):
        kind = draw.randrange(len(KINDS))
        text = KINDS[kind].format(
            n=draw.randrange(1, 99),
            d=draw.randrange(9),
            w=draw.choice(WORDS),
            h=f"{draw.getrandbits(64):016x}a1",
        )
        found.append((kind, f"2026-03-01T10:{i // 60:02}:{i % 60:02}.5Z {text}"))
    return found


def written(tmp_path, texts):
    path = tmp_path / "app.log"
    path.write_text("".join(f"{t}\n" for t in texts))
    return path


def records(path):
    return list(event_format("log-templates").records(source_file(path, "log-templates")))


def test_planted_kinds_are_found_one_to_one(tmp_path, drain3):
    planted = lines(1)
    rows = records(written(tmp_path, [t for _, t in planted]))
    pairs = {(kind, row["template_id"]) for (kind, _), row in zip(planted, rows, strict=True)}
    assert len(pairs) == len({row["template_id"] for row in rows}) == len(KINDS)
    assert {row["template"] for row in rows} == {
        "connected to db<*> in <*> ms",
        "user <*> logged in from <*>",
        "disk /dev/sda<*> is <*>% full",
        "request <*> failed with status <*>",
        "restarting worker <*> after signal <*>",
    }


def test_parameters_are_what_stood_there(tmp_path, drain3):
    texts = [
        "connected to db7 in 12 ms",
        "user ana logged in from 10.0.0.1",
        "user bo logged in from 10.0.0.2",
    ]
    rows = records(written(tmp_path, texts))
    assert [(r["parameter.0"], r["parameter.1"], r["n_parameters"]) for r in rows] == [
        ("7", "12", 2),
        ("ana", "10.0.0.1", 2),
        ("bo", "10.0.0.2", 2),
    ]
    assert [r["line"] for r in rows] == [1, 2, 3]


def test_identities_do_not_depend_on_the_order_of_lines(tmp_path, drain3):
    texts = [t for _, t in lines(2)]
    there = {r["time"]: r["template_id"] for r in records(written(tmp_path, texts))}
    back = {r["time"]: r["template_id"] for r in records(written(tmp_path, texts[::-1]))}
    assert there == back
    assert len(set(there.values())) == len(KINDS)


def test_templates_become_actions(tmp_path, drain3):
    path = written(tmp_path, [t for _, t in lines(3)])
    names = sorted({r["template_id"] for r in records(path)})
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "log"},
            "observations": [{"name": "n", "column": "n_parameters", "type": "integer"}],
            "actions": {"column": "template_id", "values": names},
            "data": {"format": "log-templates", "time": "time"},
        }
    )
    assert read_demonstrations(contract, path).n_decisions == 400


@pytest.mark.parametrize(
    ("text", "time", "words"),
    [
        ("2026-03-01 10:00:00,123 ERROR x", "2026-03-01T10:00:00.123", ("ERROR", "x")),
        ("[2026-03-01T10:00:00+01:00] x", "2026-03-01T10:00:00+01:00", ("x",)),
        ("<34>1 2003-10-11T22:14:15.003Z host su", "2003-10-11T22:14:15.003Z", ("host", "su")),
        ("Mar  1 10:00:00 host x", None, ("Mar", "<*>", "<*>", "host", "x")),
        ("at 10.0.0.1:80 id=0xFF de-fa cafe12-34", None, ("at", "<*>", "id=<*>", "de-fa", "<*>")),
    ],
)
def test_times_and_values_are_taken_out(text, time, words):
    line = masked_line(text)
    assert (line.time, line.words) == (time, words)


def test_a_text_without_templates_is_refused(tmp_path, drain3, monkeypatch):
    monkeypatch.setattr("telic.datasets.sources.formats.log_templates.MOST_TEMPLATES", 50)
    texts = [
        " ".join(chr(97 + (i * j) % 26) * 3 + chr(97 + i % 26) for j in range(3 + i)) for i in range(100)
    ]
    with pytest.raises(DataError, match=r"more than 50 templates by line 5\d"):
        records(written(tmp_path, texts))


def test_long_lines_stay_bounded(tmp_path, drain3):
    path = written(tmp_path, ["word " * 1000, "f" * 100_000])
    long, wide = records(path)
    assert long["n_parameters"] == 1
    assert (wide["template"], len(wide["parameter.0"])) == ("<*>", 100_000)


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    def gone(name: str):
        raise ModuleNotFoundError(f"No module named {name!r}", name="drain3")

    path = written(tmp_path, ["a"])
    form = event_format("log-templates")
    monkeypatch.setattr(importlib, "import_module", gone)
    with pytest.raises(PermanentError, match=r"telic\[logs\]"):
        list(form.records(source_file(path, "log-templates")))
