"""The posterior of Rust's bus engines, by sampling and by quadrature: replacement cost and operating cost, group 4.

The draws are those of ``nuts_posterior`` (90 bins, discount .9999, normal prior around 0). The other side uses no
code of telic: prior times likelihood is summed over a grid (``bus_surface.py``). Compared are means, standard
deviations, quantiles and marginals, each difference beside its Monte Carlo error; the share of the draws inside the
surface's regions of highest density; and the mode with the published estimate (Rust 1987, table IX).

    python reproductions/bus_posterior.py [--data DIR] [--chains 4] [--draws 5000] [--points 121]

prints one JSON line; without ``TELIC_FULL=1`` the defaults are 2 chains of 600 draws and 61 points. ``--plot FILE``
draws ``docs/figures/bus_posterior.svg`` from such a line instead.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from bus_surface import BINS, DISCOUNT, Surface, log_likelihood, surface

ROOT = Path(__file__).resolve().parent.parent
FIGURE = ROOT / "docs" / "figures" / "bus_posterior.svg"

NAMES = ("replacement_cost", "operating_cost")
PUBLISHED = (10.0750, 2.2930)
PRIOR_SD = 1_000.0
"""So wide that the mode is the published estimate to its digits, and still a proper prior."""

QUANTILES = (0.05, 0.5, 0.95)
MASSES = (0.5, 0.9, 0.99)
"""Regions of highest density."""

SLICES = 40
"""Equal steps between the .0005 and .9995 quantiles, and the two tails, over which marginals are compared."""

SHOWN = 250
"""Draws kept for the figure."""

SEEN = ((6.0, 17.0), (0.7, 5.2))
"""What the figure holds of each axis."""

FIGURE_POINTS = 81

KEY = 20_260_401


def error(values: np.ndarray) -> float:
    """Monte Carlo standard error of the mean of ``(chains, draws)`` values."""
    return float(values.std() / np.sqrt(effective(values)))


def effective(values: np.ndarray) -> float:
    """Effective number of draws for the mean of ``(chains, draws)`` values."""
    import arviz

    return float(arviz.ess(values, method="mean"))


def compared(draws: np.ndarray, truth: Surface) -> dict[str, Any]:
    """By weight: each statistic of the draws, of the surface, and the Monte Carlo error of their difference."""
    told = {}
    for k, name in enumerate(NAMES):
        x = draws[:, :, k].astype(float)
        mean, sd = truth.moments(k)
        rows = {
            "mean": row(x.mean(), mean, error(x)),
            # The delta method: var(s) = var((x - mean)^2) / (4 s^2).
            "standard_deviation": row(x.std(), sd, error((x - x.mean()) ** 2) / (2 * sd)),
        }
        density = np.interp([truth.quantile(k, q) for q in QUANTILES], truth.axes[k], truth.marginal(k))
        for q, p in zip(QUANTILES, density, strict=True):
            at = truth.quantile(k, q)
            rows[f"quantile_{q:g}"] = row(float(np.quantile(x, q)), at, error(x <= at) / float(p))
        told[name] = {**rows, **variation(x, truth, k)}
    return told


def row(found: float, truth: float, error: float) -> dict[str, float]:
    """One statistic."""
    return {"draws": float(found), "surface": truth, "error": error, "z": (float(found) - truth) / error}


def variation(x: np.ndarray, truth: Surface, k: int) -> dict[str, float]:
    """Total variation between draws and surface over slices of one weight, and what chance alone would make it."""
    cuts = np.linspace(truth.quantile(k, 0.0005), truth.quantile(k, 0.9995), SLICES + 1)
    p = np.diff(np.concatenate([[0.0], truth.cdf(k)(cuts), [1.0]]))
    found = np.histogram(x, np.concatenate([[-np.inf], cuts, [np.inf]]))[0] / x.size
    by_chance = 0.5 * np.sqrt(2.0 * p * (1.0 - p) / (np.pi * effective(x))).sum()
    return {"total_variation": 0.5 * float(np.abs(found - p).sum()), "by_chance": float(by_chance)}


def regions(draws: np.ndarray, truth: Surface) -> dict[str, Any]:
    """Share of the draws inside each region of highest density of the surface."""
    log = truth.at(draws.reshape(-1, 2)).reshape(draws.shape[:2])
    told = {}
    for mass in MASSES:
        inside = (log >= truth.threshold(mass)).astype(float)
        told[f"{mass:g}"] = row(inside.mean(), mass, error(inside))
    return told


def data_of(folder: Path | None) -> tuple[Any, np.ndarray, np.ndarray]:
    """The likelihood of ``bus_engine.py``, and the chances and counts that the surface needs."""
    import bus_engine

    odometers = bus_engine.load_parser()
    rows = odometers.read_odometers(bus_engine.data_folder(folder), [4])
    state, increment = odometers.bin_mileage(rows, BINS)
    with mock.patch("telic.inference.fit_likelihood", lambda likelihood, **_: likelihood):
        likelihood = bus_engine.fit(rows, (state, increment), bins=BINS, discount=DISCOUNT)
    counts = np.zeros((BINS, 2))
    np.add.at(counts, (state, rows.replaced.astype(int)), 1.0)
    return likelihood, np.bincount(increment) / len(increment), counts


def run(folder: Path | None, chains: int, n_draws: int, points: int) -> dict[str, Any]:
    """The line that is printed."""
    from telic.inference.posterior import NutsSettings, nuts_posterior
    from telic.rewards import NormalPrior

    likelihood, steps, counts = data_of(folder)
    start = time.process_time()
    truth = surface(steps, counts, points, PRIOR_SD)
    coarse = Surface((truth.axes[0][::2], truth.axes[1][::2]), truth.log[::2, ::2])
    of_surface = time.process_time() - start
    posterior = nuts_posterior(
        likelihood,
        NormalPrior.of(NAMES, dict.fromkeys(NAMES, PRIOR_SD)),
        settings=NutsSettings(n_chains=chains, n_draws=n_draws),
        key=KEY,
    )
    draws = np.asarray(posterior.draws)
    some = np.random.default_rng(KEY).choice(draws.reshape(-1, 2), 20)
    ours = np.array([likelihood.evaluate(w, order=0).value for w in some])
    weights, held = compared(draws, truth), regions(draws, truth)
    mode = dict(zip(NAMES, posterior.mode.tolist(), strict=True))
    every = [r["z"] for table in (*weights.values(), held) for r in table.values() if isinstance(r, dict)]
    return {
        "group": 4,
        "bins": BINS,
        "discount": DISCOUNT,
        "prior_standard_deviation": PRIOR_SD,
        "result": posterior.outcome.label,
        "chains": chains,
        "draws": chains * n_draws,
        "points": points**2,
        "mode": mode,
        "published": dict(zip(NAMES, PUBLISHED, strict=True)),
        "weights": weights,
        "regions": held,
        "largest_z": float(np.abs(every).max()),
        "n_compared": len(every),
        "likelihood_difference": float(
            np.abs(ours - log_likelihood(some[:, 0], some[:, 1], steps, counts)).max()
        ),
        "density_on_the_edge": truth.edge(),
        "of_half_the_points": max(
            abs(a - b) for k in (0, 1) for a, b in zip(truth.moments(k), coarse.moments(k), strict=True)
        ),
        "diagnostics": posterior.diagnostics.to_json(NAMES),
        "cpu_seconds": {"surface": of_surface, "draws": posterior.seconds},
        "drawn": drawn(draws),
    }


def drawn(draws: np.ndarray) -> dict[str, Any]:
    """What the figure shows of the draws: some of them, and histograms of all."""
    flat = draws.reshape(-1, 2)
    told = {}
    for k, name in enumerate(NAMES):
        heights, edges = np.histogram(flat[:, k], 32, range=SEEN[k], density=True)
        some = flat[:: max(1, len(flat) // SHOWN), k][:SHOWN]
        told[name] = {
            "draws": some.round(4).tolist(),
            "heights": heights.round(6).tolist(),
            "edges": edges.round(6).tolist(),
        }
    return told


def plot(line: dict[str, Any], folder: Path | None) -> None:
    """The draws over the contours of the surface, and both marginals at the sides."""
    from telic.workflows.figures.canvas import ACCENTS, DASHES, INK, MUTED, PAPER, canvas, to_svg
    from telic.workflows.figures.standalone import standalone

    _, steps, counts = data_of(folder)
    truth = surface(steps, counts, FIGURE_POINTS, PRIOR_SD)
    dots, edge = ACCENTS[0], ACCENTS[1]
    shares = {"width_ratios": (4, 1.1), "height_ratios": (1.1, 4)}
    with canvas(6.4, 5.6, rows=2, columns=2, gridspec_kw=shares) as (figure, (above, corner, axis, side)):
        corner.axis("off")
        some = [line["drawn"][name] for name in NAMES]
        axis.plot(some[0]["draws"], some[1]["draws"], "o", color=dots, markersize=3, alpha=0.6, mew=0)
        levels = [truth.threshold(mass) for mass in reversed(MASSES)]
        lines = axis.contour(
            *truth.axes,
            truth.log.T,
            levels=levels,
            colors=edge,
            linewidths=1.6,
            linestyles=[DASHES[i] for i in (2, 1, 0)],
        )
        for mass, pieces in zip(reversed(MASSES), lines.allsegs, strict=True):
            tip = max(np.concatenate(pieces), key=sum)  # its upper right end, where there is room
            words, box = f"{100 * mass:g} %", {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}
            axis.annotate(
                words, tip, xytext=(5, -2), textcoords="offset points", color=INK, fontsize=9.5, bbox=box
            )
        axis.plot(*PUBLISHED, marker="X", color=INK, markeredgecolor=PAPER, markersize=10, linestyle="none")
        axis.set_xlim(*SEEN[0])
        axis.set_ylim(*SEEN[1])
        axis.set_xlabel("replacement cost")
        axis.set_ylabel("operating cost")
        for k, (beside, name) in enumerate(zip((above, side), NAMES, strict=True)):
            bars, curve = line["drawn"][name], (truth.axes[k], truth.marginal(k))
            turn = "horizontal" if k else "vertical"
            beside.stairs(bars["heights"], bars["edges"], orientation=turn, fill=True, color=dots, alpha=0.35)
            beside.plot(*(reversed(curve) if k else curve), color=edge, linewidth=1.6)
            (beside.set_ylim if k else beside.set_xlim)(*SEEN[k])
            beside.set_xticks([]), beside.set_yticks([])
            beside.spines["bottom" if k else "left"].set_visible(False)
        keys = key_of(dots, edge, DASHES[0], INK)
        figure.legend(*keys, loc="outside lower center", ncols=3, labelcolor=MUTED)
        svg = to_svg(figure)
    FIGURE.write_text(standalone(svg))


def key_of(dots: str, edge: str, dash: Any, ink: str) -> tuple[list[Any], list[str]]:
    """Marks of the legend and their words."""
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=dots, marker="o", markersize=4, linestyle="none"),
        Line2D([], [], color=edge, linestyle=dash),
        Line2D([], [], color=ink, marker="X", markersize=8, linestyle="none"),
    ]
    return marks, ["draws", "likelihood surface times prior", "published estimate"]


def main() -> int:
    """Compare and print, or draw what was printed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    full = os.environ.get("TELIC_FULL") == "1"
    parser.add_argument("--data", type=Path, default=None, help="folder with the odometer files")
    parser.add_argument("--chains", type=int, default=4 if full else 2)
    parser.add_argument("--draws", type=int, default=5_000 if full else 600, help="of each chain")
    parser.add_argument("--points", type=int, default=121 if full else 61, help="of the grid, each way")
    parser.add_argument("--plot", type=Path, default=None, help="draw the line in this file, or this result")
    options = parser.parse_args()
    if options.plot is not None:
        plot(json_line(options.plot.read_text()), options.data)
        return 0
    print(json.dumps(run(options.data, options.chains, options.draws, options.points)))
    return 0


def json_line(text: str) -> dict[str, Any]:
    """What was printed, from that line or from the result that keeps it."""
    found: dict[str, Any] = json.loads(text)
    return found["results"][0] if "results" in found else found


if __name__ == "__main__":
    sys.exit(main())
