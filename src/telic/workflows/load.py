"""``load``: logs to demonstrations in hand, by a contract, without a project folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from telic.contract import TaskContract
from telic.datasets import load_contract, read_demonstrations
from telic.trajectories import Demonstrations

__all__ = ["load"]


def load(
    sources: str | Path | Sequence[str | Path], *, contract: str | Path | TaskContract
) -> Demonstrations:
    """The decisions that the files hold, as measured (``StateSpace.encode`` gives them states).

    Args:
        sources: one or several CSV, JSON lines or Parquet files.
        contract: what the columns mean, or the file that says it.

    Raises:
        ContractError: the contract is not valid.
        DataError: the files break it; file, line and column are named.
    """
    meaning = contract if isinstance(contract, TaskContract) else load_contract(contract)
    return read_demonstrations(meaning, sources)
