from __future__ import annotations

import hashlib
import io
import itertools
import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ParameterError
from core.exporting import (
    FORMATS,
    ISSUES,
    MENDABLE,
    TRAINERS,
    Lengths,
    Mending,
    every_issue,
    every_preflight,
    preflight,
    prepare,
    prepared_rows,
    read_recipe,
    write_bundle,
)
from core.exporting import layout as layout_of
from core.loading import load

SHORT = {
    "s": "system",
    "d": "developer",
    "u": "user",
    "a": "assistant",
    "t": "tool",
    "h": "human",
    "g": "GPT",
}
ROLE_TEXTS = st.text("sduatghx", max_size=6)
EVERY_FIX = Mending(fixes=MENDABLE)


@pytest.fixture(scope="module")
def dataset_of(tmp_path_factory):
    """A dataset with these chats: one letter a turn, of which a capital one says nothing."""
    path = tmp_path_factory.mktemp("chats") / "rows.jsonl"
    path.write_text('{"instruction": "a", "output": "b"}\n')
    loaded = load(path)

    def make(*chats):
        made = [
            [
                {"role": SHORT.get(c.lower(), c.lower()), "content": "" if c.isupper() else f"{c}{k}"}
                for k, c in enumerate(chat)
            ]
            for chat in chats
        ]
        frame = pl.DataFrame(
            {
                "id": [f"c{k}" for k in range(len(chats))],
                "messages": pl.Series(made, dtype=loaded.frame.schema["messages"]),
            }
        )
        return replace(loaded, frame=frame)

    return make


def _rows(dataset):
    return np.arange(len(dataset), dtype=np.int64)


def _after(dataset, mending):
    """The turns of the only row after mending, as the role's first letter with its text."""
    found = prepare(dataset, _rows(dataset), mending)
    return [f"{each['role'][0]}:{each['content']}" for each in found.dataset.frame["messages"][0]]


@pytest.mark.parametrize(
    ("issue", "before", "after"),
    [
        ("unknown-role", "hg", ["u:h0", "a:g1"]),
        ("unknown-role", "hgx", ["u:h0", "a:g1", "x:x2"]),
        ("developer", "dua", ["s:d0", "u:u1", "a:a2"]),
        ("late-system", "usa", ["s:s1", "u:u0", "a:a2"]),
        ("late-system", "suasua", ["s:s0\n\ns3", "u:u1", "a:a2", "u:u4", "a:a5"]),
        ("late-system", "ssua", ["s:s0\n\ns1", "u:u2", "a:a3"]),
        ("leading-answer", "aua", ["u:u1", "a:a2"]),
        ("leading-answer", "sataua", ["s:s0", "u:u4", "a:a5"]),
        ("same-role", "uuaa", ["u:u0\n\nu1", "a:a2\n\na3"]),
        ("same-role", "uatta", ["u:u0", "a:a1", "t:t2", "t:t3", "a:a4"]),
        ("unanswered", "uau", ["u:u0", "a:a1"]),
        ("unanswered", "uatu", ["u:u0", "a:a1"]),
        ("unanswered", "u", ["u:u0"]),
        ("leading-answer", "a", ["a:a0"]),
        ("leading-answer", "aau", ["a:a0", "a:a1", "u:u2"]),
    ],
)
def test_a_fix_does_what_its_words_say(dataset_of, issue, before, after):
    """Turn by turn; what would leave no question with an answer stays as it was."""
    assert _after(dataset_of(before), Mending(fixes=(issue,))) == after


def test_all_fixes_together_give_what_every_trainer_takes(dataset_of):
    """A row with everything wrong that can be mended."""
    dataset = dataset_of("dagusuhgaTu")
    mended = prepare(dataset, _rows(dataset), EVERY_FIX)
    frame = mended.dataset.frame["messages"][0]
    assert [each["role"] for each in frame] == ["system", "user", "assistant"]
    assert {
        name: each.kept for name, each in every_preflight(mended.dataset, mended.rows, _no_lengths(1)).items()
    } == dict.fromkeys(TRAINERS, 1)


def _no_lengths(n):
    return Lengths(np.zeros(n, np.int32))


def test_nothing_is_touched_that_was_not_decided(dataset_of):
    """Without decisions the very dataset comes back; a fix changes only rows that have its issue."""
    dataset = dataset_of("ua", "uau", "aua")
    assert prepare(dataset, _rows(dataset), Mending()).dataset is dataset
    found = prepare(dataset, _rows(dataset), Mending(fixes=("unanswered",)))
    assert found.changed == {1: ("unanswered",)}
    before, after = dataset.frame["messages"].to_list(), found.dataset.frame["messages"].to_list()
    assert (after[0], after[2]) == (before[0], before[2])
    assert dataset.frame["messages"].to_list() == before


@settings(max_examples=150, deadline=None)
@given(
    chats=st.lists(st.text("sduatghxUA", max_size=6), min_size=1, max_size=8),
    fixes=st.sets(st.sampled_from(MENDABLE)),
    left=st.sets(st.sampled_from(sorted(ISSUES))),
    limit=st.integers(1, 8),
    seed=st.integers(0, 9),
)
def test_what_goes_in_comes_out_or_is_named(dataset_of, *, chats, fixes, left, limit, seed):
    """Counts add up, the sequence stays, no left-out issue remains, and no mended row loses its question."""
    dataset = dataset_of(*chats)
    rows = np.random.default_rng(seed).permutation(len(chats))
    tokens = np.arange(len(chats), dtype=np.int32)
    mending = Mending(fixes=tuple(fixes), left_out=tuple(left - fixes), limit=limit)
    found = prepare(dataset, rows, mending, Lengths(tokens))
    assert sorted([*found.rows.tolist(), *found.left]) == sorted(rows.tolist())
    assert found.rows.tolist() == [row for row in rows.tolist() if row not in found.left]
    assert set(found.changed) <= set(found.rows.tolist())
    remaining = {each.issue for each in every_issue(found.dataset, found.rows, Lengths(tokens), limit)}
    assert not remaining & (left - fixes)
    for row, (before, after) in enumerate(
        zip(dataset.frame["messages"], found.dataset.frame["messages"], strict=True)
    ):
        texts = "".join(each["content"] for each in before)
        assert all(part in texts for each in after for part in each["content"].split("\n\n"))
        if row in found.changed:
            roles = [each["role"] for each in after]
            assert "assistant" in roles[roles.index("user") :]
            again = prepare(found.dataset, np.array([row]), replace(mending, left_out=()), Lengths(tokens))
            assert again.dataset.frame["messages"][row].to_list() == after.to_list()


@settings(max_examples=40, deadline=None)
@given(chats=st.lists(st.text("sduatghxUA", max_size=5), min_size=2, max_size=8), seed=st.integers(0, 99))
def test_what_becomes_of_a_row_does_not_depend_on_its_neighbours(dataset_of, chats, seed):
    """Mended alone or among others, in whatever order of rows."""
    mending = replace(EVERY_FIX, left_out=("no-answer", "out-of-order"))
    dataset = dataset_of(*chats)
    rows = np.random.default_rng(seed).permutation(len(chats))
    together = prepare(dataset, rows, mending)
    for row in rows.tolist():
        alone = prepare(dataset, np.array([row]), mending)
        assert alone.left.get(row) == together.left.get(row)
        assert (
            alone.dataset.frame["messages"][row].to_list()
            == together.dataset.frame["messages"][row].to_list()
        )


def test_every_finding_has_a_fix_or_can_be_left_out(dataset_of):
    """All short chats: after fixes and leaving out what is left, each trainer keeps every row."""
    chats = ["".join(each) for n in range(4) for each in itertools.product("suatA", repeat=n)]
    dataset = dataset_of(*chats)
    for name, trainer in TRAINERS.items():
        minded = {rule.issue for rule in trainer.rules}
        left = tuple(minded - set(MENDABLE) - {"too-long"})
        some = prepare(dataset, _rows(dataset), Mending(fixes=MENDABLE, left_out=left))
        stubborn = {each.issue for each in preflight(some.dataset, some.rows, name).findings}
        assert stubborn <= set(MENDABLE)
        strict = Mending(left_out=tuple(minded - {"too-long"}))
        found = prepare(dataset, _rows(dataset), strict)
        assert preflight(found.dataset, found.rows, name).kept == len(found.rows) > 0


def test_pairs_are_never_mended_and_calls_keep_their_fields(bundled):
    """Whatever is asked for."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ask, tail = {"role": "user", "content": "q"}, {"role": "user", "content": "and?"}
    calls = {"role": "assistant", "content": None, "tool_calls": [call]}
    rows = [
        {"id": "pair", "prompt": [ask, ask], "chosen": [{"role": "assistant", "content": "a"}],
         "rejected": [{"role": "assistant", "content": "b"}]},
    ]  # fmt: skip
    dataset = bundled(rows, [0]).dataset
    assert prepare(dataset, _rows(dataset), EVERY_FIX).changed == {}
    with_calls = [{"id": "call", "messages": [ask, calls, {"role": "tool", "content": "3", "tool_call_id": "c"},
                                              {"role": "assistant", "content": "three"}, tail]}]  # fmt: skip
    dataset = bundled(with_calls, [0]).dataset
    found = prepare(dataset, _rows(dataset), EVERY_FIX)
    FORMATS["messages"].write(found.dataset, found.rows, out := io.BytesIO())
    (record,) = [json.loads(line) for line in out.getvalue().splitlines()]
    assert record["messages"] == with_calls[0]["messages"][:-1]


@pytest.mark.parametrize(
    ("mending", "said"),
    [
        (Mending(fixes=("nonsense",)), "no issue 'nonsense'"),
        (Mending(left_out=("nonsense",)), "no issue 'nonsense'"),
        (Mending(fixes=("no-answer",)), "no fix for no-answer"),
        (Mending(fixes=("unanswered",), left_out=("unanswered",)), "to be mended and to be left out"),
        (Mending(left_out=("too-long",)), "no limit is named"),
        (Mending(left_out=("too-long",), limit=5), "limit of 5 tokens cannot be checked"),
    ],
)
def test_decisions_that_cannot_be_are_refused(dataset_of, mending, said):
    """In words, before anything is done."""
    with pytest.raises(ParameterError, match=said):
        prepare(dataset_of("ua"), np.array([0]), mending)


def test_a_verbatim_file_is_not_mended_and_nothing_left_is_said(dataset_of):
    """The source's own columns stay; leaving rows out is allowed there."""
    dataset = dataset_of("uau", "ua")
    with pytest.raises(ParameterError, match="jsonl holds the source's own columns"):
        prepared_rows(dataset, _rows(dataset), layout_of("jsonl"), Mending(fixes=("unanswered",)))
    left = Mending(left_out=("unanswered",))
    assert prepared_rows(dataset, _rows(dataset), layout_of("jsonl"), left).rows.tolist() == [1]
    with pytest.raises(ParameterError, match="Nothing is left to write"):
        prepared_rows(dataset, np.array([0]), layout_of("messages"), left)


CHATS = [
    {"id": "whole", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    {"id": "open", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"},
                                {"role": "user", "content": "?"}]},
    {"id": "mute", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": ""}]},
]  # fmt: skip


def test_an_export_records_what_it_did_and_leaves_the_ids_alone(bundled, tmp_path):
    """Recipe, sidecar and files agree; the digest is that of the messages."""
    mending = Mending(fixes=("unanswered",), left_out=("no-answer",))
    bundle = replace(bundled(CHATS, [2, 1, 0]), mending=mending)
    write_bundle(bundle, tmp_path, "bundle")
    lines = (tmp_path / "train.messages.jsonl").read_bytes()
    assert [json.loads(line)["messages"][-1]["content"] for line in lines.splitlines()] == ["b", "a"]
    assert (tmp_path / "ids.txt").read_text() == "mute\nopen\nwhole\n"
    recipe = read_recipe(tmp_path / "recipe.yaml").training
    assert (recipe.fixes, recipe.left_out, recipe.exported, recipe.changed) == (
        ["unanswered"],
        ["no-answer"],
        2,
        1,
    )
    assert recipe.rows_sha256 == hashlib.sha256(lines).hexdigest()
    table = pl.read_parquet(tmp_path / "selection.parquet")
    assert dict(zip(table["id"], table["changed"], strict=True)) == {
        "whole": None,
        "open": "unanswered",
        "mute": None,
    }
    assert table.filter(pl.col("left_out").is_not_null())["id"].to_list() == ["mute"]


def test_another_mending_of_the_same_ids_does_not_keep_the_earlier_file(bundled, tmp_path):
    """Their rows differ, though the ids are the same."""
    bundle = bundled(CHATS, [2, 1, 0])
    write_bundle(bundle, tmp_path, "messages")
    write_bundle(replace(bundle, mending=Mending(fixes=("unanswered",))), tmp_path, "sharegpt")
    assert not (tmp_path / "train.messages.jsonl").exists()
    assert read_recipe(tmp_path / "recipe.yaml").outcome.training_files == ["train.sharegpt.json"]
