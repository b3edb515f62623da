"""A reward network stored as ONNX, as a function of states, actions and next states that can be compared.

The network sees measurements, the world has indices: the caller gives a row of measurements for each state (and for
each action; default one-hot). A network of one input takes them side by side, in the order state, action, next state,
as many as its width asks for; a network of several inputs names them ``state``, ``action`` and ``next_state``.

Needs the package onnxruntime, which telic does not install. Only bytes are read, so that a digest can be
checked before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, SettingsError
from telic.typing import FloatArray, LongArray

from .reward_forms import RewardFunction

__all__ = ["onnx_reward"]

BATCH = 65_536
"""Transitions that the network is asked for at once."""

PARTS = ("state", "action", "next_state")
"""What a network may look at, in the order in which they stand side by side."""

ORDERS: tuple[tuple[str, ...], ...] = (
    ("state",),
    ("state", "action"),
    ("state", "next_state"),
    ("state", "action", "next_state"),
)
"""Sets of parts that a network of one input may take."""

TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}
"""Element types of an input, by ONNX name."""


def onnx_reward(
    model: bytes,
    states: Float[np.ndarray, "S D"],
    *,
    actions: Float[np.ndarray, "A E"] | None = None,
    n_actions: int | None = None,
    parts: Sequence[str] | None = None,
) -> RewardFunction:
    """The network as a function ``(states, actions, next_states) -> values`` of indices.

    Args:
        model: the ONNX file's bytes.
        states: measurements of each state, as the network was trained on.
        actions: measurements of each action; default one-hot of ``n_actions``.
        n_actions: A, where ``actions`` is not given.
        parts: what stands side by side in a network of one input, of ``state``, ``action``, ``next_state``; default as
            its width asks for.

    Raises:
        SettingsError: onnxruntime is not installed, the bytes are no ONNX model, or its inputs cannot be filled.
    """
    session = _session(model)
    if actions is None:
        if n_actions is None:
            raise SettingsError(
                "`actions` or `n_actions` is needed.", hint="How many actions does the world have?"
            )
        actions = np.eye(n_actions)
    tables = {"state": states, "action": actions, "next_state": states}
    inputs = {node.name: node for node in session.get_inputs()}
    recipe = _recipe(inputs, tables, parts)
    output = session.get_outputs()[0].name

    def reward(s: LongArray, a: LongArray, nxt: LongArray) -> FloatArray:
        index = {"state": s, "action": a, "next_state": nxt}
        values = np.empty(len(s))
        for start in range(0, len(s), BATCH):
            rows = slice(start, start + BATCH)
            feed = {
                name: np.concatenate([tables[part][index[part][rows]] for part in wanted], axis=1).astype(
                    TYPES[inputs[name].type]
                )
                for name, wanted in recipe.items()
            }
            answer = np.asarray(session.run([output], feed)[0], dtype=np.float64)
            if answer.size != len(s[rows]):
                raise FeatureError(
                    f"The network answered {len(s[rows])} transitions with shape {answer.shape}.",
                    hint="Its first output must be one number for each transition.",
                )
            values[rows] = answer.ravel()
        return values

    return reward


def _session(model: bytes) -> Any:
    try:
        runtime: Any = import_module("onnxruntime")
    except ModuleNotFoundError as problem:
        raise SettingsError(
            f"Reading an ONNX reward needs the package {problem.name!r}, which is not installed.",
            hint="pip install onnxruntime; or give the reward as an array, or as a function of your own.",
        ) from problem
    try:
        return runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except Exception as problem:  # the library's errors share no other parent
        raise SettingsError(
            f"These {len(model):,} bytes are no ONNX model that can be run: {str(problem).splitlines()[0]}",
            hint="Pass the bytes of the .onnx file, with its weights inside.",
        ) from problem


def _recipe(
    inputs: Mapping[str, Any], tables: Mapping[str, FloatArray], parts: Sequence[str] | None
) -> dict[str, tuple[str, ...]]:
    unknown = [f"{name} of {node.type}" for name, node in inputs.items() if node.type not in TYPES]
    if unknown:
        raise SettingsError(
            f"Inputs must be float or double, got {', '.join(unknown)}.",
            hint="Export the network with float inputs.",
        )
    if len(inputs) > 1:
        if not set(inputs) <= set(PARTS):
            raise SettingsError(
                f"A network of several inputs must name them {', '.join(PARTS)}; this one has {', '.join(inputs)}.",
                hint="Rename them at export, or wrap the network in a function of your own.",
            )
        return {name: (name,) for name in inputs}
    ((name, node),) = inputs.items()
    if parts is not None:
        if not parts or not set(parts) <= set(PARTS):
            raise SettingsError(
                f"`parts` must be of {', '.join(PARTS)}, got {tuple(parts)}.", hint="In order."
            )
        return {name: tuple(parts)}
    width = node.shape[-1]
    fits = [order for order in ORDERS if sum(tables[part].shape[1] for part in order) == width]
    if len(fits) != 1:
        found = "more than one fits" if fits else "none fits"
        raise SettingsError(
            f"The network takes {width} numbers; states have {tables['state'].shape[1]}, actions "
            f"{tables['action'].shape[1]}: of state, state and action, state and next state, and all three {found}.",
            hint="Say which with `parts`, for example ('state', 'action').",
        )
    return {name: fits[0]}
