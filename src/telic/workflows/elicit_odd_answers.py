"""What is odd about answers: repeated, contradicted by others, in a circle, or unlike what the decisions say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from telic.inference.wording import join_words
from telic.reports import Finding, Severity

from .elicit_answers import Answer

__all__ = ["left_out", "odd_answers", "surprised"]

SURPRISING = 0.01
"""Probability, by the belief before, of answers as unlikely as these, below which it is said."""


def odd_answers(
    rows: Sequence[Answer], questions: Sequence[Mapping[str, Any]], n_repeated: int
) -> tuple[Finding, ...]:
    """What a reader should know about the answers before what they said.

    Args:
        rows: answers, each once.
        questions: JSON form of the question of each.
        n_repeated: answers that were there before.
    """
    return (*_repeated(n_repeated), *_differ(rows), *_cycles(rows, questions))


def surprised(surprise: float | None, count: int) -> tuple[Finding, ...]:
    """That the answers are unlike what the decisions say.

    Args:
        surprise: probability of answers that are no more likely than these; None where it cannot be told.
        count: of answers.
    """
    if surprise is None or surprise >= SURPRISING:
        return ()
    return (
        Finding(
            code="answers-surprising",
            severity=Severity.WARNING,
            message=f"By what the decisions say, {count} answers as unlikely as these come up in {surprise:.1%} of"
            " cases: they and the decisions hardly speak of the same values.",
            hint="Ask whether the questions were understood, whether other people answered than decided, or lower"
            " --answer-rationality.",
            evidence={"probability": surprise, "answers": count},
        ),
    )


def left_out(count: int, demonstrator: str | None) -> tuple[Finding, ...]:
    """That answers of other people do not count.

    Args:
        count: of them.
        demonstrator: whose count.
    """
    if not count:
        return ()
    return (
        Finding(
            code="answers-of-others",
            severity=Severity.NOTICE,
            message=f"{count} answers are by other people than {demonstrator} and were left out.",
            hint="Leave --demonstrator out to count everybody's.",
            evidence={"answers": count},
        ),
    )


def _repeated(count: int) -> tuple[Finding, ...]:
    if not count:
        return ()
    return (
        Finding(
            code="answers-repeated",
            severity=Severity.INFO,
            message=f"{count} answers are there twice, by the same person; each counts once.",
            evidence={"answers": count},
        ),
    )


def _differ(rows: Sequence[Answer]) -> tuple[Finding, ...]:
    said: dict[str, set[str]] = defaultdict(set)
    for answer in rows:
        said[answer.question].add(answer.choice)
    split = sorted(name for name, choices in said.items() if {"a", "b"} <= choices)
    if not split:
        return ()
    return (
        Finding(
            code="answers-differ",
            severity=Severity.WARNING,
            message=f"People disagree about {join_words(split[:5])}: one prefers A, another B. Both count, as answers"
            " by people with the same values.",
            hint="Look at each alone: --demonstrator NAME.",
            evidence={"questions": split},
        ),
    )


def _cycles(rows: Sequence[Answer], questions: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """One finding a person who prefers a plan to itself by way of others."""
    over: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for answer, question in zip(rows, questions, strict=True):
        first, second = question["plan_digests"]
        if answer.choice != "tie":
            better, worse = (first, second) if answer.choice == "a" else (second, first)
            over[answer.who][better][worse] = answer.question
    notes = []
    for edges in over.values():
        found = _cycle(edges)
        if found:
            notes.append(
                Finding(
                    code="answers-cycle",
                    severity=Severity.WARNING,
                    message=f"The answers of one person to {join_words(found)} go round in a circle: no plan is the"
                    " best of those. They count as noise.",
                    hint="Ask these again.",
                    evidence={"questions": found},
                )
            )
    return tuple(notes)


def _cycle(edges: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Questions along one circle of preferences; empty where there is none."""
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        stack = [(start, iter(edges.get(start, {})))]
        while stack:
            node, rest = stack[-1]
            if len(path) < len(stack):
                path.append(node)
            following = next((n for n in rest if n not in done), None)
            if following is None:
                done.add(node)
                stack.pop()
                path.pop()
            elif following in path:
                circle = [*path[path.index(following) :], following]
                return [edges[a][b] for a, b in pairwise(circle)]
            else:
                stack.append((following, iter(edges.get(following, {}))))
    return []
