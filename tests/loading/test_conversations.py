"""Every schema but Alpaca's, with the traps that real files set."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from core import Project
from core.domain import EMBED_CHOICES, SchemaMapping
from core.errors import DataError
from core.loading import load, preview

ASKED, ANSWERED = {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}
USER, ASSISTANT = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
OTHER = {"role": "assistant", "content": "b"}
PLAIN = [("user", "q"), ("assistant", "a")]
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}


def _load(read, *rows: dict[str, Any]):
    return read("a.jsonl", "\n".join(map(json.dumps, rows)))


def _turns(dataset, row: int = 0, column: str = "messages") -> list[tuple[str, str]]:
    return [(each["role"], each["content"]) for each in dataset.frame[column][row].to_list()]


def _problems(dataset) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {each.kind: (each.count, each.places) for each in dataset.problems}


SHAPES = {
    "sharegpt": {"conversations": [ASKED, ANSWERED]},
    "turns": {"conversations": ["q", "a"]},
    "messages": {"messages": [USER, ASSISTANT]},
    "prompt-completion": {"prompt": "q", "completion": "a"},
    "preference": {"prompt": "q", "chosen": "a", "rejected": "b"},
    "kto": {"prompt": "q", "completion": "a", "label": True},
    "alpaca": {"instruction": "q", "output": "a"},
}


@pytest.mark.parametrize("schema", SHAPES)
@pytest.mark.parametrize("rows", [1, 3])
def test_each_schema_is_recognised_and_gives_the_same_row(read, schema, rows):
    """One question and one answer are the same messages, prompt, response and id in every schema."""
    dataset = _load(read, *[SHAPES[schema]] * rows)
    assert dataset.schema == dataset.mapping.schema == schema
    assert _turns(dataset, rows - 1) == PLAIN
    assert (dataset.frame["prompt"][0], dataset.frame["response"][0]) == ("q", "a")
    assert dataset.frame["id"][0] == _load(read, SHAPES["alpaca"]).frame["id"][0]
    assert dataset.rows.to_dicts() == [SHAPES[schema]] * rows


@pytest.mark.parametrize("schema", SHAPES)
def test_each_schema_is_surest_of_its_own_files(written, schema):
    """With a confidence of 1, and every confidence lies between 0 and 1, the surest first."""
    path = written("a.jsonl", "\n".join([json.dumps(SHAPES[schema])] * 3))
    candidates = preview(path).candidates
    assert (candidates[0].mapping.schema, candidates[0].confidence) == (schema, 1.0)
    confidences = [each.confidence for each in candidates]
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 <= each <= 1 for each in confidences)


@pytest.mark.parametrize(
    ("row", "schema"),
    [
        ({"messages": [ASKED, ANSWERED]}, "sharegpt"),
        ({"conversations": [USER, ASSISTANT]}, "messages"),
        ({"dialogue": [USER, ASSISTANT]}, "messages"),
        ({"whatever": [USER, ASSISTANT]}, "messages"),
        ({"question": "q", "answer": "a"}, "prompt-completion"),
        ({"prompt": [USER], "completion": [ASSISTANT]}, "prompt-completion"),
        ({"prompt": "q", "completion": "a", "kto_tag": 1}, "kto"),
        ({"question": "q", "chosen": "a", "rejected": "b"}, "preference"),
        ({"prompt": "q", "chosen": [USER, ASSISTANT], "rejected": [USER, OTHER], "messages": [USER]}, "preference"),
        ({"chosen": [USER, ASSISTANT], "rejected": [USER, OTHER]}, "preference"),
        ({"conversations": [ASKED], "chosen": ANSWERED, "rejected": {"from": "gpt", "value": "b"}}, "preference"),
        ({"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"}, "preference"),
    ],
)  # fmt: skip
def test_the_content_tells_where_names_mislead(read, row, schema):
    """Other column names, other keys in a column of the usual name, lists where texts are usual."""
    dataset = _load(read, row, row)
    assert dataset.schema == schema
    assert _turns(dataset) == PLAIN
    if schema == "preference":
        assert _turns(dataset, 0, "rejected") == [("assistant", "b")]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("human", "user"), ("gpt", "assistant"), ("user", "user"), ("assistant", "assistant"),
        ("bing", "assistant"), ("bard", "assistant"), ("system", "system"), ("observation", "tool"),
        ("function_call", "assistant"), ("developer", "developer"), ("Human", "user"), (" GPT ", "assistant"),
        ("tool", "tool"), ("narrator", "narrator"),
    ],
)  # fmt: skip
def test_role_names_of_every_tool_become_five(read, name, role):
    """A name that nobody knows stays as it is and is reported: trainers refuse it."""
    dataset = _load(read, {"conversations": [ASKED, {"from": name, "value": "x"}, ANSWERED]})
    assert _turns(dataset)[1] == (role, "x")
    reported = "turns of a role that is not known, kept as they are named" in _problems(dataset)
    assert reported == (name == "narrator")


@pytest.mark.parametrize(
    ("turns", "kind"),
    [
        ([ANSWERED, ASKED, ANSWERED], "conversations that begin with the assistant"),
        ([ASKED, ASKED, ANSWERED], "conversations in which user or assistant speaks twice in a row"),
        ([ASKED, ANSWERED, ANSWERED], "conversations in which user or assistant speaks twice in a row"),
        ([ASKED, ANSWERED, ASKED], "conversations that do not end with an answer"),
        ([ASKED], "conversations that do not end with an answer"),
        ([], "no list of turns, so the row has no messages"),
        (None, "no list of turns, so the row has no messages"),
        ([ASKED, 5, ANSWERED], "turns that are no message, left out of the messages"),
        ([ASKED, {"from": "gpt", "value": None}], "turns without text, read as empty"),
    ],
)
def test_odd_conversations_load_and_are_reported_with_their_place(read, turns, kind):
    """The row is there, its neighbours are as they were, and the problem names it."""
    good = {"conversations": [ASKED, ANSWERED]}
    dataset = _load(read, good, {"conversations": turns}, good)
    assert len(dataset) == 3
    assert _turns(dataset, 2) == PLAIN
    assert _problems(dataset)[kind] == (1, ("line 2",))


def test_tool_calls_keep_their_form_beside_their_text(read):
    """Content null with tool calls reads as the calls' JSON; what belongs to a turn stands in turn_fields."""
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    answer = {"role": "tool", "content": "3", "tool_call_id": "1"}
    last = {"role": "assistant", "content": "a", "reasoning_content": "hm"}
    row = {"messages": [USER, called, answer, last], "tools": [{"type": "function"}]}
    dataset = _load(read, row, {"messages": [USER, ASSISTANT], "tools": []})
    assert [role for role, _ in _turns(dataset)] == ["user", "assistant", "tool", "assistant"]
    assert json.loads(_turns(dataset)[1][1]) == [CALL]
    fields = [text and json.loads(text) for text in dataset.frame["turn_fields"][0].to_list()]
    expected = [
        None,
        {"content": None, "tool_calls": [CALL]},
        {"tool_call_id": "1"},
        {"reasoning_content": "hm"},
    ]
    assert fields == expected
    assert [text and json.loads(text) for text in dataset.frame["tools"]] == [[{"type": "function"}], None]
    assert dataset.frame["response"].to_list() == ["a", "a"]


def test_a_function_call_of_sharegpt_becomes_a_tool_call(read):
    """function_call holds the call as JSON text; observation is the tool's answer."""
    call = {"from": "function_call", "value": '{"name": "f", "arguments": {"x": 1}}'}
    seen = {"from": "observation", "value": "3"}
    row = {"conversations": [ASKED, call, seen, ANSWERED], "tools": '[{"name": "f"}]', "system": "S"}
    dataset = _load(read, row, {**row, "tools": "not JSON"}, {**row, "tools": ""})
    assert [role for role, _ in _turns(dataset)] == ["system", "user", "assistant", "tool", "assistant"]
    made = json.loads(dataset.frame["turn_fields"][0][2])
    function = {"name": "f", "arguments": {"x": 1}}
    assert made == {"content": None, "tool_calls": [{"type": "function", "function": function}]}
    assert dataset.frame["tools"].to_list() == ['[{"name": "f"}]', None, None]
    assert _problems(dataset)["tools that are not JSON, left out of the messages"] == (1, ("line 2",))


def test_content_in_parts_is_read_as_its_texts(read):
    """Texts are joined; an image is reported and kept for the export."""
    image = {"type": "image_url", "image_url": {"url": "u"}}
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    rows = [{"messages": [{"role": "user", "content": each}, ASSISTANT]} for each in (parts, [*parts, image])]
    dataset = _load(read, *rows, {"messages": [{"role": "developer", "content": "d"}, USER, ASSISTANT]})
    assert dataset.frame["prompt"].to_list() == ["one\ntwo", "one\ntwo", "q"]
    assert dataset.frame["system"].to_list() == ["", "", "d"]
    kept = json.loads(dataset.frame["turn_fields"][1][0])
    assert kept == {"content": [*parts, image]}
    kind = "content in parts that are not text, kept for the export and not shown"
    assert _problems(dataset)[kind] == (1, ("line 2",))


def test_a_system_column_comes_first_where_there_is_no_system_turn(read):
    """Where both stand and differ the turn counts, and that is said."""
    rows = [
        {"conversations": [ASKED, ANSWERED], "system": "S"},
        {"conversations": [{"from": "system", "value": "T"}, ASKED, ANSWERED], "system": "S"},
        {"conversations": [ASKED, ANSWERED], "system": ""},
    ]
    dataset = _load(read, *rows)
    assert [_turns(dataset, row)[0] for row in range(3)] == [("system", "S"), ("system", "T"), ("user", "q")]
    assert dataset.frame["system"].to_list() == ["S", "T", ""]
    assert _problems(dataset)["system texts in a column beside a system turn, which counts"] == (
        1,
        ("line 2",),
    )


def test_every_blank_of_a_prompt_and_its_completion_is_kept(read):
    """A completion begins with a space for the tokenizer's sake."""
    dataset = _load(read, {"prompt": "The sky is", "completion": " blue.\n"})
    assert _turns(dataset) == [("user", "The sky is"), ("assistant", " blue.\n")]


def test_text_that_looks_like_json_is_text(read):
    """Only a list of messages is one; a prompt may hold JSON, braces and the word role."""
    prompts = ['[{"a": 1}] sum these', "[1, 2]", '{"role": "x"', "[", '[{"role": "user", "content": "q"}]']
    dataset = _load(read, *({"prompt": each, "completion": "a"} for each in prompts))
    assert dataset.frame["prompt"].to_list() == [*prompts[:4], "q"]


@pytest.mark.parametrize("system", [[], [{"role": "system", "content": "S"}]])
def test_the_beginning_that_both_sides_share_is_the_prompt(read, system):
    """However long it is; the rejected side keeps only what differs, and at least its last message."""
    long = [*system, USER, ASSISTANT, {"role": "user", "content": "and?"}]
    rows = [
        {"chosen": [*long, ASSISTANT], "rejected": [*long, OTHER]},
        {"chosen": [*system, USER, ASSISTANT], "rejected": [*system, USER, OTHER]},
        {"chosen": [*system, USER, ASSISTANT], "rejected": [*system, USER, ASSISTANT]},
    ]
    dataset = _load(read, *rows)
    assert [len(_turns(dataset, row)) for row in range(3)] == [
        len(long) + 1,
        len(system) + 2,
        len(system) + 2,
    ]
    rejected = [_turns(dataset, row, "rejected") for row in range(3)]
    assert rejected == [[("assistant", "b")], [("assistant", "b")], [("assistant", "a")]]
    assert _problems(dataset)["pairs whose chosen and rejected answers are the same"] == (1, ("line 3",))


def test_a_prompt_of_messages_stands_before_the_chosen_answer(read):
    """With its system text, and the input below the instruction where the prompt is a text."""
    prompt = [{"role": "system", "content": "S"}, USER]
    dataset = _load(read, {"prompt": prompt, "chosen": [ASSISTANT], "rejected": [OTHER]})
    assert _turns(dataset) == [("system", "S"), *PLAIN]
    dataset = _load(read, {"instruction": "q", "input": "i", "chosen": "a", "rejected": "b"})
    assert _turns(dataset) == [("user", "q\n\ni"), ("assistant", "a")]


def test_unwanted_completions_are_counted(read):
    """KTO labels them false, 0 or no: they load, and it is said that training would imitate them."""
    rows = [{"prompt": "q", "completion": "a", "label": label} for label in (True, False, False)]
    dataset = _load(read, *rows)
    kind = "completions labelled as not wanted, which training would imitate all the same"
    assert _problems(dataset)[kind] == (2, ("line 2", "line 3"))
    assert dataset.frame["label"].to_list() == [True, False, False]


def test_text_alone_loads_with_a_warning(read):
    """It is embedded whole; beside an instruction it is no schema at all."""
    dataset = _load(read, {"text": "<s>[INST] q [/INST] a", "score": 3.5}, {"text": "x", "score": 1.0})
    assert dataset.schema == "text"
    assert dataset.frame["prompt"].to_list() == ["<s>[INST] q [/INST] a", "x"]
    assert [each.count for each in dataset.problems] == [2]
    assert "already templated" in dataset.problems[0].kind
    assert list(dataset.judges) == ["score"]


def test_conversations_in_a_csv_file_are_read_from_their_json(read):
    """A cell with the list as JSON gives the same messages and ids as a JSON file."""
    text = io.StringIO(newline="")
    lists = [[ASKED, ANSWERED], [ASKED, ANSWERED, ASKED, ANSWERED]]
    csv.writer(text).writerows([["conversations", "score"], *([json.dumps(each), 1] for each in lists)])
    table = read("a.csv", text.getvalue())
    same = _load(read, *({"conversations": each} for each in lists))
    assert table.schema == "sharegpt"
    assert table.frame["messages"].to_list() == same.frame["messages"].to_list()
    assert table.frame["id"].to_list() == same.frame["id"].to_list()


def test_one_conversation_in_a_document_is_one_row(read):
    """Its turns are neither rows under a key nor the cells of a column."""
    for name, row in (
        ("a.json", SHAPES["sharegpt"]),
        ("b.jsonl", SHAPES["turns"]),
        ("c.json", SHAPES["messages"]),
    ):
        assert _turns(read(name, json.dumps(row))) == PLAIN
    table = {"conversations": [[ASKED, ANSWERED], [ASKED, ANSWERED]], "score": [1, 2]}
    assert len(read("d.json", json.dumps(table))) == 2


@pytest.mark.parametrize(
    ("embed", "text"),
    list(zip(EMBED_CHOICES, ["one", "one\n\ntwo", "one\n\nA\n\ntwo\n\nB"], strict=True)),
)
def test_what_is_embedded_of_several_turns_is_a_choice(written, embed, text):
    """The column prompt and its fingerprint follow; the response and the id do not."""
    turns = ["one", "A", "two", "B"]
    path = written("a.jsonl", json.dumps({"conversations": turns, "system": "S"}))
    dataset, first = load(path, embed=embed), load(path)
    assert dataset.frame["prompt"].to_list() == [text]
    assert dataset.frame["response"].to_list() == ["B"]
    assert dataset.frame["id"].to_list() == first.frame["id"].to_list()
    same = embed == EMBED_CHOICES[0]
    assert (dataset.text_fingerprint == first.text_fingerprint) == same
    assert (dataset.fingerprint == first.fingerprint) == same


def test_a_choice_that_changes_nothing_changes_no_fingerprint(written):
    """All user turns of a row with one are the first: what was computed stays valid."""
    path = written("a.jsonl", json.dumps(SHAPES["alpaca"]))
    assert load(path, embed="all-user").fingerprint == load(path).fingerprint


def test_a_mapping_of_a_person_counts(written):
    """Columns of any name; the file is then another dataset than under another mapping."""
    path = written("a.jsonl", json.dumps({"ask": "q", "one": "a", "two": "b", "score": 4.5}))
    mappings = [
        SchemaMapping("alpaca", (("instruction", "ask"), ("output", each))) for each in ("one", "two")
    ]
    one, two = (load(path, each) for each in mappings)
    assert (one.frame["response"][0], two.frame["response"][0]) == ("a", "b")
    assert one.fingerprint != two.fingerprint
    turned = SchemaMapping("alpaca", mappings[0].columns[::-1])
    assert load(path, turned).fingerprint == one.fingerprint


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (SchemaMapping("alpacas"), "There is no schema 'alpacas'. Schemas: alpaca,"),
        (SchemaMapping("turns", (("conversation", "a"),)), "turns has no role 'conversation'. Its roles: conver"),
        (SchemaMapping("turns", (("conversations", "b"),)), "There is no column 'b' to be the conversations."),
        (SchemaMapping("kto", (("prompt", "a"),)), "The schema kto needs a column for completion and label."),
        (SchemaMapping("turns", (("conversations", "a"),) * 2), "More than one column is named as conversations"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_used_is_refused_in_words(written, mapping, words):
    """An unknown schema or role, a column that is not there, a needed role without one."""
    with pytest.raises(DataError) as caught:
        load(written("a.jsonl", '{"a": "x"}'), mapping)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("row", "lacking"),
    [
        (
            {"conversations": 5},
            "The nearest is sharegpt, which lacks lists of {from, value} in conversations.",
        ),
        ({"messages": "hello"}, "The nearest is messages, which lacks lists of {role, content} in messages."),
        ({"messages": []}, "The nearest is messages, which lacks"),
        ({"frage": "a", "antwort": "b"}, "choose schema and columns on Load, or with --schema and --column."),
        ({"chosen": "a", "prompt": "q"}, "The nearest is preference, which lacks rejected."),
        ({"prompt": "q"}, "which lacks completion."),
    ],
)
def test_a_file_of_no_schema_is_told_what_the_nearest_lacks(refused, row, lacking):
    """A column, or what should be in it."""
    assert lacking in refused("a.jsonl", json.dumps(row))


def test_rows_of_two_schemas_load_as_the_one_that_most_are_of(read):
    """The others are there without messages, and counted."""
    rows = [{"instruction": "i", "output": "o"}, *[SHAPES["sharegpt"]] * 3]
    dataset = _load(read, *rows)
    assert (dataset.schema, len(dataset)) == ("sharegpt", 4)
    assert _problems(dataset)["no list of turns, so the row has no messages"] == (1, ("line 1",))


def test_a_preview_shows_the_rows_as_they_load(written):
    """The same messages as ``load`` gives, under the mapping that it is asked for."""
    rows = [{"prompt": f"q{k}", "chosen": f"a{k}", "rejected": f"b{k}"} for k in range(5)]
    path = written("a.jsonl", "\n".join(map(json.dumps, rows)))
    found = preview(path)
    assert found.best is not None
    assert found.columns == ("prompt", "chosen", "rejected")
    shown = found.samples(found.best.mapping)
    frame = load(path).frame.head(3)
    assert [[each[:2] for each in one.messages] for one in shown] == [
        [(each["role"], each["content"]) for each in messages] for messages in frame["messages"].to_list()
    ]
    assert [one.rejected for one in shown] == [[("assistant", f"b{k}", None)] for k in range(3)]
    other = SchemaMapping("alpaca", (("instruction", "prompt"), ("output", "rejected")))
    assert found.samples(other)[0].messages[1][1] == "b0"


def test_a_preview_of_a_long_file_reads_its_beginning_only(written):
    """A broken line far behind the first rows is met by loading, not by looking."""
    line = json.dumps({"instruction": "a" * 1000, "output": "b"})
    found = preview(written("a.jsonl", "\n".join([line] * 8000)))
    assert 0 < found.rows.height <= 1000


def test_the_tokens_of_a_conversation_are_those_of_all_its_turns(written, tmp_path):
    """A token budget counts what is trained on, whatever is embedded of it; a pair counts without its reject."""
    conversation = {"conversations": ["one", "two words", "three more words", "a longer answer at last"]}
    path = written("a.jsonl", "\n".join([json.dumps(conversation)] * 2))
    for embed in EMBED_CHOICES:
        counts = Project(load(path, embed=embed), home=tmp_path / "home").tokens()
        assert counts.tolist() == [1 + 2 + 3 + 5] * 2
    pair = written("b.jsonl", json.dumps({"prompt": "one", "chosen": "two words", "rejected": "not this"}))
    assert Project(load(pair), home=tmp_path / "home").tokens().tolist() == [3]
