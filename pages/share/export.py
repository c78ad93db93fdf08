"""Export: choose a form, see what is in the bundle, download."""

from __future__ import annotations

import streamlit as st

from core import Project, Selection
from core.errors import WinnowError
from core.exporting import (
    CARD_CONTENTS,
    CONTENTS,
    FORMATS,
    TRAINERS,
    Fate,
    archive,
    checked_licence,
    preflight,
)
from core.wording import counted
from pages.ui import choose, data, figures, progress, state
from pages.ui.markup import plain

OWNER = state.session_owner()


def summary(project: Project, choice: choose.Choice) -> None:
    """What will leave, in one line of figures and one sentence."""
    covered = choose.coverage(project, choice, owner=OWNER)
    figures.show(project, choice, covered)
    params = choice.params
    judge = (
        f"{params.judge} \N{GREATER-THAN OR EQUAL TO} {params.min_score:g}" if params.judge else "no judge"
    )
    decisions = f"{params.strategy}, {judge}, seed {params.seed}, {counted(len(params.pins), 'pin')}."
    st.caption(plain(f"{decisions} Change it on Explore."))
    progress.follow(project, choice, covered)


def contents(chosen: Selection, form: str, *, with_card: bool) -> None:
    """What the zip holds, file by file."""
    st.caption("In the zip")
    inside = {FORMATS[form].file: f"{counted(len(chosen), 'selected row')}", **CONTENTS}
    inside |= CARD_CONTENTS if with_card else {}
    st.dataframe(
        {"file": list(inside), "what it is": list(inside.values())}, hide_index=True, width="stretch"
    )


def bundle(project: Project, chosen: Selection) -> None:
    """The form of the training file, the list of what is in the zip, and the download."""
    names = list(FORMATS)
    form = st.radio(
        "Training file",
        names,
        key="format",
        format_func=lambda name: FORMATS[name].title,
        captions=[FORMATS[name].summary for name in names],
        horizontal=True,
        persist_state="session",
    )
    licence = st.text_input(
        "Licence of the source",
        key="licence",
        placeholder="such as cc-by-4.0",
        width=360,
        help="A subset keeps the licence of its source. With it, the zip holds a dataset card (README.md).",
        persist_state="session",
    )
    try:
        named = checked_licence(licence) if licence.strip() else None
    except WinnowError as error:
        st.warning(plain(error))
        return
    contents(chosen, form, with_card=named is not None)
    st.download_button(
        f"Download {counted(len(chosen), 'row')}",
        data=lambda: archive(project.bundle(chosen, licence=named), form),
        file_name="winnow-selection.zip",
        mime="application/zip",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key="download",
        disabled=not len(chosen),
    )


def trainers(project: Project, chosen: Selection) -> None:
    """What each trainer would do with the rows, before they are downloaded."""
    st.caption("What a trainer does with these rows, as messages. Tokens are counted without chat template.")
    limit = st.number_input(
        "Token limit of the trainer",
        min_value=1,
        value=2048,
        step=256,
        key="limit",
        width=360,
        persist_state="session",
    )
    reports = [
        preflight(project.dataset, chosen.rows, name, tokens=project.tokens(), limit=int(limit))
        for name in TRAINERS
    ]
    reasons = [
        "; ".join(f"{each.count:,}: {each.reason} ({', '.join(each.examples)})" for each in report.findings)
        for report in reports
    ]
    fates = {fate.value: [report.count(fate) for report in reports] for fate in Fate}
    titles = [TRAINERS[report.trainer].title for report in reports]
    st.dataframe({"trainer": titles, **fates, "why": reasons}, hide_index=True, width="stretch")


def page() -> None:
    """The whole page."""
    st.subheader("Export the selection", anchor=False)
    project = data.open_project()
    view = state.current()
    if view.fitted != project.dataset.fingerprint:
        state.update(**choose.fit(view, project))
        view = state.current()
    if not project.has_map():
        data.no_map_yet(project)
        return
    choice = choose.choose(project, view, owner=OWNER)
    if choice.error is not None:
        st.warning(plain(choice.error))
    elif choice.selection is None:
        st.caption(f"{choice.waiting}…")
        progress.follow(project, choice, choose.NO_COVERAGE)
    else:
        summary(project, choice)
        bundle(project, choice.selection)
        trainers(project, choice.selection)
    state.write_link()


page()
