"""`econirl` 0.1.1 on bus group 4: nested fixed point, its own copy of the data, a cold fit and a warm one.

One JSON line: parameters, choice log-likelihood, CPU seconds of each fit.
"""

from __future__ import annotations

import json
import time
import warnings

warnings.simplefilter("ignore")

from econirl import NFXP  # noqa: E402
from econirl.datasets import load_rust_bus, rust_bus_reward_spec  # noqa: E402


def main() -> None:
    """Fit twice and print."""
    data = load_rust_bus(original=True, group=4)
    seconds = []
    for _ in range(2):
        start = time.process_time()
        model = NFXP(n_states=90, discount=0.9999, utility=rust_bus_reward_spec(90))
        model.fit(data, state="mileage_bin", action="replaced", id="bus_id")
        seconds.append(time.process_time() - start)
    print(
        json.dumps(
            {
                "peer": "econirl 0.1.1",
                "n_decisions": len(data),
                "parameters": {k: float(v) for k, v in model.params_.items()},
                "standard_errors": {k: float(v) for k, v in model.se_.items()},
                "choice_log_likelihood": float(model.log_likelihood_),
                "converged": bool(model.converged_),
                "cpu_seconds_cold": seconds[0],
                "cpu_seconds_warm": seconds[1],
            }
        )
    )


if __name__ == "__main__":
    main()
