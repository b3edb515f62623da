"""A project folder: the contract, the logs beside it, the dataset in ``data/``, the results in ``runs/``.

::

    my-scaler/
    ├── contract.yaml          what is observed, what can be done, what may matter
    ├── decisions.csv          raw logs, read by ``ingest`` and never changed
    ├── data/                  content-addressed dataset versions (``telic.datasets.DatasetStore``)
    └── runs/
        ├── latest.json        the newest run of each verb
        └── 3f9a1c20b7de/      one folder a run, named by the digest of everything that went into it

A run is looked up by the digest of its inputs, settings and code: asked for again, it is read, not computed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import telic
from telic._core.hashing import digest_json
from telic._core.near_miss import near_miss
from telic.contract import TaskContract
from telic.errors import ContractError, DataError, PermanentError
from telic.reports import Report
from telic.storage import FileLock, atomic_write, file_digest

if TYPE_CHECKING:
    from telic.datasets import DatasetStore, DatasetVersion
    from telic.datasets.state_store import StateStore
    from telic.trajectories import Demonstrations

__all__ = ["CONTRACT_NAMES", "SOURCES_FILE", "SOURCE_SUFFIXES", "Project", "Run", "require_files"]

CONTRACT_NAMES = ("contract.yaml", "contract.yml", "contract.json")
SOURCE_SUFFIXES = (".csv", ".csv.gz", ".csv.xz", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
"""What ``ingest`` reads."""
SOURCES_FILE = "sources.json"
"""In ``runs/``: where ``init`` found the log that the contract was drafted from."""
NAME_DIGITS = 12
"""Hexadecimal digits of a digest that name its folder: enough for a trillion runs, short enough to type."""
LOCK_SECONDS = 600.0
"""How long one command waits for another on the same project."""


@dataclass(frozen=True)
class Run:
    """The folder of one run of a verb.

    Attributes:
        folder: where its files are.
        digest: of everything that went into it.
        verb: whose run it is.
    """

    folder: Path
    digest: str
    verb: str

    @property
    def is_done(self) -> bool:
        """True when its result is there whole."""
        return (self.folder / f"{self.verb}.json").is_file()

    def read(self) -> dict[str, Any]:
        """The result of the run, as it was written.

        Raises:
            PermanentError: it is missing or damaged.
        """
        path = self.folder / f"{self.verb}.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PermanentError(
                f"The result {path} cannot be read: {error}.",
                hint=f"Remove {self.folder} and run the verb again.",
            ) from error
        if not isinstance(found, dict) or found.get("verb") != self.verb:
            raise PermanentError(
                f"{path} is not a result of `telic {self.verb}`.", hint=f"Remove {self.folder} and run again."
            )
        return found

    def write(self, report: Report, name: str = "") -> Path:
        """The page of the report, after page and JSON twin are there whole.

        Args:
            report: what the verb found.
            name: of the files; default: the verb.
        """
        stem = name or self.verb
        for leftover in self.folder.glob(".*.partial"):  # of a writer that was killed
            leftover.unlink(missing_ok=True)
        page = atomic_write(self.folder / f"{stem}.html", report.to_html().encode())
        text = json.dumps(report.to_json()["data"], indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        # The JSON twin comes last: where it is, everything is.
        atomic_write(self.folder / f"{stem}.json", text.encode())
        return page


@dataclass(frozen=True)
class Project:
    """A folder with a contract.

    Attributes:
        folder: the project folder.
        contract_path: its contract file.
    """

    folder: Path
    contract_path: Path

    @classmethod
    def open(cls, folder: str | Path) -> Project:
        """The project in a folder.

        Raises:
            PermanentError: there is no such folder, or no contract in it.
        """
        place = Path(folder)
        if place.is_file() and place.name in CONTRACT_NAMES:
            place = place.parent
        if place.exists() and not place.is_dir():
            raise PermanentError(
                f"{place} is a file, not a project folder.",
                hint=f"Name the folder that holds contract.yaml, such as {place.parent}.",
            )
        if not place.is_dir():
            beside = [p.name for p in place.parent.iterdir() if p.is_dir()] if place.parent.is_dir() else []
            raise PermanentError(
                f"There is no project folder {place}.{near_miss(place.name, beside)}",
                hint=f"Make one from a file of decisions: telic init {place} --from FILE",
            )
        for name in CONTRACT_NAMES:
            if (place / name).is_file():
                return cls(place, place / name)
        raise PermanentError(
            f"{place} has no contract.yaml, so it is no project.",
            hint=f"Draft one from a file of decisions: telic init {place} --from FILE",
        )

    @cached_property
    def contract(self) -> TaskContract:
        """The contract of the project.

        Raises:
            ContractError: it is not valid; every problem is listed.
        """
        from telic.datasets import load_contract

        return load_contract(self.contract_path)

    @cached_property
    def store(self) -> DatasetStore:
        """The dataset versions of the project."""
        from telic.datasets import DatasetStore

        return DatasetStore(self.folder / "data")

    @cached_property
    def state_store(self) -> StateStore:
        """The versions of a log without actions."""
        from telic.datasets.state_store import StateStore

        return StateStore(self.folder / "data")

    @property
    def version_stores(self) -> tuple[DatasetStore, ...]:
        """Where versions lie: of the dataset, and of a log without actions."""
        return self.store, self.state_store.files

    def dataset(self, prefix: str | None = None) -> DatasetVersion:
        """The newest dataset version, or the one whose digest begins so.

        Args:
            prefix: beginning of a digest, with or without ``sha256:``; None: the newest.

        Raises:
            ContractError: the log has no actions.
            PermanentError: nothing was ingested yet, or no (or several) versions begin so.
        """
        self.require_actions()
        return self._version(self.store, prefix)

    def require_actions(self) -> None:
        """Nothing, where the log of the project has actions.

        Raises:
            ContractError: it has none.
        """
        if self.contract.actions.column is None:
            raise ContractError(
                f"The log of {self.folder} has no actions (`actions.column: null`), and nothing can be learned from"
                " choices that were not recorded.",
                hint="`telic check` says what its states tell; what may have been done is inferred, with its"
                " uncertainty, by `telic.datasets.state_only.infer_actions`.",
            )

    def states(self, prefix: str | None = None) -> DatasetVersion:
        """The newest version of a log without actions, or the one whose digest begins so.

        Args:
            prefix: beginning of a digest, with or without ``sha256:``; None: the newest.

        Raises:
            PermanentError: nothing was ingested yet, or no (or several) versions begin so.
        """
        return self._version(self.state_store.files, prefix)

    def _version(self, store: DatasetStore, prefix: str | None) -> DatasetVersion:
        if prefix is None:
            newest = store.latest
            if newest is None:
                raise PermanentError(
                    f"Nothing was ingested into {self.folder} yet.", hint=f"Run: telic ingest {self.folder}"
                )
            return newest
        start = prefix.removeprefix("sha256:")
        known = store.versions()
        found = [v for v in known if v.digest.removeprefix("sha256:").startswith(start)]
        if len(found) != 1:
            names = ", ".join(v.digest.removeprefix("sha256:")[:NAME_DIGITS] for v in known)
            raise PermanentError(
                f"{len(found)} dataset versions begin with {start!r}; there are: {names or 'none'}.",
                hint="Give more digits, or leave it out for the newest."
                if known
                else f"Run: telic ingest {self.folder}",
            )
        return found[0]

    def demonstrations(self, dataset: DatasetVersion) -> Demonstrations:
        """The decisions of a version that may be learned from: all, or all but those in quarantine (``quality``).

        Args:
            dataset: a version of this project.

        Raises:
            PermanentError: a file of the version is missing or damaged.
        """
        return self.store.load(dataset, without_quarantined=self.contract.quality.quarantine == "leave_out")

    def key_of(self, dataset: DatasetVersion) -> str:
        """Digest that stands for ``demonstrations(dataset)`` in the inputs of a run.

        Args:
            dataset: a version of this project.
        """
        leaves_out = self.contract.quality.quarantine == "leave_out"
        suspects = self.store.quarantine(dataset) if leaves_out else None
        return dataset.digest if suspects is None else suspects.digest

    @property
    def sources(self) -> tuple[Path, ...]:
        """The logs that lie beside the contract, by name; else the one that ``init`` drafted it from."""
        beside = tuple(
            path
            for path in sorted(self.folder.iterdir())
            if path.is_file() and path.name not in CONTRACT_NAMES and path.name.endswith(SOURCE_SUFFIXES)
        )
        return beside or tuple(Path(name) for name in self._noted(SOURCES_FILE).get("files", []))

    def lock(self) -> FileLock:
        """The lock that a verb holds while it writes."""
        return FileLock(self.folder / "runs" / ".lock", timeout_seconds=LOCK_SECONDS)

    def run_of(self, verb: str, inputs: Mapping[str, Any]) -> Run:
        """The run of a verb on these inputs, done or not.

        Args:
            verb: its name.
            inputs: digests and settings, JSON-able; the code of telic is added.
        """
        digest = digest_json({"verb": verb, "code": _code(), **inputs})
        return Run(self._run_folder(digest), digest, verb)

    def remember(self, run: Run) -> None:
        """Note that this run is the newest of its verb."""
        path = self.folder / "runs" / "latest.json"
        known = self._latest()
        if known.get(run.verb) != run.digest:
            atomic_write(path, (json.dumps({**known, run.verb: run.digest}, indent=1) + "\n").encode())

    def find_run(self, verb: str, prefix: str | None = None) -> Run:
        """The newest run of a verb, or the one whose digest begins so.

        Args:
            verb: its name.
            prefix: beginning of a digest, with or without ``sha256:``; None: the newest.

        Raises:
            PermanentError: there is none, or several begin so.
        """
        if prefix is None:
            digest = self._latest().get(verb)
            run = None if digest is None else Run(self._run_folder(digest), digest, verb)
            if run is None or not run.is_done:
                raise PermanentError(
                    f"{self.folder} has no finished `{verb}` yet.", hint=f"Run: telic {verb} {self.folder}"
                )
            return run
        start = prefix.removeprefix("sha256:")[:NAME_DIGITS]
        folders = [p.parent for p in sorted((self.folder / "runs").glob(f"{start}*/{verb}.json"))]
        if len(folders) != 1:
            names = ", ".join(p.parent.name for p in sorted((self.folder / "runs").glob(f"*/{verb}.json")))
            raise PermanentError(
                f"{len(folders)} runs of `{verb}` begin with {start!r}; there are: {names or 'none'}.",
                hint="Give more digits, or leave it out for the newest."
                if names
                else f"Run: telic {verb} {self.folder}",
            )
        return Run(folders[0], str(Run(folders[0], "", verb).read().get("digest", "")), verb)

    def _latest(self) -> dict[str, Any]:
        return self._noted("latest.json")

    def _noted(self, name: str) -> dict[str, Any]:
        """A small file of notes in ``runs/``; one that cannot be read counts as empty, for runs are whole
        anyway.
        """
        try:
            found = json.loads((self.folder / "runs" / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _run_folder(self, digest: str) -> Path:
        return self.folder / "runs" / digest.removeprefix("sha256:")[:NAME_DIGITS]


def require_files(paths: Sequence[Path], *, folders: bool = False) -> None:
    """Every path is a file that can be there once in a dataset; errors say what else it is.

    Args:
        paths: as they were named.
        folders: a source of the contract's ``data.format`` is a folder, so a path may be one.

    Raises:
        PermanentError: one does not exist (the nearest name beside it is offered) or is a folder (the files in it
            are listed).
        DataError: one file is named twice.
    """
    named: set[Path] = set()
    for path in paths:
        if path.is_dir() and not folders:
            inside = sorted(
                p.name for p in path.iterdir() if p.is_file() and p.name.endswith(SOURCE_SUFFIXES)
            )
            listed = ", ".join(inside[:5]) + (f" and {len(inside) - 5} more" if len(inside) > 5 else "")
            raise PermanentError(
                f"{path} is a folder, not a file; of its files {len(inside)} can be read{listed and f': {listed}'}.",
                hint=f"Name the files themselves: {' '.join(str(path / name) for name in inside[:2]) or 'FILE...'}",
            )
        if not path.exists():
            near = (
                near_miss(path.name, [p.name for p in path.parent.iterdir()]) if path.parent.is_dir() else ""
            )
            raise PermanentError(
                f"There is no file {path}.{near}", hint="Check its name, and the folder that you are in."
            )
        if path.resolve() in named:
            raise DataError(
                f"{path} is named twice; each of its rows would be there twice.", hint="Name it once."
            )
        named.add(path.resolve())


@cache
def _code() -> str:
    """Version and digest of the program: a result of other code is another result, even at the same
    version.
    """
    package = Path(telic.__file__).parent
    files = {path.relative_to(package).as_posix(): file_digest(path) for path in package.rglob("*.py")}
    return f"{telic.__version__}+{digest_json(files)}"
