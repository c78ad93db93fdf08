"""The command line in processes of its own, and the scores of the sample."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from small_project import SAMPLE

REPOSITORY = Path(__file__).parents[2]


def start(*arguments, **settings):
    return subprocess.Popen(
        [sys.executable, "-m", "core", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def core_says(*arguments, **settings):
    """(exit code, stdout, stderr) of ``python -m core`` in a process of its own."""
    with start(*arguments, **settings) as process:
        out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def scores_of(name):
    return np.array([row[name] for row in map(json.loads, SAMPLE.read_text("utf-8").splitlines())], float)
