"""Writes the blocks of a drafted contract from profiles and roles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from telic.contract import Data
from telic.datasets.sources.files import PLAIN_FORMATS, SourceFile
from telic.typing import FloatArray

from .candidates import write_features
from .head import Head
from .hints import identifier, unit_of
from .influence import moved_by_action
from .privacy_lines import write_privacy
from .profile import ColumnProfile
from .roles import Roles, information_about
from .text import Guess, Page

__all__ = ["Writer"]

FEW_VALUES = 8
"""Distinct integers up to which each is a cell of its own."""

AUTO_CELLS = 4
"""Cells that an ``auto`` observation is reckoned at when the state is chosen."""

MOST_IN_STATE = 5
"""Observations in the drafted state; the others are carried along."""

MOST_CELLS = 2_000
"""Cells of the drafted state."""

FEW_TRAJECTORIES = 20
"""Trajectories below which errors by trajectory and a held-out part are too coarse."""

ROWS_A_PIECE = 5
"""Mean rows that pieces of a cut trajectory must keep."""

DAY = 86_400


class Writer:
    """Writes one draft; holds the facts that its parts share."""

    def __init__(
        self,
        source: SourceFile,
        data: Data,
        head: Head,
        roles: Roles,
        task: str,
        meanings: Mapping[str, str] | None = None,
    ) -> None:
        self.source, self.data, self.head, self.roles, self.task = source, data, head, roles, task
        self.meanings = meanings or {}
        self.profiles = profiles = {p.name: p for p in head.profiles}
        self.names: dict[str, str] = {}
        self.in_state = self._state()
        self.left_out = dict(roles.left_out)
        for column in roles.observations:
            # Carried along only, it must not cost rows.
            if (
                column not in self.in_state
                and profiles[column].missing
                and self._missing(profiles[column]) == "drop"
            ):
                share = f"{profiles[column].missing:.1%}"
                self.left_out[column] = (
                    f"{share} missing: it is not needed in the state, and would cost those rows"
                )
                continue
            self.names[column] = identifier(column, self.names.values())
        action, state = profiles[roles.action], [profiles[c] for c in self.names if c in self.in_state]
        self.moved = {p.name: moved_by_action(p, action, roles, state) for p in state}

    def page(self) -> Page:
        """The whole draft."""
        page = Page()
        page.line(
            f"# Drafted from {self.source.name} ({self.head.n_rows:,} rows, {len(self.profiles)} columns)."
        )
        page.line(
            "# Every line marked GUESS was guessed from the file. Read the ones marked CONFIRM before you "
            "trust a result."
        )
        page.line("schema_version: 1")
        page.line("identity:")
        page.field("task", self.task)
        page.field("paragraph", "")
        page.field(
            "domain",
            "operations",
            Guess(path="identity.domain", message="nothing in a file says it", confirm="it"),
        )
        self._observations(page)
        self._actions(page)
        self._timing(page)
        self._outcomes(page)
        seen = {c: n for c, n in self.names.items() if c in self.in_state}
        write_features(page, seen, set(self.names.values()), self.profiles, self.roles, self.moved)
        self._data(page)
        write_privacy(page, self.task, self.roles.demonstrator, {c: self.profiles[c] for c in self.names})
        return page

    def _state(self) -> set[str]:
        """The observations that tell most about the action, as long as the cells stay few."""
        action = self.profiles[self.roles.action].codes
        told = {c: information_about(action, self.profiles[c]) for c in self.roles.observations}
        budget = max(16, min(MOST_CELLS, len(action) // 10))
        chosen: set[str] = set()
        cells = 1
        for column in sorted(told, key=lambda c: -told[c]):
            size = self._cells(self.profiles[column])
            if len(chosen) < MOST_IN_STATE and cells * size <= budget:
                chosen.add(column)
                cells *= size
        return chosen

    def _cells(self, p: ColumnProfile) -> int:
        few = p.kind in ("category", "boolean") or (p.kind == "integer" and p.n_distinct <= FEW_VALUES)
        return p.n_distinct + (p.missing > 0) if few else AUTO_CELLS

    def _observations(self, page: Page) -> None:
        page.line("observations:", self._first_rows())
        for i, column in enumerate(self.names):
            page.entry(*self._observation(i, column))
        for column, reason in self.left_out.items():
            page.line(f"  # left out: {column} ({reason})")

    def _first_rows(self) -> Guess | None:
        """What a draft from the first rows of a long file may have missed."""
        if self.head.n_profiled == self.head.n_rows:
            return None
        return Guess(
            path="observations",
            message=f"from the first {self.head.n_profiled:,} of {self.head.n_rows:,} rows, bounds from all",
            confirm="that later rows hold no other labels, actions or missing values",
        )

    def _observation(self, i: int, column: str) -> tuple[dict[str, Any], Guess]:
        p = self.profiles[column]
        entry: dict[str, Any] = {"name": self.names[column]}
        if self.names[column] != column:
            entry["column"] = column
        entry["type"] = p.kind
        said, confirm = [f"{p.n_distinct:,} distinct values"], []
        if p.kind in ("integer", "number"):
            unit = unit_of(column)
            low, high = self.head.ranges[column]
            entry["unit"] = unit or ""
            entry["low"], entry["high"] = _outwards(
                low, high, unit, few=p.kind == "integer" and p.n_distinct <= FEW_VALUES
            )
            said = [f"{low:g} to {high:g} seen"]
            confirm.append("unit" if unit else "unit (none in the header)")
            if p.kind == "integer" and p.n_distinct <= FEW_VALUES:
                entry["bins"] = None
            else:
                entry["bins"] = "auto"
        if p.missing > 0:
            entry["missing"] = self._missing(p)
            said.append(f"{p.missing:.1%} missing")
            confirm.append("what missing means")
        if column in self.in_state:
            # Said, not left open: what an action does not move must not be estimated as if it might.
            entry["affected_by_action"] = self.moved[column]
            said.append(f"the action {'moves' if self.moved[column] else 'does not seem to move'} it")
            if not self.moved[column]:
                confirm.append("that it does not")
        else:
            entry["in_state"] = False
            said.append("not in the state, to keep it small")
        return entry, Guess(path=f"observations[{i}]", message=", ".join(said), confirm=" and ".join(confirm))

    def _missing(self, p: ColumnProfile) -> str:
        if p.kind == "category":
            return "label"
        keys, order = self.roles.keys, self.roles.order
        first = np.append(True, keys[order][1:] != keys[order][:-1])
        return "carry" if np.all(p.known[order][first]) else "drop"

    def _actions(self, page: Page) -> None:
        p = self.profiles[self.roles.action]
        rivals = self.roles.rivals.get("action", ())
        page.line("actions:")
        message = f"{p.n_distinct} distinct values that change within trajectories"
        message = self.meanings.get(p.name, message)
        tail = f"that this is the choice (or {', '.join(rivals)})" if rivals else "that this is the choice"
        page.field("column", p.name, Guess(path="actions.column", message=message, confirm=tail))
        is_amount = p.kind in ("integer", "number")
        kind = p.kind if is_amount else "category"
        page.field("type", kind)
        values = sorted(p.numbers.tolist()) if is_amount else sorted(p.texts)
        page.field("values", values)
        if is_amount:
            unit = unit_of(p.name)
            page.field(
                "unit", unit or "", Guess(path="actions.unit", message="from the header", confirm="unit")
            )

    def _timing(self, page: Page) -> None:
        page.line("timing:")
        page.field(
            "discount",
            0.95,
            Guess(
                path="timing.discount",
                message="a decision 14 steps ahead counts half",
                confirm="it; results are shown over a range",
            ),
        )
        steps = self._steps()
        if not len(steps):
            return
        usual = float(np.median(steps))
        regular = usual > 0 and float(np.mean(np.abs(steps / usual - 1) < 0.01)) > 0.8
        if regular:
            page.field(
                "control_period_seconds",
                usual,
                Guess(path="timing.control_period_seconds", message="the usual step between rows"),
            )
        gaps = int(np.sum(steps > 3 * usual)) if regular else 0
        if gaps:
            page.field(
                "max_gap_seconds",
                3 * usual,
                Guess(path="timing.max_gap_seconds", message=f"{gaps:,} steps are longer than 3 usual ones"),
            )

    def _steps(self) -> FloatArray:
        if self.roles.time is None:
            return np.zeros(0)
        order, keys = self.roles.order, self.roles.keys
        moments = self.profiles[self.roles.time].values[order]
        return np.asarray(np.diff(moments)[keys[order][1:] == keys[order][:-1]])

    def _outcomes(self, page: Page) -> None:
        if self.roles.terminated is None:
            return
        page.line("outcomes:")
        page.field(
            "terminated",
            self.roles.terminated,
            Guess(
                path="outcomes.terminated",
                message=self.meanings.get(self.roles.terminated, "true on last rows of trajectories only"),
                confirm="that the task ends there",
            ),
        )

    def _data(self, page: Page) -> None:
        roles, data = self.roles, self.data
        page.line("data:")
        if self.source.format not in PLAIN_FORMATS:
            page.field("format", self.source.format)
        self._column(page, "trajectory", roles.trajectory, "comes back in many rows")
        self._column(page, "demonstrator", roles.demonstrator, "the name says a person")
        self._column(page, "time", roles.time, self._order())
        if roles.time is not None:
            p = self.profiles[roles.time]
            if p.time_format is not None:
                confirm = "day and month" if p.ambiguous else ""
                page.field(
                    "time_format",
                    p.time_format,
                    Guess(path="data.time_format", message="reads every value", confirm=confirm),
                )
            self._cut(page)
        if roles.weight is not None:
            page.field(
                "weight", roles.weight, Guess(path="data.weight", message="from the header", confirm="it")
            )
        if roles.repeats:
            message = f"{roles.repeats:,} rows have the trajectory and time of another"
            page.field(
                "duplicates",
                "keep",
                Guess(path="data.duplicates", message=message, confirm="that each is a decision"),
            )
        if self.source.format == "csv":
            page.field("delimiter", data.delimiter)
        if data.decimal != ".":
            page.field("decimal", data.decimal)
        if data.encoding != "utf-8":
            page.field(
                "encoding",
                data.encoding,
                Guess(
                    path="data.encoding", message="the file is not UTF-8", confirm="that letters look right"
                ),
            )
        missing = sorted({t for p in self.profiles.values() for t in p.missing_texts})
        if missing:
            page.field(
                "missing_values",
                missing,
                Guess(path="data.missing_values", message="texts that look like a missing value"),
            )
        page.field("held_out", 0.2)

    def _order(self) -> str:
        """What the time does for the rows; a date whose time of day stands in another column does half of it."""
        clocks = [p.name for p in self.profiles.values() if p.kind == "clock"]
        if self.roles.time is None or not clocks or np.any(self.profiles[self.roles.time].numbers % DAY):
            return "orders the rows"
        return f"orders the days only; write it and `{clocks[0]}` in one column, as in 2024-05-01T13:00, and name that"

    def _column(self, page: Page, field: str, column: str | None, message: str) -> None:
        rivals = self.roles.rivals.get(field, ())
        if column is not None:
            confirm = f"it (or {', '.join(rivals)})" if rivals else "it"
            message = self.meanings.get(column, message)
            page.field(field, column, Guess(path=f"data.{field}", message=message, confirm=confirm))

    def _cut(self, page: Page) -> None:
        """Few trajectories that last long are cut, so that errors can be clustered and something held out."""
        if self.roles.time is None:
            return
        keys, moments = self.roles.keys, self.profiles[self.roles.time].values
        count = len(np.unique(keys))
        for seconds, how in ((7 * DAY, "by week"), (DAY, "at midnight"), (3600, "every hour")):
            piece = np.floor(moments / seconds).astype(np.int64)
            pieces = len(np.unique(keys * (int(np.ptp(piece)) + 1) + piece - piece.min()))
            if count < FEW_TRAJECTORIES <= pieces and len(keys) / pieces >= ROWS_A_PIECE:
                one = "1 trajectory is" if count == 1 else f"{count} trajectories are"
                message = f"{one} too few to hold some out; cut {how} there are {pieces}"
                page.field("cut_seconds", seconds, Guess(path="data.cut_seconds", message=message))
                return


def _outwards(low: float, high: float, unit: str | None, *, few: bool) -> tuple[float, float]:
    """Round bounds just outside of what was seen."""
    if few:
        return low, high if high > low else low + 1
    if unit == "percent" and low >= 0 and high <= 100:
        return 0.0, 100.0
    step = 10.0 ** math.floor(math.log10(high - low)) / 5 if high > low else 1.0
    below = math.floor(low / step) * step
    return (0.0 if 0 <= below < 0.3 * high else round(below, 12)), round(math.ceil(high / step) * step, 12)
