"""Files for the tests of loading: written as bytes, loaded, and their counts checked every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.domain import Dataset
from core.errors import DataError
from core.loading import load

Read = Callable[[str, bytes | str], Dataset]
Refused = Callable[[str, bytes | str], str]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, bytes | str], Path]:
    """Write a file of that name and content; its path."""

    def write(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def read(written: Callable[[str, bytes | str], Path]) -> Read:
    """Load a file of that name and content; every row of it is loaded or reported."""

    def read_one(name: str, content: bytes | str) -> Dataset:
        dataset = load(written(name, content))
        reported = sum(problem.count for problem in dataset.problems if not problem.loaded)
        assert dataset.rows_read == len(dataset) + reported
        assert dataset.frame.height == dataset.rows.height == len(dataset)
        return dataset

    return read_one


@pytest.fixture
def refused(written: Callable[[str, bytes | str], Path]) -> Refused:
    """The sentences with which a file of that name and content is refused."""

    def refuse(name: str, content: bytes | str) -> str:
        with pytest.raises(DataError) as caught:
            load(written(name, content))
        assert caught.value.problem.endswith(".")
        assert caught.value.hint.endswith((".", "?"))
        return str(caught.value)

    return refuse
