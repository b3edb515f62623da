"""Policies on the disk: what is read is what was written, and everything else is refused."""

from __future__ import annotations

import io
import itertools
import json
import math
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from telic.errors import DataError, PermanentError
from telic.policies import (
    CategoricalHead,
    Dense,
    GaussianHead,
    MultiCategoricalHead,
    NetworkPolicy,
    TabularPolicy,
    TreePolicy,
)
from telic.reports import Provenance
from telic.workflows.policy_files import read_policy, write_onnx, write_policy

HEADS = (
    CategoricalHead(n_actions=3),
    MultiCategoricalHead(counts=(2, 4)),
    GaussianHead(low=(-1.0, 0.25), high=(1.0, 5.0), n_components=2, is_squashed=True),
)


def network(head=HEADS[0], clip=math.inf):
    rng = np.random.default_rng(0)
    return NetworkPolicy(
        layers=tuple(
            Dense(
                weight=rng.normal(size=(a, b)).astype(np.float32), bias=rng.normal(size=b).astype(np.float32)
            )
            for a, b in itertools.pairwise((4, 8, head.n_outputs))
        ),
        activation="relu",
        head=head,
        shift=rng.normal(size=4),
        scale=rng.uniform(0.5, 2.0, 4),
        clip=clip,
        provenance=Provenance(inputs={"demos": "sha256:0"}, settings={"rate": 0.5}, code="0.1.0", key=3),
    )


@pytest.mark.parametrize("head", HEADS, ids=lambda head: type(head).__name__)
@pytest.mark.parametrize("clip", [math.inf, 2.5])
def test_a_network_is_read_as_it_was_written(tmp_path, head, clip) -> None:
    policy = network(head, clip)
    again = read_policy(write_policy(tmp_path / "p.npz", policy))
    assert again.digest == policy.digest
    assert (again.head, again.clip, again.provenance) == (policy.head, policy.clip, policy.provenance)
    x = np.random.default_rng(1).normal(size=(9, 4))
    np.testing.assert_array_equal(again.outputs(x), policy.outputs(x))
    assert again.shift.dtype == np.float64
    with np.load(tmp_path / "p.npz", allow_pickle=False) as plain:
        np.testing.assert_array_equal(plain["weight_0"], policy.layers[0].weight)


@pytest.mark.parametrize("shape", [(5, 3), (2, 5, 3)])
def test_a_table_is_read_as_it_was_written(tmp_path, shape) -> None:
    policy = TabularPolicy(table=np.random.default_rng(0).dirichlet(np.ones(3), shape[:-1]))
    again = read_policy(write_policy(tmp_path / "p.npz", policy))
    np.testing.assert_array_equal(again.table, policy.table)


def test_a_tree_is_read_as_it_was_written(tmp_path) -> None:
    policy = TreePolicy(
        n_observations=2,
        feature=np.array([1, -1, -1], np.int32),
        threshold=np.array([0.5, 0.0, 0.0]),
        children=np.array([[1, 2], [0, 0], [0, 0]], np.int32),
        probabilities=np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]),
        counts=np.array([8, 4, 4]),
    )
    again = read_policy(write_policy(tmp_path / "p.npz", policy))
    assert again.digest == policy.digest
    np.testing.assert_array_equal(again.mode(np.array([[9.0, 0.5], [9.0, 0.6]])), [0, 1])
    with pytest.raises(DataError, match="child of one node before it"):
        read_policy(repacked(tmp_path / "p.npz", arrays={"children": np.ones((3, 2), np.int32)}))


def repacked(path, *, arrays=None, about=None, compress=False, drop=()):
    """The file with some parts changed."""
    with np.load(path, allow_pickle=False) as plain:
        held = {name: plain[name] for name in plain.files if name not in drop}
    if about is not None:
        said = json.loads(held["about"].tobytes())
        held["about"] = np.frombuffer(json.dumps(said | about).encode(), np.uint8)
    held |= arrays or {}
    (np.savez_compressed if compress else np.savez)(path, **held)
    return path


@pytest.fixture
def written(tmp_path):
    return write_policy(tmp_path / "p.npz", network())


def test_a_file_cut_off_anywhere_is_refused(written) -> None:
    raw = written.read_bytes()
    for part in (0, 1, 10, len(raw) // 3, len(raw) // 2, len(raw) - 30, len(raw) - 1):
        written.write_bytes(raw[:part])
        with pytest.raises(DataError, match="is no whole policy file") as told:
            read_policy(written)
        assert "cut off" in told.value.hint


def test_a_flipped_bit_anywhere_is_refused(written) -> None:
    raw = written.read_bytes()
    policy = network()
    refused = 0
    for at in range(0, len(raw), 7):
        spoiled = bytearray(raw)
        spoiled[at] ^= 0x10
        written.write_bytes(bytes(spoiled))
        try:
            same = read_policy(written).digest
        except DataError:
            refused += 1
        else:
            assert (
                same == policy.digest
            )  # the flip hit a date or other words of the archive that mean nothing
    assert refused > 0.5 * len(range(0, len(raw), 7))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"about": {"schema_version": 2}}, "is a policy of form 2; this telic reads 1"),
        ({"about": {"digest": "sha256:1"}}, "but says sha256:1"),
        ({"about": {"kind": "tree of life"}}, "kind 'tree of life', which this telic does not know"),
        ({"about": {"n_layers": 10**9}}, "claims 1000000000 layers"),
        ({"about": {"n_layers": 3}}, "it lacks bias_2, weight_2"),
        ({"about": {"head": {"kind": "categorical", "n_actions": 1}}}, "at least 2 alternatives"),
        ({"about": {"head": {"kind": "oracle"}}}, "is no whole policy file"),
        ({"about": {"head": {"kind": "categorical", "n": 3}}}, "is no whole policy file"),
        ({"about": {"head": "categorical"}}, "is no whole policy file"),
        ({"about": {"provenance": [1]}}, "is no whole policy file"),
        ({"about": {"clip": -1.0}}, "`clip` must be above 0"),
        ({"arrays": {"weight_0": np.zeros((3, 8), np.float32)}}, "Layer 0 must take 4 numbers"),
        ({"arrays": {"weight_0": np.full((4, 8), np.nan, np.float32)}}, "not finite"),
        ({"arrays": {"weight_0": np.zeros((4, 8), np.float32)}}, "holds a policy of digest"),
        ({"arrays": {"more": np.zeros(3)}}, "it holds more, which no policy of its kind has"),
        ({"arrays": {"shift": np.array(["a", "b"])}}, "claims <U1"),
        ({"arrays": {"about": np.zeros(3)}}, "does not say what it is in a page of text"),
        ({"arrays": {"about": np.frombuffer(b"[1]", np.uint8)}}, "no JSON object"),
        ({"arrays": {"about": np.frombuffer(b"[" * 99_999, np.uint8)}}, "is no whole policy file"),
        ({"drop": ("about",)}, "is no whole policy file"),
        ({"drop": ("scale",)}, "it lacks scale"),
        ({"compress": True}, "is compressed or no array"),
    ],
)  # fmt: skip
def test_what_was_not_written_by_us_is_refused(written, change, said) -> None:
    with pytest.raises(DataError, match=said):
        read_policy(repacked(written, **change))


def test_pickles_are_never_read(written) -> None:
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("it was unpickled",))

    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(written, "a") as archive:
        archive.writestr("zz.npy", buffer.getvalue())
    with pytest.raises(DataError, match="holds Python objects"):
        read_policy(written)


def test_what_claims_more_than_it_holds_takes_no_memory(written, tmp_path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 1 << 10)}
    )
    with zipfile.ZipFile(written, "a") as archive:
        archive.writestr("zz.npy", header.getvalue() + b"1234")
    with pytest.raises(DataError, match=r"claims float32 of shape .* but holds 4 bytes"):
        read_policy(written)
    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weight_0.npy", bytes(1 << 26))
    assert bomb.stat().st_size < 1 << 17
    with pytest.raises(DataError, match="compressed"):
        read_policy(bomb)


def test_a_missing_file_is_no_damaged_one(tmp_path) -> None:
    with pytest.raises(PermanentError, match=r"p\.npz"):
        read_policy(tmp_path / "p.npz")


def test_a_model_is_written_once_it_is_proved_equal(tmp_path, monkeypatch) -> None:
    pytest.importorskip("onnxruntime", reason="NOT RUN: the extra `onnx` is not installed")
    pytest.importorskip("onnx", reason="NOT RUN: the extra `onnx` is not installed")
    from telic.neural import onnx_export

    policy, x = network(), np.random.default_rng(1).normal(size=(500, 4))
    assert write_onnx(tmp_path / "p.onnx", policy, x).is_within(1e-5)
    assert onnx_export.compare_onnx(policy, (tmp_path / "p.onnx").read_bytes(), x).n == 500
    export = onnx_export.to_onnx
    monkeypatch.setattr(onnx_export, "to_onnx", lambda p: export(replace(p, clip=0.1)))
    with pytest.raises(DataError, match="it was not written"):
        write_onnx(tmp_path / "other.onnx", policy, x)
    assert not (tmp_path / "other.onnx").exists()
