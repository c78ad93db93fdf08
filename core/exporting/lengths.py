"""How long rows are for a trainer: counted by the tokenizer that a person names, in its chat template."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain import Dataset, OnProgress, Positions, Progress, ignore_progress
from core.errors import ParameterError
from core.exporting.formats import holds_texts
from core.exporting.formats.shape import message_records
from core.exporting.issues import Lengths

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

AT_ONCE = 512  # texts that are encoded together
NAME_IT = "Name a folder that holds tokenizer.json, or a model on the hub such as Qwen/Qwen3-0.6B."


def trainer_lengths(
    dataset: Dataset, rows: Positions, tokenizer: str, *, on_progress: OnProgress = ignore_progress
) -> Lengths:
    """Tokens of these rows by the tokenizer of a local folder or of the hub; 0 for all other rows.

    With a chat template the row is put into it, as trainers do, and rows that it refuses are marked; their
    texts alone are counted then. Without one the texts are counted as they are, and so are ready texts.

    Raises:
        ParameterError: there is no such tokenizer, or it cannot be read.
    """
    chosen, ready = _loaded(tokenizer), holds_texts(dataset)
    tokens = np.zeros(len(dataset), dtype=np.int32)
    refused = np.zeros(len(dataset), dtype=np.bool_)
    records = message_records(dataset, rows)
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        pairs = [_templated(chosen, record, ready=ready) for record in islice(records, len(part))]
        encoded = chosen([text for text, _ in pairs], add_special_tokens=False, verbose=False)["input_ids"]
        tokens[part] = [len(each) for each in encoded]
        refused[part] = [bad for _, bad in pairs]
        on_progress(Progress("count tokens", start + len(part), len(rows)))
    for array in (tokens, refused):
        array.flags.writeable = False
    return Lengths(tokens, refused if chosen.chat_template and not ready else None)


def _loaded(tokenizer: str) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    folder = Path(tokenizer).expanduser()
    if folder.is_absolute() and not folder.is_dir():
        raise ParameterError(f"There is no folder {tokenizer}.", NAME_IT)
    where = str(folder) if folder.is_dir() else tokenizer
    try:
        return AutoTokenizer.from_pretrained(where, trust_remote_code=False)
    except Exception as cause:
        why = str(cause).strip().partition("\n")[0][:200].rstrip(".")
        raise ParameterError(f"The tokenizer {tokenizer[:100]} could not be read: {why}.", NAME_IT) from cause


def _templated(
    tokenizer: PreTrainedTokenizerBase, record: dict[str, Any], *, ready: bool
) -> tuple[str, bool]:
    """The row as a trainer would put it, and whether the template refuses it."""
    if tokenizer.chat_template and not ready:
        try:
            text = tokenizer.apply_chat_template(
                record["messages"], tools=record.get("tools"), tokenize=False
            )
            return str(text), False
        except Exception:
            return "\n".join(_texts(record)), True
    return "\n".join(_texts(record)), False


def _texts(record: dict[str, Any]) -> Iterator[str]:
    for message in record["messages"]:
        content = message.get("content")
        yield content if isinstance(content, str) else ""
