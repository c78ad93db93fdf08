"""Compute the sample's artefacts that ship with the repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.project import SHIPPED, Project
from core.store import Store

SAMPLE = SHIPPED.parent / "sample.jsonl"


def compute(home: Path) -> Project:
    """The sample's project with every stage computed in ``home``, nothing read from what ships."""
    project = Project.open(SAMPLE, home=home)
    project.store = Store(home / "store")
    project.build()
    project.store.prune(stage="embedded-texts")  # of use beside vectors of a home alone
    return project


def main() -> None:
    """Replace ``data/store`` by artefacts computed now."""
    home = SHIPPED.with_name("store.writing")
    compute(home)
    shutil.rmtree(SHIPPED, ignore_errors=True)
    (home / "store").rename(SHIPPED)
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
