"""What most prompts share: found by length, place and share, cut out of what is embedded, never by chance."""

from __future__ import annotations

import json
import random
import string

import polars as pl
import pytest

from core.domain import Piece
from core.loading import load
from core.loading.boilerplate import BEGINS, BETWEEN, ENDS, examples, find, parts, without

WITH_INPUT = "Below is a task with an input.\nAnswer it well.\n\n### Instruction:\n{}\n\n### Input:\n{}\n\n### Response:\n"
ALONE = "Below is a task.\nAnswer it well.\n\n### Instruction:\n{}\n\n### Response:\n"


def sentences(count, seed=0):
    """Made-up questions of different words, none like another for long."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(3, 9))) for _ in range(4000)]
    return [" ".join(draw.choices(words, k=draw.randint(4, 14))).capitalize() + "?" for _ in range(count)]


def found(texts):
    return {(piece.place, piece.text): piece.count for piece in find(pl.Series(texts))}


ASKED = sentences(200)
STEP = " Answer step by step:"
LONG = "You are given a question out of an examination in medicine. "


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (ASKED, {}),
        ([f"What is the {each}" for each in ASKED], {}),
        ([f"Write a story {each}" for each in ASKED], {}),
        ([f"Q: {each}" for each in ASKED], {}),
        ([f"{each} Thanks." for each in ASKED], {}),
        ([f"Question: {each}" for each in ASKED], {(BEGINS, "Question: "): 200}),
        ([each + STEP for each in ASKED], {(ENDS, STEP): 200}),
        ([each + STEP * (k % 5 < 3) for k, each in enumerate(ASKED)], {(ENDS, STEP): 120}),
        ([each + STEP * (k % 5 < 2) for k, each in enumerate(ASKED)], {}),
        ([LONG * (k % 8 == 0) + each for k, each in enumerate(ASKED)], {(BEGINS, LONG): 25}),
        ([LONG * (k % 20 == 0) + each for k, each in enumerate(ASKED)], {}),
        ([LONG + each for each in ASKED[:49]], {}),
        ([LONG + each for each in ASKED[:50]], {(BEGINS, LONG): 50}),
        ([f"{LONG}The one and only row."] * 1000 + ASKED[:100], {}),
        ([f"{each}\nContext: {other}" for each, other in zip(ASKED, ASKED[::-1], strict=True)], {(BETWEEN, "Context:"): 200}),
        ([f"{each}\nNote: {each}" for each in ASKED], {}),
        ([" "] * 200, {}),
    ],
    ids=[
        "nothing", "three words", "four short words", "one letter", "a word at the end", "a label", "a suffix",
        "a suffix of most", "a suffix of some", "a source", "too small a source", "a tiny file", "fifty rows",
        "one row a thousand times", "a divider", "a short divider", "blanks",
    ],
)  # fmt: skip
def test_a_piece_needs_length_place_and_share(texts, expected):
    """Long pieces of most rows, longer ones of some, none in tiny files and none out of repeats."""
    assert found(texts) == expected


def test_both_wrappers_of_a_file_are_found_and_cut():
    """With and without an input; what stays is the instruction, and the input below a blank line."""
    pairs = list(zip(ASKED, sentences(200, seed=1), strict=True))
    texts = [WITH_INPUT.format(*pair) if k % 3 else ALONE.format(pair[0]) for k, pair in enumerate(pairs)]
    pieces = find(pl.Series(texts))
    assert {piece.place: piece.text for piece in pieces if piece.place != BEGINS} == {
        BETWEEN: "### Input:",
        ENDS: "\n\n### Response:\n",
    }
    assert {piece.text for piece in pieces if piece.place == BEGINS} == {
        template.partition("{}")[0] for template in (WITH_INPUT, ALONE)
    }
    expected = ["\n\n".join(pair) if k % 3 else pair[0] for k, pair in enumerate(pairs)]
    assert without(pl.Series(texts), pieces).to_list() == expected


def test_the_order_of_rows_does_not_matter(monkeypatch):
    """Neither where all texts are looked at, nor where some are drawn."""
    texts = [WITH_INPUT.format(each, each) if k % 3 else ALONE.format(each) for k, each in enumerate(ASKED)]
    for most in (20_000, 90):
        monkeypatch.setattr("core.loading.boilerplate.LOOKED_AT", most)
        mixed = random.Random(most).sample(texts, len(texts))
        assert find(pl.Series(texts)) == find(pl.Series(mixed))
        assert find(pl.Series(texts)) != ()


@pytest.mark.parametrize("seed", range(8))
def test_parts_make_the_text_and_nothing_is_left_empty(seed):
    """On random rows with any of the pieces, alone or glued: the parts join to the text, and words stay."""
    draw = random.Random(seed)
    pieces = [
        Piece(BEGINS, "Do this: "),
        Piece(BEGINS, "Do this: now "),
        Piece(BETWEEN, "### In"),
        Piece(ENDS, "\nEnd."),
    ]
    bits = ["Do this: ", "now ", "\n### In", "\n", "a b", "", "\nEnd.", "\n\n"]
    texts = ["".join(draw.choices(bits, k=draw.randint(0, 7))) for _ in range(300)]
    for text, rest in zip(texts, without(pl.Series(texts), pieces).to_list(), strict=True):
        made = parts(text, pieces)
        assert "".join(part for part, _ in made) == text
        kept = "".join(part for part, is_out in made if not is_out)
        assert rest.split() == kept.split()
        assert rest == text or any(each.isalnum() for each in rest)
        assert (rest == "") == (text == "")


def test_turns_that_are_embedded_together_lose_their_pieces_each():
    """A suffix of every user turn is cut at every blank line, not only at the end."""
    pieces = [Piece(ENDS, STEP), Piece(BEGINS, "Please. ")]
    text = pl.Series([f"Please. One?{STEP}\n\nPlease. Two?{STEP}"])
    assert without(text, pieces).to_list() == ["One?\n\nTwo?"]


def test_a_row_that_is_nothing_else_keeps_its_text():
    """It is embedded as it stands, and is not counted."""
    texts = [each + STEP for each in ASKED]
    (piece,) = find(pl.Series([*texts, STEP]))
    assert piece.count == 200
    assert without(pl.Series([STEP]), [piece]).to_list() == [STEP]


def test_long_texts_and_stairs_take_no_more_than_seconds():
    """Texts of a million characters, and texts of which each is the beginning of the next."""
    long = [f"{'ab ' * 300_000}{each}" for each in ASKED[:60]]
    assert all(piece.place == BEGINS for piece in find(pl.Series(long)))
    find(pl.Series(["a" * k + "b" for k in range(2000)]))


def test_examples_show_every_piece_first():
    """The second wrapper is shown though the first three rows have the first one."""
    pieces = [Piece(BEGINS, "One: "), Piece(BEGINS, "Two: ")]
    texts = pl.Series(["none", "One: a", "One: b", "One: c", "Two: d"])
    assert examples(texts, pieces, 2) == [1, 4]
    assert examples(texts, pieces, 3) == [1, 2, 4]
    assert examples(texts, pieces, 9) == [1, 2, 3, 4]


# In a file.


@pytest.fixture
def templated(written):
    """A file of 60 prompts with one suffix and one system text; and the same without the suffix."""

    def write(suffix: str):
        rows = [
            {"system": "Be brief.", "prompt": f"{each}{suffix}", "completion": "x"} for each in ASKED[:60]
        ]
        return written(f"rows{len(suffix)}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))

    return write


def test_the_vectors_are_those_of_the_prompts_alone(templated):
    """The same texts are embedded as without the suffix; prompts, messages and ids stay verbatim."""
    dataset, plain = load(templated(STEP)), load(templated(""))
    (piece,) = dataset.left_out
    assert (piece.place, piece.text, piece.count) == (ENDS, STEP, 60)
    assert dataset.text_fingerprint == plain.text_fingerprint
    assert dataset.fingerprint != plain.fingerprint
    assert dataset.frame["prompt"].to_list() == [f"{each}{STEP}" for each in ASKED[:60]]
    assert dataset.frame["messages"][0][1]["content"].endswith(STEP)
    assert [each.place for each in dataset.boilerplate] == [ENDS, "system"]
    said = [problem for problem in dataset.problems if piece.key in str(problem.places)]
    assert [(each.count, "left out of the map: 'Answer step by step:'" in each.kind) for each in said] == [
        (60, True)
    ]


def test_what_is_kept_is_embedded(templated):
    """By its key or as a whole; the digests are then those of a file in which nothing was looked for."""
    path = templated(STEP)
    cut = load(path)
    none = load(path, left_out=())
    for keep in ((cut.left_out[0].key,), ("all",), ("all", "unknown")):
        kept = load(path, keep=keep)
        assert kept.left_out == ()
        assert (kept.fingerprint, kept.text_fingerprint) == (none.fingerprint, none.text_fingerprint)
        assert [each.text for each in kept.boilerplate] == [each.text for each in cut.boilerplate]
    assert load(path, keep=("unknown",)).fingerprint == cut.fingerprint != none.fingerprint
    again = load(path, left_out=cut.left_out)
    assert (again.fingerprint, again.left_out) == (cut.fingerprint, cut.left_out)


def test_a_file_without_shared_text_keeps_its_digests(templated):
    """Looking for it changes nothing where nothing is found."""
    path = templated("")
    dataset, none = load(path), load(path, left_out=())
    assert (dataset.fingerprint, dataset.text_fingerprint) == (none.fingerprint, none.text_fingerprint)
    assert dataset.left_out == ()
