from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.health import CHECKS
from core.loading import load

REPOSITORY = Path(__file__).parents[2]
FILE = REPOSITORY.parent / "shared" / "data" / "alpaca52k_judged.jsonl.gz"
LIMA = FILE.with_name("lima.jsonl.gz")
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


@pytest.mark.skipif(not LIMA.exists(), reason="LIMA's real rows are not beside this repository.")
def test_lima_loads_whole_with_its_turns():
    """1,030 rows, 30 of several turns, one of which ends without an answer and is named."""
    dataset = load(LIMA)
    assert (dataset.schema, len(dataset), dataset.rows_read) == ("turns", 1_030, 1_030)
    lengths = dataset.frame["messages"].list.len()
    assert (lengths > 2).sum() == 30
    odd = (lengths % 2 == 1).arg_true().to_list()
    kind = "conversations that do not end with an answer"
    assert [(each.kind, each.count, each.places) for each in dataset.problems] == [
        (kind, 1, (f"line {odd[0] + 1}",))
    ]
    assert len(odd) == 1


@pytest.mark.skipif(not LIMA.exists(), reason="LIMA's real rows are not beside this repository.")
def test_lima_s_own_answers_break_its_range_of_lengths():
    """Of the 400 from Stack Exchange 45 are shorter than it says and 3 longer; the lints count them."""
    rows = load(LIMA).frame.filter(source="stackexchange")
    found = {check.name: check.find(rows).rows.size for check in CHECKS}
    assert (len(rows), found["below-lima-length"], found["long-response"]) == (400, 45, 3)
