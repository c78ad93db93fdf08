"""Sixty rows a person can judge, written in the test, and their project, built once a process."""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from core import Project
from core.domain import OnProgress, Progress, ignore_progress
from core.embedding import Embedded
from core.project import SHIPPED

SAMPLE = SHIPPED.parent / "sample.jsonl"
COMPUTED_BY = (
    "embedding.embed",
    "neighbours.neighbours",
    "clustering.cluster",
    "clustering.names",
    "projection.project",
    "projection.draft",
    "tokens.count_tokens",
)


TOPICS = {
    "cats": ("Why does my cat", ["purr", "sleep all day", "knead blankets", "hate water", "hunt at night"]),
    "bread": ("How do I bake", ["rye bread", "sourdough", "a baguette", "flat bread", "bread without yeast"]),
    "tax": ("Explain the tax on", ["wages", "company profits", "property", "imported goods", "inheritance"]),
    "code": ("Write a Python function that", ["sorts", "adds", "reverses", "counts", "prints"]),
    "stars": ("What is the distance to", ["the Moon", "Mars", "Sirius", "Andromeda", "Jupiter"]),
}
ADDED = {"cats": "", "bread": " at home", "tax": " in France"}
SCORES = (1.0, 2.0, 2.5, 3.0, 4.0, 4.5, 5.0)


def rows() -> list[dict[str, object]]:
    """Fifty prompts on five topics and ten repeats of them; ``quality`` ties, ``depth_score`` never does."""
    asked = [
        (topic, f"{begin} {rest}{ending}{mark}")
        for topic, (begin, rests) in TOPICS.items()
        for rest in rests
        for ending, mark in (("", "?"), (ADDED.get(topic, " a list"), ", in one sentence?"))
    ]
    asked += asked[::5]
    depth = np.random.default_rng(5).permutation(len(asked)).tolist()
    return [
        {
            "id": f"r{place:02}",
            "instruction": prompt,
            "input": "",
            "output": f"About {topic}: " + "word " * (1 + place % 7),
            "topic": topic,
            "quality": None if place == 17 else SCORES[place % len(SCORES)],
            "depth_score": depth[place],
        }
        for place, (topic, prompt) in enumerate(asked)
    ]


def write(path: Path, records: Sequence[dict[str, object]] | None = None) -> Path:
    """Write records (the sixty rows, if none are given) as JSON lines; the path."""
    path.write_text("".join(json.dumps(each) + "\n" for each in (rows() if records is None else records)))
    return path


def many(path: Path, count: int = 70) -> Path:
    """A file of made-up rows without repeats; the path."""
    return write(
        path, [{"instruction": f"Say {k} in words", "output": str(k), "score": k % 5} for k in range(count)]
    )


def qualities() -> np.ndarray:
    """(60,) the scores of ``quality``, NaN where there is none."""
    return np.array([row["quality"] for row in rows()], float)


@cache
def _folder() -> Path:
    """A folder of this process, removed at its end."""
    folder = Path(tempfile.mkdtemp(prefix="winnow-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def built() -> tuple[Path, Path]:
    """(file, home) of the sixty rows with every stage stored."""
    folder = _folder() / "small"
    folder.mkdir()
    file = write(folder / "small.jsonl")
    Project.open(file, home=folder / "home").build()
    return file, folder / "home"


def copied(home: Path) -> tuple[Path, Path]:
    """(file, home) as ``built`` gives them, with a home of one's own, in which no order was made yet."""
    file, original = built()
    shutil.copytree(original, home, ignore=shutil.ignore_patterns("order", "near-copies", "control-*"))
    return file, home


@cache
def sample_home() -> Path:
    """A home in which every stage of the sample is stored, or found among what ships."""
    home = _folder() / "sample"
    Project.open(SAMPLE, home=home).build()
    return home


def made_up_vectors(texts: Sequence[str], width: int = 16) -> np.ndarray:
    """(n, width) unit rows that depend on each text alone."""
    seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") for text in texts]
    found = np.array([np.random.default_rng(seed).standard_normal(width) for seed in seeds], np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def fake_embed(
    texts: Sequence[str], params: object = None, *, on_progress: OnProgress = ignore_progress, **_: object
) -> Embedded:
    """What ``embedding.embed`` gives, without a model."""
    on_progress(Progress("embed", 0, len(texts)))
    vectors = made_up_vectors(texts)
    lengths = np.ones(len(texts), np.int32)
    cut = np.zeros(len(texts), dtype=bool)
    return Embedded(vectors, lengths, "fp32", "cpu", 0, 0, 0, 0, "0" * 64, "made up", cut)


def fake_project(vectors: np.ndarray, *_: object, **__: object) -> np.ndarray:
    """What ``projection.project`` gives, without UMAP: the first two columns."""
    return np.ascontiguousarray(vectors[:, :2])
