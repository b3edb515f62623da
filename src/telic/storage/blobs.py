"""A folder of contents by their digest: the same bytes twice are one file, and what is read is checked.

Law: ``store.get(store.put(x)) == x``, and the digest is that of the bytes alone, so two stores agree.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from telic.errors import PermanentError, world_errors

from .files import Content, file_digest, sync_folder, write_beside

__all__ = ["BlobStore"]

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
"""The one form of a digest; anything else could name a file outside the store."""


@dataclass(frozen=True)
class BlobStore:
    """Contents by digest, two levels of folders deep so that no folder grows too long.

    Attributes:
        folder: where the blobs are; made at the first ``put``.
    """

    folder: Path

    def put(self, content: Content) -> str:
        """The digest of the content, after it is in the store whole.

        Args:
            content: the bytes, or a function that writes them into the open binary file it is given.

        Raises:
            TemporaryError: the disk is full; the store is as before.
        """
        if isinstance(content, bytes):
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            if self.has(digest) and file_digest(self.path(digest)) == digest:
                return digest
        with world_errors(f"store a blob in {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = write_beside(self.folder / "blob", content)
            try:
                digest = file_digest(partial)
                target = self.path(digest)
                target.parent.mkdir(parents=True, exist_ok=True)
                partial.replace(target)  # a damaged twin is repaired by this, a good one stays the same
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
            sync_folder(target.parent)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of a digest.

        Raises:
            PermanentError: there is no such blob, or its bytes are no longer those of its digest.
        """
        path = self.path(digest)
        with world_errors(f"read blob {digest}"):
            if not path.is_file():
                raise self._missing(digest)
            content = path.read_bytes()
        self._compare(digest, "sha256:" + hashlib.sha256(content).hexdigest())
        return content

    def verify(self, digest: str) -> Path:
        """The file of a blob, after its bytes were compared with the digest (for readers that need a path).

        Raises:
            PermanentError: there is no such blob, or its bytes are no longer those of its digest.
        """
        path = self.path(digest)
        if not path.is_file():
            raise self._missing(digest)
        self._compare(digest, file_digest(path))
        return path

    def has(self, digest: str) -> bool:
        """True when the store holds a blob of that digest (unread, so perhaps damaged)."""
        return self.path(digest).is_file()

    def path(self, digest: str) -> Path:
        """Where the blob of a digest is, or would be.

        Raises:
            PermanentError: it is not a digest.
        """
        if not DIGEST.fullmatch(digest):
            raise PermanentError(
                f"Expected a digest 'sha256:' and 64 hexadecimal digits, got {digest!r}.",
                hint="Take digests from a manifest, not from file names.",
            )
        name = digest.removeprefix("sha256:")
        return self.folder / name[:2] / name

    def digests(self) -> Iterator[str]:
        """Every digest in the store, in order."""
        return (f"sha256:{path.name}" for path in sorted(self.folder.glob("??/*")))

    def _missing(self, digest: str) -> PermanentError:
        return PermanentError(
            f"No blob {digest} in {self.folder}.",
            hint="It was never stored here, or the folder was cleaned; ingest the source again.",
            digest=digest,
        )

    def _compare(self, wanted: str, found: str) -> None:
        if wanted != found:
            raise PermanentError(
                f"Blob {wanted} in {self.folder} is corrupt: its bytes have digest {found}.",
                hint="Restore it from a backup or ingest the source again; the damaged file was not used.",
                digest=wanted,
                found=found,
            )
