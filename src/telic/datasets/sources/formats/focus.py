"""Billing data of the FinOps Open Cost and Usage Specification (FOCUS) 1.0 to 1.2: CSV or Parquet, one row a charge.

A charge covers ``[ChargePeriodStart, ChargePeriodEnd)``; ``period_seconds`` is its length. A row with ``ChargeClass``
``Correction`` changes what an earlier bill said: it is kept, and ``is_correction`` marks it, because sums of money
need it while a count of decisions must not. Keys of ``Tags`` become ``Tags.key``.

References: FOCUS 1.2, columns ChargePeriodStart, ChargePeriodEnd, ChargeClass, Tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from telic.datasets.sources.billing_tables import billing_tables, period_seconds
from telic.datasets.sources.event_format import EventFormat
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.rows import RowNames
from telic.errors import DataError

__all__ = ["FORMAT"]

COLUMNS = {
    "ChargePeriodStart": "begin of the charge's period, inclusive, UTC",
    "ChargePeriodEnd": "end of the charge's period, exclusive, UTC",
    "ChargeCategory": "Usage, Purchase, Tax, Credit or Adjustment",
    "ChargeClass": "Correction of an earlier bill, or missing",
    "BilledCost": "what is invoiced, in BillingCurrency",
    "EffectiveCost": "cost after discounts and amortisation, in BillingCurrency",
    "BillingCurrency": "currency of the bill",
}
"""Columns that every version from 1.0 on must have and that the rows cannot be read without."""


def _tables(source: SourceFile, columns: Sequence[str] | None) -> Iterator[pa.Table]:
    def refuse(present: Sequence[str], lacking: list[str]) -> DataError:
        if "ChargeClass" in lacking and "ChargePeriodStart" in present:
            hint = (
                "Before 1.0, FOCUS had no ChargeClass and no telling which rows are corrections: export 1.2."
            )
        else:
            hint = "Is it a FOCUS export? AWS writes it from the table FOCUS_1_2_AWS; CUR 2.0 is the format aws-cur."
        return DataError(f"{source.name} lacks the columns {', '.join(lacking)} of FOCUS.", hint=hint)

    def more(piece: pa.Table, rows: RowNames) -> pa.Table:
        seconds = period_seconds(piece, "ChargePeriodStart", "ChargePeriodEnd", rows)
        corrects = pc.fill_null(pc.equal(piece["ChargeClass"].cast(pa.string()), "Correction"), False)
        return piece.append_column("period_seconds", seconds).append_column("is_correction", corrects)

    yield from billing_tables(
        source, columns, needed=list(COLUMNS), maps=("Tags", "SkuPriceDetails"), refuse=refuse, more=more
    )


FORMAT = EventFormat(
    name="focus",
    title="FOCUS 1.0 to 1.2 billing data, CSV or Parquet",
    columns={
        **COLUMNS,
        "period_seconds": "length of the charge's period, seconds",
        "is_correction": "whether the row corrects an earlier bill",
    },
    tables=_tables,
)
