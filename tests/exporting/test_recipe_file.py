from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from core.errors import DataError
from core.exporting import Recipe, read_recipe, recipe_file

GOLDEN = (Path(__file__).parent / "recipe.golden.yaml").read_text("utf-8")


def _write(tmp_path, content):
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_recipe_is_read_as_it_was_written(tmp_path):
    """With or without a byte order mark."""
    for text in (GOLDEN, "\ufeff" + GOLDEN):
        assert read_recipe(_write(tmp_path, text)) == Recipe.from_yaml(GOLDEN)


def _of_the_second_version():
    old = GOLDEN.replace("recipe_version: 4", "recipe_version: 2")
    return old.replace("  max_tokens: null\n  dedup_distance: null\n", "").replace("  hub: ''\n", "")


def test_a_recipe_of_the_second_version_is_still_read(tmp_path):
    """It knows neither a token budget nor near copies, and asks for none."""
    recipe = read_recipe(_write(tmp_path, _of_the_second_version()))
    assert (recipe.choice.max_tokens, recipe.choice.dedup_distance) == (None, None)
    assert recipe.choice == Recipe.from_yaml(GOLDEN).choice


def test_a_recipe_of_the_first_version_is_still_read(tmp_path):
    """It names neither versions, nor arrays, nor the sha256 of its source."""
    old = _of_the_second_version().replace("recipe_version: 2", "recipe_version: 1")
    old = old.replace("  sha256: <sha256>\n", "")
    old = re.sub(r"versions:\n.*?(?=choice:)", "", old, flags=re.S)
    recipe = read_recipe(_write(tmp_path, old))
    assert (recipe.versions, recipe.arrays, recipe.source.sha256) == ({}, {}, "")
    assert recipe.choice == Recipe.from_yaml(GOLDEN).choice


BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "an object": ("!!python/object/apply:os.system ['touch ran']", "could not determine a constructor"),
    "an object in a field": (
        GOLDEN.replace("seed: 7", "seed: !!python/name:os.getcwd"),
        "could not determine a constructor",
    ),
    "aliases that multiply": (BOMB, "refers to parts of itself"),
    "a list in itself": ("&a [*a]", "refers to parts of itself"),
    "deep lists": ("[" * 100_000, "nested deeper"),
    "deep mappings": ("".join(" " * k + "a:\n" for k in range(500)), "nested deeper"),
    "too many bytes": ("#" * (recipe_file.MOST_BYTES + 1), "larger than 4,000,000 bytes"),
    "no UTF-8": (b"\xff\xfe\x00", "can't decode"),
    "no YAML": ("a: [", "while parsing"),
    "a control character": ("a: \x07", "unacceptable character"),
    "nothing": ("", "Input should be a valid dictionary"),
    "two documents": ("--- 1\n--- 2\n", "expected a single document"),
    "a date that is none": (GOLDEN.replace("seed: 7", "seed: 2020-13-45"), "month must be in 1..12"),
    "a number of many digits": (GOLDEN.replace("seed: 7", "seed: " + "9" * 5000), "Exceeds the limit"),
    "a list as a key": ("{[1]: 2}", "while constructing"),
    "a word too many": (GOLDEN + "more: 1\n", "more: Extra inputs are not permitted"),
    "a decision less": (GOLDEN.replace("  seed: 7\n", ""), "choice.seed: Field required"),
    "a later version": (GOLDEN.replace("recipe_version: 5", "recipe_version: 6"), "of version 6"),
    "version 0": (GOLDEN.replace("recipe_version: 5", "recipe_version: 0"), "of version 0"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_recipe_is_refused_in_one_line(tmp_path, monkeypatch, case):
    """Soon, with its reason, and without running any of it."""
    monkeypatch.chdir(tmp_path)
    content, reason = HOSTILE[case]
    start = time.process_time()
    with pytest.raises(DataError, match=re.escape(reason)) as caught:
        read_recipe(_write(tmp_path, content))
    assert time.process_time() - start < 5
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert [file.name for file in tmp_path.iterdir()] == ["recipe.yaml"]


def test_what_is_no_file_is_said(tmp_path):
    """Neither a missing one nor a folder."""
    with pytest.raises(DataError, match="There is no recipe") as missing:
        read_recipe(tmp_path / "none.yaml")
    assert missing.value.hint == "Check the path."
    with pytest.raises(DataError, match="There is no recipe") as folder:
        read_recipe(tmp_path)
    assert "It is a folder" in folder.value.hint
