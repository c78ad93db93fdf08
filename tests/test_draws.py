"""Random numbers that belong to ids."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.draws import draws, id_keys

MASK = (1 << 64) - 1


def _by_hand(id_: str, seed: int) -> int:
    """The rule in whole numbers of any size: sha256, then the finaliser of splitmix64."""

    def first_eight(text: str) -> int:
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")

    z = first_eight(id_) ^ first_eight(f"winnow {seed}")
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


@settings(max_examples=60, deadline=None)
@given(ids=st.lists(st.text("ab07-é漢😀\0\n", max_size=12), max_size=12), seed=st.integers(-(2**70), 2**70))
def test_a_draw_is_the_same_on_every_machine(ids, seed):
    """Any text is an id, any whole number a seed; recipes rely on these very numbers."""
    found = draws(id_keys(ids), seed)
    assert found.dtype == np.uint64
    assert found.tolist() == [_by_hand(id_, seed) for id_ in ids]


def test_one_draw_never_changes():
    """The number behind one id and seed, written down: a change would break every recipe."""
    assert draws(id_keys(["row 1"]), 7).tolist() == [_by_hand("row 1", 7)] == [1795763063389408239]


def test_a_draw_depends_on_the_id_and_not_on_its_place():
    """In any order, alone or among others, an id keeps its number."""
    ids = [f"row {i}" for i in range(100)]
    turned = np.random.default_rng(1).permutation(100)
    whole = draws(id_keys(ids), 3)
    assert draws(id_keys([ids[i] for i in turned]), 3).tolist() == whole[turned].tolist()
    assert draws(id_keys(ids[40:41]), 3).tolist() == whole[40:41].tolist()


def test_ids_that_are_nearly_alike_get_unrelated_draws():
    """Fifty thousand consecutive numbers: no two draws are equal, and all parts of the range are as full."""
    found = draws(id_keys(map(str, range(50_000))), 0)
    assert len(np.unique(found)) == 50_000
    for shift in (58, 29, 0):
        counts = np.bincount(((found >> np.uint64(shift)) & np.uint64(63)).astype(int), minlength=64)
        assert 1e-4 < stats.chisquare(counts).pvalue < 1 - 1e-4


@pytest.mark.parametrize("seeds", [(0, 1), (1, 2), (-1, 1), (0, 2**64)])
def test_seeds_that_are_nearly_alike_give_unrelated_sequences(seeds):
    """The sequences of two seeds are no more alike than chance, and share no number."""
    keys = id_keys(map(str, range(20_000)))
    first, second = (draws(keys, seed) for seed in seeds)
    assert not set(first.tolist()) & set(second.tolist())
    assert stats.spearmanr(first, second).pvalue > 1e-4


def test_drawing_changes_no_key():
    """The same keys serve every seed."""
    keys = id_keys(["a", "b"])
    before = keys.tolist()
    draws(keys, 1)
    assert keys.tolist() == before
