"""Array aliases and the axis names used with jaxtyping (docs/notation.md).

Axes: ``S`` states, ``A`` actions, ``K`` features, ``T`` time, ``n`` decisions (rows), ``N`` trajectories,
``SA`` rows of the transition matrix (row ``s * A + a``).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["BoolArray", "FloatArray", "IntArray", "LongArray"]

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int32]
LongArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
