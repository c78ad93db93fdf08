"""What sessions share: projects, packed maps, the worker. The only user of ``st.cache_*``.

Keys are small strings and frozen records; what is large goes in under an underscore and out by reference.
"""

from __future__ import annotations

import streamlit as st

from core import MapParams, Project
from core.loading import allowed_path
from core.worker import params_from
from pages.ui import places
from pages.ui.clouds import pack_project
from pages.ui.jobs import Background, MapWorker
from pages.ui.map import Cloud
from pages.ui.state import MapSettings


def project(data: str, settings: MapSettings) -> Project:
    """The project of "sample" or of a path inside the allowed roots.

    Raises:
        DataError: the path is outside, or the file cannot be read.
    """
    path = places.SAMPLE if data == "sample" else allowed_path(data, places.roots())
    try:
        stamp = path.stat()
        state = f"{stamp.st_size} {stamp.st_mtime_ns}"
    except OSError:
        state = "missing"
    return _project(str(path), state, settings, str(places.home()))


@st.cache_resource(max_entries=4, show_spinner="Reading the file")
def _project(path: str, state: str, settings: MapSettings, home: str) -> Project:
    return Project.open(path, home=home, params=map_params(settings))


def map_params(settings: MapSettings) -> MapParams:
    """The parameters of the stages."""
    return params_from(settings.by_stage())


def cloud(project: Project, *, draft: bool) -> Cloud:
    """The packed map of a project: the real one, or the draft."""
    return _cloud(project.map_key, draft, project)


@st.cache_resource(max_entries=8, show_spinner=False)
def _cloud(key: str, draft: bool, _project: Project) -> Cloud:
    return pack_project(_project, draft=draft)


@st.cache_resource(show_spinner=False, on_release=MapWorker.close)
def worker() -> MapWorker:
    """The process that makes maps."""
    return MapWorker()


@st.cache_resource(show_spinner=False, on_release=Background.close)
def background() -> Background:
    """The thread that makes orders and curves."""
    return Background()
