"""What was seen: trajectories, demonstrations and comparisons."""

from .comparisons import Comparisons
from .demonstrations import Demonstrations
from .trajectory import Trajectory

__all__ = ["Comparisons", "Demonstrations", "Trajectory"]
