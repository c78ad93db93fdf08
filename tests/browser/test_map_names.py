"""Names on the map, and what is said of the point under the pointer, against the project's own arrays."""

from __future__ import annotations

import numpy as np
import pytest
from winnow_app import SAMPLE, Screen, Server

from core import Project

pytestmark = pytest.mark.browser

NEAR = 0.12  # of the map's width: a name stands among points of its cluster


@pytest.fixture
def project(tmp_path):
    """The sample with its map, in a home of its own."""
    opened = Project.open(SAMPLE, home=tmp_path / "home")
    opened.build()
    return opened


@pytest.fixture
def app(tmp_path, project, visit):
    """Explore, with accuracy as the judge."""
    server = Server(tmp_path / "home", tmp_path / "log.txt").start()
    yield Screen(visit(server.link(judge="accuracy", min="4.5", count="60"))).settle()
    server.stop()


def test_names_stand_among_their_points_apart_from_each_other_and_can_be_hidden(app, project):
    """The largest clusters are named, no name lies on another one, and one button takes them away."""
    placed = app.state("map.named.map(({ text, at, half }) => [text, ...at, half])")
    clusters = project.clusters()
    short = {", ".join(name.split(", ")[:2]): label for label, name in clusters.names.items()}
    assert len(placed) >= 8
    assert placed[0][0] == ", ".join(
        clusters.names[int(np.bincount(clusters.labels).argmax())].split(", ")[:2]
    )
    for text, left, top, _half in placed:
        rows = np.flatnonzero(clusters.labels == short[text])
        places = app.state(f"{rows.tolist()}.map((i) => {PIXEL})")
        gaps = np.hypot(*(np.array(places) - (left, top)).T)
        assert np.sort(gaps)[len(gaps) // 10] < NEAR * app.state("map.size.width"), text
    boxes = [(x - half, x + half, y) for _text, x, y, half in placed]
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            assert one[0] > other[1] or other[0] > one[1] or abs(one[2] - other[2]) > 12
    app.button("Names of clusters on the map").click()
    app.page.wait_for_function("() => [...winnowMap.maps.values()][0].named.length === 0")


PIXEL = """[(map.cloud.x[i] - map.view.x) / map.view.unit + map.size.width / 2,
            map.size.height / 2 - (map.cloud.y[i] - map.view.y) / map.view.unit]"""


def test_the_point_under_the_pointer_says_its_cluster_its_score_and_whether_it_is_in(app, project):
    """A row of the selection and one below the threshold; away from the map it is gone."""
    accuracy = project.judges["accuracy"].scores
    chosen = set(map(int, np.flatnonzero(app.state("Array.from(map.mask)"))))
    coords = project.coords()
    lone = np.argsort(-np.array([np.sort(np.hypot(*(coords - each).T))[1] for each in coords]))
    below = next(int(row) for row in lone if accuracy[row] < 4.5)
    taken = next(int(row) for row in lone if int(row) in chosen)
    tip = app.page.locator(".wn-tip")
    for row, word in ((below, "not eligible"), (taken, "selected")):
        app.page.mouse.move(*app.pixel(row))
        tip.filter(has_text=f"accuracy {accuracy[row]:g} · {word}").wait_for()
        clusters = project.clusters()
        assert tip.inner_text().startswith(clusters.names[int(clusters.labels[row])])
    app.page.mouse.move(5, 5)
    tip.wait_for(state="hidden")
