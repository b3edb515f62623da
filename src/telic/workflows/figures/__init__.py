"""The figures of a report: plain numbers in, ``telic.reports.Figure`` out; matplotlib is imported on
drawing.
"""

from .agreement import Panel, calibration_curve, choice_shares
from .canvas import Labels
from .claims import Range, claim_ranges
from .information import Gain, information_bars
from .intervals import Row, coefficients, forest
from .lines import curves
from .maps import heat_map
from .pairs import pairs
from .periods import Series, over_periods
from .profiles import Curve, profile

__all__ = [
    "Curve",
    "Gain",
    "Labels",
    "Panel",
    "Range",
    "Row",
    "Series",
    "calibration_curve",
    "choice_shares",
    "claim_ranges",
    "coefficients",
    "curves",
    "forest",
    "heat_map",
    "information_bars",
    "over_periods",
    "pairs",
    "profile",
]
