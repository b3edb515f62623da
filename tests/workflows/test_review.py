"""The monthly review: made once a month, from where the last one ended, noted, with the lines for a scheduler."""

from __future__ import annotations

import json

import pytest
from machines import CONTRACT, keeper_log, write_project

from telic._core.clock import manual_clock
from telic.errors import PermanentError
from telic.storage.ledger import entries
from telic.workflows import Project, ingest, review

NOVEMBER = manual_clock(1_793_500_000.0)  # 2026-11-01T01:06:40Z
LATER = manual_clock(1_793_500_000.0 + 20 * 86_400)
DECEMBER = manual_clock(1_793_500_000.0 + 40 * 86_400)


def noted(folder):
    return entries(folder / "runs" / "reviews.jsonl")


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory):
    """Reviewed in November, ingested again, asked twice more in November, and reviewed in December."""
    folder = write_project(tmp_path_factory.mktemp("review") / "machines")
    ingest(folder)
    steps = [review(folder, clock=NOVEMBER)]
    log = folder / "log.csv"
    log.write_text(log.read_text() + "".join(f"m900,{day},{day % 6},repair\n" for day in range(30)))
    ingest(folder)
    steps += [review(folder, clock=LATER), review(folder, clock=LATER), review(folder, clock=DECEMBER)]
    return folder, steps


def test_a_month_is_reviewed_once(reviewed):
    folder, (first, again, third, december) = reviewed
    assert [r.is_reused for r in (first, again, third, december)] == [False, True, True, False]
    assert again.report.to_text() == first.report.to_text()
    assert [e["month"] for e in noted(folder)] == ["2026-11", "2026-12"]
    assert first.report.data["digest"] == noted(folder)[0]["run"]


def test_a_review_begins_where_the_last_one_ended(reviewed):
    folder, (first, _, _, december) = reviewed
    project = Project.open(folder)
    old, new = (v.digest for v in project.store.versions())
    assert first.report.data["words"] == ["This is the first review; the next one will say what changed."]
    told = december.report.data
    assert (told["against"], told["dataset"], told["versions"]) == (old, new, [new])
    assert told["words"][0] == "1 trajectory added: m900."
    assert told["words"][1].startswith("30 decisions added")
    assert noted(folder)[1]["against"] == old


def test_bias_by_demonstrator_is_a_section_of_its_own(tmp_path):
    """One of two keepers never repairs: the review says that they differ, without a name."""
    lines = keeper_log(20, 30).splitlines()
    rows = []
    for i, line in enumerate(lines[1:]):
        machine, day, wear, action = line.split(",")
        odd = (i // 30) % 2
        rows.append(f"{machine},{day},{wear},{'run' if odd else action},{'otto' if odd else 'ann'}")
    log = "\n".join([lines[0] + ",keeper", *rows]) + "\n"
    named = CONTRACT.replace("data: {trajectory", "data: {demonstrator: keeper, trajectory")
    folder = write_project(tmp_path / "machines", named, log)
    ingest(folder)
    made = review(folder, clock=NOVEMBER)
    text = made.report.to_text()
    assert "demonstrators-differ" in {f["code"] for f in made.report.data["findings"]}
    section = text[text.index("Bias") : text.index("Quality:")]
    assert "differ" in section
    assert "demonstrator-" not in text
    assert "otto" not in text


def test_the_lines_for_a_scheduler_are_those_that_work(reviewed, telic_words):
    folder, (first, *_) = reviewed
    text = first.report.to_text().replace("\n", " ")
    assert f"0 6 1 * * telic review {folder.resolve()}" in " ".join(text.split())
    assert telic_words(["review", str(folder), "--json"])["month"] >= "2026-11"


@pytest.fixture
def telic_words(capsys):
    from telic.cli import main

    def called(words):
        assert main(words) == 0
        return json.loads(capsys.readouterr().out)

    return called


def test_a_changed_record_stops_the_review(reviewed, tmp_path):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(reviewed[0], folder)
    record = folder / "runs" / "reviews.jsonl"
    record.write_text(record.read_text().replace("2026-11", "2026-10", 1))
    with pytest.raises(PermanentError, match="line 2 is not the one that was written after line 1"):
        review(folder, clock=DECEMBER)
