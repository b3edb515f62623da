"""What a person reads: findings, tables, figures, reports and the outcome of a computation."""

from .comparison import compare
from .document import Figure, Report, Section, Table
from .finding import Finding, Severity
from .outcome import Outcome
from .provenance import Provenance

__all__ = ["Figure", "Finding", "Outcome", "Provenance", "Report", "Section", "Severity", "Table", "compare"]
