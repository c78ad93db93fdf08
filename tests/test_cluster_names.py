"""Names of clusters, from the words of their prompts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from core.clustering import names
from core.words import words

# Names.

FRUIT = [
    "Which apple is sweet and which apple is sour?",
    "Write a recipe for apple and banana pie.",
    "The banana is a fruit that ripens after picking.",
    "Is an orange juicier than a banana or a mango?",
    "Write about orange juice, apple juice and other fruit juice.",
]
CARS = [
    "Why does the engine of the car stall?",
    "Write about the brakes and the engine of a truck.",
    "A car needs a gearbox, a truck needs a larger gearbox.",
    "How do I change the tyres of my car?",
    "The engine of this truck burns diesel.",
]


def _labels(*sizes):
    return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)


def _words(name):
    return name.split(", ")


def test_names_tell_fruit_from_cars():
    """Each name holds words of its own subject and none of the other."""
    named = names(FRUIT * 3 + CARS * 3, _labels(15, 15))
    assert set(named) == {0, 1}
    assert set(_words(named[0])) & {"apple", "banana", "orange", "juice", "fruit"}
    assert set(_words(named[1])) & {"car", "engine", "truck", "gearbox"}
    for word in _words(named[0]):
        assert not any(word in text.lower().split() for text in CARS)
    for word in _words(named[1]):
        assert not any(word in text.lower().split() for text in FRUIT)


def test_a_word_that_every_cluster_says_is_not_in_a_name():
    """The verb of each prompt gives way to what the prompts are about."""
    fruit = [f"Write {word}" for word in ("apple banana", "banana cherry", "cherry apple")]
    cars = [f"Write {word}" for word in ("engine truck", "truck wheel", "wheel engine")]
    assert all("write" not in _words(name) for name in names(fruit + cars, _labels(3, 3)).values())


@pytest.mark.parametrize("words", [1, 2, 3, 5])
def test_a_name_has_as_many_words_as_asked_for(words):
    """No more, and no fewer where there are enough."""
    named = names(FRUIT + CARS, _labels(5, 5), words=words)
    assert [len(_words(name)) for name in named.values()] == [words, words]


def test_no_stop_word_is_in_a_name():
    """Rows that are nothing but such words, contractions included, leave the name without words."""
    texts = ["Why don't you do it for us? I didn't, they doesn't, we'll, I've.", "And there is the apple."]
    named = names(texts, _labels(1, 1))
    assert named == {0: "no words", 1: "apple"}
    said = {word for name in names(FRUIT + CARS, _labels(5, 5)).values() for word in _words(name)}
    assert not said & ENGLISH_STOP_WORDS


@pytest.mark.parametrize("mark", ["'", "\u2019"], ids=["typed", "typeset"])
def test_a_contraction_leaves_no_stump(mark):
    """Couldn't and we'll are no topic, and neither is a part of them; what someone owns keeps its name."""
    text = "We couldn't find the teacher's desk; they aren't here, we'll wait, I'd say it won't matter."
    said = words([text.replace("'", mark)])["word"].to_list()
    assert said == ["desk", "find", "here", "it", "matter", "say", "teacher", "the", "they", "wait", "we"]
    assert words(["rock'n'roll in Can Tho"])["word"].to_list() == ["can", "in", "rock", "roll", "tho"]


def test_noise_is_named_noise_and_does_not_weigh():
    """What is said by noise alone names nothing, and noise is in the answer only where there is some."""
    texts = FRUIT + ["zebra zebra zebra"] * 9 + CARS
    labels = np.concatenate([np.zeros(5), np.full(9, -1), np.ones(5)]).astype(np.int32)
    named = names(texts, labels)
    assert named[-1] == "noise"
    assert set(named) == {-1, 0, 1}
    assert {label: named[label] for label in (0, 1)} == names(FRUIT + CARS, _labels(5, 5))


def test_nothing_but_noise_has_one_name():
    """Without a cluster there is the name of noise alone."""
    assert names(["a cat", "a dog"], np.full(2, -1, dtype=np.int32)) == {-1: "noise"}


def test_clusters_of_the_same_words_get_different_names():
    """Five clusters of one text each are told apart in the legend all the same."""
    named = names(["apple banana"] * 5, _labels(1, 1, 1, 1, 1))
    assert len(set(named.values())) == 5
    assert all("apple" in name for name in named.values())


def test_clusters_without_words_have_names_of_their_own():
    """Signs, digits and nothing at all are no words; the names are distinct even so."""
    named = names(["", "?!", "12 345", "banana"], _labels(1, 1, 1, 1))
    assert named[0] == "no words"
    assert named[3] == "banana"
    assert len(set(named.values())) == 4
    assert all(named[label].startswith("no words") for label in range(3))


def test_a_cluster_that_says_noise_is_not_taken_for_noise():
    """The word may be a subject; it is then not the bare name of what belongs nowhere."""
    named = names(["noise", "scattered"], np.array([0, -1], dtype=np.int32))
    assert named[-1] == "noise"
    assert named[0] != "noise"


def test_a_word_is_not_said_twice_in_one_name():
    """Poem and poems are one word to a reader."""
    named = names(["poem poems poetry rhyme", "gear gears wheel", "x1 x2"], _labels(1, 1, 1))
    assert not {"poem", "poems"} <= set(_words(named[0]))
    assert not {"gear", "gears"} <= set(_words(named[1]))


def test_chinese_and_japanese_texts_give_names():
    """Scripts without spaces are named by pairs of their own characters."""
    texts = ["苹果和香蕉", "香蕉或苹果", "汽车的发动机", "发动机与汽车", "りんごとバナナ", "バナナのジュース"]
    named = names(texts, _labels(2, 2, 2))
    assert set(_words(named[0])) <= {text[at : at + 2] for text in texts[:2] for at in range(len(text) - 1)}
    assert set(_words(named[1])) <= {text[at : at + 2] for text in texts[2:4] for at in range(len(text) - 1)}
    assert {"苹果", "香蕉"} & set(_words(named[0]))
    assert any(word in "バナナのジュース" for word in _words(named[2]))


def test_cyrillic_and_marked_texts_give_whole_words():
    """Letters beyond ASCII belong to a word, in lower case; a vowel mark does not end it."""
    named = names(
        ["Яблоко или банан", "Банан, яблоко!", "हिन्दी भाषा", "भाषा हिन्दी", "Änderung größer"],
        _labels(2, 2, 1),
    )
    assert {"яблоко", "банан"} <= set(_words(named[0]))
    assert set(_words(named[1])) == {"हिन्दी", "भाषा"}
    assert set(_words(named[2])) == {"änderung", "größer"}


def test_names_are_the_same_each_time_and_do_not_depend_on_the_order_of_rows():
    """Ties are decided by the words themselves."""
    texts, labels = FRUIT + CARS, _labels(5, 5)
    order = np.random.default_rng(0).permutation(10)
    assert names([texts[row] for row in order], labels[order]) == names(texts, labels)


def test_without_rows_there_are_no_names():
    """An empty dataset is not an error."""
    assert names([], np.empty(0, dtype=np.int32)) == {}
