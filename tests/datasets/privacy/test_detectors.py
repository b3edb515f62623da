"""What each detector finds and leaves alone, by hand; and that no text makes one slow."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import pytest

from telic.contract.privacy import DETECTED
from telic.datasets.privacy.detectors import KINDS, detectors_of, find_all, mask_text

NAMES = ("Alice Smith", "Siobhán O'Brien", "May", "Nguyễn Văn An")

FOUND = [
    ("mail alice.b+x@example.co.uk now", "mail <email> now"),
    ("<bob@example.com>.", "<<email>>."),
    ("?to=bob%40example.com&x", "?to=<email>&x"),
    ("src=10.1.2.3:80 dst=192.168.0.255/24", "src=<ip>:80 dst=<ip>/24"),
    ("host ip-10-0-3-17.internal", "host ip-<ip>.internal"),
    ("peer 2001:db8::8a2e:370:7334: refused, [::1]:80", "peer <ip>: refused, [<ip>]:80"),
    ("key AKIAIOSFODNN7EXAMPLE.", "key <key>."),
    ("password=hunter2; next", "password=<key>; next"),
    ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic <key>"),
    ("postgres://svc:s3cret@db/x", "postgres://<key>@db/x"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end", "<key> end"),
    ("call +49 (0)30 1234567 or (415) 555-2671", "call <phone> or <phone>"),
    ("tel. 01 23 45 67 89, 020 7946 0958", "tel. <phone>, <phone>"),
    ("msisdn 4155552671", "msisdn <phone>"),
    ("pan 4111 1111 1111 1111 exp 12/27", "pan <card> exp 12/27"),
    ("378282246310005", "<card>"),
    ("alice smith, SMITH, ALICE; alice.smith", "<name>, <name>; <name>"),
    ("Siobhan O'Brien and nguyen van an", "<name> and <name>"),
    ("ask May, in may", "ask <name>, in may"),
]

CLEAN = [
    "version 1.2.3.4 and v10.0.19041.1 at 1.3.6.1.4.1",
    "std::vector a::b 12:30:59 aa:bb:cc:dd:ee:ff",
    "lodash@4.17.21 @pytest.mark app@sha256:0123456789abcdef",
    "2024-05-01 10:00:00 1714567890 1714567890123",
    "4111 1111 1111 1112 and 1714567890123456789",
    "commit 8f14e45fceea167a5a36dedd4bea2543 id 123e4567-e89b-12d3-a456-426614174000",
    "token expired; password: required",
    "12 345 678 bytes, 10-20-30, 0.4155552671",
    "Alice went; Smithsonian",
]


@pytest.mark.parametrize(("text", "masked"), FOUND)
def test_what_is_there_is_masked_by_its_kind(text, masked):
    assert mask_text(text, detectors_of(names=NAMES)) == masked


@pytest.mark.parametrize("text", CLEAN)
def test_what_looks_similar_is_left_alone(text):
    assert mask_text(text, detectors_of(names=NAMES)) == text


def test_only_the_kinds_asked_for_are_looked_for():
    text = "bob@example.com from 10.1.2.3 for Alice Smith"
    assert mask_text(text, detectors_of(["ip"], NAMES)) == "bob@example.com from <ip> for Alice Smith"
    assert mask_text(text, detectors_of(["name"])) == text  # no list, no names
    assert set(KINDS) == set(DETECTED)


def test_spans_that_overlap_are_one_and_nothing_of_either_is_left():
    spans = find_all("https://alice:pw1@bob.example.com/", detectors_of())
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    assert "alice" not in mask_text("https://alice:pw1@bob.example.com/", detectors_of())


HOSTILE = [
    "a@", "a%40", "1.", "1 ", "::", "ip-1-", "password=", "://a:", "-----BEGIN PRIVATE KEY", "aA1", "alice ", "4111 ",
    "token: ", "tel 1 ",
]  # fmt: skip
"""What a text of a million characters repeats to make a slow pattern slow."""

SLOW_SECONDS = 12.0
"""Seconds for a million characters on a busy core; a pattern that is quadratic takes hours."""

PROGRAM = """
import json, sys, time
from telic.datasets.privacy.detectors import detectors_of, find_all

told = {}
for piece in json.loads(sys.argv[1]):
    text = (piece * (1_000_000 // len(piece) + 1))[:1_000_000]
    begin = time.process_time()
    find_all(text, detectors_of(names=("Alice Smith", "May")))
    told[piece] = time.process_time() - begin
print(json.dumps(told))
"""
"""In a process of its own: here, every call of a small function is also checked for its types."""


def test_a_hostile_text_of_a_million_characters_takes_seconds():
    assert max(seconds_for(["a@"]).values()) < SLOW_SECONDS


@pytest.mark.slow
def test_no_hostile_text_of_a_million_characters_takes_long():
    took = seconds_for(HOSTILE)
    assert len(took) == len(HOSTILE)
    assert {piece: s for piece, s in took.items() if s >= SLOW_SECONDS} == {}


def seconds_for(pieces: list[str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(pieces)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return json.loads(done.stdout)
