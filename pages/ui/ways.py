"""The ways to a dataset: the sample, an upload, a path, the hub, a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import streamlit as st

from core import WinnowError
from core.loading import Listing, Reference, is_hub, keep, look, reference
from pages.ui import downloads, places, recipes, state
from pages.ui.markup import plain

WAYS = ("Sample", "Upload", "Path", "Hub", "Recipe")


def choose() -> None:
    """One of the ways, with what it asks for; at first the one by which the open dataset comes."""
    if state.widget("way") is None:
        state.set_widget("way", _of(state.current().data))
    way = st.segmented_control(
        "Data", WAYS, default=state.widget("way"), key="way", required=True, persist_state="session"
    )
    {"Upload": _upload, "Path": _path, "Hub": _hub, "Recipe": recipes.panel}.get(str(way), _sample)()


def _of(data: str) -> str:
    """The way by which a dataset comes."""
    if data == "sample":
        return "Sample"
    if is_hub(data):
        return "Hub"
    return "Upload" if Path(data).parent == places.uploads() else "Path"


def _sample() -> None:
    st.caption("About a thousand rows written for this project, with two score columns. Nothing to set up.")
    st.button("Open the sample", key="open_sample", on_click=state.open_data, args=("sample",))


def _upload() -> None:
    uploaded = st.file_uploader(
        "JSON, JSON lines, CSV, TSV or Parquet, each also as .gz, .zst or .zip",
        key="upload",
        help="The file is kept in the store's folder, so that a reload finds it again.",
    )
    if uploaded is not None and st.button("Open this file", type="primary", key="open_upload"):
        try:
            path = keep(uploaded.name, uploaded.getvalue(), places.uploads())
        except WinnowError as error:
            st.error(plain(error))
            return
        state.open_data(str(path))
        st.rerun()


def _path() -> None:
    if state.widget("path") is None and _of(state.current().data) == "Path":
        state.set_widget("path", state.current().data)
    st.text_input(
        "Path of a file or a folder",
        state.widget("path") or "",
        key="path",
        placeholder="data/my-rows.jsonl",
        persist_state="session",
        help="The files of a folder are read as one dataset. Of one with splits, folder:split opens one.",
    )
    st.caption(plain(f"Inside {', '.join(_outermost())}."))
    st.button("Open", type="primary", key="open_path", on_click=_open_path)


def _outermost() -> list[str]:
    """The folders that a path may lie in, without those that lie in another one of them."""
    roots = list(dict.fromkeys(root.resolve() for root in places.roots()[:-1]))
    return [str(root) for root in roots if not any(other in root.parents for other in roots)]


def _open_path() -> None:
    typed = str(state.widget("path") or "").strip()
    if typed:
        state.open_data(typed)


def _hub() -> None:
    """Name and revision first; once they are known, what the dataset has to choose from."""
    with st.form("hub", border=False):
        left, middle, right = st.columns((4, 2, 3), vertical_alignment="bottom")
        name = left.text_input("Dataset", key="hub_name", placeholder="owner/name", persist_state="session")
        revision = middle.text_input(
            "Revision", key="hub_revision", placeholder="main", persist_state="session",
            help="A branch, a tag or a commit. What is opened is named by its commit, so it stays the same.",
        )  # fmt: skip
        token = right.text_input(
            "Token", type="password", key="hub_token", autocomplete="off",
            help="Only for private and gated datasets. It stays in this session and is written nowhere. "
            "What is downloaded lies in the home, where everyone who may use this app can open it.",
        )  # fmt: skip
        kind: Literal["primary", "secondary"] = "primary" if state.hub_listing() is None else "secondary"
        asked = st.form_submit_button("Look up", key="look_up", type=kind, icon=":material/search:")
    if asked:
        _look_up(name.strip(), revision.strip(), token.strip() or None)
    listing = state.hub_listing()
    if listing is not None:
        _offer(listing, token.strip() or None)


def _look_up(name: str, revision: str, token: str | None) -> None:
    state.set_hub_listing(None)
    try:
        wanted = reference(name if is_hub(name) else f"hf://{name}")
        wanted = Reference(wanted.name, revision or wanted.revision, wanted.config, wanted.split)
        with st.spinner("Looking it up"):
            found = look(wanted, token=token)
    except WinnowError as error:
        st.error(plain(error), icon=":material/error:")
        return
    state.set_hub_listing(found)
    st.rerun()


def _offer(listing: Listing, token: str | None) -> None:
    """The configurations and splits that were found, how large one is, and the button that downloads it."""
    left, middle, right = st.columns((4, 2, 3), vertical_alignment="bottom")
    config = left.selectbox("Configuration", list(listing.configs), key=f"hub_config {listing.commit}")
    splits = listing.configs[config]
    place = list(splits).index("train") if "train" in splits else 0
    split = middle.selectbox("Split", list(splits), index=place, key=f"hub_split {listing.commit} {config}")
    names = splits[split]
    pinned = listing.pinned(Reference(listing.name, config=config, split=split))
    # While it is on its way, what can be done about it stands below.
    kind: Literal["primary", "secondary"] = "secondary" if state.current().data == str(pinned) else "primary"
    right.button(
        "Download and open", key="open_hub", type=kind, width="stretch", icon=":material/download:",
        on_click=downloads.start, args=(str(pinned), token),
    )  # fmt: skip
    sizes = [listing.files[name].size for name in names]
    known = sum(size for size in sizes if size is not None)
    files = f"{len(names):,} file{'s' if len(names) > 1 else ''}"
    size = f"{known / 1e6:,.1f} MB" if known >= 1e5 else f"{known / 1e3:,.1f} kB"
    st.caption(plain(f"{listing.name} at {listing.commit[:12]}: {files}, {size}."))
