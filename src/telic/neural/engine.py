"""The engine, imported where it is first needed, and by the name of the extra where it is missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from telic.errors import PermanentError

__all__ = ["import_engine", "import_optimisers"]


def import_engine() -> ModuleType:
    """JAX.

    Raises:
        PermanentError: it is not installed.
    """
    return _import("jax")


def import_optimisers() -> ModuleType:
    """Optax.

    Raises:
        PermanentError: it is not installed.
    """
    return _import("optax")


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise PermanentError(
            f"Training networks needs the package {name}, which is not installed ({error.name} is missing).",
            hint="Install the extra: pip install 'telic[neural]'.",
        ) from None
