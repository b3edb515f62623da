"""Every public name of telic, found by importing its modules; run as a program it renews ``exports.txt``."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

PINNED = Path(__file__).with_name("exports.txt")


def modules() -> list[ModuleType]:
    """Every module of telic, imported."""
    telic = importlib.import_module("telic")
    names = [info.name for info in pkgutil.walk_packages(telic.__path__, "telic.")]
    return [telic, *(importlib.import_module(name) for name in names if not name.endswith("__main__"))]


def is_package(module: ModuleType) -> bool:
    return hasattr(module, "__path__")


def public_names(module: ModuleType) -> set[str]:
    """Classes and functions that the module offers: for a package those of telic, else those it defines itself."""
    found = set()
    for name, value in vars(module).items():
        home = getattr(value, "__module__", None) or ""
        is_own = home.split(".")[0] == "telic" if is_package(module) else home == module.__name__
        if not name.startswith("_") and is_own and (inspect.isclass(value) or inspect.isfunction(value)):
            found.add(name)
    return found


def in_order(names: set[str]) -> list[str]:
    """As the linter sorts them: constants, classes, functions, each by name."""
    return sorted(names, key=lambda name: (0 if name.isupper() else 1 if name[0].isupper() else 2, name))


def is_private(module: ModuleType) -> bool:
    return any(part.startswith("_") for part in module.__name__.split("."))


def exports() -> list[str]:
    """``package.name`` of every name in ``__all__`` of a public package or base module."""
    base = ("telic.errors", "telic.typing")
    chosen = [m for m in modules() if not is_private(m) and (is_package(m) or m.__name__ in base)]
    return sorted(f"{module.__name__}.{name}" for module in chosen for name in getattr(module, "__all__", ()))


if __name__ == "__main__":
    PINNED.write_text("\n".join(exports()) + "\n")
