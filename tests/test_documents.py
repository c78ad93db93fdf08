from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

import core.__main__ as command
from core.domain import EMBED_CHOICES, JUDGED_CHOICES, Reason
from core.exporting import CARD_CONTENTS, CONTENTS, FORMATS, REPORT_CONTENTS, SNIPPETS, SPREADSHEET
from core.health import CHECKS
from core.judging.judgement import Status
from core.judging.rubric import PAIR_RUBRICS, RUBRICS
from core.loading import SCHEMAS
from core.metrics import METRICS
from core.removals import RULES
from core.selection import strategies

REPOSITORY = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for path in REPOSITORY.rglob("*.md")
    if not {part for part in path.relative_to(REPOSITORY).parts[:-1] if part.startswith((".", "out"))}
)
README = (REPOSITORY / "README.md").read_text("utf-8")
GUIDE = (REPOSITORY / "docs" / "guide.md").read_text("utf-8")
BOTH = README + GUIDE
FOLDERS = ("core", "pages", "docs", "tests", "data", "benchmarks", "notebooks")


def _subparsers(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _commands(parser, name="python -m core"):
    """Every command, with the parser that reads its flags."""
    found = list(_subparsers(parser))
    if not found:
        yield name, parser
    for word, sub in found:
        yield from _commands(sub, f"{name} {word}")


COMMANDS = dict(_commands(command._parser()))


# Whatever there is, is written down.


@pytest.mark.parametrize("name", RULES)
def test_every_rule_that_takes_rows_out_is_documented(name):
    """By its name, with each of its settings; checks have a table of their own."""
    assert f"`{name}`" in GUIDE
    for setting in RULES[name].settings:
        assert f"`{setting}`" in GUIDE


def test_every_decision_has_a_number_of_its_own_and_a_line_in_the_index():
    """Records that were written apart do not share one."""
    folder = REPOSITORY / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("0*.md"))
    index = re.findall(r"^- \[(\d{4}) .+\]\(([^)]+)\)$", (folder / "README.md").read_text("utf-8"), re.M)
    assert [name for _, name in index] == records
    assert [number for number, _ in index] == [name[:4] for name in records]
    assert len({number for number, _ in index}) == len(index)


@pytest.mark.parametrize("name", strategies())
def test_every_strategy_is_documented(name):
    """By its name, with each of its settings and its source."""
    strategy = strategies()[name]
    assert f"`{name}`" in GUIDE
    for option in strategy.options:
        assert f"`{option.name}`" in GUIDE
    for source in re.findall(r"\d{4}\.\d{5}", strategy.source):
        assert source in GUIDE


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_documented(name):
    """By its name, with its unit and the way that is better."""
    section = GUIDE.partition("## Metrics")[2].partition("\n## ")[0]
    (line,) = [line for line in section.splitlines() if f"`{name}`" in line.partition(" | ")[0]]
    metric = METRICS[name]
    assert [cell.strip() for cell in line.split("|")[3:5]] == [metric.unit, metric.better or ""]


@pytest.mark.parametrize("name", FORMATS)
def test_every_export_format_is_documented(name):
    """By its name."""
    assert f"`{name}`" in GUIDE


@pytest.mark.parametrize("name", [*SCHEMAS, *EMBED_CHOICES])
def test_every_schema_and_choice_of_what_is_embedded_is_documented(name):
    """By its name; a schema with each of its needed roles."""
    assert f"`{name}`" in GUIDE
    for role in SCHEMAS[name].needed if name in SCHEMAS else ():
        assert f"`{role.names[0]}`" in GUIDE


def test_every_rubric_and_status_of_judging_is_documented():
    """By its name; a rubric with its source."""
    section = GUIDE.partition("## Judging")[2].partition("\n## ")[0]
    for name, rubric in {**RUBRICS, **PAIR_RUBRICS}.items():
        assert f"`{name}`" in section
        assert rubric.source.rpartition(" ")[2] in section
    assert all(f"| {status.word} |" in section for status in Status)


def test_every_choice_of_what_is_judged_is_documented():
    """Each part by its name, and what adds the system text to it."""
    parts = {choice.removesuffix("-with-system") for choice in JUDGED_CHOICES}
    assert all(f"`{part}`" in GUIDE for part in parts)
    assert "`-with-system`" in GUIDE
    assert len(JUDGED_CHOICES) == 2 * len(parts)


@pytest.mark.parametrize("name", [*CONTENTS, *CARD_CONTENTS, *REPORT_CONTENTS, *SNIPPETS, SPREADSHEET.file])
def test_every_file_of_an_export_is_documented(name):
    """By its name."""
    assert f"`{name}`" in GUIDE


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
def test_every_check_is_documented(name):
    """By its name."""
    assert f"`{name}`" in GUIDE


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_its_flags(name):
    """As it is typed; a flag counts where it stands with a dash."""
    assert name in BOTH
    for action in COMMANDS[name]._actions:
        for flag in action.option_strings:
            if flag not in ("-h", "--help"):
                assert re.search(rf"{flag}\b", BOTH), flag


def test_no_flag_is_documented_that_is_not_there():
    """Every --flag in README and guide is understood by some command."""
    known = {
        flag for parser in COMMANDS.values() for action in parser._actions for flag in action.option_strings
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", BOTH)) - known == set()


TARGETS = re.findall(r"(?m)^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text("utf-8"))


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_documented(target):
    """As it is typed, in README or guide."""
    assert re.search(rf"make {target}(?![\w-])", BOTH)


def test_no_make_target_is_documented_that_is_not_there():
    """No document tells anybody to make what cannot be made."""
    for document in DOCUMENTS:
        typed = re.findall(r"(?m)(?:^|`)make ([a-z-]+)", document.read_text("utf-8"))
        assert set(typed) <= set(TARGETS), document.name


def test_every_environment_variable_is_documented():
    """Whatever the code reads, a person can set."""
    sources = [*REPOSITORY.glob("core/**/*.py"), *REPOSITORY.glob("pages/**/*.py"), REPOSITORY / "app.py"]
    used = {
        name for source in sources for name in re.findall(r"\"(WINNOW_[A-Z_]+)\"", source.read_text("utf-8"))
    }
    assert used
    assert {name for name in used if f"`{name}`" not in GUIDE} == set()


def test_every_reason_is_documented():
    """In the words that stand in the files."""
    for reason in Reason:
        assert reason.word in GUIDE


# Whatever is written down, is there.


def _slug(heading):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _anchors(path):
    return {_slug(heading) for heading in re.findall(r"(?m)^#+ (.+)$", path.read_text("utf-8"))}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_links_between_documents_resolve(document):
    """Every relative link and picture is a file, every anchor a heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            name, _, anchor = target.partition("#")
            path = document.parent / name if name else document
            assert path.exists(), target
            assert not anchor or anchor in _anchors(path), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_files_that_are_named_are_there(document):
    """Every path in backticks that begins with a folder of the repository."""
    for named in re.findall(r"`([\w./-]+)`", document.read_text("utf-8")):
        if named.split("/")[0] in FOLDERS and "/" in named and named not in CARD_CONTENTS:
            assert (REPOSITORY / named).exists(), named


def test_modules_of_the_architecture_are_there():
    """Every file that a table of ARCHITECTURE.md names in core is one, and no module of core is left out."""
    text = (REPOSITORY / "ARCHITECTURE.md").read_text("utf-8")
    table = "\n".join(line for line in text.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`(\w+)(?:\.py|/)`", table))
    there = {path.stem for path in (REPOSITORY / "core").iterdir()} - {"__init__", "__pycache__"}
    assert named == there


def _blocks(text, language):
    """The fenced blocks of that language."""
    fenced = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", text)
    return [block for named, block in fenced if named == language]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder that sees the sample, to run what the documents show."""
    (tmp_path / "data").symlink_to(REPOSITORY / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", [README, GUIDE], ids=["README", "guide"])
def test_python_blocks_run(text, elsewhere, capsys):
    """From the first to the last, as they stand, and they show something."""
    blocks = _blocks(text, "python")
    assert blocks
    for block in blocks:
        exec(compile(block, "block", "exec"), {"__name__": "block"})
        assert capsys.readouterr().out.strip()


def test_commands_of_the_readme_run(elsewhere, capsys):
    """Each line that begins with python -m core, as it stands."""
    lines = [
        line
        for block in _blocks(README, "")
        for line in block.splitlines()
        if line.startswith("python -m core")
    ]
    assert lines
    for line in lines:
        assert command.main(shlex.split(line)[3:]) == 0, capsys.readouterr().err
    assert len((elsewhere / "out" / "ids.txt").read_text().split()) == 100


def test_the_changelog_has_sections_and_no_empty_one():
    """Newest first, each with its kinds of change and something below them."""
    text = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"(?m)^## Unreleased$", text)
    kinds = re.findall(r"(?m)^### (\w+)\n\n(.)", text)
    assert kinds
    assert all(
        kind in ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security") for kind, _ in kinds
    )
    assert {first for _, first in kinds} == {"-"}
