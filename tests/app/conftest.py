"""Fixtures for the tests of the app: every test has a home of its own, the computed maps are shared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import streamlit as st
from screen import ROOT, SAMPLE, App, open_app

from core import Project
from pages.ui.jobs import MapWorker


@pytest.fixture(scope="session")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the map of the sample is computed, once a run."""
    home = tmp_path_factory.mktemp("maps")
    (home / "store").mkdir()
    Project.open(SAMPLE, home=home).build()
    return home


@pytest.fixture
def home(maps: Path, tmp_path: Path) -> Path:
    """A home without decisions; what is computed in it, all tests share."""
    own = tmp_path / "home"
    own.mkdir()
    (own / "store").symlink_to(maps / "store")
    return own


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that the app may read."""
    allowed = tmp_path / "data"
    allowed.mkdir()
    return allowed


@pytest.fixture(autouse=True)
def app_environment(home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No cache, no process and no setting of one test reaches another."""
    monkeypatch.chdir(ROOT)
    for name in [name for name in os.environ if name.startswith("WINNOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WINNOW_HOME", str(home))
    monkeypatch.setenv("WINNOW_ROOTS", str(folder))
    monkeypatch.setattr(MapWorker, "warm", lambda _: None)  # ten seconds of compiling that few tests need
    _forget()
    yield
    _forget()


def _forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(scope="session")
def sample() -> pl.DataFrame:
    """The rows of the sample, as polars reads them."""
    return pl.read_ndjson(SAMPLE)


@pytest.fixture
def project(home: Path) -> Project:
    """The sample's project beside the app: same store, same ledger."""
    return Project.open(SAMPLE, home=home)


@pytest.fixture
def app() -> App:
    """The app with the sample, as a new visitor finds it."""
    return open_app()


@pytest.fixture
def mapped(home: Path, folder: Path) -> Callable[[str, str], App]:
    """Write a file of that name and content, make its map, and open it."""

    def go(name: str, content: str, **link: str) -> App:
        path = folder / name
        path.write_bytes(content.encode())
        Project.open(path, home=home).build()
        return open_app(data=str(path), **link)

    return go


@pytest.fixture
def licence(project):
    """The licence of the sample is named already."""
    project.name_licence("cc0-1.0")
