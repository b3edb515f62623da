"""Files of settings: YAML in, checked to the last word; the full settings of a run out, from which it can be run again.

A file says what is to be done (``verb``, ``method``, ``key``, the data or the world, ``settings``). What a run writes
beside its policy is the same file with nothing left to a default: every setting, the digest of the data, the versions
of what computed. It may be given to the verb again, and gives the same policy, bit for bit, by the same versions.
"""

from __future__ import annotations

import importlib.metadata
import math
import platform
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import telic
from telic._core.near_miss import near_miss

# One reading of YAML in the house: no type names, no key twice, ``1e-3`` is a number and ``no`` a word.
from telic.datasets.contract_file import _Dumper, _Loader
from telic.errors import SettingsError, world_errors
from telic.reports import Finding, Severity
from telic.storage import atomic_write

__all__ = [
    "SETTINGS_NAME",
    "other_versions",
    "read_settings",
    "require_known",
    "versions_of",
    "whole_number",
    "write_settings",
]

SCHEMA_VERSION = 1
"""Of the form of a file; rises when an older telic would misread it."""

SETTINGS_NAME = "settings.yaml"
"""Of the full settings beside a policy."""

MOST_BYTES = 1_000_000
"""Of a settings file, which is a document and no data."""


def read_settings(path: str | Path, verb: str) -> dict[str, Any]:
    """What a settings file says, its form checked; what it may say is the verb's to check.

    Args:
        path: of the file.
        verb: that reads it.

    Raises:
        SettingsError: it is not YAML, of another version, or for another verb.
        PermanentError: it is not there, or may not be read.
    """
    place = Path(path)
    with world_errors(f"read the settings {place}"):
        raw = place.read_bytes() if place.stat().st_size <= MOST_BYTES else b"\0"
    try:
        loader = _Loader(raw.decode("utf-8-sig"))
        found = loader.get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise SettingsError(
            f"{place} is no YAML of at most {MOST_BYTES:,} bytes: {' '.join(str(problem).split())[:300]}.",
            hint="Write `name: value`, one a line; what a run wrote beside its policy shows how it looks.",
        ) from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise SettingsError(
            f"{place} must hold settings by name, got {type(found).__name__}.",
            hint="It begins with `schema_version: 1`.",
        )
    version = found.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise SettingsError(
            f"{place} is a settings file of form {version!r}; this telic reads {SCHEMA_VERSION}.",
            hint="Use the telic that wrote it, or write the settings anew.",
        )
    if found.get("verb", verb) != verb:
        raise SettingsError(
            f"{place} is for `telic {found['verb']}`, not for `telic {verb}`.", hint="Call that one."
        )
    return {name: value for name, value in found.items() if name not in ("schema_version", "verb")}


def require_known(given: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Nothing, where every name is known.

    Args:
        given: a part of a settings file.
        known: what it may have.
        where: what it is called in messages.

    Raises:
        SettingsError: a name is not known; the nearest is offered.
    """
    for name in given:
        if name not in known:
            raise SettingsError(
                f"{where} has no `{name}`.{near_miss(str(name), known)}", hint=f"It has {', '.join(known)}."
            )


def whole_number(given: Mapping[str, Any], name: str, default: int, *, least: int = 0) -> int:
    """A whole number of a settings file.

    Raises:
        SettingsError: it is none, or below the least.
    """
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise SettingsError(
            f"`{name}` must be a whole number of at least {least}, got {value!r}.",
            hint=f"{default} is usual.",
        )
    return value


def versions_of(packages: Sequence[str]) -> dict[str, str]:
    """Name to version: of telic, of Python, and of those packages that are installed."""
    found = {"telic": telic.__version__, "python": platform.python_version()}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def other_versions(then: Any, now: Mapping[str, str]) -> tuple[Finding, ...]:
    """That a run is repeated by other versions than those that its file names.

    Args:
        then: ``versions`` of a settings file; None: it names none.
        now: those that compute.

    Raises:
        SettingsError: it is no mapping of names to versions.
    """
    if then is None:
        return ()
    if not isinstance(then, Mapping):
        raise SettingsError(f"`versions` must hold versions by name, got {then!r}.", hint="Leave it out.")
    differ = {n: [str(then[n]), now.get(n, "not used")] for n in then if str(then[n]) != now.get(n)}
    if not differ:
        return ()
    listed = ", ".join(f"{name} {a} is now {b}" for name, (a, b) in differ.items())
    return (
        Finding(
            code="other-versions",
            severity=Severity.WARNING,
            message=f"The settings were written by other versions ({listed}): the policy may differ in its last bits.",
            hint="Install those versions to repeat the run bit for bit.",
            evidence=differ,
        ),
    )


def write_settings(path: str | Path, verb: str, settings: Mapping[str, Any]) -> Path:
    """The path, after the settings are there whole.

    Raises:
        TemporaryError: the disk is full.
        PermanentError: the place cannot be written to.
    """
    told = _plain({"schema_version": SCHEMA_VERSION, "verb": verb, **settings})
    text = yaml.dump(told, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return atomic_write(path, text.encode())


def _plain(value: Any) -> Any:
    """As YAML has it: lists for tuples, a word for what is infinite."""
    if isinstance(value, Mapping):
        return {str(name): _plain(v) for name, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value
