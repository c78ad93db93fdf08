"""Examples to find rows by: where they come from, and the region of a task around them."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import Project, WinnowError
from core.loading import keep, read_examples, split_examples
from core.region import Region
from core.task_region import NAME, region_settings
from core.wording import counted
from pages.ui import places, seeking, state
from pages.ui.seeking import Sought

MOST_CHARACTERS = 200_000  # pasted
NEAR_CLUSTERS = 12  # on offer
PASTING = "pasting_examples"


def ask(project: Project, now: Sought) -> None:
    """What the examples are, and other ways to give some."""
    included = len(project.pins.include)
    with st.container(horizontal=True, vertical_alignment="center"):
        # Another one, closed, once there are examples: it would cover the rows.
        pasting = state.numbered_key(PASTING)
        with st.popover("Paste examples", icon=":material/content_paste:", key=pasting):
            st.text_area(
                "Examples",
                key="pasted_examples",
                height=180,
                max_chars=MOST_CHARACTERS,
                placeholder="One a line, or parted by blank lines",
                help="Prompts as the model will meet them; twenty say more than two.",
            )
            st.button("Use these", key="use_pasted", type="primary", on_click=_use_pasted, args=(project,))
            st.file_uploader(
                "Or a file",
                key="examples_file",
                on_change=_use_file,
                args=(project,),
                help="A text, or rows of any shape that Load reads: their prompts are the examples.",
            )
        st.button(
            f"Use {counted(included, 'included row')}" if included else "Use included rows",
            key="use_included",
            icon=":material/push_pin:",
            disabled=not included,
            on_click=seeking.take_included,
            args=(project, project.pins),
        )
        if now.like is not None:
            st.text(f"Examples: {now.like.said}", width="content")


def _use_pasted(project: Project) -> None:
    _use_texts(project, split_examples(str(state.widget("pasted_examples") or "")), "pasted")


def _use_file(project: Project) -> None:
    uploaded = state.widget("examples_file")
    if uploaded is None:
        return
    try:
        texts = read_examples(keep(uploaded.name, uploaded.getvalue(), places.uploads()))
    except WinnowError as error:
        state.update(notes=(str(error),))
        return
    _use_texts(project, texts, f"of {uploaded.name}")


def _use_texts(project: Project, texts: tuple[str, ...], whence: str) -> None:
    if texts:
        state.numbered_key(PASTING, anew=True)
        seeking.take(project, f"{counted(len(texts), 'example')} {whence}", texts=texts)
    else:
        state.update(notes=("There is no example in it. Write one a line.",))


# The region of a task.


def region(project: Project, now: Sought) -> None:
    """The region around the examples: its reach, its clusters, and making it the pool."""
    if now.like is None or not seeking.is_ready(now):
        return
    st.toggle(
        "Task region",
        key=seeking.AS_REGION,
        persist_state="session",
        help="The rows and clusters near these examples, ringed on the map; they can be made the pool.",
    )
    if not state.widget(seeking.AS_REGION):
        return
    found = seeking.region_of(project, now.like)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.slider(
            "Farthest cosine distance",
            0.0,
            seeking.FARTHEST,
            state.widget(seeking.DISTANCE),
            step=seeking.STEP,
            key=seeking.DISTANCE,
            width=280,
            help="Of a row to its nearest few examples, inclusive: 0 the same, 1 nothing in common.",
        )
        _clusters(project, found)
    _make_pool(project, now)


def _clusters(project: Project, found: Region) -> None:
    """The clusters whose centres lie nearest, to take in as a whole."""
    if project.whole is not project:
        st.caption("Clusters are those of the whole file: put the rows that were taken out back to add some.")
        return
    names, totals = project.clusters().names, np.bincount(found.labels[found.labels >= 0])
    near = zip(found.clusters, found.centre_distances, found.examples, strict=True)
    titles = {
        int(label): f"{names[int(label)]} · {away:.2f} · {counted(int(totals[label]), 'row')}"
        + (f" · {counted(int(of), 'example')}" if of else "")
        for label, away, of in list(near)[:NEAR_CLUSTERS]
    }
    st.multiselect(
        "Whole clusters, the nearest centre first",
        list(titles),
        format_func=titles.__getitem__,
        key=seeking.CLUSTERS,
        placeholder="None",
        help="The number is the cosine distance of the cluster's centre to the examples.",
    )


def _make_pool(project: Project, now: Sought) -> None:
    assert now.like is not None
    n, inside = len(project.dataset), int(seeking.region_mask(project, now.like).sum())
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Make this the pool",
            key="make_pool",
            type="primary",
            icon=":material/filter_alt:",
            disabled=not 0 < inside < n,
            on_click=_take_out_the_rest,
            args=(project, now.like),
        ):
            st.rerun()  # the whole page: it has another pool now
        st.text(
            f"{inside:,} of {counted(n, 'row')} lie in the region; the other {n - inside:,} would go out."
        )


def _take_out_the_rest(project: Project, like: seeking.Like) -> None:
    """One step, which Undo on the Health page takes back."""
    ids = project.dataset.frame["id"].gather(list(like.rows))
    settings = region_settings(
        like.texts, max_distance=state.widget(seeking.DISTANCE), clusters=state.widget(seeking.CLUSTERS) or ()
    )
    try:
        project.take_out(NAME, settings, ids=ids)
    except WinnowError as error:
        state.update(notes=(str(error),))
