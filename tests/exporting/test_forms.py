"""The forms of chat trainers, read back by other readers and checked against the source's own rows."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from chats import CALL, CHATS, HOSTILE, OPENAI_CALL, TOOLS, turns_of

from core.exporting import FORMATS, TRAINERS
from core.exporting.formats import form as parts_of
from core.loading import load

SAMPLE = Path(__file__).parents[2] / "data" / "sample.jsonl"


def _written(bundle, form):
    out = io.BytesIO()
    FORMATS[form].write(bundle.dataset, bundle.selection.rows, out)
    return out.getvalue()


def _read(bundle, form):
    """The records of the file, by a reader that is not the writer's."""
    content = _written(bundle, form)
    if FORMATS[form].file.endswith(".parquet"):
        return pl.read_parquet(content).to_dicts()
    if FORMATS[form].file.endswith(".json"):
        return json.loads(content)
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


def _kept(bundle, form):
    """The ids that the form holds, in their sequence."""
    held = FORMATS[form].held(bundle.dataset, bundle.selection.rows)
    return [bundle.dataset.frame["id"][int(row)] for row in held.rows]


@pytest.fixture
def chats(bundled):
    """Every kind of conversation, in a scrambled order."""
    order = np.random.default_rng(0).permutation(len(CHATS)).tolist()
    return bundled(CHATS, order)


BY_ID = {record["id"]: record for record in CHATS}
ODD = {  # the form, and the rows of CHATS up to the hostile ones that it has no place for
    "messages": set(),
    "messages-parquet": {12},
    "alpaca": {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
    "sharegpt": {5, 6, 7, 9, 10, 12},
    "prompt-completion": {3, 4},
    "openai": {3, 6, 10, 11, 12},
    "preference": set(range(len(CHATS))),
    "preference-sharegpt": set(range(len(CHATS))),
    "text": set(range(len(CHATS))),
}


@pytest.mark.parametrize("form", ODD)
def test_a_form_holds_exactly_the_rows_that_it_has_a_place_for(chats, form):
    """The others are left out with one reason each; what is held keeps the order of choice."""
    held = FORMATS[form].held(chats.dataset, chats.selection.rows)
    wanted = [each for each in chats.selection.ids if int(each[1:]) not in ODD[form]]
    assert _kept(chats, form) == wanted
    assert len(_read(chats, form)) == len(wanted)
    assert len(held.rows) + sum(each.count for each in held.left_out) == len(CHATS)
    counted = Counter(held.reasons.drop_nulls().to_list())
    assert counted == {each.reason: each.count for each in held.left_out}
    for each in held.left_out:
        assert (
            each.examples
            == tuple(
                name
                for name, reason in zip(chats.selection.ids, held.reasons, strict=True)
                if reason == each.reason
            )[:3]
        )
        assert f"{each.count:,} left out: {each.reason}" in held.sentence


@pytest.mark.parametrize("form", FORMATS)
def test_every_row_is_written_or_counted(chats, form):
    """Rows in are rows written and rows left out, whatever the form."""
    held = FORMATS[form].held(chats.dataset, chats.selection.rows)
    assert len(held.rows) + sum(each.count for each in held.left_out) == len(chats.selection)
    assert FORMATS[form].table(chats.dataset, held.rows).height == len(held.rows)


def _same_turns(turns):
    """Turns as the source wrote them, calls with their arguments as values."""
    return [
        {
            **turn,
            **(
                {"tool_calls": [_as_values(call) for call in turn["tool_calls"]]}
                if turn.get("tool_calls")
                else {}
            ),
        }
        for turn in ({name: value for name, value in turn.items() if value is not None} for turn in turns)
    ]


def _as_values(call):
    call = {name: value for name, value in call.items() if value is not None}
    arguments = call["function"]["arguments"]
    return {
        **call,
        "function": {
            **call["function"],
            "arguments": json.loads(arguments) if isinstance(arguments, str) else arguments,
        },
    }


@pytest.mark.parametrize("form", ["messages", "messages-parquet", "openai"])
def test_messages_come_back_as_the_source_wrote_them(chats, form):
    """Texts to the last character, tool calls, their ids, reasoning and tools."""
    for name, record in zip(_kept(chats, form), _read(chats, form), strict=True):
        assert _same_turns(record["messages"]) == _same_turns(BY_ID[name]["messages"])
        tools = record.get("tools")
        assert (json.loads(tools) if isinstance(tools, str) else tools) == BY_ID[name].get("tools")


def test_openai_gets_the_arguments_of_a_call_as_text(bundled):
    """An object becomes JSON text; the text of a source stays as it is."""
    calls = [{**OPENAI_CALL, "function": CALL}, OPENAI_CALL]
    turns = [
        *turns_of(("user", "q")),
        {"role": "assistant", "content": None, "tool_calls": calls},
        *turns_of(("assistant", "a")),
    ]
    (record,) = _read(bundled([{"messages": turns}], [0]), "openai")
    for call in record["messages"][1]["tool_calls"]:
        assert call["function"]["arguments"] == '{"a":1,"b":[2]}'


def test_a_completion_is_the_last_turn_and_the_prompt_all_before(chats):
    """Put together they are the messages of the source."""
    for name, record in zip(
        _kept(chats, "prompt-completion"), _read(chats, "prompt-completion"), strict=True
    ):
        assert [turn["role"] for turn in record["completion"]] == ["assistant"]
        assert _same_turns(record["prompt"] + record["completion"]) == _same_turns(BY_ID[name]["messages"])
        assert record.get("tools") == BY_ID[name].get("tools")


def test_sharegpt_comes_back_as_the_source_wrote_it(chats):
    """Roles by ShareGPT's names, the system text and the tools apart, a call as the JSON of name and arguments."""
    names = {"human": "user", "gpt": "assistant", "observation": "tool", "function_call": "assistant"}
    for name, record in zip(_kept(chats, "sharegpt"), _read(chats, "sharegpt"), strict=True):
        assert list(record) == ["conversations", "system", "tools"]
        source = BY_ID[name]["messages"]
        system = source[0]["content"] if source[0]["role"] == "system" else ""
        assert record["system"] == system
        assert (json.loads(record["tools"]) if record["tools"] else None) == BY_ID[name].get("tools")
        turns = source[1:] if system else source
        assert [names[turn["from"]] for turn in record["conversations"]] == [turn["role"] for turn in turns]
        for made, turn in zip(record["conversations"], turns, strict=True):
            if turn.get("tool_calls"):
                assert (made["from"], json.loads(made["value"])) == ("function_call", CALL)
            else:
                assert made["value"] == turn["content"]


def test_sharegpt_of_sharegpt_is_the_source(bundled):
    """Byte for byte, a call with the source's own blanks included; several calls are one list."""
    turns = [
        ("human", "q"),
        ("function_call", '{ "name": "add",  "arguments": {"a": 1} }'),
        ("observation", "3"),
        ("function_call", '[{"name": "add", "arguments": {}}, {"name": "sub", "arguments": {}}]'),
        ("observation", "4"),
        ("gpt", "a"),
    ]
    record = {
        "conversations": [{"from": name, "value": text} for name, text in turns],
        "system": "S",
        "tools": json.dumps(TOOLS),
    }
    assert _read(bundled([record], [0]), "sharegpt") == [record]


def test_alpaca_of_messages_is_question_and_answer(chats):
    """The whole user turn is the instruction; the system text has its own key, empty where there is none."""
    for name, record in zip(_kept(chats, "alpaca"), _read(chats, "alpaca"), strict=True):
        *system, asked, answered = [turn["content"] for turn in BY_ID[name]["messages"]]
        assert record == {
            "instruction": asked,
            "input": "",
            "output": answered,
            "system": "".join(system),
        }


def test_alpaca_of_alpaca_keeps_instruction_and_input_apart(bundled):
    """As the source has them, blanks and empty inputs included; earlier turns leave a row out."""
    records = [
        {"instruction": text, "input": HOSTILE[-1 - k] if k % 2 else "", "output": text, "system": "s" * k}
        for k, text in enumerate(HOSTILE)
    ]
    records.append({"instruction": "i", "input": "", "output": "o", "system": "", "history": [["a", "b"]]})
    order = [5, 0, 12, *range(6, 12), 1, 2, 3, 4]
    bundle = bundled(records, order)
    keys = ("instruction", "input", "output", "system")
    wanted = [{key: records[row][key] for key in keys} for row in order if row != 12]
    assert _read(bundle, "alpaca") == wanted
    (left,) = FORMATS["alpaca"].held(bundle.dataset, bundle.selection.rows).left_out
    assert (left.reason, left.count) == ("is not one user turn and one answer", 1)


def test_alpaca_of_the_sample_is_the_sample(bundled):
    """Real rows: instruction, input and output to the last character, in the order of choice."""
    rows = load(SAMPLE).rows.to_dicts()
    order = np.random.default_rng(1).permutation(len(rows)).tolist()
    wanted = [{name: rows[row][name] or "" for name in ("instruction", "input", "output")} for row in order]
    made = _read(bundled(SAMPLE, order), "alpaca")
    assert [{name: value for name, value in row.items() if name != "system"} for row in made] == wanted


@pytest.mark.parametrize(
    ("record", "prompt", "chosen", "rejected"),
    [
        ({"prompt": "p", "chosen": "good ", "rejected": "bad"}, ["p"], ["good "], ["bad"]),
        (
            {
                "chosen": turns_of(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")),
                "rejected": turns_of(("user", "a"), ("assistant", "other")),
            },
            ["a"],
            ["b", "c", "d"],
            ["other"],
        ),
        (
            {
                "prompt": turns_of(("system", "s"), ("user", "p")),
                "chosen": turns_of(("assistant", "g")),
                "rejected": turns_of(("assistant", "r")),
            },
            ["s", "p"],
            ["g"],
            ["r"],
        ),
        (
            {
                "chosen": turns_of(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")),
                "rejected": turns_of(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "e")),
            },
            ["a", "b", "c"],
            ["d"],
            ["e"],
        ),
    ],
)
def test_a_pair_is_a_prompt_and_the_two_ways_on_from_it(bundled, record, prompt, chosen, rejected):
    """Where both sides hold the prompt they part at the first turn that differs."""
    (made,) = _read(bundled([record], [0]), "preference")
    sides = [[turn["content"] for turn in made[name]] for name in ("prompt", "chosen", "rejected")]
    assert sides == [prompt, chosen, rejected]


def test_what_has_no_pairs_is_left_out_of_preference(chats):
    """All rows, with the reason."""
    held = FORMATS["preference"].held(chats.dataset, chats.selection.rows)
    assert [each.reason for each in held.left_out] == ["there is no pair of a chosen and a rejected answer"]
    assert len(held.rows) == 0


@pytest.mark.parametrize("form", ["messages", "alpaca", "sharegpt", "prompt-completion", "openai"])
def test_lone_surrogates_never_reach_a_training_file(bundled, tmp_path, form):
    """What the reader shows in their place is what the file holds, as valid UTF-8."""
    path = tmp_path / "half.jsonl"
    path.write_bytes(b'{"instruction": "a \\ud800 b", "output": "x"}\n')
    bundle = bundled(path, [0])
    assert bundle.dataset.frame["prompt"][0] == "a \ufffd b"
    assert '"a \ufffd b"' in _written(bundle, form).decode("utf-8", errors="strict")


def test_arguments_of_a_call_are_the_text_of_the_source(bundled):
    """A number that no float holds, odd blanks and the order of the keys reach the ShareGPT file as written."""
    arguments = '{ "z": 123456789012345678901234567890,  "a": 1.50 }'
    call = {"id": "1", "type": "function", "function": {"name": 'say "x"', "arguments": arguments}}
    turns = [
        *turns_of(("user", "q")),
        {"role": "assistant", "content": None, "tool_calls": [call, call]},
        {"role": "tool", "content": "3", "tool_call_id": "1"},
        *turns_of(("assistant", "a")),
    ]
    (record,) = _read(bundled([{"messages": turns}], [0]), "sharegpt")
    one = f'{{"name":"say \\"x\\"","arguments":{arguments}}}'
    assert record["conversations"][1] == {"from": "function_call", "value": f"[{one},{one}]"}
    assert [each["name"] for each in json.loads(f"[{one},{one}]")] == ['say "x"'] * 2


def test_only_a_few_thousand_records_are_in_memory_at_once(bundled, monkeypatch):
    """Parts of a choice are the same file as the whole."""
    records = [{"id": f"r{k}", "instruction": f"q{k}", "output": f"a{k}"} for k in range(23)]
    bundle = bundled(records, list(range(22, -1, -1)))
    forms = [name for name in FORMATS if name not in ("preference", "preference-sharegpt", "text")]
    whole = [_written(bundle, name) for name in forms]
    monkeypatch.setattr(parts_of, "AT_ONCE", 4)
    assert [_written(bundle, name) for name in forms] == whole


# Read back by the library that trainers read with.


@pytest.mark.parametrize(
    "form", [name for name in FORMATS if name not in ("preference", "preference-sharegpt", "text")]
)
def test_the_library_of_the_trainers_reads_every_form(bundled, tmp_path, form):
    """As many rows as were written, texts as they were, in their order."""
    datasets = pytest.importorskip("datasets", reason="datasets is among the development requirements")
    records = [
        {"instruction": f"{k} {text}", "input": "", "output": text, "system": "s" if k % 2 else ""}
        for k, text in enumerate(HOSTILE)
    ]
    bundle = bundled(records, list(range(len(HOSTILE) - 1, -1, -1)))
    path = tmp_path / FORMATS[form].file
    path.write_bytes(_written(bundle, form))
    kind = {".jsonl": "json"}.get(path.suffix, path.suffix[1:])
    rows = datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    texts = [_answer(row) for row in rows]
    if form == "csv":
        texts = [text or "" for text in texts]
    assert texts == HOSTILE[::-1] or (form == "csv" and _but_null(texts) == _but_null(HOSTILE[::-1]))


def _but_null(texts):
    """The reader of CSV takes the text null for no text."""
    return [text for text in texts if text not in ("", "null")]


def _answer(row):
    for name in ("messages", "completion", "conversations"):
        if name in row:
            return row[name][-1].get("content", row[name][-1].get("value"))
    return row["output"]


def test_trainers_that_forms_name_are_known():
    """Every trainer of a form is one of the preflight's."""
    names = {name.removesuffix("-dpo") for form in FORMATS.values() for name in form.trainers}
    assert names <= set(TRAINERS)
