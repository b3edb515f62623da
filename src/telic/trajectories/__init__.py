"""What was seen: trajectories, demonstrations, comparisons and choice sets."""

from .choice_sets import ChoiceSets
from .comparisons import Comparisons
from .demonstration_checks import ORIGINS
from .demonstrations import Demonstrations
from .segments import cut_segments
from .trajectory import Trajectory

__all__ = ["ORIGINS", "ChoiceSets", "Comparisons", "Demonstrations", "Trajectory", "cut_segments"]
