"""The offline indicator against a few lines of counting, and as a judge that a person switches on."""

from __future__ import annotations

import math
import random

import numpy as np
import polars as pl
import pytest

from core import Project, indicator
from core.domain import ScoreColumn
from core.errors import DataError
from core.indicator import COLUMN
from core.judging.price import PriceEntry
from core.price_table import keep_price, prices

DECISION = ScoreColumn(name=COLUMN, column=COLUMN)
WORDS = [
    "the",
    "river",
    "carried",
    "seven",
    "grey",
    "stones",
    "past",
    "our",
    "sleeping",
    "village",
    "until",
    "morning",
    "came",
    "again",
]


def frame(answers):
    """A frame of rows with those answers."""
    rows = [
        {"id": str(row), "prompt": "Tell me a story.", "response": answer, "system": "", "messages": []}
        for row, answer in enumerate(answers)
    ]
    turns = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
    return pl.DataFrame(rows, schema_overrides={"messages": turns})


def written(tmp_path, answers):
    """The project of a file with those answers."""
    path = tmp_path / "rows.jsonl"
    rows = {"instruction": [f"Tell me story {row}." for row in range(len(answers))], "output": answers}
    pl.DataFrame(rows).write_ndjson(path)
    return Project.open(path, home=tmp_path / "home")


def test_length_and_repetition_are_what_a_person_counts():
    """For random answers with words said again; of fewer than three words nothing is repeated."""
    chance = random.Random(5)
    answers = [" ".join(chance.choices(WORDS, k=size)) for size in (1, 2, 3, 10, 60, 149, 150, 400)]
    found = indicator.parts(frame(answers))
    for answer, length, repetition in zip(answers, found["length"], found["repetition"], strict=True):
        words = answer.split(" ")
        runs = [" ".join(words[place : place + 3]) for place in range(len(words) - 2)]
        assert length == pytest.approx(min(1, math.log(len(words) + 1) / math.log(151)))
        assert repetition == (len({*runs}) / len(runs) if runs else 1)


def test_a_refusal_is_0_and_no_answer_is_unscored():
    """A broken end costs a quarter; blanks are no answer, and no number stands for that."""
    good = "A fox met a hare, and both ran home before dark."
    answers = [
        good,
        "I'm sorry, but I cannot assist with that request.",
        "",
        "   ",
        f"{good}\n```python\nx = 1",
    ]
    found = indicator.parts(frame(answers))
    scores = indicator.together(found)
    assert scores[1] == 0
    assert np.isnan(scores[[2, 3]]).all()
    assert found["format"].to_list() == [1, 1, None, None, 0]
    assert scores[0] == round(100 * sum(found.row(0)[:4]) / 4)
    assert 0 < scores[4] < 100


def test_a_longer_and_more_varied_answer_is_never_lower():
    """Each further word of a text that says nothing twice adds or leaves it; the same words again take away."""
    fresh = [f"{first}{second}" for first in WORDS for second in WORDS][:160]
    answers = [" ".join(fresh[:size]) + "." for size in (1, 5, 20, 80, 160)]
    scores = indicator.together(indicator.parts(frame([*answers, " ".join(["so it goes on"] * 40) + "."])))
    assert sorted(scores[:5]) == scores[:5].tolist()
    assert scores[4] == 100
    assert scores[5] < scores[3]


def test_it_is_a_judge_once_it_is_switched_on(tmp_path):
    """Not before, and undo takes it back; a column of that name is what counts where there is one."""
    answers = [" ".join(WORDS[: 1 + row % 13]) + "." for row in range(40)] + [""]
    project = written(tmp_path, answers)
    assert COLUMN not in project.judges
    project = project.keep_scores([DECISION])
    judge = project.judges[COLUMN]
    assert (judge.scored, judge.unscored) == (40, 1)
    np.testing.assert_array_equal(judge.scores, indicator.of(project.dataset))
    again = Project.open(tmp_path / "rows.jsonl", home=tmp_path / "home")
    np.testing.assert_array_equal(again.judges[COLUMN].scores, judge.scores)
    assert COLUMN not in again.undo_scores().judges
    own = pl.read_ndjson(tmp_path / "rows.jsonl").with_columns(pl.lit(3.5).alias(COLUMN))
    own.write_ndjson(tmp_path / "own.jsonl")
    found = Project.open(tmp_path / "own.jsonl", home=tmp_path / "home").with_scores([DECISION])
    assert set(found.judges[COLUMN].scores) == {3.5}


def test_prices_are_kept_by_model_and_a_broken_file_is_left_as_it_is(tmp_path):
    """The last word about a model counts; others stay."""
    home = tmp_path / "home"
    keep_price(home, "a", PriceEntry(prompt=1, completion=2, checked="2026-01-02"))
    keep_price(home, "b: odd", PriceEntry(prompt=0.5))
    keep_price(home, "a", PriceEntry(prompt=3, completion=4))
    found = prices(home)
    assert found["a"].price == (3, 4, 1)
    assert found["b: odd"].price is None
    (home / "prices.yaml").write_text("models: [")
    with pytest.raises(DataError, match="do not hold"):
        keep_price(home, "c", PriceEntry())
    assert (home / "prices.yaml").read_text() == "models: ["
