"""Cost and Usage Report 2.0: line items laid out as its table dictionary says (no account was used)."""

from __future__ import annotations

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

HEADER = (
    "bill_bill_type,line_item_line_item_type,line_item_product_code,line_item_resource_id,line_item_unblended_cost,"
    "line_item_usage_end_date,line_item_usage_start_date,product,resource_tags"
)

CONTRACT = {
    "identity": {"task": "spending"},
    "observations": [
        {"name": "cost", "column": "line_item_unblended_cost"},
        {"name": "refund", "column": "is_refund", "type": "boolean"},
        {"name": "seconds", "column": "period_seconds"},
    ],
    "actions": {"column": "product.instance_type", "values": ["m5.large", "m5.xlarge"]},
    "data": {
        "format": "aws-cur",
        "trajectory": ["line_item_resource_id"],
        "time": "line_item_usage_start_date",
    },
}


def item(
    hour: int, size: str, cost: float, bill: str = "Anniversary", kind: str = "Usage", hours: int = 1
) -> str:
    product = f'"{{""instance_type"":""{size}"",""region"":""eu-west-1""}}"'
    end, start = f"2026-03-01T{hour + hours:02}:00:00.000Z", f"2026-03-01T{hour:02}:00:00.000Z"
    return f"{bill},{kind},AmazonEC2,i-1,{cost},{end},{start},{product},"


ROWS = [
    item(10, "m5.large", 0.096),
    item(11, "m5.xlarge", 0.192),
    item(12, "m5.xlarge", -0.192, "Refund", "Usage"),
    item(13, "m5.large", -0.1, kind="Refund"),
    item(14, "m5.large", 5, kind="Fee", hours=0),
]


def written(tmp_path, rows, header: str = HEADER):
    path = tmp_path / "cur.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_refunds_are_kept_and_marked_and_maps_are_columns(tmp_path):
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), written(tmp_path, ROWS))
    assert demos.actions.tolist() == [0, 1, 1, 0, 0]
    assert demos.observations["refund"].tolist() == [False, False, True, True, False]
    assert demos.observations["seconds"].tolist() == [3600.0] * 4 + [0.0]
    assert demos.observations["cost"].tolist() == [0.096, 0.192, -0.192, -0.1, 5.0]


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (
            ROWS,
            HEADER.replace("line_item_usage", "lineItem/Usage"),
            r"lacks the columns .*\n?.*legacy report",
        ),
        (ROWS, HEADER.replace("bill_bill_type", "x"), r"lacks the columns bill_bill_type of CUR 2\.0"),
        ([*ROWS, item(15, "m5.large", 1, hours=-2)], HEADER, r"end before they begin; 1 do: cur\.csv line 7"),
    ],
)
def test_another_report_is_refused(tmp_path, rows, header, message):
    with pytest.raises(DataError, match=message):
        read_demonstrations(TaskContract.from_mapping(CONTRACT), written(tmp_path, rows, header))


def test_a_header_with_an_endless_name_is_refused(tmp_path):
    """The name at the end is cut off where the header is looked at."""
    path = written(
        tmp_path, [item(10, "m5.large", 0.096) + ",1"], header=HEADER.rstrip("\n") + "," + "x" * 70_000
    )
    with pytest.raises(DataError, match="no column of the name that its header begins with"):
        list(event_format("aws-cur").tables(source_file(path, "aws-cur"), None))
