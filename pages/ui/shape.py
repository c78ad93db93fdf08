"""How a file is read: its schema, the column of each role, and three rows as conversations."""

from __future__ import annotations

import streamlit as st

from core import Project, WinnowError
from core.domain import EMBED_CHOICES, SchemaMapping
from core.loading import SCHEMAS, Preview
from pages.ui import cached, state, talk
from pages.ui.markup import plain

EMBED_TITLES = dict(
    zip(EMBED_CHOICES, ("First user turn", "All user turns", "Whole conversation"), strict=True)
)
SINGLE_TURN = 3  # messages at most of a row that asks once: system text, question, answer


def panel(project: Project) -> None:
    """The schema that was recognised or chosen, and the way to another one."""
    view, dataset = state.current(), project.dataset
    try:
        found = cached.preview(view.data)
    except WinnowError as error:
        st.error(plain(error))
        return
    surest = found.best
    recognised = surest is not None and surest.mapping == dataset.mapping
    how = f"Recognised, confidence {surest.confidence:.2f}" if surest and recognised else "As chosen here"
    st.caption(f"{plain(dataset.schema)}: {SCHEMAS[dataset.schema].summary}. {how}.")
    with st.expander("How the file is read", icon=":material/account_tree:"):
        several = bool((dataset.frame["messages"].list.len() > SINGLE_TURN).any())
        _choose(found, dataset.mapping, several=several, is_open=True)


def offer(data: str) -> None:
    """The same for a file that could not be opened, where its rows can be read at all."""
    try:
        found = cached.preview(data)
    except WinnowError:
        return
    st.markdown("**How to read it.** Choose a schema and the column of each role.")
    first = found.candidates[0].mapping if found.candidates else found.proposed("alpaca")
    _choose(found, first, several=True, is_open=False)


def _choose(found: Preview, now: SchemaMapping, *, several: bool, is_open: bool) -> None:
    """Boxes on the left, what comes of them on the right, and the button that takes it over."""
    view = state.current()
    left, right = st.columns((2, 3), gap="medium")
    with left:
        mapping = _mapping(found, now)
        embed = view.embed
        if several or embed != EMBED_CHOICES[0]:
            embed = _embed(view.data, embed)
    with right:
        is_good = _samples(found, mapping)
    unchanged = is_open and mapping == now and embed == view.embed
    with left:
        st.button(
            "Read the file this way", key="read_this_way", type="primary", disabled=unchanged or not is_good,
            on_click=_take_over, args=(mapping, embed, found),
        )  # fmt: skip


def _embed(data: str, now: str) -> str:
    """What of several turns is embedded."""
    chosen = st.selectbox(
        "Embed",
        list(EMBED_TITLES),
        index=EMBED_CHOICES.index(now),
        format_func=lambda each: EMBED_TITLES[each],
        key=f"shape_embed_{data}_{now}",
        help="Which text of a row with several turns the map is made of.",
    )
    return str(chosen)


def _mapping(found: Preview, now: SchemaMapping) -> SchemaMapping:
    """The mapping that the boxes show; a new schema begins with the columns that it would take itself."""
    sure = {each.mapping.schema: each.confidence for each in found.candidates}
    names, data = list(SCHEMAS), state.current().data
    name = st.selectbox(
        "Schema", names, index=names.index(now.schema), key=f"shape_schema_{data}_{now.schema}",
        format_func=lambda each: f"{each}, confidence {sure[each]:.2f}" if each in sure else each,
    )  # fmt: skip
    st.caption(plain(f"{SCHEMAS[name].summary[:1].upper()}{SCHEMAS[name].summary[1:]}."))
    start = now if name == now.schema else found.proposed(name)
    pairs: list[tuple[str, str]] = []
    for role in SCHEMAS[name].roles:
        key = f"shape_{name}_{role.name}_{data}_{'+'.join(start.of(role.name))}"
        title = role.name if role.needed else f"{role.name} (optional)"
        if role.several:
            chosen = st.multiselect(plain(title), found.columns, default=start.of(role.name), key=key)
        else:
            preset = start.of(role.name)
            index = found.columns.index(preset[0]) if preset else None
            one = st.selectbox(plain(title), found.columns, index=index, key=key, placeholder="none")
            chosen = [] if one is None else [one]
        pairs += [(role.name, column) for column in chosen]
    return SchemaMapping(name, tuple(pairs))


def _samples(found: Preview, mapping: SchemaMapping) -> bool:
    """The first rows under the mapping; whether it can be used."""
    try:
        samples = found.samples(mapping)
    except WinnowError as error:
        st.info(plain(error), icon=":material/info:")
        return False
    tabs = st.tabs([f"Row {number}" for number in range(1, len(samples) + 1)])
    for tab, sample in zip(tabs, samples, strict=True):
        with tab:
            talk.conversation(sample.messages, sample.rejected, sample.tools, clip=talk.CLIP)
    return True


def _take_over(mapping: SchemaMapping, embed: str, found: Preview) -> None:
    """Read the file anew; what is recognised anyway is not named in the link."""
    surest = found.best
    view = state.current()
    named = None if surest is not None and mapping == surest.mapping else mapping
    state.open_data(view.data, named, embed, judged=view.judged)
