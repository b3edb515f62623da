"""The table of kinds of policy: one ``Codec`` each, found by the policy's class or the kind in a file.

To add a kind, write its codec and name it in ``KINDS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telic.errors import DataError, SettingsError

from .bandits import BANDIT
from .chosen import MIXTURE, OPTIONS
from .codec import Codec
from .composed import ENSEMBLE, SERVED_ENSEMBLE, WINDOW
from .networks import NETWORK
from .recurrent import RECURRENT
from .served import SERVED
from .tables import HISTORY, TABLE, TREE

__all__ = ["KINDS", "REFUSED", "codec_named", "codec_of"]

KINDS: Mapping[str, Codec] = {
    codec.kind: codec
    for codec in (
        NETWORK,
        TABLE,
        TREE,
        HISTORY,
        ENSEMBLE,
        WINDOW,
        RECURRENT,
        SERVED,
        SERVED_ENSEMBLE,
        BANDIT,
        MIXTURE,
        OPTIONS,
    )
}

REFUSED: Mapping[str, str] = {
    "MpcPolicy": "A planner is its dynamics and its reward, which are no arrays of a policy: keep the checkpoint of"
    " what was trained, or imitate what it does by a network (`telic.imitation.network_distillation`).",
}
"""Class names of policies that no file can hold, and what to do instead."""


def codec_of(policy: Any) -> Codec:
    """The codec of a policy.

    Raises:
        SettingsError: there is none for its class.
    """
    for codec in KINDS.values():
        if isinstance(policy, codec.form):
            return codec
    name = type(policy).__name__
    raise SettingsError(
        f"A {name} cannot be written to a file; these can: {', '.join(c.form.__name__ for c in KINDS.values())}.",
        hint=REFUSED.get(name, "Write the policy that it was made from, or imitate it by one of these."),
    )


def codec_named(kind: Any) -> Codec:
    """The codec of a kind.

    Raises:
        DataError: there is none; the message is the end of a sentence.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        raise DataError(f"it holds a policy of kind {str(kind)[:60]!r}, which this telic does not know")
    return KINDS[kind]
