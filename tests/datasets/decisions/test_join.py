"""Streams to decisions: what was known when, what came of it, who decided, what is left out, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from stream_projects import (
    MAPPING,
    START,
    contract,
    event,
    iso,
    streams,
    write_audit,
    write_metrics,
)

from telic.datasets import DatasetStore, ingest, read_demonstrations
from telic.errors import ContractError, DataError, PermanentError
from telic.trajectories import ORIGINS

EVERY_MINUTE = [(60.0 * i, job, i + 10.0 * (job == "db")) for i in range(12) for job in ("web", "db")]


@pytest.fixture
def folder(tmp_path):
    write_audit(
        tmp_path, [event(0, 100), event(1, 180, "delete"), event(2, 200, "get"), event(3, 301, service="db")]
    )
    write_metrics(tmp_path, EVERY_MINUTE)
    return tmp_path


def told(demos, code):
    return [f for f in demos.findings if f.code == code]


def test_each_decision_has_the_state_before_it_and_its_age(folder):
    demos = read_demonstrations(contract(), folder)
    assert demos.trajectory_ids.tolist() == ["db", "web"]
    assert demos.observations["cpu"].tolist() == [
        15.0,
        1.0,
        2.0,
    ]  # at 180 s the row of 120 s: that of 180 s is not before
    np.testing.assert_allclose(demos.observations["age"], [1.0, 40.0, 60.0], atol=1e-6)
    assert (demos.times - START).tolist() == [301.0, 100.0, 180.0]
    assert not {"file-order", "extra-columns"} & {f.code for f in demos.findings}
    [left] = told(demos, "stream-rows-left-out")
    assert left.evidence == {"stream": "audit", "count": 1, "rows": 4}


def test_a_state_of_the_very_time_counts_where_the_contract_says_so(folder):
    demos = read_demonstrations(contract(streams=streams(metrics={"same_time": "include"})), folder)
    assert demos.observations["cpu"].tolist() == [15.0, 1.0, 3.0]


def test_no_state_is_ever_from_the_future(tmp_path):
    rng = np.random.default_rng(0)
    write_audit(tmp_path, [event(i, float(s)) for i, s in enumerate(np.sort(rng.uniform(1, 4000, 300)))])
    write_metrics(tmp_path, [(s, "web", s / 100) for s in np.sort(rng.uniform(0, 4000, 400)).round(3)])
    demos = read_demonstrations(contract(streams=streams(metrics={"max_age_seconds": None})), tmp_path)
    # The value of a row tells its own time, so the join can be checked against the decisions' times.
    assert np.all(demos.observations["cpu"] * 100 < demos.times - START)
    np.testing.assert_allclose(
        demos.observations["age"], demos.times - START - demos.observations["cpu"] * 100, atol=1e-5
    )


def test_stale_state_is_missing_and_counted(folder):
    write_audit(folder, [event(0, 100), event(1, 700), event(2, 900)])
    demos = read_demonstrations(contract(), folder)
    assert demos.n_decisions == 2  # `missing: drop`
    [ages] = told(demos, "state-ages")
    assert (ages.evidence["stale"], ages.evidence["without"], ages.evidence["max_seconds"]) == (1, 0, 240.0)
    assert "1 have one older than 120 s" in ages.message


def test_a_planted_future_value_is_named(tmp_path):
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 60, 101).round(3)
    write_metrics(tmp_path, [(60.0 * i, "web", v) for i, v in enumerate(values)])
    events = [event(i, 60.0 * i + 30) for i in range(100)]
    for i, one in enumerate(events):
        one["annotations"] = {"load": float(values[i + 1]), "guess": float(values[i])}
    write_audit(tmp_path, events)
    extra = [{"name": n, "column": f"annotations.{n}", "low": 0, "high": 64} for n in ("load", "guess")]
    demos = read_demonstrations(contract(observations=[*MAPPING["observations"], *extra]), tmp_path)
    [leak] = told(demos, "future-values")
    assert (leak.evidence["column"], leak.evidence["state"], leak.evidence["lead"]) == (
        "annotations.load",
        "metrics.cpu",
        1,
    )
    assert leak.evidence["matches"] == leak.evidence["changed"] == 100
    assert leak.evidence["rows"][0] == "audit.log row 1"


def test_fragments_with_overlaps_are_one_log_again(tmp_path):
    rng = np.random.default_rng(2)
    whole, split = tmp_path / "whole", tmp_path / "split"
    whole.mkdir(), split.mkdir()
    events = [
        event(i, float(7 * i + 61), "patch" if i % 3 else "delete", ["web", "db"][i % 2]) for i in range(80)
    ]
    rows = [(60.0 * i, job, i / 4 + (job == "db")) for i in range(20) for job in ("web", "db")]
    write_audit(whole, events)
    write_metrics(whole, rows)
    for part in range(3):
        mine = [e for e in events if rng.random() < 0.5 or int(e["auditID"][3:]) % 3 == part]
        write_audit(split, [mine[i] for i in rng.permutation(len(mine))], f"audit-{part}.log")
        write_metrics(
            split,
            [r for i, r in enumerate(rows) if rng.random() < 0.5 or i % 3 == part],
            f"metrics-{part}.csv",
        )
    one, other = (read_demonstrations(contract(), place) for place in (whole, split))
    assert one.digest == other.digest
    assert not told(one, "stream-repeats")
    assert {f.evidence["stream"] for f in told(other, "stream-repeats")} == {"audit", "metrics"}
    assert {f.evidence["stream"] for f in told(other, "stream-out-of-order")} == {"audit", "metrics"}


def test_a_skewed_clock_is_found_and_corrected(tmp_path):
    rng = np.random.default_rng(3)
    ids = [f"id-{i:04d}" for i in range(200)]
    times = np.sort(rng.uniform(100, 5000, 200))
    write_audit(tmp_path, [event(i, t) for i, t in enumerate(times)])
    ahead = times + 42.0 + 1e-4 * times + rng.normal(0, 0.05, 200)
    lines = [f"{START + t:.6f},web,{v:.6f},{name}" for t, v, name in zip(ahead, times, ids, strict=True)]
    (tmp_path / "metrics.csv").write_text("\n".join(["ts,job,cpu,request", *lines]) + "\n")
    clock = {"estimate_against": "audit", "key": "request", "key_there": "auditID"}
    wide = [{**MAPPING["observations"][0], "high": 6000}]
    made = contract(observations=wide, streams=streams(metrics={"clock": clock, "max_age_seconds": None}))
    demos = read_demonstrations(made, tmp_path)
    [skew] = told(demos, "clock-skew")
    low, high = skew.evidence["offset_interval"]
    middle = 42.0 + 1e-4 * (skew.evidence["reference"] - START)
    assert low <= middle <= high
    assert high - low < 0.1
    assert skew.evidence["drift_interval"][0] <= 1e-4 <= skew.evidence["drift_interval"][1]
    assert skew.severity.name == "WARNING"
    # The value tells the true time of its row: after correction it is the row before (the decision's own is not known).
    late = demos.observations["cpu"] - (demos.times - START)
    assert np.all(late < skew.evidence["bound_seconds"] + 5 * 0.05)  # five times what single rows are off by
    assert np.median(late) > -60
    wrong = contract(observations=wide, streams=streams(metrics={"max_age_seconds": None}))
    uncorrected = read_demonstrations(wrong, tmp_path)
    assert np.median(uncorrected.observations["cpu"] - (uncorrected.times - START)) < -40


def test_streams_that_share_no_event_cannot_be_compared(folder):
    clock = {"estimate_against": "audit", "key": "job", "key_there": "auditID"}
    with pytest.raises(DataError, match=r"share 0 events by job \(there auditID\).*Here: db; there: id-0000"):
        read_demonstrations(contract(streams=streams(metrics={"clock": clock})), folder)


def test_doing_nothing_is_a_decision_by_the_stated_rule(folder):
    rule = {"label": "none", "every_seconds": 120, "margin_seconds": 30}
    demos = read_demonstrations(contract(decisions={"no_action": rule}), folder)
    web_rows = np.isin(
        demos.trajectory_index, [i for i, n in enumerate(demos.trajectory_ids) if n.startswith("web")]
    )
    assert (demos.times[web_rows] - START).tolist() == [0 + 100.0, 180.0, 240.0, 360.0, 480.0, 600.0]
    labels = [demos.action_labels[a] for a in demos.actions[web_rows]]
    assert labels == [
        "patch",
        "delete",
        "none",
        "none",
        "none",
        "none",
    ]  # 0 s: no state yet; 120 s: too close to 100 s
    [told_of] = told(demos, "no-action-decisions")
    assert told_of.evidence["acts"] == 3
    assert told_of.evidence["policy"] == "grid"


def test_or_so_long_after_each_act(folder):
    rule = {"label": "none", "every_seconds": 100, "policy": "after_act"}
    demos = read_demonstrations(
        contract(decisions={"no_action": rule}, data={"trajectory": "service"}), folder
    )
    db = [i for i, n in enumerate(demos.trajectory_ids) if n == "db"]
    assert (demos.times[np.isin(demos.trajectory_index, db)] - START).tolist() == [
        100.0,
        200.0,
        300.0,
        301.0,
        401.0,
        501.0,
        601.0,
    ]


def outcomes(folder, rows, **rule):
    lines = [json.dumps({"at": iso(START + s), **row}) for s, row in rows]
    (folder / "results.jsonl").write_text("\n".join(lines) + "\n")
    stream = {"name": "results", "files": "results.jsonl", "role": "outcomes", "time": "at"}
    if "within_seconds" in rule and "key" not in rule:
        stream["entities"] = {"service": "service"}
    made = contract(
        streams=[*streams(), stream],
        decisions={"outcomes": [{"stream": "results", **rule}]},
        outcomes={"succeeded": "results.ok"},
        data={"trajectory": ["service", "auditID"], "demonstrator": "user.username"},
    )
    return read_demonstrations(made, folder)


def by_request(demos):
    return dict(zip(demos.trajectory_ids.tolist(), demos.succeeded.tolist(), strict=True))


def test_a_late_label_joins_the_decision_that_it_names(folder):
    rows = [(900, {"request": "id-0001", "ok": False}), (901, {"request": "id-0000", "ok": False}),
            (5000, {"request": "id-0000", "ok": True}), (950, {"request": "id-9999", "ok": True})]  # fmt: skip
    demos = outcomes(folder, rows, key="auditID", key_there="request")
    assert by_request(demos) == {"web/id-0000": 1, "web/id-0001": 0, "db/id-0003": -1}
    [joined] = told(demos, "outcomes-joined")
    assert joined.evidence["joined"] == 2
    assert joined.evidence["replaced"] == 1
    assert joined.evidence["without_decision"] == 1
    assert "results.jsonl line 4" in joined.message
    first = outcomes(folder, rows, key="auditID", key_there="request", keep="first")
    assert by_request(first)["web/id-0000"] == 0


def test_an_outcome_without_a_key_joins_the_last_act_on_the_same(folder):
    rows = [(150, {"service": "web", "ok": True}), (179, {"service": "db", "ok": False}),
            (190, {"service": "web", "ok": False}), (800, {"service": "db", "ok": True})]  # fmt: skip
    demos = outcomes(folder, rows, within_seconds=120)
    assert by_request(demos) == {"web/id-0000": 1, "web/id-0001": 0, "db/id-0003": -1}
    [joined] = told(demos, "outcomes-joined")
    assert (joined.evidence["before_decision"], joined.evidence["too_late"]) == (1, 1)


def test_an_override_is_a_demonstration_of_the_person(folder):
    events = [event(0, 100), event(1, 180, "delete"), event(2, 240), event(3, 300)]
    for one, proposed in zip(events, ["patch", "patch", None, "patch"], strict=True):
        one["annotations"] = {"proposed": proposed}
    write_audit(folder, events)
    demos = read_demonstrations(contract(decisions={"proposed": "annotations.proposed"}), folder)
    assert [ORIGINS[o] for o in demos.origins] == ["policy", "human", "policy"]
    assert np.diff(demos.offsets).tolist() == [1, 2, 1]
    assert demos.labels["decision.proposed"].tolist() == ["patch", "patch", "patch"]
    [overrides] = told(demos, "overrides")
    assert overrides.evidence["pairs"] == [{"proposed": "patch", "done": "delete", "count": 1}]
    assert (overrides.evidence["overridden"], overrides.evidence["proposals"]) == (1, 3)


def test_each_stream_says_who_acts_in_it(folder):
    (folder / "rules.csv").write_text(f"at,app,verb\n{START + 250},web,patch\n")
    rules = {"name": "autoscaler", "files": "rules.csv", "role": "decisions", "time": "at",
             "entities": {"service": "app"}, "origin": "rule", "columns": {"user.username": "app"}}  # fmt: skip
    demos = read_demonstrations(contract(streams=[*streams(), rules], data={"trajectory": "service"}), folder)
    assert [ORIGINS[o] for o in demos.origins] == ["human", "human", "rule"]
    assert demos.trajectory_ids.tolist() == ["db", "web", "web#2"]


def test_errors_name_the_file_and_row_of_the_stream(folder):
    write_metrics(folder, [(0, "web", 3), (60, "web", 900)])
    with pytest.raises(DataError, match=r"`cpu` must lie in \[0, 64\] core.*audit\.log row 1"):
        read_demonstrations(contract(), folder)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"metrics": {"entities": {"service": "cpu"}}}, DataError, "nobody.*have `db`, `web`, the stream `0.0`"),
        ({"metrics": {"files": "metric.csv"}}, PermanentError, r"stream `metrics` matches 'metric\.csv'.*metrics\.csv"),
        ({"audit": {"where": {"verb": ["put"]}}}, DataError, "None of the 4 rows of stream `audit`"),
        ({"metrics": {"files": "../metrics.csv"}}, ContractError, r"streams\[1\]\.files\[0\]: Must stay in the folder"),
        ({"metrics": {"entities": {"host": "job"}}}, ContractError, r"streams\[1\]\.entities: No stream of decisions"),
        ({"metrics": {"name": "decision"}}, ContractError, r"streams\[1\]\.name: `decision` is taken"),
        ({"metrics": {"clock": {"estimate_against": "x"}}}, ContractError, r"streams\[1\]\.clock\.key: Needed"),
        ({"audit": {"max_age_seconds": 5}}, ContractError, r"streams\[0\]\.max_age_seconds: Only a stream of `state`"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(folder, change, error, message):
    with pytest.raises(error, match=message):
        read_demonstrations(contract(streams=streams(**change)), folder)


def test_times_without_a_zone_need_one(folder):
    (folder / "metrics.csv").write_text("ts,job,cpu\n2026-03-01T10:00:00,web,1\n2026-03-01T10:01:00,web,2\n")
    with pytest.raises(DataError, match=r"times with a zone; 2 of 2.*metrics\.csv line 2"):
        read_demonstrations(contract(), folder)
    (folder / "metrics.csv").write_text("ts,job,cpu\n2026-03-01T10:00:00Z,web,1\n2026-03-01T10:01:00,web,2\n")
    with pytest.raises(DataError, match=r"times with a zone; 1 of 2.*metrics\.csv line 3"):
        read_demonstrations(contract(), folder)
    stated = contract(streams=streams(metrics={"zone": "UTC"}))
    assert read_demonstrations(stated, folder).observations["cpu"].tolist() == [2.0, 2.0]


def test_different_states_of_one_time_are_refused_or_the_last_counts(folder):
    write_metrics(folder, [(0, "web", 1), (90, "web", 2), (90, "web", 3), (90, "web", 3)])
    with pytest.raises(DataError, match=r"1 rows of the time of another row.*metrics\.csv line 4"):
        read_demonstrations(contract(), folder)
    last = contract(streams=streams(metrics={"duplicates": "last"}))
    assert read_demonstrations(last, folder).observations["cpu"].tolist() == [3.0, 3.0]


def test_a_link_out_of_the_folder_is_not_followed(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "metrics-2.csv"
    elsewhere.write_text("ts,job,cpu\n1,web,1\n")
    (folder / "metrics-2.csv").symlink_to(elsewhere)
    with pytest.raises(DataError, match="leads out of"):
        read_demonstrations(contract(), folder)


def test_the_same_streams_are_not_read_again_and_other_rules_are(folder):
    store = DatasetStore(folder / "data")
    version = ingest(contract(), folder, store)
    assert version.is_new
    assert version.sources.keys() == {"0:audit.log", "1:metrics.csv"}
    assert not ingest(contract(), folder, store).is_new
    other = contract(streams=streams(metrics={"same_time": "include"}))
    assert ingest(other, folder, store).digest != version.digest


def test_files_cannot_be_named_beside_streams(folder):
    with pytest.raises(DataError, match="names its files itself"):
        read_demonstrations(contract(), folder / "audit.log")
