"""How much of what is planted in free text the detectors of privacy find, and how often they find what is not there.

    python reproductions/privacy_corpus.py            # 100 items a kind, 600 clean lines, 60 columns a side
    TELIC_FULL=1 python reproductions/privacy_corpus.py        # 1,000, 6,000 and 400

prints one JSON line. Every item is made by this file (formats as published by those who issue them, values drawn at
random) and stands in a line of a log. It counts as found when none of its characters is left after masking. Some
forms are there because they are hard (an address in words, a login without separators); they count like the others.
A clean line holds what looks similar and is no item: versions, digests, dates, ids, paths, times since 1970; a false
alarm of a kind is a clean line in which it is found. Columns: the finding ``sensitive-column`` on a column of labels
with one or more items planted among clean labels, and on clean ones. Intervals are exact (Clopper-Pearson), 95 %.
Detectors and corpus have one author: on other logs, count again.
"""

from __future__ import annotations

import json
import os
import random
import string
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

KEY = 20_261_121
"""Of everything random here; fixed before the first run."""

_FIRST = (
    "Alice Bruno Chloé Dmitri Elena Farid Greta Hiroshi Ingrid João Katya Liam Mónica Nils Olga Priya Quentin Rosa"
    " Søren Tomás Uma Viktor Wanda Ximena Yusuf Zoë"
)
FIRST_NAMES = _FIRST.split()
_LAST = (
    "Abernathy Bergström Castellanos Dubois Eriksen Fujimoto Grünwald Hakimi Ivanova Jankowski Kowalczyk Lindqvist"
    " Moreau Nakamura O'Donnell Petrov Quispe Rossi Schneider Thorvaldsen Ueda Vasquez Whitfield Xu Yilmaz Zimmermann"
)
LAST_NAMES = _LAST.split()

LINES = (
    "user reported {} while the pod restarted",
    'level=warn msg="rejected {}" attempt=3',
    '{{"event":"login","who":"{}","ok":false}}',
    "contact: {}.",
    "[worker-7] ({}) timed out after 30 s",
    "2026-03-04T05:06:07Z denied for {}, retrying",
    "{} asked for access",
    "forwarded to <{}>;done",
    "note - {} - seen twice",
    "see also {}",
)


class Item(NamedTuple):
    """What was planted: its kind, the form that it has, the characters, the line that holds them."""

    kind: str
    form: str
    value: str
    line: str


def main() -> int:
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    told = measure(*((1_000, 6_000, 400) if full else (100, 600, 60)))
    print(json.dumps({**told, "seconds": time.perf_counter() - started}))
    return 0


def measure(each: int, clean: int, columns: int) -> dict[str, Any]:
    """Everything that is printed.

    Args:
        each: planted items a kind.
        clean: lines without any.
        columns: columns of labels with items, and as many without.
    """
    from telic.datasets.privacy.detectors import KINDS, detectors_of, find_all

    rng = random.Random(KEY)  # noqa: S311 - no secret is made here
    people = names(rng)
    detectors = detectors_of(KINDS, people)
    items = corpus(rng, each, people)
    missed = [item for item in items if not covered(item, find_all(item.line, detectors))]
    alarms: Counter[str] = Counter()
    shown: dict[str, str] = {}
    for _ in range(clean):
        line = clean_line(rng)
        for kind in {span.kind for span in find_all(line, detectors)}:
            alarms[kind] += 1
            shown.setdefault(kind, line)
    by_kind = Counter(item.kind for item in items)
    lost = Counter(item.kind for item in missed)
    forms = Counter((item.kind, item.form) for item in items)
    lost_forms = Counter((item.kind, item.form) for item in missed)
    return {
        "items": len(items),
        "recall": {kind: rate(n - lost[kind], n) for kind, n in by_kind.items()},
        "recall_of_all": rate(len(items) - len(missed), len(items)),
        "missed_forms": {f"{k}: {f}": [n, forms[k, f]] for (k, f), n in sorted(lost_forms.items())},
        "missed": [f"{m.kind}: {m.value}" for m in missed[:60]],
        "clean_lines": clean,
        "false_alarms": {kind: rate(alarms[kind], clean) for kind in KINDS},
        "false_alarm_example": shown,
        "sensitive_column": sensitive(rng, columns, people),
    }


def corpus(rng: random.Random, each: int, people: list[str]) -> list[Item]:
    """``each`` planted items of every kind, in lines."""
    makers: dict[str, Callable[[], tuple[str, str]]] = {
        "email": lambda: email(rng),
        "ip": lambda: address(rng),
        "key": lambda: access_key(rng),
        "phone": lambda: phone(rng),
        "card": lambda: card(rng),
        "name": lambda: name(rng, people),
    }
    return [planted(rng, kind, *maker()) for kind, maker in makers.items() for _ in range(each)]


def planted(rng: random.Random, kind: str, form: str, value: str) -> Item:
    """The item in a line; values that a word announces stand behind it."""
    before, bare, after = {1: ("", value, ""), 2: (*value.split("\0"), ""), 3: tuple(value.split("\0"))}[
        value.count("\0") + 1
    ]
    return Item(kind, form, bare, rng.choice(LINES).format(before + bare + after))


def covered(item: Item, spans: list[Any]) -> bool:
    """Whether no letter or digit of the item is outside of what was found."""
    start = item.line.index(item.value)
    inside = set()
    for span in spans:
        inside.update(range(span.start, span.end))
    places = range(start, start + len(item.value))
    return all(i in inside for i in places if item.line[i].isalnum())


def names(rng: random.Random) -> list[str]:
    """The list of 80 people."""
    return sorted({f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}" for _ in range(100)})[:80]


def name(rng: random.Random, people: list[str]) -> tuple[str, str]:
    first, last = rng.choice(people).split(" ")
    plain = "".join(c for c in (first + last).lower() if c.isascii() and c.isalpha())
    forms = {
        "full": f"{first} {last}",
        "small letters": f"{first} {last}".lower(),
        "capitals": f"{first} {last}".upper(),
        "login with a dot": f"{first}.{last}".lower(),
        "login with an underline": f"{first}_{last}".lower(),
        "last name first": f"{last}, {first}",
        "possessive": f"{first} {last}'s",
        "hyphen": f"{first}-{last}",
        "login without a separator": f"{plain}{rng.randrange(100)}",
    }
    form = rng.choices(list(forms), weights=[8, 4, 3, 4, 3, 4, 2, 1, 1])[0]
    return form, forms[form].removesuffix("'s")


def email(rng: random.Random) -> tuple[str, str]:
    word = lambda n: "".join(rng.choices(string.ascii_lowercase, k=n))  # noqa: E731
    local = rng.choice(
        [
            f"{word(5)}.{word(7)}",
            f"{word(6)}{rng.randrange(100)}",
            f"{word(4)}+{word(5)}",
            f"{word(3)}_{word(6)}",
            f"{word(1).upper()}{word(6)}",
            f"o'{word(5)}",
            "müller",
        ]
    )
    domain = f"{word(8)}.{rng.choice(['com', 'org', 'co.uk', 'de', 'io', 'internal', 'museum', 'xn--p1ai'])}"
    forms = {
        "plain": f"{local}@{domain}",
        "subdomain": f"{local}@mail-{word(3)}.{domain}",
        "mailto": f"mailto:\0{local}@{domain}",
        "in a URL": f"https://x.example/?next=\0{word(6)}%40{domain}",
        "in words": f"{word(6)} at {word(8)} dot com",
        "capitals": f"{word(6)}@{domain}".upper(),
    }
    form = rng.choices(list(forms), weights=[10, 3, 2, 2, 1, 2])[0]
    return form, forms[form]


def address(rng: random.Random) -> tuple[str, str]:
    v4 = [rng.choice([10, 172, 192, 203, 8, 100, 54]), *(rng.randrange(256) for _ in range(3))]
    dotted = ".".join(map(str, v4))
    groups = [f"{rng.randrange(65536):x}" for _ in range(8)]
    forms = {
        "v4": dotted,
        "v4 with a port": f"{dotted}:{rng.randrange(1024, 65536)}",
        "v4 with a prefix": f"{dotted}/{rng.randrange(8, 33)}",
        "v4 in a URL": f"http://\0{dotted}",
        "v4 in a host name": f"ip-\0{'-'.join(map(str, v4))}",
        "v4 after =": f"src=\0{dotted}",
        "v6": ":".join(["2001", "db8", *groups[2:]]),
        "v6 short": f"fe80::{groups[0]}:{groups[1]}",
        "v6 in brackets": f"[\0{'2a02:' + ':'.join(groups[1:4])}::1",
        "v4 in v6": f"::ffff:{dotted}",
    }
    form = rng.choices(list(forms), weights=[8, 4, 2, 2, 2, 3, 3, 3, 2, 1])[0]
    value = forms[form]
    return form, value.partition(":")[0] if form == "v4 with a port" else value.partition("/")[
        0
    ] if "prefix" in form else value


def access_key(rng: random.Random) -> tuple[str, str]:
    draw = lambda n, letters=string.ascii_letters + string.digits: "".join(rng.choices(letters, k=n))  # noqa: E731
    url = string.ascii_letters + string.digits + "-_"
    forms = {
        "AWS id": f"AKIA{draw(16, string.ascii_uppercase + '234567')}",
        "AWS secret": draw(40, string.ascii_letters + string.digits + "+/"),
        "GitHub": f"gh{rng.choice('pous')}_{draw(36)}",
        "GitLab": f"glpat-{draw(20, url)}",
        "Slack": f"xoxb-{rng.randrange(10**11)}-{rng.randrange(10**12)}-{draw(24)}",
        "Stripe": f"sk_live_{draw(24)}",
        "Google": f"AIza{draw(35, url)}",
        "npm": f"npm_{draw(36)}",
        "JWT": f"eyJ{draw(30, url)}.eyJ{draw(60, url)}.{draw(43, url)}",
        "after password=": f"password=\0{draw(10)}",
        "after api_key:": f'api_key: "\0{draw(32, "0123456789abcdef")}',
        "bearer": f"Authorization: Bearer \0{draw(36)}",
        "in a URL": f"postgres://\0svc:{draw(9)}\0@db/x",
        "random, 32": draw(32),
        "random, small letters": draw(32, string.ascii_lowercase + string.digits),
    }
    form = rng.choices(list(forms), weights=[3, 3, 3, 2, 2, 2, 2, 1, 3, 3, 2, 2, 2, 3, 1])[0]
    return form, forms[form]


def phone(rng: random.Random) -> tuple[str, str]:
    d = lambda n: "".join(rng.choices(string.digits, k=n))  # noqa: E731
    a = lambda: rng.choice("23456789")  # noqa: E731
    forms = {
        "E.164": f"+{rng.choice(['1', '44', '49', '33', '91', '81'])}{a()}{d(9)}",
        "E.164 with spaces": f"+49 {a()}{d(2)} {a()}{d(6)}",
        "E.164 with a zero": f"+44 (0)20 {d(4)} {d(4)}",
        "E.164 with hyphens": f"+1-{a()}{d(2)}-{a()}{d(2)}-{d(4)}",
        "North America": f"({a()}{d(2)}) {a()}{d(2)}-{d(4)}",
        "North America with hyphens": f"{a()}{d(2)}-{a()}{d(2)}-{d(4)}",
        "North America with dots": f"{a()}{d(2)}.{a()}{d(2)}.{d(4)}",
        "freephone": f"1-800-{a()}{d(2)}-{d(4)}",
        "France": f"0{rng.choice('123456789')} {d(2)} {d(2)} {d(2)} {d(2)}",
        "United Kingdom, London": f"020 {d(4)} {d(4)}",
        "United Kingdom, mobile": f"07{d(3)} {d(6)}",
        "Germany": f"0{a()}{d(2)}/{a()}{d(6)}",
        "Germany with a hyphen": f"0{a()}{d(1)}-{a()}{d(6)}",
        "Japan": f"03-{a()}{d(3)}-{d(4)}",
        "Switzerland": f"044 {d(3)} {d(2)} {d(2)}",
        "00": f"00 49 {a()}{d(2)} {a()}{d(6)}",
        "announced": f"phone: \0{a()}{d(9)}",
        "bare": f"{a()}{d(9)}",
    }
    form = rng.choices(list(forms), weights=[5, 3, 2, 3, 4, 4, 3, 2, 3, 2, 2, 2, 2, 2, 1, 2, 3, 1])[0]
    return form, forms[form]


def card(rng: random.Random) -> tuple[str, str]:
    begin, length = rng.choice(
        [
            ("4", 16),
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2221", 16),
            ("37", 15),
            ("6011", 16),
            ("3566", 16),
            ("62", 19),
        ]
    )
    body = begin + "".join(rng.choices(string.digits, k=length - len(begin) - 1))
    digits = body + next(c for c in string.digits if luhn(body + c))
    sign = rng.choice([" ", "-"])
    sizes = (4, 6, 5) if length == 15 else (4, 4, 4, 4, 3) if length == 19 else (4, 4, 4, 4)
    at, parts = 0, []
    for size in sizes:
        parts.append(digits[at : at + size])
        at += size
    forms = {
        "one run": digits,
        "in groups": sign.join(parts),
        "after pan=": f"pan=\0{digits}",
        "odd groups": f"{digits[:6]} {digits[6:]}",
    }
    form = rng.choices(list(forms), weights=[6, 8, 3, 1])[0]
    return form, forms[form]


def luhn(digits: str) -> bool:
    odd = [int(c) for c in digits[-1::-2]]
    even = [sum(divmod(2 * int(c), 10)) for c in digits[-2::-2]]
    return (sum(odd) + sum(even)) % 10 == 0


SENTENCES = ("token expired", "password: required", "the secret is out of date", "auth ok", "key not found")
WORDS = ("they will grant it in may", "a rich rose by the brook", "mark the case as small", "long west hill")

CLEAN: dict[str, Callable[[random.Random], str]] = {
    "version": lambda r: f"version {r.randrange(12)}.{r.randrange(30)}.{r.randrange(99)}.{r.randrange(20)}",
    "build": lambda r: f"v{r.randrange(9)}.{r.randrange(30)}.{r.randrange(9)}-rc{r.randrange(5)}",
    "kernel": lambda r: f"10.0.{r.randrange(10000, 30000)}.{r.randrange(900, 4000)}",
    "sha": lambda r: f"commit {r.getrandbits(160):040x}",
    "image": lambda r: f"registry/app@sha256:{r.getrandbits(256):064x}",
    "uuid": lambda r: f"request {uuid(r)}",
    "pod": lambda r: f"pod web-{r.getrandbits(36):09x}-{''.join(r.choices('bcdfghjklmnpqrstvwxz2456789', k=5))} ready",
    "epoch": lambda r: f"at {r.randrange(1_600_000_000, 1_900_000_000)}",
    "epoch ms": lambda r: f"ts={r.randrange(1_600_000_000_000, 1_900_000_000_000)}",
    "epoch ns": lambda r: f"ts={r.randrange(1_600_000_000, 1_900_000_000)}{r.randrange(10**9):09d}",
    "date": lambda r: f"{r.randrange(1990, 2030)}-{r.randrange(1, 13):02d}-{r.randrange(1, 29):02d} {clock(r)}",
    "compact date": lambda r: f"{r.randrange(1990, 2030)}{r.randrange(101, 1229):04d}T{r.randrange(240000):06d}Z done",
    "ticket": lambda r: f"INC{r.randrange(10**7):07d} moved to group {r.randrange(90)}",
    "path": lambda r: f"/usr/lib/python3.{r.randrange(8, 14)}/site-packages/numpy/numeric.py:{r.randrange(3000)}",
    "size": lambda r: f"read {r.randrange(1, 999)} {r.randrange(1000):03d} {r.randrange(1000):03d} bytes",
    "thousands": lambda r: f"{r.randrange(1, 99)},{r.randrange(1000):03d},{r.randrange(1000):03d} rows",
    "latency": lambda r: f"p99 {r.random() * 900:.3f} ms, p50 {r.random() * 90:.3f} ms, n {r.randrange(10**6)}",
    "mac": lambda r: "link " + ":".join(f"{r.randrange(256):02x}" for _ in range(6)),
    "scope": lambda r: r.choice(["std::vector", "Foo::Bar::baz", "crate::module::Type", "a::b"]),
    "duration": lambda r: f"took {clock(r)}.{r.randrange(1000):03d}",
    "port range": lambda r: f"ports {r.randrange(1024, 9000)}-{r.randrange(9000, 65000)}",
    "handle": lambda r: f"@on-call please look, cc @{r.choice(['platform', 'sre', 'dba'])}",
    "decorator": lambda r: f"@pytest.mark.slow in tests/test_{r.randrange(99)}.py",
    "package": lambda r: f"lodash@{r.randrange(9)}.{r.randrange(20)}.{r.randrange(30)} is deprecated",
    "camel": lambda r: f"NullPointerException in OrderService{r.randrange(9)}FactoryBean.getObjectForInstance",
    "sentence": lambda r: r.choice(SENTENCES),
    "token count": lambda r: f"tokens: {r.randrange(9999)} of {r.randrange(9999)} used",
    "oid": lambda r: f"oid 1.3.6.1.4.1.{r.randrange(9999)}.{r.randrange(9)}",
    "coordinates": lambda r: f"at {r.random() * 180 - 90:.6f}, {r.random() * 360 - 180:.6f}",
    "isbn": lambda r: f"ISBN 978-{r.randrange(10)}-{r.randrange(10**4):04d}-{r.randrange(10**4):04d}-{r.randrange(10)}",
    "order": lambda r: f"order {r.randrange(10**8, 10**9)}-{r.randrange(99)}",
    "words": lambda r: r.choice(WORDS),
    "fraction": lambda r: f"score {r.random():.16f}",
    "table": lambda r: " ".join(str(r.randrange(10**r.randrange(1, 6))) for _ in range(6)),
    "hexdump": lambda r: " ".join(f"{r.randrange(256):02x}" for _ in range(12)),
    "etag": lambda r: f'W/"{r.getrandbits(64):x}-{r.getrandbits(40):x}"',
    "arn": lambda r: f"arn:aws:s3:::logs-{r.randrange(99)}/AWSLogs/{r.randrange(1990, 2030)}/",
    "cron": lambda r: f"cron {r.randrange(60)} {r.randrange(24)} * * {r.randrange(7)}",
    "disk": lambda r: f"/dev/nvme{r.randrange(4)}n1p{r.randrange(4)} at {r.randrange(100)}%",
    "trace": lambda r: f"traceparent 00-{r.getrandbits(128):032x}-{r.getrandbits(64):016x}-01",
}  # fmt: skip
"""What looks like an item and is none, by what it is."""


def clock(rng: random.Random) -> str:
    return f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}"


def uuid(rng: random.Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def clean_line(rng: random.Random) -> str:
    """A line of a log with one or two things that look like items."""
    parts = [CLEAN[rng.choice(list(CLEAN))](rng) for _ in range(rng.randrange(1, 3))]
    return rng.choice(["{}", "info: {}", "[node-3] {}", "{} (retry 2)"]).format("; ".join(parts))


def sensitive(rng: random.Random, columns: int, people: list[str]) -> dict[str, Any]:
    """The finding on columns of labels: one to five items among 10 to 60 clean labels, and none."""
    import numpy as np

    from telic.datasets.privacy import sensitive_columns
    from telic.datasets.privacy.detectors import KINDS, detectors_of
    from telic.trajectories import Demonstrations

    detectors = detectors_of(KINDS, people)

    def is_told(labels: list[str]) -> bool:
        n = len(labels)
        demos = Demonstrations(
            actions=np.arange(n, dtype=np.int32) % 2,
            offsets=np.array([0, n], dtype=np.int64),
            action_labels=("a", "b"),
            observations={"label": np.arange(n, dtype=np.int32)},
            categories={"label": tuple(labels)},
            trajectory_ids=np.array(["one"], dtype=object),
            demonstrators=np.zeros(1, dtype=np.int32),
            terminated=np.zeros(1, dtype=bool),
            truncated=np.ones(1, dtype=bool),
        )
        return any(f.code == "sensitive-column" for f in sensitive_columns(demos, detectors))

    def clean() -> list[str]:
        made = CLEAN[rng.choice(list(CLEAN))]
        return sorted({made(rng) for _ in range(rng.randrange(10, 60))})

    found = 0
    for i in range(columns):
        items = corpus(rng, 1, people)
        chosen = [items[(i + j) % len(items)].line for j in range(rng.randrange(1, 6))]
        found += is_told(sorted({*clean(), *chosen}))
    return {
        "power": rate(found, columns),
        "false_alarms": rate(sum(is_told(clean()) for _ in range(columns)), columns),
    }


def rate(hits: int, of: int) -> dict[str, Any]:
    """Hits, cases, and the exact interval of their ratio."""
    from scipy.special import betaincinv

    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": int(hits), "of": of, "interval": [low, high]}


if __name__ == "__main__":
    sys.exit(main())
