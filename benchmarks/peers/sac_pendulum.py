"""The peers' soft actor-critic on Pendulum-v1: 2 x 256, batch 256, one update a decision, one thread.

``--learner sb3|sbx --case steps``: decisions a CPU second after the first 1,000. ``--case return``: CPU seconds from
process start until the mean return of the last 10 training episodes is at least -200. One JSON line.
"""

from __future__ import annotations

import argparse
import json
import time


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--learner", choices=("sb3", "sbx"), required=True)
    parser.add_argument("--case", choices=("steps", "return"), default="steps")
    parser.add_argument("--steps", type=int, default=2_000, help="measured, after the first 1,000")
    parser.add_argument("--key", type=int, default=0)
    parser.add_argument("--rate", type=float, default=3e-4, help="of Adam")
    parser.add_argument("--most", type=int, default=30_000, help="decisions after which to give up")
    options = parser.parse_args()

    import torch
    from stable_baselines3.common.callbacks import BaseCallback

    torch.set_num_threads(1)
    if options.learner == "sb3":
        from stable_baselines3 import SAC
    else:
        from sbx import SAC

    class Watch(BaseCallback):
        warm = 0.0
        mean_return = float("nan")

        def _on_step(self) -> bool:
            if self.num_timesteps == 1_000:
                self.warm = time.process_time()
            returns = [e["r"] for e in list(self.model.ep_info_buffer)[-10:]]
            self.mean_return = sum(returns) / len(returns) if returns else float("nan")
            return not (options.case == "return" and len(returns) == 10 and self.mean_return >= -200)

    model = SAC("MlpPolicy", "Pendulum-v1", seed=options.key, learning_rate=options.rate)
    watch = Watch()
    total = options.most if options.case == "return" else 1_000 + options.steps
    model.learn(total, callback=watch)
    told = {"learner": options.learner, "case": options.case, "cpu_seconds": time.process_time()}
    if options.case == "steps":
        told["steps_a_second"] = options.steps / (time.process_time() - watch.warm)
        told["first_1000_cpu_seconds"] = watch.warm
    else:
        told |= {"n_decisions": model.num_timesteps, "mean_return": watch.mean_return}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
