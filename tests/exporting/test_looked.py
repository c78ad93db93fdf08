"""What was looked for, and rows at the cut: said of what was done, counted by other means than the code."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import polars as pl
import pytest
from small_project import copied, rows, write

from core import Project, SelectParams, orders
from core.exporting import EVERYTHING, Checked, Looked, Searched, archive, contents, layout, parts_of
from core.exporting.facts import judge_in_words
from core.exporting.recipe import JudgeSource
from core.health import CHECKS

MAIL = {row: f"Write to {name}@northquay.net." for row, name in ((3, "k.ott"), (4, "m.lund"), (9, "a.roy"))}
PROMPT = "Why does my cat purr?"


@pytest.fixture
def project(tmp_path):
    """Sixty rows, three with a mail address, without the first two rows."""
    records = rows()
    for place, text in MAIL.items():
        records[place]["output"] = text
    whole = Project.open(write(tmp_path / "rows.jsonl", records), home=tmp_path / "home")
    return whole.without([whole.propose("by-hand", ids=["r00", "r01"])])


def test_nothing_is_claimed_where_nobody_looked():
    """Neither personal data nor benchmarks, and there is no table."""
    looked = Looked(60)
    assert looked.sentences == (
        "Personal data, refusals, broken texts and the like were not looked for.",
        "Overlap with benchmarks was not looked for.",
    )
    assert (looked.personal, looked.table) == ("Personal data was not looked for.", [])


def test_what_was_found_is_said_with_both_counts():
    """Of the source and of the choice; checks without a find are named once."""
    looked = Looked(
        1_000,
        checks=[Checked("E-mail address", 1_200, 3), Checked("Loop", 0, 0)],
        private=Checked("Private data", 1_200, 3),
        searches=[Searched(164, 0.9, 12, 1)],
    )
    said = " ".join(looked.sentences)
    assert "seen in 1,200 rows of the source, 3 of them chosen." in said
    assert "Nothing was found by: Loop." in said
    assert (
        "Overlap with 164 evaluation prompts was looked for by words in common and by vectors from a cosine of 0.9: "
        "12 rows of the source, 1 of them chosen." in said
    )
    assert looked.table == [("E-mail address", "1,200", "3")]


def test_the_counts_are_those_of_the_checks_among_the_chosen_rows(project):
    """Positions of the whole file and of what is left are told apart; nothing is looked for on the way."""
    left = project.dataset.frame["id"].to_list()
    chosen = [left.index(each) for each in ("r03", "r09", "r20")]
    assert project.looked_for(np.array(chosen)).checks is None
    results = project.checkup()
    looked = project.looked_for(np.array(chosen))
    ids = project.whole.dataset.frame["id"].to_list()
    for result, line in zip(results, looked.checks, strict=True):
        found = {ids[row] for row in result.found.rows}
        assert line == (result.check.title, len(found), len(found & {"r03", "r09", "r20"}))
    assert len(looked.checks) == len(CHECKS)
    assert looked.private[1:] == (3, 2)


def test_a_search_for_evaluation_prompts_is_remembered(project):
    """By another project on the same home; of the same prompts the last one, with its counts."""
    rows_with = [row["id"] for row in rows() if row["instruction"] == PROMPT]
    project.leaks([PROMPT])
    project.leaks([PROMPT])
    project.leaks(["Nobody ever wrote this prompt?"])
    again = Project.open(project.whole.dataset.source, home=project.home)
    searches = again.looked_for(np.array([0, 5])).searches
    assert "r00" in rows_with
    assert searches == [(1, None, len(rows_with), 1), (1, None, 0, 0)]


def test_card_report_and_description_say_it(tmp_path):
    """The same counts in README.md, report.html and croissant.json, and no sentence of an earlier day."""
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)
    project.checkup()
    chosen = project.select(SelectParams(strategy="random", count=7))
    out = tmp_path / "out"
    project.export(chosen, out, format="bundle", licence="cc-by-nc-4.0", report=True)
    card, page = ((out / name).read_text("utf-8") for name in ("README.md", "report.html"))
    told = json.loads((out / "croissant.json").read_text("utf-8"))
    for line in project.looked_for(chosen.rows).table:
        assert f"| {' | '.join(line)} |" in card
        assert json.dumps(list(line)) in page or json.dumps(list(line), separators=(",", ":")) in page
    assert "Overlap with benchmarks was not looked for." in card
    assert "Overlap with benchmarks was not looked for." in page
    assert "may not be used for commercial ends" in page
    (said,) = told["rai:personalSensitiveInformation"]
    assert said == project.looked_for(chosen.rows).personal
    assert said in told["rai:dataLimitations"]
    listed = [
        line.split("`")[1] for line in card.partition("## Files")[2].splitlines() if line.startswith("| `")
    ]
    assert sorted(listed) == sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def test_the_list_of_contents_is_the_zip(tmp_path):
    """One form and everything, with and without card and report."""
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)
    chosen = project.select(SelectParams(strategy="random", count=5))
    cases = (
        ("jsonl", None, False),
        ("messages-parquet", "mit", False),
        (EVERYTHING, None, True),
        (EVERYTHING, "mit", False),
    )
    for name, licence, report in cases:
        form = layout(name)
        parts = parts_of(form, project.dataset, chosen.rows)
        listed = contents(form, parts, with_card=licence is not None, with_report=report)
        bundle = project.bundle(chosen, licence=licence, report=report, format=name)
        with archive(bundle, name) as packed, zipfile.ZipFile(packed) as zipped:
            assert sorted(listed) == sorted(zipped.namelist())


DRAWN = [
    "data/train-00000-of-00001.parquet",
    "train.messages.jsonl",
    "train.alpaca.json",
    "train.sharegpt.json",
    "selection.parquet",
    "border.parquet",
    "control_ids.txt",
    "recipe.yaml",
    "dataset_info.json",
    "axolotl.yaml",
    "trl_sft.py",
    "README.md",
    "croissant.json",
    "report.html",
    "SHA256SUMS",
]
BESIDE = ("ids.txt", "control.parquet", "unsloth_sft.py")


def test_everything_in_one_zip_has_the_names_that_people_were_promised(tmp_path):
    """Name by name; the first table holds messages alone, and the sidecar what decided about each row."""
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)
    chosen = project.select(SelectParams(judge="quality", count=5, strategy="random"))
    bundle = project.bundle(chosen, licence="mit", report=True, format=EVERYTHING)
    with archive(bundle, EVERYTHING) as packed, zipfile.ZipFile(packed) as zipped:
        assert sorted(zipped.namelist()) == sorted((*DRAWN, *BESIDE))
        table, sidecar = (pl.read_parquet(zipped.read(name)) for name in (DRAWN[0], "selection.parquet"))
        control = pl.read_parquet(zipped.read("control.parquet"))
    assert table.columns == control.columns == ["messages"]
    assert (table.height, control.height, sidecar.height) == (5, 5, 60)
    named = {"id", "reason", "score_quality", "cluster", "x", "y", "pinned", "order"}
    assert named <= set(sidecar.columns)


def test_rows_below_the_cut_are_there_where_an_order_ends_at_it(tmp_path, monkeypatch):
    """A slow strategy makes its order no longer than a rung; the next rows are those of a longer order."""
    monkeypatch.setattr(orders, "FIRST_LIMIT", 20)
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)
    params = SelectParams(strategy="k-center", count=20)
    assert len(project.order(params)) == 20
    edge = project.edge(project.select(params))
    longer = project.order(SelectParams(strategy="k-center", count=60))
    assert edge.below.tolist() == longer[20:].tolist()
    assert edge.above.tolist() == longer[:20][::-1].tolist()


def test_every_file_that_llama_factory_reads_is_a_data_set(tmp_path):
    """Each once, the messages as ``winnow``, and no file that it cannot read."""
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)
    chosen = project.select(SelectParams(strategy="random", count=5))
    project.export(chosen, tmp_path / "out", format="bundle", also=["openai", "prompt-completion"])
    listed = json.loads((tmp_path / "out" / "dataset_info.json").read_text("utf-8"))
    assert {name: each["file_name"] for name, each in listed.items()} == {
        "winnow": "train.messages.jsonl",
        "winnow_messages_parquet": "data/train-00000-of-00001.parquet",
        "winnow_alpaca": "train.alpaca.json",
        "winnow_sharegpt": "train.sharegpt.json",
    }
    assert all((tmp_path / "out" / each["file_name"]).is_file() for each in listed.values())


JUDGES = {
    "column q": {"judge": "a", "column": "q"},
    "mean of x, y": {"judge": "a", "column": "", "rule": "mean", "joins": ["x", "y"]},
    "column q of s.csv, joined row by row": {"judge": "a", "column": "q", "file": "s.csv"},
    "column q of s.csv, joined by id = key; 0 to 5 put on 0 to 1; labels good = 1; -1 as unscored": {
        "judge": "a", "column": "q", "file": "s.csv", "joined_by": "id", "joined_key": "key",
        "scale": (0, 5, 0, 1), "labels": {"good": 1.0}, "unscored": [-1.0],
    },
}  # fmt: skip
PLAIN = {"file": None, "scale": None, "invert": False, "labels": {}, "unscored": [], "left_out": False}


@pytest.mark.parametrize("said", JUDGES)
def test_where_the_scores_of_a_judge_come_from_is_said(said):
    """Column, file, how it is joined, and what became of its cells; or the judges that it joins."""
    assert judge_in_words(JudgeSource(**{**PLAIN, **JUDGES[said]})) == said
