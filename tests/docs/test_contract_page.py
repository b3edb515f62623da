"""The page on the contract names every field of the schema, and its example is a valid contract."""

import re

from telic.contract import TaskContract
from telic.datasets import parse_contract


def test_every_field_is_on_the_page(project_root):
    page = (project_root / "docs/contract.md").read_text(encoding="utf-8")
    schema = TaskContract.json_schema()
    assert [b for b in schema["properties"] if f"## `{b}`" not in page] == []
    names = {name for model in schema["$defs"].values() for name in model["properties"]}
    assert sorted(n for n in names if f"`{n}`" not in page) == []


def test_every_block_is_a_section_with_its_own_fields(project_root):
    page = (project_root / "docs/contract.md").read_text(encoding="utf-8")
    schema = TaskContract.json_schema()
    sections = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    for block, value in schema["properties"].items():
        reference = re.search(r"#/\$defs/(\w+)", str(value))
        if reference is None:
            continue
        fields = schema["$defs"][reference.group(1)]["properties"]
        assert sorted(f for f in fields if f"`{f}`" not in sections[block]) == [], block


def test_the_example_is_a_contract(project_root):
    page = (project_root / "docs/contract.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", page, re.S)
    assert example is not None
    contract = parse_contract(example.group(1))
    assert [f.name for f in contract.features] == ["overload", "pod_hours", "churn"]


def test_the_functions_of_expressions_are_on_the_page(project_root):
    from telic.features.expressions import FUNCTIONS

    page = (project_root / "docs/contract.md").read_text(encoding="utf-8")
    listed = re.search(r"- `([a-z ]+)`\.\n", page)
    assert listed is not None
    assert sorted(listed.group(1).split()) == sorted(FUNCTIONS)
