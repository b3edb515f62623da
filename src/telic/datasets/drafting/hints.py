"""What column names give away, in a handful of languages: words of headers and the units at their ends.

A hint is never enough by itself to exclude a column; it only breaks ties between what the values allow. Every
guess is marked in the draft.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

from telic.contract.problems import RESERVED_NAMES

__all__ = ["HINTS", "UNITS", "hinted", "identifier", "unit_of", "words_of"]


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
        "agent agriculteur analyst apotheker assignee author bearbeiter bediener benutzer by",
        "clinician doctor driver employee encargado engineer expert farmaceutico farmacéutico farmer",
        "gaertner gardener gärtner jardinier manager mitarbeiter nurse operador operateur operator",
        "operatore opérateur owner person pharmacist resolver responsable staff technician tecnica",
        "tecnico técnico therapeut therapist user usuario utente utilisateur verantwortlicher who worker",
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
"""Words that point to a role."""

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


LEADING_UNITS = {"seconds": "s", "minutes": "minute", "hours": "hour", "days": "day", "milliseconds": "ms"}
"""First word of a header to the unit that it states, as in ``minutes_waited``."""


def words_of(header: str) -> tuple[str, ...]:
    """The words of a header in lower case: ``tempC_max`` is ``temp``, ``c``, ``max``."""
    spaced = re.sub(r"(?<=[a-z0-9à-ÿ])(?=[A-Z])", " ", header)
    return tuple(w.lower() for w in re.split(r"[\W_]+", spaced) if w)


def hinted(header: str, role: str) -> bool:
    """Whether a word of the header points to the role."""
    return any(w in HINTS[role] for w in words_of(header))


def unit_of(header: str) -> str | None:
    """The unit that the end of a header states, or None where it states none."""
    words = words_of(header)
    if len(words) < 2:
        return None
    if len(words) > 2 and words[-2] == "per":
        before = UNITS.get(words[-3], words[-3])
        return f"{before}/{UNITS.get(words[-1], words[-1])}"
    return UNITS.get(words[-1]) or LEADING_UNITS.get(words[0])


def identifier(header: str, taken: Iterable[str]) -> str:
    """A name for expressions that is as near to the header as possible, and not yet taken."""
    name = re.sub(r"\W+", "_", header.strip()).strip("_") or "column"
    if not name.isidentifier():
        name = f"x_{name}"
    used = set(taken)
    if name in RESERVED_NAMES or keyword.iskeyword(name):
        name = f"{name}_"
    numbered, i = name, 2
    while numbered in used:
        numbered, i = f"{name}_{i}", i + 1
    return numbered
