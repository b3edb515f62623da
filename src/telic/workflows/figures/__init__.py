"""The figures of a report: plain numbers in, ``telic.reports.Figure`` out; matplotlib is imported on
drawing.
"""

from .agreement import Panel, calibration_curve, choice_shares
from .canvas import Labels
from .fields import curves, heat_map
from .intervals import Row, coefficients, forest
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
