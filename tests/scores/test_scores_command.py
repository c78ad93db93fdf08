"""Scores on the command line: another file, columns by name, what is said, and what is refused."""

from __future__ import annotations

import json

import pytest
from small_project import copied

import core.__main__ as command
from core import Project, scoring
from core.domain import ScoreColumn
from core.errors import ParameterError
from core.score_flags import judge_column


@pytest.fixture
def small(tmp_path):
    """(file, home) of the sixty rows, every stage stored."""
    return copied(tmp_path / "home")


@pytest.fixture
def scores(tmp_path):
    """A file with three columns of scores for the first fifty rows."""
    rows = [
        {
            "id": f"r{place:02}",
            "ppl": -1.0 if place == 7 else 1.5 + place,
            "grade": "good" if place % 2 else "bad",
        }
        for place in range(50)
    ]
    path = tmp_path / "scores.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def select(small, tmp_path, *flags: str) -> int:
    file, home = small
    fixed = ["--home", str(home), "--strategy", "top-score", "--out", str(tmp_path / "out")]
    return command.main(["select", str(file), *fixed, *flags])


def test_rows_are_chosen_by_a_column_of_another_file(small, scores, tmp_path, capsys):
    """Matched by id, lower being better; the match is said, and nothing is kept without being asked to."""
    spec = "fluency=ppl,scale=0..100:0..5,lower-is-better,unscored=-1"
    flags = ["--scores", str(scores), "--judge-column", spec, "--judge", "fluency", "--count", "3"]
    assert select(small, tmp_path, *flags) == 0
    said = capsys.readouterr().out
    assert "judge fluency: 50 of 60 rows matched (83.3%); 10 without a match." in said
    assert "Cells declared as unscored (-1): 1." in said
    assert (tmp_path / "out" / "ids.txt").read_text().split() == ["r00", "r01", "r02"]
    assert Project.open(small[0], home=small[1]).scores == ()
    assert command.main(["replay", str(tmp_path / "out" / "recipe.yaml"), "--data", str(small[0]),
                         "--home", str(tmp_path / "other"), "--scores", str(scores)]) == 0  # fmt: skip


def test_judges_are_kept_where_that_is_asked_for(small, scores, tmp_path, capsys):
    """Then a later command finds them, and a column can be switched off."""
    flags = ["--scores", str(scores), "--no-judge", "depth_score", "--judge", "ppl", "--keep-scores"]
    assert select(small, tmp_path, *flags) == 0
    assert list(Project.open(small[0], home=small[1]).judges) == ["quality", "ppl"]
    assert select(small, tmp_path, "--judge", "ppl", "--count", "1") == 0
    capsys.readouterr()
    assert (tmp_path / "out" / "ids.txt").read_text().split() == ["r49"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=ppl", ScoreColumn(name="a", column="ppl")),
        ("a=ppl,lower-is-better", ScoreColumn(name="a", column="ppl", invert=True)),
        ("a=ppl,scale=-1..1:0..5", ScoreColumn(name="a", column="ppl", scale=(-1, 1, 0, 5))),
        (
            "a=grade,label=good:1,label=bad:-0.5",
            ScoreColumn(name="a", column="grade", labels=(("good", 1), ("bad", -0.5))),
        ),
        ("a=ppl,unscored=-1,unscored=99", ScoreColumn(name="a", column="ppl", unscored=(-1, 99))),
        ("b=odd, name", ScoreColumn(name="b", column="odd, name")),
    ],
)
def test_a_judge_is_spelled_in_one_word(text, expected, scores, small, tmp_path):
    """Name, column, and what becomes of its cells; a comma in a column's name stays in it."""
    if expected.column == "odd, name":
        scores.write_text('{"id": "r00", "odd, name": 1}\n')
    opened = scoring.open_scores(scores, by="id", key="id")
    found = judge_column(text, Project.open(small[0], home=small[1]), opened)
    assert (found.file, found) == (opened.file, found)
    plain = ScoreColumn(**{name: getattr(found, name) for name in ScoreColumn.__slots__ if name != "file"})
    assert plain == expected


@pytest.mark.parametrize(
    "text",
    ["ppl", "a=", "a=none", "a=ppl,scale=1..10", "a=ppl,scale=a..b:0..5", "a=ppl,unscored=x", "a=ppl,label=1",
     "a=ppl,scale=5..1:0..5"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_the_spelling(text, scores, small):
    """Before any work begins."""
    opened = scoring.open_scores(scores, by="id", key="id")
    with pytest.raises(ParameterError):
        judge_column(text, Project.open(small[0], home=small[1]), opened)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--scores-by", "position"], "50 rows and small.jsonl 60"),
        (["--scores-by", "id=nobody"], "There is no column 'nobody'"),
        (["--no-judge", "nobody"], "There is no judge 'nobody'"),
    ],
)
def test_a_join_that_cannot_be_is_refused_in_words(flags, words, scores, tmp_path, capsys):
    """With exit code 2 and nothing written."""
    assert (
        select(
            copied(tmp_path / "home"), tmp_path, "--scores", str(scores), "--judge-column", "a=ppl", *flags
        )
        == 2
    )
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_map_says_what_was_loaded(small, capsys):
    """Lengths, copies and languages, in words and as JSON."""
    file, home = small
    assert command.main(["map", str(file), "--home", str(home)]) == 0
    assert "60 rows read, 60 loaded." in capsys.readouterr().out
    assert command.main(["map", str(file), "--home", str(home), "--json"]) == 0
    loaded = json.loads(capsys.readouterr().out)["loaded"]
    assert (loaded["rows"], loaded["same_prompt"]) == (60, 20)
    assert sum(loaded["languages"].values()) + loaded["unsure"] == 60
