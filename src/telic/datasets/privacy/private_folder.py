"""The private folder: secret keys and lists of names, outside every project, readable by its owner alone.

``TELIC_PRIVATE`` names it; else it is ``telic/private`` in ``XDG_CONFIG_HOME`` (``~/.config``). Folders are made with
mode 0700 and files with 0600; a key that others may read is refused, for it may be known already. Nothing here is
ever copied into a dataset, a report, a digest or a log: what stands for a key there is its id, an HMAC under the key
itself, from which the key cannot be computed.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from telic.errors import DataError, PermanentError, world_errors

__all__ = ["SecretKey", "names_of", "new_secret", "private_folder", "read_secret", "secret_key"]

KEY_BYTES = 32
"""256 bits: as long as the digest of the HMAC."""

ID_DIGITS = 16


@dataclass(frozen=True)
class SecretKey:
    """A key in memory; it is not shown where the object is.

    Attributes:
        raw: the secret bytes.
        is_new: whether this call made it.
    """

    raw: bytes = field(repr=False)
    is_new: bool = False

    @property
    def id(self) -> str:
        """What may be stored in place of the key: the same for the same key, and no help in finding it."""
        return hmac.new(self.raw, b"telic key id", hashlib.sha256).hexdigest()[:ID_DIGITS]

    def digest(self, *parts: str) -> str:
        """64 hexadecimal digits: HMAC-SHA256 of the parts under the key.

        Args:
            parts: texts, at least one; each is preceded by its length, so that no two lists give the same message.
        """
        *first, last = parts
        return self.digests(*first)(last)

    def digests(self, *parts: str) -> Callable[[str], str]:
        """From a last part to ``digest(*parts, last)``; the others are hashed once for all of them.

        Args:
            parts: texts that come first.
        """
        begun = hmac.new(self.raw, b"".join(map(_with_length, parts)), hashlib.sha256)

        def digest(last: str) -> str:
            whole = begun.copy()
            whole.update(_with_length(last))
            return whole.hexdigest()

        return digest


def _with_length(part: str) -> bytes:
    raw = part.encode()
    return len(raw).to_bytes(8, "big") + raw


def private_folder() -> Path:
    """Where secrets lie; not made by asking."""
    named = os.environ.get("TELIC_PRIVATE")
    if named:
        return Path(named).expanduser()
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path.home() / ".config") / "telic" / "private"


def secret_key(name: str) -> SecretKey:
    """The key of this name; made where there is none.

    Args:
        name: ``privacy.key`` of the contract.

    Raises:
        PermanentError: others may read the file, or it holds no key.
    """
    path = private_folder() / f"{name}.key"
    is_new = not path.exists() and new_secret(path)
    return SecretKey(read_secret(path), is_new)


def new_secret(path: Path) -> bool:
    """Whether a new key was written; False where another process was faster.

    The file appears whole, with mode 0600, or not at all.

    Args:
        path: of the key.
    """
    with world_errors(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(KEY_BYTES) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(partial, path)  # unlike a rename, this never replaces a key that is there
                return True
        finally:
            partial.unlink()
    return False


def read_secret(path: Path) -> bytes:
    """The bytes of a key.

    Raises:
        PermanentError: there is none, others may read it, or it is damaged.
    """
    with world_errors(f"read {path}"):
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="ascii", errors="replace").strip()
    if mode & 0o077:
        raise PermanentError(
            f"The secret key {path} may be read by others (mode {mode:o}).",
            hint=f"If nobody has read it: chmod 600 {path}",
        )
    if len(text) != 2 * KEY_BYTES or not all(c in "0123456789abcdef" for c in text):
        raise PermanentError(
            f"{path} holds no key: expected {2 * KEY_BYTES} hexadecimal digits, got {len(text)} characters.",
            hint="Restore it from a backup; with another key, people get other pseudonyms.",
        )
    return bytes.fromhex(text)


def names_of(stated: str) -> tuple[str, ...]:
    """The names of a list, one a line; lines that begin with ``#`` do not count.

    Args:
        stated: ``privacy.names`` of the contract: NAME for ``NAME.names`` in the private folder, or a path.

    Raises:
        PermanentError: there is no such file.
        DataError: it holds no names.
    """
    is_path = "/" in stated or stated.startswith("~") or stated.endswith((".txt", ".names"))
    path = Path(stated).expanduser() if is_path else private_folder() / f"{stated}.names"
    with world_errors(f"read the names of `privacy.names` in {path}"):
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    found = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not found:
        raise DataError(
            f"{path} holds no names.", hint="Write one name a line, or leave `privacy.names` out."
        )
    return found
