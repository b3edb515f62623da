"""Policies on the disk: plain arrays in one ``.npz`` that is there whole or not at all, and ONNX once proved equal.

A file holds arrays by name and a page of JSON (``about``) with the version of this form, the kind of policy, what is no
array, and the policy's digest, which is compared when it is read. Nothing is pickled, nothing is compressed: what a
file claims to hold must be what lies in it, so that none can unpack to more than it is.
"""

from __future__ import annotations

import io
import json
import math
import os
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from telic.errors import CallerError, DataError, world_errors
from telic.policies import (
    CategoricalHead,
    Dense,
    GaussianHead,
    Head,
    MultiCategoricalHead,
    NetworkPolicy,
    PolicyEquality,
    TabularPolicy,
    TreePolicy,
)
from telic.reports import Provenance
from telic.storage import atomic_write

__all__ = ["SCHEMA_VERSION", "StoredPolicy", "read_policy", "write_onnx", "write_policy"]

SCHEMA_VERSION = 1
"""Of the form of a file; rises when an older telic could not read it as it was meant."""

MOST_ABOUT = 1 << 20
"""Bytes of the page of JSON, at most."""

MOST_LAYERS = 1_000

ONNX_TOLERANCE = 1e-5
"""Largest difference at which an exported model counts as equal."""

ABOUT = "about"

StoredPolicy: TypeAlias = NetworkPolicy | TabularPolicy | TreePolicy

TREE = ("feature", "threshold", "children", "probabilities", "counts")
"""Arrays of a tree."""

HEADS: Mapping[str, Any] = {
    "categorical": CategoricalHead,
    "multi-categorical": MultiCategoricalHead,
    "gaussian": GaussianHead,
}

BROKEN = (
    zipfile.BadZipFile,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RecursionError,
)
"""What zipfile, numpy and json raise where the bytes are not what they should be."""


def write_policy(path: str | os.PathLike[str], policy: StoredPolicy) -> Path:
    """The path, after its file holds exactly the policy; on failure an old file is whole.

    Raises:
        TemporaryError: the disk is full or busy.
        PermanentError: the place cannot be written to.
    """
    about: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "digest": policy.digest}
    about["provenance"] = policy.provenance.to_json()
    arrays: dict[str, np.ndarray]
    if isinstance(policy, TabularPolicy):
        about["kind"] = "table"
        arrays = {"table": policy.table}
    elif isinstance(policy, TreePolicy):
        about |= {"kind": "tree", "n_observations": policy.n_observations}
        arrays = {name: getattr(policy, name) for name in TREE}
    else:
        kind = next(name for name, form in HEADS.items() if isinstance(policy.head, form))
        about |= {
            "kind": "network",
            "activation": policy.activation,
            "head": {"kind": kind, **asdict(policy.head)},
            "clip": float(policy.clip) if math.isfinite(policy.clip) else None,
            "n_layers": len(policy.layers),
        }
        arrays = {"shift": policy.shift, "scale": policy.scale}
        for i, layer in enumerate(policy.layers):
            arrays |= {f"weight_{i}": layer.weight, f"bias_{i}": layer.bias}
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(about, allow_nan=False).encode(), dtype=np.uint8)
    held: dict[str, Any] = {ABOUT: text, **{name: np.ascontiguousarray(a) for name, a in arrays.items()}}
    np.savez(buffer, **held)
    return atomic_write(path, buffer.getvalue())


def read_policy(path: str | os.PathLike[str]) -> StoredPolicy:
    """The policy in a file, its digest compared with the one that was written.

    Raises:
        DataError: it is cut off, damaged, of another version, of another content than its digest says, or no policy.
        PermanentError: there is no such file, or it may not be read.
    """
    path = Path(path)
    with world_errors(f"read {path}"):
        raw = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            arrays = _arrays(archive, len(raw))
        about = _about(arrays.pop(ABOUT))
        version = about.get("schema_version")
        policy = _policy(about, arrays) if version == SCHEMA_VERSION else None
    except CallerError as problem:
        raise _broken(path, problem.message) from None
    except BROKEN as problem:
        raise _broken(path, str(problem).splitlines()[0] if str(problem) else "damaged") from None
    if policy is None:
        raise DataError(
            f"{path} is a policy of form {version!r}; this telic reads {SCHEMA_VERSION}.",
            hint="Use the telic that wrote it, and write the policy again.",
        )
    if policy.digest != about.get("digest"):
        raise DataError(
            f"{path} holds a policy of digest {policy.digest}, but says {about.get('digest')}.",
            hint="Somebody changed it after it was written: take the original.",
        )
    return policy


def write_onnx(
    path: str | os.PathLike[str], policy: NetworkPolicy, observations: np.ndarray
) -> PolicyEquality:
    """How far the exported model is from the policy, after it was written; nothing is written unless they are equal.

    Args:
        path: of the ``.onnx`` file.
        policy: to export.
        observations: ``(n, D)`` on which it must act alike: states it will meet.

    Raises:
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


def _arrays(archive: zipfile.ZipFile, size: int) -> dict[str, np.ndarray]:
    """All arrays of an archive, none larger than what lies in the file."""
    members = archive.infolist()
    if len(members) > 2 * MOST_LAYERS + 8:
        raise DataError(f"it holds {len(members):,} parts")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or not member.filename.endswith(".npy"):
            raise DataError(
                f"{member.filename[:60]!r} is compressed or no array; policies are written plainly"
            )
    if sum(member.file_size for member in members) > size:
        raise DataError("its parts claim more bytes than it has")
    return {m.filename.removesuffix(".npy"): _array(m.filename, archive.read(m)) for m in members}


def _array(name: str, raw: bytes) -> np.ndarray:
    """One array from the bytes of an ``.npy``; numbers only, and as many as are there."""
    file = io.BytesIO(raw)
    if np.lib.format.read_magic(file) != (1, 0):
        raise DataError(f"{name} is an array file of another version")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise DataError(f"{name} holds Python objects (a pickle), which are never read")
    held = len(raw) - file.tell()
    if dtype.kind not in "fiu" or dtype.itemsize * math.prod(shape) != held or min(shape, default=0) < 0:
        raise DataError(f"{name} claims {dtype} of shape {shape}, but holds {held:,} bytes")
    values = np.frombuffer(raw, dtype=dtype, offset=file.tell())
    return values.reshape(shape, order="F" if is_fortran else "C").copy()


def _about(text: np.ndarray) -> dict[str, Any]:
    if text.dtype != np.uint8 or text.ndim != 1 or len(text) > MOST_ABOUT:
        raise DataError("it does not say what it is in a page of text")
    about = json.loads(text.tobytes())
    if not isinstance(about, dict):
        raise DataError("what it says of itself is no JSON object")
    return about


def _policy(about: dict[str, Any], arrays: dict[str, np.ndarray]) -> StoredPolicy:
    known = about["provenance"]
    provenance = Provenance(
        inputs=dict(known["inputs"]),
        settings=dict(known["settings"]),
        code=str(known["code"]),
        key=known["key"],
    )
    if about["kind"] == "table":
        _require_names(arrays, {"table"})
        return TabularPolicy(table=arrays["table"], provenance=provenance)
    if about["kind"] == "tree":
        _require_names(arrays, set(TREE))
        parts: dict[str, Any] = dict(arrays)
        return TreePolicy(n_observations=int(about["n_observations"]), provenance=provenance, **parts)
    if about["kind"] != "network":
        raise DataError(f"it holds a policy of kind {about['kind']!r}, which this telic does not know")
    n = about["n_layers"]
    if not (isinstance(n, int) and 0 < n <= MOST_LAYERS):
        raise DataError(f"it claims {n!r} layers")
    _require_names(
        arrays, {"shift", "scale"} | {f"{part}_{i}" for part in ("weight", "bias") for i in range(n)}
    )
    return NetworkPolicy(
        layers=tuple(Dense(weight=arrays[f"weight_{i}"], bias=arrays[f"bias_{i}"]) for i in range(n)),
        activation=about["activation"],
        head=_head(about["head"]),
        shift=arrays["shift"],
        scale=arrays["scale"],
        clip=math.inf if about["clip"] is None else float(about["clip"]),
        provenance=provenance,
    )


def _head(said: Mapping[str, Any]) -> Head:
    fields = {name: tuple(v) if isinstance(v, list) else v for name, v in said.items() if name != "kind"}
    head: Head = HEADS[said["kind"]](**fields)
    return head


def _require_names(arrays: Mapping[str, Any], wanted: set[str]) -> None:
    if missing := sorted(wanted - arrays.keys()):
        raise DataError(f"it lacks {', '.join(missing[:5])}")
    if extra := sorted(arrays.keys() - wanted):
        raise DataError(f"it holds {', '.join(extra[:5])}, which no policy of its kind has")


def _broken(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} is no whole policy file: {why}.",
        hint="Was it cut off while it was copied? Write the policy again.",
    )
