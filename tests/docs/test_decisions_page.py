"""The example of docs/decisions-from-events.md, on logs whose truth is known."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from stream_projects import START, event, iso, write_audit

from telic.datasets import parse_contract, read_demonstrations


@pytest.fixture(scope="module")
def contract(project_root):
    page = (project_root / "docs/decisions-from-events.md").read_text(encoding="utf-8")
    found = re.search(r"```yaml\n(.*?)```", page, re.S)
    assert found is not None
    return parse_contract(found.group(1))


def test_the_example_does_what_the_page_says(contract, tmp_path):
    rng = np.random.default_rng(0)
    acts = np.sort(rng.choice(np.arange(60, 3600, 7), 40, replace=False)).astype(float)
    write_audit(tmp_path, [event(i, t) for i, t in enumerate(acts)])
    true = np.arange(0.0, 3660.0, 15.0)
    series = [
        {
            "metric": {"__name__": name, "job": "web"},
            "values": [[START + t, f"{t * scale:.5f}"] for t in true],
        }
        for name, scale in (("cpu_cores", 0.01), ("memory_bytes", 1e6))
    ]
    answer = {"status": "success", "data": {"resultType": "matrix", "result": series}}
    (tmp_path / "metrics.json").write_text(json.dumps(answer))
    rows = [(t, "") for t in true] + [(t + 0.001, f"id-{i:04d}") for i, t in enumerate(acts)]
    lines = [f"{START + t + 30:.3f},web,{t / 100:.5f},{request}" for t, request in sorted(rows)]  # 30 s ahead
    (tmp_path / "proxy.csv").write_text("\n".join(["ts,upstream,errors,request", *lines]) + "\n")
    reviews = [{"at": iso(START + 9000), "change": f"id-{i:04d}", "kept": i % 4 != 0} for i in range(40)]
    (tmp_path / "reviews.jsonl").write_text("".join(json.dumps(r) + "\n" for r in reviews))
    demos = read_demonstrations(contract, tmp_path)
    told = {f.code: f for f in demos.findings}
    low, high = told["clock-skew"].evidence["offset_interval"]
    assert low <= 30.001 <= high
    # The values tell the true times of their rows: before the decision, and at most a row (and a bit) old.
    for name, slack in (("cpu", 0.0), ("errors", 0.01)):
        ages = demos.times - START - 100 * demos.observations[name]
        assert ages.min() > -slack
        assert ages.max() <= 15.0 + slack
    did = np.array(demos.action_labels, dtype=object)[demos.actions]
    quiet = demos.times[did == "none"] - START
    assert len(quiet) > 0
    assert np.all(quiet % 300 == 0)
    assert np.abs(quiet[:, None] - acts).min() > 60
    assert told["outcomes-joined"].evidence["joined"] == 40
    assert demos.succeeded.tolist() == [1]  # the last known outcome of the one service
