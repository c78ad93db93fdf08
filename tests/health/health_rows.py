"""Frames of a few rows, as ``Dataset.frame`` has them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from core.health import CHECKS


def frame(pairs: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """One row for each prompt and response."""
    said = [
        [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
        for prompt, response in pairs
    ]
    turn = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
    return pl.DataFrame(
        {
            "id": [f"r{place}" for place in range(len(pairs))],
            "prompt": [prompt for prompt, _ in pairs],
            "response": [response for _, response in pairs],
            "system": [None for _ in pairs],
            "messages": said,
        },
        schema={
            "id": pl.String,
            "prompt": pl.String,
            "response": pl.String,
            "system": pl.String,
            "messages": turn,
        },
    )


def found(name: str, pairs: Sequence[tuple[str, str]]) -> dict[int, str]:
    """Position -> what was seen, by the check of that name."""
    (check,) = [each for each in CHECKS if each.name == name]
    result = check.find(frame(pairs))
    return dict(zip(result.rows.tolist(), result.seen, strict=True))
