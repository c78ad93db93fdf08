"""A map from vectors in a new process, as a notebook makes its first one: prints the seconds it took.

python -m benchmarks.fresh umap|winnow VECTORS.npy
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from core.domain import Coords, Vectors


def winnow(vectors: Vectors) -> Coords:
    """Neighbours and map at their defaults."""
    from core.neighbours import neighbours
    from core.projection import project

    return project(vectors, neighbours(vectors))


def umap(vectors: Vectors) -> Coords:
    """Lay out by umap-learn's defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap import UMAP

        coords: Coords = UMAP().fit_transform(vectors)
    return coords


WAYS = {"winnow": winnow, "umap": umap}


def seconds_in_a_new_process(way: str, vectors: Vectors) -> float:
    """From the first import to the coordinates, compilation included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vectors.npy")
        np.save(path, vectors)
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.fresh", way, str(path)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(run.stdout.split()[-1])


def main(way: str, path: str) -> None:
    """Make one map."""
    vectors = np.load(path)
    start = time.perf_counter()
    WAYS[way](vectors)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(*sys.argv[1:])
