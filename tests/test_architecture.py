from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SOURCES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for folder in ("core", "pages", "benchmarks")
    for path in (REPOSITORY / folder).rglob("*.py")
)
SOURCES.append("app.py")
SCRIPTS = sorted(path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "pages").rglob("*.js"))

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40
# What is longer all the same, and how long. An entry may shrink or go; none may grow and none may be added.
LONGER_MODULES: dict[str, int] = {}
LONGER_FUNCTIONS = {
    "pages/curate/explore.py sidebar": 53,
    "pages/ui/map/cloud.py pack_cloud": 43,
}
SILENT_TESTS = {"test_map_component.py", "test_map_wire.py"}  # whose names alone say it

HEAVY = ("torch", "umap", "pynndescent", "numba", "sklearn", "scipy", "plotly", "streamlit", "pandas")
HEAVY += ("sentence_transformers", "transformers", "tokenizers", "openai", "pyarrow")

# Modules of core that join others or serve them, and so stand outside the rule that stages are independent.
JOINERS = {
    "project": "knows the order of the stages",
    "keys": "names what the stages store",
    "orders": "runs strategies and metrics on what the stages give",
    "plots": "draws what the stages give",
    "replay": "makes a recipe again on what the stages give",
    "worker": "runs a project",
    "__main__": "runs a project",
    "ledger": "used by project alone",
    "encoders": "the half of embedding that knows models",
    "memory": "gives memory back, for the worker",
    "machine": "how many cores there are",
    "wording": "numbers in sentences",
    "layout": "the half of projection that numba compiles",
    "words": "words of texts, for clustering and projection",
    "draws": "random numbers by id, for selection and metrics",
    "memo": "results in memory",
    "tokens": "a stage that only imports the nouns",
    "domain": "the nouns",
    "errors": "the errors",
}
PURE = (
    "selection",
    "metrics",
    "clustering",
    "projection",
    "layout",
    "neighbours",
    "draws",
    "words",
    "domain",
    "errors",
    "memo",
)
OUTSIDE = {
    "pathlib",
    "io",
    "shutil",
    "tempfile",
    "subprocess",
    "socket",
    "sqlite3",
    "urllib",
    "http",
    "requests",
}
OUTSIDE |= {"httpx", "gzip", "zipfile", "pickle", "logging.handlers"}


@cache
def _tree(source):
    return ast.parse((REPOSITORY / source).read_text("utf-8"))


def _imports(source):
    """The names of all modules that a source imports, wherever in it."""
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _functions(source):
    return [
        node for node in ast.walk(_tree(source)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


# Who imports whom.


def test_the_import_contracts_hold():
    """core never imports the pages or streamlit; stages never import each other; the nouns import nothing."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Contracts: [3-9] kept, 0 broken", done.stdout)


def test_every_module_of_core_stands_under_a_rule():
    """It is a stage that imports no other stage, or it is named here with what it is for."""
    modules = {path.stem if path.is_file() else path.name for path in (REPOSITORY / "core").glob("[!.]*")}
    modules -= {"__init__", "__pycache__"}
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    stages = {
        name.removeprefix("core.")
        for contract in contracts
        if contract["type"] == "independence"
        for name in contract["modules"]
    }
    assert stages | JOINERS.keys() == modules


def test_the_token_counter_imports_the_nouns_only():
    """It is a stage as well."""
    assert {name for name in _imports("core/tokens.py") if name.startswith("core")} == {"core.domain"}


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_touch_neither_files_nor_the_network(name):
    """Arrays and frames in, arrays and frames out."""
    sources = [each for each in SOURCES if each == f"core/{name}.py" or each.startswith(f"core/{name}/")]
    assert sources
    for source in sources:
        assert not OUTSIDE & {name.partition(".")[0] for name in _imports(source)}, source


def test_nothing_pickles():
    """No module imports a pickler, and no array is loaded or saved with one."""
    for source in SOURCES:
        assert not {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve"} & set(_imports(source)), (
            source
        )
        for node in ast.walk(_tree(source)):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant)
                assert node.value.value is False, source


def _loaded_after(code):
    """The heavy libraries that a fresh process has loaded after some code, and its processor seconds."""
    measure = (
        "import sys, time; start = time.process_time()\n"
        f"{code}\n"
        f"print(time.process_time() - start, *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", measure],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, *loaded = done.stdout.splitlines()[-1].split()
    return float(seconds), loaded


@pytest.mark.parametrize(
    "code",
    [
        "import core",
        "import core.worker",
        "import core.__main__",
        "from core import Project; Project.open('data/sample.jsonl', home='/nonexistent').judges",
    ],
    ids=["core", "worker", "command line", "open"],
)
def test_core_is_imported_without_anything_heavy(code):
    """In under a second of processor time: whoever looks at judges or asks for help waits for no torch."""
    seconds, loaded = min(_loaded_after(code) for _ in range(2))
    assert loaded == []
    assert seconds < 1


def test_the_app_process_needs_neither_torch_nor_numba():
    """Maps are made in a process of their own."""
    modules = [each[:-3].replace("/", ".") for each in SOURCES if each.startswith("pages/ui/")]
    code = "import " + ", ".join(name.removesuffix(".__init__") for name in modules)
    _, loaded = _loaded_after(code)
    assert not {"torch", "numba", "umap", "pynndescent", "sklearn", "sentence_transformers"} & set(loaded)
    assert "streamlit" in loaded


# Who holds state.


def _attributes(source):
    return {node.attr for node in ast.walk(_tree(source)) if isinstance(node, ast.Attribute)} | {
        name.name
        for node in ast.walk(_tree(source))
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
    users = {source.partition("/")[0] for source in SOURCES if "streamlit" in set(_imports(source))}
    assert users <= {"pages", "app.py", "benchmarks"}


def test_every_page_is_in_the_navigation():
    """A script in a section's folder that app.py does not name would never be seen."""
    pages = {
        source
        for source in SOURCES
        if re.fullmatch(r"pages/(prepare|judge|curate|share)/\w+\.py", source) and "__init__" not in source
    }
    strings = {node.value for node in ast.walk(_tree("app.py")) if isinstance(node, ast.Constant)}
    assert {each for each in strings if str(each).startswith("pages/")} == pages
    assert len((REPOSITORY / "app.py").read_text("utf-8").splitlines()) <= 40


# How long, how named, how explained.


def test_no_module_is_too_long():
    """400 lines at most, or as listed."""
    lengths = {each: len((REPOSITORY / each).read_text("utf-8").splitlines()) for each in SOURCES + SCRIPTS}
    longer = {source: length for source, length in lengths.items() if length > MOST_LINES}
    assert longer.keys() == LONGER_MODULES.keys()
    assert all(length <= LONGER_MODULES[source] for source, length in longer.items())


def test_no_function_is_too_long():
    """40 lines at most, docstring included, or as listed."""
    lengths = {
        f"{source} {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for source in SOURCES
        for function in _functions(source)
    }
    longer = {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FUNCTION}
    assert longer.keys() == LONGER_FUNCTIONS.keys(), longer
    assert all(length <= LONGER_FUNCTIONS[name] for name, length in longer.items()), longer


@pytest.mark.parametrize("source", SOURCES)
def test_every_module_says_what_it_is(source):
    """Its first line is a sentence; only an empty package file is silent."""
    if (REPOSITORY / source).read_text("utf-8").strip():
        docstring = ast.get_docstring(_tree(source))
        assert docstring
        assert re.search(r"[.:]$", docstring.partition("\n\n")[0].strip())


def test_no_module_has_a_name_that_says_nothing():
    """Neither a drawer for odds and ends nor a name of the standard library."""
    names = {Path(source).stem for source in SOURCES}
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc", "types", "select"}


def test_no_exception_is_swallowed():
    """No bare except, and none whose body does nothing."""
    for source in SOURCES:
        for node in ast.walk(_tree(source)):
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{source}:{node.lineno}"
                assert not all(isinstance(each, ast.Pass) for each in node.body), f"{source}:{node.lineno}"


def test_core_neither_prints_nor_exits():
    """It raises or returns; the command line and the worker are the faces that speak."""
    for source in SOURCES:
        if source.startswith("core/") and source not in ("core/__main__.py", "core/worker.py"):
            called = {
                node.func.id
                for node in ast.walk(_tree(source))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            assert not {"print", "exit", "quit", "input", "eval", "exec"} & called, source


def test_every_test_says_what_it_claims():
    """A name and one sentence of behaviour for each test."""
    silent = {
        path.name
        for path in sorted((REPOSITORY / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    }
    assert silent == SILENT_TESTS
