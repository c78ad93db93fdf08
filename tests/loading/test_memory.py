"""What a file holds while it is opened, measured in a process of its own."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from pathlib import Path

import orjson
import polars as pl
import pytest
import zstandard

REPOSITORY = Path(__file__).parents[2]
ROWS, MEGABYTES = 60_000, 90  # of which each is about 1,500 bytes in any kind of file
SCRIPT = """
import json, sys, threading
from pathlib import Path
from core.loading import load

def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024

load(sys.argv[1])  # so that what is imported on the way counts for nothing
before = status("VmRSS:")
rows = len(load(sys.argv[2]))
print(json.dumps({"rows": rows, "megabytes": status("VmHWM:") - before}))
"""
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="Linux says what a process holds."
)


def _rows(count):
    chance = random.Random(1)
    for number in range(count):
        asked, answered = chance.randbytes(220).hex(" ", 4), chance.randbytes(440).hex(" ", 4)
        yield {"id": number, "instruction": asked, "output": answered, "score": number % 5}


def _lines(path, count):
    with path.open("wb") as file:
        file.writelines(orjson.dumps(row) + b"\n" for row in _rows(count))


def _packed(path, count):
    path.write_bytes(zstandard.compress(b"".join(orjson.dumps(row) + b"\n" for row in _rows(count))))


def _array(path, count):
    path.write_bytes(b"[" + b",\n".join(map(orjson.dumps, _rows(count))) + b"]")


def _under_a_key(path, count):
    path.write_bytes(b'{"version":1,"data":[' + b",".join(map(orjson.dumps, _rows(count))) + b"]}")


def _delimited(path, count):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "instruction", "output", "score"])
        writer.writeheader()
        writer.writerows(_rows(count))


def _parquet(path, count):
    pl.DataFrame(list(_rows(count))).write_parquet(path, compression="uncompressed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "write", "most"),
    [
        ("a.jsonl", _lines, 2.5),
        ("a.jsonl.zst", _packed, 2.5),
        ("a.json", _array, 2.5),
        ("under.json", _under_a_key, 2.5),
        ("a.csv", _delimited, 3.0),
        ("a.parquet", _parquet, 3.0),
    ],
)
def test_a_file_is_not_held_beside_its_rows(tmp_path, name, write, most):
    """The peak of opening it stays below a multiple of its size unpacked: no copy of it, no objects of all rows."""
    few, many = tmp_path / f"few-{name}", tmp_path / name
    write(few, 10)
    write(many, ROWS)
    command = [sys.executable, "-c", SCRIPT, str(few), str(many)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["rows"] == ROWS
    assert found["megabytes"] < most * MEGABYTES
