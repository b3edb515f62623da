from __future__ import annotations

import numpy as np
import pytest

from telic.errors import SettingsError
from telic.evaluation import RiskMonitor


def run(p: np.ndarray, key: list[int], mean_run: float, alpha: float = 0.1) -> int:
    """Acted decisions until it halts; the length of p where it does not."""
    watch = RiskMonitor(alpha=alpha, mean_run=mean_run)
    for t, exceeds in enumerate(np.random.default_rng(key).random(len(p)) < p):
        watch = watch.observe(exceeds=bool(exceeds))
        if watch.halted:
            return t + 1
    return len(p)


def test_false_halts_come_no_sooner_than_stated() -> None:
    """At the edge, chance alpha exactly, mean run 100: over 80 runs cut at 1,500 the mean is at least 100 less four
    standard errors. The key was fixed before the first run.
    """
    runs = np.array([run(np.full(1_500, 0.1), [31, i], 100) for i in range(80)])
    assert runs.mean() > 100 - 4 * runs.std() / np.sqrt(80)
    # It does halt: the bound is not empty.
    assert (runs < 1_500).any()


def test_a_rise_is_seen_soon_after_long_peace() -> None:
    """2,000 decisions at .03, then .4: seen within 60 decisions in nine of ten of 20 runs."""
    p = np.concatenate([np.full(2_000, 0.03), np.full(300, 0.4)])
    late = np.array([run(p, [32, i], 10_000) for i in range(20)]) - 2_000
    assert np.quantile(late, 0.9) <= 60 and late.min() > 0


def test_one_step_by_hand() -> None:
    watch = RiskMonitor(alpha=0.2).observe(exceeds=True)
    assert watch.n_acted == 1 and not watch.halted
    assert max(watch.statistics) == pytest.approx(0.95 / 0.2)
    after = watch.observe(exceeds=False)
    assert after.statistics[-1] == pytest.approx((0.95 / 0.2 + 1) * 0.05 / 0.8)
    stuck = RiskMonitor(alpha=0.2, mean_run=2)
    for _ in range(3):
        stuck = stuck.observe(exceeds=True)
    assert stuck.halted and stuck.observe(exceeds=False).halted


def test_bad_settings() -> None:
    with pytest.raises(SettingsError, match="`alpha` must lie in"):
        RiskMonitor(alpha=1.0)
    with pytest.raises(SettingsError, match="`mean_run` must be above 1"):
        RiskMonitor(alpha=0.1, mean_run=0)
