"""Evaluation prompts among the rows: paste them or give a file, look, and take out what holds one."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st

from core import Project, WinnowError
from core.checkup import prompts_sha256
from core.domain import OptionValue
from core.health import Leaks
from core.health.leakage import SIMILARITY
from core.health_command import evaluation_prompts, pasted
from core.loading import keep, place_of
from core.wording import counted
from pages.ui import cached, places, progress, removing, state
from pages.ui.markup import plain

SHOWN = 20  # pairs that are listed
CLIP = 400  # characters of a text in the list
PATIENCE = 1.0  # seconds
Key = tuple[str, str, str, str, float]


def panel(project: Project) -> None:
    """What is asked for, and what is found."""
    st.caption(
        "A model that was trained on the prompts of its test passes the test. By words: a run of 13 in "
        "common, a shorter prompt as a whole (the rule of GPT-3, arXiv 2005.14165). By vectors: prompts of "
        "nearly one meaning."
    )
    left, right = st.columns([3, 2])
    text = left.text_area(
        "Evaluation prompts, one a line", key="leak_text", height=130, persist_state="session"
    )
    uploaded = right.file_uploader("Or a file: .txt with one a line, or rows as on Load", key="leak_file")
    similarity = _similarity(project, right)
    try:
        prompts = _of_file(uploaded.name, uploaded.getvalue()) if uploaded is not None else pasted(text or "")
    except WinnowError as error:
        st.error(plain(error))
        return
    if not prompts:
        return
    leaks = _looked(project, prompts, similarity)
    if leaks is not None:
        _found(project, prompts, leaks, similarity)


def _similarity(project: Project, place: st.delta_generator.DeltaGenerator) -> float | None:
    """The lowest cosine similarity that counts; None where words alone decide."""
    if not project.whole.has_vectors():
        place.caption("Once the vectors of all rows are there, prompts that mean the same are found as well.")
        return None
    if not place.toggle("By vectors as well", key="leak_vectors", persist_state="session"):
        return None
    return float(
        place.slider(
            "Cosine similarity, from", 0.7, 1.0, SIMILARITY, 0.01, key="leak_similarity",
            persist_state="session", help="1 is the same prompt; a higher threshold finds less.",
        )
    )  # fmt: skip


def _of_file(name: str, content: bytes) -> list[str]:
    """The prompts of an uploaded file; a text needs no schema."""
    if name.lower().endswith(".txt"):
        return pasted(content.decode("utf-8-sig", "replace"))
    return evaluation_prompts(keep(name, content, places.uploads()))


def _looked(project: Project, prompts: list[str], similarity: float | None) -> Leaks | None:
    """What is found; None, and a line that says so, while it is looked for."""
    whole = project.whole  # responses and ids have a part in it, which its vectors do not know
    key = (
        "leaks",
        whole.dataset.fingerprint,
        whole.keys.vectors.digest,
        prompts_sha256(prompts),
        similarity or 0.0,
    )
    memo, background = cached.findings(), cached.background()
    found = memo.peek(key)
    if found is None:
        try:
            background.want(
                "comparisons", ("leaks", state.session_owner()), key,
                lambda check: memo.put(key, project.leaks(prompts, similarity=similarity, on_progress=check)),
                within=PATIENCE,
            )  # fmt: skip
        except WinnowError as error:
            st.error(plain(error))
            return None
        found = memo.peek(key)
    if found is None:
        st.fragment(_wait, run_every=progress.EVERY)(key)
        return None
    assert isinstance(found, Leaks)
    return found


def _wait(key: Key) -> None:
    if not cached.background().is_making(key):
        st.rerun()
    loads = " The model is loaded first, which takes some seconds." if key[3] else ""
    st.caption(f"Looking for them among the rows.{loads}")


def _found(project: Project, prompts: list[str], leaks: Leaks, similarity: float | None) -> None:
    """The sentence, the button and the pairs side by side."""
    ids = project.whole.dataset.frame["id"]
    count, words = len(leaks.rows), int(leaks.by_words.sum())
    asked = counted(len(prompts), "evaluation prompt")
    if not count:
        st.success(plain(f"No row holds one of {asked}."), icon=":material/check:")
        return
    by = f", {words:,} by words and {count - words:,} by vectors" if similarity else ""
    hold = "holds" if count == 1 else "hold"
    st.markdown(plain(f"{counted(count, 'row')} {hold} one of {asked}{by}."))
    if leaks.templates:
        st.caption(plain(f"Passed over: {counted(leaks.templates, 'run')} of words that many prompts share."))
    settings: dict[str, OptionValue] = {
        "prompts_sha256": prompts_sha256(prompts),
        "similarity": similarity or 0.0,
    }
    out = any(
        each.rule == "leakage" and dict(each.settings) == settings for each in project.cleaning.removals
    )
    st.button(
        "Taken out" if out else f"Take out {counted(count, 'row')}", key="take_leakage", type="primary",
        icon=":material/remove:", disabled=out, on_click=removing.take_out,
        args=(project, "leakage", settings, ids.gather(leaks.rows).to_list()),
    )  # fmt: skip
    dataset = project.whole.dataset
    frame = dataset.frame
    order = np.argsort(-np.nan_to_num(leaks.similarity), kind="stable")[:SHOWN]
    body = "".join(
        f"<tr><td>{escape(str(ids[row]))}<br>{escape(place_of(dataset, row))}</td>"
        f"<td>{_clipped(frame['prompt'][row])}</td>"
        f"<td>{_clipped(prompts[int(leaks.prompts[place])])}</td><td>{_how(leaks, place)}</td></tr>"
        for place in order.tolist()
        for row in [int(leaks.rows[place])]
    )
    head = "<tr><th>Row</th><th>Prompt of the row</th><th>Evaluation prompt</th><th>In common</th></tr>"
    st.html(f"<div class='compare-scroll'><table class='leak-table'>{head}{body}</table></div>")
    if count > SHOWN:
        st.caption(f"The first {SHOWN} of {count:,}.")


def _how(leaks: Leaks, place: int) -> str:
    near = leaks.similarity[place]
    cosine = "" if np.isnan(near) else f"cosine {near:.2f}"
    words = f"<mark>{escape(leaks.seen[place])}</mark>" if leaks.by_words[place] else ""
    return "<br>".join(each for each in (words, cosine) if each)


def _clipped(text: str) -> str:
    return escape(text[:CLIP]) + ("…" if len(text) > CLIP else "")
