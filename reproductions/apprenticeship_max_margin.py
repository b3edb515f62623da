"""Apprenticeship by maximum margin: the margins on given vertices, and an expert of a grid world matched.

    python reproductions/apprenticeship_max_margin.py

prints one JSON line. *Vertices* (CERTIFICATION T8): (1,0), (0,1), (0,0), start (0,0), expert (.6,.4).
*Grid*: that of ``apprenticeship_projection.py``, with the same figures.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import apprenticeship_projection


def vertices() -> dict[str, object]:
    """T8."""
    from telic.inference.apprenticeship import ApprenticeshipSettings, Vertex
    from telic.inference.methods.apprenticeship_max_margin import separate_expectation

    corners = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    mixture = separate_expectation(
        np.array([0.6, 0.4]),
        lambda w: Vertex(expectation=corners[int(np.argmax(corners @ w))]),
        start=Vertex(expectation=np.zeros(2)),
        settings=ApprenticeshipSettings(),
    )
    return {"margins": np.round(mixture.margins, 6).tolist(), "margins_expected": [0.721110, 0.4, 0.0]}


def main() -> int:
    from telic.inference import apprenticeship_max_margin_mixture

    start = time.process_time()
    told = {"vertices": vertices(), "grid": apprenticeship_projection.grid(apprenticeship_max_margin_mixture)}
    print(json.dumps({**told, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
