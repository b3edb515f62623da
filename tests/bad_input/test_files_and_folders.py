"""What is named on the command line and is not there, is something else, or is there twice."""

from __future__ import annotations

import errno

import pytest


def test_a_misspelt_log(door):
    door.refuses(
        "ingest",
        door.folder,
        door.folder / "lgo.csv",
        status=74,
        message=r"There is no file .*lgo\.csv\. Did you mean `log\.csv`\?",
        hint="name",
    )


def test_a_folder_of_part_files(door):
    parts = door.folder / "parts"
    parts.mkdir()
    for i in range(7):
        (parts / f"part-{i}.csv").write_text("machine,day,wear,action\n")
    (parts / "_SUCCESS").write_text("")
    for words in (("ingest", door.folder, parts), ("init", door.folder / "new", "--from", parts)):
        error = door.refuses(
            *words,
            status=74,
            message=r"parts is a folder, not a file; of its files 7 can be read: part-0\.csv, .* and 2 more",
            hint=r"parts/part-0\.csv",
        )
        assert "_SUCCESS" not in error
    assert not (door.folder / "new").exists()


def test_part_files_are_one_log(door, telic, lines):
    parts = [door.folder / f"part-{i}.csv" for i in range(2)]
    parts[0].write_text("\n".join(lines[:40]) + "\n")
    parts[1].write_text("\n".join([lines[0], *lines[40:]]) + "\n")
    told = telic("ingest", door.folder, *parts)
    assert told.status == 0
    assert "nothing was done again" in told.err  # the rows of the one file that is there already


def test_one_file_twice(door):
    log = door.folder / "log.csv"
    door.refuses(
        "ingest", door.folder, log, log.parent / "." / log.name, status=4, message="named twice", hint="once"
    )


def test_a_file_where_a_folder_is_needed(door):
    log = door.folder / "log.csv"
    door.refuses("infer", log, status=74, message="is a file, not a project folder", hint=str(door.folder))
    door.refuses(
        "init",
        log,
        "--from",
        log,
        status=74,
        message="is a file, so it cannot be the project folder",
        hint=".",
    )


def test_a_misspelt_folder(door):
    door.refuses(
        "infer",
        door.folder.parent / "machnies",
        status=74,
        message=r"There is no project folder .*machnies\. Did you mean `machines`",
        hint="telic init",
    )


def test_a_folder_without_a_contract(door, tmp_path):
    door.refuses("run", tmp_path, status=74, message="has no contract.yaml", hint="telic init")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (
            ("check", "--version", "zzz"),
            "0 dataset versions begin with 'zzz'; there are: [0-9a-f]{12}",
            "more digits",
        ),
        (
            ("train", "--run", "zzz"),
            "0 runs of `infer` begin with 'zzz'; there are: none",
            "Run: telic infer",
        ),
        (("report",), "has no finished `infer` yet", "Run: telic infer"),
        (("train",), "has no finished `infer` yet", "Run: telic infer"),
    ],
)
def test_what_was_not_made_yet(door, words, message, hint):
    door.refuses(words[0], door.folder, *words[1:], status=74, message=message, hint=hint)


def test_verbs_before_ingest(telic, tmp_path):
    from machines import write_project

    folder = write_project(tmp_path / "p")
    for verb in ("check", "infer"):
        told = telic(verb, folder)
        assert told.status == 74
        assert "Nothing was ingested into" in told.err
        assert f"hint: Run: telic ingest {folder}" in told.err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--l2", "inf", "`l2` must be finite and not negative, got inf"),
        ("--l2", "nan", "`l2` must be finite and not negative, got nan"),
        ("--rationality", "inf", "`rationality` must be a finite number above 0, got inf"),
        ("--rationality", "0", "`rationality` must be a finite number above 0, got 0"),
        ("--discount", "nan", "`discount` must lie in \\[0, 1\\], got nan"),
        ("--level", "nan", "`level` must lie strictly between 0 and 1, got nan"),
        ("--method", "max_casual_entropy", "Did you mean `max_causal_entropy`"),
    ],
)
def test_settings_that_are_none(door, option, value, message):
    door.refuses("infer", door.folder, option, value, status=2, message=message, hint=".")


def test_too_little_memory(door, telic, monkeypatch):
    def full(*_, **__):
        raise MemoryError("Unable to allocate 14.6 TiB")

    monkeypatch.setattr("telic.inference.driver.maximise_newton", full)
    told = telic("infer", door.folder, "--quick")
    assert told.status == 71
    assert told.err.startswith(
        "error: The memory of this machine does not suffice: Unable to allocate 14.6 TiB."
    )
    assert "hint: Make fewer states" in told.err
    monkeypatch.undo()
    assert telic("infer", door.folder, "--quick").status == 0


def test_a_folder_that_may_not_be_looked_into(door, telic, monkeypatch):
    # What a closed folder does, tried for everybody: the superuser may look into any.
    def closed(*_):
        raise PermissionError(errno.EACCES, "Permission denied", "machines/data")

    monkeypatch.setattr("telic.workflows.project.Project.dataset", closed)
    told = telic("check", door.folder)
    assert told.status == 74
    assert told.err.startswith("error: Could not use machines/data: Permission denied.")
    assert "hint: Check that the path exists" in told.err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"verb": "check"}', "{}"])
def test_a_result_that_was_damaged(door, telic, text):
    assert telic("infer", door.folder, "--quick").status == 0
    result = next((door.folder / "runs").glob("*/infer.json"))
    result.write_text(text)
    for verb in ("report", "train"):
        told = telic(verb, door.folder)
        assert told.status == 74
        assert str(result) in told.err
        assert f"hint: Remove {result.parent} and run" in told.err


def test_the_whole_way_says_when_inverse_reinforcement_learning_is_not_for_this(door, telic):
    path = door.folder / "contract.yaml"
    path.write_text(path.read_text().replace("true}", "false}"))
    assert "affected_by_action:\n  false}" in path.read_text()
    told = telic("run", door.folder)
    said = "Do not use inverse RL here yet. No measurement of the state is affected by the action"
    assert said in " ".join(told.out.split())
    page = next((door.folder / "runs").glob("*/report.html")).read_text()
    assert said in page
    assert "most important: Do not use inverse RL here yet." in told.err
