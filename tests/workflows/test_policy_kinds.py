"""Every kind of policy as a file: what is read is what was written, inner policies too, and nothing else comes out."""

from __future__ import annotations

import io
import itertools
import random
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from telic.errors import DataError, SettingsError
from telic.planning.bandits import BanditPolicy, EpsilonGreedy, LinUcb, Softmax, Thompson, run_bandit
from telic.policies import (
    CategoricalHead,
    Dense,
    EnsemblePolicy,
    GaussianHead,
    HistoryPolicy,
    MixturePolicy,
    NetworkPolicy,
    Option,
    OptionsPolicy,
    RecurrentPolicy,
    TabularPolicy,
    TreePolicy,
    WindowPolicy,
    serve,
)
from telic.reports import Provenance
from telic.workflows import policy_files
from telic.workflows.policy_files import read_policy, write_policy
from telic.workflows.policy_kinds import KINDS, REFUSED

MADE = Provenance(inputs={"demos": "sha256:0"}, settings={"rate": 0.5}, code="0.1.0", key=3)


def network(seed=0, head=CategoricalHead(n_actions=3), D=4):  # noqa: B008
    rng = np.random.default_rng(seed)
    layers = tuple(
        Dense(weight=rng.normal(size=(a, b)).astype(np.float32), bias=rng.normal(size=b).astype(np.float32))
        for a, b in itertools.pairwise((D, 5, head.n_outputs))
    )
    shift, scale = rng.normal(size=D), rng.uniform(0.5, 2.0, D)
    return NetworkPolicy(
        layers=layers, activation="tanh", head=head, shift=shift, scale=scale, provenance=MADE
    )


def ensemble(D=4):
    return EnsemblePolicy(members=(network(1, D=D), network(2, D=D)), provenance=MADE)


def history():
    rng = np.random.default_rng(0)
    return HistoryPolicy(
        previous=np.array([-1, 0, 2], np.int32),
        current=np.array([0, 1, 0], np.int32),
        table=rng.dirichlet(np.ones(2), 3),
        unseen=rng.dirichlet(np.ones(2), 3),
        provenance=MADE,
    )


def tree():
    return TreePolicy(
        n_observations=2,
        feature=np.array([1, -1, -1], np.int32),
        threshold=np.array([0.5, 0.0, 0.0]),
        children=np.array([[1, 2], [0, 0], [0, 0]], np.int32),
        probabilities=np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]),
        counts=np.array([8, 4, 4]),
        provenance=MADE,
    )


def scaled(policy, by):
    layers = tuple(replace(layer, weight=layer.weight * np.float32(by)) for layer in policy.layers)
    return replace(policy, layers=layers, clip=10.0)


def bandit(settings):
    contexts = np.random.default_rng(0).normal(size=(20, 3)) if isinstance(settings, LinUcb) else None
    done = run_bandit(settings, np.array([0.3, 0.6]), 20, key=1, contexts=contexts)
    return BanditPolicy(bandit=settings, state=done.state, provenance=MADE)


def options():
    """All ways to stop, one option that begins in some states only, and one with a limit."""
    table = TabularPolicy(table=np.eye(2)[[0, 1, 1]], provenance=MADE)
    told = [
        Option(name="even", policy=table, stops=0.25, longest=3),
        Option(
            name="by state",
            policy=table,
            stops=np.array([0.0, 0.5, 1.0]),
            begins=np.array([True, False, True]),
        ),
        Option(name="by policy", policy=table, stops=table),
    ]
    chooser = TabularPolicy(table=np.full((3, 3), 1 / 3), provenance=MADE)
    return OptionsPolicy(chooser=chooser, options=tuple(told), provenance=MADE)


def recurrent(D=3, M=4):
    rng = np.random.default_rng(5)
    entering, recalling = (
        Dense(
            weight=rng.normal(size=(n, 3 * M)).astype(np.float32),
            bias=rng.normal(size=3 * M).astype(np.float32),
        )
        for n in (D, M)
    )
    inner = replace(network(D=M), shift=np.zeros(M, np.float32), scale=np.ones(M, np.float32))
    return RecurrentPolicy(
        entering=entering, recalling=recalling, inner=inner, shift=rng.normal(size=D),
        scale=rng.uniform(0.5, 2.0, D), clip=5.0, provenance=MADE,
    )  # fmt: skip


POLICIES = {
    "network": network(),
    "table": TabularPolicy(table=np.random.default_rng(0).dirichlet(np.ones(3), 5), provenance=MADE),
    "tree": tree(),
    "history": history(),
    "ensemble": ensemble(),
    # 2 observations now and before, 3 columns of the action, and whether there was one.
    "window": WindowPolicy(inner=ensemble(D=8), n_back=1),
    "served": serve(network(3)),
    "served-ensemble": serve(ensemble()),
    "bandit": bandit(LinUcb(n_actions=2, n_features=3)),
    "mixture": MixturePolicy(gate=tree(), components=(network(3, D=2), network(4, D=2)), provenance=MADE),
    "options": options(),
    "recurrent": recurrent(),
}


def test_every_kind_is_here() -> None:
    assert POLICIES.keys() == KINDS.keys()


OTHERS = {
    "served with rests": serve(scaled(network(4), 12.0)),
    "window of a served network": WindowPolicy(inner=serve(network(5, D=8)), n_back=1),
    "epsilon-greedy": bandit(EpsilonGreedy(n_actions=2)),
    "softmax": bandit(Softmax(n_actions=2)),
    "thompson": bandit(Thompson(n_actions=2)),
}


@pytest.mark.parametrize("name", [*POLICIES, *OTHERS])
def test_what_is_read_is_what_was_written(tmp_path, name) -> None:
    policy = (POLICIES | OTHERS)[name]
    again = read_policy(write_policy(tmp_path / "p.npz", policy))
    assert type(again) is type(policy)
    assert again.digest == policy.digest
    same(policy, again)


def same(first, second) -> None:
    """Field by field, bit by bit."""
    if isinstance(first, np.ndarray):
        assert (first.dtype, first.shape, first.tobytes()) == (second.dtype, second.shape, second.tobytes())
    elif isinstance(first, tuple):
        assert len(first) == len(second)
        for a, b in zip(first, second, strict=True):
            same(a, b)
    elif hasattr(first, "__dataclass_fields__"):
        assert type(first) is type(second)
        for name in first.__dataclass_fields__:
            same(getattr(first, name), getattr(second, name))
    else:
        assert first == second


def test_files_of_the_first_form_are_read_as_they_were_meant(request) -> None:
    """Written before policies could hold policies; the digests were printed when they were."""
    folder = request.path.parent / "policies_of_form_1"
    net = read_policy(folder / "network.npz")
    assert net.digest == "sha256:4ff429913849a388046403104957340fcded260fb2f0162ff1b09f91f6b78a4e"
    assert net.head == GaussianHead(low=(-1.0, 0.0), high=(1.0, 5.0), is_squashed=True)
    np.testing.assert_array_equal(net.layers[0].weight, np.arange(6).reshape(2, 3) / 4 - 1)
    np.testing.assert_array_equal(net.layers[1].weight, np.arange(12).reshape(3, 4) / 8 - 0.5)
    assert (net.clip, net.provenance, net.scale.tolist()) == (3.5, MADE, [2.0, 0.5])
    table = read_policy(folder / "table.npz")
    assert table.digest == "sha256:e94b53075c9e3a5202fb50c51710c7d368260f7b8df238ad9b95d1f8c29ee7e4"
    assert table.table.tolist() == [[[0.25, 0.75], [1, 0]], [[0, 0], [0.5, 0.5]]]
    read = read_policy(folder / "tree.npz")
    assert read.digest == "sha256:53f4401c417f5852874198a5940761899d9c6f6c7dd9765f08f9de0c15858e24"
    assert (read.feature.tolist(), read.counts.tolist()) == ([1, -1, -1], [8, 4, 4])


def outcome(path, raw):
    """The digest that bytes are read as, or None where they are refused; anything else is raised."""
    path.write_bytes(raw)
    try:
        return read_policy(path).digest
    except DataError:
        return None


@pytest.mark.parametrize("kind", POLICIES)
def test_damage_anywhere_is_refused_in_words(tmp_path, kind) -> None:
    policy = POLICIES[kind]
    raw = write_policy(tmp_path / "p.npz", policy).read_bytes()
    draw = random.Random(kind)
    for size in [0, 1, len(raw) - 1, *draw.sample(range(len(raw)), 15)]:
        assert outcome(tmp_path / "q.npz", raw[:size]) is None
    for _ in range(60):
        spoiled = bytearray(raw)
        for _ in range(draw.choice((1, 1, 1, 4))):
            spoiled[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
        # A flip may hit what means nothing in an archive, such as a date.
        assert outcome(tmp_path / "q.npz", bytes(spoiled)) in (None, policy.digest)


@pytest.mark.parametrize("kind", POLICIES)
def test_damage_under_a_right_checksum_is_refused_in_words(tmp_path, kind) -> None:
    """Bits flipped inside the parts, and the archive packed again: now only what is read can tell."""
    policy = POLICIES[kind]
    with zipfile.ZipFile(write_policy(tmp_path / "p.npz", policy)) as archive:
        parts = {m.filename: archive.read(m) for m in archive.infolist()}
    draw = random.Random(kind)
    refused = 0
    for _ in range(60):
        # The page of words and headers are where meaning is densest.
        name = draw.choice(["about.npy", *parts])
        spoiled = bytearray(parts[name])
        at = draw.randrange(len(spoiled) if name == "about.npy" else min(len(spoiled), 200))
        spoiled[at] ^= 1 << draw.randrange(8)
        found = outcome(tmp_path / "q.npz", packed({**parts, name: bytes(spoiled)}))
        assert found in (None, policy.digest)  # the digest is not of the provenance
        refused += found is None
    assert refused > 10


def packed(parts) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, raw in parts.items():
            archive.writestr(name, raw)
    return buffer.getvalue()


def test_an_inner_policy_of_another_digest_is_told(tmp_path) -> None:
    path = write_policy(tmp_path / "p.npz", POLICIES["ensemble"])
    with np.load(path) as plain:
        held = {name: plain[name] for name in plain.files}
    held["member_1/bias_0"] = held["member_0/bias_0"]
    np.savez(path, **held)
    with pytest.raises(DataError, match=r"holds a network policy of digest .*, but says"):
        read_policy(path)
    held["member_2/bias_0"] = held["member_0/bias_0"]
    np.savez(path, **held)
    with pytest.raises(DataError, match=r"of digest|member_2/bias_0, which no policy of its kind has"):
        read_policy(path)


def test_nesting_is_bounded(tmp_path, monkeypatch) -> None:
    path = write_policy(tmp_path / "p.npz", POLICIES["window"])  # a window of an ensemble of networks: 3
    monkeypatch.setattr(policy_files, "MOST_DEPTH", 2)
    with pytest.raises(DataError, match="nests policies more than 2 deep"):
        read_policy(path)
    with pytest.raises(DataError, match="nested more than 2 deep"):
        write_policy(path, POLICIES["window"])


def test_what_would_not_be_read_back_is_not_written(tmp_path) -> None:
    table = TabularPolicy(table=np.eye(2))
    object.__setattr__(table, "table", np.eye(2, dtype=np.int64))
    with pytest.raises(DataError, match=r"would not be read back as it is .table must be floating numbers"):
        write_policy(tmp_path / "p.npz", table)
    assert not (tmp_path / "p.npz").exists()


def test_other_kinds_are_refused_with_what_to_do(tmp_path) -> None:
    class MpcPolicy:
        digest = "sha256:1"

    with pytest.raises(
        SettingsError, match=r"A MpcPolicy cannot be written to a file; these can: Net"
    ) as told:
        write_policy(tmp_path / "p.npz", MpcPolicy())
    assert "imitate what it does by a network" in told.value.hint
    with pytest.raises(SettingsError, match="A dict cannot be written"):
        write_policy(tmp_path / "p.npz", {})


def test_two_parts_of_one_name_are_refused(tmp_path) -> None:
    path = write_policy(tmp_path / "p.npz", POLICIES["table"])
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        parts = {m.filename: archive.read(m) for m in archive.infolist()}
    twice = packed({**parts, "tabl_.npy": parts["table.npy"]}).replace(b"tabl_.npy", b"table.npy")
    assert outcome(path, twice) is None
    assert outcome(path, raw) == POLICIES["table"].digest


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bias_1": np.full(3, 2.0**54)}, "Layer 1 is on no grid of this network"),
        ({"weight_0": np.full((4, 5), 0.5)}, "Layer 0 is on no grid of this network"),
        ({"weight_0": np.full((4, 6), 1.0)}, "Layer 0 is on no grid of this network"),
        ({"weight_0": np.full((4, 5), np.inf)}, "Layer 0 is on no grid of this network"),
        ({"weight_0": np.zeros((4, 5))}, "holds a policy of digest"),
    ],
)
def test_grids_that_could_round_are_refused_when_read(tmp_path, change, said) -> None:
    path = write_policy(tmp_path / "p.npz", POLICIES["served"])
    with np.load(path) as plain:
        held = {name: plain[name] for name in plain.files}
    np.savez(path, **{**held, **change})
    with pytest.raises(DataError, match=said):
        read_policy(path)


def test_the_page_tells_every_kind_and_tells_it_right(project_root) -> None:
    from telic.neural.onnx_export import EXPORTERS

    page = (project_root / "docs" / "policies-out.md").read_text()
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| `")]
    told = {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows}
    forms = {codec.form.__name__ for codec in KINDS.values()}
    assert told.keys() == forms | REFUSED.keys()
    exported = {exporter.form.__name__ for exporter in EXPORTERS}
    for name, (file, onnx, _) in told.items():
        assert file.startswith("no:") == (name not in forms)
        assert onnx.startswith("no:") == (name not in exported)
