"""Pairs of answers: where they come from, the order they are shown in, the rule of both orders, win rates."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest

from core import Project, pairs
from core.errors import DataError
from core.pair_rates import Vote, agreement, outcome, win_rate
from core.pairs import POSITION, a_is_first, imported, of_files, sequence
from core.rating_table import RatingTable

A = pl.DataFrame(
    {
        "id": ["1", "2", "3", "4", "5"],
        "prompt": ["p1", "p2", "p3", "p4", "p5"],
        "answer": ["x1", "same", "", "x4", "x5"],
        "ab": ["first", "tie", "tie", "2", "who knows"],
        "ba": ["second", "tie", "tie", "1", None],
    }
)
B = pl.DataFrame({"id": ["5", "4", "3", "2", "9"], "answer": ["y5", "y4", "y3", "same", "y9"]})


def joined(by="id"):
    return of_files(("a.jsonl", A, "answer"), ("b.jsonl", B, "answer"), by=by, prompt="prompt")


def test_two_files_meet_by_a_column_and_what_is_left_out_is_counted():
    """Alone, empty and equal answers; row by row the rest would be other pairs."""
    found = joined()
    assert (found.ids, found.prompts) == (["4", "5"], ["p4", "p5"])
    assert list(zip(found.answers_a, found.answers_b, strict=True)) == [("x4", "y4"), ("x5", "y5")]
    assert (found.equal, found.without) == (1, 3)
    assert found.sentence == (
        "2 pairs; 1 more with the same answer on both sides left out; "
        "3 rows without a partner or an answer left out"
    )
    assert joined(POSITION).answers_b == ["y5", "y4", "same", "y9"]
    assert joined().digest == found.digest != joined(POSITION).digest


def test_what_cannot_be_joined_is_refused_in_words():
    """Another length row by row, keys that repeat, a column that there is not, nothing that meets."""
    twice = pl.concat([B, B])
    for wrong, by, words in (
        (B.head(2), POSITION, "row by row they do not belong together"),
        (twice, "id", "repeats in b"),
        (B.rename({"answer": "text"}), "id", "no column 'answer'"),
        (B.with_columns(id=pl.lit("z") + pl.col("id")), "id", "No row of a meets"),
        (B.with_columns(answer=pl.lit([1])), "id", "holds no plain text"),
    ):
        with pytest.raises(DataError, match=words):
            of_files(("a", A, "answer"), ("b", wrong, "answer"), by=by, prompt="prompt")


@pytest.fixture
def preferences(tmp_path):
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"prompt": f"ask {n}", "chosen": f"good {n}", "rejected": f"bad {n}", "alt": f"alt {n}"}
        for n in range(30)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Project.open(path, home=tmp_path / "home")


def test_a_preference_set_gives_its_chosen_and_rejected_answers(preferences, tmp_path):
    """With the prompt before them; two columns of any dataset do as well."""
    found = pairs.of_preferences(preferences.dataset)
    assert (found.prompts[3], found.answers_a[3], found.answers_b[3]) == ("ask 3", "good 3", "bad 3")
    other = pairs.of_columns(preferences.dataset, "alt", "rejected")
    assert (other.a, other.answers_a[3], other.answers_b[3]) == ("alt", "alt 3", "bad 3")
    (tmp_path / "plain.jsonl").write_text('{"instruction": "a", "input": "", "output": "b"}\n')
    plain = Project.open(tmp_path / "plain.jsonl", home=tmp_path / "home").dataset
    with pytest.raises(DataError, match="has no pairs"):
        pairs.of_preferences(plain)


def test_the_order_is_random_but_the_same_for_one_person(preferences):
    """About half of the pairs show A first; another person sees others so; row order has no part in it."""
    found = pairs.of_preferences(preferences.dataset)
    many = [a_is_first("digest", str(each), "Ann") for each in range(2000)]
    assert 900 < sum(many) < 1100
    ann, bob = sequence(found, "Ann"), sequence(found, "Bob")
    assert sorted(place for place, _ in ann) == list(range(30))
    assert ann == sequence(found, "Ann")
    assert [place for place, _ in ann] == [place for place, _ in bob] and ann != bob
    both = sequence(found, "Ann", both_orders=True)
    assert both[:30] == ann
    assert both[30:] == [(place, not first) for place, first in ann]


def test_the_rule_of_both_orders_is_that_of_the_paper():
    """Win: two wins, or a win and a tie. Tie: two ties, or one of each. Lose: two losses, or one and a tie."""
    words = {"win": 1, "tie": 0, "lose": -1}
    for one, other in itertools.product(words, repeat=2):
        both = sorted((one, other))
        wanted = "tie"
        if both in (["win", "win"], ["tie", "win"]):
            wanted = "win"
        if both in (["lose", "lose"], ["lose", "tie"]):
            wanted = "lose"
        assert outcome(words[one], words[other]) == words[wanted]
        assert outcome(words[one], None) == words[one]


def test_win_rates_agree_with_a_walk_over_all_votes():
    """Random votes of three people in both orders, with repeats."""
    drawn = np.random.default_rng(4)
    for _ in range(40):
        votes = [
            Vote(
                f"p{drawn.integers(8)}",
                "ABC"[drawn.integers(3)],
                bool(drawn.integers(2)),
                int(drawn.integers(-1, 2)),
            )
            for _ in range(int(drawn.integers(0, 60)))
        ]
        counts, twice, flips = {1: 0, 0: 0, -1: 0}, 0, []
        for pair in {vote.pair for vote in votes}:
            total = 0
            for person in "ABC":
                sides = []
                for a_first in (True, False):
                    mine = [v for v in votes if (v.pair, v.person, v.a_first) == (pair, person, a_first)]
                    if mine:
                        sides.append(mine[-1].better if a_first else -mine[-1].better)
                twice += len(sides) == 2
                if len(sides) == 2 and sides[0] != sides[1]:  # A first, then B first
                    flips.append((sides[0] > sides[1], set(sides) == {-1, 1}))
                total += (sum(sides) > 0) - (sum(sides) < 0)
            counts[(total > 0) - (total < 0)] += 1
        found = win_rate(votes)
        assert (found.wins, found.ties, found.losses) == (counts[1], counts[0], counts[-1])
        assert (found.twice, found.flips) == (twice, len(flips))
        assert found.to_first == sum(towards for towards, _ in flips)
        assert found.reversals == sum(opposite for _, opposite in flips)
        if twice:
            assert found.flip_interval[0] <= len(flips) / twice <= found.flip_interval[1] + 1e-9
        n = sum(counts.values())
        if n:
            assert found.rate == pytest.approx((counts[1] + counts[0] / 2) / n)
            assert found.low <= found.rate <= found.high


def test_a_win_rate_without_ties_has_wilsons_interval_and_says_who_is_better():
    """And says so only where the interval allows it."""
    votes = [Vote(str(each), "Ann", each % 2 == 0, (1 if each % 2 == 0 else -1)) for each in range(20)]
    found = win_rate(votes)
    wanted = binomtest(20, 20).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose((found.rate, found.low, found.high), (1, wanted.low, wanted.high), atol=1e-6)
    assert found.sentence("x", "y").endswith("x is better.")
    assert found.first == 0.5
    even = win_rate([*votes[:3], *(vote._replace(better=-vote.better) for vote in votes[3:6])])
    assert "not enough to tell them apart" in even.sentence("x", "y")
    assert win_rate([]).sentence("x", "y") == "No pair is decided yet."
    assert math.isnan(win_rate([]).flip_rate)


def test_a_judge_that_always_prefers_the_first_flips_every_pair():
    """Nothing but ties comes of it."""
    found = win_rate([Vote(str(each), "judge", first, 1) for each in range(6) for first in (True, False)])
    assert (found.ties, found.flip_rate, found.first) == (6, 1, 1)


def test_a_lean_is_said_only_where_the_flips_go_one_way():
    """Ten of ten towards the first are one; six of ten are none; without both orders nothing is said."""

    def flipped(towards, away):
        said = [(str(each), 1 if each < towards else -1) for each in range(towards + away)]
        return win_rate(
            [Vote(pair, "judge", first, better) for pair, better in said for first in (True, False)]
        )

    assert flipped(10, 0).order_sentence.endswith("of all these, 10 favoured what was shown first: "
                                                  "a lean towards what is shown first.")  # fmt: skip
    assert flipped(0, 10).order_sentence.endswith("a lean towards what is shown second.")
    assert flipped(6, 4).order_sentence.endswith("no clear lean to a place.")
    wanted = binomtest(6, 10).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(flipped(6, 4).lean_interval, (wanted.low, wanted.high), atol=1e-6)
    assert win_rate([Vote("1", "judge", True, 1)]).order_sentence == ""
    idle = win_rate([Vote("1", "judge", True, 1), Vote("1", "judge", False, -1)])
    assert idle.order_sentence.startswith(
        "The verdict changed with the order in 0 of 1 (0%, 95 % interval 0%"
    )
    steady = win_rate(
        [Vote(str(n), "m", first, 1 if first else -1) for n in range(777) for first in (True, False)]
    )
    assert steady.order_sentence.endswith("interval 0% to 0.5%).")


def test_agreement_agrees_with_a_count_pair_by_pair():
    """Random results, some judged by one alone; kappa as scikit-learn has it."""
    from sklearn.metrics import cohen_kappa_score

    drawn = np.random.default_rng(9)
    for size in (0, 1, 7, 60):
        mine = {f"p{each}": int(drawn.integers(-1, 2)) for each in range(size)}
        yours = {
            pair: mine.get(pair, 1) if drawn.random() < 0.5 else int(drawn.integers(-1, 2))
            for pair in [f"p{each}" for each in range(size // 3, size + 5)]
        }
        one = [
            Vote(pair, "m", first, side if first else -side)
            for pair, side in mine.items()
            for first in (True, False)
        ]
        other = [Vote(pair, "Ann", True, side) for pair, side in yours.items()]
        shared = sorted(mine.keys() & yours.keys())
        found = agreement(one, other)
        assert found.pairs == len(shared)
        assert found.same == sum(mine[pair] == yours[pair] for pair in shared)
        assert found.opposite == sum(mine[pair] * yours[pair] == -1 for pair in shared)
        if size > 7:
            wanted = cohen_kappa_score([mine[p] for p in shared], [yours[p] for p in shared])
            assert found.kappa == pytest.approx(wanted)
            assert found.kappa_low < found.kappa < found.kappa_high
            assert found == agreement(reversed(one), reversed(other))
            assert "The same result for" in found.sentence
    assert agreement([], []).sentence == "No pair was judged by both."


def test_verdicts_of_columns_are_read_and_no_cell_is_guessed():
    """By place in the second order, or by the name of the side; what is no verdict is counted."""
    everything = of_files(("a", A, "prompt"), ("b", A, "answer"), by="id", prompt="prompt")
    found = imported(everything, "ab", "ba")
    assert found.unread == {"who knows": 1, "(empty)": 1}
    results = {}
    for vote in found.votes:
        results.setdefault(vote.pair, []).append(vote.for_a)
    assert results == {"1": [1, 1], "2": [0, 0], "4": [-1, -1]}
    by_side = imported(everything, "ab", "ba", by_place=False)
    sides = {(vote.pair, vote.a_first): vote.for_a for vote in by_side.votes}
    assert (sides["1", False], sides["4", False]) == (-1, 1)
    assert {vote.a_first for vote in imported(everything, "ab").votes} == {True}


def test_votes_are_kept_by_the_texts_and_taken_back_one_by_one(tmp_path):
    """Whatever dataset is open; each person their own."""
    table = RatingTable(tmp_path / "ledger.sqlite", "any")
    for vote in (Vote("1", "Ann", True, 1), Vote("2", "Bob", False, 0), Vote("2", "Ann", True, -1)):
        table.vote("texts", vote)
    assert RatingTable(tmp_path / "ledger.sqlite", "other").votes("texts")[1] == Vote("2", "Bob", False, 0)
    assert table.undo_vote("texts", "Ann") == "2"
    assert [vote.person for vote in table.votes("texts")] == ["Ann", "Bob"]
    assert table.votes("others") == ()
