"""The ``privacy`` block holds for streams: by column of a stream, and once, not twice."""

from __future__ import annotations

import pytest
from stream_projects import contract, event, write_audit, write_metrics

from telic.datasets import read_demonstrations
from telic.errors import DataError


@pytest.fixture
def folder(tmp_path):
    write_audit(tmp_path, [event(0, 100, service="anas-laptop"), event(1, 150, user="ana@example.org")])
    write_metrics(tmp_path, [(0, "anas-laptop", 1), (60, "web", 2)])
    return tmp_path


def rules(*columns):
    return {"key": "streams", "rules": [{"column": c, "rule": "pseudonym"} for c in columns]}


def test_what_is_protected_is_joined_and_not_told(folder):
    plain = read_demonstrations(contract(), folder)
    hidden = read_demonstrations(contract(privacy=rules("objectRef.name", "metrics.job")), folder)
    assert (
        sorted(hidden.observations["cpu"].tolist())
        == sorted(plain.observations["cpu"].tolist())
        == [1.0, 2.0]
    )
    assert "anas-laptop" in plain.trajectory_ids.tolist()
    assert not any("laptop" in str(name) for name in hidden.trajectory_ids)


def test_people_keep_the_pseudonym_that_they_have_anyway(folder):
    plain = read_demonstrations(contract(privacy=rules("nothing.else")), folder)
    ruled = read_demonstrations(contract(privacy=rules("user.username")), folder)
    assert set(ruled.demonstrator_names) == set(plain.demonstrator_names)


def test_errors_about_streams_withhold_protected_values(folder):
    made = contract(privacy={"rules": [{"column": "metrics.cpu", "rule": "generalise", "width": 1.0}]})
    (folder / "metrics.csv").write_text("ts,job,cpu\n1772359200,web,secret-7\n")
    with pytest.raises(DataError) as caught:
        read_demonstrations(made, folder)
    assert "secret-7" not in str(caught.value)
