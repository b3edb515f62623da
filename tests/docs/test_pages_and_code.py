"""What pages name exists: links, headings, files, modules, commands, settings with their defaults, notation."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from telic import inference
from telic.cli import VERBS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "VISION.md", *(ROOT / "docs").rglob("*.md")])
PLACES = "docs|src|tests|scripts|examples|benchmarks|reproductions|planning|mdp|inference"


def words(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(text: str) -> set[str]:
    """What ``#...`` may name: headings in lower case, without punctuation, with dashes for blanks."""
    heads = re.findall(r"^#+ (.+)$", words(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_link_leads_to_a_file_and_a_heading():
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", words(page.read_text("utf-8"))):
            place, _, anchor = target.partition("#")
            to = page.parent / place if place else page
            if not to.exists() or (anchor and anchor not in anchors(to.read_text("utf-8"))):
                broken.append(f"{page.name}: {target}")
    assert not broken


def test_every_page_is_found_from_the_readme():
    text = (ROOT / "README.md").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        place = page.relative_to(ROOT)
        folder = place.parent if place.parent.name in ("methods", "decisions") else place
        assert f"({folder})" in text, place


def test_every_path_and_name_of_the_project_on_a_page_exists():
    missing = []
    for page in PAGES:
        for code in re.findall(r"`([^`\n]+)`", page.read_text("utf-8")):
            for place in re.findall(rf"(?<![\w/.-])((?:{PLACES})/[\w./-]+)(?![<*])", code):
                if not any((start / place.rstrip("./")).exists() for start in (ROOT, ROOT / "src" / "telic")):
                    missing.append(f"{page.name}: {place}")
            missing += [
                f"{page.name}: {n}" for n in re.findall(r"\btelic(?:\.\w+)+", code) if not resolves(n)
            ]
    assert not missing


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for i in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:i]))
        except ModuleNotFoundError:
            continue
        for part in parts[i:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def _options(command):
    """Names of the arguments, with those of options that commands share."""
    found = set()
    for name, parameter in inspect.signature(command).parameters.items():
        shared = dataclasses.is_dataclass(parameter.default)
        found |= _options(type(parameter.default)) if shared else {name}
    return found


def test_every_command_on_a_page_can_be_typed():
    verbs = {verb.NAME: _options(verb.command) for verb in VERBS}
    verbs["init"] |= {"from"}  # a word of Python, so the argument has another name inside
    wrong = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for line in re.findall(r"(?:^|`)(telic [^`\n#]+)", text, flags=re.MULTILINE):
            if not re.match(r"telic [a-z]+( |$)", line):
                continue
            verb, options = line.split()[1], re.findall(r"--([a-z-]+)", line)
            if verb not in verbs or not {o.replace("-", "_") for o in options} <= verbs[verb]:
                wrong.append(f"{page.name}: {line}")
        for script in re.findall(r"python ((?:scripts|reproductions|benchmarks|examples)/[\w/]+\.py)", text):
            if not (ROOT / script).is_file():
                wrong.append(f"{page.name}: {script}")
    assert not wrong


SETTINGS = {
    "apprenticeship_max_margin": inference.ApprenticeshipMaxMarginSettings,
    "apprenticeship_projection": inference.ApprenticeshipProjectionSettings,
    "conditional_choice_probability": inference.ConditionalChoiceProbabilitySettings,
    "conditional_choice_transitions": inference.ConditionalChoiceTransitionsSettings,
    "linear_programming": inference.LinearProgrammingSettings,
    "max_causal_entropy": inference.MaxCausalEntropySettings,
    "path_entropy": inference.PathEntropySettings,
}
IN_WORDS = {
    ("max_causal_entropy", "rationality"): "1",  # None: that of the likelihood, which is 1
    ("max_causal_entropy", "fixed_weights"): "none",
    ("max_causal_entropy", "initial_weights"): "zeros",
    ("conditional_choice_transitions", "degree"): "4, less with many columns",  # None: chosen
}


def test_settings_are_known_for_every_method():
    assert set(SETTINGS) == set(inference.METHODS)


@pytest.mark.parametrize("method", sorted(SETTINGS))
def test_a_page_lists_every_setting_with_its_default(method: str):
    page = (ROOT / "docs" / "methods" / f"{method}.md").read_text("utf-8")
    section = re.search(r"^## Settings\n(.*?)^## ", page, flags=re.MULTILINE | re.DOTALL)
    assert section is not None
    listed: dict[str, str] = {}
    for names, default in re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", section.group(1), flags=re.MULTILINE):
        if "(argument)" in names:
            continue
        found = re.findall(r"`(\w+)`", names)
        told = default.split(", ") if len(found) > 1 else [default]
        listed |= dict(zip(found, told, strict=True))
    fields = {f.name: f for f in dataclasses.fields(SETTINGS[method])}
    assert set(listed) == set(fields)
    for name, said in listed.items():
        if (method, name) in IN_WORDS:
            assert said == IN_WORDS[method, name]
            continue
        default = fields[name].default
        if isinstance(default, bool) or default is None:
            assert said.split(":")[0] == str(default), name
        else:
            assert float(said.replace(",", "")) == default, name


def test_the_words_of_the_notation_are_those_of_signatures():
    """Every name in the second column of docs/notation.md is a field, an argument or a public function."""
    page = (ROOT / "docs" / "notation.md").read_text("utf-8")
    rows = [row.split("|") for row in page.splitlines() if row.startswith("| ") and row.count("|") == 5]
    listed = {name for row in rows[2:] for name in re.findall(r"`(\w+)`", row[2])}
    assert {"n_states", "discount", "rationality", "occupancy", "weights"} <= listed
    pinned = (ROOT / "tests" / "architecture" / "exports.txt").read_text("utf-8").split()
    known: set[str] = set()
    for name in pinned:
        place, _, last = name.rpartition(".")
        thing = getattr(importlib.import_module(place), last, None)
        known.add(last)
        if inspect.isclass(thing):
            known |= {attribute for attribute in dir(thing) if not attribute.startswith("_")}
        if dataclasses.is_dataclass(thing):
            known |= {f.name for f in dataclasses.fields(thing)}
        if inspect.isfunction(thing):
            known |= set(inspect.signature(thing).parameters)
    assert sorted(listed - known) == []


def test_every_dependency_has_a_row_on_its_page():
    """Fit, upkeep, licence and weight of what is installed (docs/decisions/0002-dependencies.md)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text("utf-8")
    table = re.search(r"^\| library .*?(?=^$)", page, flags=re.MULTILINE | re.DOTALL)
    assert table is not None
    head, _, *rows = [[c.strip() for c in row.strip("|").split("|")] for row in table[0].splitlines()]
    assert head == ["library", "what for", "where it is imported", "upkeep", "licence", "installed"]
    assert {row[0] for row in rows} == {re.split(r"[<>=]", need)[0] for need in project["dependencies"]}
    assert all(len(row) == len(head) and all(row) for row in rows)


def test_a_fragment_is_a_few_lines_of_plain_text():
    for path in sorted((ROOT / "changelog.d").iterdir()):
        text = path.read_text("utf-8")
        assert re.fullmatch(r"[a-z0-9-]+\.md", path.name), path
        assert text.endswith(".\n"), path
        assert not text.startswith("#"), path
        assert text.count("\n") <= 8, path
