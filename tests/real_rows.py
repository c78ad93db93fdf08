"""The prompts of the real 52,002 rows and their vectors, computed once a session."""

from __future__ import annotations

import functools
import gzip
from pathlib import Path

import polars as pl
import pytest

from core.embedding import embed

FILE = Path(__file__).parents[1].parent / "shared" / "data" / "alpaca52k_judged.jsonl.gz"


def on_real_rows(test):
    """Mark a test as slow, and skip it with a sentence where the rows are absent."""
    reason = "The real rows are not here: ../shared/data is absent."
    return pytest.mark.slow(pytest.mark.skipif(not FILE.exists(), reason=reason)(test))


@functools.cache
def real_texts():
    """Instruction and input of every row."""
    with gzip.open(FILE) as file:
        frame = pl.read_ndjson(file.read())
    return [
        f"{instruction}\n\n{given}" if given else instruction
        for instruction, given in frame.select("instruction", "input").iter_rows()
    ]


@functools.cache
def real_embedded():
    """What ``embed`` makes of them."""
    return embed(real_texts())
