"""What each rule makes of a value, by hand, and that secrets are kept as secrets."""

from __future__ import annotations

import hashlib
import hmac
import json

import numpy as np
import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.privacy.private_folder import new_secret, read_secret, secret_key
from telic.datasets.sources.pseudonyms import pseudonyms
from telic.errors import ContractError, PermanentError

KEY = bytes(range(32))


@pytest.fixture
def place(tmp_path, monkeypatch):
    private = tmp_path / "private"
    private.mkdir()
    (private / "k.key").write_text(KEY.hex() + "\n")
    (private / "k.key").chmod(0o600)
    monkeypatch.setenv("TELIC_PRIVATE", str(private))
    return tmp_path


def read(place, rows, rules, **data):
    (place / "log.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "t"},
            "observations": [
                {"name": "x"},
                {"name": "n", "type": "integer"},
                {"name": "who", "column": "user.name", "type": "category"},
                {"name": "ip", "type": "category", "missing": "label"},
            ],
            "actions": {"column": "act", "values": ["a", "b"]},
            "data": {"time": "ts", "time_format": "seconds", "duplicates": "keep", **data},
            "privacy": {"key": "k", "rules": rules},
        }
    )
    return read_demonstrations(contract, place / "log.jsonl")


def row(**changed):
    return {"ts": 0, "x": 0.0, "n": 0, "user": {"name": "Ann"}, "ip": "10.1.2.3", "act": "a"} | changed


def test_numbers_are_rounded_down_also_below_zero_and_at_multiples(place):
    rows = [row(x=x, n=n) for x, n in ((0.3, 10), (0.29, 9), (-0.05, -1), (0.7, 20))]
    rules = [
        {"column": "x", "rule": "generalise", "width": 0.1},
        {"column": "n", "rule": "generalise", "width": 10.0},
    ]
    demos = read(place, rows, rules)
    np.testing.assert_allclose(demos.observations["x"], [0.3, 0.2, -0.1, 0.7], atol=1e-12)
    assert demos.observations["n"].tolist() == [10, 0, -10, 20]


@pytest.mark.parametrize(
    ("to", "begins"),
    [
        ("hour", [1_714_993_200, 1_715_554_800]),  # 2024-05-06T11:00 and 2024-05-12T23:00, UTC
        ("day", [1_714_953_600, 1_715_472_000]),
        ("week", [1_714_953_600, 1_714_953_600]),  # both are in the week of Monday, 6 May
    ],
)
def test_times_become_the_beginning_of_their_hour_day_or_week(place, to, begins):
    rows = [row(ts=1_714_993_200 + 1_234), row(ts=1_715_558_399)]
    demos = read(place, rows, [{"column": "ts", "rule": "generalise", "to": to}])
    assert demos.times.tolist() == begins


def test_addresses_become_networks_and_what_is_none_becomes_other(place):
    rows = [row(ip=ip) for ip in ("10.1.2.3", "10.1.2.200", "2001:db8:1:2::7", "somewhere", None)]
    demos = read(place, rows, [{"column": "ip", "rule": "generalise", "prefix": 24}])
    labels = [demos.categories["ip"][c] for c in demos.observations["ip"]]
    assert labels == ["10.1.2.0/24", "10.1.2.0/24", "2001:db8:1::/48", "other", "missing"]


def test_a_pseudonym_is_the_hmac_of_task_column_and_value_and_covers_nested_keys(place):
    demos = read(place, [row(), row(user={"name": "Bob"}), row()], [{"column": "user", "rule": "pseudonym"}])
    labels = [demos.categories["who"][c] for c in demos.observations["who"]]
    message = b"".join(len(p).to_bytes(8, "big") + p for p in (b"t", b"column", b"user", b"Ann"))
    assert labels[0] == labels[2] == "user-" + hmac.new(KEY, message, hashlib.sha256).hexdigest()[:12]
    assert labels[1] != labels[0]


def test_people_get_pseudonyms_that_need_the_key_and_not_each_other(place):
    demos = read(
        place, [row(keeper="Ann"), row(keeper="Bob")], [], demonstrator="keeper", trajectory=["keeper"]
    )
    message = b"".join(len(p).to_bytes(8, "big") + p for p in (b"t", b"person", b"Ann"))
    ann = "demonstrator-" + hmac.new(KEY, message, hashlib.sha256).hexdigest()[:10]
    assert ann in demos.demonstrator_names
    assert pseudonyms(["Ann"], "t", secret_key("k")) == (ann,)
    assert pseudonyms(["Ann"], "other", secret_key("k")) != (ann,)
    assert "weak-pseudonyms" not in {f.code for f in demos.findings}


def test_a_key_is_made_once_for_its_owner_alone_and_never_shown(place):
    path = place / "private" / "new.key"
    first = secret_key("new")
    assert first.is_new
    assert path.stat().st_mode & 0o777 == 0o600
    assert not new_secret(path)  # somebody else was faster: theirs stays
    again = secret_key("new")
    assert not again.is_new
    assert again.raw == first.raw == bytes.fromhex(path.read_text())
    assert first.raw.hex() not in repr(first) + first.id
    path.write_text("short\n")
    with pytest.raises(PermanentError, match="holds no key"):
        read_secret(path)


def test_a_contract_refuses_rules_that_cannot_hold(place):
    wrong = [
        ([{"column": "x", "rule": "remove"}], r"`x` is removed, but observations\[0\] uses it"),
        ([{"column": "x", "rule": "mask"}], "Is for category and text columns"),
        ([{"column": "n", "rule": "generalise", "width": 2.5}], "Must be a whole number"),
        ([{"column": "ip", "rule": "generalise"}], "exactly one of width, to, groups, prefix"),
        ([{"column": "ip", "rule": "mask"}, {"column": "ip", "rule": "pseudonym"}], "has a rule already"),
    ]
    for rules, message in wrong:
        with pytest.raises(ContractError, match=message):
            read(place, [row(), row()], rules)
