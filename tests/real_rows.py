"""The real 52,002 rows, their prompts, and a home with their map."""

from __future__ import annotations

import fcntl
import functools
import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

ROOT = Path(__file__).parents[1]
FILE = ROOT.parent / "shared" / "data" / "alpaca52k_judged.jsonl.gz"


def on_real_rows(test):
    """Mark a test as slow, and skip it with a sentence where the rows are absent."""
    reason = "The real rows are not here: ../shared/data is absent."
    return pytest.mark.slow(pytest.mark.skipif(not FILE.exists(), reason=reason)(test))


@functools.cache
def real_texts():
    """Instruction and input of every row."""
    with gzip.open(FILE) as file:
        frame = pl.read_ndjson(file.read())
    return [
        f"{instruction}\n\n{given}" if given else instruction
        for instruction, given in frame.select("instruction", "input").iter_rows()
    ]


def made_once(folder: Path) -> Path:
    """The home of WINNOW_TEST_52K_HOME, or one in this folder; its map is made by the command line.

    Processes that ask at the same time wait for the first of them.
    """
    home = Path(os.environ.get("WINNOW_TEST_52K_HOME") or folder / "real-home")
    with (folder / "real-home.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "core", "map", str(FILE), "--home", str(home)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return home


@functools.cache
def some_rows():
    """(5000,) positions of rows, ascending, drawn at random."""
    return np.sort(np.random.default_rng(0).choice(len(real_texts()), 5000, replace=False))
