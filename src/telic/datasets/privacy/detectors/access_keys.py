"""Keys, tokens and passwords: well-known beginnings, what a word such as ``password=`` announces, and pure chance.

Four ways, each one pass over the text: tokens with the beginning of a known service, private keys in PEM, what
stands after a word that announces a secret (also user and password in a URL), and tokens of at least 20 characters
that change between small letters, capitals and digits as only random ones do. Hexadecimal digests, UUIDs and names
of machines are left alone unless a word announces them.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter

from .span import Span

__all__ = ["find_access_keys"]

TOKEN = re.compile(r"[A-Za-z0-9_\-+/=.~]+")
SEPARATED = re.compile(r"([/=~+])")
VALUE_ENDS = frozenset(" \t\r\n\"',;&<>()[]{}|")
LOWER = {c: c + 32 for c in range(65, 91)}
"""Small letters for the capitals of ASCII; the length stays."""

BEGINNINGS: tuple[tuple[str, int], ...] = (
    ("AKIA", 20), ("ASIA", 20), ("ghp_", 30), ("gho_", 30), ("ghu_", 30), ("ghs_", 30), ("ghr_", 30),
    ("github_pat_", 30), ("glpat-", 20), ("xoxb-", 20), ("xoxp-", 20), ("xoxa-", 20), ("xoxr-", 20), ("xoxs-", 20),
    ("xapp-", 20), ("sk-", 24), ("sk_live_", 20), ("sk_test_", 20), ("rk_live_", 20), ("pk_live_", 20), ("whsec_", 20),
    ("AIza", 35), ("ya29.", 30), ("npm_", 30), ("pypi-", 30), ("SG.", 40), ("hf_", 30), ("dop_v1_", 40),
    ("shpat_", 30), ("AGE-SECRET-KEY-", 40), ("eyJ", 40), ("hvs.", 24), ("dckr_pat_", 24), ("lin_api_", 30),
    ("key-", 36), ("EAAC", 40), ("sq0atp-", 26), ("PMAK-", 40), ("rubygems_", 40), ("glsa_", 30), ("dapi", 36),
)  # fmt: skip
"""Beginning of a token of a known service, and the length from which it is one."""

ANNOUNCERS = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "api_key", "api-key", "access_key",
    "access-key", "accesskey", "private_key", "authorization", "secret_key", "secretkey", "auth", "credential",
    "credentials", "bearer", "x-api-key", "sessionid", "session_id", "client_secret", "signature", "sig",
)  # fmt: skip
"""Ends of the words after which a secret stands."""
SCHEMES = frozenset({"basic", "bearer", "token", "digest"})
NO_SECRET = frozenset(
    {
        *(
            "null",
            "none",
            "true",
            "false",
            "nil",
            "undefined",
            "expired",
            "invalid",
            "missing",
            "required",
            "empty",
        ),
        *(
            "hidden",
            "redacted",
            "masked",
            "changed",
            "reset",
            "unknown",
            "ok",
            "failed",
            "denied",
            "revoked",
            "yes",
        ),
        *("no", "n/a", "na", "required.", "expired.", "invalid.", "missing."),
    }
)
"""Words after "token:" that are no token."""

LEAST_RANDOM = 20
"""Characters of a token that is judged by its randomness."""
LEAST_CHANGES = 0.4
"""Share of neighbours of different kinds (small, capital, digit) from which a token is random: .62 where it is,
.1 to .3 in names that people make."""
LEAST_BITS = 3.2
"""Bits a character (Shannon) that a random token has at least."""

PEM_BEGIN, PEM_END = "-----BEGIN ", "-----END "


def find_access_keys(text: str) -> list[Span]:
    """Every key, token or password.

    Args:
        text: any text.
    """
    found = [*_pem(text), *_announced(text), *_in_urls(text)]
    for match in TOKEN.finditer(text):
        found += _tokens(match.start(), match.group())
    return sorted(found)


def _tokens(start: int, run: str) -> list[Span]:
    """Known and random tokens in a run of their characters."""
    if len(run) < LEAST_RANDOM:
        return []
    found = []
    place = 0
    # A known beginning may stand after "/" or "=" (in a URL); what follows it may hold dots (JWT).
    for part in SEPARATED.split(run):
        known = None
        if len(part) >= LEAST_RANDOM:
            known = next((b for b, least in BEGINNINGS if part.startswith(b) and len(part) >= least), None)
        if known is not None and any(c.isdecimal() or c.isupper() for c in part[len(known) :]):
            found.append(Span(start + place, start + place + len(part.rstrip(".")), "key"))
        place += len(part)
    if found:
        return found
    place = 0
    for part in run.split("."):
        if _is_random(part):
            found.append(Span(start + place, start + place + len(part), "key"))
        place += len(part) + 1
    return found


def _is_random(token: str) -> bool:
    letters = [c for c in token if c.isalnum()]
    if len(letters) < LEAST_RANDOM:
        return False
    kinds = [0 if c.islower() else 1 if c.isupper() else 2 for c in letters]
    if min(kinds.count(k) for k in range(3)) < 2:
        return False
    changes = sum(a != b for a, b in itertools.pairwise(kinds)) / (len(kinds) - 1)
    if changes < LEAST_CHANGES:
        return False
    n = len(letters)
    return -sum(c / n * math.log2(c / n) for c in Counter(letters).values()) >= LEAST_BITS


def _announced(text: str) -> list[Span]:
    """What stands after ``password=``, ``token:``, ``Authorization: Bearer``."""
    found: list[Span] = []
    floor = 0
    lower = text.translate(LOWER)
    for match in re.finditer("[:=]|bearer ", lower):
        place = match.start()
        if place < floor:
            continue
        is_scheme = match.end() - place > 1
        if not is_scheme and not _word_before(lower, place, floor).endswith(ANNOUNCERS):
            continue
        begin, end = _value(text, match.end())
        if lower[begin:end] in SCHEMES:
            begin, end = _value(text, end)
        floor = max(end, match.end())
        value = lower[begin:end]
        if _is_secret(value, text[begin:end], is_told=text[place] == "="):
            found.append(Span(begin, end, "key"))
    return found


def _word_before(lower: str, place: int, floor: int) -> str:
    """The word before a sign, with at most one quotation mark and two spaces between them."""
    end = place
    while end > max(floor, place - 3) and lower[end - 1] in " \"'":
        end -= 1
    start = end
    while start > max(floor, end - 24) and (lower[start - 1].isalnum() or lower[start - 1] in "_-"):
        start -= 1
    return lower[start:end]


def _value(text: str, start: int) -> tuple[int, int]:
    """Where the value after a sign begins and ends."""
    begin = start
    while begin < len(text) and begin < start + 4 and text[begin] in " \"'":
        begin += 1
    end = begin
    while end < len(text) and text[end] not in VALUE_ENDS:
        end += 1
    return begin, end


def _is_secret(value: str, as_written: str, *, is_told: bool) -> bool:
    """A value, not a word of a sentence; what stands behind ``=`` need not look like one."""
    if len(value) < 4 or value in NO_SECRET or set(value) <= set("*x.#-"):
        return False
    mixed = any(c.isdecimal() for c in value) or not value.isalnum()
    mixed = mixed or (as_written.lower() != as_written and as_written[1:].lower() != as_written[1:])
    return is_told or (len(value) >= 6 and mixed)


def _in_urls(text: str) -> list[Span]:
    """User and password before the host of a URL."""
    found = []
    at = text.find("://")
    while at >= 0:
        begin = end = at + 3
        while end < len(text) and text[end] not in "/ \t\r\n\"'<>?#":
            end += 1
        user, sign, _ = text[begin:end].rpartition("@")
        if sign and ":" in user:
            found.append(Span(begin, begin + len(user), "key"))
        at = text.find("://", max(end, begin))
    return found


def _pem(text: str) -> list[Span]:
    """Private keys, from their first line to their last; to the end of the text where that is missing."""
    found = []
    at = text.find(PEM_BEGIN)
    while at >= 0:
        head = text[at : at + 48]
        if "PRIVATE KEY" in head:
            end = text.find(PEM_END, at)
            if end < 0:
                found.append(Span(at, len(text), "key"))
                break
            close = text.find("-----", end + len(PEM_END))
            stop = close + 5 if 0 <= close < end + 64 else end + len(PEM_END)
            found.append(Span(at, stop, "key"))
            at = text.find(PEM_BEGIN, stop)
        else:
            at = text.find(PEM_BEGIN, at + len(PEM_BEGIN))
    return found
