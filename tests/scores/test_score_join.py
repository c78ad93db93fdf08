"""Rows of one file beside those of another, against loops over dictionaries."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from core.score_join import joined, keys_of, match


def made_up(seed: int) -> tuple[list[str | None], list[str | None], list[float]]:
    """Keys of a dataset and of a file with repeats, blanks and strangers, and scores with gaps and ties."""
    random = np.random.default_rng(seed)
    mine = [None if random.random() < 0.05 else f"k{random.integers(30)}" for _ in range(40)]
    theirs = [None if random.random() < 0.1 else f"k{random.integers(40)}" for _ in range(35)]
    scores = [math.nan if random.random() < 0.2 else float(random.integers(3)) for _ in theirs]
    return mine, theirs, scores


@pytest.mark.parametrize("seed", range(20))
def test_each_row_has_the_one_score_of_its_key_or_none(seed):
    """A key with several different cells has none; order of rows has no part in it."""
    mine, theirs, scores = made_up(seed)
    by_key: dict[str, list[float | None]] = {}
    for key, score in zip(theirs, scores, strict=True):
        if key is not None:
            by_key.setdefault(key, []).append(None if math.isnan(score) else score)
    one = {key: cells[0] for key, cells in by_key.items() if len(set(cells)) == 1}
    expected = [one.get(key) if key is not None else None for key in mine]
    keys = pl.Series(mine, dtype=pl.String)
    for turn in (slice(None), slice(None, None, -1)):
        file_keys = pl.Series(theirs[turn], dtype=pl.String)
        found, conflicting = joined(keys, file_keys, np.array(scores[turn], np.float32))
        assert [None if math.isnan(each) else float(each) for each in found] == expected
        assert conflicting == sum(len(set(cells)) > 1 for cells in by_key.values())


@pytest.mark.parametrize("seed", range(20))
def test_the_match_counts_rows_of_both_sides(seed):
    """Matched, unused, repeated and blank, each counted one by one."""
    mine, theirs, _ = made_up(seed)
    found = match(pl.Series(mine, dtype=pl.String), pl.Series(theirs, dtype=pl.String))
    assert found.matched == sum(key is not None and key in theirs for key in mine)
    assert found.without == len(mine) - found.matched
    assert found.unused == sum(key is None or key not in mine for key in theirs)
    assert found.repeated == sum(theirs.count(key) > 1 for key in set(theirs) - {None})
    assert found.blank == theirs.count(None)


def test_nothing_matches_nothing():
    """Empty sides and sides without keys are no error."""
    none = pl.Series([], dtype=pl.String)
    assert match(none, none).matched == 0
    blank = pl.Series([None, None], dtype=pl.String)
    assert match(blank, blank).matched == 0
    assert np.isnan(joined(blank, blank, np.ones(2, np.float32))[0]).all()


@pytest.mark.parametrize(
    ("column", "keys"),
    [
        (pl.Series([7, None]), ["7", None]),
        (pl.Series([7.0, None, float("nan")]), ["7", None, None]),
        (pl.Series([" a ", "", "007"]), ["a", None, "007"]),
        (pl.Series([0.5, 1.0]), ["0.5", "1.0"]),
    ],
)
def test_keys_are_compared_as_text(column, keys):
    """Blanks around them do not count, and a whole number is the same with and without its point."""
    assert keys_of(column).to_list() == keys
