"""The figures of a report: plain numbers in, ``telic.reports.Figure`` out; matplotlib is imported on
drawing.
"""

from .agreement import Panel, calibration_curve, choice_shares
from .canvas import Labels
from .intervals import Row, coefficients, forest
from .lines import curves
from .maps import heat_map
from .profiles import Curve, profile

__all__ = [
    "Curve",
    "Labels",
    "Panel",
    "Row",
    "calibration_curve",
    "choice_shares",
    "coefficients",
    "curves",
    "forest",
    "heat_map",
    "profile",
]
