"""Model families: told by name, said by a person, kept in the ledger, and clashes between parts."""

from __future__ import annotations

import sqlite3

import pytest

from core.errors import StoreError
from core.families import UNKNOWN, Families, clashes, family_of, others
from core.family_table import FamilyTable


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("gpt-4o-mini", "OpenAI"), ("judge_gpt4omini", "OpenAI"), ("text-davinci-003", "OpenAI"),
        ("o3-mini", "OpenAI"), ("claude-sonnet-4", "Anthropic"), ("meta-llama/Llama-3.1-8B", "Meta"),
        ("judge_llama31_8b", "Meta"), ("judge_mistral7b", "Mistral"), ("Qwen2.5-7B-Instruct", "Alibaba"),
        ("gemma-2-9b", "Google"), ("phi-4", "Microsoft"), ("openai", "OpenAI"), ("people", "people"),
        ("accuracy", UNKNOWN), ("philosophy", UNKNOWN), ("metadata", UNKNOWN), ("yield", UNKNOWN),
        ("deepseek-r1-distill-llama", UNKNOWN), ("", UNKNOWN), ("commander", UNKNOWN),
    ],
)  # fmt: skip
def test_a_family_is_told_by_name(name, family):
    """Words that merely begin alike, and names of two families, are unknown."""
    assert family_of(name) == family


def test_parts_of_one_family_clash_and_people_never_do():
    """Writer, evaluator and each judge; what a person says of a judge goes before its name."""
    found = clashes(Families(writer="text-davinci-003", evaluator="gpt-4o"), ("gpt4", "llama3"))
    assert [(each.one, each.other) for each in found] == [
        ("gpt4", "writer"), ("gpt4", "evaluator"), ("writer", "evaluator"),
    ]  # fmt: skip
    assert {each.family for each in found} == {"OpenAI"}
    assert not clashes(Families(writer="people", evaluator="people"), ("people",))
    assert not clashes(Families(writer="unknown-lab", evaluator="unknown-lab"), ("unknown-lab",))
    said = Families(writer="OpenAI", judges=(("quality", "OpenAI"), ("gpt4", "Meta")))
    assert [each.one for each in clashes(said, ("quality", "gpt4"))] == ["quality"]
    assert all(each.sentence.endswith(".") for each in found)


def test_a_judge_may_come_from_a_family_that_plays_no_part():
    """Neither the writer's nor the evaluator's."""
    assert not {"OpenAI", "Meta"} & set(others(Families(writer="gpt-4", evaluator="llama-3")))


def test_what_is_said_is_kept_for_its_dataset(tmp_path):
    """The last word counts, another dataset is another matter, and looking writes nothing."""
    path = tmp_path / "ledger.sqlite"
    table = FamilyTable(path, "one")
    assert table.families() == Families()
    assert not path.exists()
    said = Families(writer="OpenAI", evaluator="people", judges=(("a", "Meta"),))
    table.keep(Families(writer="Meta"))
    table.keep(said)
    assert FamilyTable(path, "one").families() == said
    assert FamilyTable(path, "other").families() == Families()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE families SET families = '7'")
    with pytest.raises(StoreError, match="cannot be understood"):
        table.families()
