"""What was loaded, on the Load page: repeats, empty texts, lengths, turns and languages."""

from __future__ import annotations

from collections.abc import Hashable

import polars as pl
import streamlit as st

from core import Project, WinnowError
from core.languages import MODEL, READ
from core.load_report import BARS, LoadReport
from core.tokens import TOKENIZER
from pages.ui import cached, state
from pages.ui.choose import PATIENCE
from pages.ui.markup import plain
from pages.ui.progress import EVERY

MOST_LINES = 5  # languages in the table
SPREAD = f"Rows by length in {BARS} even parts; the longest hundredth is in the last."
BY_LENGTH = {"spread": st.column_config.BarChartColumn(help=SPREAD, y_min=0)}
SHARES = {
    "rows": st.column_config.NumberColumn(format="localized"),
    "share": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
}


def panel(project: Project) -> None:
    """The report, or that it is being made."""
    st.markdown("#### Lengths and languages")
    try:
        found = _soon(project)
    except WinnowError as error:
        st.warning(plain(error), icon=":material/info:")
        return
    if found is None:
        st.caption("Counting tokens and telling languages…")
        st.fragment(_wait, run_every=EVERY)(project)
        return
    st.caption(" ".join(plain(each) for each in found.sentences[1:3]))
    left, right = st.columns((3, 2), gap="medium")
    with left:
        st.dataframe(lengths(found), hide_index=True, width="stretch", column_config=BY_LENGTH)
        st.caption(plain(f"Tokens by {TOKENIZER}."))
    with right:
        st.dataframe(languages(found), hide_index=True, width="stretch", column_config=SHARES)
        st.caption(plain(f"By {MODEL}, from the first {READ:,} characters of each row."))


def lengths(found: LoadReport) -> pl.DataFrame:
    """One line for prompts, for responses, and for turns where rows have several."""
    lines = {"prompt tokens": found.prompt_tokens, "response tokens": found.response_tokens}
    if found.turns.low != found.turns.high or found.turns.high > 2:
        lines["turns"] = found.turns
    return pl.DataFrame(
        {
            "a row": list(lines),
            "lowest": [each.low for each in lines.values()],
            "median": [each.median for each in lines.values()],
            "95 %": [each.p95 for each in lines.values()],
            "highest": [each.high for each in lines.values()],
            "spread": [list(each.rows_by_length) for each in lines.values()],
        }
    )


def languages(found: LoadReport) -> pl.DataFrame:
    """One line a language, the rows whose language is not told last."""
    named = list(found.languages[:MOST_LINES])
    others = sum(rows for _, rows in found.languages[MOST_LINES:])
    lines = [*named, *([("others", others)] if others else []), ("unsure", found.unsure)]
    return pl.DataFrame(
        {
            "language": [code for code, _ in lines],
            "rows": [rows for _, rows in lines],
            "share": [rows / found.rows for _, rows in lines],
        }
    )


def _key(project: Project) -> Hashable:
    return ("load report", project.dataset.fingerprint)


def _soon(project: Project) -> LoadReport | None:
    """The report, if it is there or comes within a moment; else it is made in the background."""
    found = project.ready_load_report()
    if found is None:
        cached.background().want(
            "comparisons",
            ("load report", state.session_owner()),
            _key(project),
            lambda progress: project.load_report(on_progress=progress),
            within=PATIENCE,
        )
        found = project.ready_load_report()
    return found


def _wait(project: Project) -> None:
    if not cached.background().is_making(_key(project)) or project.ready_load_report() is not None:
        st.rerun()
