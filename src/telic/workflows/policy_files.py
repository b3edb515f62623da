"""Policies on the disk: plain arrays in one ``.npz`` that is there whole or not at all, and ONNX once proved equal.

A file holds arrays by name and a page of JSON (``about``) with the version of this form, the kind of policy, what is no
array, and the policy's digest, which is compared when it is read. A policy inside a policy is one more such page under
``within``, and the names of its arrays begin with its own and a slash: ``member_0/weight_1``. Which kinds there are
stands in one table (``policy_kinds.KINDS``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from telic.errors import CallerError, DataError, world_errors
from telic.policies import PolicyEquality
from telic.storage import atomic_write

from .policy_archive import BROKEN, packed, unpacked
from .policy_kinds import Held, codec_named, codec_of

__all__ = ["SCHEMA_VERSION", "read_policy", "write_onnx", "write_policy"]

SCHEMA_VERSION = 1
"""Of the form of a file; rises when an older telic could not read it as it was meant."""

MOST_DEPTH = 8
"""Policies inside policies, the outermost counted."""

ONNX_TOLERANCE = 1e-5
"""Largest difference at which an exported model counts as equal."""


def write_policy(path: str | os.PathLike[str], policy: Any) -> Path:
    """The path, after its file holds exactly the policy; on failure an old file is whole.

    Args:
        path: of the ``.npz`` file.
        policy: of any kind in ``policy_kinds.KINDS``, with policies of such kinds inside.

    Raises:
        SettingsError: policies of that kind cannot be files; the message says which can.
        DataError: the policy would not be read back as it is.
        TemporaryError: the disk is full or busy.
        PermanentError: the place cannot be written to.
    """
    about, arrays = _laid_out(policy, 1)
    raw = packed({"schema_version": SCHEMA_VERSION, **about}, arrays)
    try:
        again = _from_bytes(raw).digest
    except (CallerError, *BROKEN) as problem:
        again = problem.message if isinstance(problem, CallerError) else str(problem)
    if again != policy.digest:
        raise DataError(
            f"This {type(policy).__name__} would not be read back as it is ({again}); it was not written.",
            hint="Give it arrays of the types that its class names, and plain Python numbers elsewhere.",
        )
    return atomic_write(path, raw)


def read_policy(path: str | os.PathLike[str]) -> Any:
    """The policy in a file, of the class that was written, its digest compared with the one that was written.

    Raises:
        DataError: it is cut off, damaged, of another version, of another content than its digest says, or no policy.
        PermanentError: there is no such file, or it may not be read.
    """
    path = Path(path)
    with world_errors(f"read {path}"):
        raw = path.read_bytes()
    try:
        return _from_bytes(raw)
    except _OtherVersionError as problem:
        raise DataError(
            f"{path} is a policy of form {problem.message}; this telic reads {SCHEMA_VERSION}.",
            hint="Use the telic that wrote it, and write the policy again.",
        ) from None
    except _OtherDigestError as problem:
        raise DataError(
            f"{path} {problem.message}.",
            hint="Somebody changed it after it was written: take the original.",
        ) from None
    except CallerError as problem:
        raise _broken(path, problem.message) from None
    except BROKEN as problem:
        raise _broken(path, str(problem).splitlines()[0] if str(problem) else "damaged") from None


def write_onnx(
    path: str | os.PathLike[str], policy: Any, observations: np.ndarray | Mapping[str, np.ndarray]
) -> PolicyEquality:
    """How far the exported model is from the policy, after it was written; nothing is written unless they are equal.

    Args:
        path: of the ``.onnx`` file.
        policy: to export; see ``telic.neural.onnx_export`` for the kinds.
        observations: on which it must act alike: what it will meet; by name where the model has several inputs.

    Raises:
        SettingsError: policies of that class cannot be models; the message says what to do.
        DataError: outputs differ by more than 1e-5, or actions without a tie.
        PermanentError: the extra ``onnx`` is not installed, or the place cannot be written to.
        TemporaryError: the disk is full or busy.
    """
    from telic.neural.onnx_export import compare_onnx, to_onnx

    model = to_onnx(policy)
    found = compare_onnx(policy, model, observations)
    if not found.is_within(ONNX_TOLERANCE):
        raise DataError(
            f"The exported model differs from the policy by {found.largest_difference:.2g} on {found.n:,} observations"
            f" ({found.n_different} other actions); it was not written.",
            hint="Outputs are so large that float32 cannot agree to 1e-5: scale observations, or give `clip`.",
        )
    atomic_write(path, model)
    return found


class _OtherVersionError(DataError):
    """A file of another form."""


class _OtherDigestError(DataError):
    """A policy that is not the one that was written."""


def _laid_out(policy: Any, depth: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The page of a policy and all arrays, those of inner policies under their names."""
    codec = codec_of(policy)
    if depth > MOST_DEPTH:
        raise DataError(
            f"Policies are nested more than {MOST_DEPTH} deep.",
            hint="Write the inner ones to files of their own.",
        )
    parts = codec.take_apart(policy)
    about: dict[str, Any] = {"digest": policy.digest}
    if hasattr(policy, "provenance"):
        about["provenance"] = policy.provenance.to_json()
    about |= {"kind": codec.kind, **parts.said}
    arrays = dict(parts.arrays)
    for name, inner in parts.within.items():
        page, held = _laid_out(inner, depth + 1)
        about.setdefault("within", {})[name] = page
        arrays |= {f"{name}/{key}": values for key, values in held.items()}
    return about, arrays


def _from_bytes(raw: bytes) -> Any:
    about, arrays = unpacked(raw)
    version = about.get("schema_version")
    if version != SCHEMA_VERSION:
        raise _OtherVersionError(repr(version))
    with np.errstate(all="ignore"):  # of numbers that nobody meant; each class says what is wrong with them
        return _built(about, arrays, 1)


def _built(about: Mapping[str, Any], arrays: Mapping[str, np.ndarray], depth: int) -> Any:
    """The policy of a page, the policies inside it first."""
    codec = codec_named(about.get("kind"))
    pages = about.get("within", {})
    if depth > MOST_DEPTH or not isinstance(pages, dict):
        raise DataError(f"it nests policies more than {MOST_DEPTH} deep, or not by name")
    own = {name: values for name, values in arrays.items() if name.split("/", 1)[0] not in pages}
    inside: dict[str, dict[str, np.ndarray]] = {name: {} for name in pages}
    for name, values in arrays.items():
        if name not in own:
            first, _, rest = name.partition("/")
            inside[first][rest] = values
    within = {name: _built(page, inside[name], depth + 1) for name, page in pages.items()}
    policy = codec.build(Held(said=about, arrays=own, within=within))
    if policy.digest != about.get("digest"):
        raise _OtherDigestError(
            f"holds a {codec.kind} policy of digest {policy.digest}, but says {about.get('digest')}"
            if depth > 1
            else f"holds a policy of digest {policy.digest}, but says {about.get('digest')}"
        )
    return policy


def _broken(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} is no whole policy file: {why}.",
        hint="Was it cut off while it was copied? Write the policy again.",
    )
