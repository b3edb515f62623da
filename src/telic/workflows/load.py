"""``load``: logs to demonstrations in hand, by a contract, without a project folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from telic.contract import TaskContract
from telic.datasets import load_contract, read_demonstrations
from telic.trajectories import Demonstrations

from .origins import learned_from

__all__ = ["load"]


def load(
    sources: str | Path | Sequence[str | Path],
    *,
    contract: str | Path | TaskContract,
    origins: Sequence[str] | None = None,
) -> Demonstrations:
    """The decisions that the files hold, as measured (``StateSpace.encode`` gives them states).

    Args:
        sources: one or several files; of a contract with ``streams`` the folder that they lie in.
        contract: what the columns mean, or the file that says it.
        origins: whose trajectories are kept, of ``telic.trajectories.ORIGINS``; None: all but a policy's and an
            attacker's, and a finding says how many were left out.

    Raises:
        ContractError: the contract is not valid.
        DataError: the files break it; file, line and column are named.
        SettingsError: the decisions are a policy's, and ``origins`` does not name it.
    """
    meaning = contract if isinstance(contract, TaskContract) else load_contract(contract)
    return learned_from(read_demonstrations(meaning, sources), meaning, origins)
