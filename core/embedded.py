"""Vectors of texts, of which only those are embedded that were not before, under the same settings.

Beside stored vectors lie the digests of their texts. So a file that has grown, or rows that are put back,
cost what is new in them. Vectors of word counts belong to one set of texts and are never taken over.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core import embedding
from core.domain import Mask, OnProgress, Positions, Progress, Vectors, ignore_progress
from core.embedding import EmbedParams
from core.encoders import WORD_COUNTS
from core.errors import StoreError
from core.store import Artefact, Key, Store, StoredParts

log = logging.getLogger(__name__)

VERSION = 1  # raised when the same texts would get other digests
DIGEST = 16  # bytes of a text's digest

Digests = NDArray[np.bytes_]  # (n,)


class Wanted(NamedTuple):
    """Texts, their digests, and where their vectors are to be kept."""

    store: Store
    key: Key
    texts: Sequence[str]
    names: Digests


class Earlier(NamedTuple):
    """Vectors of an earlier run, for some of n texts.

    rows: (k,) which texts have one. places: (k,) where it stands among ``vectors``. cut: (m,) of the earlier
    texts those of which only the beginning was read.
    """

    rows: Positions
    places: Positions
    vectors: Vectors
    cut: Mask
    notes: dict[str, Any]


def embedded(
    store: Store,
    key: Key,
    texts: Sequence[str],
    params: EmbedParams,
    *,
    on_progress: OnProgress = ignore_progress,
) -> Artefact:
    """The vectors of n texts, made and stored under a key of their settings and of ``text``, their digest.

    Raises:
        ModelError, ParameterError: as ``embedding.embed``. StoreError: they cannot be stored.
    """
    wanted = Wanted(store, key, texts, digests(texts))
    earlier = None if params.model == WORD_COUNTS else _earlier(wanted)
    added = None if earlier is None else _added(wanted, earlier, params, on_progress)
    if added is not None:
        return added
    parts = StoredParts(store, key)
    made = embedding.embed(texts, params, on_progress=on_progress, parts=parts)
    artefact = _kept(wanted, made.vectors, made.cut, _notes(made))
    parts.drop(len(texts) // params.part_texts + 1)
    return artefact


def digests(texts: Sequence[str]) -> Digests:
    """(n,) what names each text."""
    found = [
        hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=DIGEST).digest() for text in texts
    ]
    return np.array(found, dtype=f"S{DIGEST}")


def _earlier(wanted: Wanted) -> Earlier | None:
    """The stored vectors under the same settings that most of these texts are among; None where none is."""
    store, names = wanted.store, wanted.names
    best: tuple[int, Key, Artefact] | None = None
    for other in _others(store, wanted.key):
        beside = store.get(_beside(other))
        if beside is not None:
            count = int(np.isin(names, beside.array("texts")).sum())
            if count > (best[0] if best else 0):
                best = count, other, beside
    stored = store.get(best[1]) if best else None
    if best is None or stored is None:
        return None
    known = best[2].array("texts")
    order = np.argsort(known, kind="stable")
    at = np.minimum(np.searchsorted(known[order], names), len(known) - 1)
    places = order[at]
    rows = np.flatnonzero(known[places] == names)
    return Earlier(rows, places[rows], stored.array("vectors"), best[2].array("cut"), dict(stored.notes))


def _others(store: Store, key: Key) -> Iterator[Key]:
    """The keys of stored vectors that differ in their texts alone."""
    for each in store.ls():
        if each.stage == key.stage and each.digest != key.digest:
            other = _with_text(key, str(each.inputs.get("text")))
            if other.digest == each.digest:
                yield other


def _added(wanted: Wanted, earlier: Earlier, params: EmbedParams, on_progress: OnProgress) -> Artefact | None:
    """The earlier vectors with those of the other texts; None where the model's weights are others by now."""
    store, key, texts, names = wanted
    missing = np.ones(len(texts), dtype=bool)
    missing[earlier.rows] = False
    new = [texts[row] for row in np.flatnonzero(missing).tolist()]
    vectors = np.empty((len(texts), earlier.vectors.shape[1]), dtype=np.float32)
    cut = np.zeros(len(texts), dtype=bool)
    vectors[earlier.rows], cut[earlier.rows] = earlier.vectors[earlier.places], earlier.cut[earlier.places]
    notes = earlier.notes
    # A part holds vectors of these texts alone: after other rows were embedded, others are missing.
    parts = StoredParts(store, _with_text(key, _digest_of(names[missing])))
    if new:
        params = replace(params, precision=notes["precision"])
        made = embedding.embed(new, params, on_progress=on_progress, parts=parts)
        if made.digest != notes["digest"]:
            return None
        vectors[missing], cut[missing], notes = made.vectors, made.cut, _notes(made)
    on_progress(Progress("embed", len(texts), len(texts)))
    empty = sum(not text.strip() for text in texts)
    said = f"{notes['note']}; {len(earlier.rows):,} taken from vectors that were stored"
    notes = notes | {"truncated": int(cut.sum()), "empty": empty, "note": said}
    artefact = _kept(wanted, vectors, cut, notes)
    parts.drop(len(new) // params.part_texts + 1)
    return artefact


def _notes(made: embedding.Embedded) -> dict[str, Any]:
    names = ("digest", "precision", "device", "truncated", "empty", "note")
    return {name: getattr(made, name) for name in names}


def _kept(wanted: Wanted, vectors: Vectors, cut: Mask, notes: dict[str, Any]) -> Artefact:
    """Store the vectors, and beside them whose they are."""
    store, key = wanted.store, wanted.key
    artefact = store.put(key, {"vectors": vectors}, {"model": dict(key.inputs)["model"]} | notes)
    try:
        store.put(_beside(key), {"texts": wanted.names, "cut": cut})
    except StoreError as error:
        log.warning("%s Rows that are put back will be embedded again.", error.problem)
    return artefact


def _beside(key: Key) -> Key:
    return Key.of("embedded-texts", VERSION, vectors=key.digest)


def _with_text(key: Key, text: str) -> Key:
    return Key.of(key.stage, key.version, **dict(key.inputs) | {"text": text})


def _digest_of(names: Digests) -> str:
    return hashlib.sha256(names.tobytes()).hexdigest()
