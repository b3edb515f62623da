"""Every error of telic, drawn as one tree.

::

    TelicError
    ├── CallerError (ValueError)          a mistake at the door; fix the input and call again
    │   ├── ContractError                 the task contract is not valid or does not fit the data
    │   ├── DataError                     rows or columns are missing, malformed or impossible
    │   │   └── ImpossibleDemonstrationsError   the dynamics give probability 0 to what was seen
    │   ├── DynamicsError                 transition, initial state, discount or horizon are not valid
    │   ├── FeatureError                  features are constant, collinear, non-finite or misnamed
    │   ├── SettingsError                 a setting of a method lies outside its range
    │   └── GaugeError                    rewards in different gauges were compared
    ├── NumericalError (ArithmeticError)  an ``Outcome`` other than success that the caller chose to raise
    │   └── InsufficientCoverageError     the data cannot support the number asked for (carries the estimate)
    └── WorldError (OSError)              the disk, a file or a lock failed
        ├── TemporaryError                try again later (disk full, lock held)
        └── PermanentError                trying again will not help (corrupt, missing, not ours)

Each error has a stable ``code`` (its name in kebab case, from which exit and HTTP statuses are looked up at
the edge), a ``message`` that says what was expected and what was got, a ``hint`` that says what to do, and
``data``, the facts as values.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Any, ClassVar

__all__ = [
    "CallerError",
    "ContractError",
    "DataError",
    "DynamicsError",
    "FeatureError",
    "GaugeError",
    "ImpossibleDemonstrationsError",
    "InsufficientCoverageError",
    "NumericalError",
    "PermanentError",
    "SettingsError",
    "TelicError",
    "TemporaryError",
    "WorldError",
    "world_errors",
]

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
RETRY = frozenset(
    {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ETXTBSY}
)
"""Errors that may pass by themselves."""


class TelicError(Exception):
    """The root of the tree; catch it to catch everything that telic raises on purpose.

    Args:
        message: What was expected and what was got.
        hint: What to do about it.
        data: The facts, as JSON-able values, for programs.
    """

    code: ClassVar[str] = "telic"

    def __init__(self, message: str, *, hint: str = "", **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data = data

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class CallerError(TelicError, ValueError):
    """A mistake in what was passed in, found at the door."""

    code = "caller"


class ContractError(CallerError):
    """The task contract is not valid, or does not fit the data or the call."""

    code = "contract"


class DataError(CallerError):
    """Rows or columns are missing, malformed, contradictory or impossible."""

    code = "data"


class ImpossibleDemonstrationsError(DataError):
    """The dynamics give probability zero to transitions or actions that the demonstrations contain."""

    code = "impossible-demonstrations"


class DynamicsError(CallerError):
    """Transition, availability, initial state, discount or horizon are not valid."""

    code = "dynamics"


class FeatureError(CallerError):
    """Features are constant, collinear, non-finite, misnamed or of the wrong shape."""

    code = "features"


class SettingsError(CallerError):
    """A setting of a method lies outside its range."""

    code = "settings"


class GaugeError(CallerError):
    """Rewards in different gauges were compared or combined."""

    code = "gauge"


class NumericalError(TelicError, ArithmeticError):
    """A numerical outcome other than success, raised because the caller asked with ``throw=True``."""

    code = "numerical"


class InsufficientCoverageError(NumericalError):
    """The data cannot support the number asked for; ``data`` carries the estimate, to be overruled."""

    code = "insufficient-coverage"


class WorldError(TelicError, OSError):
    """The world outside failed: a file, a disk, a lock."""

    code = "world"


class TemporaryError(WorldError):
    """Trying again later may help: the disk is full, another process holds the lock."""

    code = "temporary"


class PermanentError(WorldError):
    """Trying again will not help: the file is corrupt, missing or not ours."""

    code = "permanent"


@contextlib.contextmanager
def world_errors(doing: str) -> Iterator[None]:
    """Turns an ``OSError`` into a world failure that says whether to try again.

    Args:
        doing: what was tried, for the message: "write runs/a.json".
    """
    try:
        yield
    except WorldError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in DISK_FULL:
            raise TemporaryError(
                f"Could not {doing}: the disk is full ({reason}). What was there before is whole.",
                hint="Free some space and run the same command again.",
                errno=error.errno,
            ) from error
        if error.errno in RETRY:
            raise TemporaryError(
                f"Could not {doing}: {reason}.", hint="Try again in a moment.", errno=error.errno
            ) from error
        raise PermanentError(
            f"Could not {doing}: {reason}.",
            hint="Check that the path exists and that you may read and write there.",
            errno=error.errno,
        ) from error
