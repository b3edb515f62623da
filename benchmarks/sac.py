"""Soft actor-critic on the compiled Pendulum-v1: 2 x 256, batch 256, one update a decision, one thread.

``--case steps``: decisions a CPU second after the first 1,000, the cold start, and the share of the gemm rate: the
floating point operations of an update are counted layer by layer (forward, gradients of weights and of inputs), and the
same 16 products of 256 x 256 x 256, in the same forms (plain, one side transposed, both critics in a batch), are timed
in turn with pieces of the run; medians of both. ``--case return``: CPU seconds from process start until the mean return
of the last 10 training episodes is at least -200. The peers' script is ``peers/sac_pendulum.py``. One JSON line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from itertools import pairwise
from typing import Any

WARM = 1_000
PIECE = 200


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=("steps", "return"), default="steps")
    parser.add_argument("--steps", type=int, default=2_000, help="measured, after the first 1,000")
    parser.add_argument("--key", type=int, default=0)
    parser.add_argument("--rate", type=float, default=3e-4, help="of Adam")
    parser.add_argument("--most", type=int, default=30_000, help="decisions after which to give up")
    options = parser.parse_args()
    told = steps(options) if options.case == "steps" else to_return(options)
    print(json.dumps({"learner": "telic", "case": options.case, "cpu_seconds": time.process_time(), **told}))


def learner(rate: float) -> Any:
    """As the peers' defaults."""
    from telic.neural.simulators import pendulum
    from telic.planning.rl.sac import Sac

    return Sac(simulator=pendulum(), n_steps=PIECE, learning_rate=rate, temperature_rate=rate)


def steps(options: argparse.Namespace) -> dict[str, Any]:
    """Decisions a second, and what of the gemm rate that is."""
    from telic.neural.driver import train

    sac, gemm, taken = learner(options.rate), [], []
    n_pieces, products, last = (WARM + options.steps) // PIECE, None, 0.0
    began = {}

    def piece(n: int, _: Any) -> None:
        nonlocal products, last
        now = time.process_time()
        if n == 1:
            began["first_200_cpu_seconds"] = now
        if n * PIECE == WARM:
            began["first_1000_cpu_seconds"] = now
            products = plan(sac.batch)
        if n * PIECE > WARM:
            taken.append((now - last) / PIECE)
        if products is not None:
            gemm.append(sum(times * seconds(run) for times, run in products))
        last = time.process_time()

    train(sac, options.key, n_pieces, sink=piece)
    each, gemm_seconds = statistics.median(taken), statistics.median(gemm)
    counted = operations(sac.batch, sac.simulator.n_observations, sac.head.n_dimensions, sac.hidden)
    rate = 16 * 2 * sac.batch * 256 * 256 / gemm_seconds
    return {
        "steps_a_second": 1 / each,
        **began,
        "operations_an_update": counted,
        "operations_a_second": counted / each,
        "gemm_operations_a_second": rate,
        "share_of_gemm_rate": counted / each / rate,
    }


def to_return(options: argparse.Namespace) -> dict[str, Any]:
    """Until it is good enough."""
    from telic.neural.driver import train

    found = train(
        learner(options.rate), options.key, options.most // PIECE,
        stop=lambda m: m["n_episodes"] >= 10 and m["mean_return"] >= -200,
    )  # fmt: skip
    return {
        "n_decisions": 100 + found.n_steps * PIECE,
        "mean_return": float(found.history["mean_return"][-1]),
    }


def operations(batch: int, n_observations: int, n_actions: int, hidden: tuple[int, ...]) -> int:
    """Multiplications and additions of the matrix products of one update."""

    def layers(n_in: int, n_out: int) -> list[int]:
        return [2 * batch * a * b for a, b in pairwise((n_in, *hidden, n_out))]

    actor = layers(n_observations, 2 * n_actions)
    critic = layers(n_observations + n_actions, 1)
    targets = sum(actor) + 2 * sum(critic)
    # Forward, gradients of weights, gradients of inputs of all but the first layer.
    critics = 2 * (sum(critic) + sum(critic) + sum(critic[1:]))
    actors = sum(actor) + sum(actor) + sum(actor[1:]) + 2 * (sum(critic) + sum(critic))
    return targets + critics + actors


REPEATS = 40


def plan(n: int) -> list[tuple[int, Any]]:
    """The 16 large products of an update: how many of each form, and what runs ``REPEATS`` of them."""
    import jax
    import jax.numpy as jnp

    def chain(form: str, shape: tuple[int, ...]) -> Any:
        a, b, c = {"NN": ("ij", "jk", "ik"), "NT": ("ij", "kj", "ik"), "TN": ("ji", "jk", "ik")}[form]
        batch = "n" if len(shape) == 3 else ""
        w = 0.06 * jax.random.normal(jax.random.key(1), shape)

        def body(x: Any, _: Any) -> Any:
            return jnp.einsum(f"{batch}{a},{batch}{b}->{batch}{c}", x, w), None

        run = jax.jit(lambda x: jax.lax.scan(body, x, None, length=REPEATS)[0])
        jax.block_until_ready(run(w))
        return lambda: jax.block_until_ready(run(w))

    one, two = (n, 256), (2, n, 256)
    # Passes of the actor (2) and of two critics (targets, critics, actor's), then gradients of inputs and of weights.
    return [
        (2, chain("NN", one)),
        (3, chain("NN", two)),
        (1, chain("NT", one)),
        (2, chain("NT", two)),
        (1, chain("TN", one)),
        (1, chain("TN", two)),
    ]


def seconds(run: Any) -> float:
    """CPU seconds of one product."""
    before = time.process_time()
    run()
    return (time.process_time() - before) / REPEATS


if __name__ == "__main__":
    main()
