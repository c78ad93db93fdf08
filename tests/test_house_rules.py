"""Who holds state, how long things are, how they are named and explained."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from repository import REPOSITORY, SCRIPTS, SOURCES, functions, imports, tree

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40
# What is longer all the same, and how long. An entry may shrink or go; none may grow and none may be added.
LONGER_MODULES: dict[str, int] = {}
LONGER_FUNCTIONS = {
    "pages/ui/map/cloud.py pack_cloud": 43,
}


def _attributes(source):
    return {node.attr for node in ast.walk(tree(source)) if isinstance(node, ast.Attribute)} | {
        name.name
        for node in ast.walk(tree(source))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def test_only_one_module_touches_the_session_state():
    """pages/ui/state.py alone, so that no two pages own one key."""
    assert [source for source in SOURCES if "session_state" in _attributes(source)] == ["pages/ui/state.py"]


def test_only_one_module_caches():
    """pages/ui/cached.py alone, so that what is kept can be seen in one place."""
    users = [source for source in SOURCES if {"cache_data", "cache_resource", "cache"} & _attributes(source)]
    assert [source for source in users if source.startswith(("pages", "app"))] == ["pages/ui/cached.py"]


def test_no_module_outside_the_pages_imports_streamlit():
    """Benchmarks may drive the app; the library knows nothing of it."""
    users = {source.partition("/")[0] for source in SOURCES if "streamlit" in set(imports(source))}
    assert users <= {"pages", "app.py", "benchmarks"}


def test_every_page_is_in_the_navigation():
    """A script in a section's folder that app.py does not name would never be seen."""
    pages = {
        source
        for source in SOURCES
        if re.fullmatch(r"pages/(prepare|judge|curate|share)/\w+\.py", source) and "__init__" not in source
    }
    strings = {node.value for node in ast.walk(tree("app.py")) if isinstance(node, ast.Constant)}
    assert {each for each in strings if str(each).startswith("pages/")} == pages
    assert len((REPOSITORY / "app.py").read_text("utf-8").splitlines()) <= 40


def test_no_module_is_too_long():
    """400 lines at most, or as listed."""
    lengths = {each: len((REPOSITORY / each).read_text("utf-8").splitlines()) for each in SOURCES + SCRIPTS}
    longer = {source: length for source, length in lengths.items() if length > MOST_LINES}
    assert longer.keys() == LONGER_MODULES.keys()
    assert all(length <= LONGER_MODULES[source] for source, length in longer.items())


def test_no_test_file_is_too_long():
    """400 lines at most here as well: what several files use stands in a module of its own."""
    files = sorted((REPOSITORY / "tests").rglob("*.py"))
    assert [each.name for each in files if len(each.read_text("utf-8").splitlines()) > MOST_LINES] == []


def test_no_function_is_too_long():
    """40 lines at most, docstring included, or as listed."""
    lengths = {
        f"{source} {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for source in SOURCES
        for function in functions(source)
    }
    longer = {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FUNCTION}
    assert longer.keys() == LONGER_FUNCTIONS.keys(), longer
    assert all(length <= LONGER_FUNCTIONS[name] for name, length in longer.items()), longer


@pytest.mark.parametrize("source", SOURCES)
def test_every_module_says_what_it_is(source):
    """Its first line is a sentence; only an empty package file is silent."""
    if (REPOSITORY / source).read_text("utf-8").strip():
        docstring = ast.get_docstring(tree(source))
        assert docstring
        assert re.search(r"[.:]$", docstring.partition("\n\n")[0].strip())


def test_no_module_has_a_name_that_says_nothing():
    """Neither a drawer for odds and ends nor a name of the standard library."""
    names = {Path(source).stem for source in SOURCES}
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc", "types", "select"}


def test_no_exception_is_swallowed():
    """No bare except, and none whose body does nothing."""
    for source in SOURCES:
        for node in ast.walk(tree(source)):
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{source}:{node.lineno}"
                assert not all(isinstance(each, ast.Pass) for each in node.body), f"{source}:{node.lineno}"


def test_every_test_says_what_it_claims():
    """A name and one sentence of behaviour for each test."""
    silent = {
        path.name
        for path in sorted((REPOSITORY / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    }
    assert silent == set()
