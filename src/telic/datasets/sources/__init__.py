"""Reading logs by contract: CSV, JSON lines and Parquet to demonstrations, one source a file."""

from .ingestion import ingest, read_demonstrations

__all__ = ["ingest", "read_demonstrations"]
