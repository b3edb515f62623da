"""The gate: each check on data whose answer is known by construction, and the rule of the verdict."""

import numpy as np
import pytest
from gate_service import N, T, contract, service

from telic.datasets.quality import Verdict, gate_findings, judge
from telic.datasets.quality.audit import audit_findings
from telic.datasets.quality.records import records_of, units_of
from telic.datasets.quality.regions import regions_of
from telic.datasets.quality.schema import schema_findings
from telic.datasets.quality.telemetry import telemetry_findings
from telic.errors import FeatureError
from telic.mdp import StateSpace
from telic.reports import Finding, Severity


def findings_of(demos, task):
    space = StateSpace.from_contract(task, demos)
    return gate_findings(space.encode(demos), task, space)


def only(findings, code):
    (found,) = [f for f in findings if f.code == code]
    return found


def test_edge_cases_are_counted_and_those_that_are_short_named_with_where_they_are():
    demos, load = service(), service().observations["load"]
    task = contract(
        coverage=[
            {"name": "heavy", "expression": "load > 50 and tier == 'gold'", "at_least": 10},
            {"name": "very heavy, held", "expression": "load > 99.5 and action == 'hold'", "at_least": 100},
        ]
    )
    found = findings_of(demos, task)
    rows = np.flatnonzero((load > 99.5) & (demos.actions == 0))
    short = only(found, "edge-case-uncovered")
    assert short.severity is Severity.WARNING
    assert short.evidence["decisions"] == len(rows)
    assert [(p["trajectory"], p["step"]) for p in short.evidence["places"]] == [
        (f"t{r // T}", r % T) for r in rows[:5]
    ]
    covered = only(found, "edge-cases-covered").evidence["cases"]
    heavy = int(np.sum((load > 50) & (demos.observations["tier"] == 0)))
    assert [(c["name"], c["decisions"]) for c in covered] == [("heavy", heavy)]


def test_an_edge_case_that_cannot_be_calculated_is_named():
    task = contract(coverage=[{"name": "odd", "expression": "log(0 - load)"}])
    with pytest.raises(FeatureError, match="edge case 'odd'"):
        findings_of(service(), task)


def test_states_with_enough_decisions():
    demos = service()
    cells = np.minimum(demos.observations["load"] // 25, 3)
    counts = np.bincount(cells.astype(int))
    enough = int(np.sort(counts)[2])  # two of the four states have at least as many
    found = only(findings_of(demos, contract(quality={"enough": enough})), "state-coverage")
    assert found.evidence["covered"] == int(np.sum(counts >= enough))
    thin = counts[counts < enough].sum() / counts.sum()
    assert found.evidence["share_of_decisions_in_thin_states"] == pytest.approx(thin)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"action_labels": ("hold", "plus")}, "schema-actions"),
        ({"observations": {"load": np.ones(N * T)}}, "schema-missing-column"),
        (
            {"observations": {"load": np.ones(N * T, dtype=bool), "tier": np.zeros(N * T, np.int32)}},
            "schema-type",
        ),
        (
            {"observations": {"load": np.full(N * T, np.nan), "tier": np.zeros(N * T, np.int32)}},
            "schema-values",
        ),
        ({"observations": {"load": np.ones(N * T), "tier": np.full(N * T, 7, np.int32)}}, "schema-values"),
    ],
)
def test_a_dataset_that_breaks_its_contract_fails(change, code):
    found = schema_findings(service(**change), contract())
    assert [f.code for f in found] == [code]
    assert judge(found, contract()).verdict is Verdict.FAIL
    assert schema_findings(service(), contract()) == []


def test_records_that_are_missing_are_counted_also_where_a_gap_was_cut():
    times = service().times.copy()
    times[5 * T + 8 :] += 12 * 60.0  # every later record of trajectory 5 is twelve periods late
    times[6 * T :] -= 12 * 60.0
    found = only(telemetry_findings(service(times=times), contract()), "telemetry-missing")
    assert (found.evidence["missing"], found.evidence["longest"]) == (12, 12)
    assert (found.evidence["places"][0]["trajectory"], found.evidence["places"][0]["step"]) == ("t5", 7)
    cut = service(
        times=times,
        offsets=np.insert(np.arange(N + 1) * T, 6, 5 * T + 8),
        trajectory_ids=np.array(
            [f"t{i}" for i in range(6)] + ["t5#2"] + [f"t{i}" for i in range(6, N)], dtype=object
        ),
        demonstrators=np.zeros(N + 1, dtype=np.int32),
        terminated=np.zeros(N + 1, dtype=bool),
        truncated=np.ones(N + 1, dtype=bool),
    )
    assert only(telemetry_findings(cut, contract()), "telemetry-missing").evidence["missing"] == 12
    assert telemetry_findings(service(), contract()) == []


def test_a_signal_that_goes_silent_raises_an_alert():
    load = service().observations["load"].copy()
    load[-4 * T :] = 0.0
    demos = service(observations={"load": load, "tier": service().observations["tier"]})
    found = only(telemetry_findings(demos, contract()), "signal-stopped")
    assert found.evidence["n_trajectories"] == 4
    labels = ("gold", "silver", "missing")
    tier = service().observations["tier"].copy()
    tier[300:310] = 2
    lost = service(
        observations={"load": service().observations["load"], "tier": tier}, categories={"tier": labels}
    )
    assert only(telemetry_findings(lost, contract()), "signal-lost").evidence["decisions"] == 10


def test_origins_apart():
    origins = np.array([0] * 40 + [3] * 10, dtype=np.int32)
    demos = service(origins=origins)
    found = only(findings_of(demos, contract()), "origins-mixed")
    assert found.severity is Severity.WARNING
    assert found.evidence["counts"] == {"human": 40, "adversary": 10}
    assert found.evidence["adversaries"] == [f"t{i}" for i in range(40, 50)]


def audited(demos, task):
    space = StateSpace.from_contract(task, demos)
    encoded = space.encode(demos)
    regions = regions_of(encoded, space)[0]
    return audit_findings(encoded, records_of(encoded, units_of(encoded), regions, regions.codes), task)


def test_a_bias_comes_with_a_counterexample():
    g = np.random.default_rng(2)
    tier = service().observations["tier"]
    biased = (g.random(N * T) < np.where(tier == 0, 0.8, 0.2)).astype(np.int32)
    found = only(audited(service(actions=biased), contract()), "choice-depends-on-context")
    one, other = found.evidence["places"]
    assert {one["values"]["tier"], other["values"]["tier"]} == {"gold", "silver"}
    assert {one["action"], other["action"]} == {"hold", "add"}
    assert one["values"]["load"] // 25 == other["values"]["load"] // 25
    assert audited(service(), contract()) == []


def test_skill_is_told_without_names():
    succeeded = (np.arange(N) % 2 == 0).astype(np.int32)
    succeeded[:4] = 1
    demos = service(succeeded=succeeded)
    found = only(audited(demos, contract()), "skill-differs")
    assert "demonstrator-" not in found.message + str(found.evidence)
    people = {"purpose": "coaching", "legal_basis": "consent", "informed_on": "2024-01-01"}
    assert "demonstrator-2" in only(audited(demos, contract(people=people)), "skill-differs").message


def test_the_verdict_follows_the_worst_finding_and_the_contract():
    def finding(code, severity):
        return Finding(code=code, severity=severity, message="m")

    mild = [finding("a", Severity.NOTICE), finding("b", Severity.INFO)]
    warned = [*mild, finding("c", Severity.WARNING)]
    assert judge(mild, contract()).verdict is Verdict.PASS
    assert judge(warned, contract()).verdict is Verdict.WARN
    assert judge(warned, contract()).codes == ("c",)
    assert judge([*warned, finding("d", Severity.ERROR)], contract()).verdict is Verdict.FAIL
    refused = judge(warned, contract(quality={"fail_on": ["b"]}))
    assert (refused.verdict, refused.codes) == (Verdict.FAIL, ("b",))
