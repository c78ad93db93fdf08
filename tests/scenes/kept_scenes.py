"""One scene, for tests of where scenes are kept."""

from __future__ import annotations

from pathlib import Path

from core import SelectParams
from core.scenes import Scene, Shown

DATA = "fingerprint"
REPOSITORY = Path(__file__).parents[2]
PARAMS = SelectParams(judge="quality", min_score=3.0, count=12, strategy="top-score")
SCENE = Scene(
    name="One",
    note="",
    params=PARAMS,
    picture=b"\x89PNG",
    figures={"rows": Shown(value=12)},
    ids_digest="0" * 64,
    made="2026-01-02T03:04:05+00:00",
)


def names(table):
    return "".join(scene.name for scene in table.all())
