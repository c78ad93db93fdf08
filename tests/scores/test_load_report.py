"""What was loaded: repeats, lengths and languages, against counting by hand; stored once."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from core import Project, load_report
from core.languages import UNSURE, languages
from core.load_report import BARS, lengths

TEXTS = {
    "en": "Please explain why the sky is blue during the day and red in the evening.",
    "fr": "Expliquez pourquoi le ciel est bleu pendant la journée et rouge le soir.",
    "de": "Erkläre bitte, warum der Himmel am Tag blau und am Abend rot ist.",
    "es": "Explica por qué el cielo es azul durante el día y rojo por la tarde.",
    "zh": "请解释为什么天空在白天是蓝色的，而在傍晚是红色的。",
    "ru": "Объясните, почему небо днём голубое, а вечером красное.",
}


def test_languages_are_told_and_what_is_too_short_is_unsure():
    """One code a text; numbers, signs and a word are no language; line ends do not matter."""
    codes, sure = languages([*TEXTS.values(), "", "12 + 7 = 19", "Paris", TEXTS["en"].replace(" ", "\n")])
    assert codes == [*TEXTS, UNSURE, UNSURE, UNSURE, "en"]
    assert sure.shape == (10,)
    assert ((sure >= 0) & (sure <= 1)).all()
    assert (sure[:6] >= 0.5).all()
    assert languages([])[0] == []


@pytest.mark.parametrize("seed", range(10))
def test_lengths_are_those_of_rows_that_there_are(seed):
    """Against sorting: the median and the 95th percentile occur, and every row is in one bar."""
    random = np.random.default_rng(seed)
    numbers = random.integers(0, random.choice([1, 5, 1000]), random.integers(1, 300))
    ranked = sorted(numbers.tolist())
    found = lengths(numbers)
    assert (found.low, found.high) == (ranked[0], ranked[-1])
    assert sum(each <= found.median for each in ranked) >= len(ranked) / 2
    assert sum(each < found.median for each in ranked) <= len(ranked) / 2
    assert sum(each <= found.p95 for each in ranked) >= 0.95 * len(ranked)
    assert sum(each < found.p95 for each in ranked) <= 0.95 * len(ranked)
    assert (len(found.rows_by_length), sum(found.rows_by_length)) == (BARS, len(ranked))


@pytest.fixture
def file(tmp_path):
    """Forty rows with repeats, other answers to the same prompt, and empty texts."""
    random = np.random.default_rng(3)
    texts = [*TEXTS.values(), ""]
    rows = [
        {"instruction": texts[random.integers(7)], "output": texts[random.integers(7)]} for _ in range(40)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    return path, rows


def test_the_report_counts_what_is_there(file, tmp_path):
    """Copies, groups, shared prompts, empties and languages, each counted another way."""
    path, rows = file
    found = Project.open(path, home=tmp_path / "home").load_report()
    pairs = Counter((row["instruction"], row["output"]) for row in rows)
    prompts = Counter(row["instruction"] for row in rows)
    assert (found.rows_read, found.rows) == (41, 40)
    assert found.copies == sum(count for count in pairs.values() if count > 1)
    assert found.copy_groups == sum(count > 1 for count in pairs.values())
    assert found.same_prompt == sum(count for count in prompts.values() if count > 1)
    assert found.empty_prompts == prompts[""]
    assert found.empty_responses == sum(row["output"] == "" for row in rows)
    assert (found.turns.low, found.turns.high) == (2, 2)
    assert found.unsure + sum(count for _, count in found.languages) == 40
    assert found.sentences[0] == "41 rows read, 40 loaded."
    assert "problems" not in found.as_dict()


def test_rows_of_several_turns_are_copies_only_where_every_turn_is_the_same(tmp_path):
    """The same prompt and last answer with another turn between them are two conversations."""

    def talk(between: str) -> dict[str, object]:
        said = [("user", "Name a fruit."), ("assistant", between), ("user", "And?"), ("assistant", "Pear")]
        return {"messages": [{"role": role, "content": content} for role, content in said]}

    path = tmp_path / "talks.jsonl"
    path.write_text("".join(json.dumps(talk(each)) + "\n" for each in ("Apple", "Plum", "Apple")))
    found = Project.open(path, home=tmp_path / "home").load_report()
    assert (found.copies, found.copy_groups, found.same_prompt) == (2, 1, 3)
    assert (found.turns.low, found.turns.high) == (4, 4)
    assert "Turns a row: 4 to 4, median 4." in found.sentences


def test_tokens_that_are_counted_already_give_the_same_lengths(file, tmp_path):
    """With and without the tokens of the map's stages."""
    first, second = (Project.open(file[0], home=tmp_path / name) for name in ("first", "second"))
    second.tokens()
    assert second.tokens_are_of_both
    assert first.load_report() == second.load_report()


def test_what_takes_seconds_is_made_once(file, tmp_path, monkeypatch):
    """Another project of the same home reads it, whatever its judges; languages are there row by row."""
    project = Project.open(file[0], home=tmp_path / "home")
    assert project.ready_load_report() is None
    first = project.load_report()
    monkeypatch.setattr(load_report.told, "languages", None)
    monkeypatch.setattr(load_report.tokens, "count_tokens", None)
    again = Project.open(file[0], home=tmp_path / "home")
    assert again.ready_load_report() == first
    table = again.languages()
    assert table.columns == ["language", "confidence"]
    told = dict(Counter(table["language"]))
    assert told.pop(UNSURE, 0) == first.unsure
    assert told == dict(first.languages)
