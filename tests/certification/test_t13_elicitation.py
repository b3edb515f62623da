"""Chosen questions against questions at random: answers until the weights are known 2 nats better than before.

The claim: at least 2 times fewer comparisons than at random, answers by Bradley and Terry at rationality 5, same prior
and pool, on T13's two weightings and on walks in a grid; entropy of the exact posterior on a grid. Here the first 3 of
the 10 keys of ``reproductions/elicitation.py``, whose key was fixed before the first run; all 10 gave 8.43
[6.08, 11.69] and 2.18 [1.70, 2.81].
"""

from __future__ import annotations

import runpy

import numpy as np
import pytest

KEYS = 3
"""10 in the reproduction."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two_weightings", "grid"])
def test_chosen_questions_need_half_the_answers_of_random_ones(project_root, name: str) -> None:
    made = runpy.run_path(str(project_root / "reproductions" / "elicitation.py"))
    ratios = []
    for i in range(KEYS):
        task = made[name](made["KEY"] + i)
        found = {}
        for s, strategy in enumerate(made["STRATEGIES"]):
            if strategy != "volume-removal":
                key = made["KEY"] + 100 * (s + 1) + i
                found[strategy], reached = made["count"](strategy, task, key, made["RATIONALITY"])
                assert reached
        ratios.append(found["random"] / found["information"])
    assert np.exp(np.mean(np.log(ratios))) >= 2.0


def test_t13_the_expert_is_asked_about_where_t_is_open() -> None:
    """T13: expert (.9, .8) is preferred to the shortcut (1, .2) iff t >= 1/7, so 6/7 of a uniform t prefer it.

    Without noise the answer tells H(1/7) = 0.410116 nats; at rationality 1e6 it is within 1e-3 of that.
    """
    from telic.inference.elicitation import PlanPool, WeightBelief, rank_comparisons

    names = ("progress", "smoothness")
    t = (np.arange(70_000) + 0.5) / 70_000
    belief = WeightBelief.on_grid(
        names, np.stack([1 - t, t], axis=1), np.zeros(len(t)), cell_volume=1 / len(t)
    )
    assert belief.entropy == pytest.approx(0.0, abs=1e-9)
    pool = PlanPool(amounts=np.array([[0.9, 0.8], [1.0, 0.2]]), names=names, labels=("expert", "shortcut"))
    found = rank_comparisons(belief, pool, rationality=1e6).best
    wanted = -(np.log(1 / 7) / 7 + 6 * np.log(6 / 7) / 7)
    assert wanted == pytest.approx(0.410116, abs=1e-6)
    assert found.gain == pytest.approx(wanted, abs=1e-3)
    assert found.to_json()["probability_first"] == pytest.approx(6 / 7, abs=1e-4)
