"""Features of a finite world: one column a candidate term of the reward, with its name and unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from telic._core.hashing import digest_array, digest_columns, digest_json
from telic.errors import FeatureError
from telic.reports import Provenance
from telic.typing import FloatArray

if TYPE_CHECKING:
    import scipy.sparse as sp

__all__ = ["FeatureMap"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureMap:
    """Feature values ``phi`` of every state, or of every state and action.

    Attributes:
        values: ``(S, K)`` or ``(S, A, K)`` dense, or CSR ``(S, K)`` / ``(S * A, K)`` with ``form``
            saying which. Never broadcast.
        names: K names.
        units: K units, in which one unit of the feature is counted (``"minute over SLO"``); "" for a
            pure number.
        form: ``"S"`` or ``"SA"``.
        indicators: what each feature stands for (an SLI or SLO), or "" for none; K entries or empty.
    """

    values: FloatArray | sp.csr_array
    names: tuple[str, ...]
    units: tuple[str, ...] = ()
    form: str = "SA"
    indicators: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if self.form not in ("S", "SA"):
            raise FeatureError(
                f"`form` must be 'S' or 'SA', got {self.form!r}.",
                hint="'S': of the state; 'SA': of state and action.",
            )
        K = len(self.names)
        if len(set(self.names)) != K or not K:
            raise FeatureError(
                f"Features need distinct names, got {self.names}.", hint="Name each column once."
            )
        if self.units and len(self.units) != K:
            raise FeatureError(
                f"`units` must have one entry per feature ({K}), got {len(self.units)}.",
                hint="Use '' for a pure number.",
            )
        shape = self.values.shape
        dense_ok = isinstance(self.values, np.ndarray) and len(shape) == (2 if self.form == "S" else 3)
        sparse_ok = not isinstance(self.values, np.ndarray) and len(shape) == 2
        if not (dense_ok or sparse_ok) or shape[-1] != K:
            raise FeatureError(
                f"`values` of form {self.form!r} with {K} names has shape {shape}.",
                hint="(S, K), (S, A, K), or CSR (S, K) / (S * A, K).",
            )
        data = self.values if isinstance(self.values, np.ndarray) else self.values.data
        if not np.all(np.isfinite(data)):
            raise FeatureError(
                "Feature values must be finite.", hint="Look for a division by zero or a missing measurement."
            )

    @property
    def n_features(self) -> int:
        """K."""
        return len(self.names)

    @property
    def is_sparse(self) -> bool:
        """True when ``values`` is CSR."""
        return not isinstance(self.values, np.ndarray)

    @cached_property
    def digest(self) -> str:
        """Digest of values, names and units."""
        if isinstance(self.values, np.ndarray):
            parts = {"values": digest_array(self.values)}
        else:
            parts = {
                "indptr": digest_array(self.values.indptr.astype(np.int64)),
                "indices": digest_array(self.values.indices.astype(np.int64)),
                "data": digest_array(self.values.data),
            }
        return digest_columns({**parts, "names": digest_json([self.form, self.names, self.units])})
