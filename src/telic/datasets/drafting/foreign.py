"""What is known of the columns of foreign logs before their values are looked at, so that a draft need not guess it.

A format says what its columns mean; which of them is usually the choice, what names a trajectory, and what came only
after the act is known here. The values decide all the same: a column with a thousand labels is no choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from telic.datasets.sources.event_format import EventFormat

__all__ = ["KNOWN", "Known", "known_of"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the columns of a format are for; of several the first that the values allow counts.

    Attributes:
        action, trajectory, time, demonstrator, terminated: columns.
        offered: a column that says what could have been done.
        after: columns that are only known after the act, with all whose names begin so and go on with a dot.
        meanings: column to its meaning, as the format says it.
        instead: what to do where none of the columns of ``action`` can be one.
    """

    action: tuple[str, ...] = ()
    trajectory: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    demonstrator: tuple[str, ...] = ()
    terminated: tuple[str, ...] = ()
    offered: str = ""
    after: tuple[str, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    instead: str = "Name a column that says what was decided, or export with one."

    def comes_after(self, column: str) -> bool:
        """Whether a column is only known after the act."""
        return any(column == name or column.startswith(f"{name}.") for name in self.after)


KNOWN: Final = MappingProxyType(
    {
        "access-log": Known(
            action=("method",), trajectory=("client",), time=("time",), demonstrator=("user",),
            after=("status", "bytes", "request"),
        ),
        "asciinema": Known(
            action=("kind",), time=("time", "seconds"),
            after=("text", "how", "is_certain", "exit_status", "n_lines"),
        ),
        "jira-service-management": Known(
            action=("field",), trajectory=("issue",), time=("time",), demonstrator=("author.accountId",),
            after=("toString", "resolved", "item"),
        ),
        "kubernetes-audit": Known(
            action=("verb",), trajectory=("objectRef.namespace",), time=("stageTimestamp",),
            demonstrator=("user.username",), after=("responseStatus", "responseObject", "requestURI"),
        ),
        "lerobot": Known(
            action=("action",), trajectory=("episode_index",), time=("timestamp",),
            after=("next",),
            instead="Actions of robots are mostly numbers without end. Cut them into few values in a column of "
            "their own, or name one dimension and its values in a contract by hand (`actions.type: number`, "
            "`tolerance`): docs/formats.md.",
        ),
        "opsgenie": Known(action=("action",), trajectory=("alertId", "alert.id"), time=("time",)),
        "otlp-traces": Known(
            action=("name",), trajectory=("traceId",), time=("time",),
            after=("endTime", "endTimeUnixNano", "durationSeconds", "status"),
        ),
        "pagerduty": Known(
            action=("action",), trajectory=("incident.id",), time=("time",), demonstrator=("agent.id",),
            after=("resolved", "atExport"),
        ),
        "servicenow": Known(
            action=("action",), trajectory=("number",), time=("time",), demonstrator=("sys_updated_by",),
            terminated=("is_end",), offered="offered", after=("changed", "final", "is_end"),
        ),
        "slurm-sacct": Known(
            action=("Partition", "QOS", "Account"), trajectory=("User",), time=("Submit",), demonstrator=("User",),
            after=("Start", "End", "Elapsed", "State", "ExitCode", "NodeList", "AllocCPUS", "CPUTime", "MaxRSS"),
        ),
        "swf": Known(
            action=("queue", "partition"), trajectory=("user",), time=("submitted", "submit_time"),
            demonstrator=("user",),
            after=("wait_time", "run_time", "allocated_processors", "cpu_time", "used_memory", "status"),
        ),
        "transcript": Known(
            action=("command.0", "speaker", "kind"), time=("time",),
            after=("text", "prose", "n_commands", "command", "quoted", "block", "mention", "line"),
            instead="A transcript says who spoke, and seldom what was decided or seen: name by hand what counts as the "
            "decision, and join the log of what was known then (`streams` in docs/contract.md).",
        ),
        "xes": Known(
            action=("concept:name",), trajectory=("case:concept:name",), time=("time:timestamp",),
            demonstrator=("org:resource",),
        ),
    }
)  # fmt: skip
"""Format to what is known of its columns; of the others the values alone are asked."""


def known_of(form: EventFormat) -> Known:
    """What is known of a format's columns.

    Args:
        form: the format.
    """
    known = KNOWN.get(form.name, Known())
    return replace(known, meanings=form.columns)
