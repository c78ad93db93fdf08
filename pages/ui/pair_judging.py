"""A model compares the pairs: which one, what it costs, how far it is, and what it says beside people."""

from __future__ import annotations

import streamlit as st

from core import Project
from core.asking_pairs import Judged
from core.judging.judgement import LlmJudge
from core.judging.rubric import PAIR
from core.pair_rates import Vote, WinRate, win_rate
from core.pairs import Pairs
from core.wording import counted
from pages.ui import (
    cached,
    judge_form,
    judge_price,
    judge_rows,
    judge_run,
    pair_results,
    rubric_form,
)
from pages.ui.judge_subject import OfPairs
from pages.ui.markup import plain


def panel(project: Project, found: Pairs) -> None:
    """What is known, then the judge beside its prompt, the price and the run."""
    subject = OfPairs(project, found)
    said = st.container()
    left, right = st.columns((2, 3), gap="medium")
    with left:
        judge, rubric = judge_form.choose(subject)
    if rubric is not None:
        with right:
            rubric_form.preview(subject, rubric, judge)
    with said:
        _said(subject, judge)
    if judge is None:
        st.caption("Name a model to go on.")
        return
    st.divider()
    st.markdown("**Price first, then the run**")
    st.caption("Each pair is two requests: one with A first, one with B first.")
    wanted = judge_price.plan(subject, judge)
    judge_run.panel(subject, judge, wanted)
    judge_rows.panel(subject, judge, wanted)


def _said(subject: OfPairs, judge: LlmJudge | None) -> None:
    """What this model says of the pairs, beside people and other models."""
    judged = None if judge is None else _judged(subject, judge)
    if judge is None or judged is None:
        return
    with st.container(border=True, key="pair_verdicts"):
        st.markdown(f"**What {plain(judge.title)} says**")
        pair_results.result(judged.rate, subject.pairs)
        _left_out(judged)
        _beside(subject, judge, judged)


def _judged(subject: OfPairs, judge: LlmJudge) -> Judged | None:
    """The verdicts of a judge; None where it was asked about none of these pairs."""
    asking = cached.asking_pairs(subject.home, subject.pairs, judge)
    if asking.number is None:
        return None
    judged = cached.of_judge(asking, "judged", compute=asking.judged)
    return judged if judged.votes or judged.alone else None


def _left_out(judged: Judged) -> None:
    told = []
    if judged.alone:
        told.append(f"{counted(judged.alone, 'pair')} with a verdict in one order only counted for nobody")
    if judged.without:
        told.append(f"{counted(judged.without, 'pair')} without a verdict")
    if told:
        st.caption(plain(f"{'; '.join(told)}."))


def _beside(subject: OfPairs, judge: LlmJudge, judged: Judged) -> None:
    """People and other models on the same pairs, and where people see it differently."""
    people = subject.project.pair_votes(subject.pairs.digest)
    others = [each.judge for each in subject.judgements.judges() if each.judge.rubric.reads == PAIR]
    lines: list[tuple[str, WinRate]] = [("people", win_rate(people))] if people else []
    lines.append((judge.title, judged.rate))
    for other in others:
        verdicts = None if other.digest == judge.digest else _judged(subject, other)
        if verdicts is not None:
            lines.append((other.title, verdicts.rate))
    if len(lines) > 1:
        table = pair_results.side_by_side([name for name, _ in lines], [rate for _, rate in lines], "who")
        st.dataframe(table, hide_index=True, width="stretch", key="pair_sides")
    if people:
        _agreement(subject, judged, people)
    else:
        st.caption("Rate some pairs by eye, and their agreement with the model is told here.")


def _agreement(subject: OfPairs, judged: Judged, people: tuple[Vote, ...]) -> None:
    beside = judged.beside(people)
    st.markdown(plain(f"Beside people: {beside.sentence}"))
    differ = pair_results.apart(subject.pairs, people, judged.votes)
    if len(differ):
        with st.expander(
            f"{counted(len(differ), 'pair')} seen differently by people", icon=":material/compare:"
        ):
            st.caption(plain(f"Results of {subject.pairs.a}, the opposite ones first."))
            st.dataframe(differ, hide_index=True, width="stretch", key="pairs_apart")
