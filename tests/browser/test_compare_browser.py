"""Comparing in a real browser: selections side by side, one more, another strategy, and a row of one side only."""

from __future__ import annotations

import pytest
from winnow_app import SAMPLE, Screen, Server

from core import Project, SelectParams

pytestmark = pytest.mark.browser

KNOWN = (
    "document.querySelector('.compare-metrics') && !document.querySelector('.stMain').innerText.includes('…')"
)


SCENES = {"Best first": "top-score", "Spread wide": "k-center"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The app with the sample."""
    home = tmp_path_factory.mktemp("compare") / "home"
    project = Project.open(SAMPLE, home=home)
    project.build()
    for name, strategy in SCENES.items():
        params = SelectParams(judge="accuracy", min_score=4, count=80, strategy=strategy)
        project.save_scene(project.select(params), name)
    one = Server(home, home.with_name("log.txt")).start()
    yield one
    one.stop()


def add(screen: Screen, option: str) -> None:
    """Pick a line of the box that adds a selection."""
    screen.page.locator("[class*='st-key-add_contender']").get_by_role("combobox").click()
    screen.page.get_by_role("option", name=option, exact=True).click()


def test_selections_are_compared_side_by_side_down_to_a_row(server, visit):
    """Two pictures stand beside each other; Explore's new strategy is followed; a row of only B is read in full."""
    screen = Screen(visit(server.link("compare", judge="accuracy", min="4.5", count="60")))
    page = screen.page
    page.get_by_alt_text("of A: Now on Explore on it").wait_for()
    shown = ("A: Now on Explore", "B: Random eligible rows")
    places = [page.get_by_alt_text(f"of {name} on it").bounding_box() for name in shown]
    assert all(each["width"] > 200 for each in places)
    assert abs(places[0]["y"] - places[1]["y"]) < 5
    assert places[0]["x"] + places[0]["width"] <= places[1]["x"]
    assert places[1]["y"] + places[1]["height"] < 900  # without scrolling

    add(screen, "Longest responses")
    page.get_by_alt_text("of D: Longest responses on it").wait_for()

    screen.go_to("Explore")
    screen.settle()
    screen.pick("strategy", "Top score")
    screen.wait_for_link(strategy="top-score")
    screen.settle()
    screen.go_to("Compare")
    page.get_by_alt_text("of D: Longest responses on it").wait_for()
    decided = page.get_by_text("Top score among rows with accuracy of 4.5 or more", exact=True)
    decided.first.wait_for()
    assert decided.count() == 2  # A now, and C
    page.wait_for_function(f"() => {KNOWN}")
    heads = page.locator(".compare-metrics thead th").all_inner_texts()
    assert len(heads) == 1 + 4 + 1 + 1, heads

    page.locator(".st-key-side").get_by_role("radio", name="Only B").click()
    project = Project.open(SAMPLE, home=server.home)
    decided = SelectParams(judge="accuracy", min_score=4.5, count=60, strategy="top-score")
    one = set(project.select(decided).ids)
    drawn = project.select(SelectParams(judge="accuracy", min_score=4.5, count=60, strategy="random")).ids
    first = next(each for each in drawn if each not in one)
    page.get_by_text("in the order in which B chose them").wait_for()
    table = page.locator(".st-key-pair_rows canvas").first.bounding_box()
    page.mouse.click(table["x"] + 15, table["y"] + 52)
    page.get_by_role("dialog").get_by_text("A: eligible, over the count · B: chosen").wait_for()
    assert page.get_by_role("dialog").get_by_text(f"Row {first}").count() == 1


def test_two_scenes_are_opened_side_by_side(server, visit):
    """Compare on the Scenes page shows both beside each other, each with its picture and its column."""
    screen = Screen(visit(server.link("scenes")))
    page = screen.page
    screen.button("Compare").click()
    names = [f"{letter}: {name}" for letter, name in zip("AB", SCENES, strict=True)]
    boxes = []
    for name in names:
        picture = page.get_by_alt_text(f"of {name} on it")
        picture.wait_for()
        boxes.append(picture.bounding_box())
    assert abs(boxes[0]["y"] - boxes[1]["y"]) < 5
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    page.wait_for_function(f"() => {KNOWN}")
    heads = page.locator(".compare-metrics thead th").all_inner_texts()
    assert [name for name in SCENES if any(name in head for head in heads)] == list(SCENES)
    assert len(heads) == 1 + 2 + 1 + 1, heads
