"""Load: choose the data, see what was found, make the map."""

from __future__ import annotations

import polars as pl
import streamlit as st

from core import Project, WinnowError
from core.loading import keep
from pages.ui import cached, data, places, progress, state
from pages.ui.markup import plain

WAYS = ("Sample", "Upload", "Path")


def choose_source() -> None:
    """The three ways in."""
    way = st.segmented_control(
        "Data", WAYS, default=WAYS[0], key="way", required=True, persist_state="session"
    )
    if way == "Upload":
        uploaded = st.file_uploader(
            "JSON, JSON lines, CSV, TSV or Parquet, each also as .gz",
            key="upload",
            help="The file is kept in the store's folder, so that a reload finds it again.",
        )
        if uploaded is not None and st.button("Open this file", type="primary", key="open_upload"):
            open_upload(uploaded.name, uploaded.getvalue())
    elif way == "Path":
        st.text_input("Path of a file", key="path", placeholder="data/my-rows.jsonl", persist_state="session")
        st.caption(plain(f"Inside {', '.join(str(root) for root in places.roots()[:-1])}."))
        st.button("Open", type="primary", key="open_path", on_click=open_path)
    else:
        st.caption(
            "About a thousand rows written for this project, with two score columns. Nothing to set up."
        )
        st.button("Open the sample", key="open_sample", on_click=state.open_data, args=("sample",))


def open_upload(name: str, content: bytes) -> None:
    """Keep the uploaded bytes and turn to them."""
    try:
        path = keep(name, content, places.uploads())
    except WinnowError as error:
        st.error(plain(error))
        return
    state.open_data(str(path))
    st.rerun()


def open_path() -> None:
    """Turn to the path that was typed."""
    typed = str(state.widget("path") or "").strip()
    if typed:
        state.open_data(typed)


def found(project: Project) -> None:
    """What was found, in figures, before anything heavy starts."""
    dataset = project.dataset
    with st.container(horizontal=True, gap="small", key="figures"):
        st.metric("Rows read", f"{dataset.rows_read:,}", border=True)
        st.metric("Rows loaded", f"{len(dataset):,}", border=True)
        st.metric("Score columns", len(dataset.judges), border=True)
        st.metric("Kinds of problem", len(dataset.problems), border=True)


def details(project: Project) -> None:
    """Score columns, problems and the first rows, each as a table."""
    dataset = project.dataset
    if dataset.judges:
        st.markdown("**Score columns.** Each can decide a threshold.")
        st.dataframe(judges(project), hide_index=True, width="stretch")
    else:
        st.markdown("**Score columns.** None was found. The map works without; the threshold stays off.")
    if dataset.problems:
        st.markdown("**Problems.** The rows are loaded all the same, except where it says otherwise.")
        st.dataframe(problems(project), hide_index=True, width="stretch")
    st.markdown("**First rows,** as they will be read.")
    first = dataset.frame.select("id", "prompt", "response").head(5)
    st.dataframe(first, hide_index=True, width="stretch")


def judges(project: Project) -> pl.DataFrame:
    """One line a judge."""
    found = project.judges.values()
    return pl.DataFrame(
        {
            "judge": [judge.name for judge in found],
            "lowest": [judge.low for judge in found],
            "highest": [judge.high for judge in found],
            "step": ["continuous" if judge.step is None else f"{judge.step:g}" for judge in found],
            "scored rows": [judge.scored for judge in found],
            "unscored rows": [judge.unscored for judge in found],
        }
    )


def problems(project: Project) -> pl.DataFrame:
    """One line a kind of problem."""
    found = project.dataset.problems
    return pl.DataFrame(
        {
            "problem": [problem.kind for problem in found],
            "rows": [problem.count for problem in found],
            "loaded": ["yes" if problem.loaded else "no" for problem in found],
            "first seen": ["; ".join(problem.places) for problem in found],
        }
    )


def settings(project: Project) -> None:
    """How the map is made; what is not touched stays at its default."""
    defaults = cached.map_params(state.MapSettings())
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
    defaults = cached.map_params(state.MapSettings())
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
    state.update(map=state.MapSettings(**changed))


def page() -> None:
    """The whole page."""
    st.subheader("Load a dataset", anchor=False)
    choose_source()
    st.divider()
    project = data.open_project()
    cached.worker().warm()
    data.header(project)
    found(project)
    progress.panel(project)
    if project.has_map():
        if st.button("Open the map", key="open_map", type="primary", icon=":material/scatter_plot:"):
            st.switch_page("pages/curate/explore.py")
    elif progress.job_of(project) is None:
        data.no_map_yet(project)
    settings(project)
    details(project)
    state.write_link()


page()
