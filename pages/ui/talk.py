"""Messages as a person reads them: one box a turn, the answers of a pair side by side, never as markup."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import streamlit as st

from pages.ui.markup import plain

CLIP = 400  # characters of a turn in a preview
Turn = tuple[str, str, str | None]  # role, content, and what else belongs to it as JSON


def conversation(
    turns: Sequence[Turn], rejected: Sequence[Turn] = (), tools: str | None = None, *, clip: int | None = None
) -> None:
    """The turns in sequence; where there is a rejected answer, the chosen one stands beside it."""
    if tools:
        with st.expander("Tools that are offered", icon=":material/build:"):
            st.code(_indented(tools), language="json")
    if not turns:
        st.caption("This row has no messages.")
    shared = _shared(turns) if rejected else len(turns)
    for turn in turns[:shared]:
        _turn(turn, clip)
    if rejected:
        for column, title, side in zip(
            st.columns(2), ("Chosen", "Rejected"), (turns[shared:], rejected), strict=True
        ):
            with column:
                st.markdown(f"**{title}**")
                for turn in side:
                    _turn(turn, clip)


def _shared(turns: Sequence[Turn]) -> int:
    """How many turns stand before the answer: those up to the last of the user."""
    return max((place for place, (role, *_) in enumerate(turns, start=1) if role == "user"), default=0)


def _turn(turn: Turn, clip: int | None) -> None:
    role, content, more = turn
    fields = orjson.loads(more) if more else {}
    calls = ", calls a tool" if fields.get("tool_calls") or fields.get("function_call") else ""
    with st.container(border=True, gap="xsmall"):
        st.caption(plain(role + calls))
        if fields.get("reasoning_content"):
            st.caption("reasoning")
            st.text(_clipped(str(fields["reasoning_content"]), clip))
            st.caption("call" if calls else "answer")
        # Plain text: dataset text is never read as markup. A leading space belongs to the training text only.
        st.text(_clipped(content.lstrip(" "), clip) or "(empty)")


def _clipped(text: str, clip: int | None) -> str:
    return text if clip is None or len(text) <= clip else f"{text[:clip]}…"


def _indented(tools: str) -> str:
    return orjson.dumps(orjson.loads(tools), option=orjson.OPT_INDENT_2).decode()
