"""What people's ratings say: of the selection, of each judge, and which threshold they would mean."""

from __future__ import annotations

import math

import polars as pl
import streamlit as st

from core import Project, WinnowError
from core.domain import Selection
from core.ledger import PinOperation
from core.ratings import first_bar, opinions, people_in, said
from core.review import Beside, Calibration, Precision
from core.review_plots import calibration_figure
from core.wording import counted
from pages.ui import choose, progress, state
from pages.ui.choose import Choice
from pages.ui.figures import DASH
from pages.ui.markup import plain
from pages.ui.rating import RATE

ALL = "Everyone"
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
CONFIG = {"displayModeBar": False, "scrollZoom": False}
NUMBER = st.column_config.NumberColumn(format="%.2f")
Judged = dict[str, tuple[Beside, Calibration | None]]


def panel(project: Project, owner: str) -> None:
    """Everything that the ratings of one person, or of all, say."""
    people = people_in(project.ratings())
    if not people:
        st.info("Nobody has rated a row yet.", icon=":material/rate_review:")
        st.button(
            "Rate rows", key="go_rate", type="primary", on_click=state.set_widget, args=("review_mode", RATE)
        )
        return
    choice = choose.choose(project, state.current(), owner=owner)
    if choice.selection is None:
        st.caption(plain(str(choice.error) if choice.error else f"{choice.waiting}…"))
        if choice.error is None:
            progress.follow(project, choice, choose.NO_COVERAGE)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        whose = st.selectbox(
            "Ratings of", [ALL, *people], key="review_whose", width=220, persist_state="session"
        )
        of = project.scale_of_people()
        bar = st.selectbox(
            "Grades that mean keep", range(2, of + 1), index=first_bar(of) - 2, key=f"review_bar_{of}",
            format_func=lambda grade: f"{grade} or more", width=190, persist_state="session",
            help="A verdict, keep or drop, counts as it is; a grade without one counts by this bar.",
        )  # fmt: skip
    person = None if whose == ALL else str(whose)
    found = opinions(project.ratings(), person=person, bar=bar)
    st.markdown(plain(f"{said(found)}."))
    _selection(project, choice.selection, person, bar)
    st.divider()
    judged = project.people_beside_judges(person=person, bar=bar)
    _judges(project, choice, judged, person, bar)
    _calibration(project, judged)
    st.divider()
    _uses(project, found, person, bar)


def _selection(project: Project, chosen: Selection, person: str | None, bar: float) -> None:
    """The share of selected rows that people keep."""
    precision = project.precision(chosen, person=person, bar=bar)
    st.markdown("**The selection.** Which share of it people keep, from the blind sample.")
    if precision is None or not precision.rated:
        st.caption(
            "No blind sample is drawn yet: draw one under Rate rows, Blind sample."
            if precision is None
            else "No selected row of the blind sample is rated blind yet. Rate some, or draw anew."
        )
        return
    with st.container(horizontal=True):
        st.metric("Kept by people", f"{precision.share:.0%}", border=True)
        st.metric("95 % interval", f"{precision.low:.0%} {DASH} {precision.high:.0%}", border=True)
        st.metric("Selected rows rated blind", f"{precision.rated:,}", border=True)
    st.caption(plain(_precision_sentence(precision)))


def _precision_sentence(found: Precision) -> str:
    worth = f"The rated rows are worth {found.effective:.0f} drawn evenly (Wilson's interval)."
    if found.moved:
        worth += (
            " The selection has changed since the sample was drawn: only the rows in both count. Draw anew"
        )
        worth += " for the whole of it."
    elif found.covered < 1:
        worth += f" They come from {found.covered:.0%} of the selection so far: rate on."
    if found.high - found.low > 0.2:
        worth += " The interval is wide: about 100 rated rows bring it to ten points on each side."
    return worth


def _judges(project: Project, choice: Choice, judged: Judged, person: str | None, bar: float) -> None:
    """People beside each judge, one line each."""
    if not judged:
        return
    st.markdown("**The judges.** How far each of them agrees with people, on rows that were rated blind.")
    lines = pl.DataFrame(
        {
            "judge": [beside.judge for beside, _ in judged.values()],
            "rows": [beside.rows for beside, _ in judged.values()],
            "rank correlation": [_or_none(beside.spearman) for beside, _ in judged.values()],
            "from": [_or_none(beside.low) for beside, _ in judged.values()],
            "to": [_or_none(beside.high) for beside, _ in judged.values()],
        }
    )
    columns = {name: NUMBER for name in ("rank correlation", "from", "to")}
    st.dataframe(lines, hide_index=True, width="stretch", column_config=columns)
    st.caption("Spearman's rank correlation with its 95 % interval: 1 is the same sequence, 0 is none.")
    judge, least = project.judges.get(choice.params.judge or ""), choice.params.min_score
    if judge is None or least is None:
        return
    cells = project.people_at(judge.name, least, person=person, bar=bar)
    kept, dropped = cells.kept_passing + cells.kept_failing, cells.dropped_passing + cells.dropped_failing
    kappa = "" if math.isnan(cells.kappa) else f" (Cohen's kappa {cells.kappa:.2f}; 0 is chance)"
    st.markdown(
        plain(
            f"At {judge.name} of {least:g} or more: of {counted(kept, 'row')} that people keep, "
            f"{cells.kept_passing:,} pass; of {dropped:,} that they drop, "
            f"{cells.dropped_failing:,} fail{kappa}."
        )
    )


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _calibration(project: Project, judged: Judged) -> None:
    """What the people's bar would be on a judge's scale."""
    names = [name for name, (_, curve) in judged.items() if curve is not None]
    if not names:
        return
    st.markdown("**Which threshold people would mean.** The share that they keep at each score of a judge.")
    current = state.current().judge
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Judge to calibrate", names, index=names.index(current) if current in names else 0,
            key="review_judge", width=240,
        )  # fmt: skip
        share = st.segmented_control(
            "Share to be kept", SHARES, default=0.8, key="review_share", required=True,
            format_func=lambda value: f"{value:.0%}", persist_state="session",
        )  # fmt: skip
    curve = judged[str(name)][1]
    assert curve is not None and share is not None
    st.plotly_chart(
        calibration_figure(curve, share), key="review_curve", config=CONFIG,
        alt=f"Share of rows that people keep at each score of {name}",
    )  # fmt: skip
    at = curve.threshold(share)
    st.markdown(plain(_threshold_sentence(curve, share)))
    if not math.isnan(at):
        st.button(
            f"Take {plain(name)} of {at:g} or more", key="take_threshold", icon=":material/tune:",
            on_click=state.update, kwargs={"judge": name, "min_score": at},
        )  # fmt: skip


def _threshold_sentence(curve: Calibration, share: float) -> str:
    at, (low, high) = curve.threshold(share), curve.interval(share)
    rated = counted(int(curve.rows.sum()), "rated row")
    if math.isnan(at):
        best = float(curve.fitted[-1])
        return (
            f"At no score of {curve.judge} do people keep {share:.0%}: at its best they keep {best:.0%} "
            f"({rated}). No threshold of this judge alone reaches that share."
        )
    ends = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    if math.isnan(high):
        ends = f"{low:g} or more, or no threshold at all"
    return (
        f"People keep at least {share:.0%} of the rows with {curve.judge} of {at:g} ({rated}; when these are "
        f"drawn again the threshold is {ends} in 95 of 100 draws)."
    )


def _uses(project: Project, found: pl.DataFrame, person: str | None, bar: float) -> None:
    """A judge out of the ratings, and pins out of the verdicts."""
    st.markdown("**Use the ratings.** As a judge beside the others, or row by row.")
    whose = person or "everyone"
    kept = found.filter(pl.col("keep") > 0.5)["id"].to_list()
    dropped = found.filter(pl.col("keep") < 0.5)["id"].to_list()
    with st.container(horizontal=True):
        st.button(
            f"Make {counted(len(found), 'rating')} of {plain(whose)} a judge", key="keep_ratings",
            icon=":material/gavel:", disabled=not project.ratings_since(person, bar=bar),
            on_click=_make_judge, args=(project, person, bar),
            help="Recipe and export hold these ratings, by count and digest; later ones do not count before "
            "you press again. Undo is on the Load page.",
        )  # fmt: skip
        st.button(
            f"Always include the {len(kept):,} kept", key="pin_kept", disabled=not kept, on_click=_pin,
            args=(project, "include", kept),
        )  # fmt: skip
        st.button(
            f"Never include the {len(dropped):,} dropped", key="pin_dropped", disabled=not dropped,
            on_click=_pin, args=(project, "exclude", dropped), help="Undo is on the map.",
        )  # fmt: skip


def _make_judge(project: Project, person: str | None, bar: float) -> None:
    try:
        project.keep_ratings(person, bar=bar)
        state.update()
    except WinnowError as error:
        state.update(notes=(str(error),))


def _pin(project: Project, operation: PinOperation, ids: list[str]) -> None:
    here = [each for each in ids if project.position(each) is not None]
    try:
        project.ledger.pin(project.dataset.origin, operation, here)
    except WinnowError as error:
        state.update(notes=(str(error),))
