"""The panel of a map in the making: stages, rate, time left, stop; the same on every page."""

from __future__ import annotations

import streamlit as st

from core import Project
from core.loading import written
from core.removal_table import removals_as_json
from pages.ui import cached, choose, places, state
from pages.ui.jobs import STAGES, MapJob
from pages.ui.markup import plain

TITLES = {
    "draft map": "Draft map from word counts",
    "count tokens": "Count tokens",
    "embed": "Embed the prompts",
    "neighbours": "Find nearest rows",
    "clusters": "Find clusters",
    "names": "Name them",
    "map": "Lay out the map",
}
EVERY = 0.5  # seconds between two looks at work that goes on


def job_of(project: Project) -> MapJob | None:
    """The job that makes this project's map, or one that broke off; None when it is done."""
    job = cached.worker().job(project.work_key)
    return None if job is None or job.status == "done" else job


def start(project: Project, *, until_map: bool = True) -> None:
    """Make the map of this project in the worker process, or only what comes before it."""
    dataset = project.dataset
    request = {
        "path": dataset.source,
        "mapping": written(dataset.mapping),
        "embed": dataset.embed,
        "keep": [piece.key for piece in dataset.boilerplate if piece not in dataset.left_out],
        "home": str(places.home()),
        "params": state.current().map.by_stage(),
        "taken_out": removals_as_json(project.removals),
        "map": until_map,
    }
    cached.worker().start(project.work_key, name=dataset.name, rows=len(dataset), request=request)


def panel(project: Project) -> None:
    """Show the job of this project, if there is one; the page is run again when it starts, drafts or ends."""
    job = job_of(project)
    if job is None or project.has_map():
        return
    was = (job.is_live, project.has_draft())
    st.fragment(_panel, run_every=EVERY if job.is_live else None)(project, job, was)


def follow(project: Project, choice: choose.Choice, covered: choose.Coverage) -> None:
    """Run the page again as soon as more is known than it shows."""
    if choice.waiting or covered.is_pending:
        st.fragment(_look, run_every=EVERY)(project, choice, covered)


def _look(project: Project, choice: choose.Choice, covered: choose.Coverage) -> None:
    if choose.is_ready(project, choice, covered):
        st.rerun()


def _panel(project: Project, job: MapJob, was: tuple[bool, bool]) -> None:
    if job_of(project) is not job or (job.is_live, project.has_draft()) != was:
        st.rerun()
    with st.container(border=True, key="job"):
        if job.status == "failed":
            st.error(plain(f"{job.problem} {job.hint}"), icon=":material/error:")
        elif job.status == "stopped":
            st.info("Stopped. What was done is stored, and the next start goes on from there.")
        else:
            _stages(job)
        with st.container(horizontal=True):
            if job.is_live:
                st.button("Stop", key="stop_job", on_click=_stop, args=(job.key,), icon=":material/stop:")
            else:
                st.button("Go on", key="restart_job", on_click=start, args=(project,), type="primary")


def _stop(key: str) -> None:
    cached.worker().stop(key)


def _stages(job: MapJob) -> None:
    progress = job.progress
    now = TITLES.get(progress.stage, "Start the worker")
    share = min(progress.done / progress.total, 1.0) if progress.total else 0.0
    st.progress(share, text=f"**{now}** {_how_far(job)}")
    steps = [_step(stage, job) for stage in STAGES]
    st.caption("  ·  ".join(steps))


def _step(stage: str, job: MapJob) -> str:
    if stage == job.progress.stage:
        return f"**{TITLES[stage]}**"
    done = stage in job.reached
    return f":material/check: {TITLES[stage]}" if done else TITLES[stage]


def _how_far(job: MapJob) -> str:
    progress, rate, left = job.progress, job.rate(), job.seconds_left()
    if progress.total <= 1:
        return ""
    words = [f"{progress.done:,} of {progress.total:,}"]
    if rate is not None and left is not None and progress.done < progress.total:
        words.append(f"{rate:,.0f} a second")
        words.append(f"about {left:,.0f} s left")
    return ", ".join(words)
