"""Write ``pm4py.xes``: three cases of three activities, by pm4py 2.7.23 (``python write_xes.py pm4py.xes``)."""

import sys
from datetime import datetime, timedelta, timezone

import pandas as pd
import pm4py

rows = [
    {
        "case:concept:name": f"case {c}",
        "concept:name": activity,
        "time:timestamp": datetime(2026, 3, 1, 10, c * 5 + i, 0, 123000, tzinfo=timezone(timedelta(hours=1))),
        "org:resource": ["ana", "bo"][i % 2],
        "cost": 10 * i + c,
        "share": 0.5 * i,
        "urgent": i == 1,
        "case:amount": 100.5 + c,
    }
    for c in range(3)
    for i, activity in enumerate(["register", "check", "decide"])
]
pm4py.write_xes(pd.DataFrame(rows), sys.argv[1], case_id_key="case:concept:name")
