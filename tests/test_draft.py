"""The draft of the map: places of texts by the words they share."""

from __future__ import annotations

import numpy as np
import pytest

from core.projection import draft

# The draft.


def _sentences(n, subjects=20):
    """Texts of three words of one subject, and the subject of each."""
    rng = np.random.default_rng(0)
    of = np.arange(n) % subjects
    kinds = "abcdefghijklmnopqrstuvwxyz"
    return [" ".join(f"{kinds[at]}{kinds[at]}word{kinds[w]}" for w in rng.choice(5, 3)) for at in of], of


def test_a_draft_is_a_place_for_each_text_and_always_the_same():
    """Finite float32, read-only, the same bytes on two calls."""
    texts, _ = _sentences(300)
    coords = draft(texts)
    assert (coords.shape, coords.dtype, coords.flags.writeable) == ((300, 2), np.float32, False)
    assert np.isfinite(coords).all()
    assert draft(list(texts)).tobytes() == coords.tobytes()


def test_texts_of_like_words_lie_closer_in_the_draft_than_others():
    """On average over all pairs, and by a clear margin."""
    groups = {
        "fruit": ["apple", "banana", "cherry", "mango", "peach", "plum", "grape", "melon"],
        "cars": ["engine", "gearbox", "brake", "wheel", "diesel", "clutch", "bumper", "piston"],
        "sky": ["cloud", "storm", "rain", "thunder", "wind", "snow", "frost", "mist"],
    }
    rng = np.random.default_rng(1)
    fillers = [f"filler{number}" for number in range(60)]
    texts, of = [], []
    for subject, words in enumerate(groups.values()):
        for _ in range(60):
            texts.append(" ".join([*rng.choice(words, 2, replace=False), *rng.choice(fillers, 1)]))
            of.append(subject)
    coords, of = draft(texts), np.array(of)
    gaps = np.linalg.norm(coords[:, None] - coords[None], axis=2)
    same = of[:, None] == of[None]
    assert gaps[same & ~np.eye(180, dtype=bool)].mean() < 0.8 * gaps[~same].mean()


@pytest.mark.parametrize(
    "texts", [[], ["one"], ["", " ", ""], ["12 345", "?!"] * 9, ["all", "words", "differ", "here"]], ids=repr
)
def test_texts_without_shared_words_lie_apart_in_the_draft(texts):
    """Each has a finite place of its own."""
    coords = draft(texts)
    assert coords.shape == (len(texts), 2)
    assert np.isfinite(coords).all()
    assert len(np.unique(coords, axis=0)) == len(texts)


def test_a_text_that_shares_no_word_lies_at_the_origin_of_the_draft():
    """It is near nothing in particular, and not lost."""
    texts, _ = _sentences(200)
    coords = draft([*texts, "unheard", ""])
    assert (coords[-2:] == 0).all()
    assert np.abs(coords[:-2]).max() > 0


def test_a_draft_of_texts_without_spaces_tells_their_subjects_apart():
    """Chinese texts are compared by pairs of characters; equal ones share a place."""
    texts = ["苹果和香蕉", "汽车发动机", "天气很好", "学习语言", "写一首诗"] + [
        f"其他{chr(0x4E00 + 40 * at)}" for at in range(40)
    ]
    coords = draft(texts * 2)
    assert np.allclose(coords[:45], coords[45:], atol=1e-3)
    assert len(np.unique(coords[:5].round(3), axis=0)) >= 1
