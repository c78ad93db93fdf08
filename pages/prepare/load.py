"""Load: choose the data, see what was found, make the map."""

from __future__ import annotations

from typing import Literal

import polars as pl
import streamlit as st

from core import Project
from pages.ui import cached, data, judging, progress, quotas, report, scores, shape, shared, state, ways
from pages.ui.markup import plain
from pages.ui.view import MapSettings

MOST_KINDS = 12  # kinds of problem, from which on their table scrolls
SCROLLED = 520  # pixels of it then


def found(project: Project) -> None:
    """What was found, in figures, before anything heavy starts."""
    dataset = project.dataset
    with st.container(horizontal=True, gap="small", key="figures"):
        st.metric("Rows read", f"{dataset.rows_read:,}", border=True)
        st.metric("Rows loaded", f"{len(dataset):,}", border=True)
        st.metric("Score columns", len(dataset.judges), border=True)
        st.metric("Kinds of problem", len(dataset.faults), border=True)


def details(project: Project) -> None:
    """From what is nearest to the eye to what is for later: rows, shared text, problems, lengths, scores."""
    st.markdown("#### Rows")
    shape.panel(project)
    first = project.dataset.frame.select("id", "prompt", "response").head(5)
    st.dataframe(first, hide_index=True, width="stretch")
    judging.panel(project)
    shared.panel(project)
    if project.dataset.faults:
        st.markdown("#### Problems")
        st.caption(
            "Rows are loaded all the same where it says so. A place is a line of the file for JSON lines, "
            "CSV and TSV; for Parquet and one JSON document it is the row, counted from 1."
        )
        found = problems(project)
        height: int | Literal["content"] = SCROLLED if len(found) > MOST_KINDS else "content"
        # A table, not a frame: it wraps what is long, and nothing is cut off.
        st.table(found, border="horizontal", hide_index=True, height=height)
    report.panel(project)
    scores.panel(project)


def problems(project: Project) -> pl.DataFrame:
    """One line a kind of problem; a table reads Markdown, so what comes of the file is escaped."""
    found = project.dataset.faults
    return pl.DataFrame(
        {
            "problem": [plain(problem.kind) for problem in found],
            "rows": [f"{problem.count:,}" for problem in found],
            "loaded": ["yes" if problem.loaded else "no" for problem in found],
            "first seen": [plain("; ".join(problem.places)) for problem in found],
        }
    )


def next_step(project: Project) -> None:
    """The map, or the way to it, and the page that looks at the rows before it."""
    if not project.has_map() and progress.job_of(project) is None:
        data.no_map_yet(project)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="health_first"):
        if project.has_map() and st.button(
            "Open the map", key="open_map", type="primary", icon=":material/scatter_plot:"
        ):
            st.switch_page("pages/curate/explore.py")
        st.page_link(data.HEALTH, label="Health of the rows", icon=":material/health_and_safety:")
        st.caption(
            "Find duplicates, refusals, broken rows and leaked tests, and take them out before the map."
        )


def settings(project: Project) -> None:
    """How the map is made; what is not touched stays at its default."""
    defaults = cached.map_params(MapSettings())
    view = state.current()
    # A form: nothing is taken over before the button is pressed.
    with st.expander("Map settings", icon=":material/tune:"), st.form("map_settings", border=False):
        left, right = st.columns(2)
        state.seed_widget("method", view.map.method or defaults.cluster.method)
        left.selectbox(
            "Clusters by", ("kmeans", "hdbscan"), key="method",
            help="k-means gives every row a cluster; HDBSCAN leaves rows of no cluster as noise.",
        )  # fmt: skip
        state.seed_widget("clusters", view.map.clusters or 0)
        left.number_input(
            "Clusters (0: chosen by the number of rows)", min_value=0, max_value=400, step=1, key="clusters",
            help="Of k-means; HDBSCAN finds its own number.",
        )  # fmt: skip
        state.seed_widget("model", view.map.model or defaults.embed.model)
        left.text_input(
            "Embedding model", key="model",
            help="A name on the model hub or a local folder. The default one is installed already.",
        )  # fmt: skip
        state.seed_widget("n_neighbours", view.map.n_neighbours or defaults.project.n_neighbours)
        right.number_input(
            "UMAP neighbours", min_value=2, max_value=defaults.neighbours.k, step=1, key="n_neighbours"
        )
        min_dist = view.map.min_dist
        state.seed_widget("min_dist", defaults.project.min_dist if min_dist is None else min_dist)
        right.number_input("UMAP minimum distance", min_value=0.0, max_value=1.0, step=0.05, key="min_dist")
        state.seed_widget("map_seed", view.map.seed or defaults.project.seed)
        right.number_input("UMAP seed", min_value=0, step=1, key="map_seed")
        st.form_submit_button("Use these settings", key="use_settings", on_click=use_settings)


def use_settings() -> None:
    """Take the settings over; what stands at its default is not named."""
    defaults = cached.map_params(MapSettings())
    values = {
        name: state.widget(name) for name in ("model", "method", "clusters", "n_neighbours", "min_dist")
    }
    values["seed"] = state.widget("map_seed")
    standard = {
        "model": defaults.embed.model,
        "method": defaults.cluster.method,
        "clusters": 0,
        "n_neighbours": defaults.project.n_neighbours,
        "min_dist": defaults.project.min_dist,
        "seed": defaults.project.seed,
    }
    changed = {name: value for name, value in values.items() if value not in (standard[name], None, "")}
    settings, view = MapSettings(**changed, more=state.current().map.more), state.current()
    # Another map may have other clusters: their quotas would mean other rows.
    options = view.options if settings == view.map else quotas.without_quotas(view.options)
    state.update(map=settings, options=options)


def page() -> None:
    """The whole page."""
    st.subheader("Load a dataset", anchor=False)
    ways.choose()
    st.divider()
    project = data.open_project()
    cached.worker().warm()
    data.header(project, large=True)
    found(project.whole)
    progress.panel(project)
    next_step(project)
    settings(project)
    details(project.whole)
    state.write_link()


page()
