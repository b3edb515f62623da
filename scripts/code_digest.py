"""A digest of what a Python file does: comments, docstrings, blank space and line breaks do not count."""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_digest(source: str) -> str:
    """``sha256:...`` of the code alone, the same on every version of Python."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            text = node.body[0]
            if lines[text.lineno - 1][: text.col_offset].strip():
                continue  # on the line of its `def`, which must stay
            for i in range(text.lineno - 1, text.end_lineno or text.lineno):
                lines[i] = "\n"
    comments = _comments(source)
    for row, column in comments:
        if lines[row - 1].strip():
            lines[row - 1] = lines[row - 1][:column] + "\n"
    return "sha256:" + hashlib.sha256("".join("".join(lines).split()).encode()).hexdigest()


def _comments(source: str) -> list[tuple[int, int]]:
    """Row and column of every comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.start for token in tokens if token.type == tokenize.COMMENT]
