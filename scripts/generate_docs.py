"""Write the pages of docs/ that are made from the program or its figures: how-to-choose, reference/cli, benchmarks.

``python scripts/generate_docs.py`` writes them; ``--check`` says which are stale, and changes nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmark_page import benchmark_page

ROOT = Path(__file__).resolve().parent.parent

CHOOSE_HEAD = """# How to choose

Start from your data, not from a method. To know what experts value, read on; to get a policy, from experts, a
reward or a log, go to [which method for a policy](#which-method-for-a-policy). The first part and
`telic advise CONTRACT` are made from one table (`telic.workflows.choice_rules`): the command says which rows
hold for your contract and, once logs are ingested, for your data. The second and `telic methods` are made from
another (`telic.workflows.methods`).

"""
CHOOSE_TAIL = """
## What a contract does not show

These are called from Python.

- **Choice probabilities in a table, not decisions in rows:** `from_policy_table` and `fit_likelihood`, or
  [`invert_choice_probabilities`](methods/conditional_choice_probability.md).
- **Several worlds or discounts, one taste:** [`JointLikelihood`](methods/max_causal_entropy.md) and `fit_likelihood`;
  [how much more they tell](identifiability.md#several-worlds-several-discounts).
- **Which of two somebody prefers, alone or beside demonstrations; ranks; no ranks but a simulator:**
  [`bradley_terry`](methods/bradley_terry.md), and `preference_test` to judge any reward by such answers.
- **A policy that collects what the experts collect, and no weights to read:**
  [`apprenticeship_max_margin`](methods/apprenticeship_max_margin.md). The older
  [`apprenticeship_projection`](methods/apprenticeship_projection.md) needs more policies for the same distance.
- **One action a state from a rule book, as a comparison:** [`linear_programming`](methods/linear_programming.md).
- **A published result of the path model of 2008, as a comparison:** [`path_entropy`](methods/path_entropy.md), which is
  wrong where chance plays a part.
"""
CLI_HEAD = """# Command line

Reports go to standard output, everything else (progress, where the page is, what matters most, what to do
next, errors) to standard error. Every verb takes `--json`. Progress bars are drawn only where standard error
is a terminal. `NO_COLOR` is honoured. Every verb can be repeated: the same inputs give the same digest, and
nothing is done again.

"""

JSON_HEAD = """## JSON

With `--json`, standard output is one JSON document and nothing else, whatever happened; where the command failed it is
empty, and the message is on standard error. There is no NaN and no infinity: what is not a number is null. The keys
below stay while `schema_version` does; further keys feed the page and may change. Every document has:
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="only say which pages are stale")
    options = parser.parse_args()
    stale = []
    for path, text in pages().items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.relative_to(ROOT))
            if not options.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{'stale' if options.check else 'written'}: {path}", file=sys.stderr)
    return 1 if stale and options.check else 0


def pages() -> dict[Path, str]:
    """Path of each generated page to its text."""
    return {
        ROOT / "docs" / "how-to-choose.md": how_to_choose(),
        ROOT / "docs" / "reference" / "cli.md": command_line(),
        ROOT / "docs" / "benchmarks.md": benchmark_page(),
    }


def how_to_choose() -> str:
    """The table of rules as a page, and what no rule can see."""
    from telic.workflows.choice_rules import as_markdown
    from telic.workflows.methods.words import as_markdown as methods_as_markdown

    return CHOOSE_HEAD + as_markdown() + "\n" + methods_as_markdown() + CHOOSE_TAIL


def command_line() -> str:
    """Every verb with its arguments, what it prints as JSON, and the table of exit statuses."""
    from telic.cli import VERBS
    from telic.cli.exit_codes import EXIT_CODES
    from telic.cli.json_keys import COMMON_KEYS, JSON_KEYS, LEARNED_KEYS

    parts = [CLI_HEAD + "## Verbs\n"]
    for verb in VERBS:
        about, _ = described(verb.command)
        parts.append(f"### `telic {verb.NAME}`\n\n{about}\n")
        rows = ["| argument | default | meaning |", "| --- | --- | --- |"]
        for name, parameter, meaning in arguments(verb.command):
            rows.append(f"| `{spelled(name, parameter)}` | {default(parameter)} | {meaning} |")
        parts.append("\n".join(rows) + "\n")
    parts.append(JSON_HEAD)
    parts.append(key_table(COMMON_KEYS))
    for verb in VERBS:
        if verb.NAME == "run":
            more = {k: v for k, v in JSON_KEYS["run"].items() if k not in JSON_KEYS["infer"]}
            parts.append(f"### `telic run --json`\n\nThe document of `infer`, and:\n\n{key_table(more)}")
        else:
            parts.append(f"### `telic {verb.NAME} --json`\n\n{key_table(JSON_KEYS[verb.NAME])}")
        if verb.NAME == "train":
            parts.append(f"### `telic train --settings FILE --json`\n\n{key_table(LEARNED_KEYS)}")
    rows = ["## Exit status", "", "| status | error code | meaning |", "| --- | --- | --- |"]
    rows += [f"| {status} | `{code}` | {meaning} |" for code, (status, meaning) in EXIT_CODES.items()]
    return "\n".join([*parts, *rows]) + "\n"


def key_table(keys: Mapping[str, str]) -> str:
    """Keys of a JSON document with their meanings."""
    return (
        "\n".join(["| key | value |", "| --- | --- |", *(f"| `{k}` | {v} |" for k, v in keys.items())]) + "\n"
    )


def arguments(command: Callable[..., int]) -> Iterator[tuple[str, inspect.Parameter, str]]:
    """Each argument that can be typed, with its meaning; options that commands share stand in for their group."""
    meanings = described(command)[1]
    for name, parameter in inspect.signature(command).parameters.items():
        if dataclasses.is_dataclass(parameter.default):
            yield from arguments(type(parameter.default))
        else:
            yield name, parameter, meanings[name]


def described(command: object) -> tuple[str, dict[str, str]]:
    """First sentence and meaning of each argument or attribute, from a Google-style docstring."""
    text = (inspect.getdoc(command) or "").replace("\n\nAttributes:\n", "\n\nArgs:\n")
    about, _, rest = text.partition("\n\nArgs:\n")
    meanings: dict[str, str] = {}
    name = ""
    for line in rest.splitlines():
        if line.startswith("    ") and not line.startswith("     "):
            name, _, meaning = line.strip().partition(": ")
            meanings[name] = meaning
        elif line.strip():
            meanings[name] += " " + line.strip()
    return " ".join(about.split()), {k: v.replace("|", "\\|") for k, v in meanings.items()}


def spelled(name: str, parameter: inspect.Parameter) -> str:
    """How the argument is typed: upper case by place, two dashes by name."""
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        # `from` is a word of Python, so that argument has another name inside.
        return "--from" if name == "source" else f"--{name.replace('_', '-')}"
    return f"{name.upper()}..." if "tuple" in str(parameter.annotation) else name.upper()


def default(parameter: inspect.Parameter) -> str:
    """The default as typed, or that there is none."""
    if parameter.default is inspect.Parameter.empty:
        return "required"
    is_off = parameter.default is None or parameter.default is False or parameter.default == ()
    return "" if is_off else f"`{parameter.default}`"


if __name__ == "__main__":
    sys.exit(main())
