"""Reading and writing the contract file: YAML (or JSON, which is YAML) with the surprises of YAML 1.1 taken
out.

``on``, ``off``, ``yes`` and ``no`` stay text, dates stay text, ``1e-3`` is a number, ``010`` is ten, and a
key that is there twice is an error instead of the last one winning. Nothing in a file can name a Python type.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from telic.contract import TaskContract
from telic.errors import ContractError, world_errors
from telic.storage import atomic_write

__all__ = ["dump_contract", "load_contract", "parse_contract", "save_contract"]

MAX_BYTES = 4_000_000
"""Largest contract file read; a contract is a document, not data."""


def load_contract(path: str | os.PathLike[str]) -> TaskContract:
    """The contract in a file.

    Args:
        path: a YAML or JSON file, UTF-8.

    Raises:
        ContractError: the file is not YAML (with line and column), or the contract is not valid (every
        problem with
            its path, and its line where it can be found).
        PermanentError: there is no such file, or it may not be read.
    """
    place = Path(path)
    with world_errors(f"read the contract {place}"):
        size = place.stat().st_size
        raw = place.read_bytes() if size <= MAX_BYTES else b""
    if size > MAX_BYTES:
        raise ContractError(
            f"{place} has {size:,} bytes; a contract has at most {MAX_BYTES:,}.",
            hint="Is this the log itself? Then draft a contract from it: `telic init DIR --from FILE`.",
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise ContractError(
            f"{place} must be UTF-8 text; line {line} is not.", hint="Save it as UTF-8.", line=line
        ) from None
    return parse_contract(text, source=str(place))


def parse_contract(text: str, *, source: str = "the contract") -> TaskContract:
    """The contract in a YAML or JSON text; errors as ``load_contract``.

    Args:
        text: the document.
        source: what to call it in messages.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        mapping = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark is not None else 0
        column = mark.column + 1 if mark is not None else 0
        raise ContractError(
            f"{source}, line {line}, column {column}: {problem.problem or problem.context}.",
            hint="Remove one of the two, or join what they hold under one key."
            if isinstance(problem, _TwiceError)
            else "Check the indentation and the quotes of that line and the one before it.",
            line=line,
            column=column,
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise ContractError(
            f"{source} is not YAML: {problem}.", hint="Save it as UTF-8 text without control characters."
        ) from None
    if mapping is None:
        raise ContractError(f"{source} is empty.", hint="Draft one from a log: `telic init DIR --from FILE`.")
    try:
        return TaskContract.from_mapping(mapping)
    except ContractError as problem:
        raise _with_lines(problem, node, source) from None


def dump_contract(contract: TaskContract) -> str:
    """The contract as YAML in the order of the schema; ``parse_contract(dump_contract(c)) == c``."""
    return yaml.dump(
        contract.to_mapping(),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=None,
    )


def save_contract(contract: TaskContract, path: str | os.PathLike[str]) -> Path:
    """The path, after the contract is there whole (as JSON where the name ends in ``.json``, else YAML)."""
    place = Path(path)
    if place.suffix == ".json":
        text = json.dumps(contract.to_mapping(), indent=2, ensure_ascii=False) + "\n"
    else:
        text = dump_contract(contract)
    return atomic_write(place, text.encode())


class _TwiceError(yaml.constructor.ConstructorError):
    """A key that is there twice in one mapping."""


class _Loader(yaml.SafeLoader):
    """Safe YAML whose plain words are truth values only when they say true or false; made below."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the layout that PyYAML asks for


class _Dumper(yaml.SafeDumper):
    """Safe YAML that quotes what the loader above would read as something else."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


_PLAIN = [
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789."),
]
for _class in (_Loader, _Dumper):
    for _tag, _pattern, _first in _PLAIN:
        _class.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list(_first))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: dict[Hashable, int] = {}
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, Hashable) and key in seen:
            raise _TwiceError(
                None, None, f"the key `{key}` is there twice (first in line {seen[key]})", key_node.start_mark
            )
        if isinstance(key, Hashable):
            seen[key] = key_node.start_mark.line + 1
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))


def _with_lines(error: ContractError, node: Any, source: str) -> ContractError:
    """The same error with the line of each problem, where its path leads to one."""
    lines, problems = [], []
    for problem in error.data.get("problems", []):
        line = _line_of(node, problem["path"])
        problems.append({**problem, "line": line})
        lines.append(f"  line {line}, {problem['path']}: {problem['message']}")
    if not problems:
        return ContractError(f"{source}: {error.message}", hint=error.hint)
    count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
    return ContractError(f"{source} has {count}:\n" + "\n".join(lines), hint=error.hint, problems=problems)


def _line_of(node: Any, path: str) -> int:
    """Line (from 1) of the deepest part of the path that the document has."""
    line: int = node.start_mark.line + 1
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(node, yaml.MappingNode):
            entry = next(((k, v) for k, v in node.value if k.value == part), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line + 1, entry[1]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
        else:
            break
    return line
