"""Real rows in every form of a bundle, read by datasets and put into a template by TRL."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from core.exporting import write_bundle

datasets = pytest.importorskip("datasets")
SAMPLE = Path(__file__).parents[2] / "data" / "sample.jsonl"
LIMA = Path(__file__).parents[3] / "shared" / "data" / "lima.jsonl.gz"


@pytest.fixture(scope="module")
def alpaca(tmp_path_factory):
    """Two hundred rows of Alpaca."""
    path = tmp_path_factory.mktemp("alpaca") / "rows.jsonl"
    path.write_text("".join(SAMPLE.read_text("utf-8").splitlines(keepends=True)[:200]), "utf-8")
    return path


@pytest.fixture(scope="module")
def lima(tmp_path_factory):
    """Two hundred rows of LIMA from its end, where the conversations of several turns are."""
    if not LIMA.exists():
        pytest.skip(f"{LIMA} is not there")
    with gzip.open(LIMA, "rt", encoding="utf-8") as file:
        lines = file.readlines()[-200:]
    path = tmp_path_factory.mktemp("lima") / "rows.jsonl"
    path.write_text("".join(lines), "utf-8")
    return path


def _read(path, cache):
    kind = "parquet" if path.suffix == ".parquet" else "json"
    return datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=str(cache))


def _turns_of(file):
    """The texts of each row, turn by turn, as the source has them; user first."""
    with file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    if "conversations" in rows[0]:
        return [row["conversations"] for row in rows]
    return [["\n\n".join(filter(None, (row["instruction"], row["input"]))), row["output"]] for row in rows]


def _texts(row):
    """The texts of a row of any form of conversations, in their order."""
    turns = row.get("messages") or row.get("conversations") or [*row["prompt"], *row["completion"]]
    return [each.get("content", each.get("value")) for each in turns]


@pytest.mark.parametrize("source", ["alpaca", "lima"])
def test_every_form_of_real_rows_is_read_by_datasets_and_templated_by_trl(
    bundled, request, tmp_path, tokenizer, source
):
    """Rows that a form has a place for, all of them, in the order of choice, with every text of every turn."""
    from transformers import AutoTokenizer
    from trl.data_utils import apply_chat_template

    file = request.getfixturevalue(source)
    turns = _turns_of(file)
    order = np.random.default_rng(4).permutation(len(turns)).tolist()
    also = ["openai", "prompt-completion"]
    files = {
        each.name: each for each in write_bundle(bundled(file, order), tmp_path / "out", "bundle", also=also)
    }
    whole = [turns[row] for row in order]
    answered = [each for each in whole if len(each) % 2 == 0]
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    for name, wanted in {
        "train-00000-of-00001.parquet": whole,
        "train.messages.jsonl": whole,
        "train.sharegpt.json": whole,
        "train.openai.jsonl": answered,
        "train.prompt-completion.jsonl": answered,
    }.items():
        rows = _read(files[name], tmp_path / "cache")
        assert [_texts(row) for row in rows] == wanted, name
        if name == "train.sharegpt.json":
            assert [_roles(row["conversations"], "from") for row in rows] == _by_turns(wanted, "human", "gpt")
        elif name == "train.openai.jsonl":
            assert [_roles(row["messages"], "role") for row in rows] == _by_turns(wanted, "user", "assistant")
        else:
            made = ["".join(apply_chat_template(row, loaded).values()) for row in rows]
            assert made == [_template(each) for each in wanted], name
    alpaca = _read(files["train.alpaca.json"], tmp_path / "cache")
    asked = ["\n\n".join(filter(None, (row["instruction"], row["input"]))) for row in alpaca]
    assert [list(pair) for pair in zip(asked, alpaca["output"], strict=True)] == [
        each for each in whole if len(each) == 2
    ]


def _roles(turns, key):
    return [each[key] for each in turns]


def _by_turns(rows, *names):
    """The names of who speaks, turn by turn."""
    return [[names[place % 2] for place in range(len(texts))] for texts in rows]


def _template(texts):
    """What the template of these tests makes of turns, user and assistant by turns."""
    return "".join(f"[{('user', 'assistant')[place % 2]}]{text}" for place, text in enumerate(texts))
