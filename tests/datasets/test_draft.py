"""Drafts of five unrelated made-up files: valid, usable at once, and right after at most five edited lines.

The files differ in subject, language, separators, decimal marks, encodings, ways of writing a time, and in whether a
column names the trajectories. They are made here by seeded code.
"""

import csv
import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from telic.datasets import draft_contract, parse_contract, read_demonstrations
from telic.datasets.drafting import head as head_module
from telic.errors import DataError, PermanentError

START = dt.datetime(2024, 3, 4, 6, 0)


def choose(g, utility):
    """One index a row, with probabilities in proportion to exp(utility)."""
    p = np.exp(utility - utility.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return (g.random(len(p))[:, None] > np.cumsum(p, axis=1)).sum(axis=1).clip(0, p.shape[1] - 1)


def thermostat(folder):
    """English CSV, ISO times, one building: nothing names a trajectory."""
    g = np.random.default_rng(1)
    n = 40 * 48
    outside = 5 + 6 * np.sin(np.arange(n) / 48 * 2 * np.pi) + g.normal(0, 1, n)
    inside = 18 + g.normal(0, 2, n)
    home = g.random(n) < 0.6
    act = choose(
        g, np.stack([np.zeros(n), (20 - inside) * 0.5 * home - 0.3, (20 - inside) * 0.9 * home - 1], axis=1)
    )
    lines = ["Timestamp,indoor_temp_c,outdoor_temp_c,occupied,meter_serial,heater_setting,entered_by"]
    for i in range(n):
        when = (START + dt.timedelta(minutes=30 * i)).isoformat()
        who = ["kim", "lee"][(i // 48) % 2]
        cells = [when, f"{inside[i]:.1f}", f"{outside[i]:.1f}", "yes" if home[i] else "no", "X-77"]
        lines.append(",".join([*cells, ["off", "eco", "full"][act[i]], who]))
    path = folder / "building 7 log.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def tickets(folder):
    """JSON lines with nested keys, milliseconds since 1970, several steps a ticket."""
    g = np.random.default_rng(2)
    path = folder / "tickets.jsonl"
    with path.open("w") as file:
        for t in range(300):
            when = 1_709_500_000_000 + t * 900_000
            for _ in range(int(g.integers(3, 8))):
                wait, urgent, backlog = float(g.gamma(2, 10)), bool(g.random() < 0.3), int(g.integers(0, 30))
                act = int(choose(g, np.array([[0.0, wait / 20 + urgent, backlog / 10 - 1]]))[0])
                row = {
                    "ticket": f"T-{t:05d}",
                    "at": when,
                    "agent": f"agent {t % 5}",
                    "wait_minutes": round(wait, 1),
                    "urgent": urgent,
                    "queue": {"length": backlog, "tier": ["gold", "basic"][t % 2]},
                    "subject": f"free text {g.integers(1_000_000_000)}",
                    "routed_to": ["stay", "expert", "bot"][act],
                }
                file.write(json.dumps(row) + "\n")
                when += int(g.integers(60_000, 600_000))
    return path


def irrigation(folder):
    """Spanish, semicolons, decimal commas, day/month/year, parcels interleaved in time."""
    g = np.random.default_rng(3)
    lines = ["Fecha;Parcela;Operador;Humedad suelo pct;Lluvia mm;Temp máx C;Riego"]
    for day in range(120):
        for parcel in ("Norte", "Sur", "Este", "Oeste", "Ribera", "Loma"):
            wet, rain, hot = g.uniform(5, 60), max(0.0, g.normal(-2, 4)), g.uniform(15, 40)
            act = int(
                choose(
                    g, np.array([[0.0, (30 - wet) / 10 - rain / 4, (25 - wet) / 8 + (hot - 30) / 10 - 1]])
                )[0]
            )
            cells = [
                (START + dt.timedelta(days=day)).strftime("%d/%m/%Y"),
                parcel,
                ["Eva", "Luis", "Pau"][day % 3],
            ]
            cells += [f"{v:.1f}".replace(".", ",") for v in (wet, rain, hot)] + [
                ["no", "corto", "largo"][act]
            ]
            lines.append(";".join(cells))
    path = folder / "riego.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_runs(folder):
    """Parquet, timestamps, missing values, an end marked by a flag."""
    g = np.random.default_rng(4)
    rows = []
    for pr in range(4000, 4250):
        when, n = START + dt.timedelta(hours=3 * (pr - 4000)), int(g.integers(2, 8))
        for i in range(n):
            files, flaky, minutes = int(g.integers(1, 60)), float(g.beta(2, 20)), float(g.gamma(2, 8))
            act = int(choose(g, np.array([[0.0, files / 20, files / 12 - minutes / 15]]))[0])
            rows.append(
                {
                    "pr_number": pr,
                    "created_at": when,
                    "author": f"dev{pr % 7}",
                    "files_changed": files,
                    "flaky_rate": None if i and g.random() < 0.05 else flaky,
                    "queue_minutes": round(minutes, 2),
                    "command_sent": ["smoke", "unit", "full"][act],
                    "command_id": act + 17,
                    "closed": i == n - 1,
                }
            )
            when += dt.timedelta(minutes=int(g.integers(5, 300)))
    path = folder / "ci.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


test_runs.__test__ = False


def pharmacy(folder):
    """German, Windows encoding, tabs, decimal commas, day.month.year, an amount as the action."""
    g = np.random.default_rng(5)
    lines = ["lfd Nr\tDatum\tFiliale\tApotheker\tLagerbestand Stück\tNachfrage Stück\tPreis EUR\tBestellung"]
    i = 0
    for shop in [f"Straße {k}" for k in range(1, 31)]:
        stock = 60
        for day in range(40):
            demand, price = int(g.poisson(12)), float(g.uniform(2, 9))
            act = int(choose(g, np.array([[0.0, (40 - stock) / 10, (25 - stock) / 8 - price / 20]]))[0])
            i += 1
            when = (START + dt.timedelta(days=day)).strftime("%d.%m.%Y")
            lines.append(
                f"{i}\t{when}\t{shop}\tFr. {shop[-1]}\t{stock}\t{demand}\t{price:.2f}\t{[0, 20, 50][act]}".replace(
                    ".", ",", 0
                )
            )
            lines[-1] = "\t".join(
                c.replace(".", ",") if k == 6 else c for k, c in enumerate(lines[-1].split("\t"))
            )
            stock = max(0, stock - demand) + [0, 20, 50][act]
    path = folder / "apotheke.csv"
    path.write_bytes(("\n".join(lines) + "\n").encode("cp1252"))
    return path


FILES = {
    "thermostat": (
        thermostat,
        [
            ("task: building 7 log", "task: heating"),
            (
                'paragraph: ""',
                "paragraph: Two caretakers choose how hard to heat an office, every half hour.",
            ),
            ("discount: 0.95", "discount: 0.9"),
            (
                "indoor_temp_c * (action != 'off')",
                "max(0, 20 - indoor_temp_c) * occupied * (action == 'off')",
            ),
            ("outdoor_temp_c_when_acting", "warm_outside_when_acting"),
        ],
        {"rows": 1920, "trajectories": 41, "actions": ("eco", "full", "off"), "people": 2},
    ),
    "tickets": (
        tickets,
        [
            ("domain: operations", "domain: business"),
            ('unit: "", low: 0, high: 30', "unit: ticket, low: 0, high: 30"),
        ],
        {"trajectories": 300, "actions": ("bot", "expert", "stay"), "people": 5},
    ),
    "irrigation": (
        irrigation,
        [("{name: Lluvia_mm, column", "{name: lluvia, column"), ("Lluvia_mm * (action", "lluvia * (action")],
        {"rows": 720, "trajectories": 6 * 18, "actions": ("corto", "largo", "no"), "people": 3},
    ),
    "ci": (
        test_runs,
        [("{name: unit, expression", "{name: unit_tests, expression"), ("discount: 0.95", "discount: 1")],
        {"rows": 1126, "trajectories": 250, "actions": ("full", "smoke", "unit"), "people": 7, "ended": 250},
    ),
    "pharmacy": (
        pharmacy,
        [
            ('unit: ""  # GUESS: from the header', "unit: piece  #"),
            ("domain: operations", "domain: business"),
        ],
        {"rows": 1200, "trajectories": 30, "actions": ("0", "20", "50"), "people": 10},
    ),
}
"""File to what a person would correct (at most five lines) and what the dataset must then be."""


@pytest.mark.parametrize("name", FILES)
def test_drafts_of_foreign_files(tmp_path, name):
    make, edits, expected = FILES[name]
    path = make(tmp_path)
    draft = draft_contract(path)
    assert parse_contract(draft.contract_text) == draft.contract
    assert read_demonstrations(draft.contract, path).n_decisions == draft.rows  # usable without any edit
    edited = draft.contract_text
    for old, new in edits:
        assert edited.count(old) >= 1, old
        edited = edited.replace(old, new, 1)
    before, after = draft.contract_text.splitlines(), edited.splitlines()
    assert len(before) == len(after)
    assert sum(x != y for x, y in zip(before, after, strict=True)) <= 5
    demos = read_demonstrations(parse_contract(edited), path)
    assert demos.n_decisions == expected.get("rows", draft.rows)
    assert demos.action_labels == expected["actions"]
    assert len({str(t).split("#")[0] for t in demos.trajectory_ids}) == expected["trajectories"]
    assert len(demos.demonstrator_names) == expected["people"]
    assert demos.terminated.sum() == expected.get("ended", 0)


@pytest.mark.parametrize("name", FILES)
def test_every_guess_is_marked_and_recorded(tmp_path, name):
    draft = draft_contract(FILES[name][0](tmp_path))
    marked = [line for line in draft.contract_text.splitlines() if "  # GUESS: " in line]
    assert len(marked) == len(draft.guesses)
    for line, guess in zip(marked, draft.guesses, strict=True):
        assert guess.comment in line
    measured = [o for o in draft.contract.observations if o.type in ("number", "integer")]
    units = [g for g in draft.guesses if "CONFIRM unit" in g.comment and g.path.startswith("observations")]
    assert len(units) == len(measured)
    assert draft_contract(FILES[name][0](tmp_path)).contract_text == draft.contract_text


def observation(draft, column):
    return next(o for o in draft.contract.observations if o.column == column)


def test_what_headers_and_values_give_away(tmp_path):
    draft = draft_contract(pharmacy(tmp_path))
    stock, price = observation(draft, "Lagerbestand Stück"), observation(draft, "Preis EUR")
    assert (stock.name, stock.type, stock.unit) == ("Lagerbestand_Stück", "integer", "piece")
    assert (price.type, price.unit, price.low, price.high) == ("number", "EUR", 0, 9)
    assert draft.contract.actions.type == "integer"
    assert draft.contract.data.encoding == "cp1252"
    assert draft.contract.data.time_format == "%d.%m.%Y"
    assert draft.contract.timing.control_period_seconds == 86_400
    by_name = {f.name: f.expression for f in draft.contract.features}
    assert by_name["Lagerbestand_Stück"] == "Lagerbestand_Stück"  # an order fills the stock
    assert by_name["Preis_EUR_when_acting"] == "Preis_EUR * (action != 0)"  # the price is what it is
    assert by_name["amount"] == "action"


def decisions(path, **columns):
    """A CSV of 400 decisions in 20 trajectories, with more columns; each is a function of the row."""
    g = np.random.default_rng(6)
    rows = [{"batch": f"b{i // 20}", "load (%)": int(g.integers(5, 95))} for i in range(400)]
    for i, row in enumerate(rows):
        row.update({name: make(i) for name, make in columns.items()})
        row["action"] = ["hold", "add"][row["load (%)"] + int(g.integers(40)) > 60]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("header", "value", "weight"),
    [
        ("weight_kg", lambda i: 1 + i % 3, None),
        ("weight (kg)", lambda i: 1 + i % 3, None),
        ("weight", lambda i: 60 + i % 30, None),
        ("body weight", lambda i: 1 + i % 3, None),
        ("weight", lambda i: [0.5, 1, 1.5][i % 3], "weight"),
        ("sample_weight", lambda i: 200 + i % 30, "sample_weight"),
        ("Gewicht", lambda i: [0.5, 1, 1.5][i % 3], "Gewicht"),
    ],
)
def test_a_weight_of_rows_is_not_the_weight_of_a_thing(tmp_path, header, value, weight):
    contract = draft_contract(decisions(tmp_path / "x.csv", **{header: value})).contract
    assert contract.data.weight == weight
    assert (header in {o.column for o in contract.observations}) == (weight is None)


def test_units_in_brackets(tmp_path):
    columns = {h: lambda i: 1 + i % 37 for h in ("temp [°C]", "flow (m³/h)", "wait (min)", "level (max)")}
    draft = draft_contract(decisions(tmp_path / "x.csv", **columns))
    load = observation(draft, "load (%)")
    assert (load.name, load.unit, load.low, load.high) == ("load", "percent", 0, 100)
    units = {c: observation(draft, c).unit for c in columns}
    assert units == {"temp [°C]": "degC", "flow (m³/h)": "m3/hour", "wait (min)": "minute", "level (max)": ""}


@pytest.mark.parametrize(
    "header", ["picker_badge", "operator", "Agent", "technician", "Régulateur", "Opératrice"]
)
def test_people_are_taken_for_demonstrators_as_a_guess(tmp_path, header):
    draft = draft_contract(decisions(tmp_path / "x.csv", **{header: lambda i: 1001 + i // 60}))
    assert draft.contract.data.demonstrator == header
    assert "CONFIRM it" in next(g.comment for g in draft.guesses if g.path == "data.demonstrator")


def test_a_date_and_a_time_of_day_apart(tmp_path):
    clock = {"date": lambda i: f"2024-03-{1 + i // 20:02d}", "time": lambda i: f"{6 + i % 12}:30"}
    draft = draft_contract(decisions(tmp_path / "x.csv", **clock))
    assert draft.contract.data.time == "date"
    assert "# left out: time (the time of day of `date`: write both in one column" in draft.contract_text
    comment = next(g.comment for g in draft.guesses if g.path == "data.time")
    assert "orders the days only; write it and `time` in one column, as in 2024-05-01T13:00" in comment
    del clock["date"]
    text = draft_contract(decisions(tmp_path / "y.csv", **clock)).contract_text
    assert "# left out: time (a time of day without its date: write both" in text


def test_a_column_of_times_with_an_impossible_one_is_left_out_by_that_name(tmp_path):
    days = [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(56)]
    path = decisions(tmp_path / "x.csv", day=lambda i: "2024-02-30" if i == 77 else days[i % 56])
    assert "# left out: day (times, but not all are moments or written alike, as in `2024-02-30`" in (
        draft_contract(path).contract_text
    )


def test_a_column_outside_the_state_costs_no_rows(tmp_path):
    sparse = {f"note{k}_s": lambda i, k=k: "" if (i + k) % 20 == 0 else (i * (k + 3)) % 41 for k in range(6)}
    path = decisions(tmp_path / "x.csv", **sparse)
    draft = draft_contract(path)
    for seen in draft.contract.observations:
        assert seen.in_state or seen.missing != "drop"
    assert "5.0% missing: it is not needed in the state, and would cost those rows)" in draft.contract_text
    assert read_demonstrations(draft.contract, path).n_decisions > 0


def as_json(path):
    """The same rows as JSON lines, one number of the end with a fraction after whole ones."""
    rows = [
        {**row, "load (%)": int(row["load (%)"])} for row in csv.DictReader(path.read_text().splitlines())
    ]
    rows[-2]["load (%)"] = 99.5
    made = path.with_suffix(".jsonl")
    made.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return made


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_long_file_is_drafted_from_its_first_rows_and_says_so(tmp_path, monkeypatch, form):
    path = decisions(tmp_path / "x.csv", far=lambda i: 7 + i % 9 if i < 390 else 10 * i)
    whole = draft_contract(path)
    assert "from the first" not in whole.contract_text
    if form == "jsonl":
        path = as_json(path)
    if form == "parquet":
        rows = list(csv.DictReader(path.read_text().splitlines()))
        path = tmp_path / "x.parquet"
        pq.write_table(
            pa.table({k: [int(r[k]) if r[k].isdigit() else r[k] for r in rows] for k in rows[0]}), path
        )
    read = []
    real = head_module.profile_column
    monkeypatch.setattr(head_module, "PROFILED_ROWS", 250)
    monkeypatch.setattr(head_module, "profile_column", lambda n, c: read.append(len(c)) or real(n, c))
    draft = draft_contract(path)
    assert draft.rows == 400
    assert max(read) == 250
    said = "# GUESS: from the first 250 of 400 rows, bounds from all; CONFIRM that later rows hold no other labels"
    assert said in draft.contract_text
    assert sum("# GUESS: " in line for line in draft.contract_text.splitlines()) == len(draft.guesses)
    assert observation(draft, "far").high >= 3990  # in the last row only
    if form == "csv":
        assert observation(draft, "far") == observation(whole, "far").model_copy(
            update={"affected_by_action": observation(draft, "far").affected_by_action}
        )
        assert read_demonstrations(draft.contract, path).n_decisions == 400


@pytest.mark.parametrize("rows", [250, 1_000_000])
def test_what_is_wrong_with_a_late_row_is_told_by_the_draft_too(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(head_module, "PROFILED_ROWS", rows)
    path = decisions(tmp_path / "x.csv")
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join(
            [*lines[:300], lines[300].replace(",add", ',"add').replace(",hold", ',"hold'), *lines[301:]]
        )
        + "\n"
    )
    with pytest.raises(DataError, match=r"quotation mark that is never closed: .* line 301 is the first"):
        draft_contract(path)
    path.write_text("\n".join([*lines[:300], lines[300] + ",1", *lines[301:]]) + "\n")
    with pytest.raises(DataError, match="line 301 has 4 values where the header has 3 columns"):
        draft_contract(path)


def test_identifiers_and_consequences_of_the_action_are_left_out(tmp_path):
    text = draft_contract(test_runs(tmp_path)).contract_text
    assert "# left out: command_id (follows from the action alone)" in text
    assert "terminated: closed" in text
    assert (
        "# left out: meter_serial (the same in every row)"
        in draft_contract(thermostat(tmp_path)).contract_text
    )
    assert "# left out: subject (1,507 labels" in draft_contract(tickets(tmp_path)).contract_text
    assert "# left out: lfd Nr (a row number)" in draft_contract(pharmacy(tmp_path)).contract_text


def test_odd_headers_become_names(tmp_path):
    path = tmp_path / "odd.csv"
    rows = [f"{i},{i % 7},{i * 1.5},{'ab'[i % 2]},{i % 3}" for i in range(60)]
    path.write_text("t,2nd value!,action max,decision,min\n" + "\n".join(rows) + "\n")
    draft = draft_contract(path)
    assert {o.name for o in draft.contract.observations} <= {"x_2nd_value", "action_max", "min_"}
    assert draft.contract.actions.column == "decision"
    assert read_demonstrations(draft.contract, path).n_decisions == 60


def test_headers_and_labels_that_yaml_could_misread(tmp_path):
    path = tmp_path / "odd: {name}, #1.csv"
    rows = [
        f"{i},{i % 11},{i * 0.5},{['yes', 'it is, so', chr(39) + 'q' + chr(39), '- x: y'][i % 4]},{i % 5}"
        for i in range(80)
    ]
    rows = [",".join(f'"{c}"' for c in next(csv.reader([r.replace("it is, so", "it is; so")]))) for r in rows]
    path.write_text('"t","two\nlines","a: b #c","decision","null"\n' + "\n".join(rows) + "\n")
    draft = draft_contract(path)
    assert draft.contract.actions.labels == ("'q'", "- x: y", "it is; so", "yes")
    assert {o.column for o in draft.contract.observations} == {"two\nlines", "a: b #c", "null"}
    assert read_demonstrations(draft.contract, path).n_decisions == 80


def test_what_cannot_be_drafted(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "".join(f"{i * 0.37},{i * 1.1}\n" for i in range(100)))
    with pytest.raises(DataError, match=r"No column of x\.csv could be an action") as caught:
        draft_contract(path)
    assert "a (number, 100 values)" in str(caught.value)
    path.write_text("a,b\n")
    with pytest.raises(DataError, match=r"x\.csv has no rows"):
        draft_contract(path)
    with pytest.raises(PermanentError, match=r"nothing\.csv"):
        draft_contract(tmp_path / "nothing.csv")


def test_incidents_of_an_it_company(data_dir):
    """The first 5,998 rows of a real ServiceNow log: 36 columns, day-month-year times, `?` for missing."""
    path = data_dir / "it_incidents" / "uci_incident_event_log_first_5998.csv"
    draft = draft_contract(path)
    contract = draft.contract
    assert contract.data.trajectory == ("number",)
    assert contract.data.time == "sys_updated_at"
    assert contract.data.time_format == "%d-%m-%Y %H:%M"
    assert contract.data.demonstrator == "sys_updated_by"
    assert contract.data.missing_values == ("?",)
    assert contract.actions.column == "incident_state"
    assert "active" not in {o.column for o in contract.observations}  # it follows from the state alone
    demos = read_demonstrations(contract, path)
    assert demos.n_decisions == 5998
    assert len({str(t).split("#")[0] for t in demos.trajectory_ids}) == 890
    assert not any("Updated by" in name for name in demos.demonstrator_names)


def test_the_scaling_example_is_drafted_nearly_as_it_was_written(project_root):
    path = project_root / "examples/scaling/decisions.csv"
    contract = draft_contract(path).contract
    assert contract.data.trajectory == ("shift",)
    assert (contract.data.time, contract.data.demonstrator) == ("ts", "operator")
    assert contract.actions.column == "action"
    assert contract.timing.control_period_seconds == 600
    assert contract.observation("minutes_over_slo").unit == "minute"
    by_name = {f.name: f.expression for f in contract.features}
    assert by_name["pods"] == "pods"
    assert by_name["minutes_over_slo"] == "minutes_over_slo"  # although it is zero in 94 % of the rows
    assert (
        by_name["requests_when_acting"] == "requests * (action != 'hold')"
    )  # demand is not theirs to change


def test_a_number_of_people_is_no_person(tmp_path):
    path = tmp_path / "beds.csv"
    rng = np.random.default_rng(4)
    lines = [
        f"{ward},2024-{1 + day // 28:02d}-{1 + day % 28:02d},{rng.integers(3, 6)},{rng.integers(60, 99)},"
        f"{rng.choice(['hold', 'open'])}"
        for ward in ("north", "south", "east")
        for day in range(100)
    ]
    path.write_text("ward,date,staff,occupied_pct,action\n" + "\n".join(lines) + "\n")
    drafted = draft_contract(path).contract
    assert drafted.data.demonstrator is None
    assert "staff" in {o.name for o in drafted.observations}


def test_a_file_in_utf16_is_read_as_such(tmp_path):
    path = tmp_path / "log.csv"
    rows = "".join(f"s{i // 10},{i % 7},{'ab'[i % 3 == 0]}\n" for i in range(60))
    path.write_bytes(("Gerät,last,aktion\n" + rows).encode("utf-16"))
    drafted = draft_contract(path)
    assert drafted.contract.data.encoding == "utf-16"
    assert drafted.rows == 60
    assert len(read_demonstrations(drafted.contract, path).actions) == 60
    other = drafted.contract.data.model_copy(update={"encoding": "utf-8"})
    with pytest.raises(DataError, match=r"is not utf-8 text") as problem:
        read_demonstrations(drafted.contract.model_copy(update={"data": other}), path)
    assert "data.encoding: utf-16" in problem.value.hint


def test_a_draft_with_people_names_a_secret_key_and_masks_what_may_be_about_one(tmp_path):
    rows = ["day,operator,load,note,action"]
    notes = ("quiet", "called ann@example.com", "told +49 30 1234567")
    for i in range(60):
        rows.append(
            f"{i * 3600},{('Ann', 'Bob')[i // 30]},{i % 7},{notes[i % 3]},{('stay', 'go')[(i // 2) % 2]}"
        )
    (tmp_path / "log.csv").write_text("\n".join(rows) + "\n")
    draft = draft_contract(tmp_path / "log.csv", task="My scaler")
    assert draft.contract.data.demonstrator == "operator"
    assert draft.contract.privacy is not None
    assert draft.contract.privacy.key == "My-scaler"
    assert [(r.column, r.rule) for r in draft.contract.privacy.rules] == [("note", "mask")]
    assert "some texts hold email, phone; CONFIRM the rule" in draft.contract_text
    assert "ann@example.com" not in draft.contract_text
