"""The token budget and the near copies on the screen, asserted by its numbers."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import distances, token_counts
from screen import EXPLORE, EXPORT, App, link_of, open_app

from core import Project
from pages.ui import map as map_component

START = {"judge": "accuracy", "min": "4.5", "count": "100", "strategy": "random"}


@pytest.fixture(scope="session")
def tokens(sample):
    """Tokens of every row of the sample."""
    return token_counts(sample)


@pytest.fixture
def moved(monkeypatch):
    """The moves that the map was given, newest last."""
    seen = []
    original = map_component.pack_move

    def pack(cloud, move, **settings):
        seen.append(move)
        return original(cloud, move, **settings)

    monkeypatch.setattr(map_component, "pack_move", pack)
    return seen


def _longest_prefix(tokens, order, budget, count):
    """Rows from the start, one by one, as long as they fit."""
    taken, spent = 0, 0
    while taken < min(count, len(order)) and spent + tokens[order[taken]] <= budget:
        spent += tokens[order[taken]]
        taken += 1
    return taken, int(spent)


@pytest.mark.parametrize("strategy", ["random", "k-center"])
def test_a_budget_ends_the_selection_on_the_screen(strategy, sample, tokens, moved):
    """Selected, tokens, the sentence and the end of the count slider are those of a count row by row."""
    app = open_app(**{**START, "strategy": strategy}).settle()
    order = moved[-1].order.tolist()
    app.choose("max_tokens", 5_000).settle()
    taken, spent = _longest_prefix(tokens, order, 5_000, 100)
    assert 0 < taken < 100
    assert (app.figures()["Selected"], app.figures()["Tokens"]) == (f"{taken:,}", f"{spent:,}")
    assert app.says(f"The budget of 5,000 tokens holds {taken} of the 100 rows asked for.")
    move = moved[-1]
    assert (move.count, move.reachable, move.limited) == (100, taken, "within the token budget")
    assert move.order.tolist() == order[:taken]
    app.drag(level=9, count=taken - 3).settle()
    assert app.figures()["Selected"] == f"{taken - 3:,}"
    assert not app.says("The budget of")
    assert app.drag(level=9, count=100).choose("max_tokens", None).settle().figures()["Selected"] == "100"


def test_near_copies_are_left_out_on_the_screen(sample, project: Project, moved):
    """As many as a comparison of all pairs inside the clusters finds; they are in the table with their reason."""
    app = open_app(**START)
    app.choose("dedup_distance", 0.2).settle()
    between, labels = distances(project.vectors()), project.labels()
    scores = sample["accuracy"].to_numpy()
    allowed = [row for row in range(len(scores)) if scores[row] >= 4.5]
    near = [
        (i, j) for i in allowed for j in allowed if i < j and labels[i] == labels[j] and between[i, j] < 0.2
    ]
    either = {row for pair in near for row in pair}
    surely = {j if scores[i] > scores[j] else i for i, j in near if scores[i] != scores[j]}
    out = set(np.flatnonzero(_said(app, project).reasons == "duplicate").tolist())
    assert surely <= out < either
    assert all(any(j in out for j in pair) for pair in near)
    assert app.says(f"Left out as nearer than 0.2 to a better row of their cluster: {len(out)} rows.")
    assert moved[-1].reachable == len(allowed) - len(out)
    assert moved[-1].limited == "without near copies"
    app.tab("Left out")
    assert app.says(f"{len(out)} near copy of another row")


def _said(app: App, project: Project):
    """The selection that the address bar names, made in this process."""
    from core import SelectParams

    link = link_of(app)
    return project.select(
        SelectParams(
            judge=link["judge"], min_score=float(link["min"]), count=int(link["count"]),
            strategy=link["strategy"], dedup_distance=float(link["dedup"]),
        )
    )  # fmt: skip


def test_limits_are_in_the_link_on_every_page_and_in_the_export(app: App):
    """A link with both opens the same selection; Export says them; an empty box takes a limit away."""
    app.choose("strategy", "random").choose("max_tokens", 4_000).choose("dedup_distance", 0.15).settle()
    link = link_of(app)
    assert (link["tokens"], link["dedup"]) == ("4000", "0.15")
    other = open_app(**link).settle()
    assert other.figures() == app.figures()
    assert (other.value("max_tokens"), other.value("dedup_distance")) == (4_000, 0.15)
    app.turn_to(EXPORT)
    assert app.says("at most 4,000 tokens; near copies within 0.15 left out")
    app.turn_to(EXPLORE)
    assert (app.value("max_tokens"), app.value("dedup_distance")) == (4_000, 0.15)
    app.choose("max_tokens", None).choose("dedup_distance", None).settle()
    assert not {"tokens", "dedup"} & link_of(app).keys()


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ({"tokens": "-4"}, "a token budget of '-4'"),
        ({"tokens": "1e5"}, "a token budget of '1e5'"),
        ({"tokens": "9" * 13}, "a token budget of '9999"),
        ({"dedup": "0"}, "a distance of near copies of '0'"),
        ({"dedup": "0.6"}, "a distance of near copies of '0.6'"),
        ({"dedup": "nan"}, "a distance of near copies of 'nan'"),
    ],
)
def test_a_limit_that_cannot_be_is_said(link, words):
    """The page opens without it and mends the link."""
    app = open_app(**link)
    assert any(words in each for each in app.said("warning"))
    assert not {"tokens", "dedup"} & link_of(app).keys()


def test_pins_over_the_budget_are_in_and_it_is_said(app: App, tokens):
    """Three pinned rows are in although the budget holds less than any of them."""
    app.choose("strategy", "random").pin("include", rows=[0, 1, 2])
    app.choose("max_tokens", 1).settle()
    assert app.figures()["Selected"] == "3"
    held = f"{int(tokens[:3].sum()):,} tokens"
    assert app.says(f"All 3 pinned rows are in: {held}, more than the budget of 1.")
