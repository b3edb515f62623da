"""The result of ``ambiguity`` as a report: claims, demonstrators side by side, and what is at stake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from telic.inference.claims import Verdict
from telic.inference.wording import format_interval, format_number
from telic.reports import Report, Section, Table

from .at_stake_words import at_stake_sections
from .figures import Labels, Range, claim_ranges
from .findings import finding_from
from .page_parts import Item

__all__ = ["ambiguity_report"]

ORDER = tuple(verdict.label for verdict in (Verdict.OPEN, Verdict.REFUTED, Verdict.SETTLED))
"""Verdicts as a reader needs them: open first."""

MARK = {Verdict.SETTLED.label: 0, Verdict.REFUTED.label: 1, Verdict.OPEN.label: 2}


def ambiguity_report(data: Mapping[str, Any], *, is_page: bool) -> Report:
    """Claims, what no decision tells, demonstrators, what is at stake, findings.

    Args:
        data: of ``ambiguity``.
        is_page: with figures.
    """
    claims = sorted(data["claims"], key=lambda c: (not c["is_asked"], ORDER.index(c["verdict"])))
    items: list[Item] = [_figure(claims)] if is_page else []
    items.append(
        Table(
            title="Claims over every reward that explains the decisions",
            columns=("claim", "verdict", "lowest", "highest"),
            rows=tuple((c["claim"], c["verdict"], c["lowest"], c["highest"]) for c in claims),
            note=(
                "Lowest and highest value of what is claimed to be above 0, of rewards within"
                f" {data['tolerance']:.3g} nats of the best one; none where there is no bound. A weight is reward per"
                " unit of its feature; that of a cost is below 0. Decisions count as independent given their states,"
                f" and {data['conditional_on']} are taken as estimated."
            ),
            digits=3,
        )
    )
    items += [f"{c['claim']}: {c['reason']}" for c in claims if c["reason"]]
    blind: list[Item] = list(data["words"]) or ["Choices in this world can tell every weight."]
    noted: list[Item] = [finding_from(f) for f in data["findings"] if f["severity"] in ("error", "warning")]
    sections = [
        Section(title="Claims", items=tuple(items), anchor="claims"),
        Section(title="Each demonstrator", items=_people(data, claims), anchor="people"),
        Section(title="What the decisions cannot tell", items=tuple(blind), anchor="nullity"),
        *at_stake_sections(data["at_stake"], level=data["settings"]["level"], is_page=is_page),
        Section(title="Findings", items=tuple(noted), anchor="findings"),
    ]
    return Report(
        title=f"What stays open: {data['task']}",
        headline=data["headline"],
        sections=tuple(s for s in sections if s.items),
        data=dict(data),
    )


def _people(data: Mapping[str, Any], claims: Sequence[Mapping[str, Any]]) -> tuple[Item, ...]:
    """The verdict of each claim for each demonstrator, and the claims on which two of them are opposed."""
    people = {who: told for who, told in data["people"].items() if told["claims"]}
    items: list[Item] = []
    if people:
        by = {who: {c["claim"]: c["verdict"] for c in told["claims"]} for who, told in people.items()}
        for claim in (c["claim"] for c in claims):
            groups = {v: [who for who in by if by[who][claim] == v] for v in ORDER}
            yes, no = groups[Verdict.SETTLED.label], groups[Verdict.REFUTED.label]
            if yes and no:
                items.append(
                    f"{claim}: settled for {', '.join(yes)}, refuted for {', '.join(no)}. Pooled, they are one"
                    " demonstrator who is neither."
                )
        items.append(
            Table(
                title="The same claims about each demonstrator alone",
                columns=("claim", *by, "all together"),
                rows=tuple((c["claim"], *(by[who][c["claim"]] for who in by), c["verdict"]) for c in claims),
                note="Fewer decisions leave more open.",
            )
        )
    items += [f"{who}: {told['reason']}" for who, told in data["people"].items() if told["reason"]]
    return tuple(items)


def _figure(claims: Sequence[Mapping[str, Any]]) -> Item:
    inf = float("inf")
    rows = [
        Range(
            label=c["claim"],
            lowest=-inf if c["lowest"] is None else c["lowest"],
            highest=inf if c["highest"] is None else c["highest"],
            kind=MARK[c["verdict"]],
            text=f"{c['verdict']}  {_ends(c['lowest'], c['highest'])}",
        )
        for c in claims
    ]
    return claim_ranges(
        rows,
        Labels(
            title="How far each claim can go",
            x="difference that is claimed to be above 0, each in its own scale",
            caption=(
                "A bar right of 0 is settled, one left of it refuted, one across it open: rewards that explain the"
                " decisions disagree. An arrow has no bound. Discs are settled, squares refuted, triangles open."
            ),
        ),
    )


def _ends(lowest: float | None, highest: float | None) -> str:
    if lowest is None and highest is None:
        return "no bound"
    if lowest is None or highest is None:
        low = "no bound" if lowest is None else format_number(lowest, digits=3)
        high = "no bound" if highest is None else format_number(highest, digits=3)
        return f"[{low}, {high}]"
    _, low, high = format_interval((lowest + highest) / 2, lowest, highest)
    return f"[{low}, {high}]"
