"""What was loaded: problems, repeats, empty texts, lengths, turns and languages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core import languages as told
from core import tokens
from core.domain import Dataset, OnProgress, Problem, Progress, ignore_progress
from core.errors import StoreError
from core.stages import Stages
from core.store import Artefact, Key, Part
from core.wording import counted

log = logging.getLogger(__name__)

VERSION = 1  # raised when the same rows would give other arrays
BATCH = 2000  # texts between two reports of progress
BARS = 24  # of a histogram
MOST_NAMED = 8  # languages that are named; the others are counted together


@dataclass(frozen=True, slots=True)
class Lengths:
    """A number a row.

    rows_by_length: rows in ``BARS`` even parts from 0 to ``upto``, longer ones in the last.
    """

    low: int
    median: int
    p95: int
    high: int
    upto: int
    rows_by_length: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was loaded.

    prompt_tokens, response_tokens: of ``prompt`` and ``response``, by ``tokens.TOKENIZER``.
    turns: messages a row, those of the system left out.
    copies: rows whose messages another row has, word for word, the first of each group counted as well;
        copy_groups: how many groups they form. same_prompt: rows that share a prompt with another row.
    languages: (code, rows) of those that are told, the most frequent first, of prompt and response together.
    unsure: rows whose language is not told.
    """

    rows_read: int
    rows: int
    problems: tuple[Problem, ...]
    empty_prompts: int
    empty_responses: int
    copies: int
    copy_groups: int
    same_prompt: int
    prompt_tokens: Lengths
    response_tokens: Lengths
    turns: Lengths
    languages: tuple[tuple[str, int], ...]
    unsure: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """The report in words, one sentence each; problems are said elsewhere."""
        return tuple(_said(self))

    def as_dict(self) -> dict[str, object]:
        """Every figure, without the problems, for JSON."""
        found = asdict(self)
        del found["problems"]
        return found | {"languages": dict(self.languages)}


def report(stages: Stages, *, on_progress: OnProgress = ignore_progress) -> LoadReport:
    """The report of a dataset; what takes seconds is stored, the rest is counted anew."""
    found, dataset = made(stages, on_progress), stages.dataset
    frame = dataset.frame
    copies, groups = _repeated(_whole(frame))
    codes = found.table("languages")["language"]
    named = (
        codes.filter(codes != told.UNSURE)
        .value_counts()
        .sort(["count", "language"], descending=[True, False])
    )
    empty = {name: int((frame[name].str.strip_chars() == "").sum()) for name in ("prompt", "response")}
    return LoadReport(
        rows_read=dataset.rows_read,
        rows=len(dataset),
        problems=dataset.problems,
        empty_prompts=empty["prompt"],
        empty_responses=empty["response"],
        copies=copies,
        copy_groups=groups,
        same_prompt=_repeated(frame["prompt"])[0],
        prompt_tokens=lengths(found.array("prompt_tokens")),
        response_tokens=lengths(found.array("response_tokens")),
        turns=lengths(_turns(frame)),
        languages=tuple(named.iter_rows()),
        unsure=int((codes == told.UNSURE).sum()),
    )


def is_ready(stages: Stages) -> bool:
    """Whether what takes seconds is stored."""
    return stages.store.get(_key(stages.dataset)) is not None


def made(stages: Stages, on_progress: OnProgress = ignore_progress) -> Artefact:
    """Tokens of prompts, tokens of responses and the language of each row: from the store, or made now."""
    key = _key(stages.dataset)
    return stages.store.get(key) or _made(stages, key, on_progress)


def lengths(numbers: NDArray[np.integer]) -> Lengths:
    """Lowest, median, 95th percentile and highest of n numbers, each one that occurs, and how they spread."""
    low, median, p95, high = (
        int(np.quantile(numbers, share, method="inverted_cdf")) for share in (0, 0.5, 0.95, 1)
    )
    upto = max(int(np.quantile(numbers, 0.99, method="inverted_cdf")), 1)
    rows, _ = np.histogram(np.minimum(numbers, upto), bins=BARS, range=(0, upto))
    return Lengths(low, median, p95, high, upto, tuple(map(int, rows)))


def _key(dataset: Dataset) -> Key:
    return Key.of(
        "load-report",
        VERSION,
        dataset=dataset.fingerprint,
        tokens=tokens.VERSION,
        languages=told.VERSION,
        model=told.MODEL,
    )


def _made(stages: Stages, key: Key, on_progress: OnProgress) -> Artefact:
    prompts, responses = (stages.dataset.frame[name].to_list() for name in ("prompt", "response"))
    codes: list[str] = []
    sure: list[NDArray[np.float32]] = []
    for start in range(0, len(prompts), BATCH):
        on_progress(Progress("languages", start, len(prompts)))
        both = zip(prompts[start : start + BATCH], responses[start : start + BATCH], strict=True)
        found = told.languages(f"{prompt}\n{response}" for prompt, response in both)
        codes += found[0]
        sure.append(found[1])
    asked = tokens.count_tokens(prompts, (), on_progress=on_progress)
    if stages.tokens_are_of_both and stages.has_tokens():  # the longer half is counted already
        answered = stages.tokens() - asked
    else:
        answered = tokens.count_tokens(responses, (), on_progress=on_progress)
    parts: dict[str, Part] = {
        "prompt_tokens": asked,
        "response_tokens": answered,
        "languages": pl.DataFrame({"language": codes, "confidence": np.concatenate(sure)}),
    }
    try:
        return stages.store.put(key, parts, {"tokenizer": tokens.TOKENIZER, "languages": told.MODEL})
    except StoreError as error:
        log.warning("%s The report is made again next time.", error.problem)
        return Artefact(parts)


def _whole(frame: pl.DataFrame) -> pl.Series:
    """(n,) roles and contents of each row in one text."""
    role, said = (pl.element().struct.field(name) for name in ("role", "content"))
    turn = pl.concat_str(role, said.str.len_bytes().cast(pl.String), said, separator="\x1f")
    return frame.select(pl.col("messages").list.eval(turn).list.join("\x1f")).to_series()


def _turns(frame: pl.DataFrame) -> NDArray[np.integer]:
    of_the_system = pl.element().struct.field("role").is_in(("system", "developer"))
    turns = pl.col("messages").list.eval(of_the_system.not_()).list.sum()
    return frame.select(turns.fill_null(0).cast(pl.Int64)).to_series().to_numpy()


def _repeated(texts: pl.Series) -> tuple[int, int]:
    """How many rows have a text that another row has, and how many such texts there are."""
    counts = texts.alias("text").value_counts()["count"]
    several = counts.filter(counts > 1)
    return int(several.sum()), len(several)


def _said(found: LoadReport) -> Iterator[str]:
    yield f"{counted(found.rows_read, 'row')} read, {found.rows:,} loaded."
    groups = f" in {counted(found.copy_groups, 'group')}" if found.copies else ""
    yield (
        f"Exact copies: {counted(found.copies, 'row')}{groups}; "
        f"rows that share their prompt with another: {found.same_prompt:,}."
    )
    yield f"Empty prompts: {found.empty_prompts:,}; empty responses: {found.empty_responses:,}."
    for what, each in (("Prompt", found.prompt_tokens), ("Response", found.response_tokens)):
        yield (
            f"{what} tokens: {each.low:,} to {each.high:,}, median {each.median:,}, "
            f"95 % of rows at most {each.p95:,}."
        )
    if found.turns.high > 2 or found.turns.low != found.turns.high:
        yield f"Turns a row: {found.turns.low:,} to {found.turns.high:,}, median {found.turns.median:,}."
    yield f"Languages: {', '.join(_shares(found))}."


def _shares(found: LoadReport) -> Iterator[str]:
    for code, rows in found.languages[:MOST_NAMED]:
        yield f"{code} {_share(rows, found.rows)}"
    others = sum(rows for _, rows in found.languages[MOST_NAMED:])
    if others:
        yield f"{len(found.languages) - MOST_NAMED} others {_share(others, found.rows)}"
    yield f"unsure {_share(found.unsure, found.rows)}"


def _share(rows: int, of: int) -> str:
    return f"{rows / of:.1%}" if rows * 100 >= of else counted(rows, "row")
