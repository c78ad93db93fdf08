"""vLLM, Ollama, llama.cpp and models that think: scores come out right, and it is known how they came about."""

from __future__ import annotations

import math

import kinds
import numpy as np
import pytest
from asked import QUICK, asking, by_server, place
from judge_server import JudgeServer

from core.judging.judgement import Price, Status
from core.judging.odds import Token, weighted
from core.judging.rubric import RUBRICS, Rubric

WHOLE, HALVES = RUBRICS["quality"], RUBRICS["accuracy"]
TEN = Rubric(name="ten", dimension="rhyme", low=1, high=10, step=1, asks="Grade the rhymes.")


@pytest.mark.parametrize("structured", [True, False])
@pytest.mark.parametrize("kind", sorted(kinds.TOLD | kinds.UNTOLD, key=lambda kind: kind.__name__))
def test_every_make_of_server_gives_the_scores_that_it_meant(tmp_path, kind, structured):
    """Weighted by the odds where they are told, the grade itself elsewhere, and the ledger knows which."""
    with JudgeServer(kind=kind) as server:
        found = asking(tmp_path, server, 8, model="org/model-7B:q4", rubric=WHOLE, weighted=True, structured=structured)  # fmt: skip
        standing = found.run(place(server, key=None), limits=QUICK, price=Price(1, 1)).go()
        assert standing.counts == {Status.OK: 8}
        given = np.array(list(by_server(found, server)), dtype=float)
        told = kind in kinds.TOLD
        below = np.where(given == 1, given, 0.8 * given + 0.2 * (given - 1))
        scores = found.judgements.scores(1, found.rows.contents)
        np.testing.assert_allclose(scores, below if told else given, atol=1e-3)
        assert found.judgements.taken(found.judge).odds is told
        assert set(server.paid.values()) == {1}
        counted = [each.usage.prompt is not None for each in found.judgements.of(1)]
        assert all(counted) == (kind is not kinds.uncounted)


def test_thoughts_that_were_cut_are_no_score_and_can_be_read(tmp_path):
    """A server that gives thoughts apart and nothing else has not graded; the reply shows them."""

    def cut(_, made):
        message = {"role": "assistant", "content": None, "reasoning_content": kinds.THOUGHT + "</think>\n4"}
        made["choices"][0] |= {"message": message, "finish_reason": "length"}
        return made

    with JudgeServer(kind=cut) as server:
        found = asking(tmp_path, server, 4)
        assert found.run(place(server, key=None), limits=QUICK).go().counts == {Status.UNPARSED: 4}
        for _, each in found.rows_with(Status.UNPARSED):
            assert each.reason == "it ends within its thoughts"
            assert kinds.THOUGHT in each.reply


def test_a_model_that_takes_no_temperature_says_so_before_a_row_is_lost(tmp_path):
    """It is a setting of the judge's, so that it is not left out unasked."""

    def fixed(body, made):
        return kinds._refused("Unsupported value: 'temperature' does not support 0.0 with this model.") if "temperature" in body else made  # fmt: skip

    with JudgeServer(kind=fixed) as server:
        standing = asking(tmp_path, server, 30).run(place(server, key=None), limits=QUICK).go()
        assert standing.failed
        assert "takes no temperature of 0" in standing.note
        assert len(server.bodies) == 1
        other = asking(tmp_path, server, 30, temperature=None, name="as it is")
        assert other.run(place(server, key=None), limits=QUICK).go().counts == {Status.OK: 30}


def test_a_server_that_still_loads_its_model_is_waited_for(tmp_path):
    """llama.cpp says 503 meanwhile."""
    loading = [3]

    def busy(_, made):
        loading[0] -= 1
        return kinds._refused("Loading model", status=503, kind="unavailable_error") if loading[0] >= 0 else made  # fmt: skip

    with JudgeServer(kind=busy) as server:
        standing = asking(tmp_path, server, 10).run(place(server, key=None), limits=QUICK).go()
        assert standing.counts == {Status.OK: 10}


def p(**odds):
    """Likely tokens by their probabilities; dots and ends of replies have names."""
    names = {"dot": ".", "end": "</s>", "nothing": "", "comma": ",", "g4": "4", "g3": "3", "g5": "5", "g1": "1",
             "g9": "9", "g10": "10", "zero": "0", "half": "4.5", "five": "5"}  # fmt: skip
    return {names[name]: math.log(each) for name, each in odds.items()}


REPLIES = {
    "4 alone on halves: a 3 is 3 or 3.5": (
        "4", 4.0, HALVES, [Token("4", p(g4=0.6, g3=0.4)), Token("</s>", p(end=0.5, dot=0.5))],
        # 0.3 stays at 4, 0.3 is 4.0 or 4.5, 0.4 is 3 or 3.5
        0.3 * 4 + 0.3 * 4.25 + 0.4 * 3.25,
    ),
    "4.5 in three tokens": (
        "4.5\nFine.", 4.5, HALVES,
        [Token("4", p(g4=0.9, g5=0.1)), Token(".", p(dot=0.8, end=0.2)), Token("5", p(five=0.75, zero=0.25)), Token("\n", {}), Token("Fine.", {})],
        0.9 * 0.8 * (0.75 * 4.5 + 0.25 * 4) + 0.9 * 0.2 * 4 + 0.1 * 5,
    ),
    "4.5 in one token": (
        '{"score": 4.5}', 4.5, HALVES, [Token('{"', {}), Token("score", {}), Token('":', {}), Token(" 4.5", {" 4.5": math.log(0.5), " 5": math.log(0.5)}), Token("}", {})],
        4.75,
    ),
    "10 in one token": ("10", 10.0, TEN, [Token("10", p(g10=0.7, g9=0.3))], 9.7),
    "10 in two tokens: the 1 that goes on and the 1 that ends": (
        "10", 10.0, TEN, [Token("1", p(g1=0.8, g9=0.2)), Token("0", p(zero=0.9, nothing=0.1))],
        0.72 * 10 + 0.08 * 1 + 0.2 * 9,
    ),
    "9, where a 1 could be a 10 and does not count": ("9", 9.0, TEN, [Token("9", p(g9=0.6, g1=0.3))], 9.0),
    "odds that sum to 0.6 are scaled": ("4", 4.0, WHOLE, [Token("4", p(g4=0.4, g5=0.2))], (0.4 * 4 + 0.2 * 5) / 0.6),
    "odds above one are taken for certain": ("4", 4.0, WHOLE, [Token("4", {"4": 0.3})], 4.0),
    "what was written is missing from the likely ones": ("4", 4.0, WHOLE, [Token("4", {"5": math.log(0.25)})], (4 + 0.25 * 5) / 1.25),
    "a 2 in the reason before the score": (
        '{"reason": "2 slips", "score": 4}', 4.0, WHOLE,
        [Token('{"reason": "', {}), Token("2", p(g1=0.9)), Token(' slips", "score": ', {}), Token("4", p(g4=0.5, g5=0.5)), Token("}", {})],
        4.5,
    ),
    "letters that are cut within a token": (
        '{"score": 4, "reason": "é"}', 4.0, WHOLE, [Token('{"score": ', {}), Token("4", p(g4=0.5, g5=0.5)), Token(', "reason": "', {}), Token("\ufffd", {}), Token("\ufffd", {}), Token('"}', {})],
        4.5,
    ),
    "numbers of tokens instead of their texts": ("4", 4.0, WHOLE, [Token("token_id:19", {"token_id:20": -0.1})], 4.0),
}  # fmt: skip


@pytest.mark.parametrize("case", REPLIES)
def test_the_odds_of_several_tokens_are_followed(case):
    """Sum of p*s by hand: what is certain counts, what is open between neighbours counts at their middle."""
    text, score, rubric, tokens, expected = REPLIES[case]
    assert weighted(tokens, text, score, rubric) == pytest.approx(expected)
