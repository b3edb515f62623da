"""Answers heard: each to the question it is about, what they said about the weights, and whether they fit together."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logsumexp

from telic._core.near_miss import near_miss
from telic.errors import DataError
from telic.inference.elicitation import ComparisonQuestion, WeightBelief, update_belief
from telic.inference.elicitation.update import answers_log_likelihood
from telic.inference.wording import join_words
from telic.reports import Finding

from .elicit_answers import CHOICES, Answer
from .elicit_odd_answers import left_out, odd_answers, surprised
from .elicit_settings import ElicitSettings
from .project import Project

__all__ = ["Heard", "heard_of", "known_questions", "updated"]

SHARE = {"a": 1.0, "b": 0.0, "tie": 0.5}
"""Preference for the first plan."""

N_SIMULATED = 2_000


@dataclass(frozen=True, kw_only=True)
class Heard:
    """Answers with their questions, each counted once.

    Attributes:
        rows: answers in the order of the files.
        questions: JSON form of the question of each.
        n_blank: questions in the files that are not answered yet.
        findings: what is odd about them.
    """

    rows: tuple[Answer, ...] = ()
    questions: tuple[Mapping[str, Any], ...] = ()
    n_blank: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def pairs(self) -> set[frozenset[str]]:
        """Digests of the two plans of each question."""
        return {frozenset(q["plan_digests"]) for q in self.questions}

    def to_json(self) -> list[dict[str, str]]:
        """What goes into the digest of a run: places do not."""
        return [{"question": a.question, "choice": a.choice, "who": a.who} for a in self.rows]


def known_questions(project: Project) -> dict[str, dict[str, Any]]:
    """Every question that was asked in this project, by name."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((project.folder / "runs").glob("*/elicit.json")):
        for question in _questions_in(path):
            found[question["id"]] = question
    return found


def heard_of(
    answers: Sequence[Answer], n_blank: int, known: Mapping[str, Mapping[str, Any]], demonstrator: str | None
) -> Heard:
    """The answers with their questions.

    Args:
        answers: as read.
        n_blank: rows without a choice.
        known: questions of the project by name.
        demonstrator: whose answers count; None: everybody's.

    Raises:
        DataError: a question is unknown or no comparison, somebody answered one in two ways, or nobody's answers count.
    """
    for answer in answers:
        _require_known(answer, known)
    mine = [a for a in answers if demonstrator is None or a.who in ("", demonstrator)]
    if not mine:
        raise DataError(
            f"None of the {len(answers)} answers is by {demonstrator}.",
            hint="Leave `who` empty where all are, or leave --demonstrator out.",
        )
    once: dict[tuple[str, str], Answer] = {}
    n_repeated = 0
    for answer in mine:
        before = once.setdefault((answer.who, answer.question), answer)
        n_repeated += before is not answer
        if before.choice != answer.choice:
            raise DataError(
                f"One person answered {answer.question} in two ways: {before.choice.upper()} ({before.place}) and"
                f" {answer.choice.upper()} ({answer.place}).",
                hint="Ask again and keep one of them, or `tie`; where two people answered, name them in `who`.",
            )
    rows = tuple(once.values())
    questions = tuple(known[a.question] for a in rows)
    notes = (
        *left_out(len(answers) - len(mine), demonstrator),
        *odd_answers(rows, questions, n_repeated),
    )
    return Heard(rows=rows, questions=questions, n_blank=n_blank, findings=notes)


def updated(
    belief: WeightBelief, heard: Heard, settings: ElicitSettings, *, with_people: bool
) -> tuple[WeightBelief, dict[str, Any], tuple[Finding, ...]]:
    """The belief after the answers, what they said, and what is odd about it.

    Args:
        belief: before.
        heard: answers with their questions.
        settings: rationality of answers, random key.
        with_people: whether it may be said who answered what, by pseudonym.

    Raises:
        DataError: a question is about other features, or features in other units, than those of the contract now.
    """
    asked, replies = [], []
    for answer, known in zip(heard.rows, heard.questions, strict=True):
        asked.append(_asked(belief, answer, known, settings.answer_rationality))
        replies.append(answer.choice)
    differences = np.array([q.rationality * q.difference for q in asked])
    shares = np.array([SHARE[reply] for reply in replies])
    now = belief
    rows = []
    log_evidence = 0.0
    for i, (question, reply) in enumerate(zip(asked, replies, strict=True)):
        one = answers_log_likelihood(now.weights, differences[i : i + 1], shares[i : i + 1])
        chance = float(logsumexp(now.log_probabilities + one))
        log_evidence += chance
        told = heard.to_json()[i]
        rows.append({**told, "who": told["who"] if with_people else "", "chance": float(np.exp(chance))})
        now = update_belief(now, question, CHOICES[reply], key=settings.key + i)
        if not now.outcome.ok:
            break
    gain = None
    if now.outcome.ok:
        expected = now.probabilities @ answers_log_likelihood(now.weights, differences, shares)
        gain = max(float(expected) - log_evidence, 0.0)
    surprise = _surprise(belief, differences, shares, settings.key)
    said = {
        "n": len(heard.rows),
        "n_blank": heard.n_blank,
        "rows": rows,
        "gain": gain,
        "surprise": surprise,
        "effective_draws": now.effective_draws,
    }
    return now, said, surprised(surprise, len(heard.rows))


def _questions_in(path: Path) -> list[dict[str, Any]]:
    """The questions of a run; none where it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    questions = found.get("questions", []) if isinstance(found, dict) else []
    return [q for q in questions if isinstance(q, dict) and re.fullmatch(r"q-\w+", str(q.get("id", "")))]


def _require_known(answer: Answer, known: Mapping[str, Mapping[str, Any]]) -> None:
    question = known.get(answer.question)
    if question is None:
        raise DataError(
            f"{answer.place}: {answer.question!r} is no question that was asked in this project."
            f"{near_miss(answer.question, known)}",
            hint="Names of questions stand in the questions.csv of each run."
            if known
            else "Run `telic elicit` without --answers first: it writes questions.csv.",
        )
    if question["kind"] != "comparison":
        raise DataError(
            f"{answer.place}: {answer.question} asks for a demonstration, which a choice does not answer.",
            hint="Add its decisions to the log, ingest them, and run `telic elicit` again.",
        )


def _asked(
    belief: WeightBelief, answer: Answer, question: Mapping[str, Any], rationality: float
) -> ComparisonQuestion:
    names, units = list(belief.names), list(belief.units or ("",) * len(belief.names))
    if question["names"] != names or question["units"] != units:
        raise DataError(
            f"{answer.place}: {answer.question} compares {join_words(question['names'])}; the features of the contract"
            f" are now {join_words(names)}" + ("." if question["names"] != names else ", in other units."),
            hint="Take the answer out, or give the contract the features back that the question was about.",
        )
    first, second = np.array(question["amounts"], dtype=np.float64)
    return ComparisonQuestion(
        words=question["words"],
        gain=float(question["gain"]),
        standard_error=float(question["standard_error"]),
        first=0,
        second=1,
        difference=first - second,
        rationality=rationality,
        probability_first=float(question["chance_a"]),
        volume_removed=0.0,
    )


def _surprise(belief: WeightBelief, differences: np.ndarray, shares: np.ndarray, key: int) -> float | None:
    """Probability, by the belief before, of answers that are no more likely than these; None with ties only."""
    sure = shares != 0.5
    if not sure.any():
        return None
    z = belief.weights @ differences[sure].T
    chance = 1.0 / (1.0 + np.exp(-np.clip(z, -700, 700)))
    rng = np.random.default_rng(key)
    at = rng.choice(len(z), N_SIMULATED, p=belief.probabilities)
    drawn = (rng.random((N_SIMULATED, int(sure.sum()))) < chance[at]).astype(np.float64)
    both = np.concatenate([shares[sure][None], drawn])
    yes, no = -np.logaddexp(0.0, -z), -np.logaddexp(0.0, z)  # (n, m)
    likelihood = both @ yes.T + (1.0 - both) @ no.T + belief.log_probabilities
    value = logsumexp(likelihood, axis=1)
    return float((1 + np.sum(value[1:] <= value[0] + 1e-12)) / (1 + N_SIMULATED))
