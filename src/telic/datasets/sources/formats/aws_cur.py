"""Cost and Usage Report 2.0 of AWS Data Exports: CSV or Parquet, one row a line item.

A line item covers ``[line_item_usage_start_date, line_item_usage_end_date)``; ``period_seconds`` is its length. The
report names no corrections; ``is_refund`` marks what is one in it: line items of type ``Refund`` and those of a
refund bill. A bill is written again until it is final, each time with other ``identity_line_item_id``: read one
delivery, not two.
Keys of ``product``, ``resource_tags``, ``cost_category`` and ``discount`` become ``product.key``.

References: AWS Data Exports user guide, COST_AND_USAGE_REPORT table dictionary.
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
    "bill_bill_type": "Anniversary, Purchase or Refund",
    "line_item_line_item_type": "Usage, Tax, Fee, Credit, Refund, ...",
    "line_item_usage_start_date": "begin of the line item's period, inclusive, UTC",
    "line_item_usage_end_date": "end of the line item's period, exclusive, UTC",
    "line_item_unblended_cost": "cost, in line_item_currency_code",
}
"""Columns that the rows cannot be read without."""


def _tables(source: SourceFile, columns: Sequence[str] | None) -> Iterator[pa.Table]:
    def refuse(present: Sequence[str], lacking: list[str]) -> DataError:
        if any("/" in name for name in present):
            hint = "Its columns are written group/Name: a legacy report. Create an export of CUR 2.0 in Data Exports."
        else:
            hint = "Name them in the export's query: it gives the columns that were selected and no others."
        return DataError(f"{source.name} lacks the columns {', '.join(lacking)} of CUR 2.0.", hint=hint)

    def more(piece: pa.Table, rows: RowNames) -> pa.Table:
        seconds = period_seconds(piece, "line_item_usage_start_date", "line_item_usage_end_date", rows)
        kinds = [piece[name].cast(pa.string()) for name in ("bill_bill_type", "line_item_line_item_type")]
        refunds = pc.or_(*(pc.fill_null(pc.equal(kind, "Refund"), False) for kind in kinds))
        return piece.append_column("period_seconds", seconds).append_column("is_refund", refunds)

    yield from billing_tables(
        source,
        columns,
        needed=list(COLUMNS),
        maps=("product", "resource_tags", "cost_category", "discount"),
        refuse=refuse,
        more=more,
    )


FORMAT = EventFormat(
    name="aws-cur",
    title="AWS Cost and Usage Report 2.0, CSV or Parquet",
    columns={
        **COLUMNS,
        "period_seconds": "length of the line item's period, seconds",
        "is_refund": "whether the row gives money back for an earlier one",
    },
    tables=_tables,
)
