"""A clock can be held still."""

from __future__ import annotations

import re

from telic._core.clock import SYSTEM_CLOCK, manual_clock


def test_a_manual_clock_moves_only_by_sleeping():
    clock = manual_clock(1_772_600_767.0)
    assert clock.timestamp() == "2026-03-04T05:06:07Z"
    assert clock.monotonic() == 0.0
    clock.sleep(53.5)
    assert clock.timestamp() == "2026-03-04T05:07:00Z"
    assert clock.monotonic() == 53.5


def test_the_system_clock_goes_on():
    before = SYSTEM_CLOCK.monotonic()
    SYSTEM_CLOCK.sleep(0.002)
    assert SYSTEM_CLOCK.monotonic() > before
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", SYSTEM_CLOCK.timestamp())
