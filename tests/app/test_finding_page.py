"""Finding rows on Explore: by words, by meaning, by examples, and the region of a task."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from screen import App

from core import Project
from pages.ui import seeking


@pytest.fixture
def finding(app: App) -> App:
    """The Find tab."""
    return app.tab("Find")


def test_meaning_is_compared_once_the_model_is_read(finding: App, project: Project):
    """The first search says what it waits for; then the nearest rows stand there with their distance."""
    finding.choose("find", "feline pets").settle()
    expected = project.finder.find("feline pets", "both", count=50)
    ids = project.dataset.frame["id"].gather(expected.rows[:10]).to_list()
    assert finding.rows()["id"].tolist() == ids
    assert finding.rows()["distance"].tolist() == pytest.approx(expected.distances[:10].tolist(), abs=6e-4)
    assert finding.says("1 to 10 of 50 rows found")
    finding.press("found_chevron_right")
    assert finding.says("11 to 20 of 50 rows found")
    assert finding.rows()["id"].tolist() == project.dataset.frame["id"].gather(expected.rows[10:20]).to_list()
    finding.press("found_queue")
    assert finding.says(f"Row {ids[0]}")
    assert finding.press_key("next").says(f"Row {ids[1]}")


def test_more_like_what_is_picked_on_the_map(app: App, project: Project):
    """A cluster on the map, a row in the drawer and the included rows are examples; pins change the count."""
    app.pin("like", cluster=0)
    cluster = np.flatnonzero(project.labels() == 0)
    expected = project.finder.like(cluster, count=50)
    assert app.value("tab") == "Find" and app.value("find_by") == "like"
    assert app.says(f"Examples: {len(cluster)} rows picked on the map")
    assert app.rows()["id"].tolist() == project.dataset.frame["id"].gather(expected.rows[:10]).to_list()
    app.press("found_include")
    assert app.says("of 50 rows found") and app.says("50 of them selected")
    assert project.pins.include == set(project.dataset.frame["id"].gather(expected.rows))
    app.press("use_included")
    assert app.says("Examples: 50 included rows")
    app.click(3).press("like_row")
    assert app.says(f"Examples: row {project.dataset.frame['id'][3]}")
    nearest = project.finder.like(np.array([3]), count=10).rows
    assert app.rows()["id"].tolist() == project.dataset.frame["id"].gather(nearest).to_list()


def test_pasted_examples_and_the_region_around_them(finding: App, project: Project):
    """The region is counted as its distance says, a cluster adds its rows, and it becomes the pool."""
    finding.choose("find_by", "like")
    assert finding.says("Take examples from the map")
    texts = ("How do I bake bread?", "Give me a recipe for soup", "How long do I boil an egg?")
    finding.at.text_area(key="pasted_examples").set_value("\n".join(texts))
    finding.press("use_pasted").settle()
    assert finding.says("Examples: 3 examples pasted")
    finding.at.toggle(key=seeking.AS_REGION).set_value(True)
    finding.run()
    region = project.finder.region(texts)
    limit = finding.at.slider(key=seeking.DISTANCE).value
    inside = int((region.distances <= np.float32(limit)).sum())
    n = len(project.dataset)
    assert inside >= n // 10
    assert finding.says(f"{inside:,} of {n:,} rows lie in the region; the other {n - inside:,} would go out.")
    finding.at.slider(key=seeking.DISTANCE).set_value(0.6)
    finding.at.multiselect(key=seeking.CLUSTERS).set_value([int(region.clusters[0])])
    finding.run()
    mask = (region.distances <= np.float32(0.6)) | (project.labels() == region.clusters[0])
    assert finding.says(f"{int(mask.sum()):,} of {n:,} rows lie in the region")
    finding.press("make_pool")
    assert finding.says("The pool is the region of a task") and "make_map" in finding.buttons()
    cleaned = project.cleaned()
    assert (
        cleaned.dataset.frame["id"].to_list() == project.dataset.frame["id"].filter(pl.Series(mask)).to_list()
    )
    assert project.undo_cleaning() and project.cleaned() is project
