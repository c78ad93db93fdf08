from __future__ import annotations

import numpy as np
import pytest

from core.errors import Cancelled
from core.tokens import BATCH, count_tokens


@pytest.mark.parametrize(
    ("prompt", "response", "count"),
    [
        ("", "", 0),
        ("hello world", "", 2),
        ("hello", "world", 2),
        ("Hello, World!", "", 4),
        ("unaffable", "", 3),
        ("🍎", "é", 2),
        (" \n\t", "a\0b", 1),
        ("word " * 3000, "word " * 100, 3100),
        ("[CLS] [SEP]", "", 2),
    ],
)
def test_prompt_and_response_are_counted_together(prompt, response, count):
    """Word pieces of both, without special tokens and without the model's limit of 256."""
    assert count_tokens([prompt], [response]).tolist() == [count]


def test_every_row_gets_its_own_count():
    """Row i of the counts is row i of the texts, also beyond one batch, and nobody can change it."""
    prompts = ["word " * (row % 7) for row in range(BATCH + 3)]
    responses = ["word " * (row % 3) for row in range(BATCH + 3)]
    counts = count_tokens(prompts, responses)
    assert counts.tolist() == [row % 7 + row % 3 for row in range(BATCH + 3)]
    assert counts.dtype == np.int32
    with pytest.raises(ValueError, match="read-only"):
        counts[0] = 1


def test_no_rows_have_no_counts():
    """An empty dataset is an empty array."""
    assert count_tokens([], []).shape == (0,)


def test_progress_grows_to_its_total_even_where_both_columns_are_one_list():
    """Done never falls back or jumps ahead, whatever lists are passed."""
    texts = ["word"] * (BATCH + 1)
    seen = []
    count_tokens(texts, texts, on_progress=lambda progress: seen.append((progress.done, progress.total)))
    total = 2 * len(texts)
    assert seen == [(BATCH, total), (BATCH + 1, total), (2 * BATCH + 1, total), (total, total)]


def test_the_person_can_stop_it():
    """What the progress callback raises ends the count."""

    def stop(_):
        raise Cancelled

    with pytest.raises(Cancelled):
        count_tokens(["a"], ["b"], on_progress=stop)
