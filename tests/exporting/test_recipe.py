from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydantic
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain import Pins, ScoreColumn, ScoreFile, SelectParams
from core.embedding import EmbedParams
from core.exporting import Recipe, recipe_of, write_bundle
from core.keys import MapParams
from core.model_facts import ModelFacts, difference

GOLDEN = Path(__file__).parent / "recipe.golden.yaml"
RECORDS = [
    {"id": f"r{k}", "instruction": f"Say {k}", "output": "x", "score": k % 3, "other_score": 1}
    for k in range(6)
]
PARAMS = SelectParams(
    judge="score",
    min_score=1,
    count=3,
    strategy="top-score",
    seed=7,
    pins=Pins(include=frozenset({"r4"}), exclude=frozenset({"r5", "r3"})),
)


SETTINGS = {
    "embed": {"model": "all-MiniLM-L6-v2", "max_tokens": None},
    "cluster": {"method": "kmeans", "clusters": 40, "seed": 0},
    "project": {"min_dist": 0.1, "seed": 0},
}


MODEL = ModelFacts(
    model="m", host="host:8000", rubric="accuracy", rubric_version=1, rubric_sha256="a" * 64,
    rubric_words={"name": "accuracy", "asks": "Grade it: all of it.", "low": 0.0, "grades": [[0.5, "half"]]},
    prompt_sha256="b" * 64, temperature=0.5, samples=3, scored_by="odds", form="json", explain=False,
    max_tokens=None, parameters={"top_p": 0.9}, rows={"ok": 4, "refused": 1, "pending": 1},
)  # fmt: skip
FROZEN = ScoreColumn(
    name="m accuracy",
    column="score",
    file=ScoreFile(name="judged-m-accuracy-4-cccccccc.csv", sha256="c" * 64, by="id", key="id"),
    model=MODEL.model_dump_json(),
)


def _recipe(bundle):
    return recipe_of(
        bundle.dataset,
        bundle.selection,
        made=bundle.made,
        map_settings=bundle.map_settings,
        traces=bundle.traces,
        frozen=bundle.frozen,
    )


def test_the_recipe_is_what_it_was(bundled):
    """A golden file: every decision is in it, under the name that earlier recipes have."""
    bundle = replace(bundled(RECORDS, [4, 2, 1], params=PARAMS), map_settings=SETTINGS, frozen=(FROZEN,))
    text = _recipe(bundle).to_yaml()
    text = re.sub(r"(fingerprint: |  sha256: )[0-9a-f]{64}", r"\1<sha256>", text)
    decisions, libraries, versions = text.partition("libraries:\n")
    text = decisions + libraries + re.sub(r"(?m): .+$", ": <version>", versions)
    assert text == GOLDEN.read_text("utf-8")


def test_a_recipe_is_read_back_as_it_was_written(bundled):
    """YAML loses nothing: neither nulls, floats, nested settings nor the sequence of keys."""
    recipe = _recipe(bundled(RECORDS, [4, 2, 1], params=PARAMS))
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    assert Recipe.from_yaml(recipe.to_yaml()).to_yaml() == recipe.to_yaml()
    now_and_then = ("training", "why")  # only if rows were mended, and if somebody said it
    sections = [name for name in Recipe.model_fields if name not in now_and_then]
    assert list(yaml.safe_load(recipe.to_yaml())) == sections


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=6))
def test_hostile_texts_survive_yaml(texts):
    """Ids, names and notes of any characters come back: quotes, colons, line ends, NUL, yes and no."""
    texts = [*texts, "yes", "null", "1e3", "- a: b", "a\u2028b\x85c", "\0", "\ufeff", "#", "&a *a !!python/x"]
    recipe = Recipe.from_yaml(GOLDEN.read_text("utf-8"))
    choice = recipe.choice.model_copy(
        update={"include": texts, "judge": texts[0], "options": {texts[0]: texts[-1]}}
    )
    outcome = recipe.outcome.model_copy(update={"notes": texts})
    hostile = recipe.model_copy(update={"choice": choice, "outcome": outcome})
    assert Recipe.from_yaml(hostile.to_yaml()) == hostile


def test_the_digest_is_that_of_the_file_of_ids(bundled, tmp_path):
    """Whoever has ids.txt can check it with sha256sum."""
    write_bundle(bundled(RECORDS, [4, 2, 1], params=PARAMS), tmp_path, "csv")
    recipe = Recipe.from_yaml((tmp_path / "recipe.yaml").read_text("utf-8"))
    assert recipe.outcome.ids_sha256 == hashlib.sha256((tmp_path / "ids.txt").read_bytes()).hexdigest()
    assert recipe.outcome.selected == len((tmp_path / "ids.txt").read_text().split())


def test_the_libraries_are_those_that_are_installed(bundled, monkeypatch):
    """Each with its version; one that is not there is said to be missing."""
    monkeypatch.setattr("core.exporting.recipe.LIBRARIES", ("numpy", "no-such-library"))
    found = _recipe(bundled(RECORDS, [0])).libraries
    assert found == {"numpy": np.__version__, "no-such-library": "not installed"}


def test_a_recipe_has_the_same_bytes_whether_vectors_were_computed_or_read(bundled):
    """The store gives notes back in another sequence; the recipe does not show it."""
    made = bundled(RECORDS, [0]).made
    texts = {
        _recipe(bundled(RECORDS, [0], made=each)).to_yaml() for each in (made, dict(sorted(made.items())))
    }
    assert len(texts) == 1


def test_every_decision_is_in_the_recipe(bundled):
    """No field of the parameters is left out, and each changes the recipe."""
    bundle = bundled(RECORDS, [4, 2, 1], params=PARAMS)
    base = _recipe(bundle).choice
    others = {
        "judge": "other_score",
        "min_score": 2.0,
        "count": None,
        "strategy": "k-center",
        "seed": 8,
        "options": (("drop_outliers", 5.0),),
        "pins": Pins(include=frozenset({"r1"})),
        "max_tokens": 0,
        "dedup_distance": 0.1,
    }
    assert set(others) == set(SelectParams.__dataclass_fields__)
    for name, value in others.items():
        changed = replace(bundle.selection, params=replace(PARAMS, **{name: value}))
        assert _recipe(replace(bundle, selection=changed)).choice != base, name


def test_every_fact_of_a_model_is_in_the_recipe_and_comes_back(bundled):
    """None is left out, each other value makes another recipe, and the decision has all of them."""
    bundle = bundled(RECORDS, [0])
    others = {
        "model": "m2", "host": "other", "rubric": "depth", "rubric_version": 2, "rubric_sha256": "d" * 64,
        "rubric_words": {"asks": "Grade it:", "low": 1.0},
        "prompt_sha256": "e" * 64, "temperature": None, "samples": 1, "scored_by": "grade", "form": "line",
        "explain": True, "max_tokens": 9, "parameters": {}, "rows": {"ok": 5},
    }  # fmt: skip
    assert set(others) == set(ModelFacts.model_fields)
    texts = set()
    for name, value in others.items():
        facts = MODEL.model_copy(update={name: value})
        recipe = _recipe(replace(bundle, frozen=(replace(FROZEN, model=facts.model_dump_json()),)))
        back = Recipe.from_yaml(recipe.to_yaml()).scores[0]
        assert getattr(back.model, name) == value, name
        assert ModelFacts.model_validate_json(back.decision().model) == facts
        assert difference(MODEL, facts)
        texts.add(recipe.to_yaml())
    assert len(texts) == len(others)


def test_every_setting_of_the_map_is_in_the_recipe(bundled):
    """Stage by stage, with the values that were used."""
    recipe = _recipe(bundled(RECORDS, [0]))
    assert recipe.map == MapParams().as_dict()
    assert Recipe.from_yaml(recipe.to_yaml()).map == MapParams().as_dict()


@pytest.mark.parametrize("model", ["/srv/models/mini", "~/models/mini", "{tmp}/models/mini"])
def test_a_model_in_a_local_folder_goes_by_its_name(bundled, tmp_path, model):
    """The digest of its weights identifies it; where it lay on this machine is nobody's business."""
    model = model.replace("{tmp}", str(tmp_path))
    made = {"model": model, "digest": "ab", "truncated": 0, "note": f"{model} on cpu, fp32"}
    bundle = bundled(RECORDS, [0], made=made, map_params=MapParams(embed=EmbedParams(model=model)))
    recipe = _recipe(bundle)
    assert recipe.map["embed"]["model"] == recipe.vectors["model"] == "mini"
    assert recipe.vectors["note"] == "mini on cpu, fp32"
    assert "models" not in recipe.to_yaml()
    assert bundle.made["model"] == model


def test_a_model_of_the_hub_keeps_its_full_name(bundled):
    """Owner and name are no path."""
    params = MapParams(embed=EmbedParams(model="someone/model"))
    recipe = _recipe(bundled(RECORDS, [0], made={"model": "someone/model"}, map_params=params))
    assert recipe.map["embed"]["model"] == recipe.vectors["model"] == "someone/model"


def test_a_recipe_with_a_word_too_many_or_too_few_is_refused():
    """A misspelt decision is never ignored."""
    text = GOLDEN.read_text("utf-8")
    for broken in (
        text.replace("  min_score:", "  min_scores:"),
        text + "more: 1\n",
        text.replace("  seed: 7\n", ""),
        text.replace("seed: 7", "seed: seven"),
        "[]",
    ):
        with pytest.raises(pydantic.ValidationError):
            Recipe.from_yaml(broken)


def test_a_recipe_cannot_be_changed():
    """It is a record of what was decided."""
    recipe = Recipe.from_yaml(GOLDEN.read_text("utf-8"))
    with pytest.raises(pydantic.ValidationError):
        recipe.choice.seed = 8


def test_yaml_that_would_make_objects_is_refused():
    """A recipe that comes from a stranger runs nothing."""
    with pytest.raises(yaml.YAMLError):
        Recipe.from_yaml("!!python/object/apply:os.getcwd []")


def test_a_recipe_from_before_mappings_is_read():
    """Without the columns and the choice of what is embedded: both are what they were then."""
    text = GOLDEN.read_text("utf-8")
    older = re.sub(r"(?ms)^  mapping:.*?(?=^map:)", "", text)
    assert older != text
    source = Recipe.from_yaml(older).source
    assert (source.mapping, source.embed) == ({}, "first-user")
