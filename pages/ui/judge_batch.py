"""A judge's batches: the choice of one, what is with the server, looking again, collecting and cancelling."""

from __future__ import annotations

import datetime
import math
import time
from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from core import WinnowError
from core.judging.endpoint import Endpoint
from core.judging.judgement import LlmJudge
from core.wording import counted
from pages.ui import cached, judge_form, judge_keys, judge_subject
from pages.ui.batch_jobs import Act, BatchJob
from pages.ui.judge_price import Plan
from pages.ui.judge_subject import Subject
from pages.ui.markup import plain

if TYPE_CHECKING:  # it brings the client along, which takes a third of a second
    from core.batches import Batch

AT_ONCE, BATCH = "At once", "As a batch"
EVERY = 1.0  # seconds between two looks at what is done in the background
QUIETLY = 60.0  # seconds between two looks at the server while the page is open
DOING: dict[Act, str] = {
    "send": "Sending the batch",
    "look": "Looking at the server",
    "cancel": "Cancelling the batches",
}


def is_wanted() -> bool:
    """The choice between asking at once and a batch."""
    way = st.segmented_control(
        "How they are sent", (AT_ONCE, BATCH), default=AT_ONCE, key="judge_way", required=True,
        persist_state="session",
        help="A batch is one file of requests, answered within a day, at the price that the provider lists "
        "for batches. It goes on without this computer. Most local servers take none.",
    )  # fmt: skip
    return str(way) == BATCH


def is_busy(subject: Subject, judge: LlmJudge) -> bool:
    """Whether something is being done about this judge's batches."""
    job = cached.judge_batches().job(judge_subject.origin(subject), judge)
    return job is not None and job.is_live


def send(subject: Subject, judge: LlmJudge, wanted: Plan) -> None:
    """Send what is pending of the plan, after collecting what is finished."""
    _begin(subject, judge, wanted, "send")
    judge_form.take(subject, judge)


def _begin(subject: Subject, judge: LlmJudge, wanted: Plan, act: Act) -> None:
    try:
        where = judge_keys.where(judge.base_url)
    except WinnowError as error:
        st.error(plain(error))
        return
    _start(subject, judge, wanted, act, where)


def _start(subject: Subject, judge: LlmJudge, wanted: Plan, act: Act, where: Endpoint) -> None:
    asking = judge_subject.asking(subject, judge)

    def do():  # type: ignore[no-untyped-def]  # noqa: ANN202
        from core.batches import Batches

        batches = Batches(asking, where, price=wanted.price)
        if act == "send":
            return batches.step(wanted.within, most=wanted.most, max_cost=wanted.limits.max_cost)
        return batches.cancel() if act == "cancel" else batches.look()

    cached.judge_batches().start(judge_subject.origin(subject), judge, act, do, had_key=bool(where.key))


def panel(subject: Subject, judge: LlmJudge, wanted: Plan) -> None:
    """What is with the server; shown while anything is, or was just done."""
    job = cached.judge_batches().job(judge_subject.origin(subject), judge)
    waiting = _waiting(subject, judge)
    if job is None and not waiting:
        return
    live = job is not None and job.is_live
    st.fragment(_looked, run_every=EVERY if live or waiting else None)(subject, judge, wanted, live)


def _waiting(subject: Subject, judge: LlmJudge) -> tuple[Batch, ...]:
    """Batches that are not collected yet, as the ledger has it."""
    number = subject.judgements.known(judge)
    if number is None or not subject.judgements.has_batches(number):
        return ()  # the usual case needs neither the rows nor the client
    from core.batches import open_batches

    return open_batches(judge_subject.asking(subject, judge))


def _looked(subject: Subject, judge: LlmJudge, wanted: Plan, was_live: bool) -> None:
    """The state of the batches; the page runs again once when something was done."""
    job = cached.judge_batches().job(judge_subject.origin(subject), judge)
    if was_live and job is not None and not job.is_live:
        st.rerun()
    _look_quietly(subject, judge, wanted, job)
    job = cached.judge_batches().job(judge_subject.origin(subject), judge)
    with st.container(border=True, key="judge_batches"):
        st.markdown("**Batches**")
        if job is not None:
            _said(job)
        waiting = _waiting(subject, judge)
        if waiting:
            st.dataframe(_table(waiting, job), hide_index=True, width="stretch", key="batches")
            _buttons(subject, judge, wanted, job)


def _look_quietly(subject: Subject, judge: LlmJudge, wanted: Plan, job: BatchJob | None) -> None:
    """Look once a minute; a look that failed waits for a person, or for the key that it lacked."""
    if job is not None and (job.is_live or (job.problem and job.had_key)):
        return
    try:
        where = judge_keys.where(judge.base_url)
    except WinnowError:
        return  # said where the key is asked for
    if job is not None and job.problem and not where.key:
        return
    asked = -math.inf if job is None or job.problem else job.ended or job.began
    if time.monotonic() - asked >= QUIETLY and _waiting(subject, judge):
        _start(subject, judge, wanted, "look", where)


def _said(job: BatchJob) -> None:
    if job.is_live:
        st.caption(f"{DOING[job.act]}.")
    elif job.problem:
        st.error(plain(f"{job.problem} {job.hint}"), icon=":material/error:")
    elif job.step is not None:
        done = [
            *([f"Sent {counted(job.step.sent, 'request')}."] if job.step.sent else []),
            *([f"Collected {counted(job.step.collected, 'judgement')}."] if job.step.collected else []),
        ]
        if done:
            st.markdown(plain(" ".join(done)))
        for note in job.step.notes:
            st.warning(plain(note), icon=":material/info:")


def _table(waiting: tuple[Batch, ...], job: BatchJob | None) -> pl.DataFrame:
    """The batches as they were last seen, else as the ledger has them."""
    seen = {each.name: each for each in (job.step.batches if job is not None and job.step else ())}
    found = [seen.get(each.name, each) for each in waiting]
    return pl.DataFrame(
        {
            "sent": [f"{datetime.datetime.fromtimestamp(each.made):%Y-%m-%d %H:%M}" for each in found],
            "requests": [f"{each.requests:,}" for each in found],
            "state": [each.state.replace("_", " ") for each in found],
            "answered": [f"{each.answered:,}" for each in found],
            "failed": [f"{each.failed:,}" for each in found],
            "name at the server": [each.name for each in found],
        }
    )


def _buttons(subject: Subject, judge: LlmJudge, wanted: Plan, job: BatchJob | None) -> None:
    live = job is not None and job.is_live
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Look again", key="batch_look", icon=":material/refresh:", disabled=live, on_click=_begin,
            args=(subject, judge, wanted, "look"),
        )  # fmt: skip
        st.button(
            "Cancel the batches", key="batch_cancel", icon=":material/stop:", disabled=live, on_click=_begin,
            args=(subject, judge, wanted, "cancel"),
            help="What was answered until then is paid and is collected; the rest may be asked again.",
        )  # fmt: skip
        st.caption(
            "Looked for once a minute while this page is open. Nobody else asks for these rows meanwhile; "
            "after a restart the batches are still here."
        )
