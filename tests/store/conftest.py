"""A store of one's own."""

from __future__ import annotations

import pytest

from core.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")
