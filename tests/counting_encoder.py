"""An encoder without a model, that counts what it is asked for, and texts for it."""

from __future__ import annotations

import threading
import time

import numpy as np

from core.encoders import (
    Prepared,
)

PROMPTS = [
    f"{verb} {what}." for verb in ("Describe", "List", "Explain") for what in ("a cat", "rain", "debt")
]


class CountingEncoder:
    """An encoder whose vectors tell the text, that counts what it is asked for."""

    width = 8
    device = "cpu"
    digest = "0" * 64
    concurrent = True

    def __init__(self, *, bf16_seconds=0.0, fp32_seconds=0.0, bf16_error=0.0, value=None):
        self.seconds = {"bf16": bf16_seconds, "fp32": fp32_seconds}
        self.error = {"bf16": bf16_error, "fp32": 0.0}
        self.value = value
        self.encoded = []
        self.kept = None
        self._lock = threading.Lock()

    def prepare(self, texts):
        """Count words, and two tokens more."""
        counts = np.array([len(text.split()) + 2 for text in texts], dtype=np.int32)
        return Prepared(list(texts), counts, counts > 40)

    def encode(self, items, precision):
        """Note the texts and give each its direction."""
        with self._lock:
            self.encoded.extend(items)
        time.sleep(self.seconds[precision])
        rows = np.stack([self.direction(text) for text in items])
        rows[:, 0] += self.error[precision]
        if self.value is not None:
            rows[:] = self.value
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def keep(self, precision):
        """Note the precision."""
        self.kept = precision

    def direction(self, text):
        """A vector that only this text has."""
        seed = int.from_bytes(text.encode()[-8:] + bytes([len(text) % 256]), "little")
        return np.random.default_rng(seed).normal(size=self.width)


class KeptParts:
    """Parts in memory."""

    def __init__(self):
        self.arrays = {}

    def load(self, index):
        """Return what was saved, or None."""
        return self.arrays.get(index)

    def save(self, index, array):
        """Keep a copy."""
        self.arrays[index] = array.copy()


def many_texts(n):
    """n texts of many lengths, all different."""
    return [f"text {row} " + "word " * (row * 7 % 30) for row in range(n)]
