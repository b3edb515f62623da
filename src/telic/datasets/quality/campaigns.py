"""Poisoning: campaigns of one source, person or stretch of time, and values that pull a trigger.

A campaign plants decisions that its author wants learned: an action forced in a rare region, or choices turned
round. Three exact tests look for it, all on one record a unit and region (``records``), so that a unit with a mood
of its own is one piece of evidence and not many:

- ``targeted``: in one region the units of a group take one action more often than the other units there;
- ``turned``: among the tenth of all units whose choices are least expected, a group has more than its share;
- ``triggers``: where a column has one exact value, an action is taken more often than elsewhere in the same states.

Groups are demonstrators, the labels of trajectories (source, session, ...), and windows of time. Each kind of test
has its share of ``LEVEL``; within a kind, tables are counted by Tarone's method. What is found is set aside, and the
rest is looked at again. One person who acts differently in many places has another taste and runs no campaign: that
is a finding of ``telic.trajectories.checks``, and nothing is quarantined for it.

What no test can tell: a campaign from a genuine change of habit or a person who knows better, for both are the same
decisions. So what is found is quarantined with its reason, and a person decides.
"""

from __future__ import annotations

import numpy as np

from telic.mdp import StateSpace
from telic.trajectories import Demonstrations

from .campaign import Campaign
from .groups import groups_of
from .records import Records, records_of, units_of
from .regions import regions_of
from .targeted import FEWEST, targeted_campaign
from .triggers import find_triggers
from .turned import turned_campaign

__all__ = ["LEVEL", "find_campaigns"]

LEVEL = 0.03
"""Of all tests of a dataset together: three clean datasets in a hundred, at most, are accused of something."""

TARGETED_SHARE, TURNED_SHARE = 2 / 3, 1 / 6
"""Shares of the level; the rest is for triggers. Targeted campaigns have most of it: they leave the fewest traces."""

ROUNDS = 8
"""Campaigns looked for at most, one after the other."""


def find_campaigns(
    demos: Demonstrations, space: StateSpace, *, level: float = LEVEL
) -> tuple[list[Campaign], Records]:
    """The campaigns, surest first, and the records by state that they were looked for in.

    Args:
        demos: with states of this space.
        space: its axes make the regions.
        level: of all tests together.
    """
    units = units_of(demos)
    regions = regions_of(demos, space)
    states = regions[0].codes
    kinds = [records_of(demos, units, r, states) for r in regions]
    if units.count < 2 * FEWEST:
        return [], kinds[0]
    groups = groups_of(demos, units)
    alive = np.ones(units.count, dtype=bool)
    found: list[Campaign] = []
    for _ in range(ROUNDS):
        seen = []
        for some in groups:
            seen.append(targeted_campaign(kinds, some, alive, level * TARGETED_SHARE / len(groups)))
            seen.append(turned_campaign(kinds[0], some, alive, level * TURNED_SHARE / len(groups)))
        surest = min((c for c in seen if c is not None), key=lambda c: c.p_value, default=None)
        if surest is None:
            break
        found.append(surest)
        alive[surest.units] = False
    rest = level * (1 - TARGETED_SHARE - TURNED_SHARE)
    found += find_triggers(demos, states, kinds[0], alive, rest)
    return sorted(found, key=lambda c: c.p_value), kinds[0]
