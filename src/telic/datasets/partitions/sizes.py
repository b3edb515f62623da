"""How much is held in memory at a time."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Sizes"]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Bytes and rows at a time: more is quicker and takes more memory.

    Attributes:
        in_memory: bytes of columns up to which a log is made into a dataset at once.
        run: bytes of columns that are sorted at a time, once there are more.
        part: bytes of rows that become decisions at a time; a source trajectory that is longer is one part.
        keys: names of trajectories that lie side by side on the disk.
    """

    in_memory: int = 256 << 20
    run: int = 96 << 20
    part: int = 80 << 20
    keys: int = 4096
