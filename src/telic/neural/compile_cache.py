"""A folder in which compiled code is kept between processes, so that the next run need not wait for the compiler.

It is JAX's own cache with its thresholds taken away: by default it keeps only what took over a second to compile, and
small learners are made of much that takes less. Nothing is kept unless a folder is named.
"""

from __future__ import annotations

import os
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache

from telic.errors import SettingsError

__all__ = ["use_compile_cache"]


def use_compile_cache(folder: str | Path) -> Path:
    """The folder, from which compiled code is taken and where it is kept from now on, in this process.

    What lies in it is run: it must be writable by nobody but those whose code may run here.

    Args:
        folder: one that is there; what is in it may be deleted at any time.

    Raises:
        SettingsError: there is no such folder, or others may write into it.
    """
    path = Path(folder)
    if not path.is_dir():
        raise SettingsError(f"Expected a folder, and {path} is none.", hint="Make it first.")
    if path.stat().st_mode & 0o022 or not os.access(path, os.W_OK):
        raise SettingsError(
            f"The folder {path} must be writable by its owner alone.",
            hint=f"Compiled code in it is run: chmod 700 {path}.",
        )
    jax.config.update("jax_compilation_cache_dir", str(path))  # type: ignore[no-untyped-call]
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # type: ignore[no-untyped-call]
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)  # type: ignore[no-untyped-call]
    # The cache is opened once, at the first compilation: anew, so that it does not matter what came before.
    compilation_cache.reset_cache()
    return path
