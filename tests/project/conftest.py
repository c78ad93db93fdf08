"""Projects of the sixty rows, with and without a model, and how often they compute."""

from __future__ import annotations

from collections import Counter

import pytest
from small_project import COMPUTED_BY, built, fake_embed, fake_project

from core import Project, orders


@pytest.fixture
def project():
    """The sixty rows with every stage stored, in a home that all tests share."""
    file, home = built()
    return Project.open(file, home=home)


@pytest.fixture
def fake(monkeypatch):
    """No model and no UMAP: vectors that depend on the text alone, coordinates that depend on the vectors."""
    monkeypatch.setattr("core.embedded.embedding.embed", fake_embed)
    monkeypatch.setattr("core.stages.projection.project", fake_project)


@pytest.fixture
def calls(monkeypatch):
    """How often each stage was computed."""
    counted = Counter()

    def counting(name, compute):
        def count(*arguments, **settings):
            counted[name] += 1
            return compute(*arguments, **settings)

        return count

    for name in COMPUTED_BY:
        module, function = name.split(".")
        loaded = getattr(__import__(f"core.{module}"), module)
        monkeypatch.setattr(loaded, function, counting(name, getattr(loaded, function)))
    return counted


@pytest.fixture
def short(monkeypatch):
    """Slow orders are made to 8 rows, then 12, 16, 24, 32, 48, and all 60."""
    monkeypatch.setattr(orders, "FIRST_LIMIT", 8)
