"""Errors and findings without what the contract protects.

Rules protect columns by name, but a message may quote a whole line of a file, a label, or the header of a file that
has none. So every error that leaves a reading under a ``privacy`` block is raised again with texts in quotation marks
left out and with everything masked that a detector finds; its cause, which holds the text, is cut off. An error under
no such block stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from telic.errors import TelicError
from telic.reports import Finding

from .detectors import mask_text
from .detectors.span import Detector
from .guard import Guard

__all__ = ["shielded", "shielded_finding"]

QUOTED = re.compile(r"""(?<![\w'"])(['"])(?!\s)[^\n]{0,400}?(?:\1)(?!\w)""")
"""What a message quotes of a file, as ``repr`` writes it: bounded, so that its time is, too."""

NOT_SHOWN = "(not shown)"

RAW = "raw"
"""Key of ``data`` under which an error says which texts of its message stand in the file as they are."""


@contextmanager
def shielded(guard: Guard | None) -> Iterator[None]:
    """Errors that leave the block hold nothing that the guard protects.

    Args:
        guard: of the reading; None: nothing is changed.
    """
    if guard is None:
        yield
        return
    try:
        yield
    except TelicError as error:
        raised = _without(error, guard)
    else:
        return
    raise raised from None


def shielded_finding(finding: Finding, detectors: Sequence[Detector]) -> Finding:
    """The finding with everything masked that a detector finds in it.

    Args:
        finding: of a reading.
        detectors: of the guard.
    """
    return replace(
        finding,
        message=mask_text(finding.message, detectors),
        hint=mask_text(finding.hint, detectors),
        evidence=_masked(finding.evidence, detectors),
    )


def _without(error: TelicError, guard: Guard) -> TelicError:
    raw = [text for text in error.data.get(RAW, ()) if text]
    kept = {name: value for name, value in error.data.items() if name != RAW}
    return type(error)(
        _text(error.message, raw, guard.detectors),
        hint=_text(error.hint, raw, guard.detectors),
        **_masked(kept, guard.detectors),
    )


def _text(text: str, raw: Sequence[str], detectors: Sequence[Detector]) -> str:
    for piece in sorted(raw, key=len, reverse=True):
        text = text.replace(repr(piece), NOT_SHOWN).replace(piece, NOT_SHOWN)
    return mask_text(QUOTED.sub(NOT_SHOWN, text), detectors)


def _masked(value: Any, detectors: Sequence[Detector]) -> Any:
    """The value with every text in it masked, keys too."""
    if isinstance(value, str):
        return mask_text(value, detectors)
    if isinstance(value, Mapping):
        return {_masked(k, detectors): _masked(v, detectors) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(v, detectors) for v in value]
    return value
