"""One artefact of each kind, and hands that look at a store and age or harm it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from core.store import Key

KEY = Key.of("vectors", 1, dataset="abc", model="m", width=3)
VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)
TABLE = pl.DataFrame(
    {"id": ["a", None], "messages": [[{"role": "user", "content": "é"}], []], "n": [1, None]}
)
OLDER = 7200  # seconds; more than an abandoned folder may live
REPOSITORY = Path(__file__).parents[2]


def folder_of(store, key=KEY):
    return store.root / key.stage / key.digest


def leftovers(store):
    """Every path below the store that belongs to no artefact."""
    return [path for path in store.root.glob("*/*") if not re.fullmatch("[0-9a-f]{64}", path.name)]


def set_back(path, seconds=OLDER):
    """Set the clock of a file or folder back."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def python(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=REPOSITORY)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
