from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ParameterError
from core.exporting import FORMATS, TRAINERS, Fate, Mending, preflight, prepare
from core.loading import load

CHATS = {
    "one turn": "user:Q assistant:A",
    "with system": "system:S user:Q assistant:A",
    "two turns": "user:Q assistant:A user:Q assistant:A",
    "no last answer": "user:Q assistant:A user:Q",
    "no answer at all": "user:Q",
    "only system": "system:S",
    "empty": "",
    "begins with assistant": "assistant:A user:Q assistant:A",
    "assistant first, even": "assistant:A user:Q",
    "user twice": "user:Q user:Q assistant:A",
    "user twice, even": "user:Q user:Q user:Q assistant:A",
    "empty answer": "user:Q assistant:",
    "blank answer": "user:Q assistant:\u2003",
    "one empty answer of two": "user:Q assistant:A user:Q assistant:",
    "system in the middle": "user:Q system:S assistant:A",
    "sharegpt's names": "human:Q gpt:A",
    "developer": "developer:S user:Q assistant:A",
    "tool": "user:Q assistant:A tool:T assistant:A",
    "two tools": "user:Q assistant:A tool:T tool:T assistant:A",
    "tools at odd places": "user:Q tool:T tool:T assistant:A",
}
KEPT, NOTHING, SKIPPED, REJECTED = Fate.KEPT, Fate.NOTHING_TO_LEARN, Fate.SKIPPED, Fate.REJECTED
COMMON = {
    **dict.fromkeys(CHATS, KEPT),
    **dict.fromkeys(["no answer at all", "only system", "empty", "empty answer", "blank answer"], NOTHING),
    "sharegpt's names": REJECTED,
}
SILENT = ["empty answer", "blank answer"]
UNANSWERED = ["no last answer", "no answer at all", "only system", "empty", "assistant first, even"]
USING = ["tool", "two tools", "tools at odd places"]
UNORDERED = ["begins with assistant", "assistant first, even", "user twice", "user twice, even"]
EXPECTED = {
    "trl": COMMON,
    "unsloth": COMMON,
    "torchtune": {
        **COMMON,
        **dict.fromkeys(["no answer at all", "only system", "empty", *UNORDERED], REJECTED),
        "system in the middle": REJECTED,
    },
    "axolotl": {chat: SKIPPED if fate is NOTHING else fate for chat, fate in COMMON.items()},
    "llama-factory": {
        **dict.fromkeys(CHATS, SKIPPED),
        **dict.fromkeys(["one turn", "with system", "two turns", "one empty answer of two"], KEPT),
        **dict.fromkeys(["tool", "two tools"], KEPT),
        **dict.fromkeys(SILENT, NOTHING),
    },
    "openai": {
        **COMMON,
        **dict.fromkeys([*UNANSWERED, *SILENT, "one empty answer of two", *USING], REJECTED),
    },
}


def _messages(text):
    turns = [turn.partition(":") for turn in text.split(" ") if turn]
    return [{"role": role, "content": content} for role, _, content in turns]


@pytest.fixture(scope="module")
def dataset_of(tmp_path_factory):
    """A dataset with these chats, by id."""
    path = tmp_path_factory.mktemp("chats") / "rows.jsonl"
    path.write_text('{"instruction": "a", "output": "b"}\n')
    loaded = load(path)

    def make(chats):
        kind = loaded.frame.schema["messages"]
        frame = pl.DataFrame(
            {
                "id": list(chats),
                "messages": pl.Series([_messages(each) for each in chats.values()], dtype=kind),
            }
        )
        return replace(loaded, frame=frame)

    return make


def _all(dataset):
    return np.arange(len(dataset))


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("trainer", TRAINERS)
def test_each_trainer_does_what_is_known_of_it(dataset_of, trainer, chat):
    """Order of roles, empty answers and names of roles, one chat at a time."""
    dataset = dataset_of({chat: CHATS[chat]})
    found = preflight(dataset, _all(dataset), trainer)
    assert {fate: found.count(fate) for fate in Fate if found.count(fate)} == {EXPECTED[trainer][chat]: 1}
    assert [finding.examples for finding in found.findings] == [(chat,)] * (found.kept == 0)


def _call(name="f", **more):
    return {"type": "function", "function": {"name": name, "arguments": "{}"}, **more}


TOOLS = {  # calls, outputs, and whether OpenAI takes the row
    "good": ([_call(id="1")], ["1"], True),
    "two, answered the other way round": ([_call(id="1"), _call(id="2")], ["2", "1"], True),
    "call without id": ([_call()], ["1"], False),
    "call with an empty id": ([_call(id="")], [""], False),
    "output without id": ([_call(id="1")], [None], False),
    "output of another call": ([_call(id="1")], ["2"], False),
    "output of no call": (None, ["1"], False),
    "further keys": ([_call(id="1", index=0)], ["1"], True),
    "no function": ([{"id": "1", "type": "function"}], ["1"], False),
    "no name": ([_call(name=None, id="1")], ["1"], False),
    "a text": (["f(1)"], [None], False),
    "no list": ("f(1)", [None], False),
}
BROKEN = ("no function", "no name", "a text", "no list")


def _tools_row(name):
    calls, outputs, _ = TOOLS[name]
    asked = {"role": "assistant", "content": "hm"} | ({} if calls is None else {"tool_calls": calls})
    answered = [
        {"role": "tool", "content": "3"} | ({"tool_call_id": each} if each is not None else {})
        for each in outputs
    ]
    return {
        "id": name,
        "messages": [
            {"role": "user", "content": "q"},
            asked,
            *answered,
            {"role": "assistant", "content": "a"},
        ],
    }


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("name", TOOLS)
def test_tool_fields_are_judged_as_the_trainers_do(bundled, name, together):
    """Calls without a function are refused by all that read them; OpenAI wants ids that fit. Other rows change nothing."""
    names = list(TOOLS) if together else [name]
    dataset = bundled([_tools_row(each) for each in names], [0]).dataset
    rows = np.array([names.index(name)])
    reads = ("trl", "unsloth", "axolotl", "llama-factory", "openai")
    fates = {each: preflight(dataset, rows, each).count(REJECTED) == 1 for each in TRAINERS}
    for each in reads[:-1]:
        assert fates[each] == (name in BROKEN), each
    assert fates["openai"] == (not TOOLS[name][2])
    left = prepare(dataset, rows, Mending(left_out=("no-function", "call-ids")))
    assert len(left.rows) == int(TOOLS[name][2])
    held = FORMATS["openai"].held(dataset, rows).rows
    assert len(held) == int(TOOLS[name][2] and name != "further keys")


@pytest.mark.parametrize(
    ("trainer", "fate"),
    [(name, Fate.SKIPPED if name == "axolotl" else Fate.CUT) for name in TRAINERS],
)
def test_a_row_over_the_limit_is_cut_or_left_out(dataset_of, trainer, fate):
    """A row at the limit fits; without a limit every row does."""
    dataset = dataset_of({f"r{k}": CHATS["one turn"] for k in range(9)})
    tokens = np.arange(9, dtype=np.int32)
    found = preflight(dataset, _all(dataset), trainer, tokens=tokens, limit=3)
    assert (found.kept, found.count(fate)) == (4, 5)
    assert found.findings[0].examples == ("r4", "r5", "r6")
    assert "token limit" in found.findings[0].reason
    assert preflight(dataset, _all(dataset), trainer, tokens=tokens).kept == 9


def test_only_the_rows_that_are_exported_count(dataset_of):
    """In their order, with the tokens that are theirs."""
    dataset = dataset_of({f"r{k}": CHATS["one turn"] for k in range(4)})
    tokens = np.array([9, 1, 9, 1], dtype=np.int32)
    found = preflight(dataset, np.array([3, 1, 0]), "trl", tokens=tokens, limit=5)
    assert (found.rows, found.kept) == (3, 2)
    assert found.findings[0].examples == ("r0",)


@settings(max_examples=60, deadline=None)
@given(
    chats=st.lists(st.sampled_from(sorted(CHATS)), max_size=12),
    trainer=st.sampled_from(sorted(TRAINERS)),
    limit=st.integers(1, 9),
)
def test_every_row_is_counted_once(dataset_of, chats, trainer, limit):
    """What goes in comes out, under one fate and for one reason, whatever the rows are."""
    dataset = dataset_of({f"{k}": CHATS[chat] for k, chat in enumerate(chats)})
    tokens = np.arange(len(chats), dtype=np.int32)
    found = preflight(dataset, _all(dataset), trainer, tokens=tokens, limit=limit)
    assert found.rows == len(chats) == sum(found.count(fate) for fate in Fate)
    assert found.kept + sum(finding.count for finding in found.findings) == len(chats)
    assert all(finding.count and len(finding.examples) == min(3, finding.count) for finding in found.findings)


def test_wrong_questions_are_answered_in_words(dataset_of):
    """An unknown trainer, a limit of nothing, and a limit without counts."""
    dataset = dataset_of({"a": CHATS["one turn"]})
    with pytest.raises(ParameterError, match="no trainer 'tlr'") as caught:
        preflight(dataset, _all(dataset), "tlr")
    assert all(name in caught.value.hint for name in TRAINERS)
    for tokens, limit in ((np.zeros(1, np.int32), 0), (None, 5)):
        with pytest.raises(ParameterError, match=f"limit of {limit} tokens cannot be checked"):
            preflight(dataset, _all(dataset), "trl", tokens=tokens, limit=limit)
