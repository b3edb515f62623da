"""How soon does a gate stop when the experts' taste changes?

The worlds and gates of ``autonomy_gate.py`` (alpha .1). After 500 decisions the experts' taste is another draw from the
prior, and so is what acting loses. The monitor (mean run to a false halt 10,000 acted decisions) watches the losses of
the decisions that were acted on. Counted: decisions of all kinds from the change to the halt, after which nothing is
acted on, so that the risk is back under alpha; and halts before the change, which are false.

``python reproductions/autonomy_shift.py [REPETITIONS]``; 200 with ``TELIC_FULL=1``, else 10. One JSON line a world.
"""

from __future__ import annotations

import json
import os
import sys
import time

import numpy as np
from autonomy_gate import ALPHA, KEY, SPREAD, Case, acting, cases, draw, share_and_risk, true_regret, visited

from telic.evaluation import RiskMonitor

PEACE, LONGEST = 500, 5_000


def one(case: Case, key: tuple[int, ...]) -> dict[str, float]:
    """Risk after the change, and decisions until the halt."""
    rng = np.random.default_rng(key)
    drawn = draw(case, rng)
    acted = acting(drawn, drawn.found.scores, case.bound, ALPHA)
    truth = rng.normal(scale=SPREAD, size=case.features.n_features)
    often, regret = visited(case, truth), true_regret(case, truth, drawn.found.actions)
    share, risk = share_and_risk(often, acted, regret > case.bound)
    watch = RiskMonitor(alpha=ALPHA)
    stages = ((drawn.often, drawn.regret, PEACE), (often, regret, LONGEST))
    seen, false_halt = 0, False
    for i, (chances, lost, n) in enumerate(stages):
        for s in rng.choice(len(chances), size=n, p=chances).tolist():
            seen += 1
            if acted[s]:
                watch = watch.observe(exceeds=bool(lost[s] > case.bound))
            if watch.halted:
                break
        if i == 0:
            false_halt = watch.halted
        if watch.halted:
            break
    return {
        "share": share,
        "risk": risk,
        "false_halt": float(false_halt),
        "halted": float(watch.halted),
        "decisions": float(seen - PEACE),
    }


def main() -> int:
    """Prints one JSON line a world."""
    default = 200 if os.environ.get("TELIC_FULL") == "1" else 10
    n = int(sys.argv[1]) if len(sys.argv) > 1 else default
    for i, case in enumerate(cases()):
        start = time.process_time()
        runs = [one(case, (KEY, 50 + i, r)) for r in range(n)]
        worse = [r for r in runs if r["risk"] > ALPHA and r["share"] > 0 and not r["false_halt"]]
        late = np.array([r["decisions"] if r["halted"] else np.inf for r in worse])
        answer = {
            "world": case.name,
            "repetitions": n,
            "false_halts": sum(r["false_halt"] for r in runs),
            "risk_above_alpha": len(worse),
            "mean_risk_there": float(np.mean([r["risk"] for r in worse])) if worse else None,
            "decisions_until_halt": {
                str(q): float(x) if np.isfinite(x := np.quantile(late, q, method="higher")) else None
                for q in (0.5, 0.9, 1.0)
                if worse
            },
            "not_halted": int(np.isinf(late).sum()),
            "seconds": time.process_time() - start,
        }
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
