"""Templated texts: question and answer are read out of them, and training gets them as they are."""

from __future__ import annotations

import json

import pytest

LAID_OVER = {
    "Alpaca": "Below is a task.\n\n### Instruction:\n{}\n\n### Response:\n{}</s>",
    "ChatML": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n{}<|im_end|>\n",
    "Llama 2": "<s>[INST] <<SYS>>\nBe\nbrief.\n<</SYS>>\n\n{} [/INST] {} </s>",
    "Llama 3": "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n{}<|eot_id|>",
    "Gemma": "<bos><start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n{}<end_of_turn>\n",
    "Zephyr": "<|system|>\nBe brief.</s>\n<|user|>\n{}</s>\n<|assistant|>\n{}</s>",
    "Human, Assistant": "### Human: {}\n### Assistant: {}",
    "Vicuna": "A chat. USER: {} ASSISTANT: {}</s>",
}  # fmt: skip
PAIRS = [("Name a fruit.", "Apple."), ("Name\n\na nut: [now]", "An almond,\n\nor <b>two</b>."), ("a", "b")]


def _lines(texts):
    return "".join(json.dumps({"text": each}) + "\n" for each in texts)


@pytest.mark.parametrize("name", LAID_OVER)
def test_question_and_answer_of_a_template(read, name):
    """Both are what was laid into it; the message that is trained on is the whole text."""
    texts = [LAID_OVER[name].format(*pair) for pair in PAIRS]
    dataset = read("a.jsonl", _lines(texts))
    assert list(dataset.frame.select("prompt", "response").iter_rows()) == PAIRS
    assert [[(turn["role"], turn["content"]) for turn in row] for row in dataset.frame["messages"]] == [
        [("assistant", text)] for text in texts
    ]
    (problem,) = dataset.problems
    assert f"already templated ({name})" in problem.kind


@pytest.mark.parametrize("name", LAID_OVER)
def test_of_several_turns_the_first_question_and_the_last_answer(read, name):
    """As of any other conversation."""
    texts = [LAID_OVER[name].format("one", "A") + "\n" + LAID_OVER[name].format("two", "B")]
    frame = read("a.jsonl", _lines(texts)).frame
    assert (frame["prompt"][0], frame["response"][0]) == ("one", "B")


def test_the_heading_of_an_input_is_no_part_of_the_question(read):
    """It is a blank line, as in an Alpaca file."""
    text = "### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:\n3"
    assert read("a.jsonl", _lines([text])).frame["prompt"][0] == "Add.\n\n1 2"


def test_a_row_that_does_not_fit_is_a_question_and_counted(read):
    """Up to a tenth of the rows; with more, nothing is divided, and the digest is as if nothing was tried."""
    texts = [LAID_OVER["ChatML"].format(f"q{k}", f"a{k}") for k in range(9)]
    dataset = read("a.jsonl", _lines([*texts, "plain"]))
    assert (dataset.frame["prompt"][9], dataset.frame["response"][9]) == ("plain", "")
    assert [each.count for each in dataset.problems] == [10, 1, 1]
    whole = read("b.jsonl", _lines([*texts, "plain", "plain too"]))
    assert whole.frame["prompt"].to_list() == [*texts, "plain", "plain too"]
    assert set(whole.frame["response"]) == {""}
    assert dataset.frame["id"].to_list() == whole.frame["id"].to_list()[:10]
