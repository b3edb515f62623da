"""The run-time check of types under pytest: an ``int`` is fine where a ``float`` is asked for (PEP 484)."""

from __future__ import annotations

from beartype import BeartypeConf, beartype

__all__ = ["check"]

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""Named in ``[tool.pytest.ini_options]``; jaxtyping applies it to every function of telic."""
