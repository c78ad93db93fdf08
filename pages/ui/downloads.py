"""Datasets of the hub on their way here: started, shown, stopped; a reload finds them as they are."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core import WinnowError
from core.domain import OnProgress
from core.loading import fetch, is_hub, reference
from pages.ui import cached, places, state
from pages.ui.markup import plain

EVERY = 0.5  # seconds between two looks


def start(data: str, token: str | None = None) -> None:
    """Turn to a dataset of the hub and have it downloaded; a token is held only while that lasts."""
    cached.background().failure(_key(data))  # of an earlier try
    cached.background().want("downloads", _key(data), _key(data), _work(data, token))
    if state.current().data != data:
        state.open_data(data)


def wait_for(data: str) -> None:
    """Show how far a download is, or offer it; the page ends here until the data is there."""
    if not is_hub(data):
        return
    try:
        if cached.is_fetched(data):
            return
        wanted = reference(data)
    except WinnowError as error:
        st.error(plain(error), icon=":material/error:")
        _back()
        st.stop()
    pinned = _arrived(data)
    if pinned is not None:
        state.open_data(pinned)
        st.rerun()
    st.subheader(plain(f"{wanted.name}{'' if not wanted.split else f', {wanted.split}'}"), anchor=False)
    parts = [f"Configuration {wanted.config}" if wanted.config else "", f"{wanted.revision[:12]} on the hub"]
    st.caption(plain(", ".join(filter(None, parts)) if wanted.revision else "On the hub"))
    was = cached.background().is_making(_key(data))
    st.fragment(_panel, run_every=EVERY if was else None)(data, was)
    state.write_link()  # a reload comes back to this download
    st.stop()


def _panel(data: str, was: bool) -> None:
    background, key = cached.background(), _key(data)
    if background.is_making(key) != was or _arrived(data) is not None:  # a small one is there at once
        st.rerun()
    with st.container(border=True, key="download"):
        if was and not background.is_wanted(key):
            st.write("Stopping. What arrived stays, and the next download goes on from there.")
            return
        if was:
            at = background.progress(key)
            is_known = at is not None and at.total > 1
            share = at.done / at.total if at is not None and is_known else 0.0
            far = f"{at.done / 1e6:,.1f} of {at.total / 1e6:,.1f} MB, {at.note}" if at and is_known else ""
            far = far or "is asked for at the hub"
            st.progress(min(share, 1.0), text=f"**Download** {far}")
            st.button("Stop", key="stop_download", on_click=_stop, args=(data,), icon=":material/stop:")
            return
        failure = background.failure(key)
        if failure is not None:
            cached.findings().put((key, "failed"), failure)
        said = cached.findings().peek((key, "failed"))
        if isinstance(said, WinnowError):
            st.error(plain(said), icon=":material/error:")
        elif isinstance(said, Exception):
            st.error("The download broke off. This is a bug.", icon=":material/error:")
        else:
            st.write("It is not here yet. It is downloaded once; what arrived stays if you stop.")
        with st.container(horizontal=True):
            st.button(
                "Download", key="download_again", type="primary", on_click=start, args=(data,),
                icon=":material/download:",
            )  # fmt: skip
            _back()


def _arrived(data: str) -> str | None:
    """The data as it is named since its download; None before."""
    pinned = cached.findings().peek(_key(data))
    return pinned if isinstance(pinned, str) and cached.is_fetched(pinned) else None


def _back() -> None:
    st.button("Open the sample", key="back_to_sample", on_click=state.open_data, args=("sample",))


def _stop(data: str) -> None:
    cached.background().give_up(_key(data))


def _key(data: str) -> tuple[str, str]:
    return "hub", data


def _work(data: str, token: str | None) -> Callable[[OnProgress], None]:
    """The download, away from any session."""
    folder, found = places.hub(), cached.findings()
    found.drop((_key(data), "failed"))

    def work(on_progress: OnProgress) -> None:
        found.put(_key(data), str(fetch(data, folder, token=token, on_progress=on_progress)))

    return work
