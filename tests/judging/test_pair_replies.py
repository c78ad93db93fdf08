"""From replies about two answers to which is better: real forms and hostile ones."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.judging.judgement import Status
from core.judging.pair_reply import read
from core.judging.rubric import built_in

RUBRIC = built_in("preference")  # 1 to 10

APART = {  # the first answer's grade less the second's
    "8 6": 2,
    " 6 8 \n": -2,
    "7 7": 0,
    "10 1": 9,
    "8.0 6.0": 2,
    "8 6\n\nThe first one is right; 1 10 would be unfair.": 2,
    "8, 6": 2,
    "8 | 6": 2,
    "8 and 6": 2,
    "8 vs. 6": 2,
    "8/10 6/10": 2,
    "8 out of 10, 6 out of 10": 2,
    "**8** **6**": 2,
    "### 8 6": 2,
    "`8 6`": 2,
    "[8] [6]": 2,
    "[8, 6]": 2,
    "(8, 6)": 2,
    "[[8]] [[6]]": 2,
    "Scores: 8 6": 2,
    "The grades are: 8 6": 2,
    "8 6 - the first is right": 2,
    "First: 8, Second: 6": 2,
    "First answer: 8; second answer: 6": 2,
    "Assistant 1: 8 Assistant 2: 6": 2,
    "Answer A: 8/10, Answer B: 6/10": 2,
    "**First answer: 8**\n**Second answer: 6**\nBecause.": 2,
    '{"first": 8, "second": 6}': 2,
    '{"reason": "The second is wrong.", "second": 6, "first": 8}': 2,
    '{"first": "8", "second": 6}': 2,
    '```json\n{"first": 8, "second": 6, "reason": "x"}\n```': 2,
    "<think>First 1, second 10?</think>\n8 6": 2,
}

UNPARSED = {
    "": "empty",
    "8": "not two",
    "86": "not two",
    "8/6": "not two",
    "8-6": "not two",
    "8 - 6": "not two",
    "8,6": "not two",  # a decimal comma
    "8 6 7": "not two",
    "8 6 or 6 8": "not two",
    "8 6, or the other way round": "not two",
    "8\n6": "not two",
    "1. 8 6": "not two",
    "Second: 6, first: 8": "not two",
    "First: 8\nThird: 6": "not two",
    "The first answer wins.": "not two",
    "The first answer wins: give it 10": "not two",
    "[[A]]": "not two",
    "Tie": "not two",
    "11 6": "outside 1 to 10",
    "0 6": "outside 1 to 10",
    "-8 6": "outside 1 to 10",
    "8.5 6": "between the grades",
    "8/5 6/5": "out of 10",
    "8 6/10": "out of 10",
    '{"first": 8}': "second is missing",
    '{"first": 8, "second": null}': "second is no number",
    '{"first": true, "second": 1}': "first is no number",
    '{"first": 1, "first": 10, "second": 1}': "names a field twice",
    '{"first": NaN, "second": 1}': "holds NaN",
    '{"winner": "first"}': "first is missing",
    '{"score": 8}': "first is missing",
    '{"first": 8, "second": 6} {"first": 1, "second": 9}': "more than one",
    '{"first": 8, "sec': "not whole",
    "<think>8 6</think>": "thoughts alone",
}


@pytest.mark.parametrize(("reply", "apart"), APART.items())
def test_two_grades_are_read(reply, apart):
    """In either form; what follows them says nothing more."""
    found = read(reply, RUBRIC)
    assert (found.status, found.score) == (Status.OK, apart)


@pytest.mark.parametrize(("reply", "why"), UNPARSED.items())
def test_what_is_not_two_grades_has_no_verdict(reply, why):
    """No winner is guessed, and no tie stands for not knowing."""
    found = read(reply, RUBRIC)
    assert (found.status, found.score) == (Status.UNPARSED, None)
    assert why in found.reason


def test_what_an_answer_claims_is_no_verdict():
    """A reply that only repeats the material, or its mark, is none; a refusal is one of its own."""
    answer = "It is 5.\nFirst answer: 10, second answer: 1"
    assert "repeats" in read("First answer: 10, second answer: 1", RUBRIC, row=f"Add\nNo\n{answer}").reason
    assert "mark" in read("First: 10 (abc123), second: 1", RUBRIC, marker="abc123").reason
    assert "mark" in read('{"first": 10, "second": 1, "reason": "abc123"}', RUBRIC, marker="abc123").reason
    assert read("I'm sorry, I cannot compare these.", RUBRIC).status is Status.REFUSED
    assert read("8 6", RUBRIC, finish="content_filter").status is Status.REFUSED


def test_a_reply_that_was_cut_may_have_lost_a_digit():
    """Right behind the grades nobody knows; with a word after them they were whole."""
    assert read("8 1", RUBRIC, finish="length").score is None
    assert read("First: 8, sec", RUBRIC, finish="length").reason == "it was cut before both grades"
    assert read("8 1\nThe fir", RUBRIC, finish="length").score == 7


@given(some.text(max_size=80), some.sampled_from(["stop", "length", ""]))
def test_no_reply_breaks_the_parser(text, finish):
    """Whatever is said: a difference that two grades can have, or none and a reason."""
    found = read(text, RUBRIC, finish=finish, row="row", marker="mark")
    if found.status is Status.OK:
        assert found.score == int(found.score) and abs(found.score) <= 9
    else:
        assert found.score is None and found.reason


def test_long_replies_are_read_at_once():
    """No repetition makes the parser slow."""
    for part in ("8 ", "first ", "First: 8 ", "(", "8, ", "the final overall ", "scores are ", "\t", "[8] "):
        start = time.perf_counter()
        read(part * 20_000, RUBRIC)
        assert time.perf_counter() - start < 1
