"""The dataset store: a folder of versions, each named by the digest of its logical content.

::

    index.json                          the latest version, all versions in order, what was ingested already
    versions/<hex>/manifest.json        counts, labels, digests of files and columns, findings
    versions/<hex>/rows-00000.parquet   decisions in canonical order, and further files of them
    versions/<hex>/trajectories.parquet one row a trajectory
    quarantine/<hex>.json               trajectories of a version that are under suspicion, each with its reason

A version is built beside the others, forced to the disk, and appears by one rename; then the index is
replaced by another. Whatever stops in between (a full disk, a kill, a power cut) leaves the old versions and
the old index whole; what a dead writer left is removed by the next one. Nothing is ever changed in place.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telic._core.hashing import digest_bytes
from telic.errors import DataError, PermanentError, TemporaryError, world_errors
from telic.reports import Finding, Provenance
from telic.storage import FileLock, atomic_write, file_digest
from telic.storage.files import sync_folder
from telic.trajectories import Demonstrations

from .layout import from_files, manifest_of, write_files
from .privacy.erasure_record import erased_subjects
from .privacy.sealed_rows import from_sealed_files, write_sealed_files
from .privacy.sealing import SubjectKeys
from .quarantine import Quarantine
from .store_files import INDEX, SCHEMA_VERSION, corrupt, findings_in, found_versions, parsed, written

__all__ = ["SCHEMA_VERSION", "DatasetStore", "DatasetVersion"]

LOCK_SECONDS = 30.0
"""How long a writer waits for another one."""


@dataclass(frozen=True, kw_only=True)
class DatasetVersion:
    """One version, as its manifest describes it.

    Attributes:
        digest: of the logical content (``Demonstrations.digest``).
        folder: where its files are.
        n_decisions, n_trajectories, n_demonstrators: counts.
        contract_digest: of the contract that it was ingested by; empty where there was none.
        sources: name to digest of the files that it was made from.
        findings: what ingest noticed, worst first.
        is_new: whether the call that returned this wrote the version (False: it was there already).
    """

    digest: str
    folder: Path
    n_decisions: int
    n_trajectories: int
    n_demonstrators: int
    contract_digest: str
    sources: Mapping[str, str]
    findings: tuple[Finding, ...]
    is_new: bool = False


@dataclass(frozen=True)
class DatasetStore:
    """Versions of one project's dataset.

    Laws: ``store.load(store.publish(d)).digest == d.digest``; publishing the same content twice writes once.

    Attributes:
        folder: where it is; made when the first version is published.
    """

    folder: Path

    def publish(
        self,
        demos: Demonstrations,
        *,
        contract_digest: str = "",
        ingest_key: str = "",
        keys: SubjectKeys | None = None,
    ) -> DatasetVersion:
        """The version of these demonstrations, after it is in the store whole; it becomes the latest.

        Args:
            demos: any demonstrations.
            contract_digest: of the contract that they follow.
            ingest_key: what they were made from (see ``ingest``), so that it is not made again.
            keys: of its people, to encrypt the rows of each under; None: rows are not encrypted.

        Raises:
            TemporaryError: the disk is full, or another writer holds the store; the store is as before.
        """
        digest = demos.digest
        target = self._version_folder(digest)
        with (
            world_errors(f"write to {self.folder}"),
            FileLock(self.folder / ".lock", timeout_seconds=LOCK_SECONDS),
        ):
            self._sweep()
            is_new = not self._is_whole(digest) or self._is_sealed(digest) != (keys is not None)
            if is_new:
                self._build(demos, target, contract_digest, keys)
            self._point(digest, ingest_key)
        return self._describe(digest, is_new=is_new)

    @contextlib.contextmanager
    def workplace(self) -> Iterator[Path]:
        """An empty folder beside the versions, for what is too large for memory; removed afterwards.

        What dead writers left is removed now.

        Raises:
            TemporaryError: the disk is full, or another writer holds the store.
        """
        place = self.folder / f".parts-{os.getpid()}-{secrets.token_hex(4)}"
        in_use = FileLock(place / "lock")
        with (
            world_errors(f"write to {self.folder}"),
            FileLock(self.folder / ".lock", timeout_seconds=LOCK_SECONDS),
        ):
            self._sweep()
            place.mkdir()
            try:
                in_use.__enter__()  # held until the end, so that nobody sweeps the folder
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)
                raise
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            in_use.__exit__(None, None, None)

    def publish_files(
        self,
        folder: Path,
        files: Sequence[str],
        manifest: Mapping[str, Any],
        *,
        contract_digest: str,
        ingest_key: str,
    ) -> DatasetVersion:
        """The version whose files were made in a workplace, after it is in the store whole; it becomes the latest.

        Args:
            folder: of the files, on the disk of the store and forced to it; it is moved.
            files: their names.
            manifest: ``layout.manifest`` of them; of sealed ones, with what ``sealed_people`` says in place of them.
            contract_digest: of the contract that they follow.
            ingest_key: see ``publish``.

        Raises:
            TemporaryError: the disk is full, or another writer holds the store; the store is as before.
        """
        digest = str(manifest["digest"])
        with (
            world_errors(f"write to {self.folder}"),
            FileLock(self.folder / ".lock", timeout_seconds=LOCK_SECONDS),
        ):
            is_new = not self._is_whole(digest) or self._is_sealed(digest) != ("sealed" in manifest)
            if is_new:
                self._appear(folder, self._version_folder(digest), files, manifest, contract_digest)
            self._point(digest, ingest_key)
        return self._describe(digest, is_new=is_new)

    def load(
        self, version: str | DatasetVersion | None = None, *, without_quarantined: bool = False
    ) -> Demonstrations:
        """The demonstrations of a version, after every file was compared with its digest.

        Args:
            version: a version, its digest, or the first characters of it; default the latest.
            without_quarantined: leave out the trajectories that the last check put in quarantine.

        Raises:
            PermanentError: a file is missing or was changed (named), or there is no such version.
        """
        digest = self._resolve(version)
        manifest, folder = self._manifest(digest), self._version_folder(digest)
        for name, facts in manifest["files"].items():
            self._compare(folder / name, facts["digest"])
        if "sealed" in manifest:
            demos = from_sealed_files(manifest, folder, findings_in(manifest), erased_subjects(self.folder))
        else:
            demos = from_files(manifest, folder, findings_in(manifest))
        suspects = self.quarantine(digest) if without_quarantined else None
        return demos if suspects is None else suspects.left_out_of(demos)

    def receive(self, files: Path, digest: str) -> DatasetVersion:
        """The version that was copied here from elsewhere, after its folder was moved to its place and compared.

        Args:
            files: folder with the manifest and the files of one version, inside this store's folder; it is gone after.
            digest: of the version.

        Raises:
            PermanentError: the files are not those of the version; nothing was kept.
        """
        target = self._version_folder(digest)
        with (
            world_errors(f"write to {self.folder}"),
            FileLock(self.folder / ".lock", timeout_seconds=LOCK_SECONDS),
        ):
            if not self._is_whole(digest):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(target, ignore_errors=True)
                files.rename(target)
                if not self._is_whole(digest):
                    shutil.rmtree(target)
                    raise corrupt(target / "manifest.json", f"it is not the manifest of {digest}")
            self._point(digest, "")
        shutil.rmtree(files, ignore_errors=True)
        return self._describe(digest)

    def quarantine(self, version: str | DatasetVersion) -> Quarantine | None:
        """The trajectories of a version that are under suspicion, or None where no check found any.

        Args:
            version: a version, its digest, or the first characters of it.

        Raises:
            PermanentError: the file is damaged.
        """
        path = self._quarantine_path(self._resolve(version))
        return Quarantine.read(path) if path.is_file() else None

    def put_in_quarantine(self, quarantine: Quarantine) -> None:
        """Replace the quarantine of a version; an empty one is removed.

        Args:
            quarantine: what the newest check found.
        """
        path = self._quarantine_path(self._resolve(quarantine.dataset))
        if quarantine.reasons:
            quarantine.write(path)
        else:
            with world_errors(f"remove {path}"):
                path.unlink(missing_ok=True)

    def provenance(self, version: str | DatasetVersion) -> Provenance:
        """How a version was made: digests of its sources, settings, version of telic.

        Args:
            version: a version, its digest, or the first characters of it.
        """
        return Provenance(**self._manifest(self._resolve(version))["provenance"])

    def before(self, version: str | DatasetVersion) -> DatasetVersion | None:
        """The version that was published before this one, or None where it is the first.

        Args:
            version: a version, its digest, or the first characters of it.
        """
        listed = list(self._index()["versions"])
        place = listed.index(self._resolve(version))
        return self._describe(listed[place - 1]) if place else None

    @property
    def latest(self) -> DatasetVersion | None:
        """The version published last, or None while there is none."""
        digest = self._index()["latest"]
        return self._describe(digest) if digest else None

    def versions(self) -> tuple[DatasetVersion, ...]:
        """Every version, in the order in which they were first published."""
        return tuple(self._describe(d) for d in self._index()["versions"])

    def ingested(self, ingest_key: str) -> str | None:
        """Digest of the version that an ingest made, if it was done before and its files are whole."""
        digest = self._index()["ingests"].get(ingest_key)
        return digest if digest and self._is_whole(digest) else None

    def adopt(self, digest: str) -> DatasetVersion:
        """The version of that digest, after it became the latest."""
        with (
            world_errors(f"write to {self.folder}"),
            FileLock(self.folder / ".lock", timeout_seconds=LOCK_SECONDS),
        ):
            self._point(self._resolve(digest), "")
        return self._describe(digest)

    def manifest(self, version: str | DatasetVersion) -> Mapping[str, Any]:
        """What is written about a version, after it was compared with its digest.

        Args:
            version: a version, its digest, or the first characters of it.
        """
        return self._manifest(self._resolve(version))

    def forget(self, digests: Sequence[str]) -> None:
        """No ingest stands for these versions any more: the same files are read again.

        Args:
            digests: of versions.
        """
        with (
            world_errors(f"write to {self.folder}"),
            FileLock(self.folder / ".lock", timeout_seconds=LOCK_SECONDS),
        ):
            index = self._index()
            ingests = {k: d for k, d in index["ingests"].items() if d not in digests}
            atomic_write(self.folder / INDEX, written({**index, "ingests": ingests}))
            for digest in digests:
                (self.folder / "quarantine" / f"{digest.removeprefix('sha256:')}.json").unlink(
                    missing_ok=True
                )

    def remove(self, version: str | DatasetVersion) -> None:
        """A version is gone, its files and all that points to it; the newest of the others becomes the latest.

        Args:
            version: a version, its digest, or the first characters of it.
        """
        digest = self._resolve(version)
        self.forget([digest])
        with (
            world_errors(f"write to {self.folder}"),
            FileLock(self.folder / ".lock", timeout_seconds=LOCK_SECONDS),
        ):
            index = self._index()
            kept = {d: m for d, m in index["versions"].items() if d != digest}
            latest = next(reversed(kept), "") if index["latest"] == digest else index["latest"]
            # The index first: a version that nothing points to is not found, whole or half removed.
            atomic_write(self.folder / INDEX, written({**index, "versions": kept, "latest": latest}))
            shutil.rmtree(self._version_folder(digest), ignore_errors=True)

    def _quarantine_path(self, digest: str) -> Path:
        return self.folder / "quarantine" / f"{digest.removeprefix('sha256:')}.json"

    def _version_folder(self, digest: str) -> Path:
        return self.folder / "versions" / digest.removeprefix("sha256:")

    def _build(
        self, demos: Demonstrations, target: Path, contract_digest: str, keys: SubjectKeys | None
    ) -> None:
        """Write a version beside the others and rename it to its place."""
        building = self.folder / f".building-{os.getpid()}"
        building.mkdir(parents=True)
        try:
            files, instead = (
                (write_files(demos, building), {})
                if keys is None
                else write_sealed_files(demos, building, keys)
            )
            self._appear(building, target, files, {**manifest_of(demos), **instead}, contract_digest)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise

    def _appear(
        self,
        building: Path,
        target: Path,
        files: Sequence[str],
        about: Mapping[str, Any],
        contract_digest: str,
    ) -> None:
        """Write the manifest beside the files and rename their folder to its place."""
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "contract": contract_digest,
            **about,
            "files": {
                n: {"digest": file_digest(building / n), "bytes": (building / n).stat().st_size}
                for n in files
            },
        }
        atomic_write(building / "manifest.json", written(manifest))
        sync_folder(building)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # damaged, or _is_whole would have said so
            shutil.rmtree(target)
        building.rename(target)
        sync_folder(target.parent)

    def _point(self, digest: str, ingest_key: str) -> None:
        """Make a version the latest, in one atomic write."""
        index = self._index()
        manifest = file_digest(self._version_folder(digest) / "manifest.json")
        ingests = {**index["ingests"], **({ingest_key: digest} if ingest_key else {})}
        changed = {
            **index,
            "latest": digest,
            "versions": {**index["versions"], digest: manifest},
            "ingests": ingests,
        }
        if changed != index:
            atomic_write(self.folder / INDEX, written(changed))

    def _sweep(self) -> None:
        """Remove what dead writers left; the lock is held, so no living one is building."""
        for leftover in self.folder.glob(".building-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for place in self.folder.glob(".parts-*"):
            with contextlib.suppress(TemporaryError), FileLock(place / "lock"):
                shutil.rmtree(place, ignore_errors=True)

    def _index(self) -> dict[str, Any]:
        path = self.folder / INDEX
        if not path.is_file():
            with world_errors(f"read {self.folder}"):
                found = found_versions(self.folder)
            return {"schema_version": SCHEMA_VERSION, "latest": "", "versions": found, "ingests": {}}
        with world_errors(f"read {path}"):
            index = parsed(path, path.read_bytes())
        if (
            not isinstance(index.get("versions"), dict)
            or not isinstance(index.get("ingests"), dict)
            or "latest" not in index
        ):
            raise corrupt(path, "it lacks `latest`, `versions` or `ingests`")
        return index

    def _manifest(self, digest: str) -> dict[str, Any]:
        path = self._version_folder(digest) / "manifest.json"
        expected = self._index()["versions"].get(digest)
        with world_errors(f"read {path}"):
            raw = path.read_bytes()
        if expected is not None and digest_bytes(raw) != expected:
            raise corrupt(path, "its bytes are not those that were published")
        manifest = parsed(path, raw)
        if manifest.get("digest") != digest:
            raise corrupt(path, f"it describes {manifest.get('digest')}")
        return manifest

    def _is_whole(self, digest: str) -> bool:
        """Whether a version is there, byte for byte."""
        try:
            folder = self._version_folder(digest)
            if not (folder / "manifest.json").is_file():
                return False
            return all(
                (folder / n).is_file() and file_digest(folder / n) == f["digest"]
                for n, f in self._manifest(digest)["files"].items()
            )
        except PermanentError:
            return False

    def _is_sealed(self, digest: str) -> bool:
        """Whether the rows of a version that is there are encrypted."""
        return "sealed" in self._manifest(digest)

    def _compare(self, path: Path, expected: str) -> None:
        if not path.is_file():
            raise PermanentError(
                f"{path} is missing.",
                hint="Ingest the source files again, or restore a backup.",
                file=path.name,
            )
        if file_digest(path) != expected:
            raise corrupt(path, "its bytes are not those that were published")

    def _resolve(self, version: str | DatasetVersion | None) -> str:
        index = self._index()
        if version is None:
            if not index["latest"]:
                raise DataError(
                    f"There is no dataset in {self.folder} yet.", hint="Run `telic ingest DIR FILE...` first."
                )
            return str(index["latest"])
        if isinstance(version, DatasetVersion):
            return version.digest
        wanted = version.removeprefix("sha256:")
        found = [d for d in index["versions"] if wanted and d.removeprefix("sha256:").startswith(wanted)]
        if len(found) != 1:
            raise DataError(
                f"{'No' if not found else len(found)} dataset version{'s' if len(found) > 1 else ''} "
                f"begin{'' if len(found) > 1 else 's'} with {version!r}.",
                hint=f"There are: {', '.join(d[7:19] for d in index['versions']) or 'none'}.",
            )
        return str(found[0])

    def _describe(self, digest: str, *, is_new: bool = False) -> DatasetVersion:
        manifest = self._manifest(digest)
        counts = manifest["counts"]
        return DatasetVersion(
            digest=digest,
            folder=self._version_folder(digest),
            n_decisions=counts["decisions"],
            n_trajectories=counts["trajectories"],
            n_demonstrators=counts["demonstrators"],
            contract_digest=manifest["contract"],
            sources=manifest["provenance"]["inputs"],
            findings=findings_in(manifest),
            is_new=is_new,
        )
