"""Rows as a person reads them: a short table, and one row in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import streamlit as st

from core import Project, Reason
from core.domain import Positions, Scores
from core.loading import place_of
from core.selection import border
from core.wording import counted
from pages.ui import talk
from pages.ui.choose import Choice
from pages.ui.state import TABS

SHOWN = 10  # rows a table: it goes to the browser with every slider move
CLIP = 90  # characters of a prompt in a table

REASONS = {
    Reason.CHOSEN: "chosen",
    Reason.PINNED: "pinned: always in",
    Reason.UNSCORED: "no score",
    Reason.BELOW_THRESHOLD: "below the threshold",
    Reason.DUPLICATE: "repeats a chosen row",
    Reason.OVER_BUDGET: "eligible, over the count",
    Reason.EXCLUDED: "excluded",
}


def reason_words(choice: Choice) -> dict[Reason, str]:
    """What each reason is called under the limits of this choice."""
    words = dict(REASONS)
    if choice.params.max_tokens is not None:
        words[Reason.OVER_BUDGET] = "eligible, over the count or the token budget"
    if choice.params.dedup_distance is not None:
        words[Reason.DUPLICATE] = "near copy of another row"
    return words


def rows_of(tab: str, project: Project, choice: Choice) -> tuple[Positions, str]:
    """The rows of a tab, most telling first, and the sentence above them."""
    chosen = choice.selection
    assert chosen is not None and choice.order is not None
    judge = project.judges.get(choice.params.judge or "")
    if tab == TABS[0]:
        first = f"The first {min(SHOWN, len(chosen)):,} of {len(chosen):,}, in order of choice."
        return chosen.rows[:SHOWN], first if len(chosen) else "No row is selected."
    if tab in TABS[1:3]:
        sides = border(chosen, choice.order, judge=judge, draw=project.draw(0), size=SHOWN)
        if tab == TABS[1]:
            return sides.above, "The last rows that got in, nearest the cut first."
        return sides.below, "The first rows that did not get in, nearest the cut first."
    if tab == TABS[4]:
        pinned = np.flatnonzero(np.isin(chosen.codes, (Reason.PINNED, Reason.EXCLUDED)))
        return pinned[:SHOWN], f"Pinned: {counted(len(pinned), 'row')}." if len(pinned) else NOTHING_PINNED
    out = ~np.isin(chosen.codes, (Reason.CHOSEN, Reason.PINNED))
    counts = [(reason, int((chosen.codes == reason).sum())) for reason in REASONS]
    words = reason_words(choice)
    reasons = [f"{count:,} {words[reason]}" for reason, count in counts if count and reason not in KEPT]
    drawn = project.control(0)
    sentence = (
        f"{counted(int(out.sum()), 'row')}: {', '.join(reasons)}. Some of them at random."
        if reasons
        else "None."
    )
    return drawn[out[drawn]][:SHOWN], sentence


KEPT = (Reason.CHOSEN, Reason.PINNED)
NOTHING_PINNED = (
    "Nothing is pinned. Draw a lasso on the map, open a cluster or a row, and include or exclude it."
)


def table(project: Project, choice: Choice, rows: Positions, tab: str) -> pl.DataFrame:
    """(k, 3 to 5) what the table of a tab shows of these rows, and nothing else: it goes with every move."""
    assert choice.selection is not None
    frame = project.dataset.frame[rows]
    clusters = project.clusters()
    prompts = frame["prompt"].str.replace_all(r"\s+", " ").str.strip_chars()
    shown: dict[str, pl.Series | list[str]] = {"id": frame["id"]}
    judge = project.judges.get(choice.params.judge or "")
    if judge is not None:
        shown["score"] = pl.Series(_scores(judge.scores[rows]))
    shown |= {
        "prompt": pl.select(
            pl.when(prompts.str.len_chars() > CLIP).then(prompts.str.slice(0, CLIP) + "…").otherwise(prompts)
        ).to_series(),
        "cluster": [clusters.names[int(label)] for label in clusters.labels[rows]],
    }
    if tab in REASON_TABS:
        words = reason_words(choice)
        shown["reason"] = [words[Reason(code)] for code in choice.selection.codes[rows]]
    return pl.DataFrame(shown)


REASON_TABS = frozenset(TABS[2:])  # where rows are in or out for different reasons


def _scores(scores: Scores) -> list[float | None]:
    return [None if np.isnan(score) else float(str(score)) for score in scores]


def full_row(project: Project, choice: Choice, row: int) -> None:
    """One row as a conversation, with everything that is known of it."""
    record = project.dataset.frame.row(row, named=True)
    clusters = project.clusters()
    known = [
        f"cluster: {clusters.names[int(clusters.labels[row])]}",
        f"{int(project.tokens()[row]):,} tokens",
    ]
    for name, judge in project.judges.items():
        score = judge.scores[row]
        known.append(f"{name}: {'unscored' if np.isnan(score) else f'{score:g}'}")
    if choice.selection is not None:
        known.insert(0, reason_words(choice)[Reason(choice.selection.codes[row])])
    known.append(place_of(project.dataset, row))
    st.text(" · ".join(known))
    spoken(record)
    read = {column for role, column in project.dataset.mapping.columns if role != "label"}
    others = {
        name: "" if value is None else str(value)
        for name, value in record.items()
        if name not in SHOWN_ABOVE | read and name not in project.judges
    }
    if others:
        st.caption("Other columns")
        st.dataframe(
            pl.DataFrame({"column": list(others), "value": list(others.values())}),
            hide_index=True,
            width="stretch",
        )


def spoken(record: Mapping[str, Any]) -> None:
    """The conversation of one row, and nothing else that is known of it."""
    fields = record.get("turn_fields") or [None] * len(record["messages"])
    turns = [
        (each["role"], each["content"], more) for each, more in zip(record["messages"], fields, strict=True)
    ]
    rejected = [(each["role"], each["content"], None) for each in record.get("rejected") or ()]
    talk.conversation(turns, rejected, record["tools"])


SHOWN_ABOVE = frozenset(
    {"id", "messages", "prompt", "response", "system", "tools", "rejected", "chosen_turns", "turn_fields"}
)
