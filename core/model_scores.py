"""The scores of a model as a file: frozen, so that a choice made with them replays where nobody asked it."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import polars as pl

from core.domain import Dataset, OptionValue, ScoreColumn, ScoreFile, Scores
from core.errors import DataError, StoreError
from core.exporting.names import JUDGED
from core.judgements import Judgements, Known
from core.judging.judgement import LlmJudge, Status
from core.judging.prompts import JSON, LINE, prompt
from core.judging.rubric import PAIR, RUBRICS, digest_of
from core.llm_judges import rows_of
from core.model_facts import EDITED, HASH, PENDING, ModelFacts, difference
from core.opening import files_named
from core.score_values import converted
from core.scoring import found_judges

FOLDER = "judged"  # of a home: frozen scores that came from elsewhere
COLUMNS = {"id": pl.String, "score": pl.Float32, "status": pl.String, "spread": pl.Float32}
STATUSES = tuple(each.word for each in Status)
MAY_BE_SECRET = re.compile(r"key|secret|passw|auth|credential|cookie|bearer|token$", re.IGNORECASE)
NOT_TOLD = "not told"


class Frozen(NamedTuple):
    """A judge that is a model as a recipe has it, and the file of its scores.

    content: id, score, status, spread of every row that was asked or has nothing to judge; without a score
        the cell is empty. spread: highest less lowest of its samples; empty with fewer than two.
    """

    column: ScoreColumn
    content: str

    @property
    def facts(self) -> ModelFacts:
        """What is known of the model."""
        return ModelFacts.model_validate_json(self.column.model)


# Out of the ledger of judgements.


def live(dataset: Dataset, judgements: Judgements) -> list[Known]:
    """The models of the ledger that are judges of a dataset, unless a column or a decision has the name."""
    decided = {each.name for each in dataset.scores}
    asked = [each for each in judgements.judges() if each.judge.title in dataset.judges.keys() - decided]
    if any(each.judge.title in dataset.rows.columns for each in asked):
        found = found_judges(dataset)
        asked = [each for each in asked if each.judge.title not in found]
    return asked


def freeze(
    dataset: Dataset, known: Known, judgements: Judgements, scores: Scores | None = None
) -> Frozen | None:
    """The scores of a model on the rows of a whole dataset as a file; None where it gave none, as of pairs.

    ``scores``: (n,) those that were chosen by, where the ledger may hold more by now; a row that was scored
    since is pending. The same scores give the same bytes.
    """
    number, judge = known.number, known.judge
    if judge.rubric.reads == PAIR:
        return None
    rows = rows_of(dataset, judge)
    scores = judgements.scores(number, rows.contents) if scores is None else scores
    became = judgements.became(number)
    known_scores = (~np.isnan(scores)).tolist()
    if not any(known_scores):
        return None
    statuses, spreads = [], []
    for content, scored, empty in zip(rows.contents, known_scores, rows.empty.tolist(), strict=True):
        found = became.get(content)
        statuses.append(_status(None if found is None else found.status, scored=scored, empty=empty))
        spreads.append(found.spread if scored and found is not None else None)
    table = pl.DataFrame(
        {"id": dataset.frame["id"], "score": scores, "status": statuses, "spread": spreads},
        schema=COLUMNS,
        nan_to_null=True,
    )
    content_text = table.filter(pl.col("status") != PENDING).write_csv(quote_style="non_numeric")
    facts = facts_of(judge, {each: statuses.count(each) for each in (*STATUSES, PENDING)})
    return Frozen(_column(judge.title, facts, content_text), content_text)


def _status(status: Status | None, *, scored: bool, empty: bool) -> str:
    if scored:
        return Status.OK.word
    if empty:
        return Status.SKIPPED.word
    return PENDING if status in (None, Status.OK) else status.word


def _column(name: str, facts: ModelFacts, content: str) -> ScoreColumn:
    digest = hashlib.sha256(content.encode()).hexdigest()
    whose = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "model"
    file = ScoreFile(
        name=f"{JUDGED}{whose}-{facts.rows[Status.OK.word]}-{digest[:8]}.csv",
        sha256=digest,
        by="id",
        key="id",
    )
    return ScoreColumn(name=name, column="score", file=file, model=facts.model_dump_json())


def facts_of(judge: LlmJudge, rows: dict[str, int]) -> ModelFacts:
    """What may be told of a judge: never the path of its server, nor a parameter that may be a secret."""
    asked = prompt(judge.rubric, "", "", form=JSON if judge.structured else LINE, explain=judge.explain)
    is_path = judge.model.startswith(("/", "~", "."))
    return ModelFacts(
        model=Path(judge.model).name if is_path else judge.model,
        host=urlsplit(judge.base_url).netloc,
        rubric=judge.rubric.name,
        rubric_version=judge.rubric.version,
        rubric_sha256=judge.rubric.hash,
        rubric_words=judge.rubric.words,
        prompt_sha256=asked.sha256,
        temperature=judge.temperature,
        samples=judge.samples,
        scored_by="odds" if judge.weighted else "grade",
        form="json" if judge.structured else "line",
        explain=judge.explain,
        max_tokens=judge.max_tokens,
        parameters={name: _told(name, value) for name, value in judge.parameters},
        rows=rows,
    )


def _told(name: str, value: OptionValue) -> OptionValue:
    return NOT_TOLD if MAY_BE_SECRET.search(name) else value


# Out of a file.


def content_of(file: ScoreFile, folders: Iterable[Path]) -> tuple[str | None, bool]:
    """The file of these very bytes in one of the folders or one level below; whether a namesake lies there.

    Raises:
        DataError: a namesake cannot be read.
    """
    there = False
    for path in dict.fromkeys(files_named(Path(file.name).name, folders)):
        there = True
        try:
            content = path.read_bytes()
        except OSError as cause:
            raise DataError(
                f"The frozen scores {path.name} could not be read: {cause.strerror or cause}.",
                "Check the rights of the file.",
            ) from cause
        if hashlib.sha256(content).hexdigest() == file.sha256:
            return content.decode("utf-8", errors="replace"), True
    return None, there


def scores_in(dataset: Dataset, column: ScoreColumn, content: str) -> Scores:
    """(n,) the scores of a file by the ids of the rows, compared to the letter; NaN where it has none.

    Raises:
        DataError: it is no file of frozen scores, or it scores no row.
    """
    name = column.file.name if column.file else column.name
    ids = dataset.frame.select("id")
    both = ids.join(_table(content, name), on="id", how="left", maintain_order="left")
    scores = converted(both["score"], column).scores
    if np.isnan(scores).all():
        raise DataError(
            f"The frozen scores {name} are of no row of {dataset.name}.", "Take those of this data."
        )
    return scores


def _table(content: str, name: str) -> pl.DataFrame:
    hint = "Take the file that an export wrote."
    try:
        table = pl.read_csv(io.BytesIO(content.encode()), schema=COLUMNS)
    except pl.exceptions.PolarsError as cause:
        why = str(cause).partition("\n")[0].rstrip(".")[:200]
        raise DataError(f"{name} holds no frozen scores: {why}.", hint) from cause
    scored = table["score"].is_not_null()
    is_ok = (table["status"] == Status.OK.word).fill_null(value=False)
    if not content.startswith('"id","score","status","spread"'):
        raise DataError(f"{name} holds no frozen scores: its columns are others.", hint)
    if table["id"].n_unique() != table.height or not table["status"].is_in(STATUSES).all():
        raise DataError(f"{name} holds no frozen scores: an id repeats or a status is none.", hint)
    if not (scored == is_ok).all() or not table["score"].drop_nulls().is_finite().all():
        raise DataError(f"{name} holds no frozen scores: a score stands without the status ok.", hint)
    return table.select("id", "score")


def keep(folder: Path, file: ScoreFile, content: str) -> None:
    """Lay scores of elsewhere into a folder of a home, so that its own exports hold them.

    Raises:
        StoreError: they cannot be written.
    """
    path = folder / Path(file.name).name
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_bytes(content.encode())
        temporary.replace(path)
    except OSError as cause:
        raise StoreError(
            f"The scores could not be written to {path}: {cause.strerror or cause}.",
            "Free some space or check the folder's rights.",
        ) from cause


# Beside each other.


def missing(column: ScoreColumn, here: Frozen | None, *, altered: bool) -> DataError:
    """What is said of frozen scores that are not there as the recipe has them, with the likely cause."""
    assert column.file is not None
    facts = ModelFacts.model_validate_json(column.model)
    name, digest = column.file.name, column.file.sha256[:HASH]
    if altered:
        what = f"The frozen scores {name} were altered: their sha256 is not {digest}... any more."
    else:
        what = f"The frozen scores {name} of {facts.model} are not there."
    hint = "The export holds it: put it beside the recipe or the data, or give it with the recipe."
    if here is not None:
        changed = difference(facts, here.facts) or "it gave other scores"
        hint = f"This home has a judge of that name, but {changed}. {hint}"
    return DataError(what, hint)


def since(column: ScoreColumn, here: Frozen | None) -> str:
    """What is other by now about a model whose frozen scores count, in words; empty where nothing is."""
    facts = ModelFacts.model_validate_json(column.model)
    if here is not None and column.file is not None and here.column.file is not None:
        if here.column.file.sha256 == column.file.sha256:
            return difference(facts, here.facts)
        return difference(facts, here.facts) or "it gave other scores here"
    if facts.rubric_words and digest_of(facts.rubric_words) != facts.rubric_sha256:
        return EDITED.format(facts.rubric)
    own = RUBRICS.get(facts.rubric)
    if own is not None and own.version == facts.rubric_version and own.hash != facts.rubric_sha256:
        shown = f"sha256 {own.hash[:HASH]}, not {facts.rubric_sha256[:HASH]}"
        return f"the rubric {facts.rubric} has another text in this version of Winnow: {shown}"
    return ""
