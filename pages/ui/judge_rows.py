"""Where rows or pairs stand with a judge: counts by status, the replies behind them, and asking again."""

from __future__ import annotations

import polars as pl
import streamlit as st

from core import Project
from core.asking import Standings
from core.judging.judgement import LlmJudge, Status
from core.wording import counted
from pages.ui import cached, choose, judge_price, judge_run, judge_subject, state
from pages.ui.judge_price import Plan
from pages.ui.judge_subject import OfPairs, Subject
from pages.ui.markup import plain

EXPLORE = "pages/curate/explore.py"
SHOWN = 200  # replies of one status
LINE, MOST_LINES = 35, 9  # pixels of a line of a table, and lines before it scrolls
MEANS = {
    Status.OK: "what the rubric asks for",
    Status.UNPARSED: "a reply in which that cannot be read",
    Status.REFUSED: "the model declined to grade",
    Status.ERROR: "no reply; the next run asks again by itself",
    Status.SKIPPED: "nothing to grade; never asked",
}
COLUMNS = {
    "row": st.column_config.NumberColumn(width="small"),
    "score": st.column_config.NumberColumn(format="%.4g", width="small"),
    "reply": st.column_config.TextColumn(width="large"),
}


def panel(subject: Subject, judge: LlmJudge, wanted: Plan) -> None:
    """Shown once the judge was asked something."""
    asking = judge_subject.asking(subject, judge)
    job = cached.judge_runs().job(judge_subject.origin(subject), judge)
    if asking.number is None or (job is not None and job.is_live):
        return  # while a run goes on, its own counts are on the page
    where = cached.of_judge(asking, "standings", compute=asking.standings)
    st.divider()
    is_pairs = isinstance(subject, OfPairs)
    st.markdown("**Where the pairs stand**, each in both orders" if is_pairs else "**Where the rows stand**")
    table = _table(subject, where, in_batch=asking.judgements.has_batches(asking.number))
    st.dataframe(table, hide_index=True, width="stretch", key="standings")
    paid = subject.judgements.paid(asking.number)
    if paid:
        st.caption(plain(f"Spent on this judge in all: {judge_price.amount(paid)} {wanted.currency}."))
    if where.counts.get(Status.OK, 0) and isinstance(subject, Project):
        _on_the_map(subject, judge)
    _replies(subject, judge, wanted, where)


def _table(subject: Subject, where: Standings, *, in_batch: bool) -> pl.DataFrame:
    title = "orders of pairs" if isinstance(subject, OfPairs) else "rows"
    rows = judge_subject.size(subject) * judge_subject.requests(subject)
    statuses = [status for status in Status if where.counts.get(status)]
    counts = [where.counts[status] for status in statuses]
    return pl.DataFrame(
        {
            "status": [*(status.word for status in statuses), "pending"],
            title: [f"{count:,}" for count in (*counts, where.pending)],
            "share": [_share(count, rows) for count in (*counts, where.pending)],
            "means": [
                *(MEANS[status] for status in statuses),
                "in a batch, or not asked yet" if in_batch else "not asked yet",
            ],
        }
    )


def _share(count: int, rows: int) -> str:
    """A tenth of a percent is the least that is written; what is there is never shown as nothing."""
    return "under 0.1%" if 0 < count < rows / 1_000 else f"{count / max(rows, 1):.1%}"


def _on_the_map(project: Project, judge: LlmJudge) -> None:
    """The way to the map, coloured by this judge."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Colour the map by it", key="judge_to_map", icon=":material/scatter_plot:"):
            found = project.judges.get(judge.title)
            least = None if found is None else choose.first_threshold(found)
            state.update(judge=judge.title, min_score=least, colour=f"judge:{judge.title}")
            st.switch_page(EXPLORE)
        st.caption("It stands beside the columns wherever a judge is chosen. Unscored rows stay unscored.")


def _replies(subject: Subject, judge: LlmJudge, wanted: Plan, where: Standings) -> None:
    """The replies of one status, the newest first."""
    statuses = [status for status in Status if where.counts.get(status) and status is not Status.SKIPPED]
    if not statuses:
        return
    asking = judge_subject.asking(subject, judge)
    words = [status.word for status in statuses]
    troubled = next((word for word in words if word == Status.UNPARSED.word), words[0])
    key = f"judge_status {judge.digest[:8]} {' '.join(words)}"
    word = st.segmented_control("Replies", words, default=troubled, key=key, required=True)
    status = Status[str(word).upper()]
    found = asking.rows_with(status, SHOWN)
    title = "first less second" if isinstance(subject, OfPairs) else "score"
    scores = {title: [each.score for _, each in found]} if status is Status.OK else {}
    table = pl.DataFrame(
        {
            **judge_subject.names(subject, [row for row, _ in found]),
            **scores,
            "reason": [each.reason for _, each in found],
            "reply": [each.reply for _, each in found],
        }
    )
    height = LINE * (1 + min(max(len(found), 1), MOST_LINES)) + 3
    st.dataframe(table, hide_index=True, width="stretch", height=height, column_config=COLUMNS, key="replies")
    if where.counts[status] > len(found):
        st.caption(f"The newest {len(found):,}, each content once, of {where.counts[status]:,}.")
    if status is Status.OK:
        return
    again = counted(where.counts[status], "row" if isinstance(subject, Project) else "order")
    st.button(
        f"Ask {again} again", key="judge_again", icon=":material/replay:",
        on_click=judge_run.begin, args=(subject, judge, wanted, "again", status),
        help="Each is paid again where the server answered before. What is ok is never asked again.",
    )  # fmt: skip
