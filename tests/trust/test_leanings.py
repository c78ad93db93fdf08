"""What judges lean towards: partial correlations by regression, styles by example, clusters by counting."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from core.leanings import (
    around,
    by_length,
    cluster_keeps,
    length_leaning,
    partial_spearman,
    style_leaning,
    styles,
    wilson,
)

NAN = np.nan


@pytest.mark.parametrize("seed", range(8))
def test_a_partial_correlation_is_that_of_what_regression_leaves(seed):
    """Of ranks: both regressed on the third, and the residuals correlated; unknown rows left out."""
    drawn = np.random.default_rng(seed)
    given = drawn.integers(0, 9, 80).astype(float)
    one, other = (given + drawn.integers(0, 7, 80) for _ in range(2))
    one[3], other[5], given[7] = NAN, NAN, NAN
    known = np.setdiff1d(np.arange(80), (3, 5, 7))
    ranks = [stats.rankdata(each[known]) for each in (one, other, given)]
    left = [each - np.polyval(np.polyfit(ranks[2], each, 1), ranks[2]) for each in ranks[:2]]
    assert partial_spearman(one, other, given) == pytest.approx(stats.pearsonr(*left).statistic)


def test_a_judge_of_length_is_told_from_one_of_quality():
    """What a judge shares with others is held fixed; what is its own stays."""
    drawn = np.random.default_rng(1)
    lengths, quality = drawn.integers(10, 900, 2000), drawn.normal(size=2000)
    long = stats.rankdata(lengths) / 600
    fair, fond = quality.astype(np.float32), (quality + long).astype(np.float32)
    assert abs(length_leaning("fair", fair, lengths, None).rho.value) < 0.06
    found = length_leaning("fond", fond, lengths, fair)
    assert found.rho.value > 0.4
    assert found.beyond > found.rho.value
    assert found.rho.low < found.rho.value < found.rho.high
    assert np.isnan(length_leaning("fond", fond, lengths, None).beyond)


def test_style_beyond_length_is_told_apart():
    """Lists that are merely long are not liked for being lists."""
    drawn = np.random.default_rng(4)
    lengths = drawn.integers(1, 1000, 3000)
    shows = lengths + drawn.integers(-200, 200, 3000) > 600
    scores = (stats.rankdata(lengths) + drawn.normal(0, 100, 3000)).astype(np.float32)
    found = style_leaning("j", "lists", scores, shows, lengths)
    assert found.rho.value > 0.5
    assert abs(found.beyond) < 0.08
    assert found.share == pytest.approx(shows.mean())


def test_the_interval_of_a_correlation_covers_the_truth():
    """In about 95 of a hundred samples."""
    drawn = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        one = drawn.normal(size=120)
        other = one + drawn.normal(size=120)
        found = around(stats.spearmanr(one, other).statistic, 120)
        inside += found.low < 6 / math.pi * math.asin(math.sqrt(0.5) / 2) < found.high
    assert 0.91 <= inside / 300 <= 0.985
    assert math.isnan(around(NAN, 50).low)


@pytest.mark.parametrize(
    ("text", "feature", "shows"),
    [
        ("# Title\ntext", "markdown", True),
        ("a **bold** word", "markdown", True),
        ("2 ** 3 ** 4", "markdown", False),
        ("| a | b |\n| - | - |", "markdown", True),
        ("#hashtag is none", "markdown", False),
        ("- one\n- two", "lists", True),
        ("1. one\nmore\n2. two", "lists", True),
        ("- only one", "lists", False),
        ("a - b - c", "lists", False),
        ("```\nx\n```", "code", True),
        ("def add(a, b):\n    return a", "code", True),
        ("see\n<div class='a'>", "code", True),
        ("let us go, and import nothing", "code", False),
        ("class is over", "code", False),
        ("from here to there", "code", False),
    ],
)
def test_styles_are_told_by_example(text, feature, shows):
    """And prose that merely holds such words or signs is none."""
    assert bool(styles(pl.Series([text]))[feature][0]) is shows


def test_a_response_that_is_not_there_has_no_style():
    """Neither an empty one nor null."""
    found = styles(pl.Series(["", None], dtype=pl.String))
    assert not any(each.any() for each in found.values())


def test_tenths_by_length_hold_equal_lengths_together():
    """Short to long; a tenth without rows is unknown, and unscored rows are in none."""
    lengths = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10])
    scores = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, NAN], np.float32)
    assert by_length(scores, lengths) == pytest.approx(np.arange(5, 105, 10))
    same = by_length(scores, np.full(11, 4))
    assert np.isnan(same).sum() == 9
    assert np.nanmax(same) == pytest.approx(50)
    assert np.isnan(by_length(np.full(11, NAN, np.float32), lengths)).all()


@pytest.mark.parametrize(("kept", "rows"), [(0, 7), (3, 9), (9, 9), (120, 1000)])
def test_the_interval_of_a_share_is_that_of_scipy(kept, rows):
    """Wilson's."""
    theirs = stats.binomtest(kept, rows).proportion_ci(method="wilson")
    assert wilson(kept, rows) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_a_cluster_is_an_alert_where_it_loses_more_than_chance_explains():
    """A large one at two thirds is, a small one and one just above are not; unscored rows do not count."""
    labels = np.repeat([0, 1, 2, -1], [300, 300, 6, 400]).astype(np.int32)
    scores = np.zeros(1006, np.float32)
    scores[:90] = 5  # 30 % of cluster 0
    scores[300:510] = 5  # 70 % of cluster 1
    scores[606:800] = 5
    scores[1000:] = NAN
    found = {each.label: each for each in cluster_keeps(labels, scores, 4)}
    rate = (90 + 210 + 194) / 1000
    assert (found[0].rows, found[0].kept) == (300, 90)
    assert found[0].ratio == pytest.approx(rate / 0.3)
    assert found[0].is_alert
    assert not found[1].is_alert
    assert not found[2].is_alert, "six rows tell nothing"
    assert found[-1].rows == 394
    assert math.isinf(found[2].ratio)
    assert next(iter(cluster_keeps(labels, scores, 4))).label == 2


def test_a_cluster_whose_loss_chance_explains_is_no_alert():
    """Three of twelve where half of all are kept: low enough, and too few to tell."""
    labels = np.repeat([0, 1], [12, 400]).astype(np.int32)
    scores = np.zeros(412, np.float32)
    scores[:3] = scores[12:212] = 5
    found = {each.label: each for each in cluster_keeps(labels, scores, 5)}
    assert found[0].ratio > 1.5
    assert found[0].high > 203 / 412
    assert not found[0].is_alert
