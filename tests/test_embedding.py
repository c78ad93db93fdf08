"""Texts to vectors: the same as sentence-transformers gives, once a text, resumable, never silent."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from counting_encoder import PROMPTS, CountingEncoder, KeptParts, many_texts
from real_rows import on_real_rows, real_texts

import core.embedding
from core.embedding import EmbedParams, embed
from core.encoders import (
    MiniLM,
    packaged_folder,
)
from core.errors import Cancelled, ModelError

# The first six numbers of sentence-transformers' own fp32 encode of the same files.
BY_SENTENCE_TRANSFORMERS = {
    "Give three tips for staying healthy.": [-0.007588, 0.009385, 0.011264, 0.010622, -0.002197, 0.04906],
    "Translate the sentence into French: the cat sleeps on the warm roof.": [
        0.038279,
        0.092159,
        0.043086,
        0.079963,
        0.029251,
        -0.033332,
    ],
    "": [-0.118838, 0.048299, -0.002548, -0.011011, 0.051951, 0.010292],
}


@pytest.fixture
def counting(monkeypatch):
    """Put a counting encoder in the place of the model."""

    def install(**settings):
        encoder = CountingEncoder(**settings)
        monkeypatch.setattr(core.embedding, "load_encoder", lambda model, max_tokens: encoder)
        return encoder

    return install


def test_vectors_are_those_of_sentence_transformers():
    """The lean forward pass gives the numbers of the reference implementation."""
    made = embed(list(BY_SENTENCE_TRANSFORMERS), EmbedParams(precision="fp32"))
    np.testing.assert_allclose(made.vectors[:, :6], list(BY_SENTENCE_TRANSFORMERS.values()), atol=2e-6)


def test_vectors_are_unit_rows_in_the_order_given_and_read_only():
    """Row i is text i, whatever the order in which texts were batched."""
    made = embed([*PROMPTS, "word " * 120], EmbedParams(precision="fp32"))
    alone = np.concatenate([embed([text], EmbedParams(precision="fp32")).vectors for text in PROMPTS])
    assert made.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(made.vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(made.vectors[:-1], alone, atol=1e-5)
    with pytest.raises(ValueError, match="read-only"):
        made.vectors[0, 0] = 1


def test_bf16_points_the_same_way():
    """Half precision turns no vector by more than a cosine of 0.999, the longest text included."""
    texts = [*PROMPTS, "word " * 120, "", "日本語の文章", "x = [i for i in range(9)]"]
    full, half = (embed(texts, EmbedParams(precision=each)).vectors for each in ("fp32", "bf16"))
    assert (full * half).sum(axis=1).min() >= 0.999
    assert not np.array_equal(full, half)


def test_padding_does_not_reach_a_vector():
    """A short text in a batch with a long one is encoded as if it were alone."""
    encoder = MiniLM(packaged_folder())
    items = encoder.prepare(["a cat", "a long text about " + "many things " * 40]).items
    for precision, gap in (("fp32", 1e-6), ("bf16", 6e-3)):
        together, alone = encoder.encode(items, precision)[0], encoder.encode(items[:1], precision)[0]
        np.testing.assert_allclose(together, alone, atol=gap)


def test_texts_beyond_the_limit_are_cut_and_counted():
    """The count of truncated texts is that of texts, duplicates included; tokens are what was read."""
    made = embed(["word " * 300, "word " * 300, "short"], EmbedParams(precision="fp32"))
    assert (made.truncated, made.tokens.tolist()) == (2, [256, 256, 3])
    assert "2 cut at the token limit" in made.note
    assert embed(["one two three four five six"], EmbedParams(max_tokens=5)).tokens.tolist() == [5]


def test_equal_texts_are_encoded_once(counting):
    """Duplicates cost nothing and get the same vector."""
    encoder = counting()
    made = embed(["same", "other", "same", "same"])
    assert sorted(encoder.encoded) == ["other", "same"]
    assert made.duplicates == 2
    assert np.array_equal(made.vectors[0], made.vectors[3])
    assert not np.array_equal(made.vectors[0], made.vectors[1])


def test_empty_texts_share_the_vector_of_the_empty_text_and_are_counted():
    """White space of any kind is the empty text; it is never the word None."""
    made = embed(["", " \n\t", "None", "\u3000"], EmbedParams(precision="fp32"))
    assert made.empty == 3
    assert np.array_equal(made.vectors[0], made.vectors[1])
    assert np.array_equal(made.vectors[0], made.vectors[3])
    assert made.vectors[0] @ made.vectors[2] < 0.9
    assert np.isfinite(made.vectors).all()


def test_no_texts_give_no_rows():
    """An empty dataset is not an error."""
    made = embed([])
    assert made.vectors.shape == (0, 384)


def test_batches_stay_within_the_token_budget(counting):
    """Rows times the longest of a batch is at most the budget, unless one text alone is longer."""
    encoder = counting()
    sizes = []
    whole = encoder.encode
    encoder.encode = lambda items, precision: sizes.append(items) or whole(items, precision)
    embed([*many_texts(300), "word " * 90], EmbedParams(batch_tokens=64, precision="fp32"))
    padded = [len(items) * max(len(text.split()) + 2 for text in items) for items in sizes if len(items) > 1]
    assert max(padded) <= 64
    assert len(sizes) < 301


def test_a_killed_job_goes_on_from_the_parts_that_were_saved(counting):
    """Only the texts of missing parts are encoded again, and the result is that of one whole run."""
    texts = many_texts(50)
    params = EmbedParams(part_texts=10, precision="fp32")
    counting()
    whole = embed(texts, params)
    parts = KeptParts()

    def kill(index, array, save=parts.save):
        if index == 3:
            raise KeyboardInterrupt
        save(index, array)

    parts.save = kill
    with pytest.raises(KeyboardInterrupt):
        embed(texts, params, parts=parts)
    assert sorted(parts.arrays) == [0, 1, 2]
    parts.save = KeptParts.save.__get__(parts)
    encoder = counting()
    resumed = embed(texts, params, parts=parts)
    assert len(encoder.encoded) == len(set(encoder.encoded)) == 20
    assert resumed.resumed == 30
    assert "30 taken from an earlier run" in resumed.note
    assert resumed.vectors.tobytes() == whole.vectors.tobytes()
    assert sorted(parts.arrays) == [0, 1, 2, 3, 4]


def test_a_part_of_another_shape_is_computed_anew(counting):
    """What is kept under the number of a part is used only where it fits."""
    encoder = counting()
    parts = KeptParts()
    parts.arrays[0] = np.zeros((3, encoder.width), np.float32)
    made = embed(many_texts(20), EmbedParams(part_texts=10, precision="fp32"), parts=parts)
    assert made.resumed == 0
    assert parts.arrays[0].shape == (10, encoder.width)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_job_keeps_its_precision(counting, precision):
    """A new trial could decide otherwise; vectors of one job are never of two precisions."""
    texts = many_texts(40)
    parts = KeptParts()
    counting(bf16_error=0.01)
    embed(texts, EmbedParams(part_texts=10, precision=precision), parts=parts)
    del parts.arrays[2]
    encoder = counting(bf16_error=0.01)
    resumed = embed(texts, EmbedParams(part_texts=10), parts=parts)
    assert (resumed.precision, encoder.kept) == (precision, precision)


@pytest.mark.parametrize(
    ("settings", "chosen"),
    [
        ({"fp32_seconds": 0.02}, "bf16"),
        ({"bf16_seconds": 0.02}, "fp32"),
        ({"fp32_seconds": 0.02, "bf16_error": 0.5}, "fp32"),
    ],
    ids=["faster and close", "slower", "faster and far"],
)
def test_bf16_is_taken_only_where_it_is_faster_and_close(counting, settings, chosen):
    """The trial decides, and its figures are in the note."""
    encoder = counting(**settings)
    made = embed(many_texts(6000), EmbedParams(batch_tokens=100_000))
    assert (made.precision, encoder.kept) == (chosen, chosen)
    assert "times as fast" in made.note
    assert "lowest cosine" in made.note


def test_few_texts_are_not_worth_a_trial(counting):
    """A handful of rows is encoded in fp32 at once, and the note says why."""
    encoder = counting()
    made = embed(PROMPTS)
    assert (made.precision, len(encoder.encoded)) == ("fp32", len(PROMPTS))
    assert "too few texts" in made.note


def test_cancelling_stops_the_work_and_comes_through(counting):
    """What on_progress raises is not caught, and few of the batches that wait are still begun."""
    encoder = counting(fp32_seconds=0.01)

    def stop(progress):
        if progress.done:
            raise Cancelled

    with pytest.raises(Cancelled):
        embed(many_texts(2000), EmbedParams(batch_tokens=64, precision="fp32"), on_progress=stop)
    assert 0 < len(encoder.encoded) < 1000


def test_progress_rises_to_the_total(counting):
    """Done never falls, the last report is the whole, and rate and time left are told on the way."""
    counting(fp32_seconds=0.02)
    told = []
    embed(many_texts(400), EmbedParams(batch_tokens=64, precision="fp32"), on_progress=told.append)
    done = [progress.done for progress in told]
    assert done == sorted(done)
    assert (told[-1].stage, told[-1].done, told[-1].total) == ("embed", 400, 400)
    assert any("texts/s" in progress.note and "s left" in progress.note for progress in told)


def test_the_time_left_is_told_by_tokens(counting):
    """Texts of a hundred words come first; the few done then are a good part of the work."""
    counting(fp32_seconds=0.02)
    texts = [f"{number} " + "word " * 100 for number in range(400)] + many_texts(2000)
    told = []
    embed(texts, EmbedParams(batch_tokens=512, precision="fp32"), on_progress=told.append)
    early = next(progress for progress in told if progress.seconds_left is not None)
    rate = float(early.note.split(" texts/s")[0].replace(",", ""))
    assert early.done < 400
    assert early.seconds_left < (early.total - early.done) / rate / 2
    assert told[-1].seconds_left is None


def test_numbers_that_are_not_finite_are_refused(counting):
    """A model that gives NaN is an error with a hint, not a row of the map."""
    counting(value=np.nan)
    with pytest.raises(ModelError, match="not finite"):
        embed(["a", "b"])


def test_importing_core_loads_no_heavy_library():
    """The command line and the first screen do not wait for torch, numba or scikit-learn."""
    code = (
        "import sys, core, core.embedding, core.neighbours, core.clustering, core.projection; "
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'numba', 'umap', 'sklearn', 'scipy'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@on_real_rows
def test_every_vector_of_the_real_rows_is_close_to_sentence_transformers(real_project):
    """Cosine of at least 0.999 on a random thousand and on the fifty longest."""
    from sentence_transformers import SentenceTransformer

    vectors, texts = real_project.vectors(), real_texts()
    drawn = np.random.default_rng(0).choice(len(texts), 1000, replace=False)
    rows = np.union1d(drawn, np.argsort([len(text) for text in texts])[-50:])
    reference = SentenceTransformer(str(packaged_folder()), device="cpu", local_files_only=True)
    expected = reference.encode([texts[row] for row in rows], show_progress_bar=False)
    assert (vectors[rows] * expected).sum(axis=1).min() >= 0.999
    assert real_project.notes()["truncated"] == 8


LANGUAGES = [
    *["What is the capital of France?", "Write a haiku about autumn.", "Sort [3, 1, 2] in Python."],
    *["Was ist die Hauptstadt von Österreich?", "Schreibe ein Gedicht über den Fluß.", "Größe und Gewicht"],
    *["Écris une lettre à ton frère.", "Où est la bibliothèque ?", "Ça va très bien, merci."],
    *["¿Qué es la fotosíntesis?", "Explica el cambio climático.", "Mañana será otro día."],
    *["Что такое машинное обучение?", "Напиши рассказ о зиме.", "Ёлка и йод"],
    *["什么是光合作用？", "写一首关于月亮的诗。", "把这句话翻译成英文。"],
    *["日本の首都はどこですか。", "俳句を書いてください。", "カタカナとひらがな"],
    *["한국의 수도는 어디입니까?", "가을에 대한 시를 쓰세요.", "안녕하세요"],
    *["ما هي عاصمة مصر؟", "اكتب قصة قصيرة.", "भारत की राजधानी क्या है?", "एक कविता लिखो।"],
    *["เมืองหลวงของไทยคืออะไร", "Thủ đô của Việt Nam là gì?", "Türkiye'nin başkenti neresi?"],
    *["Ποια είναι η πρωτεύουσα της Ελλάδας;", "מהי בירת ישראל?", "Cộng hòa xã hội", "naïve café"],
    *["🙂👍🏽🏳️‍🌈", "a\u0301 is á", "line\nbreak\ttab", "<b>[MASK] [SEP]</b>", "x" * 300, "∑∫√≠"],
]


@pytest.fixture(scope="module")
def reference():
    """The packaged model as sentence-transformers loads and runs it by itself."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(packaged_folder()), device="cpu", local_files_only=True)


def test_texts_of_many_languages_get_the_vectors_of_sentence_transformers(reference):
    """Some forty short texts, odd ones among them, one by one at a cosine of 0.999 and nearly 1."""
    expected = reference.encode(LANGUAGES, batch_size=1, show_progress_bar=False).astype(float)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert len(LANGUAGES) >= 40
    for precision, least in (("fp32", 0.999999), ("bf16", 0.999)):
        made = embed(LANGUAGES, EmbedParams(precision=precision))
        assert (made.vectors.astype(float) * expected).sum(axis=1).min() >= least


def test_the_precision_asked_for_is_used_and_told(counting):
    """Neither is tried against the other: each text is encoded once, in what was asked for."""
    texts = many_texts(60)

    for precision in ("fp32", "bf16"):
        encoder = counting(bf16_error=0.5)
        made = embed(texts, EmbedParams(precision=precision))
        assert (made.precision, encoder.kept, len(encoder.encoded)) == (precision, precision, 60)
        assert f"{precision} as asked" in made.note
        rows = np.stack([encoder.direction(text) for text in texts])
        rows[:, 0] += encoder.error[precision]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        np.testing.assert_allclose(made.vectors, rows, atol=1e-6)


def test_stopping_keeps_the_parts_that_are_finished(counting):
    """Parts done before the stop are kept whole; going on computes the others alone, to the same bytes."""
    texts = many_texts(120)
    params = EmbedParams(part_texts=20, batch_tokens=64, precision="fp32")
    counting()
    whole = embed(texts, params)
    counting(fp32_seconds=0.08)
    parts = KeptParts()

    def stop(progress):
        if progress.done >= 40:
            raise Cancelled

    with pytest.raises(Cancelled):
        embed(texts, params, parts=parts, on_progress=stop)
    kept = len(parts.arrays)
    assert 1 <= kept < 6
    assert all(array.shape == (20, 8) for array in parts.arrays.values())
    encoder = counting()
    resumed = embed(texts, params, parts=parts)
    assert (resumed.resumed, len(encoder.encoded)) == (20 * kept, 120 - 20 * kept)
    assert resumed.vectors.tobytes() == whole.vectors.tobytes()


def test_a_finished_job_is_taken_from_its_parts_alone(counting):
    """Nothing is encoded where every part is there, duplicates or not, and progress still ends whole."""
    texts = many_texts(50) * 2
    params = EmbedParams(part_texts=10, precision="fp32")
    parts = KeptParts()
    counting()
    whole = embed(texts, params, parts=parts)
    encoder = counting()
    told = []
    again = embed(texts, params, parts=parts, on_progress=told.append)
    assert encoder.encoded == []
    assert (again.resumed, again.duplicates) == (50, 50)
    assert again.vectors.tobytes() == whole.vectors.tobytes()
    assert (told[-1].done, told[-1].total) == (50, 50)
