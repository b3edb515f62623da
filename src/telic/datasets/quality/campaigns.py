"""Poisoning: campaigns of one source, person or stretch of time, and values that pull a trigger.

A campaign plants decisions that its author wants learned: an action forced in a rare region, or choices turned
round. Three exact tests look for it, all on one record a unit and region (``records``), so that a unit with a mood
of its own is one piece of evidence and not many:

- ``targeted``: in one region the units of a group take one action more often than the other units there;
- ``turned``: among the tenth of all units whose choices are least expected, a group has more than its share;
- ``triggers``: where a column has one exact value, an action is taken more often than elsewhere in the same states.

Groups are demonstrators (in the decisions that they took themselves), the labels of trajectories (source, session,
...), and windows of time at any place (``scan``). Each kind of test has its share of ``LEVEL``; within a kind, tables
are counted by Tarone's method. What is found is set aside, and the rest is looked at again.

Not to act as all others do is not enough: people have roles. A campaign also stands out against how much groups differ
elsewhere (``roles``). Groups that do not are habits: a notice, and nothing is quarantined for it.

What no test can tell: a campaign from a genuine change of habit or a person who knows better, for both are the same
decisions. So what is found is quarantined with its reason, and a person decides.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from telic.mdp import StateSpace
from telic.trajectories import Demonstrations
from telic.typing import BoolArray

from .campaign import Campaign
from .groups import named_groups, window_name, windows_of
from .records import Records, records_of, units_of
from .regions import regions_of
from .scan import MOST_RECORDS, scan_campaign
from .targeted import FEWEST, targeted_campaign
from .triggers import find_triggers
from .turned import turned_campaign

__all__ = ["LEVEL", "find_campaigns", "search"]

LEVEL = 0.03
"""Of all tests of a dataset together: three clean datasets in a hundred, at most, are accused of something."""

TARGETED_SHARE, TURNED_SHARE = 2 / 3, 1 / 6
"""Shares of the level; the rest is for triggers. Targeted campaigns have most of it: they leave the fewest traces."""

ROUNDS = 8
"""Campaigns looked for at most, one after the other."""


def find_campaigns(
    demos: Demonstrations, space: StateSpace, *, level: float = LEVEL, key: int = 0
) -> tuple[list[Campaign], Records]:
    """The campaigns, surest first, and the records by state that they were looked for in.

    Args:
        demos: with states of this space.
        space: its axes make the regions.
        level: of all tests together.
        key: of the shuffles of units in time.
    """
    found, _, records = search(demos, space, level=level, key=key)
    return found, records


def search(
    demos: Demonstrations, space: StateSpace, *, level: float = LEVEL, key: int = 0
) -> tuple[list[Campaign], list[Campaign], Records]:
    """The campaigns, surest first; the groups that stand out as a role does; and the records by state.

    Args:
        demos: with states of this space.
        space: its axes make the regions.
        level: of all tests together.
        key: of the shuffles of units in time.
    """
    units = units_of(demos)
    regions = regions_of(demos, space)
    states = regions[0].codes
    kinds = [records_of(demos, units, r, states) for r in regions]
    if units.count < 2 * FEWEST:
        return [], [], kinds[0]
    named, windows = named_groups(demos, units), windows_of(demos, units)
    families = [windows] if named is None else [named, windows]
    scanned = sum(len(records.row) for records in kinds) <= MOST_RECORDS
    rng = np.random.default_rng(key)
    alive = np.ones(units.count, dtype=bool)
    found: list[Campaign] = []
    habits: list[Campaign] = []
    for round_ in range(ROUNDS):
        seen: list[Campaign | None] = []
        for some in families:
            share = level / len(families)
            if some is windows and scanned:
                seen.append(_scanned(demos, kinds, alive, share * TARGETED_SHARE, rng))
            else:
                campaign, roles = targeted_campaign(kinds, some, alive, share * TARGETED_SHARE)
                seen.append(campaign)
                if some is named and round_ == 0:
                    habits = roles
            seen.append(turned_campaign(kinds[0], some, alive, share * TURNED_SHARE))
        surest = min((c for c in seen if c is not None), key=lambda c: c.p_value, default=None)
        if surest is None:
            break
        found.append(surest)
        alive[surest.units] = False
    rest = level * (1 - TARGETED_SHARE - TURNED_SHARE)
    found += find_triggers(demos, states, kinds[0], alive, rest)
    accused = {c.group for c in found}
    habits = sorted((h for h in habits if h.group not in accused), key=lambda h: h.p_value)
    return sorted(found, key=lambda c: c.p_value), habits, kinds[0]


def _scanned(
    demos: Demonstrations, kinds: list[Records], alive: BoolArray, level: float, rng: np.random.Generator
) -> Campaign | None:
    """The campaign of the surest window, with its name."""
    found = scan_campaign(kinds, alive, level, rng)
    if found is None:
        return None
    campaign, inside = found
    return replace(campaign, group=("time", window_name(demos, kinds[0].units, inside)))
