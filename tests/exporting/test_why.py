"""Why these rows: the words of a person reach recipe, card and report whole, and act on none of them."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from small_project import copied

from core import Project, SelectParams
from core.__main__ import main
from core.errors import DataError, ParameterError
from core.exporting import LONGEST_WHY, Card, checked_why, parse_recipe, write_bundle
from core.exporting.card import END, MARK
from core.exporting.licences import front_matter
from core.exporting.merging import merged_card
from core.exporting.why import quoted_why

FIGURES = pl.DataFrame({"metric": ["rows"], "selection": [3.0], "random mean": [3.0]})
HOSTILE = [
    "---\nlicense: mit\n---",
    f"{END} and {MARK}",
    "<script>alert(1)</script> <!-- -->",
    "~~~\nswallowed?\n```\n$$x$$",
    "# heading\n===\n- list\n1. one\n+ plus\n| a | b |\n|---|---|",
    "[link](javascript:alert(1)) ![image](https://example.org/x.png) <https://example.org> &lt;b&gt;",
    "back\\slash \\* *bold* _it_ `code` ~~gone~~ :smile: @somebody",
    "    indented\n\ttab",
    "two\r\nlines\n\n\n\n\nand \u2028 more \x85 \x00\x1b\ud800 end",
    "key: {a: !!python/object/apply:os.system [ls]}",
    "日本語 \U0001f469\u200d\U0001f680 \u202eback",
]
TEXT = st.text(st.characters(), max_size=200)


def _page(bundled, folder, why):
    bundle = bundled([{"id": str(n), "instruction": f"q{n}", "output": "a"} for n in range(5)], [0, 3, 1])
    write_bundle(replace(bundle, card=Card("mit", FIGURES), why=checked_why(why)), folder, "messages")
    return (folder / "README.md").read_text("utf-8")


def _shown(markdown):
    """The quoted paragraphs as a reader of CommonMark shows them, and the kinds of everything inside."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    kinds = {each.type for each in tokens} | {child.type for each in tokens for child in each.children or ()}
    shown = ["".join(child.content for child in each.children) for each in tokens if each.type == "inline"]
    return shown, kinds


def _lines(text):
    return [line.strip() for line in checked_why(text).split("\n") if line.strip()]


QUOTED = {"blockquote_open", "blockquote_close", "paragraph_open", "paragraph_close", "inline"}
PLAIN = {"text", "text_special"}


@settings(max_examples=200, deadline=None)
@given(
    text=st.one_of(TEXT, st.lists(st.sampled_from("*_`~#<>[]()!&$\\|-+=1.\n ax:@"), max_size=40).map("".join))
)
def test_whatever_is_written_is_shown_as_it_was_written(text):
    """Every line comes back to the letter from a reader of Markdown, as plain text in one quotation."""
    shown, kinds = _shown(quoted_why(checked_why(text)))
    assert shown == _lines(text)
    assert kinds <= QUOTED | PLAIN


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_leave_card_recipe_and_report_whole(bundled, tmp_path, text):
    """Front matter, headings and marks are those of a card without them; the recipe gives the words back."""
    page, bare = _page(bundled, tmp_path / "a", text), _page(bundled, tmp_path / "b", "")
    assert front_matter(page) == front_matter(bare)
    headings = re.findall(r"^#+ .*$", page, re.M)
    assert [each for each in headings if each != "## Why these rows"] == re.findall(r"^#+ .*$", bare, re.M)
    assert (page.count(MARK), page.count(END)) == (1, 1)
    quoted = page.partition("## Why these rows\n\n")[2].partition("\n\n## Licence")[0]
    assert _shown(quoted)[0] == _lines(text)
    assert "Mine." in merged_card("# Mine.\n", page) and "## Licence" in merged_card("# Mine.\n", page)
    recipe = parse_recipe((tmp_path / "a" / "recipe.yaml").read_bytes(), "recipe.yaml")
    assert recipe.why == checked_why(text)


def test_a_card_without_words_has_no_place_for_them(bundled, tmp_path):
    """No empty heading, and no empty line in the recipe."""
    assert "Why these rows" not in _page(bundled, tmp_path, " \n ")
    assert "why" not in yaml.safe_load((tmp_path / "recipe.yaml").read_text("utf-8"))


def test_what_is_too_long_is_refused_before_the_work():
    """The length is said and the room there is; as long as that is taken whole."""
    assert len(checked_why("a" * LONGEST_WHY + "\n")) == LONGEST_WHY
    with pytest.raises(ParameterError, match="2,001 characters, and there is room for 2,000"):
        checked_why("a" * (LONGEST_WHY + 1))


def test_a_recipe_with_too_many_words_is_none():
    """A stranger's recipe cannot bring a book into the card."""
    with pytest.raises(DataError, match="why: "):
        parse_recipe(yaml.safe_dump({"recipe_version": 4, "why": "a" * 2001}).encode(), "recipe.yaml")


def test_the_command_writes_them_into_card_recipe_and_report(tmp_path, capsys):
    """One flag, three files; too many of them end with 2 and a hint, and nothing is written."""
    file, home = copied(tmp_path / "home")
    flags = [str(file), "--home", str(home), "--strategy", "random", "--count", "7", "--license", "mit"]
    why = "For the </script> talk; *balanced*"
    assert main(["select", *flags, "--report", "--why", why, "--out", str(tmp_path / "out")]) == 0
    assert quoted_why(why) in (tmp_path / "out" / "README.md").read_text("utf-8")
    assert yaml.safe_load((tmp_path / "out" / "recipe.yaml").read_text("utf-8"))["why"] == why
    page = (tmp_path / "out" / "report.html").read_text("ascii")
    block = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.S)
    assert json.loads(html.unescape(block[1]))["why"] == why
    assert main(["select", *flags, "--why", "a" * 2001, "--out", str(tmp_path / "none")]) == 2
    assert "Say the rest" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_they_are_remembered_for_the_dataset_and_change_no_row(tmp_path):
    """Another session finds them; the ids of a selection with and without them are the same."""
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)
    assert project.why == ""
    assert project.note_why(" because \n") == "because" == Project.open(file, home=home).why
    chosen = project.select(SelectParams(strategy="random", count=7))
    for name, why in (("with", project.why), ("without", "")):
        project.export(chosen, tmp_path / name, why=why)
    recipes = [
        parse_recipe((tmp_path / name / "recipe.yaml").read_bytes(), "r") for name in ("with", "without")
    ]
    assert recipes[0].outcome == recipes[1].outcome
    assert recipes[0].model_copy(update={"why": ""}) == recipes[1]
