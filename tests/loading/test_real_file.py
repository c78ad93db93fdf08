from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
FILE = REPOSITORY.parent / "shared" / "data" / "alpaca52k_judged.jsonl.gz"
SECONDS = 2.0  # of processor time, which a busy machine hardly stretches; about 0.4 was measured
MEGABYTES = 400  # peak while loading above what importing takes; about 130 was measured

SCRIPT = """
import json, resource, sys, time
from core.loading import load

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before, started = peak(), time.process_time()
dataset = load(sys.argv[1])
print(json.dumps({
    "seconds": time.process_time() - started,
    "megabytes": peak() - before,
    "rows": len(dataset),
    "rows_read": dataset.rows_read,
    "judges": {name: [*judge.scale, judge.scored, judge.unscored] for name, judge in dataset.judges.items()},
    "problems": [[problem.kind, problem.count] for problem in dataset.problems],
    "ids": [dataset.frame["id"][0], dataset.frame["id"][-1], dataset.frame["id"].n_unique()],
    "turns": dataset.frame["messages"].list.len().unique().to_list(),
}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not FILE.exists(), reason="The real 52,002 rows are not beside this repository.")
def test_the_real_file_loads_whole_fast_and_small():
    """52,002 rows, three judges from 0 to 5, 28 empty responses; in seconds and within a stated memory."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(FILE)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert (found["rows"], found["rows_read"]) == (52_002, 52_002)
    scale = [0.0, 5.0, 1.0, 52_002, 0]
    assert found["judges"] == dict.fromkeys(("judge_gpt4omini", "judge_llama31_8b", "judge_mistral7b"), scale)
    assert found["problems"] == [["empty responses", 28]]
    assert found["ids"] == ["0", "52001", 52_002]
    assert found["turns"] == [2]
    assert found["seconds"] < SECONDS
    assert found["megabytes"] < MEGABYTES
