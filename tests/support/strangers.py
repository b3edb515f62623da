"""Five logs that nobody prepared for telic, each written the way that some tool exports it, all seeded.

They share nothing: subject, language, format, encoding, separators, decimal marks and ways of writing a time
differ; some columns are noise, some are identifiers, some values are missing. ``FILES`` says how each is made
and which lines of the drafted contract its owner would correct.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["CALLS", "FILES", "Stranger"]

START = dt.datetime(2023, 10, 2, 7, 30)

CALLS = {"mood": 0.9, "callbacks": 0.45, "call back": -2.6, "escalate": -3.4}
"""What the staff of the call centre weigh: a point of bad mood, an earlier callback, and either step."""


class Stranger(NamedTuple):
    """A log, and what its owner would change in the draft (at most five lines)."""

    make: Callable[[Path], Path]
    edits: tuple[tuple[str, str], ...]
    action: str
    actions: tuple[str, ...]
    trajectories: int


def drawn(g: np.random.Generator, utility: list[float]) -> int:
    """One index with probability in proportion to exp(utility)."""
    weights = np.exp(np.asarray(utility) - max(utility))
    return int(g.choice(len(weights), p=weights / weights.sum()))


def brewery(folder: Path) -> Path:
    """Parquet as a plant historian writes it: zoned nanoseconds, dictionaries, float32, gaps in a probe."""
    g = np.random.default_rng(101)
    rows = []
    for batch in range(36):
        warmth, gravity = 18.0, 1.052
        when = START + dt.timedelta(hours=9 * batch)
        yeast = ["ale", "lager", "saison"][batch % 3]
        target = {"ale": 19.0, "lager": 12.0, "saison": 23.0}[yeast]
        for _ in range(60):
            too_warm = warmth - target
            valve = drawn(g, [0.0, 0.5 * too_warm - 0.4, 0.9 * too_warm - 2.0])
            rows.append(
                {
                    "ts_utc": when,
                    "batch_code": f"B-{2300 + batch}",
                    "yeast": yeast,
                    "wort_temp_c": np.float32(round(warmth, 2)),
                    "gravity_sg": None if g.random() < 0.03 and gravity < 1.05 else round(gravity, 4),
                    "probe_serial": "PT100-7781",
                    "glycol_valve": ["shut", "trickle", "open"][valve],
                }
            )
            warmth += 0.5 * (gravity > 1.02) - [0.0, 0.6, 1.4][valve] + g.normal(0, 0.2)
            gravity = max(1.010, gravity - 0.0008 - 0.0001 * g.random())
            when += dt.timedelta(hours=2)
    table = pa.Table.from_pylist(rows)
    times = table["ts_utc"].cast(pa.timestamp("ns")).cast(pa.timestamp("ns", "UTC"))
    table = table.set_column(0, "ts_utc", times)
    table = table.set_column(2, "yeast", table["yeast"].combine_chunks().dictionary_encode())
    path = folder / "historian export.parquet"
    pq.write_table(table, path)
    return path


def call_centre(folder: Path) -> Path:
    """German spreadsheet export: Windows letters, semicolons, decimal commas, quoted text with semicolons."""
    g = np.random.default_rng(102)
    sheet = io.StringIO()
    writer = csv.writer(sheet, delimiter=";", lineterminator="\r\n")
    writer.writerow(
        [
            "Vorgang",
            "Beginn am",
            "Bearbeiter/in",
            "Stimmung (0-4)",
            "Rückrufe bisher",
            "Wartezeit Minuten",
            "Notiz",
            "Entscheidung",
        ]
    )
    for case in range(420):
        when = START + dt.timedelta(minutes=17 * case)
        callbacks, who = 0, ["Özdemir", "Groß", "Lindner", "Jäger"][case % 4]
        for _ in range(int(g.integers(3, 8))):
            mood, waiting = int(g.integers(0, 5)), float(g.gamma(2, 3))
            urge = CALLS["mood"] * mood + CALLS["callbacks"] * callbacks
            step = drawn(g, [0.0, urge + CALLS["call back"], urge + CALLS["escalate"]])
            note = f"Kd. sagt: {g.integers(1_000_000)}; bitte prüfen" if g.random() < 0.5 else ""
            minutes = f"{waiting:.1f}".replace(".", ",")
            moment = when.strftime("%d.%m.%Y %H:%M:%S")
            label = ["weiter", "Rückruf", "eskalieren"][step]
            writer.writerow(
                [f"V{case:05d}", moment, who, mood, callbacks, minutes, note, label],
            )
            callbacks = min(callbacks + int(g.random() < 0.4), 4)
            when += dt.timedelta(minutes=int(g.integers(2, 50)), seconds=int(g.integers(60)))
    path = folder / "Vorgänge KW40.csv"
    path.write_bytes(sheet.getvalue().encode("cp1252"))
    return path


def parking(folder: Path) -> Path:
    """Compressed CSV of an API: milliseconds since 1970, the action is an amount, newest rows first."""
    g = np.random.default_rng(103)
    start = 1_696_204_800_000
    rows = []
    for garage in ("north", "harbour", "arena", "mall", "station", "museum"):
        full = 50.0
        for hour in range(400):
            event = bool(g.random() < 0.15)
            level = drawn(g, [0.0, full / 25 - 2.2, full / 14 - 5.2 + event])
            price = [150, 250, 400][level]
            rows.append(
                [start + 3_600_000 * hour, garage, f"{full:.1f}", str(event).lower(), 12 + hour % 24, price]
            )
            full = float(np.clip(full + g.normal(4 + 12 * event, 6) - [0, 6, 14][level], 0, 100))
    rows.sort(key=lambda row: -row[0])
    lines = ["epoch_ms,garage,occupancy_pct,event_nearby,api_latency_ms,tariff_cents"]
    lines += [",".join(map(str, row)) for row in rows]
    path = folder / "prices.csv.gz"
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
    return path


def physiotherapy(folder: Path) -> Path:
    """JSON lines of an app: nested keys, times with two offsets (summer and winter), nulls, no line end."""
    g = np.random.default_rng(104)
    lines = []
    for patient in range(70):
        pain = int(g.integers(3, 9))
        for day in range(20):
            when = dt.datetime(2023, 10, 10, 8, 5) + dt.timedelta(days=2 * day, minutes=patient)
            offset = "+02:00" if when < dt.datetime(2023, 10, 29, 3) else "+01:00"
            adherence = None if g.random() < 0.04 and day else round(float(g.beta(5, 2)), 2)
            level = drawn(g, [0.0, 1.6 - 0.35 * pain, 3.0 - 0.8 * pain + (adherence or 0.5)])
            lines.append(
                json.dumps(
                    {
                        "patient": {"id": f"{patient * 7919 + 10_000:x}", "sex": "fm"[patient % 2]},
                        "visited_at": when.isoformat() + offset,
                        "therapist": ["mo", "kai", "jo"][patient % 3],
                        "pain_score": pain,
                        "adherence_ratio": adherence,
                        "prescribed": {"exercise": ["rest", "band", "weights"][level]},
                    },
                )
            )
            pain = int(np.clip(pain + g.integers(-1, 2) - (level == 1) + (level == 2), 0, 10))
    path = folder / "visits.ndjson"
    path.write_text("\n".join(lines))
    return path


def markdowns(folder: Path) -> Path:
    """US retail, tabs and a byte-order mark: unpadded dates with AM and PM, percent signs, money, totals."""
    g = np.random.default_rng(105)
    lines = ["Store #\tDate\tOn Hand\tDays Left\tSell Thru\tList Price\tMarkdown"]
    for store in range(101, 131):
        stock, left = 90, 14
        for day in range(42):
            when = START + dt.timedelta(days=day)
            moment = f"{when.month}/{when.day}/{when.year} {when.hour % 12 or 12}:{when.minute:02d} AM"
            urge = stock / 30 - left / 4
            cut = drawn(g, [0.0, urge - 0.5, 1.3 * urge - 2.5])
            price = f"${g.integers(900, 1600):,}.99"
            lines.append(
                f"{store}\t{moment}\t{stock}\t{left}\t{g.integers(5, 95)}%\t{price}"
                f"\t{['none', '10% off', '25% off'][cut]}"
            )
            stock -= int(g.poisson([3, 6, 11][cut]))
            left -= 1
            if left == 0 or stock <= 0:
                stock, left = int(g.integers(70, 110)), 14
            stock = max(stock, 0)
    path = folder / "markdowns.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + ("\n".join(lines) + "\n").encode())
    return path


FILES = {
    "brewery": Stranger(
        brewery,
        (
            ("domain: operations", "domain: business"),
            ("discount: 0.95", "discount: 0.9"),
            (
                "{name: wort_temp_c, expression: wort_temp_c,",
                "{name: off_target, expression: \"abs(wort_temp_c - (19 if yeast == 'ale' else 12 if yeast =="
                " 'lager' else 23))\",",
            ),
            ("gravity_sg_when_acting, expression", "young_beer_chilled, expression"),
        ),
        action="glycol_valve",
        actions=("open", "shut", "trickle"),
        trajectories=36,
    ),
    "call centre": Stranger(
        call_centre,
        (
            ("{name: Stimmung_0_4_when_acting", "{name: mood"),
            ("{name: Rückrufe_bisher_when_acting", "{name: callbacks"),
            ("{name: Rückruf,", "{name: call_back,"),
            ("{name: eskalieren,", "{name: escalate,"),
        ),
        action="Entscheidung",
        actions=("Rückruf", "eskalieren", "weiter"),
        trajectories=420,
    ),
    "parking": Stranger(
        parking,
        (("domain: operations", "domain: business"),),
        action="tariff_cents",
        actions=("150", "250", "400"),
        trajectories=6,
    ),
    "physiotherapy": Stranger(
        physiotherapy,
        (
            ("domain: operations", "domain: medical"),
            ("expression: pain_score,", "expression: pain_score ** 2,"),
        ),
        action="prescribed.exercise",
        actions=("band", "rest", "weights"),
        trajectories=70,
    ),
    "markdowns": Stranger(
        markdowns,
        (
            ("{name: x_10_off", "{name: small_cut"),
            ("{name: x_25_off", "{name: large_cut"),
            ("{name: On_Hand, expression: On_Hand", "{name: stock, expression: On_Hand"),
        ),
        action="Markdown",
        actions=("10% off", "25% off", "none"),
        trajectories=30,
    ),
}
"""The five, by subject."""
