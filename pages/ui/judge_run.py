"""A run of a judge: try a few rows, start, how far it is, pause, stop."""

from __future__ import annotations

import streamlit as st

from core import WinnowError
from core.judging.judgement import LlmJudge, Status
from core.judging.price import TRIAL
from core.judging.rubric import PAIR
from core.judging.run import Standing
from core.wording import counted
from pages.ui import cached, judge_batch, judge_form, judge_keys, judge_price, judge_subject
from pages.ui.judge_jobs import JudgeJob, Kind
from pages.ui.judge_price import Plan
from pages.ui.judge_subject import Subject
from pages.ui.markup import plain

EVERY = 0.5  # seconds between two looks at a run
TITLES: dict[Kind, str] = {"trial": "Trying", "run": "Scoring", "again": "Asking again"}
COMPARING = "Comparing"


def panel(subject: Subject, judge: LlmJudge, wanted: Plan) -> None:
    """What it will cost, the buttons, and how far a run is."""
    job = cached.judge_runs().job(judge_subject.origin(subject), judge)
    is_tried = subject.judgements.known(judge) is not None
    noun = judge_subject.noun(subject)
    few = counted(TRIAL // judge_subject.requests(subject), noun)
    if is_tried and (job is None or not job.is_live):
        judge_price.foretold(subject, judge, wanted)
    elif not is_tried:
        st.caption(
            f"A trial of {few} measures the tokens; money and time for the rest are foretold from it. "
            f"What it says is kept, and no {noun} is ever paid twice."
        )
    live = job is not None and job.is_live
    as_batch = is_tried and not live and judge_batch.is_wanted()
    with st.container(horizontal=True):
        st.button(
            f"Try {few}", key="judge_try", icon=":material/science:", disabled=live,
            type="secondary" if is_tried else "primary", on_click=begin,
            args=(subject, judge, wanted, "trial"),
        )  # fmt: skip
        st.button(
            _start_title(subject, wanted, as_batch=as_batch), key="judge_start",
            icon=":material/outbox:" if as_batch else ":material/play_arrow:",
            disabled=live or not is_tried or (as_batch and judge_batch.is_busy(subject, judge)),
            type="primary" if is_tried else "secondary",
            on_click=judge_batch.send if as_batch else begin,
            args=(subject, judge, wanted) if as_batch else (subject, judge, wanted, "run"),
            help=f"Only {noun}s without a reply are asked. It goes on when this page is left or reloaded.",
        )  # fmt: skip
    judge_batch.panel(subject, judge, wanted)
    if job is not None:
        st.fragment(_progress, run_every=EVERY if job.is_live else None)(job, wanted.currency, job.is_live)


def _start_title(subject: Subject, wanted: Plan, *, as_batch: bool) -> str:
    noun = judge_subject.noun(subject)
    verb = "Compare" if noun == "pair" else "Score"
    what = f"all {noun}s" if wanted.within is None else f"the eligible {noun}s"
    if wanted.most is not None:
        what = counted(wanted.most, noun)
    return f"Send {what} as a batch" if as_batch else f"{verb} {what}"


def begin(subject: Subject, judge: LlmJudge, wanted: Plan, kind: Kind, again: Status | None = None) -> None:
    """Ask about the rows of the plan, or once more about those of one status."""
    try:
        where = judge_keys.where(judge.base_url)
    except WinnowError as error:
        st.error(plain(error))
        return
    asking = judge_subject.asking(subject, judge)  # read once for the run and for the page

    def make():  # type: ignore[no-untyped-def]  # noqa: ANN202
        if kind == "trial":
            return asking.trial(where, price=wanted.price, limits=wanted.limits)
        if again is not None:
            return asking.run(
                where, within=asking.rows_that_are(again), again={again}, limits=wanted.limits,
                price=wanted.price,
            )  # fmt: skip
        return asking.run(
            where, within=wanted.within, most=wanted.most, limits=wanted.limits, price=wanted.price
        )

    cached.judge_runs().start(judge_subject.origin(subject), judge, kind, make)
    judge_form.take(subject, judge)


def _progress(job: JudgeJob, currency: str, was_live: bool) -> None:
    """How far it is; the page runs again once when it ends."""
    if was_live and not job.is_live:
        st.rerun()
    now = job.standing()
    with st.container(border=True, key="judge_progress"):
        _bar(job, now)
        _figures(now, currency)
        if job.is_live:
            _controls(job, now)
        else:
            _ended(job, now)


def _bar(job: JudgeJob, now: Standing) -> None:
    asked = now.asked - now.elsewhere
    share = min(now.done / asked, 1.0) if asked > 0 else float(not job.is_live)
    doing = COMPARING if job.kind == "run" and job.judge.rubric.reads == PAIR else TITLES[job.kind]
    word = {"paused": "Paused", "ready": "Reading the texts"}.get(now.state, doing)
    if job.is_live and job.is_cancelled:
        word = "Stopping"
    title = word if job.is_live else "Done" if now.state == "done" and not job.problem else "Ended"
    goes_on = job.is_live and not job.is_cancelled and now.seconds_left is not None
    left = f", {judge_price.time(now.seconds_left or 0)} left" if goes_on else ""
    elsewhere = f"; {now.elsewhere:,} judged or asked elsewhere" if now.elsewhere else ""
    st.progress(
        share, text=plain(f"{title}: {now.done:,} of {counted(max(asked, 0), 'request')}{left}{elsewhere}")
    )


def _figures(now: Standing, currency: str) -> None:
    rate, spent, tokens = st.columns(3, gap="small")
    rate.metric("Requests a second", f"{now.rate:,.1f}" if now.rate else "–", border=True)
    money = "–" if now.spent is None else judge_price.amount(now.spent)
    spent.metric("Spent" if now.spent is None else f"Spent ({currency})", money, border=True)
    tokens.metric(
        "Tokens", f"{now.prompt_tokens + now.completion_tokens:,}", border=True,
        help=f"{now.prompt_tokens:,} of prompts, {now.completion_tokens:,} of replies",
    )  # fmt: skip
    statuses = (Status.OK, Status.UNPARSED, Status.REFUSED, Status.ERROR)
    for column, status in zip(st.columns(4, gap="small"), statuses, strict=True):
        column.metric(status.word.capitalize(), f"{now.counts.get(status, 0):,}", border=True)


def _controls(job: JudgeJob, now: Standing) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        paused = now.state == "paused"
        st.button(
            "Go on" if paused else "Pause", key="judge_pause", on_click=job.pause,
            icon=":material/play_arrow:" if paused else ":material/pause:", disabled=job.is_cancelled,
        )  # fmt: skip
        st.button(
            "Drop what is in flight" if job.is_cancelled else "Stop", key="judge_stop",
            icon=":material/stop:", on_click=job.cancel,
            help="What is in flight comes back first, for it is paid; pressed again, it is dropped.",
        )  # fmt: skip
        st.caption(f"{now.in_flight:,} in flight, at most {now.limit:,} now")


def _ended(job: JudgeJob, now: Standing) -> None:
    if job.problem:
        st.error(plain(f"{job.problem} {job.hint}"), icon=":material/error:")
    elif now.note:
        st.warning(plain(now.note), icon=":material/info:")
    if now.state == "stopped" and not job.problem and (now.done or not now.note):
        st.caption("Stopped. What came back is kept; starting again goes on from there.")
