"""A project that is ready for the command line."""

from __future__ import annotations

import pytest
from small_project import copied


@pytest.fixture
def small(tmp_path):
    """(file, home) of the sixty rows, every stage stored."""
    return copied(tmp_path / "home")
