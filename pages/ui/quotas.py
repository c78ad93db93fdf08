"""The table of clusters: what each one gives to the selection, and its quota, which can be typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st

from core import Project
from core.domain import OptionValue
from core.selection import Quotas, of_clusters, strategy
from core.wording import counted
from pages.ui import state
from pages.ui.choose import Choice
from pages.ui.map import cluster_colours
from pages.ui.markup import plain

STRATEGY, SETTING, COLUMN = "cluster-quota", "quota", "Quota"
EDITOR = "quotas"  # the key of the table, with a number that grows when it begins anew
DOT = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Ccircle "
DOT += "cx='12' cy='12' r='6' fill='%23{}'/%3E%3C/svg%3E"
HOW = (
    "Type a quota: the cluster gives so many rows before all others, and no more while others have any. "
    "Empty: by its size and the settings of the strategy."
)

Options = tuple[tuple[str, OptionValue], ...]


def show(project: Project, choice: Choice) -> None:
    """What the quotas cost, and the clusters in a table, whose quotas are edited where there are some."""
    assert choice.selection is not None
    found = project.quotas(choice.selection)
    has_quotas = choice.params.strategy == STRATEGY
    if has_quotas:
        _above(choice, found)
    else:
        _way_in(project)
    frame = _frame(found.table, has_quotas=has_quotas)
    config = _columns(project.judges.get(choice.params.judge or "") is not None)
    if not has_quotas:
        st.dataframe(frame, key="clusters", hide_index=True, column_config=config, placeholder="–")
        return
    labels = found.table["cluster"].to_list()
    key = _key(labels, own_quotas(choice.params.options))
    st.data_editor(
        frame,
        key=key,
        hide_index=True,
        column_config=config,
        disabled=[column for column in frame.columns if column != COLUMN],
        placeholder="–",
        on_change=take_edits,
        args=(key, labels),
    )


def _above(choice: Choice, found: Quotas) -> None:
    """The cost, how to set a quota, and the button that takes them all back."""
    own = own_quotas(choice.params.options)
    # Not in one line with what is right above the table: its toolbar would cover the button.
    text, button = st.columns([4, 1], vertical_alignment="center")
    text.markdown("" if found.cost is None else plain(found.cost))
    if own:
        title = f"Clear {counted(len(own), 'quota')}"
        button.button(title, key="clear_quotas", on_click=clear, width="stretch")
    st.caption(HOW)


def _way_in(project: Project) -> None:
    """With another strategy the table is only read; one press changes to the one with quotas."""
    title = strategy(STRATEGY).title
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Quotas belong to the strategy “{title}”; here the table is only read.")
        if st.button(f"Use {title.lower()}", key="use_quotas", disabled=not project.judges):
            state.update(strategy=STRATEGY, options=())
            st.rerun()  # the sidebar names the strategy


def way_out(choice: Choice) -> None:
    """Where nothing can be chosen, as with a quota of no cluster: the button that takes the quotas back."""
    if choice.error is not None and own_quotas(choice.params.options):
        st.button("Clear quotas", key="clear_quotas", on_click=clear)


def _frame(table: pl.DataFrame, *, has_quotas: bool) -> pl.DataFrame:
    """(c, 8 or 9) the table as it is shown, whole numbers with gaps as floats: their type must not change."""
    dark = st.context.theme.type == "dark"
    colours = cluster_colours(
        table["cluster"].to_list(), dark=dark, by_cluster=state.current().colour == "cluster"
    )
    shown = {
        "Colour": pl.Series([DOT.format(colour) for colour in colours], dtype=pl.String),
        "No.": table["cluster"],
        "Cluster": table["name"],
        "Pool": table["pool"],
        "Eligible": table["eligible"],
        COLUMN: table.select(pl.when("by_hand").then("quota").cast(pl.Float64)).to_series(),
        "Selected": table["selected"],
        "Keep rate": table["keep_rate"],
        "Mean score": table["mean_selected"].cast(pl.Float64),
        "Eligible mean": table["mean_eligible"].cast(pl.Float64),
    }
    return pl.DataFrame(shown if has_quotas else {name: shown[name] for name in shown if name != COLUMN})


def _columns(has_judge: bool) -> dict[str, Any]:
    column = st.column_config
    means = {
        "Mean score": "Of its selected rows; higher is better.",
        "Eligible mean": "Mean score of its eligible rows.",
    }
    return {
        "Colour": column.ImageColumn("", width=36),
        "No.": column.NumberColumn(width=50, help="The number of the cluster; -1 is noise."),
        "Cluster": column.TextColumn(width="medium"),
        "Pool": column.NumberColumn(format="localized", help="All rows of the cluster."),
        "Eligible": column.NumberColumn(format="localized"),
        COLUMN: column.NumberColumn(
            format="localized", min_value=0, max_value=99_999_999, step=1, help="Rows. Empty: by the rule."
        ),
        "Selected": column.NumberColumn(format="localized"),
        "Keep rate": column.NumberColumn(format="percent", help="Selected of all rows of the cluster."),
    } | {
        name: column.NumberColumn(format="%.2f", help=text) if has_judge else None
        for name, text in means.items()
    }


# Quotas among the settings of the strategy.


def own_quotas(options: Options) -> dict[int, int]:
    """{cluster: rows} among these settings."""
    return of_clusters(dict(options), SETTING)


def take_edits(key: str, labels: Sequence[int]) -> None:
    """What was typed becomes a quota; an emptied cell takes it back, and half a row changes nothing."""
    options = dict(state.current().options)
    for row, value in state.edits(key, COLUMN).items():
        name = f"{SETTING} {labels[row]}"
        if value is None:
            options.pop(name, None)
        elif value >= 0 and value == int(value):
            options[name] = float(value)
    state.update(options=tuple(sorted(options.items())))


def clear() -> None:
    """Every cluster by the rule again."""
    state.update(options=without_quotas(state.current().options))


def without_quotas(options: Options) -> Options:
    """The other settings."""
    return tuple((name, value) for name, value in options if not name.startswith(f"{SETTING} "))


def _key(labels: Sequence[int], own: dict[int, int]) -> str:
    """The key of the table: a new one where its edits are no longer what the view holds, as after clearing.

    With the same key the table stays as it is on the page: its place, its focus, its edits.
    """
    key = state.numbered_key(EDITOR)
    edits = state.edits(key, COLUMN)
    if all(row < len(labels) and own.get(labels[row]) == value for row, value in edits.items()):
        return key
    return state.numbered_key(EDITOR, anew=True)
