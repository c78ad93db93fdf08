from __future__ import annotations

import math

import numpy as np
import pytest
from small_project import rows, write

from core import MapParams, Project
from core.embedding import EmbedParams, embed
from core.encoders import WORD_COUNTS
from core.errors import ParameterError
from core.word_counts import WIDTH, word_vectors

TEXTS = [row["instruction"] for row in rows()]


def test_full_width_keeps_the_cosines_of_tf_idf():
    """With as many dimensions as words, two texts are as alike as the words they share, each weighed by rarity."""
    words = [set(text.lower().replace("?", "").replace(",", "").split()) for text in TEXTS]
    words = [{word for word in one if len(word) > 1} for one in words]
    rows_of = {word: sum(word in one for one in words) for one in words for word in one}
    used = {word for word, count in rows_of.items() if 1 < count <= max(2, 0.1 * len(TEXTS))}
    assert 10 < len(used) < WIDTH

    def weight(word):
        return math.log(len(TEXTS) / rows_of[word])

    def alike(one, two):
        norms = [math.sqrt(sum(weight(word) ** 2 for word in each & used)) for each in (one, two)]
        return sum(weight(word) ** 2 for word in one & two & used) / (norms[0] * norms[1])

    vectors = word_vectors(TEXTS)
    known = [place for place, one in enumerate(words) if one & used]
    for place in known[:20]:
        for other in known:
            assert vectors[place] @ vectors[other] == pytest.approx(
                alike(words[place], words[other]), abs=1e-4
            )


def test_rows_are_unit_length_and_wordless_texts_are_alike():
    """Every row has length one; texts without a shared word are equal, and at right angles to all others."""
    vectors = word_vectors([*TEXTS, "", "zyzzyva"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[-1] @ vectors[-2] == 1
    assert np.abs(vectors[:-2] @ vectors[-1]).max() < 1e-6 or (word_vectors(TEXTS)[:, -1] > 0).any()


@pytest.mark.parametrize("texts", [[], ["one"], ["a b c"] * 3, ["", "", "", "", ""]])
def test_texts_that_share_too_little_are_all_alike(texts):
    """No text, one, copies of few words, and blanks get unit rows as well."""
    vectors = word_vectors(texts)
    assert len(vectors) == len(texts)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.allclose(vectors @ vectors.T, 1)


def test_the_sequence_of_texts_does_not_matter():
    """Texts turned round are as alike as before."""
    vectors = word_vectors(TEXTS)
    turned = word_vectors(TEXTS[::-1])[::-1]
    assert np.allclose(vectors @ vectors.T, turned @ turned.T, atol=1e-5)


def test_it_is_an_embedding_model_by_name():
    """``embed`` takes it like any other model and says what it was; settings it has not are refused."""
    made = embed([*TEXTS, TEXTS[0], " "], EmbedParams(model=WORD_COUNTS))
    assert np.array_equal(made.vectors, word_vectors([*TEXTS, TEXTS[0], " "]))
    assert made.empty == 1
    assert "TF-IDF" in made.note
    with pytest.raises(ParameterError, match="token limit"):
        embed(TEXTS, EmbedParams(model=WORD_COUNTS, max_tokens=16))


def test_a_project_of_word_counts_lives_beside_the_first(tmp_path):
    """Its vectors, neighbours and clusters are stored under keys of their own in the same home."""
    path = write(tmp_path / "rows.jsonl")
    project = Project.open(path, home=tmp_path, params=MapParams(embed=EmbedParams(model=WORD_COUNTS)))
    assert not project.can_choose()
    project.prepare()
    assert project.can_choose()
    assert not project.has_map()
    again = Project.open(path, home=tmp_path).with_model(WORD_COUNTS)
    assert again.can_choose()
    assert not Project.open(path, home=tmp_path).can_choose()
