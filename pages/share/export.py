"""Export: choose a form, see what is in the bundle, download."""

from __future__ import annotations

from io import BufferedReader

import streamlit as st

from core import Project, Selection, exporting
from core.decisions import in_words
from core.domain import ignore_progress
from core.errors import WinnowError
from core.exporting import (
    EVERYTHING,
    FORMATS,
    ON_REQUEST,
    Layout,
    Mending,
    Part,
    Prepared,
    archive,
    layout_of,
    offered,
    parts_of,
    prepared_rows,
)
from core.exporting.layout import OF_PAIRS, OF_TEXTS, TITLE
from core.wording import counted
from pages.ui import ahead, choose, data, figures, licence, progress, pushing, state, training, why
from pages.ui.markup import plain

OWNER = state.session_owner()
FORMAT_KEYS = {OF_TEXTS: "format of texts", OF_PAIRS: "format of pairs"}  # each kind of rows keeps its choice


def summary(project: Project, choice: choose.Choice) -> None:
    """What will leave, in one line of figures and one sentence."""
    covered = choose.coverage(project, choice, owner=OWNER)
    figures.show(project, choice, covered)
    st.caption(plain(f"{in_words(choice.params)}. Change it on Explore."))
    progress.follow(project, choice, covered)


def contents(
    project: Project, form: Layout, parts: tuple[Part, ...], *, with_card: bool, with_report: bool
) -> None:
    """What the zip holds, file by file."""
    st.caption("In the zip")
    inside = exporting.contents(
        form, parts, with_card=with_card, with_report=with_report, scores=project.score_files()
    )
    st.dataframe(
        {"file": list(inside), "what it is": list(inside.values())}, hide_index=True, width="stretch"
    )


def training_file(project: Project) -> Layout:
    """The form of the training file, or everything, and what it is."""
    forms = offered(project.dataset)
    name = st.pills(
        "Training file",
        forms,
        default=forms[0],
        required=True,
        key=FORMAT_KEYS.get(forms, "format"),
        format_func=lambda name: TITLE if name == EVERYTHING else FORMATS[name].title,
        persist_state="session",
    )
    spreadsheet = name == "csv" and st.toggle(
        "For a spreadsheet",
        key="spreadsheet",
        help="Texts that begin with =, +, -, @, a tab or a carriage return get a single quote in front, so "
        "that no spreadsheet runs them as a formula. Train on the CSV without it, which is verbatim.",
        persist_state="session",
    )
    more = also() if name == EVERYTHING else ()
    form = layout_of(project.dataset, str(name), spreadsheet=spreadsheet, also=more)
    st.caption(plain(f"{form.summary[0].upper()}{form.summary[1:]}."))
    return form


def also() -> list[str]:
    """Forms that go into the whole bundle if they are asked for."""
    return st.pills(
        "Also",
        ON_REQUEST,
        selection_mode="multi",
        key="also",
        format_func=lambda name: FORMATS[name].title,
        persist_state="session",
    )


def places(parts: tuple[Part, ...], rows: int) -> None:
    """How many of the rows each form has a place for, and why not for the others."""
    left = [(part.form, each) for part in parts for each in part.held.left_out]
    if not left:
        return
    say = st.warning if len(parts) == 1 else st.caption  # of several files another one holds the rows
    for form, held in [part for part in parts if part.held.left_out]:
        said = f"{form.title} has no place for {rows - len(held.rows):,} of the {counted(rows, 'row')}."
        say(plain(f"{said} They stay out of {form.file}; ids.txt and selection.parquet have them."))
    st.dataframe(
        {
            "file": [form.file for form, _ in left],
            "rows left out": [each.count for _, each in left],
            "why": [each.reason for _, each in left],
            "first ids": [", ".join(each.examples) for _, each in left],
        },
        hide_index=True,
        width="stretch",
        column_config={"rows left out": st.column_config.NumberColumn(width="small", format="localized")},
    )


def written(
    project: Project, chosen: Selection, form: Layout, mending: Mending
) -> tuple[Prepared, tuple[Part, ...]] | None:
    """The rows that are written and the files that hold them; what is in the way is said instead."""
    try:
        lengths = project.needed_lengths(chosen.rows, mending, ignore_progress)
        prepared = prepared_rows(project.dataset, chosen.rows, form, mending, lengths)
    except WinnowError as error:
        st.warning(plain(error))
        return None
    return prepared, parts_of(form, prepared.dataset, prepared.rows, empty=True)


def bundle(project: Project, chosen: Selection, mending: Mending) -> None:
    """The form of the training file, what it leaves out, the list of what is in the zip, and the download."""
    form = training_file(project)
    found = written(project, chosen, form, mending)
    if found is None:
        return
    prepared, parts = found
    places(parts, len(prepared.rows))
    named = licence.ask(project)
    if named is not None and not project.has_checkup():
        st.caption("The card will say that personal data was not looked for. The checks are on Health.")
    why.ask(project)
    with_report = st.checkbox(
        "With the report",
        key="report",
        help="A page that shows the selection to those who have to agree, and opens without a network.",
        persist_state="session",
    )
    contents(project, form, parts, with_card=named is not None, with_report=with_report)
    rows = next(len(part.held.rows) for part in parts if part.form is form.main)
    downloads(project, chosen, form, rows, mending, named=named, with_report=with_report)
    pushing.show(project, chosen, form, mending, named=named, with_report=with_report)


def downloads(
    project: Project, chosen: Selection, form: Layout, rows: int, mending: Mending,
    *, named: str | None, with_report: bool,
) -> None:  # fmt: skip
    """The zip, and the report alone; each is made when its button is pressed, its figures before."""

    def zipped() -> BufferedReader:
        made = project.bundle(
            chosen, licence=named, report=with_report, mending=mending, format=form.name, why=project.why
        )
        return archive(made, form.name, spreadsheet=form.spreadsheet, also=form.also)

    with st.container(horizontal=True):
        st.download_button(
            f"Download {counted(rows, 'row')}",
            data=zipped,
            file_name="winnow-selection.zip",
            mime="application/zip",
            on_click="ignore",
            type="primary",
            icon=":material/download:",
            key="download",
            disabled=not rows or not named,
            help=None if named else "Choose the licence of the source first.",
        )
        st.download_button(
            "Download the report",
            data=lambda: project.report(chosen, why=project.why),
            file_name="winnow-report.html",
            mime="text/html",
            on_click="ignore",
            icon=":material/lab_profile:",
            key="download_report",
            disabled=not len(chosen),
            help="One page with map, sliders, figures and rows to read. It needs no network. The first one "
            "measures every threshold and count, as How many does.",
        )
    ahead.measure(project, chosen, owner=OWNER, with_report=with_report)


def page() -> None:
    """The whole page."""
    st.subheader("Export the selection", anchor=False)
    project = data.open_fitted()
    view = state.current()
    with st.sidebar:
        data.header(project)
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
        files = st.container()  # above what is decided about rows, which it depends on
        mending = training.section(project, choice.selection)
        with files:
            bundle(project, choice.selection, mending)
    state.write_link()


page()
