"""The checks of a dataset's health: one line each, examples with what was seen, and taking rows out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Literal

import streamlit as st

from core import Project, WinnowError
from core.checkup import CheckResult
from core.health import CHECKS, PRIVATE, masked
from core.health_command import share
from core.loading import place_of
from core.wording import counted
from pages.ui import cached, leaking, progress, removing, state
from pages.ui.markup import plain

AROUND = 150  # characters shown on each side of what was seen
CLIP = 300  # characters of a text in which it does not stand
PATIENCE = 1.0  # seconds until the page says that it is looking
HOW = (
    "Open a line for examples, and for the buttons that take its rows out or mark them as fine. "
    "Its bar is its count beside the largest of its group."
)
LINE = "check_line_"
BAR = "#3a92c9"  # reads on light and dark


def panel(project: Project) -> None:
    """Every check with what it finds in the whole file, and the search for evaluation prompts."""
    st.markdown("#### Checks of texts")
    results = _looked(project)
    if results is not None:
        _list(project, results)
    st.divider()
    st.markdown("#### Evaluation prompts among the rows")
    leaking.panel(project)


def _looked(project: Project) -> tuple[CheckResult, ...] | None:
    """The results; None, and a line that says how far it is, while they are looked for."""
    if project.has_checkup():
        return project.checkup()
    try:
        cached.background().want(
            "comparisons", ("health", state.session_owner()), _key(project),
            lambda check: project.checkup(on_progress=check), within=PATIENCE,
        )  # fmt: skip
    except WinnowError as error:
        st.error(plain(error))
        return None
    if project.has_checkup():
        return project.checkup()
    st.fragment(_wait, run_every=progress.EVERY)(project)
    return None


def _key(project: Project) -> tuple[str, str]:
    return "checks", project.whole.dataset.fingerprint


def _wait(project: Project) -> None:
    background, key = cached.background(), _key(project)
    if not background.is_making(key):
        st.rerun()
    now = background.progress(key)
    done = now.done if now is not None and now.stage == "checks" else 0
    st.progress(done / len(CHECKS), f"Looking at {counted(len(project.whole.dataset), 'row')}")


def _list(project: Project, results: Sequence[CheckResult]) -> None:
    """What found something, by group, and one line for the rest."""
    spoken = [each for each in results if each.count]
    if spoken:
        st.caption(HOW)
    st.html(_bars(spoken))
    for group, members in groupby(spoken, lambda each: each.check.group):
        with st.container(gap="xsmall"):
            st.markdown(f"**{group}**")
            for each in members:
                _line(project, each)
    silent = [each.check.title for each in results if not each.count]
    if silent:
        st.caption(plain(f"Nothing found: {' · '.join(silent)}"))


def _bars(spoken: Sequence[CheckResult]) -> str:
    """A bar along the lower edge of each line."""
    most = {
        group: max(each.count for each in members)
        for group, members in groupby(spoken, lambda each: each.check.group)
    }
    # Within the rounded corners, which would bend a short bar into a hook.
    rules = [
        f".st-key-{LINE}{each.check.name} details {{ background: linear-gradient({BAR}, {BAR}) 12px 100% / "
        f"calc((100% - 24px) * {max(each.count / most[each.check.group], 0.004):.4f}) 3px no-repeat; }}"
        for each in spoken
    ]
    return f"<style>{''.join(rules)}</style>"


def _line(project: Project, result: CheckResult) -> None:
    check, out = result.check, _out(project, result)
    said = f"{counted(result.count, 'row')}, {share(result.share)}"
    label = f"{check.title} :gray[{plain(said)}]" + (f" :green-badge[{plain(out)}]" if out else "")
    with st.container(key=f"{LINE}{check.name}"):
        opened = st.expander(label, key=f"open_{check.name}", on_change="rerun")
    if opened.open:
        with opened:
            _detail(project, result)


def _out(project: Project, result: CheckResult) -> str:
    """What was decided about the rows of a check; empty where nothing was."""
    name, cleaning = result.check.name, project.cleaning
    taken = sum(len(each.found) for each in cleaning.removals if each.rule == name)
    if taken:
        return f"{taken:,} taken out"
    kept = len(cleaning.kept(name))
    return f"{kept:,} kept" if kept else ""


def _detail(project: Project, result: CheckResult) -> None:
    check, out = result.check, _out(project, result)
    st.caption(
        plain(check.summary + ("" if result.suggests else " Counted only: no reason to take rows out."))
    )
    dataset = project.whole.dataset
    frame = dataset.frame
    for row, seen in result.examples(project.whole.draw(0)):
        prompt, response = frame["prompt"][row] or "", frame["response"][row] or ""
        name = f"{frame['id'][row]}, {place_of(dataset, row)}"
        st.html(example(name, prompt, response, seen, private=check.group == PRIVATE))
    left = result.count - len(project.cleaning.kept(check.name))
    kind: Literal["primary", "secondary"] = "primary" if result.suggests and not out else "secondary"
    with st.container(horizontal=True):
        st.button(
            f"Take out {counted(left, 'row')}", key=f"take_{check.name}", icon=":material/remove:",
            on_click=removing.take_out, args=(project, check.name), disabled=bool(out), type=kind,
        )  # fmt: skip
        st.button(
            "Keep them", key=f"keep_{check.name}", on_click=removing.keep,
            args=(project, check.name, _ids(project, result)),
            disabled=out.endswith("kept"), help="They are marked as fine; what was taken out comes back.",
        )  # fmt: skip
        if out.endswith("kept"):
            st.button(
                "Look again",
                key=f"again_{check.name}",
                on_click=removing.look_again,
                args=(project, check.name),
            )


def _ids(project: Project, result: CheckResult) -> list[str]:
    return project.whole.dataset.frame["id"].gather(result.found.rows).to_list()


def example(name: str, prompt: str, response: str, seen: str, *, private: bool) -> str:
    """One row as HTML: prompt and response with what was seen marked, every word of the data escaped."""
    if private:
        prompt, response = masked(prompt), masked(response)
    texts = [_marked(text, seen) for text in (prompt, response)]
    aside = (
        "" if any("<mark>" in text for text in texts) else f"<span>seen: <mark>{escape(seen)}</mark></span>"
    )
    return (
        f"<div class='check-example'><div class='check-name'>{escape(name)}{aside}</div>"
        f"<div><b>Prompt</b> {texts[0]}</div><div><b>Response</b> {texts[1]}</div></div>"
    )


def _marked(text: str, seen: str) -> str:
    """The part of a text around what was seen, or its beginning."""
    at = text.find(seen) if seen.strip() else -1
    if at < 0:
        return escape(_one_line(text[:CLIP])) + ("…" if len(text) > CLIP else "") or "<i>(empty)</i>"
    end = at + len(seen)
    before, after = text[max(at - AROUND, 0) : at], text[end : end + AROUND]
    start = "…" if at > AROUND else ""
    stop = "…" if end + AROUND < len(text) else ""
    return f"{start}{escape(_one_line(before))}<mark>{escape(seen)}</mark>{escape(_one_line(after))}{stop}"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)
