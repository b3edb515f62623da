"""The registry: complete, true to the signatures it describes, and the source of the page and of the checks."""

from __future__ import annotations

import importlib.util
import json
import math

import pytest

from telic.errors import SettingsError
from telic.workflows.methods import METHODS, Group, Method, Needs, Setting, method_named
from telic.workflows.methods.description import checked

NEURAL = importlib.util.find_spec("jax") is not None


def loaded(method: Method) -> bool:
    """Whether what it describes can be imported here."""
    return NEURAL or not method.home.startswith(("telic.planning.rl", "telic.neural", "telic.imitation."))


def test_every_module_is_registered_under_its_own_name(project_root) -> None:
    folder = project_root / "src" / "telic" / "workflows" / "methods"
    files = {p.stem for p in folder.glob("*.py")} - {"__init__", "description", "registry", "words"}
    assert files == set(METHODS)
    assert {m.group for m in METHODS.values()} == set(Group)


@pytest.mark.parametrize("name", list(METHODS))
def test_a_description_is_true(project_root, name) -> None:
    method = METHODS[name]
    assert (project_root / "docs" / method.page).is_file()
    assert method.verb in ("", "imitate", "train")
    assert (method.verb == "train") == bool(method.steps and method.step_is)
    if not loaded(method):
        pytest.skip("NOT RUN: the extra `neural` is not installed")
    known = method.parameters(whole=True)
    for setting in method.settings:
        default = known[setting.name].default  # a setting that is described is there
        numbers = [
            v for v in (default if isinstance(default, tuple) else (default,)) if isinstance(v, (int, float))
        ]
        assert all(setting.holds(v) for v in numbers), setting.name
    if method.outside:
        assert callable(method.load(outside=True).of)
    if method.verb:
        resolved = method.resolved({}, n_steps=7)
        again = method.resolved(json.loads(json.dumps(resolved).replace("Infinity", '"inf"')), n_steps=7)
        assert again == resolved
        assert all(resolved[name] == 7.0 for name in method.along)


def test_the_page_and_the_listing_have_them_all(telic, project_root) -> None:
    page = (project_root / "docs" / "how-to-choose.md").read_text()
    for method in METHODS.values():
        assert f"| [`{method.name}`]({method.page}) {method.title} |" in page and method.when in page
    found = json.loads(telic("methods", "--json").out)
    assert [m["name"] for m in found["methods"]] == list(METHODS)
    told = telic("methods", "counts")
    assert told.status == 0 and "smoothing" in told.out and "[0, inf)" in told.out
    told = telic("methods", "count")
    assert told.status == 2 and "Did you mean `counts`?" in told.err


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("(0, 1)", (0.5,), (0, 1, -1)),
        ("[0, 1)", (0, 0.99), (1,)),
        ("(0, 1]", (1,), (0, 2)),
        ("[1, inf)", (1, 1e300), (math.inf, 0)),
        ("(-inf, 0.7]", (-1e9, 0.7), (0.71,)),
        ("", (5, -math.inf), ()),
    ],
)
def test_ranges(text, inside, outside) -> None:
    setting = Setting(name="x", range=text, effect="")
    assert all(setting.holds(v) for v in inside) and not any(setting.holds(v) for v in outside)


def test_values_take_the_type_of_the_default() -> None:
    assert checked("x", [8, 4], (64, 64)) == (8, 4)
    assert isinstance(checked("x", 1, 0.5), float) and checked("x", "inf", math.inf) == math.inf
    assert checked("x", 0.5, 1, is_number=True) == 0.5
    for value, default in (
        (True, 1),
        (1, True),
        ("a", 1.0),
        (math.nan, 1.0),
        ("inf", 1.0),
        (8, (64,)),
        ([8.5], (64,)),
        (1, "tanh"),
        (None, 1.0),
        (1.5, 1),
    ):
        with pytest.raises(SettingsError, match="`x"):
            checked("x", value, default)


def test_a_method_is_of_one_verb() -> None:
    assert method_named("counts", "imitate") is METHODS["counts"]
    with pytest.raises(SettingsError, match="does not run `thompson`"):
        method_named("thompson", "train")
    with pytest.raises(SettingsError, match="Did you mean `td3_bc`"):
        method_named("td3bc", "train")


def test_a_newcomer_with_a_log_of_rewards_is_led_to_an_offline_learner() -> None:
    """By what one has: a record and nothing else leads to offline learners alone, decisions alone to imitation."""
    led = {m.name for m in METHODS.values() if set(m.needs) <= {Needs.RECORD}}
    assert led == {m.name for m in METHODS.values() if m.group is Group.OFFLINE}
    led = {m.name for m in METHODS.values() if set(m.needs) <= {Needs.DECISIONS} and not m.worlds}
    assert led >= {"counts", "cloning"} and all(METHODS[name].group is Group.IMITATION for name in led)
