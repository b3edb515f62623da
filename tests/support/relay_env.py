"""A parallel environment in which agents leave early and come late, and which may go wrong on purpose."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Box, Discrete

STAYS = {"early": (0, 2), "late": (0, 5), "guest": (3, 5)}
"""Decisions before which each comes and after which it leaves; ``late`` is cut off, the others end."""


class RelayEnv:
    """``early`` chooses among three and is paid 1; ``late`` gives two amounts and is paid the first; ``guest`` sees a
    number below 7, comes after the third decision and is paid its choice.

    Args:
        fault: what goes wrong, at decision ``at`` of the first episode.
        at: which decision.
    """

    metadata = {"name": "relay"}  # noqa: RUF012
    render_mode = None

    def __init__(self, fault: str = "", at: int = 4) -> None:
        self.possible_agents = list(STAYS)
        self.agents: list[str] = []
        self.fault, self.at, self.n_resets = fault, at, 0
        self._seen = {
            "early": Box(-10.0, 10.0, (2,), np.float32),
            "late": Box(-100.0, 100.0, (3,), np.float32),
            "guest": Discrete(7),
        }
        low, high = np.array([-1.0, 0.0], np.float32), np.array([1.0, 4.0], np.float32)
        self._done = {"early": Discrete(3), "late": Box(low, high), "guest": Discrete(4, start=2)}

    @property
    def unwrapped(self):
        return self

    def observation_space(self, agent):
        if self.fault == "spaces" and self.n_resets and agent == "late":
            return Box(-1.0, 1.0, (4,), np.float32)
        return self._seen[agent]

    def action_space(self, agent):
        return self._done[agent]

    def look(self, agent):
        t = self.t
        if agent == "guest":
            return t
        return np.array([t, 1.0] if agent == "early" else [t, t * t, 1.0], np.float32)

    def reset(self, seed=None, options=None):
        self.t, self.n_resets = 0, self.n_resets + 1
        self.agents = ["early", "late"]
        return {a: self.look(a) for a in self.agents}, {a: {} for a in self.agents}

    def step(self, actions):
        self.t += 1
        assert set(actions) == set(self.agents)
        for agent, action in actions.items():
            assert self.action_space(agent).contains(action), (agent, action)
        paid = {"early": lambda a: 1.0, "late": lambda a: float(a[0]), "guest": float}
        reward = {a: paid[a](action) for a, action in actions.items()}
        told = list(self.agents)
        come = [a for a in STAYS if STAYS[a][0] == self.t]
        ended = {a: self.t == STAYS[a][1] and a != "late" for a in told + come}
        cut = {a: self.t == STAYS[a][1] and a == "late" for a in told + come}
        reward |= dict.fromkeys(come, 0.0)
        looks = {a: self.look(a) for a in told + come}
        self.agents = [a for a in told + come if not (ended[a] or cut[a])]
        if self.fault and self.t == self.at and self.n_resets == 1:
            self.go_wrong(looks, reward, ended, cut)
        return looks, reward, ended, cut, {a: {} for a in looks}

    def go_wrong(self, looks, reward, ended, cut):
        if self.fault == "raise":
            raise RuntimeError("the cable broke")
        if self.fault == "vanish":
            self.agents.remove("late")
            for told in (looks, reward, ended, cut):
                del told["late"]
        elif self.fault == "unlisted":
            self.agents.remove("late")
        elif self.fault == "shape":
            looks["late"] = np.zeros(5, np.float32)
        elif self.fault == "nan":
            looks["late"] = np.full(3, np.nan, np.float32)
        elif self.fault == "infinite":
            reward["late"] = np.inf
        elif self.fault == "outside":
            looks["guest"] = 9
        elif self.fault == "back":
            self.agents.append("early")
        elif self.fault == "unknown":
            self.agents.append("stranger")
        elif self.fault == "empty":
            del looks["late"]
