"""Every metric of a set of rows, each against a few lines of brute force."""

from __future__ import annotations

import math
import zlib
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from small_pools import CLOSE, nearest_by_hand, pool_of, unit

from core.metrics import METRICS, Figures, cheap_figures, geometry, lexical, measure, novelty, table

KINDS = {
    "mixed": {},
    "repeats": {"repeats": 0.5},
    "one cluster": {"clusters": 1},
    "no judge": {"scores": False},
}


@pytest.fixture(params=KINDS)
def pool(request):
    """Two hundred rows: mixed, half of them repeats, all in one cluster, or without a judge."""
    return pool_of(seed=len(request.param), **KINDS[request.param])


@pytest.fixture(params=[1, 2, 30, 200])
def rows(request):
    """One, two, some and all rows, in any sequence."""
    return np.random.default_rng(request.param).permutation(200)[: request.param]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_cheap_figures_are_what_a_count_by_hand_gives(seed):
    """Sums and means over the chosen rows; unscored rows and noise are left out."""
    pool = pool_of(seed=seed)
    rows = np.random.default_rng(seed).permutation(200)[:30]
    scored = [float(pool.scores[row]) for row in rows if not math.isnan(pool.scores[row])]
    tokens = [int(pool.tokens[row]) for row in rows]
    assert 0 < len(scored) < 30
    assert cheap_figures(pool, rows) == Figures(
        rows=30,
        tokens=sum(tokens),
        mean_score=pytest.approx(sum(scored) / len(scored)),
        mean_tokens=pytest.approx(sum(tokens) / 30),
        mean_response=pytest.approx(sum(int(pool.response_chars[row]) for row in rows) / 30),
        clusters=len({int(pool.labels[row]) for row in rows} - {-1}),
    )


def test_the_cheap_figures_are_among_the_metrics(pool, rows):
    """By the same names, with the same values."""
    cheap, found = cheap_figures(pool, rows), measure(pool, rows)
    for name in Figures.__dataclass_fields__:
        assert found[name] == pytest.approx(getattr(cheap, name), nan_ok=True)


def test_an_empty_selection_has_counts_and_nothing_else():
    """Nothing chosen: counts are zero, all clusters are empty, and everything else is missing, not zero."""
    found = measure(pool_of(), np.empty(0, dtype=np.int64))
    counts = {name: found.pop(name) for name in ("rows", "tokens", "clusters", "empty_clusters")}
    assert counts == {"rows": 0, "tokens": 0, "clusters": 0, "empty_clusters": 6}
    assert [name for name, value in found.items() if not math.isnan(value)] == []


def test_token_counts_add_up_beyond_32_bits():
    """Three rows of a billion tokens are three billion."""
    long = replace(pool_of(3), tokens=np.full(3, 1_000_000_000, dtype=np.int32))
    assert cheap_figures(long, np.arange(3)).tokens == 3_000_000_000


def test_coverage_is_read_from_the_distances_to_the_nearest_chosen_row(pool, rows):
    """Greatest, 95th percentile, mean, one minus the mean, and the share within 0.4."""
    distances, found = nearest_by_hand(pool.vectors, rows), measure(pool, rows)
    assert found["radius"] == pytest.approx(distances.max(), abs=CLOSE)
    assert found["radius_p95"] == pytest.approx(np.percentile(distances, 95), abs=CLOSE)
    assert found["mean_nearest"] == pytest.approx(distances.mean(), abs=CLOSE)
    assert found["facility"] == pytest.approx(1 - distances.mean(), abs=CLOSE)
    assert found["covered"] == pytest.approx((distances <= 0.4).mean())


# The table.


def test_the_table_shows_selection_control_and_pool_side_by_side():
    """A row a metric, with the control's mean, lowest and highest; what is missing is null."""
    empty = dict.fromkeys(METRICS, math.nan)
    control = [{**empty, "rows": 2, "radius": radius} for radius in (0.5, 0.2, 0.8)]
    shown = table({**empty, "rows": 2, "radius": 0.1, "tokens": 7}, control, {**empty, "rows": 9})
    assert shown.columns == ["metric", "selection", "random mean", "random low", "random high", "pool"]
    assert shown["metric"].to_list() == [metric.title for metric in METRICS.values()]
    by_metric = {row[0]: row[1:] for row in shown.iter_rows()}
    assert by_metric["Rows"] == (2, 2, 2, 2, 9)
    assert by_metric["Covering radius (cosine distance)"] == (0.1, pytest.approx(0.5), 0.2, 0.8, None)
    assert by_metric["Tokens"] == (7, None, None, None, None)


def test_a_table_without_a_control_has_the_same_columns_of_numbers():
    """No draws: the columns are there, empty, and still numbers."""
    one = dict.fromkeys(METRICS, 1.0)
    full, bare = table(one, [one], one), table(one, [], one)
    assert bare.schema == full.schema
    assert bare["random mean"].null_count() == len(METRICS)


def test_every_metric_has_a_name_a_title_and_a_sentence_of_its_own():
    """None is named twice, each can be written in its form, and each says in one sentence what it is."""
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)
    for name, metric in METRICS.items():
        assert metric.name == name
        assert format(0.5, metric.form)
        assert metric.better in ("higher", "lower", None)
        assert metric.help.endswith(".")
    assert list(measure(pool_of(), np.arange(20))) == list(METRICS)


# What the rows are like among themselves.


def _similar(pool, rows):
    """(k, k) cosine similarity of the rows in double precision."""
    wide = pool.vectors[rows].astype(float)
    return wide @ wide.T


def test_a_row_is_redundant_when_another_one_is_more_similar_than_nine_tenths(pool, rows):
    """The share of the rows with such another row; a row alone has none."""
    similar = _similar(pool, rows)
    doubles = [any(similar[i, j] > 0.9 for j in range(len(rows)) if j != i) for i in range(len(rows))]
    assert measure(pool, rows)["redundancy"] == pytest.approx(np.mean(doubles))


def test_the_mean_pair_distance_is_the_mean_over_all_pairs(pool, rows):
    """Of two different rows each; missing where there is no pair."""
    similar = _similar(pool, rows)
    pairs = [1 - similar[i, j] for i in range(len(rows)) for j in range(i)]
    expected = sum(pairs) / len(pairs) if pairs else math.nan
    assert measure(pool, rows)["pair_distance"] == pytest.approx(expected, abs=CLOSE, nan_ok=True)


def test_the_vendi_score_is_the_exponential_entropy_of_the_similarities(pool, rows):
    """Of the eigenvalues of the similarities themselves, not of their dual."""
    shares = [share for share in np.linalg.eigvalsh(_similar(pool, rows) / len(rows)) if share > 1e-12]
    expected = math.exp(-sum(share * math.log(share) for share in shares))
    assert measure(pool, rows)["vendi"] == pytest.approx(expected, rel=1e-4)


def test_the_vendi_score_counts_unlike_rows():
    """Four rows of which two and two are equal are as diverse as two at a right angle."""
    vectors = np.eye(12, dtype=np.float32)[[0, 0, 1, 1]]
    assert measure(replace(pool_of(4), vectors=vectors), np.arange(4))["vendi"] == pytest.approx(2)


def _novelty(pool, row, rows):
    """The novelty of one row: inverse ranks, then the density of the pool, one distance at a time."""
    wide = pool.vectors.astype(float)

    def distance(other):
        found = 1 - float(wide[row] @ wide[other])
        return found if found > 1e-6 else 0.0

    near = sorted(distance(other) for other in rows if other != row)
    weights = [1 / rank for rank in range(1, len(near) + 1)]
    mean = sum(weight * each for weight, each in zip(weights, near, strict=True)) / sum(weights)
    around = sorted(2 * distance(other) for other in range(len(wide)) if distance(other) > 0)[:10]
    return mean / math.sqrt((sum(around) / len(around) if around else 0) + 1e-9)


def test_novelsum_is_the_mean_of_the_rows_novelty(pool, rows):
    """By inverse ranks and the ten nearest rows of the pool; missing where there is no other row."""
    expected = np.mean([_novelty(pool, row, rows) for row in rows]) if len(rows) > 1 else math.nan
    assert measure(pool, rows)["novelsum"] == pytest.approx(expected, rel=1e-4, nan_ok=True)


def test_novelsum_of_many_rows_is_that_of_the_rows_drawn_first(monkeypatch):
    """Seven anchors of thirty rows: those with the lowest draw, against all thirty."""
    monkeypatch.setattr(novelty, "ANCHORS", 7)
    pool, rows = pool_of(), np.random.default_rng(4).permutation(200)[:30]
    anchors = sorted(rows, key=lambda row: int(pool.draw[row]))[:7]
    expected = np.mean([_novelty(pool, row, rows) for row in anchors])
    assert measure(pool, rows)["novelsum"] == pytest.approx(expected, rel=1e-4)


def test_rows_that_are_all_the_same_have_no_novelty_and_no_distance():
    """One vector a hundred times: all redundant, as diverse as one row, and nothing new."""
    pool = replace(pool_of(100), vectors=np.repeat(unit(1), 100, axis=0))
    found = measure(pool, np.arange(40))
    assert found["redundancy"] == 1
    assert found["vendi"] == pytest.approx(1, abs=1e-4)
    assert found["radius"] == pytest.approx(0, abs=CLOSE)
    assert found["pair_distance"] == pytest.approx(0, abs=CLOSE)
    assert found["novelsum"] == 0


def test_products_of_any_size_give_the_same_figures(monkeypatch):
    """Fewer rows and columns a product than there are, with chosen rows on every edge."""
    pool, rows = pool_of(repeats=0.3), np.arange(0, 200, 2)
    whole = measure(pool, rows)
    monkeypatch.setattr(geometry, "ROWS", 33)
    monkeypatch.setattr(geometry, "COLUMNS", 17)
    monkeypatch.setattr(novelty, "BLOCK", 9)
    assert measure(pool, rows) == pytest.approx(whole, abs=1e-5)


# Clusters, words, lengths and scores.


def test_the_spread_over_clusters_is_counted_by_hand(pool, rows):
    """Empty clusters, entropy over its greatest value, divergence from the pool; noise is nobody's cluster."""
    held = [int(label) for label in pool.labels[rows] if label >= 0]
    everything = [int(label) for label in pool.labels if label >= 0]
    clusters, found = set(everything), measure(pool, rows)
    assert found["empty_clusters"] == len(clusters - set(held))
    shares = {label: held.count(label) / len(held) for label in set(held)}
    entropy = -sum(share * math.log(share) for share in shares.values())
    divergence = sum(
        share * math.log(share * len(everything) / everything.count(label)) for label, share in shares.items()
    )
    even = math.log(len(clusters))
    expected = entropy / even if shares and even else math.nan
    assert found["cluster_entropy"] == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert found["cluster_kl"] == pytest.approx(divergence if shares else math.nan, abs=1e-9, nan_ok=True)


def _words_of(pool, rows):
    """The words of every text, in the sequence of the draw: a prompt, then its response."""
    drawn = sorted(rows, key=lambda row: int(pool.draw[row]))
    return [text for row in drawn for text in (pool.prompts[int(row)], pool.responses[int(row)])]


def _runs(words):
    """How many runs of words it takes, a run ending when fewer than 72 in 100 of its words differ."""
    runs, run = 0.0, []
    for word in words:
        run = [*run, word]
        if len(set(run)) / len(run) < 0.72:
            runs, run = runs + 1, []
    return runs + ((1 - len(set(run)) / len(run)) / 0.28 if run else 0)


@pytest.mark.parametrize("most", [2000, 8])
def test_words_are_counted_in_the_texts_of_the_rows_drawn_first(pool, rows, most, monkeypatch):
    """Pairs, runs read both ways and compressed bytes, of prompts and responses, in the sequence of the draw."""
    monkeypatch.setattr(lexical, "TEXTS", most)
    texts, found = _words_of(pool, rows)[: 2 * most], measure(pool, rows)
    split = [text.lower().split() for text in texts]
    pairs = [(words[place], words[place + 1]) for words in split for place in range(len(words) - 1)]
    assert found["distinct_2"] == pytest.approx(len(set(pairs)) / len(pairs))
    words = [word for each in split for word in each]
    runs = _runs(words), _runs(list(reversed(words)))
    expected = (len(words) / runs[0] + len(words) / runs[1]) / 2 if all(runs) else math.nan
    assert found["mtld"] == pytest.approx(expected, nan_ok=True)
    joined = "\n".join(texts).encode()
    assert found["compression"] == pytest.approx(len(joined) / len(zlib.compress(joined, level=6)))


def test_without_words_nothing_is_said_about_them():
    """Empty texts, or no texts at all: missing, not zero."""
    pool, names = pool_of(), ("distinct_2", "mtld", "compression")
    blank = pl.Series([""] * 200)
    for silent in (replace(pool, prompts=None), replace(pool, prompts=blank, responses=blank)):
        found = measure(silent, np.arange(20))
        assert all(math.isnan(found[name]) for name in names)


def _at_share(values, share):
    """The value at a share of the way along the sorted ones, on the line between two of them."""
    ordered = sorted(map(float, values))
    below, rest = divmod(share * (len(ordered) - 1), 1)
    after = ordered[min(int(below) + 1, len(ordered) - 1)]
    return ordered[int(below)] + rest * (after - ordered[int(below)])


def test_lengths_and_scores_have_their_quantiles(pool, rows):
    """Tokens and characters of all rows, scores of the scored ones, and the share without a score."""
    found = measure(pool, rows)
    for name, values in (("tokens", pool.tokens[rows]), ("response", pool.response_chars[rows])):
        for part, share in (("p10", 0.1), ("median", 0.5), ("p90", 0.9)):
            assert found[f"{name}_{part}"] == pytest.approx(_at_share(values, share))
    scores = [] if pool.scores is None else [float(pool.scores[row]) for row in rows]
    scored = [score for score in scores if not math.isnan(score)]
    for part, share in (("p10", 0.1), ("median", 0.5)):
        expected = _at_share(scored, share) if scored else math.nan
        assert found[f"score_{part}"] == pytest.approx(expected, nan_ok=True)
    unscored = 1 - len(scored) / len(rows) if scores else math.nan
    assert found["unscored"] == pytest.approx(unscored, nan_ok=True)


def test_only_unscored_rows_have_no_scores_and_say_so():
    """No mean and no quantile, and all of them are unscored."""
    pool = pool_of()
    found = measure(pool, np.flatnonzero(np.isnan(pool.scores)))
    assert all(math.isnan(found[name]) for name in ("mean_score", "score_p10", "score_median"))
    assert found["unscored"] == 1


def test_neither_the_file_nor_the_sequence_of_rows_changes_a_figure(pool, rows):
    """The pool in another order of rows, and the rows asked for backwards."""
    turned = np.random.default_rng(5).permutation(200)
    again = replace(
        pool,
        vectors=pool.vectors[turned],
        labels=pool.labels[turned],
        tokens=pool.tokens[turned],
        response_chars=pool.response_chars[turned],
        scores=None if pool.scores is None else pool.scores[turned],
        draw=pool.draw[turned],
        prompts=pool.prompts.gather(turned),
        responses=pool.responses.gather(turned),
    )
    there = np.argsort(turned)[rows][::-1]
    assert measure(again, there) == pytest.approx(measure(pool, rows), rel=1e-5, abs=1e-6, nan_ok=True)


def test_long_measuring_can_be_stopped():
    """What ``check`` raises between two products comes out."""

    def stop():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        measure(pool_of(20), np.arange(5), check=stop)
