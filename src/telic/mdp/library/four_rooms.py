"""Four rooms joined by four hallways: the world on which options were first measured.

104 cells in a 13 x 13 square. Four actions (up, down, left, right): with probability 2/3 the walker goes where it means
to, with 1/9 each in one of the other directions; a wall keeps it where it is. It is paid 1 on arriving at the goal,
where the task ends.

Reference: Sutton, Precup and Singh (1999), Artificial Intelligence 112, section 3 and figure 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from telic.errors import SettingsError
from telic.mdp.tabular import TabularMDP

__all__ = ["FourRooms", "four_rooms"]

SIZE = 13
ROOMS = (
    (range(1, 6), range(1, 6)),
    (range(1, 7), range(7, 12)),
    (range(8, 12), range(7, 12)),
    (range(7, 12), range(1, 6)),
)
"""Rows and columns of each room, clockwise from the upper left."""

HALLWAYS = ((3, 6), (7, 9), (10, 6), (6, 2))
"""Cells between one room and the next, clockwise: hallway i leads from room i to room i + 1."""

MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
MEANT, ASTRAY = 2.0 / 3.0, 1.0 / 9.0


@dataclass(frozen=True, kw_only=True, eq=False)
class FourRooms:
    """The world and its map.

    Attributes:
        mdp: 104 states, 4 actions; the goal is absorbing, and all other cells are as likely to begin in.
        reward: ``(104, 4)`` chance to arrive at the goal.
        cells: ``(104, 2)`` row and column of each state.
        room: ``(104,)`` 0 to 3 clockwise from the upper left, -1 in a hallway.
        hallways: ``(4,)`` states; hallway i leads from room i to room i + 1, the last back to the first.
        goal: state.
    """

    mdp: TabularMDP
    reward: Float[np.ndarray, "S A"]
    cells: Int[np.ndarray, "S 2"]
    room: Int[np.ndarray, "S"]
    hallways: Int[np.ndarray, "4"]
    goal: int


def four_rooms(*, goal: tuple[int, int] = (7, 9), discount: float = 0.9) -> FourRooms:
    """The world with a goal.

    Args:
        goal: row and column; (7, 9) is the hallway on the right, (9, 9) lies inside the room below it.
        discount: per decision.

    Raises:
        SettingsError: the goal is a wall.
    """
    room_of = np.full((SIZE, SIZE), -2)
    for i, (rows, columns) in enumerate(ROOMS):
        room_of[rows.start : rows.stop, columns.start : columns.stop] = i
    for row, column in HALLWAYS:
        room_of[row, column] = -1
    cells = np.argwhere(room_of > -2)
    S, A = len(cells), len(MOVES)
    state_of = np.full((SIZE, SIZE), -1)
    state_of[tuple(cells.T)] = np.arange(S)
    if not (0 <= goal[0] < SIZE and 0 <= goal[1] < SIZE) or state_of[goal] < 0:
        raise SettingsError(f"The goal {goal} is a wall.", hint="Rows and columns run from 1 to 11.")
    there = cells[:, None, :] + np.array(MOVES)[None]
    landing = state_of[there[..., 0], there[..., 1]]
    landing = np.where(landing < 0, np.arange(S)[:, None], landing)
    chance = np.full((A, A), ASTRAY) + (MEANT - ASTRAY) * np.eye(A)
    entries = (
        np.broadcast_to(chance, (S, A, A)).ravel(),
        (np.repeat(np.arange(S * A), A), np.broadcast_to(landing[:, None, :], (S, A, A)).ravel()),
    )
    P = sp.csr_array(sp.coo_array(entries, shape=(S * A, S)))
    end = int(state_of[goal])
    absorbing = np.arange(S) == end
    mdp = TabularMDP.from_transition(
        P,
        n_actions=A,
        discount=discount,
        initial=np.where(absorbing, 0.0, 1.0 / (S - 1)),
        absorbing=absorbing,
        action_labels=("up", "down", "left", "right"),
    )
    return FourRooms(
        mdp=mdp,
        reward=np.asarray(P @ absorbing.astype(np.float64)).reshape(S, A),
        cells=cells,
        room=room_of[tuple(cells.T)],
        hallways=np.array([state_of[cell] for cell in HALLWAYS]),
        goal=end,
    )
