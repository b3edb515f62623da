"""What ``imitate`` learns from: decisions of a project or a file, what of them is seen, and what of them was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from telic._core.near_miss import near_miss
from telic.contract import TaskContract
from telic.datasets.splits import split
from telic.errors import DataError, PermanentError, SettingsError
from telic.reports import Finding
from telic.trajectories import Demonstrations

from .load import load
from .origins import learned_from
from .project import Project
from .settings_files import whole_number

__all__ = ["ImitateData", "data_of"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImitateData:
    """Decisions and how they are read.

    Attributes:
        place: where they lie.
        contract_path: what they mean.
        contract: the same, read.
        project: that they belong to, or None.
        version: digest of the dataset version of a project, or None.
        demos: decisions that may be learned from, as measured.
        columns: observed columns that a policy sees.
        amounts: column of an amount that was done to its bounds; empty: the actions of the contract.
        n_components: bells of a mixture, for amounts.
        origins: whose decisions were asked for.
    """

    place: Path
    contract_path: Path
    contract: TaskContract
    project: Project | None
    version: str | None
    demos: Demonstrations
    columns: tuple[str, ...]
    amounts: Mapping[str, tuple[float, float]]
    n_components: int
    origins: tuple[str, ...] | None

    @cached_property
    def parts(self) -> tuple[Demonstrations, Demonstrations]:
        """``(learned from, kept for the score)``, as the contract splits them."""
        return split(self.demos, self.contract.data)

    @property
    def learning(self) -> Demonstrations:
        """Decisions that are learned from."""
        return self.parts[0]

    @property
    def held_out(self) -> Demonstrations:
        """Decisions that are scored; may have none."""
        return self.parts[1]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was noticed of the decisions."""
        return self.demos.findings

    @property
    def suited_method(self) -> str:
        """Counts where what is seen has names, else a network: neighbours of what is measured tell of each other."""
        seen = {o.name: o for o in self.contract.observations if o.name in self.columns}
        is_named = all(
            o.type in ("category", "boolean") or (o.type == "integer" and o.bins is None)
            for o in seen.values()
        )
        return "counts" if is_named and not self.amounts else "cloning"

    @property
    def described(self) -> dict[str, Any]:
        """The same as a settings file has it, with nothing left to a default."""
        return {
            "dataset": {
                "path": str(self.place.resolve()),
                **({} if self.project is not None else {"contract": str(self.contract_path.resolve())}),
                **({} if self.version is None else {"version": self.version}),
                "digest": self.demos.digest,
            },
            "observations": list(self.columns),
            "amounts": {name: list(bounds) for name, bounds in self.amounts.items()},
            "n_components": self.n_components,
            "origins": None if self.origins is None else list(self.origins),
        }


def data_of(place: Path, contract: str | Path | None, given: Mapping[str, Any]) -> ImitateData:
    """The decisions that settings name.

    Args:
        place: project folder, or file of decisions.
        contract: of a file; None for a project.
        given: checked top level of a settings file.

    Raises:
        ContractError, DataError, SettingsError: the contract, the decisions or the settings do not fit each other.
        PermanentError: there is no such place.
    """
    origins = _names(given, "origins")
    if contract is None:
        if place.is_file() and place.suffix not in (".yaml", ".yml", ".json"):
            raise SettingsError(
                f"{place} is a file of decisions; what its columns mean is not said.",
                hint=f"telic imitate {place} --contract contract.yaml",
            )
        project = Project.open(place)
        project.require_actions()
        version = project.dataset(given["dataset"].get("version"))
        meaning, path = project.contract, project.contract_path
        demos = learned_from(project.demonstrations(version), meaning, origins)
    else:
        if not place.exists():
            raise PermanentError(
                f"There is no file {place}.", hint="Check its name, and the folder that you are in."
            )
        path = Path(contract)
        from telic.datasets import load_contract

        project, version, meaning = None, None, load_contract(path)
        demos = load(place, contract=meaning, origins=origins)
    amounts = _amounts(given, meaning)
    return ImitateData(
        place=place if project is None else project.folder,
        contract_path=path,
        contract=meaning,
        project=project,
        version=None if version is None else version.digest,
        demos=demos,
        columns=_columns(given, meaning, demos, amounts),
        amounts=amounts,
        n_components=whole_number(given, "n_components", 1, least=1),
        origins=None if origins is None else tuple(origins),
    )


def _columns(
    given: Mapping[str, Any], contract: TaskContract, demos: Demonstrations, amounts: Mapping[str, Any]
) -> tuple[str, ...]:
    named = _names(given, "observations")
    if named is None:
        in_state = [o.name for o in contract.observations if o.in_state]
        return tuple(name for name in in_state if name in demos.observations and name not in amounts)
    for name in named:
        if name not in demos.observations:
            raise DataError(
                f"There is no observation `{name}`.{near_miss(name, demos.observations)}",
                hint=f"There are {', '.join(demos.observations)}.",
            )
        if name in amounts:
            raise SettingsError(
                f"`{name}` cannot be both seen and done.", hint="Take it out of `observations`."
            )
    return tuple(named)


def _amounts(given: Mapping[str, Any], contract: TaskContract) -> dict[str, tuple[float, float]]:
    asked = given.get("amounts") or {}
    known = {o.name: o for o in contract.observations}
    if isinstance(asked, (list, tuple)):
        asked = {str(name): None for name in asked}
    if not isinstance(asked, Mapping):
        raise SettingsError(
            f"`amounts` must hold bounds by column, got {asked!r}.", hint="amounts: {torque: [-2, 2]}"
        )
    found = {}
    for name, bounds in asked.items():
        if name not in known or known[name].type not in ("number", "integer"):
            raise SettingsError(
                f"There is no measured observation `{name}`.{near_miss(str(name), known)}",
                hint="Amounts that were done are columns of the log, declared as observations.",
            )
        pair: Any = (known[name].low, known[name].high) if bounds is None else bounds
        try:
            low, high = (float(x) for x in pair)
        except (TypeError, ValueError):
            raise SettingsError(
                f"The amount `{name}` needs its lowest and highest value, got {pair!r}.",
                hint=f"amounts: {{{name}: [-1, 1]}}, or `low` and `high` in the contract.",
            ) from None
        found[str(name)] = (low, high)
    return found


def _names(given: Mapping[str, Any], name: str) -> Sequence[str] | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(v, str) for v in value):
        raise SettingsError(
            f"`{name}` must be a list of names, got {value!r}.", hint=f"{name}: [first, second]"
        )
    return value
