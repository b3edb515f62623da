"""``run`` takes the options of ``infer``, by the same names and with the same meaning."""

from __future__ import annotations

import json

import pytest

from telic.cli import VERBS
from telic.cli.infer_options import InferOptions

OPTIONS = ["--quick", "--l2", "0.5", "--discount", "0.8", "--level", "0.9", "--errors", "sandwich"]


def test_run_infers_with_the_options_that_it_is_given(telic, project_folder):
    whole = json.loads(telic("run", project_folder, *OPTIONS, "--json").out)
    made = {k: whole["settings"][k] for k in ("l2", "discount", "level", "errors", "with_profiles")}
    assert made == {"l2": 0.5, "discount": 0.8, "level": 0.9, "errors": "sandwich", "with_profiles": False}
    assert whole["gauge"]["discount"] == 0.8
    assert [step["verb"] for step in whole["steps"]] == ["ingest", "check", "infer", "train", "report"]
    # The same inference by its own verb is the one that was made; the policy was planned for it.
    again = telic("infer", project_folder, *OPTIONS, "--json")
    assert "nothing was done again" in again.err
    assert json.loads(again.out)["digest"] == whole["digest"]
    assert json.loads(telic("train", project_folder, "--json").out)["inference"] == whole["digest"]


def test_run_takes_another_method(telic, project_folder):
    told = json.loads(
        telic("run", project_folder, "--quick", "--method", "conditional_choice_probability", "--json").out
    )
    assert told["method"] == "conditional_choice_probability"


@pytest.mark.parametrize("verb", ["infer", "run"])
def test_an_option_out_of_range_stops_before_anything_is_done(telic, project_folder, verb):
    told = telic(verb, project_folder, "--level", "1.5")
    assert told.status == 2
    assert "`level` must lie strictly between 0 and 1, got 1.5" in told.err
    assert not (project_folder / "data").exists()


def test_both_verbs_show_every_option(telic):
    assert {"infer", "run"} <= {verb.NAME for verb in VERBS}
    for verb in ("infer", "run"):
        told = telic(verb, "--help").out
        for name in vars(InferOptions()):
            assert f"--{name.replace('_', '-')}" in told
