"""The sources of the repository, and what is read from their syntax trees."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
SOURCES = [
    *sorted(
        path.relative_to(REPOSITORY).as_posix()
        for folder in ("core", "pages", "benchmarks")
        for path in (REPOSITORY / folder).rglob("*.py")
    ),
    "app.py",
]
SCRIPTS = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for folder in ("core", "pages")
    for path in (REPOSITORY / folder).rglob("*.js")
)


@cache
def tree(source):
    return ast.parse((REPOSITORY / source).read_text("utf-8"))


def imports(source):
    """The names of all modules that a source imports, wherever in it."""
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def functions(source):
    return [
        node for node in ast.walk(tree(source)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
