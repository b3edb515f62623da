"""The run-time check of types under pytest: an ``int`` is fine where a ``float`` is asked for (PEP 484).

Functions made inside functions are left as they are. They would be analysed anew each time the outer one is called,
which costs up to ten times what the outer one takes, and what they are given has been checked on its way in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

__all__ = ["check"]

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""Named in ``[tool.pytest.ini_options]``; jaxtyping applies it to every function of telic."""

_checked = jaxtyping.jaxtyped


def _outer_only(*, typechecker: Any) -> Callable[[Any], Any]:
    decorate = _checked(typechecker=typechecker)
    return lambda made: made if "<locals>" in made.__qualname__ else decorate(made)


jaxtyping.jaxtyped = _outer_only
