"""What ``elicit`` found as a report: the questions in words, what they would settle, and what answers have said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from telic.inference.wording import join_words
from telic.reports import Report, Section, Table
from telic.reports.numbers import format_number

from .elicit_figure import gains_figure
from .findings import finding_from
from .infer_report import outcome_named
from .page_parts import Item, sentence_case

__all__ = ["elicit_report", "headline_of"]

LEAST_TOLD = 0.005
"""Chance of settling a claim, or share of a standard deviation, below which it is not worth a word."""

LEAST_NATS = 1e-3
"""Nats about a claim that are not worth a word."""

KIND_WORDS = {
    "comparison": "a comparison",
    "demonstration": "a demonstration",
    "environment": "a demonstration in one of these worlds",
}


def headline_of(data: Mapping[str, Any]) -> str:
    """The result in one sentence or two.

    Args:
        data: of the verb, without its headline.
    """
    heard, together = data["answers"], data["together"]
    before = ""
    if heard is not None:
        told = "" if heard["gain"] is None else f" ({_nats(heard['gain'])} heard)"
        before = f"After {heard['n']} answer{'s' * (heard['n'] > 1)}{told}: "
    outcome = outcome_named(data["result"])
    if not outcome.ok:
        return f"{before}No question was ranked ({outcome.label}). {outcome.value}"
    if together is not None:
        count = sum(q["kind"] == "comparison" for q in data["questions"])
        random = together["random"]["mean"]
        times = (
            f", {format_number(together['gain'] / random, digits=2)} times as much as {count} at random"
            if random > 0
            else ""
        )
        them = "one comparison is" if count == 1 else f"{count} comparisons together are"
        said = f"{them} expected to tell {_nats(together['gain'])}{times} ({_nats(random)})."
        return before + (said if before else sentence_case(said)) + _best_watched(data)
    limits = [told["limit"] for told in data["random"].values()]
    if not limits:
        return f"{before}No question could be ranked."
    watched = _best_watched(data).strip()
    if watched:
        return before + watched
    return f"{before}Nothing is left to learn here: no question would tell more than {_nats(max(limits))}."


def _best_watched(data: Mapping[str, Any]) -> str:
    """What the best demonstration would tell, where it is worth asking for."""
    shown = [q for q in data["questions"] if q["kind"] != "comparison" and q["gain"] >= data["least_gain"]]
    if not shown:
        return ""
    best = max(shown, key=lambda q: q["gain"])
    return f" {best['steps']} decisions {_place(best)} would tell {_nats(best['gain'])}."


def elicit_report(data: Mapping[str, Any], *, is_page: bool) -> Report:
    """The report of the verb.

    Args:
        data: of the verb.
        is_page: with the figure.
    """
    noted: list[Item] = [finding_from(f) for f in data["findings"] if f["severity"] in ("error", "warning")]
    noted += [finding_from(f) for f in data["findings"] if f["code"] in ("no-question-tells",)]
    sections = [
        Section(title="Questions to ask", items=tuple(_questions(data, is_page)), anchor="questions"),
        Section(title="Decisions to watch", items=tuple(_watched(data)), anchor="demonstrations"),
        Section(title="What the answers would settle", items=tuple(_settled(data)), anchor="claims"),
        Section(title="What the answers have said", items=tuple(_said(data)), anchor="answers"),
        Section(title="What is assumed", items=tuple(_assumed(data)), anchor="assumptions"),
        Section(title="Findings", items=tuple(noted), anchor="findings"),
    ]
    return Report(
        title=f"What to ask next: {data['task']}",
        headline=data["headline"],
        sections=tuple(s for s in sections if s.items),
        data=dict(data),
    )


def _questions(data: Mapping[str, Any], is_page: bool) -> list[Item]:
    items: list[Item] = []
    if is_page and data["questions"]:
        items.append(gains_figure(data, _place))
    asked = [q for q in data["questions"] if q["kind"] == "comparison"]
    if not asked:
        return items
    together, random = data["together"], data["random"]["comparison"]
    items.append(
        Table(
            title="Which would you prefer, A or B?",
            columns=("question", "A", "B", "nats alone", "error", "nats added", "settles or narrows"),
            rows=tuple(
                (q["id"], q["a"], q["b"], q["gain"], q["standard_error"], q["added"], _effect(q))
                for q in asked
            ),
            note=(
                "Nats that the answer is expected to tell, alone and added to those above it; 0.69 (ln 2) would be a"
                f" sure answer to a question that is open both ways. Of {random['n_candidates']:,} pairs, one at random"
                f" tells {format_number(random['mean'], digits=2)}. Errors are by the number of draws."
            ),
            digits=2,
        )
    )
    items.append(
        f"All {len(asked)} together are expected to tell {_nats(together['gain'])} (error"
        f" {format_number(together['standard_error'], digits=1)}); as many at random"
        f" {_nats(together['random']['mean'])}. Each plan is {data['steps']} decisions long"
        + _alike(data["belief"]["untold"])
        + " Write A, B or tie into the column `choice` of questions.csv, and who answered into `who`."
    )
    return items


def _alike(untold: Sequence[str]) -> str:
    if not untold:
        return "."
    return f"; A and B have {join_words(list(untold))} alike, which no choice in this world tells."


def _watched(data: Mapping[str, Any]) -> list[Item]:
    shown = [q for q in data["questions"] if q["kind"] != "comparison"]
    if not shown:
        return []
    kinds = [k for k in ("demonstration", "environment") if k in data["random"]]
    usual = join_words(
        [
            f"{KIND_WORDS[k]} at random tells {format_number(data['random'][k]['mean'], digits=2)}"
            for k in kinds
        ]
    )
    return [
        Table(
            title="Where to watch the next decisions",
            columns=("where", "decisions", "nats", "at least", "at most", "settles or narrows"),
            rows=tuple(
                (_place(q), q["steps"], q["gain"], q["interval"][0], q["interval"][1], _effect(q))
                for q in shown
            ),
            note=f"The interval holds the bias of the average and two errors by the number of draws; {usual}."
            f"{_too_little(data, kinds)}",
            digits=2,
        )
    ]


def _too_little(data: Mapping[str, Any], kinds: Sequence[str]) -> str:
    """Which demonstrations are not worth asking for, and what to do with the others."""
    least = data["least_gain"]
    vain = [KIND_WORDS[k] for k in kinds if data["random"][k]["limit"] < least]
    told = (
        f" Not worth asking for, as the best tells less than {least:g} nats: {join_words(vain)}."
        if vain
        else ""
    )
    return told + (" Add the decisions to the log, and ingest it." if len(vain) < len(kinds) else "")


def _settled(data: Mapping[str, Any]) -> list[Item]:
    if not data["claims"]:
        return []
    together = data["together"] or {"settles": {}, "narrows": {}}
    level = data["level"]
    rows = [
        (
            c["claim"],
            f"{c['share']:.1%}",
            "open" if c["is_open"] else _verdict(c["share"]),
            together["settles"].get(c["claim"]),
            _told_most(data, c["claim"]),
        )
        for c in data["claims"]
    ]
    items: list[Item] = [
        Table(
            title="Claims, by what is believed now",
            columns=("claim", "believed", "verdict", "settled by all answers", "told most by"),
            rows=tuple(sorted(rows, key=lambda row: row[2] != "open")),
            note=f"Share of the belief that has the claim true; a claim is open between {1 - level:.2g} and {level:g}."
            " The next column is the chance that the answers to all comparisons above end that; beside it"
            " the question that tells most about the claim itself.",
            digits=2,
        )
    ]
    if together["narrows"]:
        items.append(
            Table(
                title="Trade-offs",
                columns=("trade-off", "narrower by all answers"),
                rows=tuple((name, f"{share:.0%}") for name, share in together["narrows"].items()),
                note="Expected share of the standard deviation, at the present value of the trade-off.",
            )
        )
    return items


def _told_most(data: Mapping[str, Any], claim: str) -> str | None:
    """The question that tells most about an open claim."""
    told = [(q["tells"].get(claim, 0.0), q) for q in data["questions"]]
    nats, best = max(told, key=lambda pair: pair[0], default=(0.0, None))
    if best is None or nats < LEAST_NATS:
        return None
    return f"{best['id'] if best['kind'] == 'comparison' else _place(best)} ({_nats(nats)})"


def _verdict(share: float) -> str:
    return "holds" if share > 0.5 else "does not hold"


def _said(data: Mapping[str, Any]) -> list[Item]:
    heard = data["answers"]
    if heard is None:
        return []
    n, n_blank = heard["n"], heard["n_blank"]
    blank = f" Not answered yet: {n_blank} question{'s' * (n_blank > 1)} in the files." if n_blank else ""
    told = "" if heard["gain"] is None else f" They told {_nats(heard['gain'])}."
    return [
        Table(
            title="Answers",
            columns=("question", "choice", "who", "was expected"),
            rows=tuple(
                (
                    row["question"],
                    row["choice"].upper() if row["choice"] != "tie" else "tie",
                    row["who"] or None,
                    row["chance"],
                )
                for row in heard["rows"]
            ),
            note="Probability that the answer had by what was believed until then.",
            digits=2,
        ),
        f"{n} answer{'s' * (n > 1)} count{'s' * (n == 1)}.{told}{blank}",
    ]


def _assumed(data: Mapping[str, Any]) -> list[Item]:
    belief = data["belief"]
    if belief is None:
        return []
    whose = f"of {belief['demonstrator']} " if belief["demonstrator"] else ""
    return [
        f"The belief is the normal approximation of the posterior of {belief['n_decisions']:,} decisions {whose}under a"
        f" prior around 0 ({belief['prior']['source']}); decisions count as independent given their states, and"
        f" {data['conditional_on']} are taken as estimated. Answers follow Bradley and Terry on what the plans"
        " collect, undiscounted. Gains rest on"
        f" {format_number(round(belief['effective_draws']), digits=4)} effective draws."
    ]


def _effect(question: Mapping[str, Any]) -> str | None:
    """The claim it is asked for; else the open claim settled most often; else the trade-off narrowed most."""
    settles, narrows, about = question["settles"], question["narrows"], question.get("about")
    if about is not None:
        return f"tell most about {about!r} ({_nats(question['tells'][about])})"
    claim = max(settles, key=settles.__getitem__, default=None)
    if claim is not None and settles[claim] >= LEAST_TOLD:
        return f"settle {claim!r} ({settles[claim]:.0%} of cases)"
    pair = max(narrows, key=narrows.__getitem__, default=None)
    if pair is not None and narrows[pair] >= LEAST_TOLD:
        return f"narrow {pair} by {narrows[pair]:.0%}"
    return None


def _place(question: Mapping[str, Any]) -> str:
    return f"from {question['where']}" if question["kind"] == "demonstration" else f"in {question['where']}"


def _nats(value: float) -> str:
    return f"{format_number(value, digits=2)} nats"
