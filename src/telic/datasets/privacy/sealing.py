"""Bytes that only the holder of a key can read, and the keys of single people.

AES-256-GCM (NIST SP 800-38D) from the package ``cryptography``, an extra. Each person of a store has a key of their
own, in the private folder and never in the dataset: ``subjects/<store>/<subject>.key``. Subject is an HMAC of the
pseudonym under the contract's secret key, so that file names and manifests name nobody. Destroying the key makes every
sealed byte of that person unreadable, in every version and in every copy of the dataset folder.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telic.errors import PermanentError, SettingsError, world_errors
from telic.storage.files import sync_folder

from .private_folder import SecretKey, new_secret, private_folder, read_secret

__all__ = ["OVERHEAD", "SubjectKeys", "key_id", "seal", "unseal"]

MAGIC = b"telic sealed 1\n"
NONCE_BYTES = 12
"""Of a random nonce: one key seals far fewer than the 2^32 messages that random nonces allow."""

OVERHEAD = len(MAGIC) + NONCE_BYTES + 16
"""Bytes by which what is sealed is longer: the last 16 tell whether it was changed."""


@dataclass(frozen=True)
class SubjectKeys:
    """The keys of the people of one store.

    Attributes:
        store: id of the store.
        task: name of the task.
        secret: the contract's key; None: keys can be used and destroyed, but nobody can be looked up.
        listed: observations whose labels the contract lists, so that they say nothing about anybody.
    """

    store: str
    task: str = ""
    secret: SecretKey | None = field(default=None, repr=False)
    listed: frozenset[str] = frozenset()

    @property
    def folder(self) -> Path:
        """Where the keys lie."""
        return private_folder() / "subjects" / self.store

    def subject(self, pseudonym: str) -> str:
        """What stands for a person in manifests, file names and records.

        Args:
            pseudonym: of the person, as in the dataset.
        """
        assert self.secret is not None, "the contract refuses to encrypt without a key"
        return self.secret.digest(self.task, "subject", pseudonym)[:32]

    def made(self, subject: str) -> bytes:
        """The key of a person, made where there is none."""
        if not self.path(subject).exists():
            new_secret(self.path(subject))
        return read_secret(self.path(subject))

    def found(self, subject: str) -> bytes | None:
        """The key of a person, or None where there is none (any more)."""
        return read_secret(self.path(subject)) if self.path(subject).exists() else None

    def destroy(self, subject: str) -> None:
        """The key is gone from this folder: overwritten, forced to the disk, removed.

        What a file system or a disk keeps of old blocks, and what backups hold, is beyond this.

        Args:
            subject: whose key.
        """
        path = self.path(subject)
        with world_errors(f"destroy {path}"):
            with path.open("r+b") as file:
                size = os.fstat(file.fileno()).st_size
                for content in (secrets.token_bytes(size), bytes(size)):
                    file.seek(0)
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            path.unlink()
            sync_folder(path.parent)

    def path(self, subject: str) -> Path:
        """The file of a key."""
        return self.folder / f"{subject}.key"


def key_id(key: bytes) -> str:
    """What a record says of a key: its SHA-256, by which a key that turns up later can be recognised."""
    return hashlib.sha256(b"telic subject key" + key).hexdigest()[:32]


def seal(content: bytes | memoryview, key: bytes, about: str) -> bytes:
    """The content, encrypted and bound to what it is about.

    Args:
        content: any bytes.
        key: 32 bytes.
        about: must be said again to read it, so that parts cannot be exchanged for one another.

    Raises:
        SettingsError: the extra ``privacy`` is not installed.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    return MAGIC + nonce + bytes(_cipher(key).encrypt(nonce, content, about.encode()))


def unseal(sealed: bytes, key: bytes, about: str) -> bytes:
    """The content again.

    Args:
        sealed: of ``seal``.
        key: the same.
        about: the same.

    Raises:
        PermanentError: the bytes were changed, or key or place are others.
    """
    head = len(MAGIC) + NONCE_BYTES
    cipher = _cipher(key)
    refused: type[Exception] = importlib.import_module("cryptography.exceptions").InvalidTag
    try:
        return bytes(cipher.decrypt(sealed[len(MAGIC) : head], sealed[head:], about.encode()))
    except (refused, ValueError):
        raise PermanentError(
            f"Sealed rows cannot be read ({about}): the bytes, or the key, are not those of the sealing.",
            hint="Restore the version and the private folder from one backup, or ingest again.",
        ) from None


def _cipher(key: bytes) -> Any:
    try:
        aead: Any = importlib.import_module("cryptography.hazmat.primitives.ciphers.aead")
    except ModuleNotFoundError:
        raise SettingsError(
            "Rows that can be erased by person are encrypted with the package `cryptography`, which is not installed.",
            hint="Install telic with its extra `privacy`: pip install 'telic[privacy]'.",
        ) from None
    return aead.AESGCM(key)
