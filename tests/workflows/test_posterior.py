"""`infer` with a posterior: beside Fieller's intervals, refused where chains disagree, kept chain by chain.

Chains are short here (2 of 250 draws after 100 of adaptation).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from machines import CONTRACT, WORTH, write_project

from telic.errors import SettingsError
from telic.reports import Outcome
from telic.workflows import InferSettings, infer, ingest, report
from telic.workflows.page import build_page
from telic.workflows.posterior import ChainFiles, PosteriorSettings

pytestmark = pytest.mark.slow

SHORT = PosteriorSettings(n_draws=250, n_chains=2, n_tune=100)
QUICK = InferSettings(with_profiles=False, posterior=SHORT)


@pytest.fixture(scope="module")
def believed(tmp_path_factory):
    """A project whose inference has a posterior; tests only read it."""
    folder = write_project(tmp_path_factory.mktemp("believed") / "machines")
    ingest(folder)
    return folder, infer(folder, settings=QUICK)


def chains_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("runs/*/chain-*.npz"))


def test_the_posterior_stands_beside_fieller(believed):
    _, told = believed
    data = told.report.data
    fitted, found = data["tradeoffs"][0], data["posterior"]["tradeoffs"][0]
    assert told.outcome is Outcome.SUCCESS
    assert found["interval"][0] < WORTH < found["interval"][1]
    # Of the same data, with a prior that decides next to nothing: nearly the same numbers.
    assert found["value"] == pytest.approx(fitted["value"], rel=0.02)
    assert np.ptp(found["interval"]) == pytest.approx(np.ptp(fitted["interval"]), rel=0.3)
    assert 0 < found["prior_share"] < 0.001
    d = data["posterior"]["diagnostics"]
    assert max(d["r_hat"].values()) <= 1.01
    assert min(d["bulk_ess"].values()) >= 200
    assert d["n_divergent"] == 0
    assert told.product.posterior.n_draws == 500
    text = told.report.to_text(width=100)
    assert "conditional on the transition probabilities" in " ".join(text.split())
    assert "a typical contrast of each feature changes the log-odds by 10" in " ".join(text.split())
    assert "Trade-offs: Fieller's interval beside the posterior's" in text
    assert "prior's share" in text


def test_plain_inference_says_nothing_of_a_posterior(finished_folder):
    data = infer(finished_folder).report.data
    assert data["posterior"] is None
    assert data["settings"]["posterior"] is None
    assert "posterior" not in infer(finished_folder).report.to_text(width=100)
    assert not chains_of(finished_folder)


def test_the_page_has_densities_with_the_prior_and_draws_each_against_each(believed):
    _, told = believed
    section = next(s for s in build_page(told.report.data).sections if s.anchor == "posterior")
    figures = [item for item in section.items if hasattr(item, "svg")]
    assert [f.title for f in figures] == [
        "One repair in steps of wear, after the decisions",
        "Weights after the decisions, each against each",
    ]
    assert list(figures[0].data["lines"]) == ["posterior", "prior"]
    x, y = np.array(figures[0].data["x"]), np.array(figures[0].data["lines"]["posterior"])
    assert np.trapezoid(y, x) == pytest.approx(1.0, abs=0.02)
    # The ratio of two normal numbers around 0 has a Cauchy distribution (here by a million draws).
    sds = [w["standard_deviation"] for w in told.report.data["posterior"]["prior"]["weights"].values()]
    z = np.random.default_rng(5).normal(size=(2, 1_000_000))
    ratio = sds[1] * z[1] / (sds[0] * z[0])
    expected = np.mean((ratio > x[0]) & (ratio < x[-1]))
    assert np.trapezoid(figures[0].data["lines"]["prior"], x) == pytest.approx(expected, rel=0.03)
    assert "dashed: prior" in figures[1].caption


def test_the_page_needs_the_numbers_alone(believed):
    folder, told = believed
    assert "The posterior" in report(folder).page.read_text()
    again = build_page(json.loads(json.dumps(told.report.data)))
    assert any(s.anchor == "posterior" for s in again.sections)


def test_draws_are_kept_as_plain_arrays(believed):
    folder, told = believed
    (path,) = folder.glob(f"runs/*/{told.report.data['posterior']['file']}")
    with np.load(path, allow_pickle=False) as file:
        assert file["draws"].shape == (2, 250, 2)
        assert file["names"].tolist() == ["wear", "repairs"]
        np.testing.assert_array_equal(file["draws"], told.product.posterior.draws)


KILLED = """
import os, signal, sys
from telic.workflows import InferSettings, infer
from telic.workflows.posterior import PosteriorSettings

def kill_after_the_first_chain(stage, done, total, note=""):
    if stage.startswith("posterior") and done == 1:
        os.kill(os.getpid(), signal.SIGKILL)

settings = InferSettings(
    with_profiles=False, posterior=PosteriorSettings(n_draws=250, n_chains=2, n_tune=100)
)
infer(sys.argv[1], settings=settings, progress=kill_after_the_first_chain)
"""


def test_a_killed_inference_goes_on_with_the_chains_that_it_has(believed, project_folder):
    ingest(project_folder)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(project_folder)], check=False)
    assert killed.returncode == -9
    (kept,) = chains_of(project_folder)
    made = kept.stat().st_mtime_ns
    done: list[tuple[float, float | None]] = []

    def note(stage: str, n: float, total: float | None, _: str = "") -> None:
        if stage == "posterior, all together":
            done.append((n, total))

    again = infer(project_folder, settings=QUICK, progress=note)
    assert done == [(0, 2), (1, 2), (2, 2)]
    assert kept.stat().st_mtime_ns == made  # not drawn again
    assert len(chains_of(project_folder)) == 2
    # Another start of the forward solver leaves other rounding.
    np.testing.assert_allclose(again.product.posterior.draws, believed[1].product.posterior.draws, atol=1e-6)


def test_a_chain_that_cannot_be_read_is_drawn_again(tmp_path):
    files = ChainFiles(folder=tmp_path, who="all together", n_draws=3)
    whole = {
        "z": np.ones((3, 1)),
        "log_density": np.ones(3),
        "diverging": np.ones(3),
        "n_evaluations": np.ones(9),
    }
    files.keep(0, whole)
    files.keep(1, whole)
    assert sorted(files.load(3)) == [0, 1]
    files.path(1).write_bytes(files.path(0).read_bytes()[:100])
    np.savez(files.path(0), **{**whole, "z": np.array([object()] * 3)})  # a pickle is not opened
    assert files.load(3) == {}
    assert ChainFiles(folder=tmp_path, who="all together", n_draws=4).load(3) == {}


def test_a_chain_cut_off_by_the_keyboard_is_none(tmp_path):
    files = ChainFiles(folder=tmp_path, who="ana", n_draws=3)
    with pytest.raises(KeyboardInterrupt):
        files.keep(0, {"z": np.ones((2, 1))})
    assert not list(tmp_path.iterdir())


def test_chains_that_do_not_agree_are_no_answer(telic, project_folder):
    telic("ingest", project_folder)
    told = telic("infer", project_folder, "--quick", "--posterior", "--draws", 20, "--json")
    assert told.status == 7
    data = json.loads(told.out)
    assert data["result"] == "success"  # that of the fit, which has one
    assert data["posterior"]["result"] == "not-mixed"
    assert data["posterior"]["tradeoffs"] == []
    assert data["posterior"]["weights"]["wear"]["mean"] is None
    assert "fewer than 400 effective draws" in told.err
    text = telic("infer", project_folder, "--quick", "--posterior", "--draws", 20)
    assert text.status == 7
    assert "the chains are not an answer" in text.out
    page = telic("report", project_folder)
    assert page.status == 7


def test_each_demonstrator_has_a_posterior_under_one_prior(telic, tmp_path):
    contract = CONTRACT.replace("trajectory: [machine]", "trajectory: [machine], demonstrator: who")
    contract += "people: {purpose: test, legal_basis: consent, informed_on: 2026-01-01}\n"
    folder = write_project(tmp_path / "machines", contract=contract)
    lines = (folder / "log.csv").read_text().splitlines()
    named = [f"{line},{'ana' if int(line[1:4]) % 2 else 'bo'}" for line in lines[1:]]
    (folder / "log.csv").write_text("\n".join([f"{lines[0]},who", *named]) + "\n")
    telic("ingest", folder)
    told = telic("infer", folder, "--quick", "--posterior", "laplace", "--prior", "wear=2", "--json")
    assert told.status == 0, told.err
    data = json.loads(told.out)
    priors = [fit["posterior"]["prior"] for fit in (data, *data["people"].values())]
    assert len(priors) == 3
    assert priors[0] == priors[1] == priors[2]
    assert priors[0]["weights"]["wear"] == {"mean": 0.0, "standard_deviation": 2.0}
    assert priors[0]["source"].startswith("wear: stated by the caller; the others default")
    for fit in data["people"].values():
        low, high = fit["posterior"]["tradeoffs"][0]["interval"]
        assert low < WORTH < high
    text = telic("infer", folder, "--quick", "--posterior", "laplace", "--prior", "wear=2").out
    assert "normal approximation" in text


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--prior", "waer=2"], 2, "The prior names 'waer', which is not a feature"),
        (["--prior", "wear"], 2, "`--prior` takes FEATURE=SD"),
        (["--prior", "=2"], 2, "`--prior` takes FEATURE=SD"),
        (["--prior", "wear=0"], 2, "needs a finite standard deviation above 0"),
        (["--posterior", "--draws", "2"], 2, "`n_draws` must be at least 4, got 2"),
        (["--posterior", "gibbs"], 2, "gibbs"),
    ],
)
def test_a_posterior_that_cannot_be_made_is_refused_in_words(telic, believed, words, status, said):
    told = telic("infer", believed[0], "--quick", *words)
    assert told.status == status
    assert said in " ".join(told.err.split())


def test_python_callers_get_a_posterior_from_nouns_in_hand(believed):
    fit = believed[1].product
    settings = InferSettings(posterior=PosteriorSettings(method="laplace"))
    again = infer(fit.demos, fit.world, fit.features, settings=settings)
    assert again.posterior.n_draws == 1_000
    np.testing.assert_allclose(again.posterior.mode, again.estimate.weights, rtol=1e-3)
    with pytest.raises(SettingsError, match="no posterior by 'laplce'"):
        PosteriorSettings(method="laplce")
