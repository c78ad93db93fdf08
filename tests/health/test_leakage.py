"""Evaluation prompts among rows: against a few lines of brute force, and on texts that nobody wrote for it."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from health_rows import frame

from core.health import leaked
from core.health.leakage import COMMON

WORDS = ["ship", "quay", "rope", "sail", "tide", "harbour"]


def runs(words, size):
    """Every run of so many words, as often as it comes."""
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]


def by_hand(pairs, prompts):
    """Row -> the prompt of which it holds the most runs: 13 words, fewer where the prompt is shorter."""
    asked = [each.split() for each in prompts]
    owners = Counter(run for words in asked for run in set(runs(words, 13)))
    found = {}
    for row, texts in enumerate(pairs):
        prompt, response = (text.split() for text in texts)
        votes = Counter()
        for place, words in enumerate(asked):
            size = min(len(words), 13)
            if 0 < size < 8:
                votes[place] += prompt == words
            elif size:
                wanted = {run for run in runs(words, size) if size < 13 or owners[run] <= COMMON}
                votes[place] += sum(run in wanted for text in (prompt, response) for run in runs(text, size))
        best = max(votes, key=lambda place: (votes[place], -place), default=None)
        if best is not None and votes[best]:
            found[row] = best
    return found


@pytest.mark.parametrize("seed", range(12))
def test_words_in_common_are_those_found_by_hand(seed):
    """Random texts of six words, so that runs are often shared, by several prompts and several times."""
    rng = np.random.default_rng(seed)

    def text(longest):
        period = rng.integers(1, 5)  # texts that repeat themselves meet more often
        base = rng.choice(WORDS, period)
        words = [str(base[i % period]) for i in range(rng.integers(0, longest))]
        return " ".join(words)

    prompts = [text(20) for _ in range(40)]
    pairs = [(text(24), text(24)) for _ in range(60)] + [(prompts[3], ""), ("", prompts[5])]
    found = leaked(frame(pairs), prompts)
    assert dict(zip(found.rows.tolist(), found.prompts.tolist(), strict=True)) == by_hand(pairs, prompts)
    assert found.by_words.all()
    assert all(np.isnan(found.similarity))


LONG = (
    "Which of the harbours of the western coast of Portugal was the first to be closed by the winter storm?"
)


def test_case_punctuation_and_space_do_not_hide_a_prompt():
    """The words count; what was seen are the words in common."""
    hidden = LONG.upper().replace(" ", " \n ").replace("?", "!!!")
    found = leaked(
        frame([("Look.", "Ships."), (f"Say: {hidden}", "Yes."), ("Ask.", f"A question: {LONG}")]), ["x", LONG]
    )
    assert found.rows.tolist() == [1, 2]
    assert found.prompts.tolist() == [1, 1]
    assert found.seen[0].startswith("which of the harbours")


def test_no_run_goes_from_the_prompt_into_the_response():
    """Half of a prompt in each is no prompt in either."""
    words = LONG.split()
    assert len(leaked(frame([(" ".join(words[:10]), " ".join(words[10:]))]), [LONG]).rows) == 0


def test_short_prompts_have_to_be_the_whole_prompt():
    """Seven words or fewer run through many texts by chance."""
    pairs = [("What is a quay?", ""), ("Say what is a quay to you", ""), ("Ask.", "What is a quay?")]
    assert leaked(frame(pairs), ["what is a QUAY"]).rows.tolist() == [0]


def test_scripts_without_spaces_are_read_sign_by_sign():
    """Each sign is a word: a passage is found inside a longer one."""
    prompt = "葡萄牙西海岸的哪个港口最先关闭"
    assert leaked(frame([(f"请回答：{prompt}？谢谢。", "")]), [prompt]).rows.tolist() == [0]


def test_what_many_prompts_share_is_a_template():
    """The words of a frame around multiple choices are no leak, and are counted."""
    template = "The following are multiple choice questions with answers about the law of the sea:"
    prompts = [f"{template} number {place}" for place in range(COMMON + 1)]
    found = leaked(frame([(f"{template} ships", "")]), prompts)
    assert len(found.rows) == 0
    assert found.templates == 3
    assert len(leaked(frame([(f"{template} ships", "")]), prompts[:-1]).rows) == 1


@pytest.mark.parametrize("threshold", [0.3, 0.7, 1.0])
def test_near_vectors_count_from_the_threshold_on(threshold):
    """Beside the words; the nearest prompt is named, with its similarity."""
    rng = np.random.default_rng(7)
    vectors, asked = (rng.standard_normal((n, 3)).astype(np.float32) for n in (200, 9))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    vectors[5] = asked[2]
    pairs = [(f"row {place}", "") for place in range(200)]
    pairs[8] = ("number 4", "")
    prompts = [f"number {place}" for place in range(9)]
    found = leaked(frame(pairs), prompts, vectors=vectors, prompt_vectors=asked, similarity=threshold - 1e-6)
    cosine = np.array([[float(np.dot(one, other)) for other in asked] for one in vectors])
    expected = {row: int(cosine[row].argmax()) for row in range(200) if cosine[row].max() >= threshold - 1e-6}
    expected[8] = 4
    assert dict(zip(found.rows.tolist(), found.prompts.tolist(), strict=True)) == expected
    assert found.rows[found.by_words].tolist() == [8]
    near = [cosine[row, prompt] for row, prompt in expected.items()]
    np.testing.assert_allclose(sorted(found.similarity), sorted(near), atol=1e-5)


@pytest.mark.parametrize("cosine", [0.25, 0.5, 0.75, 1.0])
def test_a_row_at_the_threshold_itself_counts(cosine):
    """As near as was asked for is near; a hair less is not."""
    vectors = np.array([[cosine, (1 - cosine**2) ** 0.5], [cosine - 1e-4, 0]], dtype=np.float32)
    asked = np.array([[1, 0]], dtype=np.float32)
    rows = frame([("a row", ""), ("another", "")])
    found = leaked(rows, ["none"], vectors=vectors, prompt_vectors=asked, similarity=cosine)
    assert found.rows.tolist() == [0]


@pytest.mark.parametrize(
    ("pairs", "prompts"), [([], ["a b"]), ([("a", "b")], [""]), ([("", "")], ["a"]), ([("a", "")], ["", "?"])]
)
def test_nothing_is_found_in_nothing(pairs, prompts):
    """No rows, empty texts, prompts without a word."""
    assert len(leaked(frame(pairs), prompts).rows) == 0


def test_a_megabyte_takes_no_time():
    """Long texts, and a thousand prompts, are read once."""
    pairs = [("a " * 500_000, "a" * 1_000_000), (LONG, "")]
    start = time.process_time()
    found = leaked(frame(pairs), [f"{LONG} {place}" for place in range(10)] * 100)
    assert found.rows.tolist() == [1]
    assert time.process_time() - start < 10
