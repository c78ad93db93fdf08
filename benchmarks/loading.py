"""Reading files: Alpaca rows in every container, conversations, LIMA, each in a new process.

python -m benchmarks.loading FILE
"""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import zstandard

from benchmarks.report import Line, at_most
from core.loading import boilerplate, load

ROWS, CONVERSATIONS, LARGE = 1_000_000, 100_000, 2_000_000
# The peak of reading a large file in times its size; the same rows are a fifth smaller as CSV.
TIMES = {".json": 2.4, ".csv": 3.2}
SECONDS, MEGABYTES = 30, 3 * 1024


def measure(folder: Path, data: Path) -> list[Line]:
    """Seconds and peak memory of each file; the large ones are made of the real rows with other texts."""
    plain = _written(folder, _rows(data, ROWS))
    files = {
        "load 1,000,000 Alpaca rows": (plain, SECONDS, MEGABYTES),
        **{
            f"load them {name}": (path, SECONDS, MEGABYTES)
            for name, path in _in_other_containers(plain, folder).items()
        },
        "load 100,000 conversations": (_written(folder, _talks(data, CONVERSATIONS)), SECONDS, MEGABYTES),
        "load LIMA": (data.with_name("lima.jsonl.gz"), 1, MEGABYTES),
    }
    lines: list[Line] = []
    for step, (path, seconds, megabytes) in files.items():
        if not path.exists():
            continue
        found = _loaded(path)
        size = sum(each.stat().st_size for each in path.rglob("*")) if path.is_dir() else path.stat().st_size
        remark = f"{size / 1e6:,.0f} MB; {found['processor']:.1f} s of processor time"
        lines.append(at_most(step, found["seconds"], seconds, "s", remark))
        lines.append(at_most(f"{step}: peak memory", found["megabytes"], megabytes, "MiB"))
    return lines + _large(folder, data) + _shared_text(data)


def _loaded(path: Path) -> dict[str, float]:
    """What a new process says of loading a file."""
    command = [sys.executable, "-m", "benchmarks.loading", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _large(folder: Path, data: Path) -> list[Line]:
    """Two million rows as one JSON document and as CSV, about a gigabyte each: the peak beside the size."""
    lines = []
    for path in (_document(folder / "large.json", data), _table(folder / "large.csv", data)):
        found, size = _loaded(path), path.stat().st_size
        above = (found["megabytes"] - found["before"]) * 2**20
        remark = f"{above / 1e6:,.0f} MB above the imports; {found['processor']:.1f} s of processor time"
        step = f"load {LARGE:,} rows out of {size / 1e6:,.0f} MB of {path.suffix[1:].upper()}"
        lines.append(at_most(step, found["seconds"], 2 * SECONDS, "s", remark))
        lines.append(at_most(f"{step}: peak memory", above / size, TIMES[path.suffix], "times its size"))
        path.unlink()
    return lines


def _document(path: Path, data: Path) -> Path:
    with path.open("wb") as file:
        for number, row in enumerate(_rows(data, LARGE)):
            file.write((b",\n" if number else b"[") + orjson.dumps(row))
        file.write(b"]")
    return path


def _table(path: Path, data: Path) -> Path:
    with path.open("w", newline="") as file:
        rows = _rows(data, LARGE)
        writer = csv.DictWriter(file, list(first := next(rows)))
        writer.writeheader()
        writer.writerows(itertools.chain([first], rows))
    return path


def _shared_text(data: Path) -> list[Line]:
    """Finding what many prompts share, and cutting it, on the real prompts in the two Alpaca wrappers."""
    lines = []
    for count, most in ((52_002, 2), (ROWS, 20)):
        prompts = pl.Series([_wrapped(row) for row in _rows(data, count)])
        start, used = time.perf_counter(), time.process_time()
        pieces = boilerplate.find(prompts)
        boilerplate.without(prompts, pieces)
        seconds, processor = time.perf_counter() - start, time.process_time() - used
        remark = f"{len(pieces)} pieces; {processor:.1f} s of processor time"
        lines.append(at_most(f"leave shared text out of {count:,} prompts", seconds, most, "s", remark))
    return lines


def _wrapped(row: dict[str, Any]) -> str:
    more = f"\n\n### Input:\n{row['input']}" if row["input"] else ""
    paired = ", with an input that gives context" if more else ""
    asks = f"Below is an instruction that describes a task{paired}. Write a fitting answer."
    return f"{asks}\n\n### Instruction:\n{row['instruction']}{more}\n\n### Response:\n"


def _rows(data: Path, count: int) -> Iterator[dict[str, Any]]:
    """The real rows again and again, each with a text and an id of its own."""
    with gzip.open(data) as file:
        real = [orjson.loads(line) for line in file]
    for number, row in enumerate(itertools.islice(itertools.cycle(real), count)):
        yield {**row, "id": number, "instruction": f"{row['instruction']} ({number})"}


def _talks(data: Path, count: int) -> Iterator[dict[str, Any]]:
    """The same as conversations of four turns."""
    for row in _rows(data, count):
        turns = (
            ("human", row["instruction"]),
            ("gpt", row["output"]),
            ("human", "And why?"),
            ("gpt", row["output"]),
        )
        yield {"conversations": [{"from": who, "value": said} for who, said in turns]}


def _written(folder: Path, rows: Iterator[dict[str, Any]]) -> Path:
    first = next(rows)
    path = folder / f"{next(iter(first))}.jsonl"
    with path.open("wb") as file:
        file.writelines(orjson.dumps(row) + b"\n" for row in itertools.chain([first], rows))
    return path


def _in_other_containers(plain: Path, folder: Path) -> dict[str, Path]:
    """The same rows as .zst, as Parquet, and as a folder of ten files."""
    packed, table, parts = folder / "rows.jsonl.zst", folder / "rows.parquet", folder / "rows"
    with plain.open("rb") as source, packed.open("wb") as target:
        zstandard.ZstdCompressor().copy_stream(source, target)
    pl.scan_ndjson(plain).sink_parquet(table)
    parts.mkdir()
    with plain.open("rb") as source:
        for number in range(10):
            with (parts / f"{number}.jsonl").open("wb") as part:
                part.writelines(itertools.islice(source, ROWS // 10))
    return {"as .zst": packed, "as Parquet": table, "in a folder of ten files": parts}


def _held(field: str) -> float:
    """MiB that this process holds, or held at its peak; the parent's size is no part of it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def main(path: str) -> None:
    """Load one file and say how it went."""
    start, used = time.perf_counter(), time.process_time()
    before = _held("VmRSS")
    rows = len(load(path))
    report = {
        "rows": rows,
        "before": before,
        "seconds": time.perf_counter() - start,
        "processor": time.process_time() - used,
        "megabytes": _held("VmHWM"),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
