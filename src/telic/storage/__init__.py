"""The only code below the edges that touches the disk: whole files or none, blobs by digest, locks."""

from .blobs import BlobStore
from .files import atomic_write, file_digest
from .locks import FileLock

__all__ = ["BlobStore", "FileLock", "atomic_write", "file_digest"]
