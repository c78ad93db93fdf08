"""A hub of one's own for each test, and a small export to push."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hub_server import Hub

from core import SelectParams

TOKEN = "hf_" + "Sesame0pen" * 3


@pytest.fixture
def hub(monkeypatch):
    """The stand-in; the hub's library asks nobody else, waits for nothing and uploads by plain HTTP."""
    import huggingface_hub._commit_api as commits
    from huggingface_hub.utils import _http

    monkeypatch.setattr(commits, "is_xet_available", lambda: False)
    monkeypatch.setattr(_http.time, "sleep", lambda _: None)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    hub = Hub(TOKEN)
    yield hub
    hub.close()


@pytest.fixture(scope="session")
def exported(tmp_path_factory) -> Path:
    """A folder with an export of twenty rows and its card."""
    folder = tmp_path_factory.mktemp("exported")
    return export(folder / "out", folder)


def export(
    out: Path, folder: Path, *, count: int = 20, licence: str = "cc-by-4.0", form: str = "jsonl"
) -> Path:
    """An export of the first rows of a small file, without a model."""
    import numpy as np

    from core.domain import Selection
    from core.exporting import Bundle, Card, Traces, write_bundle
    from core.keys import MapParams
    from core.loading import load
    from core.selection import Pinned, cut

    path = folder / "rows.jsonl"
    rows = (
        {"id": f"r{k}", "instruction": f"Say {k} " * 40, "output": "x", "score": k % 5} for k in range(60)
    )
    path.write_text("".join(json.dumps(each) + "\n" for each in rows))
    dataset = load(path)
    none = np.array([], dtype=np.int64)
    chosen: Selection = cut(
        SelectParams(count=count),
        ids=dataset.frame["id"],
        order=np.arange(60),
        judge=None,
        pins=Pinned(none, none),
    )
    figures = pl.DataFrame({"metric": ["Rows"], "selection": [float(count)]})
    bundle = Bundle(
        dataset=dataset,
        selection=chosen,
        labels=np.zeros(60, dtype=np.int32),
        names={0: "all"},
        coords=np.zeros((60, 2), dtype=np.float32),
        made={"model": "m", "precision": "fp32", "truncated": 0},
        map_settings=MapParams().as_dict(),
        control=np.arange(count),
        traces=Traces({}, {}),
        card=Card(licence, figures, decided=f"{count} of 60 rows."),
    )
    write_bundle(bundle, out, form)
    return out
