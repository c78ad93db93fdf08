"""Push to the hub: repository, who sees it, token, and how far it is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import streamlit as st

from core import Project, Selection
from core.domain import OnProgress
from core.errors import WinnowError
from core.exporting import Layout, Mending, licence_of, write_bundle
from core.push import Pushed, checked_repo, push
from core.wording import counted
from pages.ui import cached, state
from pages.ui.markup import plain
from pages.ui.pushes import PushJob

REPO, PRIVATE, TOKEN = "hub_repo", "hub_private", "hub_token"
LOCAL = {"localhost", "127.0.0.1", "::1"}
EVERY = 0.5  # seconds between two looks at a push


def show(
    project: Project,
    chosen: Selection,
    form: Layout,
    mending: Mending,
    *,
    named: str | None,
    with_report: bool,
) -> None:
    """The expander; closed until it is wanted."""
    job = cached.pushes().job(state.session_owner())
    with st.expander("Push to the hub", expanded=job is not None, icon=":material/cloud_upload:"):
        if named is None or not licence_of(named).is_known:
            st.caption("A push needs a licence that is known: what nobody allowed is not published.")
            return
        st.caption(
            "The files above go to a dataset repository in one commit. It is made where there is none; a "
            "card that is there is kept, and only the part that Winnow wrote is replaced."
        )
        repo, private, token = _asked()
        wrong = _problem(repo)
        if repo and wrong:
            st.warning(plain(wrong))
        running = job is not None and job.status == "running"
        st.button(
            "Push",
            key="push",
            icon=":material/cloud_upload:",
            disabled=bool(wrong) or not token or running or not len(chosen),
            on_click=_start,
            args=(project, chosen, form, mending),
            kwargs={"named": named, "with_report": with_report, "private": private},
        )
        if job is not None:
            st.fragment(_panel, run_every=EVERY if running else None)(job, job.status)


def _asked() -> tuple[str, bool, str]:
    """Repository, whether it is private, and the token."""
    repo = st.text_input("Repository", key=REPO, placeholder="owner/name", width=480, persist_state="session")
    private = st.toggle(
        "Private",
        value=True,
        key=PRIVATE,
        help="Seen by its owner alone. A private push never reaches a repository that is public already.",
        persist_state="session",
    )
    if environment_token():
        st.caption("With the token of HF\\_TOKEN.")
        return repo, private, environment_token()
    token = st.text_input(
        "Token",
        type="password",
        key=TOKEN,
        width=480,
        autocomplete="off",
        help="One of the hub's that may write. This session alone holds it, until you leave the page.",
    )
    return repo, private, token


def environment_token() -> str:
    """The token of the environment where the app may use it: on its own machine, or lent by its operator."""
    addresses = {str(st.get_option("server.address")), *(st.get_option("server.allowedHosts") or ())}
    lent = os.environ.get("WINNOW_HUB_TOKEN") == "shared"
    return os.environ.get("HF_TOKEN", "").strip() if lent or addresses <= LOCAL else ""


def _problem(repo: str) -> str:
    try:
        checked_repo(repo)
    except WinnowError as error:
        return str(error)
    return ""


def _start(
    project: Project,
    chosen: Selection,
    form: Layout,
    mending: Mending,
    *,
    named: str,
    with_report: bool,
    private: bool,
) -> None:
    token = environment_token() or str(state.widget(TOKEN) or "")
    repo = str(state.widget(REPO) or "").strip()

    def work(on_progress: OnProgress) -> Pushed:
        made = project.bundle(
            chosen, licence=named, report=with_report, mending=mending, format=form.name, why=project.why,
            on_progress=on_progress,
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="winnow-push-") as folder:
            write_bundle(made, Path(folder), form.name, spreadsheet=form.spreadsheet, also=form.also)
            return push(Path(folder), repo, token=token, private=private, on_progress=on_progress)

    cached.pushes().start(state.session_owner(), repo, work)


def _panel(job: PushJob, was: str) -> None:
    if job.status != was:
        st.rerun()
    if job.status == "running":
        progress = job.progress
        share = min(progress.done / progress.total, 1.0) if progress.total else 0.0
        st.progress(share, text=plain(f"{progress.stage.capitalize()} {progress.note}".strip()))
    elif job.done is not None:
        seen = "private" if job.done.private else "public"
        st.success(plain(f"{counted(len(job.done.files), 'file')} in one commit to {job.repo} ({seen})."))
        st.link_button("Open on the hub", job.done.url, icon=":material/open_in_new:")
    else:
        st.error(plain(f"{job.problem} {job.hint}"))
