"""Random numbers that belong to a row's id, not to its place in the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]


def id_keys(ids: Iterable[str]) -> Keys:
    """(n,) 64 bits of the sha256 of each id."""
    digests = b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in ids)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def draws(keys: Keys, seed: int) -> Keys:
    """(n,) a random number a row that depends on the seed and its id alone (splitmix64)."""
    start = np.frombuffer(hashlib.sha256(f"winnow {seed}".encode()).digest()[:8], dtype="<u8")[0]
    mixed: Keys = keys ^ start
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
