"""Recall and false alarms on the planted corpus, reduced: 600 items, 600 clean lines, 60 columns a side.

At full size: ``reproductions/privacy_corpus.py``, with the same key, fixed before its first run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def told(project_root):
    program = str(project_root / "reproductions" / "privacy_corpus.py")
    plain = {k: v for k, v in os.environ.items() if k != "TELIC_FULL"}
    done = subprocess.run([sys.executable, program], env=plain, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_at_least_nine_of_ten_items_of_every_kind_are_found(told):
    """The first run found 96 to 100 of 100 a kind; what is missed is of forms that are listed as not found."""
    assert told["items"] == 600
    assert {k: r["of"] for k, r in told["recall"].items()} == dict.fromkeys(told["recall"], 100)
    assert min(r["hits"] for r in told["recall"].values()) >= 90
    assert set(told["missed_forms"]) <= {
        "card: odd groups",
        "email: in words",
        "key: AWS secret",
        "key: random, 32",
        "key: random, small letters",
        "name: login without a separator",
        "phone: bare",
    }


def test_false_alarms_are_below_five_in_a_hundred(told):
    """95 % intervals; the first run had 0 or 1 of 600 clean lines a kind."""
    assert told["clean_lines"] == 600
    assert max(r["interval"][1] for r in told["false_alarms"].values()) < 0.05


def test_columns_with_items_are_told_and_clean_ones_are_not(told):
    found = told["sensitive_column"]
    assert found["power"]["of"] == found["false_alarms"]["of"] == 60
    assert found["power"]["hits"] >= 54
    assert found["false_alarms"]["hits"] <= 3
