"""What sessions share: projects, packed maps, the worker. The only user of ``st.cache_*``.

Keys are small strings and frozen records; what is large goes in under an underscore and out by reference.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import streamlit as st

from core import MapParams, Project
from core.domain import EMBED_CHOICES, JUDGED_CHOICES, Dataset, SchemaMapping, ScoreColumn
from core.loading import Preview, allowed_path, here, is_hub, opened, reference, stamp
from core.loading import preview as look_into
from core.memo import Memo
from core.score_table import columns_to_json
from core.scoring import Opened, open_scores
from core.worker import params_from
from pages.ui import places
from pages.ui.batch_jobs import JudgeBatches
from pages.ui.clouds import pack_project
from pages.ui.jobs import Background, MapWorker
from pages.ui.judge_jobs import JudgeRuns
from pages.ui.map import Cloud
from pages.ui.pushes import Pushes
from pages.ui.view import MapSettings

T = TypeVar("T")
if TYPE_CHECKING:
    from core.asking import Asker, Asking
    from core.asking_pairs import AskingPairs
    from core.judging.judgement import LlmJudge
    from core.pairs import Pairs

FINDINGS = 512  # pieces of comparisons that are kept
Reading = tuple[SchemaMapping | None, str, tuple[str, ...], str]  # mapping, embed, keep, judged


def project(
    data: str,
    settings: MapSettings,
    mapping: SchemaMapping | None = None,
    embed: str = EMBED_CHOICES[0],
    *,
    keep: tuple[str, ...] = (),
    judged: str = JUDGED_CHOICES[0],
) -> Project:
    """The project of "sample" or of a path inside the allowed roots, read by a mapping if there is one.

    Its judges are those that were decided on in this home, by whatever session.

    keep, judged: as in ``core.loading.load``.

    Raises:
        DataError: the path is outside, or the file cannot be read.
        StoreError: what was decided cannot be read.
    """
    path, state = _file(data)
    home, reading = str(places.home()), (mapping, embed, keep, judged)
    found = _project(path, state, settings, home, reading)
    columns, models = found.kept_scores(), found.judgements.state()
    if not columns and not models:
        return found
    # A repaired judge waits for the neighbours.
    waits = "" if found.can_choose() else "no map"
    decided = f"{columns_to_json(columns)} {models}"
    there = _stamps(columns, Path(found.dataset.source).parent)
    return _judged((path, state, home + waits), settings, reading, decided, there, found, columns)


def _stamps(columns: tuple[ScoreColumn, ...], beside: Path) -> tuple[str, ...]:
    """Words that change when a score file comes, goes or changes, where it lay and beside the data."""
    files = [each.file for each in columns if each.file is not None]
    places = [place for file in files for place in (Path(file.path), beside / file.name)]
    return tuple(stamp(place) if place.is_file() else "" for place in places)


def preview(data: str) -> Preview:
    """The first rows of the same file, and what it would be read as.

    Raises:
        DataError: as ``project``.
    """
    return _preview(*_file(data))


def _file(data: str) -> tuple[str, str]:
    """The path of the data, and a word that changes when the file does."""
    if is_hub(data):
        return data, "fetched" if is_fetched(data) else "missing"
    path = places.SAMPLE if data == "sample" else allowed_path(data, places.roots())
    return str(path), stamp(path)


def is_fetched(data: str) -> bool:
    """Whether a dataset of the hub is named by its commit and lies here."""
    return here(reference(data), places.hub()) is not None


@st.cache_resource(max_entries=4, show_spinner=False)
def _preview(path: str, state: str) -> Preview:
    return look_into(opened(path, places.hub()))


@st.cache_resource(max_entries=4, show_spinner="Reading the file")
def _project(path: str, state: str, settings: MapSettings, home: str, reading: Reading) -> Project:
    mapping, embed, keep, judged = reading
    params = map_params(settings)
    return Project.open(
        path, home=home, params=params, mapping=mapping, embed=embed, keep=keep, judged=judged, scores=()
    )


@st.cache_resource(max_entries=4, show_spinner="Reading the scores")
def _judged(
    place: tuple[str, str, str],
    settings: MapSettings,
    reading: Reading,
    columns: str,
    there: tuple[str, ...],
    _found: Project,
    _columns: tuple[ScoreColumn, ...],
) -> Project:
    return _found.with_scores(_columns, make=False)


def scores(path: str) -> Opened:
    """The rows of a file of scores inside the allowed roots.

    Raises:
        DataError: the path is outside, or the file cannot be read.
    """
    return _scores(*_file(path))


@st.cache_resource(max_entries=4, show_spinner="Reading the scores")
def _scores(path: str, state: str) -> Opened:
    return open_scores(path)


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


@st.cache_resource(show_spinner=False)
def findings() -> Memo[object]:
    """What comparisons found, piece by piece; a page that is loaded again finds it there."""
    return Memo(FINDINGS)


@st.cache_resource(show_spinner=False, on_release=Background.close)
def background() -> Background:
    """The threads that make orders, curves and comparisons, and download."""
    return Background()


@st.cache_resource(show_spinner=False, on_release=JudgeRuns.close)
def judge_runs() -> JudgeRuns:
    """The runs of judges that are models."""
    return JudgeRuns()


@st.cache_resource(show_spinner=False)
def judge_batches() -> JudgeBatches:
    """What was last done about the batches of judges."""
    return JudgeBatches()


def asking(project: Project, judge: LlmJudge) -> Asking:
    """A judge on the rows of a project, read once."""
    dataset = project.dataset
    place = (dataset.fingerprint, dataset.judged, str(project.home))
    return _asking(place, f"{judge.digest} {judge.samples}", dataset, judge)


@st.cache_resource(max_entries=4, show_spinner="Reading what is judged")
def _asking(place: tuple[str, str, str], digest: str, _dataset: Dataset, _judge: LlmJudge) -> Asking:
    from core.asking import Asking  # it brings the client along, a third of a second before the first screen

    return Asking(_dataset, _judge, home=Path(place[2]))


def asking_pairs(home: Path, pairs: Pairs, judge: LlmJudge) -> AskingPairs:
    """A judge on pairs of answers, put together once."""
    return _asking_pairs(
        (pairs.digest, pairs.a, pairs.b, str(home)), f"{judge.digest} {judge.samples}", pairs, judge
    )


@st.cache_resource(max_entries=4, show_spinner="Reading what is judged")
def _asking_pairs(
    place: tuple[str, str, str, str], digest: str, _pairs: Pairs, _judge: LlmJudge
) -> AskingPairs:
    from core.asking_pairs import AskingPairs

    return AskingPairs(_pairs, _judge, home=Path(place[-1]))


def of_judge(asking: Asker, *key: Hashable, compute: Callable[[], T]) -> T:
    """What was found out about a judge's rows or pairs; again after the end of a run."""
    judge = asking.judge
    about = (*asking.about, judge.digest, judge.samples, asking.judgements.state())
    return cast("T", findings().get((*about, *key), compute))


@st.cache_resource(show_spinner=False)
def pushes() -> Pushes:
    """What sessions push to the hub."""
    return Pushes()
