"""What column names give away, in a handful of languages: words of headers and the units at their ends.

A hint is never enough by itself to exclude a column; it only breaks ties between what the values allow. Every
guess is marked in the draft.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable

from telic.contract.problems import RESERVED_NAMES

__all__ = ["HINTS", "UNITS", "counts_people", "hinted", "identifier", "unit_of", "weighs_rows", "words_of"]


def _set(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


HINTS: dict[str, frozenset[str]] = {
    "time": _set(
        "at created data date datetime datum epoch fecha heure hora horodatage horodate instant momento ora",
        "orario tempo tid tidspunkt tijd time timestamp ts uhrzeit updated when zeit zeitpunkt",
        "unix zeitstempel",
    ),
    "trajectory": _set(
        "anlage auftrag batch branch build building campo case caso champ customer device dossier encounter",
        "episode fall farmacia feld field filiale garage house id incident job laden machine magasin negozio no",
        "node nr num number order parcela parcelle patient pipeline plot pr pull raum room run",
        "service session shop site stanza store sucursal tank ticket tienda trajectory unit vehicle vorgang zone",
    ),
    "demonstrator": _set(
        "agent agriculteur analyst apotheker assignee author badge bearbeiter bediener benutzer by",
        "caretaker cashier chauffeur clerk clinician conducteur dispatcher disponent doctor driver employee",
        "encargado engineer expert fahrer farmaceutico farmer gaertner gardener gärtner infirmier infirmiere",
        "inspector jardinier manager medecin mitarbeiter nurse operador operateur operator",
        "operatore operatrice person pharmacist picker planner regulateur regulatrice repartiteur resolver responsable",
        "reviewer owner staff technician technicien technicienne techniker tecnica",
        "tecnico therapeut therapist user usuario utente utilisateur verantwortlicher who worker",
    ),
    "action": _set(
        "accion acción act action aktion arrosage assigned azione befehl choice chosen cmd command",
        "commande consigne decided decision decisione decisión dispatch entscheidung intervention",
        "irrigate massnahme maßnahme move pedido reorder response riego routed schaltung selected",
        "setpoint setting treatment verdict",
    ),
    "weak_action": _set(
        "amount group level mode outcome qty quantity queue result stage state status step team",
    ),
    "terminated": _set(
        "closed done end ende ended fertig fin final fine fini finished terminado terminal terminated",
    ),
    "weight": _set(
        "gewicht peso poids weight weights",
    ),
}
"""Words that point to a role; those of other languages also match with their accents."""

COLLECTIVE = _set("count headcount personal personnel staff")
"""Words under which a number is a number of people."""

WEIGHS_ROWS = _set("case count decision importance record row sample sampling survey")
"""Words that make a weight the weight of a row, and not of what the row is about."""

UNITS: dict[str, str] = {
    "ns": "ns",
    "us": "us",
    "micros": "us",
    "ms": "ms",
    "millis": "ms",
    "milliseconds": "ms",
    "s": "s",
    "sec": "s",
    "secs": "s",
    "seconds": "s",
    "sek": "s",
    "minutes": "minute",
    "mins": "minute",
    "minuten": "minute",
    "minutos": "minute",
    "h": "hour",
    "hours": "hour",
    "hrs": "hour",
    "stunden": "hour",
    "horas": "hour",
    "days": "day",
    "tage": "day",
    "dias": "day",
    "días": "day",
    "jours": "day",
    "usd": "USD",
    "eur": "EUR",
    "gbp": "GBP",
    "euro": "EUR",
    "euros": "EUR",
    "dollars": "USD",
    "cent": "cent",
    "cents": "cent",
    "pct": "percent",
    "percent": "percent",
    "prozent": "percent",
    "c": "degC",
    "degc": "degC",
    "celsius": "degC",
    "f": "degF",
    "fahrenheit": "degF",
    "kelvin": "K",
    "kg": "kg",
    "g": "g",
    "mg": "mg",
    "mm": "mm",
    "cm": "cm",
    "m": "m",
    "km": "km",
    "l": "l",
    "ml": "ml",
    "liter": "l",
    "litres": "l",
    "litros": "l",
    "kw": "kW",
    "kwh": "kWh",
    "w": "W",
    "bytes": "byte",
    "kb": "kB",
    "mb": "MB",
    "gb": "GB",
    "rps": "requests/s",
    "qps": "queries/s",
    "rpm": "1/min",
    "bar": "bar",
    "hpa": "hPa",
    "count": "",
    "ratio": "",
    "stueck": "piece",
    "stück": "piece",
    "units": "unit",
    "unidades": "unit",
    "packs": "pack",
}
"""Last word of a header to the unit that it states; ``min`` is left out, it is as often a minimum."""

BRACKETED = {
    "%": "percent",
    "°c": "degC",
    "°f": "degF",
    "k": "K",
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "min": "minute",
    "d": "day",
    "std": "hour",
    "t": "t",
    "m²": "m2",
    "m2": "m2",
    "m³": "m3",
    "m3": "m3",
    "µs": "us",
    "v": "V",
    "a": "A",
    "hz": "Hz",
    "stk": "piece",
}
"""Text in brackets at the end of a header to the unit that it states, beside ``UNITS``."""

LEADING_UNITS = {"seconds": "s", "minutes": "minute", "hours": "hour", "days": "day", "milliseconds": "ms"}
"""First word of a header to the unit that it states, as in ``minutes_waited``."""


def words_of(header: str) -> tuple[str, ...]:
    """The words of a header in lower case: ``tempC_max`` is ``temp``, ``c``, ``max``."""
    spaced = re.sub(r"(?<=[a-z0-9à-ÿ])(?=[A-Z])", " ", header)
    return tuple(w.lower() for w in re.split(r"[\W_]+", spaced) if w)


def hinted(header: str, role: str) -> bool:
    """Whether a word of the header points to the role."""
    return any(w in HINTS[role] or _plain(w) in HINTS[role] for w in words_of(header))


def counts_people(header: str) -> bool:
    """Whether whole numbers under this header say how many people there are, not which one."""
    return any(w in COLLECTIVE or _plain(w) in COLLECTIVE for w in words_of(header))


def weighs_rows(header: str) -> bool | None:
    """Whether a header names the weight of rows; None where it says no more than ``weight``."""
    words = words_of(header)
    others = [w for w in words if w not in HINTS["weight"]]
    if len(others) == len(words) or unit_of(header) is not None:
        return False
    return None if not others else all(w in WEIGHS_ROWS for w in others)


def _plain(word: str) -> str:
    """The word without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


def unit_of(header: str) -> str | None:
    """The unit that the end of a header states, or None where it states none."""
    bracket = re.search(r"[(\[]([^()\[\]]+)[)\]]\s*$", header)
    if bracket is not None:
        return _in_brackets(bracket[1].strip())
    words = words_of(header)
    if len(words) < 2:
        return None
    if len(words) > 2 and words[-2] == "per":
        before = UNITS.get(words[-3], words[-3])
        return f"{before}/{UNITS.get(words[-1], words[-1])}"
    return UNITS.get(words[-1]) or LEADING_UNITS.get(words[0])


def _in_brackets(text: str) -> str | None:
    """The unit in brackets behind a name, or None where the text is none: ``(%)``, ``[m/s]``, not ``(max)``."""
    lower = text.lower()
    if lower in BRACKETED:
        return BRACKETED[lower]
    top, slash, below = lower.partition("/")
    if slash and top and (UNITS.get(below) or BRACKETED.get(below)):
        return f"{UNITS.get(top) or BRACKETED.get(top) or text[: len(top)]}/{UNITS.get(below) or BRACKETED[below]}"
    return UNITS.get(lower)


def identifier(header: str, taken: Iterable[str]) -> str:
    """A name for expressions that is as near to the header as possible, and not yet taken."""
    # As Python reads names, so that an expression finds them: `m³` is `m3`.
    name = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", header.strip())).strip("_") or "column"
    if not name.isidentifier():
        name = f"x_{name}"
    used = set(taken)
    if name in RESERVED_NAMES or keyword.iskeyword(name):
        name = f"{name}_"
    numbered, i = name, 2
    while numbered in used:
        numbered, i = f"{name}_{i}", i + 1
    return numbered
