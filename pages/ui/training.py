"""What trainers do with the selected rows, and what a person decides about those that they do not take."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import Project, Selection
from core.errors import WinnowError
from core.exporting import (
    DEFAULT_TOKENIZER,
    ISSUES,
    TRAINERS,
    Fate,
    Found,
    Lengths,
    Mending,
    Prepared,
    every_issue,
    every_preflight,
    prepare,
)
from core.exporting.mending import AS_IS
from core.loading import allowed_path
from core.wording import counted
from pages.ui import places
from pages.ui.markup import plain

KEEP, MEND, LEAVE_OUT = "as is", "fix", "leave out"


def section(project: Project, chosen: Selection) -> Mending:
    """The whole section; what was decided, for the export."""
    st.subheader("What trainers do with these rows", anchor=False)
    lengths, limit, tokenizer = _lengths(project, chosen)
    found = every_issue(project.dataset, chosen.rows, lengths, limit)
    mending = _decided(found, limit, tokenizer)
    prepared = prepare(project.dataset, chosen.rows, mending, lengths)
    _sum(prepared, len(chosen))
    _fates(prepared, lengths, limit)
    return mending


def _lengths(project: Project, chosen: Selection) -> tuple[Lengths, int, str]:
    """How long rows are, by which tokenizer, and the limit."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        limit = st.number_input(
            "Token limit of the trainer",
            min_value=1,
            value=2048,
            step=256,
            key="limit",
            width=240,
            persist_state="session",
        )
        named = st.text_input(
            "Tokenizer",
            key="tokenizer",
            placeholder="default",
            width=360,
            help="A folder that holds tokenizer.json, or a model on the hub such as Qwen/Qwen3-0.6B, whose "
            "tokenizer is then fetched. Rows are put into its chat template, if it has one. The default "
            "counts prompt and response without a template.",
            persist_state="session",
        ).strip()
    try:
        tokenizer = _allowed(named) if named else DEFAULT_TOKENIZER
        with st.spinner("Counting tokens…", show_time=True):
            lengths = project.lengths(chosen.rows, tokenizer)
    except WinnowError as error:
        st.warning(plain(error))
        tokenizer = DEFAULT_TOKENIZER
        lengths = project.lengths(chosen.rows)
    by = "the default tokenizer, without chat template" if tokenizer == DEFAULT_TOKENIZER else named
    template = "" if lengths.refused is None else ", in its chat template"
    st.caption(plain(f"Tokens are counted by {by}{template}."))
    return lengths, int(limit), tokenizer


def _allowed(tokenizer: str) -> str:
    """A folder only inside the allowed roots; a name on the hub as it is."""
    folder = Path(tokenizer).expanduser()
    if folder.is_absolute() or folder.exists() or tokenizer.startswith((".", "~")):
        return str(allowed_path(folder, places.roots()))
    return tokenizer


def _decided(found: tuple[Found, ...], limit: int, tokenizer: str) -> Mending:
    """One line an issue, each with its choice; nothing is changed unless a person says so."""
    if not found:
        return AS_IS
    with st.container(border=True):
        choices = {each.issue: _choice(each) for each in found}
    return Mending(
        fixes=tuple(name for name, choice in choices.items() if choice == MEND),
        left_out=tuple(name for name, choice in choices.items() if choice == LEAVE_OUT),
        limit=limit,
        tokenizer=tokenizer,
    )


def _choice(found: Found) -> str:
    """What was chosen for one issue."""
    issue = ISSUES[found.issue]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(width="stretch"):
            st.markdown(f"**{counted(found.count, 'row')}:** {plain(issue.title)}")
            ids = ", ".join(found.examples) + (", …" if found.count > len(found.examples) else "")
            st.caption(plain(f"{_minded(found)}. First: {ids}"))
        choice = st.segmented_control(
            plain(issue.title),
            [KEEP, MEND, LEAVE_OUT] if issue.mend else [KEEP, LEAVE_OUT],
            default=KEEP,
            required=True,
            key=f"issue-{found.issue}",
            label_visibility="collapsed",
            width="content",
            help=f"Fix: {issue.mend}." if issue.mend else None,
            persist_state="session",
        )
    if choice == MEND:
        st.caption(plain(f"Fix: {issue.mend}."))
    return str(choice)


def _minded(found: Found) -> str:
    """What trainers make of an issue: "skipped by LLaMA-Factory; cut by TRL and Unsloth"."""
    by_fate: dict[Fate, list[str]] = {}
    for title, fate in found.fates.items():
        by_fate.setdefault(fate, []).append(title)
    words = {Fate.NOTHING_TO_LEARN: "nothing to learn for"}
    said = "; ".join(
        f"{words.get(fate, f'{fate.value} by')} {', '.join(titles)}" for fate, titles in by_fate.items()
    )
    return said[:1].upper() + said[1:]


def _sum(prepared: Prepared, selected: int) -> None:
    """Where all selected rows end, in one line that adds up."""
    changed, left, kept = len(prepared.changed), len(prepared.left), len(prepared.rows)
    parts = f"{kept - changed:,} as they are + {changed:,} fixed + {left:,} left out"
    said = f"{counted(selected, 'selected row')} = {parts}."
    if prepared.mending:
        also = " Only the export changes; selection.parquet names each row and what was done to it."
        st.markdown(plain(said + also))
    else:
        st.caption(plain(said))


def _fates(prepared: Prepared, lengths: Lengths, limit: int) -> None:
    """One line a trainer: what becomes of the rows that are written."""
    reports = every_preflight(prepared.dataset, prepared.rows, lengths, limit)
    reasons = [
        "; ".join(f"{each.count:,}: {each.reason} ({', '.join(each.examples)})" for each in report.findings)
        for report in reports.values()
    ]
    fates = {fate.value: [report.count(fate) for report in reports.values()] for fate in Fate}
    titles = [TRAINERS[name].title for name in reports]
    counts = {fate: st.column_config.NumberColumn(format="localized") for fate in fates}
    table = {"trainer": titles, **fates, "why": reasons}
    st.dataframe(table, hide_index=True, width="stretch", column_config=counts)
