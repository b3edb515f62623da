"""What was seen: trajectories, demonstrations and comparisons."""

from .comparisons import Comparisons
from .demonstrations import Demonstrations
from .segments import cut_segments
from .trajectory import Trajectory

__all__ = ["Comparisons", "Demonstrations", "Trajectory", "cut_segments"]
