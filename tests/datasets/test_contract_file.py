"""Contract files: YAML without its surprises, errors with their lines, round trips."""

import json

import pytest

from telic.contract import TaskContract
from telic.datasets import dump_contract, load_contract, parse_contract, save_contract
from telic.errors import ContractError, PermanentError

TEXT = """\
schema_version: 1
identity: {task: valve, domain: operations}
observations:
  - {name: level, unit: m, low: 0, high: 1e1, bins: 4}
  - {name: mode, type: category, values: [on, off, yes, no]}
actions:
  column: valve
  values: [open, shut]
people: {purpose: training, legal_basis: consent, informed_on: 2024-05-01}
"""


def test_words_of_old_yaml_stay_text():
    contract = parse_contract(TEXT)
    assert contract.observations[1].values == ("on", "off", "yes", "no")
    assert contract.observations[0].high == 10.0
    assert contract.people is not None
    assert contract.people.informed_on.isoformat() == "2024-05-01"


@pytest.mark.parametrize("name", ["contract.yaml", "contract.json"])
def test_round_trip_through_a_file(tmp_path, name):
    contract = parse_contract(TEXT)
    path = save_contract(contract, tmp_path / name)
    assert load_contract(path) == contract
    assert load_contract(path).digest == contract.digest
    if name.endswith("json"):
        assert TaskContract.from_mapping(json.loads(path.read_text())) == contract


@pytest.mark.parametrize(
    "label", ["true", "1", "010", "1e5", "null", "", "~", "a: b", "- x", "é", "'", "2024-01-01"]
)
def test_any_label_survives(label):
    contract = parse_contract(TEXT).to_mapping()
    contract["actions"]["values"] = [label, "other"]
    made = TaskContract.from_mapping(contract)
    assert parse_contract(dump_contract(made)).actions.values == (label, "other")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("identity: {task: x\nobservations: 3\n", r"line 2, column 13: "),
        (
            "identity: {task: x}\nidentity: {task: y}\n",
            r"line 2, column 1: the key `identity` is there twice \(first in line 1\)",
        ),
        ("a: !!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
        ("- 1\n- 2\n", "A contract is a mapping of blocks, got list"),
        ("", "is empty"),
        ("a: \x01\n", "is not YAML"),
    ],
)
def test_what_is_not_a_contract(text, said):
    with pytest.raises(ContractError, match=said):
        parse_contract(text)


def test_a_key_that_is_there_twice_has_a_hint_of_its_own():
    with pytest.raises(ContractError) as caught:
        parse_contract("identity: {task: x}\nidentity: {task: y}\n")
    assert caught.value.hint == "Remove one of the two, or join what they hold under one key."


@pytest.mark.parametrize(("text", "kind"), [("- 1\n", "list"), ("just words\n", "str"), ("3\n", "int")])
def test_what_is_no_mapping_names_its_file(tmp_path, text, kind):
    path = tmp_path / "contract.yaml"
    path.write_text(text)
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    assert caught.value.message.startswith(f"{path}: A contract is a mapping of blocks, got {kind}")
    assert caught.value.hint


def test_problems_name_their_lines():
    with pytest.raises(ContractError) as caught:
        parse_contract(
            TEXT.replace("bins: 4", "bens: 4").replace("values: [open, shut]", "values: [open]"),
            source="c.yaml",
        )
    message = str(caught.value)
    assert "c.yaml has 2 problems" in message
    assert "line 4, observations[0].bens: Unknown key. Did you mean `bins`?" in message
    assert "line 8, actions.values: A choice needs at least 2" in message


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(PermanentError, match="read the contract"):
        load_contract(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"identity:\n  task: caf\xe9\n")
    with pytest.raises(ContractError, match="must be UTF-8 text; line 2 is not"):
        load_contract(tmp_path / "latin.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * 4_000_001)
    with pytest.raises(ContractError, match="Is this the log itself"):
        load_contract(tmp_path / "big.yaml")
