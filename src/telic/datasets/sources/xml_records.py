"""XML of foreign logs, read safely as a stream: no document type, no entities of its own, bounded depth and size.

A document type (DTD) can name other files, and an entity can stand for a thousand others; no log needs either, so
both are refused where they are declared, before anything is expanded. What is kept in memory is one element that the
format asked for whole, never the document.

References: W3C, Extensible Markup Language 1.0, sections 2.8 and 4; CWE-611 and CWE-776.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from xml.parsers import expat

from telic.errors import DataError

from .files import SourceFile, text_stream
from .json_records import DEEPEST, LONGEST_LINE

__all__ = ["MOST_ELEMENTS", "Element", "Part", "xml_parts"]

MOST_ELEMENTS = 1 << 17
"""Elements inside one that is kept whole (some 100 MB of Python objects); no event of a log has a thousand."""

LONGEST_TAG = 4 << 20
"""Bytes of a tag with its attributes."""

CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Element:
    """An element of the document.

    Attributes:
        tag: its name without a namespace's prefix.
        attributes: as they stand, prefixes kept.
        text: the text directly inside it, stripped; empty for one that is only opened.
        children: the elements inside it; empty for one that is only opened.
        line: where it begins, from 1.
    """

    tag: str
    attributes: Mapping[str, str]
    text: str = ""
    children: tuple[Element, ...] = ()
    line: int = 0

    def child(self, tag: str) -> Element | None:
        """The first element of that name directly inside, or None."""
        return next((c for c in self.children if c.tag == tag), None)


class Part(NamedTuple):
    """What comes next in a document: an element kept ``whole``, or that another one ``open``s or ``close``s."""

    kind: Literal["open", "close", "whole"]
    element: Element


def xml_parts(source: SourceFile, whole: Collection[str]) -> Iterator[Part]:
    """The document in its order; elements named in ``whole`` come once, when they close, with all inside them.

    Args:
        source: the file; compressed text is read as it streams.
        whole: names of elements (without prefix) to keep whole; the outermost one counts.

    Raises:
        DataError: the text is not well-formed XML or is cut off, declares a document type or an entity, is nested
            deeper than ``DEEPEST``, or holds an element of more than ``LONGEST_LINE`` bytes or ``MOST_ELEMENTS``
            elements; the message names the line.
    """
    reader = _Reader(source.name, frozenset(whole))
    with text_stream(source.path) as stream:
        while piece := stream.read(CHUNK_BYTES):
            yield from reader.feed(piece)
    yield from reader.feed(b"", last=True)


@dataclass
class _Growing:
    """An element that is not closed yet."""

    tag: str
    attributes: dict[str, str]
    line: int
    texts: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    def done(self) -> Element:
        return Element(
            tag=self.tag,
            attributes=self.attributes,
            text="".join(self.texts).strip(),
            children=tuple(self.children),
            line=self.line,
        )


class _Reader:
    """The parser with what it has seen: the elements that are open, and the one being kept whole."""

    def __init__(self, name: str, whole: frozenset[str]) -> None:
        self.name, self.whole = name, whole
        self.found: list[Part] = []
        self.path: list[Element] = []
        self.kept: list[_Growing] = []
        self.n_kept = self.begun = self.fed = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._entity

    def feed(self, piece: bytes, *, last: bool = False) -> list[Part]:
        self.fed += len(piece)
        try:
            self.parser.Parse(piece, last)
        except LookupError as problem:
            raise DataError(
                f"{self.name} declares an encoding that there is not: {problem}.",
                hint="XML declares it in its first line; UTF-8 and UTF-16 are usual. Is the file damaged?",
            ) from None
        except expat.ExpatError as problem:
            raise DataError(
                f"{self.name} line {problem.lineno} is not well-formed XML: {expat.ErrorString(problem.code)}.",
                hint="Was the file cut off, or is `data.format` another one?",
                line=problem.lineno,
            ) from None
        # A tag that is not complete is read from its beginning with every further piece.
        if self.fed - max(0, self.parser.CurrentByteIndex) > LONGEST_TAG:
            raise self._refusal(
                f"a tag of more than {LONGEST_TAG >> 20} MiB",
                "No tag of a log is so long; is the file damaged, or made to do harm?",
            )
        if self.fed - (self.begun if self.kept else max(0, self.parser.CurrentByteIndex)) > LONGEST_LINE:
            raise self._refusal(
                f"an element or attribute of more than {LONGEST_LINE >> 20} MiB",
                "No event of a log is so long; is the file damaged, or made to do harm?",
            )
        found, self.found = self.found, []
        return found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag, line = name.rpartition(":")[2], self.parser.CurrentLineNumber
        if len(self.path) + len(self.kept) >= DEEPEST:
            raise self._refusal(
                f"more than {DEEPEST} levels",
                "No log is nested so deep; is the file damaged, or made to do harm?",
            )
        if not self.kept and tag not in self.whole:
            self.path.append(Element(tag=tag, attributes=attributes, line=line))
            self.found.append(Part("open", self.path[-1]))
            return
        if not self.kept:
            self.n_kept, self.begun = 0, self.parser.CurrentByteIndex
        self.n_kept += 1
        if self.n_kept > MOST_ELEMENTS:
            raise self._refusal(
                f"more than {MOST_ELEMENTS:,} elements in one <{self.kept[0].tag[:40]}>",
                "No event of a log has so many; is the file damaged, or made to do harm?",
            )
        self.kept.append(_Growing(tag, attributes, line))

    def _end(self, name: str) -> None:  # noqa: ARG002 - the parser has checked that the names agree
        if not self.kept:
            self.found.append(Part("close", self.path.pop()))
            return
        closed = self.kept.pop().done()
        if self.kept:
            self.kept[-1].children.append(closed)
        else:
            self.found.append(Part("whole", closed))

    def _text(self, text: str) -> None:
        if self.kept:
            self.kept[-1].texts.append(text)

    def _doctype(self, *_: object) -> None:
        raise self._refusal(
            "a document type (DTD), which no log needs and which can name other files",
            "Remove the <!DOCTYPE ...> declaration if you know where the file comes from.",
        )

    def _entity(self, *_: object) -> None:
        raise self._refusal("an entity declaration", "Replace the entities by their texts.")

    def _refusal(self, what: str, hint: str) -> DataError:
        line = self.parser.CurrentLineNumber
        return DataError(f"{self.name} line {line} has {what}.", hint=hint, line=line)
