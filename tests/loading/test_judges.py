from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from core.loading.judges import find_judges


def _judge(values, name="score"):
    return find_judges(pl.DataFrame({name: values}, strict=False)).get(name)


SCORES = [
    "score",
    "judge_gpt4",
    "gpt-4o-rating",
    "QualityScore",
    "IFDScore",
    "ifd",
    "reward",
    "helpfulness_scores",
    "Complexity",
    "length_score",
    "score_x",
    "score_1",
    "token-quality",
    "judge_mistral7b",
    "gradeA",
]
COUNTS = [
    "id",
    "ID",
    "row_id",
    "idx",
    "index",
    "line",
    "n",
    "x",
    "y",
    "year",
    "num_tokens",
    "tokenCount",
    "length",
    "n_words",
    "turns",
    "cluster",
    "label",
    "seed",
    "timestamp",
    "page",
    "judge_id",
    "judge_tokens",
    "score_count",
    "rating_time",
    "Unnamed: 0",
]


@pytest.mark.parametrize("name", SCORES)
def test_a_name_that_says_score_makes_a_judge_of_any_numbers(name):
    """Such a column is offered whatever its range: continuous, one value, up to 100, or negative."""
    for values in ([-3.2, 7.9, 0.001], [3, 3], list(range(101)), [-50, 250], [0.25], [1, None]):
        assert _judge(values, name) is not None


@pytest.mark.parametrize("name", [*COUNTS, "", " "])
def test_a_name_that_says_count_or_key_makes_no_judge(name):
    """Identifiers, counts, lengths, years and coordinates are not scores, however small their numbers."""
    assert _judge([1, 2, 3, 4, 5], name) is None
    assert _judge([0.5, 0.7], name) is None


@pytest.mark.parametrize(
    ("values", "offered"),
    [
        ([1, 2, 3, 4, 5], True),
        ([0, 1], True),
        ([0.0, 1.0, 1.0], True),
        ([4.5, None, 5.0], True),
        (["4.5", "n/a", "5"], True),
        (list(np.linspace(0, 1, 500)), True),
        ([7, 7, 7], False),
        ([1.0, None], False),
        (list(range(22)), False),
        (list(range(1, 101)), False),
        ([2019, 2020, 2021], False),
        ([-11, 1], False),
        (list(np.linspace(-3.2, 7.9, 500)), False),
        ([True, False], False),
        ([None, None], False),
        (["a", "b"], False),
        (["4.5", "good", "5"], False),
        ([[1], [2]], False),
        ([float("inf"), float("nan")], False),
    ],
)
def test_a_name_that_says_neither_is_offered_where_its_numbers_look_like_grades(values, offered):
    """At most 21 grades between -10 and 100, or fractions of one; never constants, booleans or text."""
    assert (_judge(values, "gpt4") is not None) == offered


@pytest.mark.parametrize(
    "values",
    [[True, False], [None, None], ["a", "b"], ["", " ", "n/a"], [float("nan")], [float("inf")], [[1], [2]]],
)
def test_a_score_column_without_any_number_makes_no_judge(values):
    """A name alone is no score."""
    assert _judge(values, "score") is None


@pytest.mark.parametrize(
    ("values", "scored"),
    [
        (["4.5", "n/a", " 3 ", "", None, "NaN", "-"], 2),
        (["4.5", "good", "3"], 2),
        (["1e1", "inf", "-2"], 2),
        (["good", "bad", "3"], None),
        (["nan", "nan", "good", "bad", "3"], None),
    ],
)
def test_numbers_in_a_text_column_are_scores_where_most_of_it_is(values, scored):
    """A score column may hold words for nothing; where most cells are words it is no judge."""
    found = _judge(values, "score")
    assert (found and found.scored) == scored
    if found:
        assert found.unscored == len(values) - scored


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1, 5, 3, 2, 4], (1, 5, 1)),
        ([0, 2, 5], (0, 5, 1)),
        ([2, 4, 10], (2, 10, 2)),
        ([1, 1.5, 4.5], (1, 4.5, 0.5)),
        ([1, 2.5, 4.5], (1, 4.5, 0.5)),
        ([0, 1 / 3, 2 / 3, 1], (0, 1, 0.333333)),
        ([0, 1 / 3, 1.0, 5], (0, 5, 0.333333)),
        ([4.7, 4.6, 4.9], (4.6, 4.9, 0.1)),
        ([0.25, 0.75], (0.25, 0.75, 0.5)),
        ([-5, 5], (-5, 5, 10)),
        ([10, 20, 90], (10, 90, 10)),
        ([0, 0.01, 1], (0, 1, 0.01)),
        (list(range(101)), (0, 100, 1)),
        (list(range(102)), (0, 101, None)),
        ([-3.2, 0.123456, 7.9], (-3.2, 7.9, None)),
        ([0.1, 0.100001, 0.3], (0.1, 0.3, None)),
        ([0.5, 0.5 + 1e-7], (0.5, 0.5000001, None)),
        ([-1e30, 0, 1e30], (-1e30, 1e30, None)),
        ([3, 3, None], (3, 3, None)),
    ],
)
def test_the_scale_is_what_the_scores_show(values, scale):
    """Lowest, highest, and the widest step that all grades are whole steps apart; None: continuous."""
    found = _judge(values)
    low, high, step = scale
    assert found.low == pytest.approx(low, rel=1e-6)
    assert found.high == pytest.approx(high, rel=1e-6)
    assert found.step == step


def test_grades_that_no_float32_holds_are_written_short():
    """4.7 is 4.7 on the screen, and the score at the threshold is the same float32."""
    found = _judge([4.7, 2.3])
    assert (repr(found.low), repr(found.high)) == ("2.3", "4.7")
    assert found.scores.dtype == np.float32
    assert (found.scores >= np.float32(found.high)).tolist() == [True, False]


def test_missing_and_infinite_scores_are_unscored_and_counted():
    """null, NaN and infinity are NaN in scores and count as unscored; no number stands for them."""
    found = _judge([1.0, None, float("nan"), float("inf"), -float("inf"), 5.0])
    assert (found.scored, found.unscored) == (2, 4)
    assert np.isnan(found.scores).tolist() == [False, True, True, True, True, False]
    assert found.scale == (1.0, 5.0, 4.0)


def test_scores_are_in_the_sequence_of_the_rows_and_read_only():
    """scores[i] belongs to row i, and nobody can change it."""
    found = _judge([3, None, 1])
    assert found.scores[[0, 2]].tolist() == [3, 1]
    with pytest.raises(ValueError, match="read-only"):
        found.scores[0] = 5


def test_judges_come_in_the_sequence_of_the_columns():
    """The first score column of the file is the first judge."""
    frame = pl.DataFrame({"b_score": [1], "id": [1], "a_score": [2], "text": ["x"]})
    assert list(find_judges(frame)) == ["b_score", "a_score"]


def test_texts_that_are_numbers_are_no_judges(read):
    """Instructions and outputs such as "1" and "0", or 1 and 0, are the data, not a score of it."""
    rows = [{"instruction": k, "input": str(k), "output": k, "rating": k} for k in (0, 1)]
    for content, name in (
        ("\n".join(map(json.dumps, rows)), "a.jsonl"),
        ("instruction,input,output,rating\n0,0,0,0\n1,1,1,1\n", "a.csv"),
    ):
        assert list(read(name, content).judges) == ["rating"]


def test_the_same_scores_make_the_same_judge_from_any_file(read):
    """JSON numbers, JSON texts and CSV cells with gaps give one scale and one count."""
    values = [4, 4.5, None, 1]
    numbers = [{"instruction": "a", "output": "b", "gpt4": value} for value in values]
    texts = [{**row, "gpt4": "n/a" if row["gpt4"] is None else str(row["gpt4"])} for row in numbers]
    cells = "".join(f"a,b,{'' if value is None else value}\n" for value in values)
    judges = [
        read("a.jsonl", "\n".join(map(json.dumps, numbers))).judges["gpt4"],
        read("a.jsonl", "\n".join(map(json.dumps, texts))).judges["gpt4"],
        read("a.csv", "instruction,output,gpt4\n" + cells).judges["gpt4"],
        read("a.csv", "instruction,output,gpt4\n" + cells.replace("b,\n", "b,n/a\n")).judges["gpt4"],
    ]
    for judge in judges:
        assert judge.scale == (1.0, 4.5, 0.5)
        assert (judge.scored, judge.unscored) == (3, 1)
        assert np.array_equal(judge.scores, np.array([4, 4.5, np.nan, 1], np.float32), equal_nan=True)
