"""The task contract: valid ones round-trip, broken ones list every problem with its path."""

import json
import re
from pathlib import Path

import pytest

from telic.contract import TaskContract
from telic.errors import ContractError

ROOT = Path(__file__).resolve().parents[2]


def minimal(**changes):
    mapping = {
        "identity": {"task": "my-scaler"},
        "observations": [
            {"name": "load", "unit": "requests/s", "low": 0, "high": 1000, "bins": 8},
            {"name": "pods", "type": "integer", "low": 1, "high": 10},
        ],
        "actions": {"column": "action", "values": ["remove", "hold", "add"]},
        "features": [
            {"name": "busy", "expression": "load / pods"},
            {"name": "change", "expression": "action != 'hold'"},
        ],
        "tradeoffs": [["busy", "change"]],
    }
    return mapping | changes


def problems_of(mapping):
    with pytest.raises(ContractError) as caught:
        TaskContract.from_mapping(mapping)
    found = {p["path"]: p["message"] for p in caught.value.data["problems"]}
    for path, message in found.items():
        assert f"{path}: {message}" in str(caught.value)
    return found


def test_round_trip_and_digest():
    contract = TaskContract.from_mapping(minimal())
    again = TaskContract.from_mapping(json.loads(json.dumps(contract.to_mapping())))
    assert again == contract
    assert again.digest == contract.digest
    assert hash(again) == hash(contract)
    reordered = dict(reversed(list(minimal(timing={"discount": 0.95}).items())))
    assert TaskContract.from_mapping(reordered).digest == contract.digest
    assert TaskContract.from_mapping(minimal(timing={"discount": 0.9})).digest != contract.digest


def test_defaults_are_filled_in():
    contract = TaskContract.from_mapping(minimal())
    load, pods = contract.observations
    assert load.column == "load"
    assert load.bins == 8
    assert pods.bins is None
    assert contract.actions.labels == ("remove", "hold", "add")
    assert contract.timing.discount == 0.95
    assert contract.states.resolutions == (0.5, 1, 2)
    number = TaskContract.from_mapping(minimal(observations=[{"name": "load"}], features=[], tradeoffs=[]))
    assert number.observations[0].bins == "auto"


def test_trajectory_may_be_one_column():
    contract = TaskContract.from_mapping(minimal(data={"trajectory": "service"}))
    assert contract.data.trajectory == ("service",)


def test_numbers_as_labels_are_text():
    actions = {"column": "action", "values": [0, 1.0, 2.5]}
    contract = TaskContract.from_mapping(minimal(actions=actions, features=[], tradeoffs=[]))
    assert contract.actions.labels == ("0", "1", "2.5")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("sqr(load)", "No function is called `sqr`. Did you mean `sqrt`?"),
        ("quartile(load)", "No function is called `quartile`. Known: abs, "),
        ("action == 'hlod'", "`action` is never 'hlod'. Did you mean `hold`?"),
        ("'none' != action", "`action` is never 'none'. Known: remove, hold, add."),
        ("action in ('add', 'Hold')", "`action` is never 'Hold'. Did you mean `hold`?"),
        ("tier == 'sliver'", "`tier` is never 'sliver'. Did you mean `silver`?"),
        ("lode + 1", "No observation is called `lode`. Did you mean `load`?"),
    ],
)
def test_names_in_expressions(expression, message):
    tier = {"name": "tier", "type": "category", "values": ["gold", "silver"], "missing": "label"}
    observations = [*minimal()["observations"], tier]
    feature = {"name": "x", "expression": expression}
    found = problems_of(minimal(observations=observations, features=[feature], tradeoffs=[]))
    assert list(found) == ["features[0].expression"]
    assert message in found["features[0].expression"]


def test_labels_that_can_be():
    tier = {"name": "tier", "type": "category", "values": ["gold", "silver"], "missing": "label"}
    for expression in (
        "tier != 'missing'",
        "action in ('add', 'hold')",
        "1 if tier == 'gold' else max(0, load)",
    ):
        feature = {"name": "x", "expression": expression}
        mapping = minimal(observations=[*minimal()["observations"], tier], features=[feature], tradeoffs=[])
        assert TaskContract.from_mapping(mapping).features[0].expression == expression


def test_functions_are_those_of_expressions():
    from telic.contract.problems import FUNCTIONS as NAMED
    from telic.features.expressions import FUNCTIONS

    assert set(NAMED) == set(FUNCTIONS)


def test_one_mistake_in_a_name_is_one_problem():
    misnamed = [{"name": "my load", "column": "load"}, {"name": "pods", "type": "integer"}]
    assert list(problems_of(minimal(observations=misnamed))) == ["observations[0].name"]
    mapping = minimal()
    mapping["observation"] = mapping.pop("observations")
    assert list(problems_of(mapping)) == ["observation", "observations"]


@pytest.mark.parametrize("bins", [99_999_999, "quantile:99999999", "quantile:" + "9" * 400])
def test_more_bins_than_memory(bins):
    load = {"name": "load", "low": 0, "high": 1, "bins": bins}
    found = problems_of(minimal(observations=[load], features=[], tradeoffs=[]))
    assert found["observations[0].bins"].startswith("At most 10,000 bins can be told apart, got ")


def test_no_bins_is_one_reason():
    load = {"name": "load", "low": 0, "high": 1, "bins": 0}
    found = problems_of(minimal(observations=[load], features=[], tradeoffs=[]))
    assert found == {"observations[0].bins": "Must be greater than or equal to 1; got 0."}


def test_every_problem_is_listed_at_once():
    found = problems_of(
        {
            "identiti": {},
            "identity": {"tsak": "x", "domain": "medcal"},
            "observations": [{"name": "load", "low": 3, "high": 1, "bins": [3, 2], "bans": 2}],
            "actions": {"column": "action", "values": ["a", "a"]},
            "timing": {"control_period_seconds": -600},
            "features": [{"name": "f", "expression": "lod * 2"}, {"name": "f", "expression": "2 +"}],
            "tradeoffs": [["f", "g"]],
        }
    )
    assert found["identiti"].endswith("Did you mean `identity`?")
    assert found["identity.tsak"].endswith("Did you mean `task`?")
    assert "medical" in found["identity.domain"]
    assert found["observations[0].bans"].endswith("Did you mean `bins`?")
    assert "2 times" in found["actions.values[1]"]
    assert "greater than 0; got -600" in found["timing.control_period_seconds"]
    assert found["features[0].expression"].endswith("Did you mean `load`?")
    assert "Not an expression" in found["features[1].expression"]
    assert "2 times" in found["features[1].name"]
    assert "No feature is called `g`" in found["tradeoffs[0][1]"]


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"schema_version": 2}, "schema_version", "Must be 1, got 2"),
        (
            {"identity": {"task": "x", "domain": "medical", "autonomy_ceiling": "act"}},
            "identity.autonomy_ceiling",
            "Must be `observe`",
        ),
        ({"identity": {"task": "x", "owner": 3}}, "identity.owner", "valid string; got 3"),
        ({"observations": []}, "observations", "At least one"),
        ({"observations": [{"name": "2nd"}]}, "observations[0].name", "word of letters"),
        ({"observations": [{"name": "action"}]}, "observations[0].name", "meaning of its own"),
        ({"observations": [{"name": "a", "column": "action"}]}, "observations[0].column", "must not contain"),
        ({"observations": [{"name": "a", "low": 2, "high": 1}]}, "observations[0].high", "above `low` (2)"),
        ({"observations": [{"name": "a", "low": 2, "low_": 1}]}, "observations[0].low_", "Did you mean"),
        ({"observations": [{"name": "a", "bins": 4}]}, "observations[0].bins", "need both `low` and `high`"),
        ({"observations": [{"name": "a", "bins": [1, 3, 2]}]}, "observations[0].bins", "must rise"),
        ({"observations": [{"name": "a", "bins": "atuo"}]}, "observations[0].bins", "Did you mean `auto`"),
        ({"observations": [{"name": "a", "bins": None}]}, "observations[0].bins", "A number needs bins"),
        ({"observations": [{"name": "a", "low": 0, "bins": [-1, 2]}]}, "observations[0].bins", "between"),
        (
            {"observations": [{"name": "a", "type": "category", "bins": 3}]},
            "observations[0].bins",
            "one cell a value",
        ),
        ({"observations": [{"name": "a", "missing": "label"}]}, "observations[0].missing", "categories only"),
        ({"observations": [{"name": "a", "low": "0"}]}, "observations[0].low", "valid number; got '0'"),
        ({"actions": {"column": "action", "values": ["a"]}}, "actions.values", "at least 2"),
        ({"actions": {"column": "action", "values": [True, False]}}, "actions.values[0]", "truth value"),
        (
            {"actions": {"column": "action", "type": "integer", "values": [0, 1.5]}},
            "actions.values[1]",
            "an integer, got 1.5",
        ),
        (
            {"actions": {"column": "action", "type": "number", "values": [0, 1], "tolerance": 0.6}},
            "actions.tolerance",
            "below half",
        ),
        ({"timing": {"discount": 1}}, "timing.discount", "1 needs an end"),
        ({"timing": {"discount": 1.5}}, "timing.discount", "less than or equal to 1; got 1.5"),
        ({"timing": {"horizon": 0}}, "timing.horizon", "greater than or equal to 1; got 0"),
        (
            {"timing": {"control_period_seconds": 600, "max_gap_seconds": 60}, "data": {"time": "ts"}},
            "timing.max_gap_seconds",
            "its own trajectory",
        ),
        ({"timing": {"max_gap_seconds": 60}}, "timing.max_gap_seconds", "Gaps need times"),
        ({"data": {"cut_seconds": 60}}, "data.cut_seconds", "needs times"),
        ({"states": {"resolutions": [0.5, 2]}}, "states.resolutions", "Must contain 1"),
        ({"data": {"held_out": 1.0}}, "data.held_out", "less than 1; got 1.0"),
        ({"tradeoffs": [["busy", "busy"]]}, "tradeoffs[0]", "twice"),
        ({"people": {"purpose": "x", "legal_basis": "y"}}, "people.informed_on", "Missing"),
        (
            {"limits": [{"name": "l", "expression": "podz <= 3"}]},
            "limits[0].expression",
            "Did you mean `pods`",
        ),
        ({"outcomes": {"success": "laod < 1"}}, "outcomes.success", "Did you mean `load`"),
    ],
)
def test_each_problem_says_what_was_expected(changes, path, said):
    found = problems_of(minimal(**changes))
    assert path in found, found
    assert said in found[path]


def test_discount_one_with_an_end_is_valid():
    TaskContract.from_mapping(minimal(timing={"discount": 1, "horizon": 12}))
    TaskContract.from_mapping(minimal(timing={"discount": 1}, outcomes={"terminated": "done"}))


def test_missing_blocks_and_wrong_shapes():
    found = problems_of({})
    assert set(found) == {"identity", "observations", "actions"}
    with pytest.raises(ContractError, match="A contract is a mapping of blocks, got list"):
        TaskContract.from_mapping([])  # type: ignore[arg-type]


def test_observation_lookup_offers_the_nearest_name():
    contract = TaskContract.from_mapping(minimal())
    assert contract.observation("pods").type == "integer"
    with pytest.raises(ContractError, match="Did you mean `load`"):
        contract.observation("laod")


def test_schema_file_is_current():
    """Rewrite with ``python -m telic.contract.schema > docs/reference/contract.schema.json``."""
    stored = json.loads((ROOT / "docs/reference/contract.schema.json").read_text())
    assert stored == TaskContract.json_schema()


def test_every_field_is_described_in_the_schema():
    schema = TaskContract.json_schema()
    bare = [
        f"{name}.{key}"
        for name, model in [("", schema), *schema["$defs"].items()]
        for key, value in model.get("properties", {}).items()
        if not re.search(r"\w{3}", value.get("description", "")) and "$ref" not in value
    ]
    assert not bare
