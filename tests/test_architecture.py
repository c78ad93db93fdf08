"""Who imports whom, and what is loaded with it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from repository import REPOSITORY, SOURCES, imports, tree

HEAVY = ("torch", "umap", "pynndescent", "numba", "sklearn", "scipy", "plotly", "streamlit", "pandas")
HEAVY += ("sentence_transformers", "transformers", "tokenizers", "openai", "pyarrow")

# Modules of core that join others or serve them, and so stand outside the rule that stages are independent.
JOINERS = {
    "project": "the public surface over the stages, the ledger and the exports",
    "flags": "the project that the flags of a command open",
    "judged": "what a judge will read, out of a dataset's frame",
    "judgements": "the ledger of what models said about rows",
    "claiming": "who is asking for which row, in that ledger",
    "model_scores": "the scores of a model as a file, out of that ledger and back",
    "model_facts": "what is told of a model that judged",
    "llm_judges": "models that have scored rows, as judges of a dataset",
    "asking": "runs judging on a dataset and its ledger",
    "batches": "sends batches of judging and collects them",
    "judge_command": "the command that judges",
    "choosing": "the half of a project that chooses",
    "cleaning": "the half of a project that takes rows out",
    "taking_out": "the flags that take rows out, for the command line",
    "removals": "runs the rules that find rows to take out on what the stages give",
    "removal_table": "the half of taking out that knows the ledger's file",
    "ratings": "what people said about rows",
    "rating_table": "what people said, in the ledger's file",
    "review": "which rows people see, and what their verdicts mean",
    "review_plots": "draws what their verdicts mean",
    "pairs_command": "pairs of answers, for the command line",
    "pairs": "two answers to one prompt",
    "pair_rates": "who wins, what the order decides and who agrees, out of votes on pairs",
    "asking_pairs": "runs judging on pairs of answers and its ledger",
    "reviewed": "the half of a project that people review",
    "looking": "the half of a project that looks at what was loaded",
    "handing_over": "the half of a project that knows the rows that are handed over",
    "keeping_scenes": "the half of a project that keeps selections under a name",
    "embedded": "takes vectors from the store and has the missing ones made",
    "stages": "knows the order of the stages",
    "keys": "names what the stages store",
    "scored": "the half of a project that decides which columns are judges",
    "indicator": "a number out of a row's text, by checks of health and measures of words",
    "price_table": "the prices of models in the home's file",
    "scoring": "reads a file of scores through loading, and puts judges beside a dataset",
    "score_values": "cells as scores",
    "aggregates": "several judges as one, for the judges of a project",
    "concordance": "two judges beside each other, for trust",
    "leanings": "what judges lean towards, for trust",
    "families": "which family a model belongs to, for trust",
    "family_table": "the families in the ledger's file",
    "trust": "measures how far judges can be trusted, through a project",
    "trust_reading": "trust in sentences",
    "trust_verdict": "whether a filter is supported",
    "trust_command": "the command trust, for __main__",
    "score_join": "rows of one file beside those of another",
    "score_table": "the decisions about judges in the ledger's file",
    "score_flags": "flags of the command line about judges",
    "load_report": "what loading found, on the texts and on what tokens gives",
    "languages": "the language of each text, with the library's model",
    "judges": "whose scores count, for orders",
    "checkup": "runs the checks on what the stages give, and keeps what they find",
    "store_command": "the half of the command line that speaks of the store",
    "health_command": "the half of the command line that speaks of health",
    "copies": "finds near copies in what the stages give",
    "orders": "runs strategies and metrics on what the stages give",
    "measures": "runs metrics on what the stages give, and keeps what was measured",
    "comparison": "puts selections beside random draws, through a project",
    "agreement": "how far judges agree, for the card and the report",
    "held_out": "asks judges that did not choose, through a project",
    "overlap": "takes two selections apart",
    "stability": "chooses again with one decision changed, through a project",
    "word_counts": "vectors of shared words, for embedding and projection",
    "plots": "draws what the stages give",
    "plane": "the what-if plane: its axes and its figures",
    "sweep": "measures the what-if plane on orders and metrics",
    "enough": "where a curve bends",
    "reading": "the what-if plane in sentences",
    "reporting": "what a report says, through a project",
    "frozen": "the orders that a report holds, through a project",
    "plane_plots": "draws the what-if plane",
    "pictures": "paints what the stages give",
    "palette": "colours",
    "search": "words in rows",
    "opening": "finds the data of a recipe",
    "meaning": "rows near a query or examples",
    "region": "the region of a task",
    "task_region": "the rule of a task's region, on what the stages give",
    "task_pool": "the command line's way to a task's region, through a project",
    "finder": "finds rows on what the stages give",
    "replay": "makes a recipe again on what the stages give",
    "worker": "runs a project",
    "__main__": "runs a project",
    "arguments": "what some of its flags hold",
    "leak_table": "evaluation prompts that were looked for, in the ledger's file",
    "licence_table": "the licence of a dataset and why its rows were chosen, in the ledger's file",
    "push": "writes an export to the hub",
    "push_errors": "what the hub answered, in words",
    "telling": "sentences and progress at a terminal",
    "preflight_command": "the command line's preflight, on a project",
    "ledger": "used by project alone",
    "decisions": "what was decided, in words",
    "data_named": "what a command line or a recipe names, through loading",
    "scenes": "keeps what the stages give under a name",
    "scene_table": "the half of scenes that knows the ledger's file",
    "encoders": "the half of embedding that knows models",
    "memory": "gives memory back, for the worker",
    "machine": "how many cores there are, and products on one of them",
    "wording": "numbers in sentences",
    "layout": "the half of projection that numba compiles",
    "words": "words of texts, for clustering and projection",
    "draws": "random numbers by id, for selection and metrics",
    "memo": "results in memory",
    "tokens": "a stage that only imports the nouns",
    "domain": "the nouns",
    "errors": "the errors",
}
FACES = (
    "core/__main__.py",
    "core/preflight_command.py",
    "core/store_command.py",
    "core/telling.py",
    "core/worker.py",
)  # who may speak
PURE = (
    "indicator",
    "selection",
    "agreement",
    "health",
    "metrics",
    "clustering",
    "projection",
    "layout",
    "neighbours",
    "draws",
    "words",
    "word_counts",
    "overlap",
    "score_values",
    "aggregates",
    "concordance",
    "leanings",
    "families",
    "trust_reading",
    "trust_verdict",
    "score_join",
    "ratings",
    "review",
    "pairs",
    "pair_rates",
    "languages",
    "model_facts",
    "domain",
    "errors",
    "memo",
    "palette",
    "search",
    "judged",
    "loading/boilerplate",
    "meaning",
    "region",
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
    assert {name for name in imports("core/tokens.py") if name.startswith("core")} == {"core.domain"}


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_touch_neither_files_nor_the_network(name):
    """Arrays and frames in, arrays and frames out."""
    sources = [each for each in SOURCES if each == f"core/{name}.py" or each.startswith(f"core/{name}/")]
    assert sources
    for source in sources:
        assert not OUTSIDE & {name.partition(".")[0] for name in imports(source)}, source


def test_nothing_pickles():
    """No module imports a pickler, and no array is loaded or saved with one."""
    for source in SOURCES:
        assert not {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve"} & set(imports(source)), (
            source
        )
        for node in ast.walk(tree(source)):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant)
                assert node.value.value is False, source


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory):
    """A folder with all modules compiled, as they are from the second start on, whatever the environment says."""
    folder = tmp_path_factory.mktemp("bytecode")
    _loaded_after("import core.worker, core.__main__", folder)
    return folder


def _loaded_after(code, bytecode):
    """The heavy libraries that a fresh process has loaded after some code, and its processor seconds."""
    measure = (
        "import sys, time; start = time.process_time()\n"
        f"{code}\n"
        f"print(time.process_time() - start, *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": str(REPOSITORY), "PYTHONPYCACHEPREFIX": str(bytecode)}
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


@pytest.mark.alone
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
def test_core_is_imported_without_anything_heavy(code, bytecode):
    """In 0.9 s of processor time, or 2.5 times what its libraries take where the machine is slow: no torch."""
    seconds, loaded = min(_loaded_after(code, bytecode) for _ in range(2))
    assert loaded == []
    assert seconds < max(0.9, 2.5 * _loaded_after("import numpy, polars, pydantic, yaml", bytecode)[0])


def test_the_app_process_needs_neither_torch_nor_numba(bytecode):
    """Maps are made in a process of their own."""
    modules = [each[:-3].replace("/", ".") for each in SOURCES if each.startswith("pages/ui/")]
    code = "import " + ", ".join(name.removesuffix(".__init__") for name in modules)
    _, loaded = _loaded_after(code, bytecode)
    assert not {"torch", "numba", "umap", "pynndescent", "sklearn", "sentence_transformers"} & set(loaded)
    assert "streamlit" in loaded


def test_core_neither_prints_nor_exits():
    """It raises or returns; the command line and the worker are the faces that speak."""
    for source in SOURCES:
        if source.startswith("core/") and source not in FACES:
            called = {
                node.func.id
                for node in ast.walk(tree(source))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            assert not {"print", "exit", "quit", "input", "eval", "exec"} & called, source
