from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from small_project import copied

from core import Project, SelectParams
from core.overlap import jaccard_by_chance, overlap


def _chosen(rows, pool):
    """As much of a selection as taking it apart needs."""

    class Rows(SimpleNamespace):
        def __len__(self):
            return len(self.rows)

    return Rows(rows=np.array(rows, dtype=np.int64), codes=np.zeros(pool, np.uint8))


@pytest.mark.parametrize("seed", range(20))
def test_both_and_only_are_those_of_sets_in_order_of_choice(seed):
    """Rows in both and in A alone keep A's order, rows in B alone keep B's; the jaccard is that of the sets."""
    rng = np.random.default_rng(seed)
    pool = int(rng.integers(1, 60))
    first, second = (rng.permutation(pool)[: rng.integers(0, pool + 1)].tolist() for _ in range(2))
    found = overlap(_chosen(first, pool), _chosen(second, pool))
    assert found.both.tolist() == [row for row in first if row in second]
    assert found.only_first.tolist() == [row for row in first if row not in second]
    assert found.only_second.tolist() == [row for row in second if row not in first]
    if set(first) | set(second):
        assert found.jaccard == len(set(first) & set(second)) / len(set(first) | set(second))


@pytest.mark.parametrize(("first", "second", "pool"), [(2, 3, 6), (1, 1, 4), (5, 2, 6), (4, 4, 7), (0, 3, 5)])
def test_the_chance_value_is_the_mean_over_all_pairs_of_draws(first, second, pool):
    """Every pair of sets of these sizes is tried; each is as likely as the others."""
    found = [
        len(set(a) & set(b)) / len(set(a) | set(b))
        for a in combinations(range(pool), first)
        for b in combinations(range(pool), second)
    ]
    assert jaccard_by_chance(first, second, pool) == pytest.approx(np.mean(found))


def test_chance_at_the_ends():
    """Everything overlaps with everything, nothing with something not at all; of nothing there is no share."""
    assert jaccard_by_chance(9, 9, 9) == pytest.approx(1)
    assert jaccard_by_chance(0, 9, 9) == 0
    assert np.isnan(jaccard_by_chance(0, 0, 9))
    assert jaccard_by_chance(26_000, 26_000, 52_002) == pytest.approx(1 / 3, abs=0.001)


def test_two_selections_of_a_project_are_taken_apart(tmp_path):
    """Top score and random of the same rows: ids as sets of the selections' own ids say."""
    file, home = copied(tmp_path / "home")
    project = Project.open(file, home=home)
    one, two = (
        project.select(SelectParams(judge="quality", min_score=3, count=15, strategy=name))
        for name in ("top-score", "random")
    )
    found = overlap(one, two)
    ids = project.dataset.frame["id"]
    assert set(ids.gather(found.only_first)) == set(one.ids) - set(two.ids)
    assert set(ids.gather(found.both)) == set(one.ids) & set(two.ids)
