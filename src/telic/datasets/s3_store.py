"""The dataset store in an S3-compatible bucket, with the same verbs as in a folder (extra ``s3``).

A version lies under ``versions/<hex>/`` as in a folder. Its files are written first and its manifest last, each only
where nothing is there (``If-None-Match: *``); then ``index.json`` is replaced only where nobody replaced it meanwhile
(``If-Match``), else read again and tried once more. So two writers lose nothing, and whoever stops in between leaves
files that no index names. What is read is fetched into a local store once and compared with its digests there.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telic._core.clock import SYSTEM_CLOCK, Clock
from telic._core.hashing import digest_bytes
from telic.errors import DataError, PermanentError, TemporaryError, world_errors
from telic.storage import file_digest
from telic.trajectories import Demonstrations

from .store import DatasetStore, DatasetVersion

if TYPE_CHECKING:
    from .privacy.sealing import SubjectKeys

__all__ = ["S3DatasetStore", "connect_s3"]

SCHEMA_VERSION = 1

TRIES, WAIT_SECONDS = 20, 0.2
"""How often the index is tried when other writers are quicker, and how long is waited between."""

TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
"""What a bucket answers when a condition does not hold."""

ABSENT = ("NoSuchKey", "404", "NotFound")


def connect_s3(*, endpoint: str | None = None) -> Any:
    """A client of S3, with the credentials and the region of the environment.

    Args:
        endpoint: address of an S3-compatible service; None: Amazon's.

    Raises:
        PermanentError: boto3 is not installed.
    """
    try:
        boto3 = importlib.import_module("boto3")
    except ModuleNotFoundError as problem:
        raise PermanentError(
            "A store in a bucket needs the package boto3, which is not installed.",
            hint="Install telic with its extra `s3`: pip install 'telic[s3]'.",
        ) from problem
    return boto3.client("s3", endpoint_url=endpoint)


@dataclass(frozen=True)
class S3DatasetStore:
    """Versions of one project's dataset in a bucket.

    Laws: those of ``DatasetStore``; a version published here has the digest that it has in a folder.

    Attributes:
        client: of S3 (``connect_s3``).
        bucket: its name.
        folder: local store that versions are built in and fetched into.
        prefix: of every key, such as ``team/service``; may be empty.
        clock: tells the time while waiting.
    """

    client: Any
    bucket: str
    folder: Path
    prefix: str = ""
    clock: Clock = field(default=SYSTEM_CLOCK, repr=False)

    def publish(
        self,
        demos: Demonstrations,
        *,
        contract_digest: str = "",
        ingest_key: str = "",
        keys: SubjectKeys | None = None,
    ) -> DatasetVersion:
        """The version, after it is in the bucket whole; it becomes the latest. Arguments as of ``DatasetStore``.

        Raises:
            TemporaryError: the bucket cannot be reached, or other writers were quicker every time.
            PermanentError: the bucket refuses, or holds other bytes under the version's name.
        """
        version = self._local.publish(
            demos, contract_digest=contract_digest, ingest_key=ingest_key, keys=keys
        )
        manifest = version.folder / "manifest.json"
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        for name, facts in files.items():
            self._put_once(self._key(version.digest, name), version.folder / name, facts["digest"])
        digest = file_digest(manifest)
        self._put_once(self._key(version.digest, "manifest.json"), manifest, digest)
        self._point(version.digest, digest)
        return version

    def load(
        self, version: str | DatasetVersion | None = None, *, without_quarantined: bool = False
    ) -> Demonstrations:
        """The demonstrations of a version, fetched where they are not here yet. Arguments as of ``DatasetStore``.

        Raises:
            DataError: there is no such version.
            PermanentError: what lies in the bucket is not what was published.
            TemporaryError: the bucket cannot be reached.
        """
        digest = self._resolve(version)
        if digest not in {v.digest for v in self._local.versions()}:
            self._fetch(digest)
        return self._local.load(digest, without_quarantined=without_quarantined)

    def digests(self) -> tuple[str, ...]:
        """Digests of all versions in the bucket, the oldest first."""
        return tuple(self._index()[0]["versions"])

    @property
    def _local(self) -> DatasetStore:
        return DatasetStore(self.folder)

    def _key(self, digest: str, name: str) -> str:
        return "/".join(p for p in (self.prefix, "versions", digest.removeprefix("sha256:"), name) if p)

    def _resolve(self, version: str | DatasetVersion | None) -> str:
        index, _ = self._index()
        if version is None:
            wanted = str(index["latest"]).removeprefix("sha256:")
        else:
            wanted = (version if isinstance(version, str) else version.digest).removeprefix("sha256:")
        found = [d for d in index["versions"] if wanted and d.removeprefix("sha256:").startswith(wanted)]
        if len(found) != 1:
            raise DataError(
                f"{len(found)} versions in the bucket {self.bucket} begin with {wanted or 'nothing'!r}.",
                hint=f"There are: {', '.join(d[7:19] for d in index['versions']) or 'none'}.",
            )
        return str(found[0])

    def _index(self) -> tuple[dict[str, Any], str]:
        """The index and its tag; an empty one without a tag where there is none."""
        found = self._get("/".join(p for p in (self.prefix, "index.json") if p))
        if found is None:
            return {"schema_version": SCHEMA_VERSION, "latest": "", "versions": {}}, ""
        try:
            index = json.loads(found[0])
            if index["schema_version"] != SCHEMA_VERSION or not isinstance(index["versions"], dict):
                raise ValueError(f"layout {index['schema_version']!r}")
        except (ValueError, KeyError, TypeError) as problem:
            raise PermanentError(
                f"index.json in the bucket {self.bucket} is not an index: {problem}.",
                hint="Restore it from the bucket's own versions.",
            ) from None
        return index, found[1]

    def _point(self, digest: str, manifest: str) -> None:
        """Make a version the latest, whoever else does the same meanwhile."""
        key = "/".join(p for p in (self.prefix, "index.json") if p)
        for _ in range(TRIES):
            index, tag = self._index()
            changed = {**index, "latest": digest, "versions": {**index["versions"], digest: manifest}}
            condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
            if changed == index or self._put(key, json.dumps(changed, indent=1).encode(), condition):
                return
            self.clock.sleep(WAIT_SECONDS)
        raise TemporaryError(
            f"Other writers replaced the index of the bucket {self.bucket} {TRIES} times in a row.",
            hint="Try again; the files of the version are there already.",
        )

    def _put_once(self, key: str, path: Path, digest: str) -> None:
        """The file under its key; one that is there already must have its bytes."""
        with world_errors(f"read {path}"), path.open("rb") as file:
            if self._put(key, file, {"IfNoneMatch": "*"}, digest):
                return
        known = self._call("head_object", Key=key).get("Metadata", {}).get("sha256")
        if known != digest.removeprefix("sha256:"):
            raise PermanentError(
                f"{key} in the bucket {self.bucket} holds other bytes than the version of that name.",
                hint="Somebody wrote there by other means; remove it, or use another prefix.",
            )

    def _put(self, key: str, body: Any, condition: Mapping[str, str], digest: str = "") -> bool:
        """Whether it was written; False where the condition does not hold."""
        about = {"Metadata": {"sha256": digest.removeprefix("sha256:")}} if digest else {}
        return self._call("put_object", absent=TAKEN, Key=key, Body=body, **about, **condition) is not None

    def _get(self, key: str) -> tuple[bytes, str] | None:
        found = self._call("get_object", absent=ABSENT, Key=key)
        return None if found is None else (found["Body"].read(), str(found["ETag"]))

    def _call(self, verb: str, *, absent: tuple[str, ...] = (), **arguments: Any) -> Any:
        """What the bucket answers; None where it says one of ``absent``."""
        faults = importlib.import_module("botocore.exceptions")
        try:
            return getattr(self.client, verb)(Bucket=self.bucket, **arguments)
        except faults.ClientError as problem:
            code = str(problem.response.get("Error", {}).get("Code", ""))
            if code in absent:
                return None
            status = int(problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            kind = TemporaryError if status >= 500 or code == "SlowDown" else PermanentError
            raise kind(
                f"The bucket {self.bucket} refuses {verb} of {arguments['Key']}: {code or status}.",
                hint="Check the name of the bucket, the credentials and what they permit.",
            ) from None
        except faults.BotoCoreError as problem:
            raise TemporaryError(
                f"The bucket {self.bucket} cannot be reached: {problem}.",
                hint="Check address and network, then try again.",
            ) from None

    def _fetch(self, digest: str) -> None:
        """Bring a version into the local store, after every file was compared with its digest."""
        expected = self._index()[0]["versions"][digest]
        building = (
            self.folder / f".fetching-{os.getpid()}"
        )  # another writer here sweeps away what is `.building`
        with world_errors(f"write to {self.folder}"):
            building.mkdir(parents=True)
            try:
                raw = self._file(digest, "manifest.json", expected)
                (building / "manifest.json").write_bytes(raw)
                for name, facts in json.loads(raw)["files"].items():
                    if Path(name).name != name:
                        raise PermanentError(
                            f"The manifest names {name!r}, which is no file name.", hint="Do not use it."
                        )
                    (building / name).write_bytes(self._file(digest, name, facts["digest"]))
                self._local.receive(building, digest)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise

    def _file(self, digest: str, name: str, expected: str) -> bytes:
        found = self._get(self._key(digest, name))
        if found is None or digest_bytes(found[0]) != expected:
            raise PermanentError(
                f"{name} of version {digest[7:19]} in the bucket {self.bucket} "
                f"{'is missing' if found is None else 'was changed'}.",
                hint="It was not used. Publish the version again, or restore the bucket.",
                file=name,
            )
        return found[0]
