"""The page of ``imitate``, drawn from its numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from telic.reports import Figure, Report, Section, Table

from .figures import Labels, calibration_curve, curves
from .findings import finding_from

__all__ = ["imitate_report", "training_curve"]

WORDS = {
    "policy": "the policy",
    "majority": "shares of all decisions learned from",
    "even shares": "even shares",
    "mean amount": "one bell around the mean amount",
    "experts' own": "experts themselves, where the same was seen (a ceiling)",
}


def imitate_report(data: Mapping[str, Any]) -> Report:
    """The document of a result.

    Args:
        data: of the verb.
    """
    sections = [
        Section(title="Decisions that it did not learn from", items=_score(data), anchor="held-out"),
        Section(title="How sure it may be", items=_calibration(data), anchor="calibration"),
        Section(title="Training", items=_training(data), anchor="training"),
        Section(title="Noticed", items=tuple(finding_from(f) for f in data["findings"]), anchor="noticed"),
        Section(title="The policy", items=_policy(data), anchor="policy"),
    ]
    return Report(
        title=f"Policy of the experts of {data['task']}",
        headline=data["headline"],
        sections=tuple(s for s in sections if s.items),
        data=data,
    )


def training_curve(first: int, lines: Mapping[str, Any], labels: Labels) -> Figure | None:
    """Metrics over steps; None where there are fewer than two steps.

    Args:
        first: number of the first step.
        lines: name to one number a step; those that are never finite are left out.
        labels: words of the figure.
    """
    kept = [(name, np.asarray(y, dtype=np.float64)) for name, y in lines.items() if np.any(np.isfinite(y))]
    n = max((len(y) for _, y in kept), default=0)
    if n < 2:
        return None
    return curves(np.arange(first, first + n, dtype=np.float64), kept, labels)


def _score(data: Mapping[str, Any]) -> tuple[Any, ...]:
    found = data["held_out"]
    if found is None:
        return ()
    fit = "agreement" if found["is_choice"] else "distance"
    head = "share of decisions alike" if found["is_choice"] else "off by, half ranges"
    rows = []
    for score in found["scores"]:
        rows.append(
            (
                WORDS[score["name"]],
                score[fit],
                *(score[f"{fit}_interval"] or (None, None)),
                score["nats"],
                *(score["nats_interval"] or (None, None)),
            )
        )
    table = Table(
        title="The policy beside those who know less, and beside the experts",
        columns=("who", head, "low", "high", "nats a decision", "low", "high"),
        rows=tuple(rows),
        note=(
            f"{found['n_decisions']:,} decisions of {found['n_trajectories']:,} trajectories, kept apart by the"
            " contract; intervals of 95 % over trajectories. Nats: mean log-"
            + ("probability" if found["is_choice"] else "density")
            + " of what was done; higher is better."
        ),
        digits=3,
    )
    gain = found["gain"]
    if gain is None or gain["interval"] is None:
        return (table,)
    low, high = gain["interval"]
    verdict = "It knows more" if low > 0 else "It knows less" if high < 0 else "Whether it knows more is open"
    return (
        table,
        f"{verdict} than {WORDS[gain['over']]}: {gain['nats']:.3g} nats a decision [{low:.3g}, {high:.3g}].",
    )


def _calibration(data: Mapping[str, Any]) -> tuple[Any, ...]:
    found = data["calibration"]
    if found is None:
        return ()
    if "coverage" in found:
        rows = tuple((float(level), share) for level, share in found["coverage"].items())
        table = Table(
            title="Intervals of the policy against what was done",
            columns=("central share of the policy", "share of decisions inside"),
            rows=rows,
            note="The two are equal where the policy is as sure as it may be.",
            digits=2,
        )
        return (table,)
    bins = [
        {
            "predicted": b["predicted"],
            "observed": b["observed"],
            "lower": b["interval"][0],
            "upper": b["interval"][1],
        }
        | {"n": b["n"]}
        for b in found["bins"]
    ]
    labels = Labels(
        title="How often a choice was made, by how likely the policy held it",
        x="predicted probability",
        y="share taken",
        caption="Bars: exact intervals of 95 %; on the dashed line the policy is as sure as it may be.",
    )
    said = (
        f"Predicted probabilities are off by {found['error']:.3f} on average, where {found['expected_if_perfect']:.3f}"
        " would be noise."
    )
    return (calibration_curve(bins, labels), said)


def _training(data: Mapping[str, Any]) -> tuple[Any, ...]:
    curve = data["curve"]
    if curve is None:
        return ()
    figure = training_curve(
        curve["first_look"][0],
        {"learned from": curve["loss"], "kept to choose by": curve["held_out_loss"]},
        Labels(
            title="Loss while it learned",
            x=f"looks, each after {curve['updates_a_look'][0]:,} gradient steps",
            y="nats a decision; lower is better",
            caption="The weights are those of the best look at the decisions kept to choose by.",
        ),
    )
    return () if figure is None else (figure,)


def _policy(data: Mapping[str, Any]) -> tuple[Any, ...]:
    said = [
        f"`{data['policy']}`: the policy as plain arrays ({data['policy_digest']}), read by"
        " `telic.workflows.policy_files.read_policy`.",
        f"It sees {_listed(data['columns'])}; it "
        + ("chooses from " if _is_choice(data) else "sets ")
        + f"{_listed(data['actions'])}.",
        f"`{data['settings']}`: all settings of the run; given to `telic imitate --settings` it makes the same policy.",
    ]
    if data["onnx"] is not None:
        said.append(
            f"`{data['onnx']['file']}`: the same as ONNX; on {data['onnx']['n_compared']:,} decisions the largest"
            f" difference of an output is {data['onnx']['largest_difference']:.2g}, of actions none."
        )
    return tuple(said)


def _is_choice(data: Mapping[str, Any]) -> bool:
    return data["held_out"] is None or bool(data["held_out"]["is_choice"])


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown
