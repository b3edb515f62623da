"""Addresses of machines: IPv4 with dots, IPv4 in host names (``ip-10-0-3-17``), IPv6 in every spelling of RFC 4291.

Runs of the characters that an address can hold are found first; each run is judged once, and a run that is longer
than any address is none. Four numbers after "version" or a letter are a version.
"""

from __future__ import annotations

import ipaddress
import re

from .span import Span

__all__ = ["find_ip_addresses"]

DOTTED = re.compile(r"[0-9.]+")
COLONED = re.compile(r"[0-9A-Fa-f:.]+")
HOST = "ip-"
LONGEST_V6 = 48
"""Characters of an IPv6 address at most (RFC 4291 with an IPv4 tail has 45), and what punctuation may add."""
BEFORE_VERSION = ("version", "ver", "ver.", "release", "build", "firmware", "driver", "agent", "v")
"""Words after which four numbers are a version."""


def find_ip_addresses(text: str) -> list[Span]:
    """Every IPv4 and IPv6 address.

    Args:
        text: any text.
    """
    found: list[Span] = []
    if "." in text:
        found += _dotted(text)
    if HOST in text:
        found += _dashed(text)
    if ":" in text:
        found += _coloned(text)
    return sorted(found)


def _dotted(text: str) -> list[Span]:
    found = []
    for run in DOTTED.finditer(text):
        body = run.group()
        if len(body) > 24 or body.count(".") < 3:
            continue
        core = body.strip(".")
        start = run.start() + body.index(core)
        end = start + len(core)
        glued = _is_word(text, start - 1) or _is_word(text, end)
        if not glued and _is_v4(core.split(".")) and not _is_version(text, start):
            found.append(Span(start, end, "ip"))
    return found


def _dashed(text: str) -> list[Span]:
    """``ip-10-0-3-17``, as clouds name their machines."""
    found = []
    start = text.find(HOST)
    while start >= 0:
        at = start + len(HOST)
        end = at
        while end < len(text) and end < at + 16 and (text[end].isdecimal() or text[end] == "-"):
            end += 1
        core = text[at:end].strip("-")
        if _is_v4(core.split("-")) and not _is_word(text, start - 1):
            found.append(Span(at, at + len(core), "ip"))
        start = text.find(HOST, at)
    return found


def _coloned(text: str) -> list[Span]:
    found = []
    for run in COLONED.finditer(text):
        body = run.group()
        if len(body) > LONGEST_V6 or body.count(":") < 2:
            continue
        core = body.rstrip(".")
        if core.endswith(":") and not core.endswith("::"):
            core = core[:-1]
        start = run.start()
        if core.startswith(":") and not core.startswith("::"):
            core, start = core[1:], start + 1
        end = start + len(core)
        if _is_word(text, start - 1) or _is_word(text, end) or not _is_v6(core):
            continue
        found.append(Span(start, end, "ip"))
    return found


def _is_v4(parts: list[str]) -> bool:
    return len(parts) == 4 and all(
        1 <= len(p) <= 3 and p.isdecimal() and int(p) <= 255 and (p == "0" or p[0] != "0") for p in parts
    )


def _is_v6(core: str) -> bool:
    """An address; words joined by ``::`` without a digit, and eight pairs of digits (EUI-64), are none."""
    if not any(c.isdecimal() for c in core) or all(len(group) == 2 for group in core.split(":")):
        return False
    try:
        ipaddress.IPv6Address(core)
    except ValueError:
        return False
    return True


def _is_version(text: str, start: int) -> bool:
    before = text[max(0, start - 16) : start].rstrip(" :=").lower()
    word = before.rsplit(" ", 1)[-1].strip("(\"'")
    return word in BEFORE_VERSION


def _is_word(text: str, place: int) -> bool:
    """Whether there is a letter, digit or ``_`` at a place of the text."""
    return 0 <= place < len(text) and (text[place].isalnum() or text[place] == "_")
