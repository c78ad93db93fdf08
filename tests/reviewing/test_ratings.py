"""What people say: kept, taken back, blind or not, and what it comes to for one and for all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.errors import ParameterError, StoreError
from core.rating_table import RatingTable
from core.ratings import Rating, checked, checked_name, opinions, people_in, said, snapshot, stretched


def rated(row, person="Ann", **more):
    return Rating(row=row, person=person, **more)


def as_dicts(found):
    return {line["id"]: (line["score"], line["keep"]) for line in found.to_dicts()}


def test_the_last_word_of_each_person_counts_and_skips_say_nothing():
    """A later grade takes the place of an earlier one; a skip takes nothing away."""
    said_ = [
        rated("a", score=2), rated("a", score=5), rated("b", keep=True), rated("b"), rated("c"),
        rated("b", keep=False), rated("d", score=3, keep=True),
    ]  # fmt: skip
    assert as_dicts(opinions(said_)) == {"a": (5, 1), "b": (None, 0), "d": (3, 1)}
    assert said(opinions(said_)) == "3 rows rated: 2 kept, 1 dropped"


def test_the_bar_makes_grades_verdicts_and_a_verdict_counts_as_it_is():
    """Four of five unless somebody says otherwise."""
    said_ = [rated("a", score=3), rated("b", score=4), rated("c", score=5, keep=False)]
    assert as_dicts(opinions(said_)) == {"a": (3, 0), "b": (4, 1), "c": (5, 0)}
    assert as_dicts(opinions(said_, bar=3))["a"] == (3, 1)


def test_several_people_give_the_median_grade_and_the_share_that_keeps():
    """And each of them alone has an own opinion."""
    said_ = [rated("a", person, score=score) for person, score in (("Ann", 1), ("Bob", 4), ("Cy", 5))]
    assert as_dicts(opinions(said_)) == {"a": (4, 2 / 3)}
    assert as_dicts(opinions(said_, person="Ann")) == {"a": (1, 0)}
    assert people_in([*said_, rated("b", "Dee")]) == ["Ann", "Bob", "Cy"]


def test_scales_are_stretched_onto_the_widest_one():
    """Three of three is nine of nine; the middle stays the middle."""
    said_ = [rated("a", score=3, of=3), rated("b", score=2, of=3), rated("c", score=9, of=9)]
    assert as_dicts(opinions(said_, bar=9)) == {"a": (9, 1), "b": (5, 0), "c": (9, 1)}
    assert [stretched(grade, 5, 9) for grade in range(1, 6)] == [1, 3, 5, 7, 9]


def test_only_what_was_said_before_the_judges_were_shown_is_blind():
    """Whoever changes their mind afterwards keeps the blind word for the figures."""
    said_ = [rated("a", score=2), rated("a", score=5, blind=False), rated("b", score=4, blind=False)]
    assert as_dicts(opinions(said_, blind=True)) == {"a": (2, 0)}
    assert as_dicts(opinions(said_)) == {"a": (5, 1), "b": (4, 1)}


def test_a_snapshot_does_not_depend_on_the_sequence_of_rows_and_says_how_many_there_are():
    """So the digest in a recipe is that of the ratings, not of who rated first."""
    said_ = [rated(row, score=grade) for row, grade in zip("abcdef", (1, 2, 3, 4, 5, 5), strict=True)]
    one, other = snapshot(said_), snapshot(said_[::-1])
    assert (one.name, one.content) == (other.name, other.content)
    assert one.name.startswith("ratings-person-6-")
    assert snapshot(said_, person="Ann").name.startswith("ratings-ann-6-")
    assert snapshot([*said_, rated("g", score=1)]).name != one.name
    assert not snapshot([rated("a", keep=True)]).has_scores
    with pytest.raises(ParameterError, match="Nobody has rated"):
        snapshot([rated("a")])


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\x00b", "Person"])
def test_a_name_that_cannot_be_shown_is_refused(name):
    """Empty, too long, unprintable, or that of all people together."""
    with pytest.raises(ParameterError):
        checked_name(name)


def test_a_grade_off_the_scale_is_refused():
    """Neither 6 of 5 nor 2.5 nor a scale that no key has."""
    for wrong in (rated("a", score=6), rated("a", score=2.5), rated("a", score=0), rated("a", score=1, of=4)):
        with pytest.raises(ParameterError):
            checked(wrong)
    assert checked(rated("a", score=9, of=9)).score == 9


@pytest.fixture
def table(tmp_path):
    return RatingTable(tmp_path / "ledger.sqlite", "data")


def test_what_was_said_is_there_again_and_each_person_takes_back_their_own(table, tmp_path):
    """In another process, for this dataset alone."""
    for each in (rated("a", score=3), rated("a", "Bob", keep=True), rated("b", score=5)):
        table.add(each)
    again = RatingTable(tmp_path / "ledger.sqlite", "data")
    assert [(each.row, each.person) for each in again.all()] == [("a", "Ann"), ("a", "Bob"), ("b", "Ann")]
    assert again.undo("Ann") == "b"
    assert again.undo("Bob") == "a"
    assert [(each.row, each.score) for each in table.all()] == [("a", 3)]
    assert (table.undo("Ann"), table.undo("Ann"), table.undo("Eve")) == ("a", None, None)
    assert RatingTable(tmp_path / "ledger.sqlite", "other").all() == ()


def test_a_table_tells_blind_from_not(table):
    """After the judges were shown nothing is blind, not even what comes after Undo; a slip of a key is."""
    assert table.add(rated("a")).blind
    assert table.add(rated("a", score=1)).blind
    assert not table.add(rated("a", score=2)).blind
    assert table.add(rated("b", score=1)).blind
    table.undo("Ann")
    assert table.add(rated("b", score=4)).blind
    assert table.add(rated("c", score=1, shown=True)).blind
    table.undo("Ann")
    assert not table.add(rated("c", score=4)).blind
    assert table.add(rated("c", "Bob", score=4)).blind
    assert [(each.row, each.blind) for each in table.all()] == [
        ("a", True), ("a", True), ("a", False), ("b", True), ("c", False), ("c", True),
    ]  # fmt: skip


def test_a_file_that_is_none_is_said_and_looking_writes_nothing(table, tmp_path):
    """No ledger appears by looking; a broken one is no empty one."""
    assert (table.all(), table.sample(), table.votes("x"), table.undo("Ann")) == ((), None, (), None)
    assert not (tmp_path / "ledger.sqlite").exists()
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError):
        table.all()


def test_opinions_agree_with_a_walk_over_all_events():
    """Random events of four people on twelve rows, with repeats, skips and two scales."""
    drawn = np.random.default_rng(3)
    for _ in range(30):
        events = []
        for _ in range(int(drawn.integers(0, 60))):
            of = int(drawn.choice([3, 9]))
            events.append(
                rated(
                    f"r{drawn.integers(12)}", "ABCD"[drawn.integers(4)], of=of,
                    score=None if drawn.random() < 0.3 else int(drawn.integers(1, of + 1)),
                    keep=None if drawn.random() < 0.6 else bool(drawn.integers(2)),
                )
            )  # fmt: skip
        widest = 9 if any(each.of == 9 and each.score for each in events) else 3
        if not any(each.score for each in events):
            widest = 5
        bar = float(drawn.integers(2, 4))
        wanted = {}
        for row in {each.row for each in events}:
            scores, keeps = [], []
            for person in "ABCD":
                mine = [each for each in events if each.row == row and each.person == person]
                grades = [1 + (e.score - 1) * (widest - 1) / (e.of - 1) for e in mine if e.score is not None]
                verdicts = [each.keep for each in mine if each.keep is not None]
                scores += grades[-1:]
                keeps += [float(verdicts[-1])] if verdicts else [float(grades[-1] >= bar)] if grades else []
            if keeps:
                wanted[row] = (float(np.median(scores)) if scores else math.nan, float(np.mean(keeps)))
        found = as_dicts(opinions(events, bar=bar))
        assert found.keys() == wanted.keys()
        for row, (score, keep) in wanted.items():
            np.testing.assert_allclose(found[row][1], keep)
            np.testing.assert_allclose(math.nan if found[row][0] is None else found[row][0], score)
