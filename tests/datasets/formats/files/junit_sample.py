"""Tests whose results ``pytest.xml`` holds, by pytest 9.2 (``pytest junit_sample.py --junitxml=pytest.xml``).

The name of the machine in the result was replaced by ``ci``.
"""

import pytest


def test_passes(record_property):
    record_property("ticket", "T-7")


def test_fails():
    assert 1 + 1 == 3, "two <and> two & more"


@pytest.mark.skip(reason="not today")
def test_is_skipped():
    pass


@pytest.fixture
def broken():
    raise RuntimeError("no database")


def test_has_a_broken_fixture(broken):
    pass
