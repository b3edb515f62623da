"""The page of what a learner came to, drawn from its numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from telic.reports import Report, Section, Table

from .figures import Labels
from .findings import finding_from
from .imitate_report import training_curve

__all__ = ["train_learner_report"]

WORDS = {"policy": "the policy, by its likeliest actions", "chance": "actions by chance"}


def train_learner_report(data: Mapping[str, Any]) -> Report:
    """The document of a result.

    Args:
        data: of the verb.
    """
    sections = [
        Section(title="What it collects", items=_returns(data), anchor="returns"),
        Section(title="Training", items=_training(data), anchor="training"),
        Section(title="Noticed", items=tuple(finding_from(f) for f in data["findings"]), anchor="noticed"),
        Section(title="The policy", items=_policy(data), anchor="policy"),
    ]
    return Report(
        title=f"{data['title']} in {data['task']}",
        headline=data["headline"],
        sections=tuple(s for s in sections if s.items),
        data=data,
    )


def _returns(data: Mapping[str, Any]) -> tuple[Any, ...]:
    if data["returns"] is None:
        return ()
    rows = tuple(
        (WORDS[r["name"]], r["mean_return"], *(r["interval"] or (None, None)), r["n_episodes"])
        for r in data["returns"]
    )
    table = Table(
        title="Reward of an episode",
        columns=("who", "mean", "low", "high", "episodes"),
        rows=rows,
        note="Intervals of 95 % over episodes of this one run; another key gives another policy.",
    )
    return (table,)


def _training(data: Mapping[str, Any]) -> tuple[Any, ...]:
    curve, figures = data["curve"], []
    n = max((len(values) for values in curve.values()), default=0)
    x = f"steps, each {data['step_is'].replace('`', '')}"  # a figure has one kind of letters
    returned = np.array([np.nan if v is None else v for v in curve.get("mean_return", [])], dtype=np.float64)
    if np.isfinite(returned).any():
        figures.append(
            training_curve(
                data["n_steps"] - n + 1,
                {"mean return": returned},
                Labels(title="Reward of an episode while it learned", x=x, y="mean of the last episodes"),
            )
        )
    losses = {name.replace("_", " "): values for name, values in curve.items() if name.endswith("loss")}
    if losses:
        figures.append(
            training_curve(
                data["n_steps"] - n + 1,
                losses,
                Labels(
                    title="Loss while it learned",
                    x=x,
                    y="in units of the method",
                    caption="A loss that falls proves no better policy, and one that rises no worse one.",
                ),
            )
        )
    return tuple(f for f in figures if f is not None)


def _policy(data: Mapping[str, Any]) -> tuple[Any, ...]:
    if data["policy"] is None:
        return ("The last good state is kept as a checkpoint beside this page.",)
    said = [
        f"`{data['policy']}`: the policy as plain arrays ({data['policy_digest']}), read by"
        " `telic.workflows.policy_files.read_policy`.",
        f"`{data['settings']}`: all settings of the run; given to `telic train --settings` it makes the same policy.",
    ]
    if data["onnx"] is not None:
        said.append(
            f"`{data['onnx']['file']}`: the same as ONNX; on {data['onnx']['n_compared']:,} observations the largest"
            f" difference of an output is {data['onnx']['largest_difference']:.2g}, of actions none."
        )
    return tuple(said)
