"""Two estimates in one table."""

from __future__ import annotations

import math

from telic.reports import compare


def test_estimates_stand_side_by_side_with_gaps_where_one_has_no_such_number():
    table = compare(
        "Trade-offs",
        {
            "first": {"minutes": (3.12, 2.4, 4.03), "churn": (1.5, None, None)},
            "second": {"minutes": (2.9, 2.2, 3.6), "pages": (10.0, 8.0, math.inf)},
        },
        note="One gauge.",
    )
    assert table.columns == ("", "first", "second")
    assert table.rows == (
        ("minutes", "3.1 [2.4, 4.0]", "2.9 [2.2, 3.6]"),
        ("churn", "1.500 (unbounded)", None),
        ("pages", None, "10.0 [8.0, ∞)"),
    )
    assert "minutes  3.1 [2.4, 4.0]  2.9 [2.2, 3.6]" in table.to_text().replace("     3.1", "  3.1")
