"""What many prompts share: each piece with its rows, a switch, and prompts with the pieces greyed out."""

from __future__ import annotations

import html

import streamlit as st

from core import Project
from core.domain import Dataset, Piece
from core.loading import boilerplate
from core.wording import counted
from pages.ui import state
from pages.ui.markup import plain

SHOWN = 3  # prompts
CLIP = 600  # characters of a piece, and of what is left of a prompt
PLACES = {
    boilerplate.BEGINS: "Begins",
    boilerplate.BETWEEN: "Divides",
    boilerplate.ENDS: "Ends",
    boilerplate.SYSTEM: "System text of",
}
STYLE = """<style>
.shared-text {white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5}
.shared-text del {opacity: .55; text-decoration: none; background: rgba(128, 128, 128, .2)}
</style>"""


def panel(project: Project) -> None:
    """Shown where something is shared; what the switches say holds once the file is read that way."""
    dataset = project.dataset
    if not dataset.boilerplate:
        return
    st.markdown("#### Shared text")
    st.caption(_summary(dataset))
    if all(piece.place == boilerplate.SYSTEM for piece in dataset.boilerplate):
        for piece in dataset.boilerplate:
            st.code(_clipped(piece.text), language=None, wrap_lines=True)
        return
    with st.expander("What many prompts share", icon=":material/content_copy:", expanded=True):
        left, right = st.columns((2, 3), gap="medium")
        with left:
            out = tuple(piece for piece in dataset.boilerplate if _switch(dataset, piece))
            view = state.current()
            kept = tuple(
                piece.key
                for piece in dataset.boilerplate
                if piece not in out and piece.place != boilerplate.SYSTEM
            )
            st.button(
                "Apply to the map", key="use_shared", type="primary",
                disabled=set(out) == set(dataset.left_out),
                help="The map is then made anew, and pins and scenes begin anew with it.",
                on_click=state.open_data, args=(view.data, view.mapping, view.embed, kept, view.judged),
            )  # fmt: skip
        with right:
            _prompts(dataset, out)


def _summary(dataset: Dataset) -> str:
    """One sentence on what is left out."""
    shared = [piece for piece in dataset.boilerplate if piece.place != boilerplate.SYSTEM]
    if not shared:
        (piece,) = dataset.boilerplate
        return f"{counted(piece.count, 'row')} have this system text, which is never part of the map."
    out = len(dataset.left_out)
    which = f"{out} of {counted(len(shared), 'piece')}" if out < len(shared) else counted(out, "piece")
    return f"The map leaves out {which} that many prompts share. Training files keep every word."


def _switch(dataset: Dataset, piece: Piece) -> bool:
    """A piece with its rows; whether it is to be left out."""
    share = 100 * piece.count / max(1, len(dataset))
    with st.container(border=True, gap="xsmall"):
        st.caption(f"{PLACES[piece.place]} {counted(piece.count, 'row')}, {share:.0f} %")
        st.code(_clipped(piece.text.strip()), language=None, wrap_lines=True)
        if piece.place == boilerplate.SYSTEM:
            st.caption("Never part of the map.")
            return False
        return st.toggle(
            "Leave out of the map",
            value=piece in dataset.left_out,
            key=f"shared_{piece.key}_{dataset.fingerprint[:8]}",
        )


def _prompts(dataset: Dataset, out: tuple[Piece, ...]) -> None:
    """A few prompts, what is left out of them in grey."""
    pieces = [piece for piece in dataset.boilerplate if piece.place != boilerplate.SYSTEM]
    prompts = dataset.frame["prompt"]
    rows = boilerplate.examples(prompts, pieces, SHOWN)
    if not rows:
        return
    st.caption("Grey is left out of the map; the rest is embedded.")
    for row in rows:
        parts = [
            f"<del>{html.escape(_clipped(part))}</del>" if left_out else html.escape(_clipped(part))
            for part, left_out in boilerplate.parts(prompts[row], out)
        ]
        with st.container(border=True, gap="xsmall"):
            st.caption(plain(dataset.frame["id"][row]))
            st.html(f'{STYLE}<div class="shared-text">{"".join(parts)}</div>')


def _clipped(text: str) -> str:
    return text if len(text) <= CLIP else f"{text[:CLIP]}…"
