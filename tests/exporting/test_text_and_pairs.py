"""Ready texts and preference pairs: written as their trainers read them, and read back by those that install."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import yaml

from core.errors import ParameterError
from core.exporting import FORMATS, Fate, Mending, layout_of, preflight, prepare, write_bundle
from core.exporting.lengths import trainer_lengths

datasets = pytest.importorskip("datasets")
HOSTILE = [
    "two\nlines\r\nand a\rreturn ",
    "line \u2028, paragraph \u2029, next line \x85",
    "nul \0, escape \x1b, delete \x7f",
    "quotes \" ' and \\n \\u0041 \\ud800",
    "<s> </s> <|im_end|> {{ 7 * 7 }}",
    "=1+1",
    "null",
    "x" * 300_000,
]
TEXTS = [f"### Instruction:\n{text}\n\n### Response:\n{text[::-1]} " for text in HOSTILE]


def _turns(*pairs):
    return [{"role": role, "content": text} for role, text in pairs]


def _read(path, cache):
    kind = "parquet" if path.suffix == ".parquet" else "json"
    return datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=str(cache))


def _lines(path):
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


# Ready texts.


@pytest.fixture
def texts(bundled):
    """Ready texts, and one that is empty, in a scrambled order."""
    return bundled(
        [{"id": f"t{k}", "text": text} for k, text in enumerate([*TEXTS, ""])],
        [7, 0, 3, 8, *range(4, 7), 1, 2],
    )


def test_ready_texts_are_written_as_they_are(texts, tmp_path):
    """To the last character, in the order of choice, as JSON lines and as a table; no message is made of them."""
    write_bundle(texts, tmp_path / "out", "bundle")
    wanted = [[*TEXTS, ""][row] for row in texts.selection.rows]
    assert _lines(tmp_path / "out" / "train.text.jsonl") == [{"text": text} for text in wanted]
    for name in ("train.text.jsonl", "data/train-00000-of-00001.parquet"):
        rows = _read(tmp_path / "out" / name, tmp_path / "cache")
        assert (rows.column_names, list(rows["text"])) == (["text"], wanted)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {name for name in names if name.startswith("train.")} == {"train.text.jsonl"}


def test_everything_names_the_texts_to_every_trainer(texts, tmp_path):
    """Settings read the column of texts and lay no template over them."""
    write_bundle(texts, tmp_path, "bundle")
    (axolotl,) = yaml.safe_load((tmp_path / "axolotl.yaml").read_text())["datasets"]
    assert (axolotl["path"], axolotl["type"], axolotl["field"]) == ("train.text.jsonl", "completion", "text")
    factory = json.loads((tmp_path / "dataset_info.json").read_text())
    assert factory.keys() == {"winnow"}
    named = {name: column for name, column in factory["winnow"]["columns"].items() if column}
    assert (factory["winnow"]["file_name"], factory["winnow"]["formatting"], named) == (
        "train.text.jsonl", "alpaca", {"prompt": "text"},
    )  # fmt: skip
    for name in ("trl_sft.py", "unsloth_sft.py"):
        script = (tmp_path / name).read_text()
        assert 'dataset_text_field="text"' in script
        assert "apply_chat_template" not in script and "assistant_only_loss" not in script


def test_what_has_still_to_be_templated_is_no_ready_text(bundled, tmp_path):
    """A chat is refused with the reason; a text has no place in forms that need a question."""
    chats = bundled([{"id": "c", "messages": _turns(("user", "q"), ("assistant", "a"))}], [0])
    with pytest.raises(ParameterError, match="a template has still to be laid over it"):
        write_bundle(chats, tmp_path / "out", "text")
    assert layout_of(chats.dataset, "bundle").main.name == "messages"


FATES = {  # trainer: the fates of an empty text, of one over the limit, of another
    "trl": (Fate.NOTHING_TO_LEARN, Fate.CUT, Fate.KEPT),
    "unsloth": (Fate.NOTHING_TO_LEARN, Fate.CUT, Fate.KEPT),
    "torchtune": (Fate.NOTHING_TO_LEARN, Fate.CUT, Fate.KEPT),
    "axolotl": (Fate.SKIPPED, Fate.KEPT, Fate.KEPT),
    "llama-factory": (Fate.NOTHING_TO_LEARN, Fate.KEPT, Fate.KEPT),
    "openai": (Fate.REJECTED, Fate.REJECTED, Fate.REJECTED),
}


@pytest.mark.parametrize("trainer", FATES)
def test_trainers_take_texts_as_texts(texts, trainer):
    """Not as an answer to nothing, which half of them would refuse; what is left out is gone from the count."""
    dataset, rows = texts.dataset, np.arange(9)
    tokens = np.array([100, 1, 1, 1, 1, 1, 1, 1, 0], np.int32)
    found = preflight(dataset, rows, trainer, tokens=tokens, limit=99)
    empty, long, others = FATES[trainer]
    wanted = {fate: [empty, long, *[others] * 7].count(fate) for fate in Fate}
    assert {fate: found.count(fate) for fate in Fate} == wanted
    left = prepare(dataset, rows, Mending(left_out=("empty-text",)))
    assert (len(left.rows), list(left.left)) == (8, [8])


# Pairs.

PAIRS = [
    {"id": f"h{k}", "prompt": f"q {text}", "chosen": text, "rejected": text[::-1] + "!"}
    for k, text in enumerate(HOSTILE)
]
CONVERSATIONS = [
    {
        "id": "system",
        "prompt": _turns(("system", "s"), ("user", "1"), ("assistant", "2"), ("user", "3")),
        "chosen": _turns(("assistant", "good")),
        "rejected": _turns(("assistant", "bad")),
    },
    {
        "id": "several",
        "prompt": _turns(("user", "1")),
        "chosen": _turns(("assistant", "2"), ("user", "3"), ("assistant", "4")),
        "rejected": _turns(("assistant", "bad")),
    },
    {
        "id": "twice",
        "prompt": _turns(("user", "1"), ("user", "2")),
        "chosen": _turns(("assistant", "good")),
        "rejected": _turns(("assistant", "bad")),
    },
    {
        "id": "developer",
        "prompt": _turns(("developer", "s"), ("user", "1")),
        "chosen": _turns(("assistant", "good")),
        "rejected": _turns(("assistant", "bad")),
    },
    {"id": "none", "messages": _turns(("user", "q"), ("assistant", "a"))},
]


def _takes(record):
    """LLaMA-Factory's rules for ranked pairs: odd turns from human to human, each answer one turn of the model."""
    turns = [each["from"] for each in record["conversations"]]
    alternates = turns == [("human", "gpt")[place % 2] for place in range(len(turns))]
    answers = [record[side]["from"] for side in ("chosen", "rejected")]
    return alternates and len(turns) % 2 == 1 and answers == ["gpt", "gpt"]


def test_llama_factory_takes_every_pair_that_is_written(bundled):
    """What it would skip is left out and said; the prompt and both answers are those of the source."""
    bundle = bundled(CONVERSATIONS[:4], [3, 2, 1, 0])
    form = FORMATS["preference-sharegpt"]
    form.write(bundle.dataset, bundle.selection.rows, out := io.BytesIO())
    (record,) = json.loads(out.getvalue())
    assert _takes(record)
    assert record == {
        "conversations": [
            {"from": "human", "value": "1"}, {"from": "gpt", "value": "2"}, {"from": "human", "value": "3"}
        ],
        "chosen": {"from": "gpt", "value": "good"},
        "rejected": {"from": "gpt", "value": "bad"},
        "system": "s",
    }  # fmt: skip
    held = form.held(bundle.dataset, bundle.selection.rows)
    assert {each.examples: each.reason[:27] for each in held.left_out} == {
        ("several",): "the chosen or the rejected ",
        ("developer", "twice"): "the prompt does not go in t",
    }


def test_pairs_are_read_back_to_the_last_character(bundled, tmp_path):
    """From the file for TRL and from the one for LLaMA-Factory, whose list ranks it by its columns."""
    order = list(range(len(PAIRS)))[::-1]
    write_bundle(bundled(PAIRS, order), tmp_path / "out", "bundle")
    wanted = [tuple(PAIRS[row][name] for name in ("prompt", "chosen", "rejected")) for row in order]
    entry = json.loads((tmp_path / "out" / "dataset_info.json").read_text())["winnow_preference_sharegpt"]
    rows = _read(tmp_path / "out" / entry["file_name"], tmp_path / "cache")
    columns, tags = entry["columns"], entry["tags"]
    assert (entry["ranking"], entry["formatting"]) == (True, "sharegpt")
    told = [
        (
            *(turn[tags["content_tag"]] for turn in row[columns["messages"]]),
            *(row[columns[side]][tags["content_tag"]] for side in ("chosen", "rejected")),
        )
        for row in rows
    ]
    assert told == wanted
    assert all(_takes(row) for row in rows)
    axolotl = yaml.safe_load((tmp_path / "out" / "axolotl_dpo.yaml").read_text())
    (data,) = axolotl["datasets"]
    rows = _read(tmp_path / "out" / data["path"], tmp_path / "cache")
    assert axolotl["rl"] == "dpo"
    fields, content = (data["field_messages"], data["field_chosen"], data["field_rejected"]), "content"
    assert [tuple(row[name][-1][content] for name in fields) for row in rows] == wanted
    for name in ("trl_dpo.py", "unsloth_dpo.py", "trl_sft.py"):
        file = "train.messages.jsonl" if name == "trl_sft.py" else "train.preference.jsonl"
        assert f'"{file}"' in (tmp_path / "out" / name).read_text()


# TRL itself.


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """A tokenizer that loses no character, with a template that would show if it were laid over a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({piece: place for place, piece in enumerate(pieces)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>")
    made.chat_template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    return made


def _model(tokenizer):
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(vocab_size=len(tokenizer), n_positions=16, n_embd=4, n_layer=1, n_head=1)
    )


def test_trl_learns_every_character_of_a_ready_text(texts, tmp_path, tokenizer):
    """Its own trainer, with the settings of the script: the texts, its end mark after each, and no template."""
    from trl import SFTConfig, SFTTrainer

    write_bundle(texts, tmp_path / "out", "text")
    rows = _read(tmp_path / "out" / "train.text.jsonl", tmp_path / "cache")
    settings = SFTConfig(
        output_dir=str(tmp_path / "run"), dataset_text_field="text", max_length=None, report_to=[],
        use_cpu=True, bf16=False, activation_checkpointing=False,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=_model(tokenizer), args=settings, train_dataset=rows, processing_class=tokenizer
    )
    learnt = [tokenizer.decode(each) for each in trainer.train_dataset["input_ids"]]
    assert learnt == [f"{[*TEXTS, ''][row]}<eos>" for row in texts.selection.rows]


def test_trl_prefers_the_chosen_answer_to_the_rejected_one(bundled, tmp_path, tokenizer):
    """Its own trainer puts the prompt into the template, and both answers of a pair behind it."""
    from trl import DPOConfig, DPOTrainer

    write_bundle(bundled([*PAIRS, CONVERSATIONS[1]], range(len(PAIRS) + 1)), tmp_path / "out", "preference")
    rows = _read(tmp_path / "out" / "train.preference.jsonl", tmp_path / "cache")
    settings = DPOConfig(
        output_dir=str(tmp_path / "run"), max_length=None, report_to=[], use_cpu=True, bf16=False,
        activation_checkpointing=False,
    )  # fmt: skip
    model, before = _model(tokenizer), _model(tokenizer)
    trainer = DPOTrainer(
        model=model, ref_model=before, args=settings, train_dataset=rows, processing_class=tokenizer
    )
    names = ("prompt_ids", "chosen_ids", "rejected_ids")
    read = [tuple(tokenizer.decode(row[name]) for name in names) for row in trainer.train_dataset]
    wanted = [
        (f"[user]{each['prompt']}", f"[assistant]{each['chosen']}", f"[assistant]{each['rejected']}")
        for each in PAIRS
    ]
    assert read == [*wanted, ("[user]1", "[assistant]2[user]3[assistant]4", "[assistant]bad")]


def test_texts_are_counted_without_a_template(bundled, tmp_path, tokenizer):
    """By the tokenizer that is named: one byte, one token, and nothing is refused."""
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    dataset = bundled([{"id": "a", "text": "four"}, {"id": "b", "text": ""}], [0]).dataset
    found = trainer_lengths(dataset, np.array([0, 1]), str(tmp_path / "tokenizer"))
    assert found.tokens.tolist() == [4, 0]
    assert found.refused is None
