"""Texts to unit rows: the model read once, texts of one length together, resumable in parts."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.domain import Mask, OnProgress, Positions, Progress, Vectors, ignore_progress
from core.encoders import MINILM, WORD_COUNTS, Encoder, Precision, Prepared, load_encoder
from core.errors import ModelError, ParameterError
from core.machine import cores
from core.word_counts import word_vectors
from core.words import LONGEST, words

_HALF = re.compile("[\ud800-\udfff]")

VERSION = 1  # raised when the same texts would get other vectors

_LEAST_COSINE = 0.999  # bf16 is used only where every trial row is at least this close to fp32
_TRIAL_TOKENS = 1024  # a thread, in each precision
_TRIAL_SHARE = 10  # the work is at least so many times the trial, or none is made
_SECONDS_BETWEEN_REPORTS = 0.25
_MOST_THREADS = 16  # beyond it the interpreter lock, not the cores, sets the pace


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedParams:
    """How texts become vectors; hashable, so that it is a cache key.

    model: the packaged "all-MiniLM-L6-v2", "word-counts" (no model at all), a local folder, or a hub id.
    max_tokens: tokens read of each text; None: the model's own limit (256 for the default model).
    precision: "auto" takes bf16 where a trial shows it faster and close enough, else fp32.
    batch_tokens: tokens a batch, padding included; ignored for a text that is longer by itself.
    part_texts: unique texts a part, the unit that is saved and resumed.
    """

    model: str = MINILM
    max_tokens: int | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    batch_tokens: int = 2048
    part_texts: int = 2048


class Parts(Protocol):
    """Where finished parts are kept, so that a killed job goes on from them.

    One instance belongs to one job: one sequence of texts and one ``EmbedParams``.
    """

    def load(self, index: int) -> NDArray[np.float32] | None:
        """Return part ``index`` as it was saved, or None."""
        ...

    def save(self, index: int, array: NDArray[np.float32]) -> None:
        """Keep part ``index``."""
        ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of n texts and how they came to be.

    vectors: (n, d) float32, unit length, read-only.
    tokens: (n,) int32, tokens read of each text, special ones included.
    truncated: texts longer than the limit, of which only the beginning was read.
    duplicates: texts equal to an earlier one, embedded once.
    empty: texts without a visible character; they share the model's vector of the empty text.
    resumed: unique texts that were taken from parts saved earlier.
    digest: sha256 of the model's weights.
    note: all of it in one sentence, for the log.
    cut: (n,) bool, which texts are longer than the limit.
    """

    vectors: Vectors = field(repr=False)
    tokens: NDArray[np.int32] = field(repr=False)
    precision: Precision
    device: str
    truncated: int
    duplicates: int
    empty: int
    resumed: int
    digest: str
    note: str
    cut: Mask = field(repr=False)


class _Choice(NamedTuple):
    precision: Precision
    note: str


def embed(
    texts: Sequence[str],
    params: EmbedParams | None = None,
    *,
    on_progress: OnProgress = ignore_progress,
    parts: Parts | None = None,
) -> Embedded:
    """Embed n texts: (n, d) float32, unit length, one row a text in the order given.

    Equal texts share one row of work; texts are batched longest first by token count, so that batches
    hold little padding. With ``parts`` the work is saved piece by piece, and what is already there is not
    computed again.

    Raises: ModelError where the model is missing, altered or gives unusable numbers; ParameterError for
    settings out of range; whatever ``on_progress`` raises, such as Cancelled.
    """
    params = params or EmbedParams()
    _check(params)
    if params.model == WORD_COUNTS:
        return _by_words(texts, params, on_progress)
    unique, inverse = _unique(texts)
    on_progress(Progress("embed", 0, len(unique), f"loading {params.model}"))
    encoder = load_encoder(params.model, params.max_tokens)
    on_progress(Progress("embed", 0, len(unique), "counting tokens"))
    prepared = encoder.prepare(unique)
    job = _Job(encoder, params, prepared, on_progress)
    choice = job.run(parts)
    vectors = job.rows if len(unique) == len(texts) else job.rows[inverse]
    vectors.setflags(write=False)
    cut = prepared.truncated[inverse]
    empty = sum(not text.strip() for text in texts)
    counts = (int(cut.sum()), len(texts) - len(unique), empty, job.meter.skipped)
    note = f"{params.model} on {encoder.device}, {choice.note}{_counted(*counts)}"
    tokens = prepared.tokens[inverse]
    return Embedded(vectors, tokens, choice.precision, encoder.device, *counts, encoder.digest, note, cut)


def _by_words(texts: Sequence[str], params: EmbedParams, on_progress: OnProgress) -> Embedded:
    """What ``embed`` gives without a model; ``tokens`` are then the distinct words."""
    if params.max_tokens is not None or params.precision == "bf16":
        raise ParameterError(
            "Word counts have neither a token limit nor a precision.", "Leave both at their defaults."
        )
    on_progress(Progress("embed", 0, len(texts), "counting words"))
    found = np.bincount(words(texts)["row"].to_numpy(), minlength=len(texts)).astype(np.int32)
    vectors = word_vectors(texts)
    on_progress(Progress("embed", len(texts), len(texts)))
    cut = np.array([len(text) > LONGEST for text in texts], dtype=bool)
    counts = (int(cut.sum()), len(texts) - len(set(texts)), sum(not text.strip() for text in texts), 0)
    digest = hashlib.sha256(f"{WORD_COUNTS} {VERSION}".encode()).hexdigest()
    said = f"; {counts[0]:,} read to {LONGEST:,} characters" if counts[0] else ""
    note = f"{WORD_COUNTS}: TF-IDF and a truncated SVD, {vectors.shape[1]} dimensions{said}"
    return Embedded(vectors, found, "fp32", "cpu", *counts, digest, note, cut)


def _check(params: EmbedParams) -> None:
    if params.precision not in ("auto", "fp32", "bf16"):
        raise ParameterError(f'There is no precision "{params.precision}".', "Choose auto, fp32 or bf16.")
    if params.batch_tokens < 1 or params.part_texts < 1:
        raise ParameterError("A batch and a part need at least one text.", "Leave both at their defaults.")


def _unique(texts: Sequence[str]) -> tuple[list[str], Positions]:
    """Return the distinct texts in order of first sight, and for each text its place among them."""
    places: dict[str, int] = {}
    inverse = np.empty(len(texts), dtype=np.int64)
    for row, text in enumerate(texts):
        seen = text if text.strip() else ""  # one empty text, however it is spelt
        if not seen.isascii():  # half a character, which no tokenizer takes
            seen = _HALF.sub("\ufffd", seen)
        inverse[row] = places.setdefault(seen, len(places))
    return list(places), inverse


def _counted(truncated: int, duplicates: int, empty: int, resumed: int) -> str:
    """Say every count that is not zero."""
    said = (
        (truncated, "cut at the token limit"),
        (duplicates, "equal to an earlier one and embedded once"),
        (empty, "empty"),
        (resumed, "taken from an earlier run"),
    )
    return "".join(f"; {count:,} {words}" for count, words in said if count)


class _Job:
    """The unique texts of one call, longest first, cut into parts and batches."""

    def __init__(
        self, encoder: Encoder, params: EmbedParams, prepared: Prepared, on_progress: OnProgress
    ) -> None:
        self.encoder = encoder
        self.params = params
        self.items = prepared.items
        self.tokens = prepared.tokens
        self.rows: Vectors = np.empty((len(self.items), encoder.width), dtype=np.float32)
        # Longest first: memory peaks at once, and a rate in tokens foretells the time left. A stable sort
        # and a fixed size make the same parts on resume.
        order: Positions = np.argsort(-self.tokens, kind="stable")
        self.slices = [
            order[start : start + params.part_texts] for start in range(0, len(order), params.part_texts)
        ]
        self.order = order
        self.meter = _Meter(on_progress, len(order), int(self.tokens.sum()))

    def run(self, parts: Parts | None) -> _Choice:
        """Fill ``rows``, from the parts where they are there, and say in what precision."""
        there = [] if parts is None else self._taken_from(parts)
        with _threads(self.encoder) as pool:
            choice = self._choice(pool, there)
            self.encoder.keep(choice.precision)
            self.meter.begin()
            for index in sorted(set(range(len(self.slices))) - set(there)):
                self._compute(pool, self.slices[index], choice.precision)
                if parts is not None:
                    parts.save(index, self.rows[self.slices[index]])
        self.meter.tell()
        return choice

    def _taken_from(self, parts: Parts) -> list[int]:
        """Take over the parts saved earlier, but for any of another shape than this job's."""
        there = []
        for index, rows in enumerate(self.slices):
            part = parts.load(index)
            if part is not None and part.shape == (len(rows), self.encoder.width):
                self.rows[rows] = part
                self.meter.skip(len(rows), int(self.tokens[rows].sum()))
                there.append(index)
        return there

    def _compute(self, pool: ThreadPoolExecutor, rows: Positions, precision: Precision) -> None:
        batches = list(self._batches(rows))
        encoded = pool.map(lambda batch: self._encode(batch, precision), batches)
        for batch, vectors in zip(batches, encoded, strict=True):
            if not np.isfinite(vectors).all():
                raise ModelError(
                    f"The model {self.params.model} gave numbers that are not finite in {precision}.",
                    "Choose precision fp32, or another model.",
                )
            self.rows[batch] = vectors
            self.meter.add(len(batch), int(self.tokens[batch].sum()))

    def _encode(self, rows: Positions, precision: Precision) -> NDArray[np.float32]:
        return self.encoder.encode([self.items[row] for row in rows], precision)

    def _batches(self, rows: Positions) -> Iterator[Positions]:
        """Cut rows, longest first, so that rows times the longest stays within the token budget."""
        start = 0
        while start < len(rows):
            longest = max(1, int(self.tokens[rows[start]]))
            stop = start + max(1, self.params.batch_tokens // longest)
            yield rows[start:stop]
            start = stop

    def _choice(self, pool: ThreadPoolExecutor, there: list[int]) -> _Choice:
        """Choose the precision: the one asked for, that of the parts at hand, or the winner of a trial."""
        if self.params.precision != "auto":
            return _Choice(self.params.precision, f"{self.params.precision} as asked")
        if there:
            return self._as_before(self.slices[there[0]][-4:])
        trial = list(self._trial_batches())
        if self.tokens.sum() <= _TRIAL_SHARE * sum(self.tokens[batch].sum() for batch in trial):
            return _Choice("fp32", "fp32, as too few texts for a trial of bf16")
        return self._tried(pool, trial)

    def _as_before(self, rows: Positions) -> _Choice:
        """A job goes on in the precision it began with, whatever a new trial would say."""
        same = np.abs(self._encode(rows, "fp32") - self.rows[rows]).max() < 1e-4  # bf16 differs by about 1e-3
        precision: Precision = "fp32" if same else "bf16"
        return _Choice(precision, f"{precision} like the parts that were there")

    def _trial_batches(self) -> Iterator[Positions]:
        """Return a batch a thread, from the middle of the lengths on."""
        start = len(self.order) // 2
        for _ in range(_thread_count(self.encoder)):
            rows = self.order[start:]
            if len(rows):
                rows = rows[: max(1, _TRIAL_TOKENS // max(1, int(self.tokens[rows[0]])))]
                yield rows
                start += len(rows)

    def _tried(self, pool: ThreadPoolExecutor, trial: list[Positions]) -> _Choice:
        """Encode the same few rows in both precisions and compare time and direction."""

        def encode(precision: Precision) -> tuple[float, NDArray[np.float32]]:
            start = time.perf_counter()
            rows = np.concatenate(list(pool.map(lambda batch: self._encode(batch, precision), trial)))
            return time.perf_counter() - start, rows

        full, half = [], []
        for _ in range(3):  # the first round also pays for casting the weights
            full.append(encode("fp32"))
            half.append(encode("bf16"))
        cosine = float((full[0][1] * half[0][1]).sum(axis=1).min())
        ratio = min(seconds for seconds, _ in full) / min(seconds for seconds, _ in half)
        precision: Precision = "bf16" if ratio > 1 and cosine >= _LEAST_COSINE else "fp32"
        said = f"bf16 {ratio:.1f} times as fast on {len(full[0][1])} texts, lowest cosine {cosine:.5f}"
        return _Choice(precision, f"{precision} ({said})")


def _thread_count(encoder: Encoder) -> int:
    return min(cores(), _MOST_THREADS) if encoder.concurrent else 1


@contextmanager
def _threads(encoder: Encoder) -> Iterator[ThreadPoolExecutor]:
    """A pool in which each thread runs whole batches on its share of the cores.

    One batch a thread beats one batch on all cores: no barrier after each operation, which matters most
    where other work shares the machine.
    """
    import torch

    count = _thread_count(encoder)
    share = max(1, cores() // count)
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(
        count, thread_name_prefix="embed", initializer=lambda: torch.set_num_threads(share)
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(before)  # the pool's setting is also the default of threads made later


class _Meter:
    """Tells how far the work is, with rate and time left, a few times a second."""

    def __init__(self, on_progress: OnProgress, texts: int, tokens: int) -> None:
        self.on_progress = on_progress
        self.texts = texts
        self.skipped = self.done = self.done_tokens = 0
        self.all_tokens = tokens
        self.begin()

    def begin(self) -> None:
        """Start the clock."""
        self.start = self.told = time.perf_counter()

    def skip(self, texts: int, tokens: int) -> None:
        """Leave out what was there before: it says nothing about the rate."""
        self.skipped += texts
        self.all_tokens -= tokens

    def add(self, texts: int, tokens: int) -> None:
        """Count one batch."""
        self.done += texts
        self.done_tokens += tokens
        if time.perf_counter() - self.told >= _SECONDS_BETWEEN_REPORTS:
            self.tell()

    def tell(self) -> None:
        """Report; time left goes by tokens, since the longest texts come first."""
        self.told = time.perf_counter()
        seconds = max(self.told - self.start, 1e-9)
        note, left = f"{self.done / seconds:,.0f} texts/s", None
        if 0 < self.done_tokens < self.all_tokens:
            left = seconds * (self.all_tokens / self.done_tokens - 1)
            note += f", {left:,.0f} s left"
        self.on_progress(Progress("embed", self.skipped + self.done, self.texts, note, left))
