"""Two versions of a dataset, and what changed from the one to the other, in words and in numbers.

Trajectories are told apart by name. Of one that is in both, decisions are compared one by one: their time, action and
every measurement (labels by their text, so that a renumbering is no change). Column and label changes are listed, and
so are findings of the ingest that came or went.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.reports import Finding
from telic.trajectories import Demonstrations
from telic.trajectories.checks.sameness import mix

__all__ = ["VersionDiff", "diff_versions"]

LISTED = 6
"""Names that a sentence lists; the JSON form has all of them."""


@dataclass(frozen=True, kw_only=True)
class VersionDiff:
    """What changed from an older version to a newer one.

    Attributes:
        decisions: in the older and the newer version.
        trajectories: in the older and the newer version.
        trajectories_added, trajectories_removed, trajectories_changed: their names.
        decisions_added, decisions_removed, decisions_changed: in all trajectories; of one that is in both, decisions
            beyond the shorter length are added or removed.
        columns_added, columns_removed: names of observations.
        columns_changed: observation to the number of decisions that differ in it, where it is in both versions.
        actions_added, actions_removed: labels.
        action_counts: label to its decisions before and after.
        labels_added, labels_removed: ``observation: label``.
        demonstrators_added, demonstrators_removed: pseudonyms that decide in one version only.
        findings_came, findings_went: messages of the ingest's findings.
    """

    decisions: tuple[int, int]
    trajectories: tuple[int, int]
    trajectories_added: tuple[str, ...]
    trajectories_removed: tuple[str, ...]
    trajectories_changed: tuple[str, ...]
    decisions_added: int
    decisions_removed: int
    decisions_changed: int
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    columns_changed: Mapping[str, int]
    actions_added: tuple[str, ...]
    actions_removed: tuple[str, ...]
    action_counts: Mapping[str, tuple[int, int]]
    labels_added: tuple[str, ...]
    labels_removed: tuple[str, ...]
    demonstrators_added: tuple[str, ...]
    demonstrators_removed: tuple[str, ...]
    findings_came: tuple[str, ...]
    findings_went: tuple[str, ...]

    def sentences(self, *, with_people: bool) -> tuple[str, ...]:
        """The changes as sentences; one that says so where there are none.

        Args:
            with_people: whether pseudonyms may be named (the contract's ``people``).
        """
        told = [
            _sentence("trajectory", "trajectories", "added", self.trajectories_added),
            _sentence("trajectory", "trajectories", "removed", self.trajectories_removed),
            _sentence("trajectory", "trajectories", "changed", self.trajectories_changed),
            self._rows(),
            _sentence("column", "columns", "added", self.columns_added),
            _sentence("column", "columns", "removed", self.columns_removed),
            "; ".join(
                f"`{name}` differs in {_count(n, 'decision')}" for name, n in self.columns_changed.items()
            ),
            _sentence("action", "actions", "added", self.actions_added),
            _sentence("action", "actions", "removed", self.actions_removed),
            self._actions(),
            _sentence("label", "labels", "added", self.labels_added),
            _sentence("label", "labels", "removed", self.labels_removed),
            _people("added", self.demonstrators_added, with_people),
            _people("removed", self.demonstrators_removed, with_people),
            *(f"New finding: {message}" for message in self.findings_came),
            *(f"Gone: {message}" for message in self.findings_went),
        ]
        said = tuple(text if text.endswith(".") else f"{text}." for text in told if text)
        return said or ("Nothing changed: both versions hold the same decisions.",)

    def to_json(self) -> dict[str, Any]:
        """Every field as JSON-able values."""
        return asdict(self)

    def _rows(self) -> str:
        parts = [
            _count(n, "decision") + f" {what}"
            for n, what in (
                (self.decisions_added, "added"),
                (self.decisions_removed, "removed"),
                (self.decisions_changed, "changed"),
            )
            if n
        ]
        before, after = self.decisions
        return f"{', '.join(parts)} ({before:,} before, {after:,} now)" if parts else ""

    def _actions(self) -> str:
        moved = [
            f"{label} from {_share(a, self.decisions[0])} to {_share(b, self.decisions[1])}"
            for label, (a, b) in self.action_counts.items()
            if _share(a, self.decisions[0]) != _share(b, self.decisions[1])
        ]
        return f"Shares of actions: {', '.join(moved)}" if moved else ""


def diff_versions(
    old: Demonstrations,
    new: Demonstrations,
    *,
    old_findings: Sequence[Finding] = (),
    new_findings: Sequence[Finding] = (),
) -> VersionDiff:
    """What changed from one version to another.

    Args:
        old: the older version.
        new: the newer one.
        old_findings: what was noticed when the older one was ingested.
        new_findings: what was noticed when the newer one was.
    """
    places = [{str(name): i for i, name in enumerate(d.trajectory_ids)} for d in (old, new)]
    both = [name for name in places[1] if name in places[0]]
    columns = _comparable(old, new)
    added = [name for name in places[1] if name not in places[0]]
    removed = [name for name in places[0] if name not in places[1]]
    lengths = np.diff(old.offsets), np.diff(new.offsets)
    rows_old, rows_new, more, fewer, resized = _shared_rows(old, new, places, both)
    differs = {name: before[rows_old] != after[rows_new] for name, (before, after) in columns.items()}
    changed_rows = np.any(list(differs.values()), axis=0) if differs else np.zeros(len(rows_old), dtype=bool)
    touched = {
        str(new.trajectory_ids[i]) for i in np.unique(new.trajectory_index[rows_new[changed_rows]]).tolist()
    }
    came, went = _came_and_went([f.message for f in old_findings], [f.message for f in new_findings])
    labels = [{f"{k}: {t}" for k, texts in d.categories.items() for t in texts} for d in (old, new)]
    people = [
        {d.demonstrator_names[i] for i in np.unique(d.demonstrators[np.diff(d.offsets) > 0]).tolist()}
        for d in (old, new)
    ]
    counts = [
        dict(zip(d.action_labels, np.bincount(d.actions, minlength=d.n_actions).tolist(), strict=True))
        for d in (old, new)
    ]
    return VersionDiff(
        decisions=(old.n_decisions, new.n_decisions),
        trajectories=(old.n_trajectories, new.n_trajectories),
        trajectories_added=tuple(added),
        trajectories_removed=tuple(removed),
        trajectories_changed=tuple(name for name in both if name in touched or name in resized),
        decisions_added=more + int(sum(lengths[1][places[1][name]] for name in added)),
        decisions_removed=fewer + int(sum(lengths[0][places[0][name]] for name in removed)),
        decisions_changed=int(changed_rows.sum()),
        columns_added=tuple(n for n in new.observations if n not in old.observations),
        columns_removed=tuple(n for n in old.observations if n not in new.observations),
        columns_changed={n: int(d.sum()) for n, d in differs.items() if n in new.observations and d.any()},
        actions_added=tuple(a for a in new.action_labels if a not in old.action_labels),
        actions_removed=tuple(a for a in old.action_labels if a not in new.action_labels),
        action_counts={a: (counts[0].get(a, 0), counts[1].get(a, 0)) for a in {**counts[0], **counts[1]}},
        labels_added=tuple(sorted(labels[1] - labels[0])),
        labels_removed=tuple(sorted(labels[0] - labels[1])),
        demonstrators_added=tuple(sorted(people[1] - people[0])),
        demonstrators_removed=tuple(sorted(people[0] - people[1])),
        findings_came=came,
        findings_went=went,
    )


def _comparable(old: Demonstrations, new: Demonstrations) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Name to 64-bit values of both versions, equal exactly where the values are; labels by their text."""
    found = {"action": _by_text(old.actions, old.action_labels, new.actions, new.action_labels)}
    if old.times is not None and new.times is not None:
        found["time"] = old.times.view(np.uint64), new.times.view(np.uint64)
    for name in old.observations:
        if name not in new.observations:
            continue
        before, after = old.observations[name], new.observations[name]
        if name in old.categories and name in new.categories:
            found[name] = _by_text(before, old.categories[name], after, new.categories[name])
        else:
            plain = [(v.astype(np.float64) + 0.0).view(np.uint64) for v in (before, after)]
            found[name] = plain[0], plain[1]
    return found


def _by_text(
    old: NDArray[Any], old_labels: tuple[str, ...], new: NDArray[Any], new_labels: tuple[str, ...]
) -> tuple[NDArray[Any], NDArray[Any]]:
    known = {text: i for i, text in enumerate(dict.fromkeys((*old_labels, *new_labels)))}
    tables = [
        np.array([known[t] for t in labels] or [0], dtype=np.uint64) for labels in (old_labels, new_labels)
    ]
    return mix(tables[0][old]), mix(tables[1][new])


def _shared_rows(
    old: Demonstrations, new: Demonstrations, places: list[dict[str, int]], both: list[str]
) -> tuple[NDArray[Any], NDArray[Any], int, int, set[str]]:
    """Rows of both versions that stand at the same step of one trajectory; how many more and fewer; who was resized."""
    left, right = (np.array([p[name] for name in both], dtype=np.int64) for p in places)
    n_old, n_new = np.diff(old.offsets)[left], np.diff(new.offsets)[right]
    n = np.minimum(n_old, n_new)
    step = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
    resized = {name for name, a, b in zip(both, n_old.tolist(), n_new.tolist(), strict=True) if a != b}
    return (
        np.repeat(old.offsets[left], n) + step,
        np.repeat(new.offsets[right], n) + step,
        int(np.sum(n_new - n)),
        int(np.sum(n_old - n)),
        resized,
    )


def _came_and_went(old: list[str], new: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(m for m in new if m not in old), tuple(m for m in old if m not in new)


def _sentence(one: str, many: str, what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return f"{len(names):,} {one if len(names) == 1 else many} {what}: {', '.join(names[:LISTED])}{more}"


def _people(what: str, names: Sequence[str], with_names: bool) -> str:
    if with_names or not names:
        return _sentence("demonstrator", "demonstrators", what, names)
    return f"{_count(len(names), 'demonstrator')} {what}"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _share(n: int, of: int) -> str:
    return f"{n / max(1, of):.1%}"
