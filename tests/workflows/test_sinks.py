"""Sinks: what was given is read back by others' readers, nothing leaves this machine, and a failure hurts no run."""

from __future__ import annotations

import socket
import struct
import time
import warnings

import pytest
from odd_sinks import Broken, fake_sinks

from telic.errors import PermanentError, SettingsError
from telic.workflows.sinks import SINKS, About, Sinks, open_sinks

GIVEN = {
    1: {"loss": 1.5, "mean_return": float("nan")},
    2: {"loss": 0.25, "mean_return": 12.0},
    3: {"loss": 0.125},
}
"""Metrics by step; a return is not known before the first episode has ended."""
EXPECTED = {"loss": [(1, 1.5), (2, 0.25), (3, 0.125)], "mean_return": [(2, 12.0)]}
"""All of them are floating-point numbers of 32 bits."""


@pytest.fixture
def about(tmp_path):
    return About(
        name="run-1", task="shop floor", folder=tmp_path / "run", settings={"method": "ppo", "hidden": (8, 4)}
    )


@pytest.fixture
def connected(monkeypatch):
    """Where connections are made to, refused unless it is a socket that is a file of this machine."""
    asked: list[object] = []

    def watched(name):
        before = getattr(socket.socket, name)

        def call(self, address):
            asked.append(address)
            if self.family != socket.AF_UNIX:
                raise AssertionError(f"a connection to {address}")
            return before(self, address)

        return call

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, watched(name))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail(f"an address was looked up: {a}"))
    return asked


def give(name, about) -> None:
    sinks = open_sinks([name], about)
    for step, metrics in GIVEN.items():
        sinks(step, metrics)
    sinks.close()
    assert sinks.findings == ()


def test_event_files_are_those_of_tensorboard(about, connected) -> None:
    pytest.importorskip("tensorboardX", reason="NOT RUN: the extra `tensorboard` is not installed")
    give("tensorboard", about)
    files = list((about.folder / "tensorboard").iterdir())
    assert len(files) == 1 and ".tfevents." in files[0].name
    found = {}
    for event in events(files[0].read_bytes()):
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    assert found == EXPECTED
    assert connected == []


def events(raw: bytes):
    """The events of a file, framed as TensorFlow's records are: length, checksum, bytes, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    at = 0
    while at < len(raw):
        n, crc = struct.unpack_from("<QI", raw, at)
        assert crc == masked_crc(raw[at : at + 8])
        body = raw[at + 12 : at + 12 + n]
        assert struct.unpack_from("<I", raw, at + 12 + n)[0] == masked_crc(body)
        yield Event.FromString(body)
        at += 16 + n


def masked_crc(data: bytes) -> int:
    """CRC-32C, bit by bit, rotated and shifted as the format has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_tensorboard_itself_reads_them(about) -> None:
    pytest.importorskip("tensorboardX", reason="NOT RUN: the extra `tensorboard` is not installed")
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="NOT RUN: tensorboard is not installed",
    )
    give("tensorboard", about)
    found = reader.EventAccumulator(str(about.folder / "tensorboard")).Reload()
    assert {
        tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]
    } == EXPECTED


def test_mlflow_reads_them_from_its_store(about, connected, monkeypatch) -> None:
    for name in ("mlflow", "sqlalchemy", "alembic"):
        pytest.importorskip(name, reason="NOT RUN: the extra `mlflow` is not installed")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of its own code
        give("mlflow", about)
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=f"sqlite:///{about.folder / 'mlflow.db'}")
        (run,) = client.search_runs([client.get_experiment_by_name("shop floor").experiment_id])
        assert run.data.params == {"method": "ppo", "hidden": "(8, 4)"} and run.info.status == "FINISHED"
        found = {
            name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
            for name in EXPECTED
        }
    assert found == EXPECTED
    assert connected == []


def test_wandb_writes_files_and_reaches_no_network(about, connected, monkeypatch) -> None:
    pytest.importorskip("wandb", reason="NOT RUN: the extra `wandb` is not installed")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)  # whoever is logged in is offline as well
    give("wandb", about)
    (path,) = about.folder.rglob("*.wandb")
    assert "offline-run" in path.parent.name
    found, settings = {}, {}
    for record in whole(path):
        if record.WhichOneof("record_type") == "history":
            items = {item.key or item.nested_key[0]: float(item.value_json) for item in record.history.item}
            step = int(items.pop("_step"))
            for name, value in items.items():
                if not name.startswith("_"):
                    found.setdefault(name, []).append((step, value))
        elif record.WhichOneof("record_type") == "run":
            settings |= {u.key: u.value_json for u in record.run.config.update}
            assert record.run.project == "shop-floor"
    assert found == EXPECTED and settings["method"] == '"ppo"'
    assert connected and all(isinstance(address, (str, bytes)) for address in connected)  # files, no hosts


def whole(path):
    """The records of a file once its last is there: a process of its own writes it, and may do so a little later."""
    for _ in range(600):
        records = list(wandb_records(path.read_bytes()))
        if records and records[-1].WhichOneof("record_type") == "exit":
            return records
        time.sleep(0.1)
    pytest.fail(f"{path} was not finished within a minute")


def wandb_records(raw: bytes):
    """The records of a file in LevelDB's log format after its header of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    at, parts = 7, b""
    while at < len(raw):
        left = 32_768 - at % 32_768
        if left < 7:
            at += left
            continue
        n, kind = struct.unpack_from("<HB", raw, at + 4)
        data = raw[at + 7 : at + 7 + n]
        parts, at = data if kind in (1, 2) else parts + data, at + 7 + n
        if kind in (1, 4) and len(data) == n:
            yield Record.FromString(parts)


def test_the_console_is_a_line_a_step(about) -> None:
    said: list[str] = []
    sinks = open_sinks(["console"], about, said.append)
    for step, metrics in GIVEN.items():
        sinks(step, metrics)
    sinks.close()
    assert said == ["step 1: loss 1.5", "step 2: loss 0.25, mean_return 12", "step 3: loss 0.125"]
    with pytest.raises(SettingsError, match="needs `say`"):
        open_sinks(["console"], about)


class Odd(Exception):
    """Of no library that anybody knows."""


@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), Odd("a\nb"), AssertionError()])
def test_a_sink_that_fails_is_said_once_by_name_and_the_others_go_on(problem) -> None:
    said: list[str] = []
    broken, whole, last = Broken(2, problem), Broken(0, problem), Broken(-1, problem)
    sinks = Sinks({"broken": broken, "whole": whole, "last": last}, said.append)
    for step in range(1, 5):
        sinks(step, {"loss": float(step)})
    assert len(said) == 1 and "`broken` failed in step 2" in said[0] and type(problem).__name__ in said[0]
    assert [step for step, _ in broken.taken] == [1] and [step for step, _ in whole.taken] == [1, 2, 3, 4]
    sinks.close()
    assert [f.evidence["sink"] for f in sinks.findings] == ["broken", "last"]
    assert len(said) == 2 and "when it was closed" in said[1]
    sinks(5, {"loss": 5.0})  # after it was closed: nothing
    assert len(whole.taken) == 4


def test_without_a_listener_it_is_a_warning_even_where_warnings_are_errors() -> None:
    sinks = Sinks({"broken": Broken(1, OSError("gone"))})
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        sinks(1, {"loss": 1.0})
    assert sinks.findings[0].code == "sink-failed"
    del seen


def test_a_sink_cannot_change_what_others_see() -> None:
    def greedy(step, metrics) -> None:
        metrics["loss"] = 0.0

    greedy.close = lambda: None
    whole, given = Broken(0, OSError()), {"loss": 1.0}
    sinks = Sinks({"greedy": greedy, "whole": whole}, lambda line: None)
    sinks(1, given)
    assert whole.taken == [(1, {"loss": 1.0})] and given == {"loss": 1.0} and len(sinks.findings) == 1


def test_the_keyboard_is_no_failure_of_a_sink() -> None:
    class Stopping(Broken):
        def __call__(self, step, metrics) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Sinks({"stopping": Stopping(1, OSError())})(1, {})


def test_names_and_libraries_are_asked_for_at_the_door(about, monkeypatch) -> None:
    with pytest.raises(SettingsError, match="Did you mean `tensorboard`"):
        open_sinks(["tensorbord"], about)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in set(SINKS) - {"console"}:
        with pytest.raises(PermanentError) as refused:
            open_sinks([name], about)
        assert f"telic[{name}]" in refused.value.hint


def test_one_that_cannot_be_opened_is_left_out(about, monkeypatch) -> None:
    def refuse(_about):
        raise OSError(13, "Permission denied")

    fake_sinks(monkeypatch, refuse)
    said: list[str] = []
    sinks = open_sinks(["broken", "console"], about, said.append)
    sinks(1, {"loss": 1.0})
    assert len(said) == 2 and "when it was opened" in said[0] and said[1] == "step 1: loss 1"
    assert [f.evidence["sink"] for f in sinks.findings] == ["broken"]
