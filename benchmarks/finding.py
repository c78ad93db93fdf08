"""Finding rows: by words, by meaning beside sentence-transformers' own search, and by examples."""

from __future__ import annotations

import time
from functools import partial

import numpy as np

from benchmarks.report import Line, at_least, at_most, timed
from core import Project
from core.finder import Finder, How
from core.meaning import distances_to, nearest_first

QUERIES = ("bread", "how do plants make food", '"for loop" python -java', "the of and to in a is that it")
TOP = 50
REPEATS = 5
PAUSE = 0.3  # seconds between two: nobody types faster, and threads of the last product still spin before


def measure(project: Project) -> list[Line]:
    """The slowest of some queries each way, past every cache, and the rows nearest to 512 examples."""
    Finder(project).warm()
    vectors = np.array(project.vectors())
    project.finder.find("warm", "words")
    return [
        *(_slowest(project, how) for how in ("words", "meaning", "both")),
        _beside_semantic_search(project, vectors),
        _examples(project),
    ]


def _slowest(project: Project, how: How) -> Line:
    def best(query: str) -> float:
        spent = []
        for _ in range(REPEATS):
            time.sleep(PAUSE)
            spent.append(timed(partial(project.finder._find, query, how, TOP))[0])
        return min(spent)

    spent = [best(query) for query in QUERIES]
    remark = f"slowest of {len(QUERIES)} queries, embedding the query included"
    return at_most(f"find by {how}, top {TOP}", max(spent) * 1000, 150, "ms", remark)


def _beside_semantic_search(project: Project, vectors: np.ndarray) -> Line:
    """The same query vector, the same top, by ``sentence_transformers.util.semantic_search``."""
    import torch
    from sentence_transformers.util import semantic_search

    query = project.finder.embed([QUERIES[1]])
    everything, keys = np.arange(len(vectors)), project.draw(0)
    ours, rows = timed(
        lambda: nearest_first(distances_to(vectors, query), keys, count=TOP, among=everything),
        repeats=REPEATS,
    )
    corpus, asked = torch.from_numpy(vectors), torch.from_numpy(np.array(query))
    theirs, found = timed(lambda: semantic_search(asked, corpus, top_k=TOP), repeats=REPEATS)
    same = len({hit["corpus_id"] for hit in found[0]} & set(rows.tolist()))
    return at_least(
        f"nearest {TOP} to a query's vector",
        ours=ours,
        theirs=theirs,
        factor=1.0,
        baseline="semantic_search",
        remark=f"{ours * 1000:.1f} ms beside {theirs * 1000:.1f} ms; {same} of {TOP} rows the same",
    )


def _examples(project: Project) -> Line:
    rows = project.control(0)[:512]
    spent, _ = timed(lambda: project.finder._like(np.sort(rows), TOP), repeats=REPEATS)
    return at_most("rows like 512 examples", spent * 1000, 500, "ms")
