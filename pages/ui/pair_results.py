"""What came of pairs: who wins, what the order decides, and who agrees with whom."""

from __future__ import annotations

import math

import polars as pl
import streamlit as st

from core.pair_rates import Vote, WinRate, results
from core.pairs import Pairs
from pages.ui.figures import DASH
from pages.ui.markup import plain

RULE = (
    "A win is two wins, or a win and a tie; a loss two losses, or a loss and a tie; a win and a loss are a "
    "tie (AlpaGasus)."
)
WORDS = {1: "wins", 0: "tie", -1: "loses"}
MOST = 200  # pairs of a table


def result(rate: WinRate, found: Pairs) -> None:
    """The win rate in figures and in a sentence."""
    st.markdown(plain(rate.sentence(found.a, found.b)))
    if not rate.pairs:
        return
    with st.container(horizontal=True):
        st.metric(f"{plain(found.a)} wins", f"{rate.wins:,}", border=True)
        st.metric("Ties", f"{rate.ties:,}", border=True)
        st.metric(f"{plain(found.a)} loses", f"{rate.losses:,}", border=True)
        st.metric("Win rate", f"{rate.rate:.0%}", border=True, help="Ties count half.")
        if rate.twice:
            st.metric(
                "Flip rate", f"{rate.flip_rate:.0%}", border=True,
                help="The share of pairs judged in both orders whose verdict the order changes.",
            )  # fmt: skip
    if rate.twice:
        st.caption(plain(f"{rate.order_sentence} {RULE}"))
    elif not math.isnan(rate.first):
        st.caption(f"What was shown first was preferred in {rate.first:.0%} of the votes that were no ties.")


def side_by_side(names: list[str], rates: list[WinRate], title: str = "person") -> pl.DataFrame:
    """One line for each who judged."""
    return pl.DataFrame(
        {
            title: names,
            "pairs": [f"{each.pairs:,}" for each in rates],
            "wins": [f"{each.wins:,}" for each in rates],
            "ties": [f"{each.ties:,}" for each in rates],
            "losses": [f"{each.losses:,}" for each in rates],
            "win rate": [_share(each.rate) for each in rates],
            "95 % interval": [_span((each.low, each.high)) for each in rates],
            "flip rate": [_share(each.flip_rate) for each in rates],
        }
    )


def apart(found: Pairs, ones: tuple[Vote, ...], others: tuple[Vote, ...]) -> pl.DataFrame:
    """The pairs that people (ones) and a model (others) see differently, the opposite results first."""
    mine, theirs = results(ones), results(others)
    places = [
        place
        for place, pair in enumerate(found.ids)
        if pair in mine and pair in theirs and mine[pair] != theirs[pair]
    ]
    places.sort(key=lambda place: mine[found.ids[place]] * theirs[found.ids[place]])
    orders = {(vote.pair, vote.a_first): vote.for_a for vote in others}
    shown = [(found.ids[place], place) for place in places[:MOST]]
    return pl.DataFrame(
        {
            "pair": [pair for pair, _ in shown],
            "people": [WORDS[mine[pair]] for pair, _ in shown],
            "model": [WORDS[theirs[pair]] for pair, _ in shown],
            "A first": [WORDS[orders[pair, True]] for pair, _ in shown],
            "B first": [WORDS[orders[pair, False]] for pair, _ in shown],
            "prompt": [found.prompts[place] for _, place in shown],
        }
    )


def _share(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:.0%}"


def _span(ends: tuple[float, float]) -> str:
    return DASH if math.isnan(ends[0]) else f"{ends[0]:.0%} to {ends[1]:.0%}"
