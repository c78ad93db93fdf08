"""The files of an export, read by the libraries that trainers read with, and held to their documented rules."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import trl
import yaml

from core.exporting import FORMATS, Fate, Mending, archive, preflight, write_bundle
from core.exporting.issues import MENDABLE
from core.exporting.lengths import trainer_lengths
from core.exporting.mending import prepare

datasets = pytest.importorskip("datasets")
TEMPLATES = Path(trl.__file__).parent / "chat_templates"
HOSTILE = [
    "two\nlines\r\nand a\rreturn",
    "line \u2028, paragraph \u2029, next line \x85",
    "nul \0, escape \x1b, form feed \x0c, delete \x7f",
    "quotes \" ' ` and \\ \\n \\u0041 \\ud800",
    "</script><!-- --> <|im_end|> </s> {{ 7 * 7 }} {% if %}",
    "\U0001f469\u200d\U0001f680 e\u0301 \u202eback \ufeffmark",
    "=1+1",
    "null",
    " spaces ",
    "x" * 1_000_000,
]
TOOLS = [
    {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
]
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


def _chat(*turns):
    return [{"role": role, "content": text} for role, text in turns]


RECORDS = [
    *(
        {"id": f"h{k}", "messages": _chat(("user", text), ("assistant", text[::-1]))}
        for k, text in enumerate(HOSTILE)
    ),
    {"id": "many", "messages": _chat(("system", "s"), *[("user", "q"), ("assistant", "a")] * 3)},
    {
        "id": "tools",
        "messages": [
            *_chat(("user", "one and one?")),
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "2", "tool_call_id": "c1"},
            *_chat(("assistant", "two")),
        ],
        "tools": TOOLS,
    },
]
ORDER = list(range(len(RECORDS)))[::-1]


def _read(path, cache):
    kind = "parquet" if path.suffix == ".parquet" else "json"
    return datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=str(cache))


def _bare(messages):
    """Messages without the keys that a table fills with nulls, calls with their arguments as values."""
    return [
        {key: value for key, value in each.items() if value is not None and value != []} for each in messages
    ]


@pytest.mark.parametrize("file", ["train.messages.jsonl", "data/train-00000-of-00001.parquet"])
def test_datasets_reads_messages_as_they_were(bundled, tmp_path, file):
    """Every text to the last character, every call and tool, in the order of choice."""
    write_bundle(bundled(RECORDS, ORDER), tmp_path / "out", "bundle")
    rows = _read(tmp_path / "out" / file, tmp_path / "cache")
    assert [_bare(each) for each in rows["messages"]] == [_bare(RECORDS[k]["messages"]) for k in ORDER]
    tools = [json.loads(each) if isinstance(each, str) else each for each in rows["tools"]]
    assert tools[0] == TOOLS
    assert not any(tools[1:])


def test_datasets_reads_alpaca_and_sharegpt_as_they_were(bundled, tmp_path):
    """The same texts under the names of those forms; rows without a place are those of the sidecar."""
    write_bundle(bundled(RECORDS, ORDER), tmp_path / "out", "bundle")
    alpaca = _read(tmp_path / "out" / "train.alpaca.json", tmp_path / "cache")
    assert list(zip(alpaca["instruction"], alpaca["output"], strict=True)) == [
        (text, text[::-1]) for text in HOSTILE[::-1]
    ]
    sharegpt = _read(tmp_path / "out" / "train.sharegpt.json", tmp_path / "cache")
    assert [len(each) for each in sharegpt["conversations"]] == [4, 6, *[2] * len(HOSTILE)]
    assert [each[0]["value"] for each in sharegpt["conversations"]][2:] == HOSTILE[::-1]
    sidecar = _read(tmp_path / "out" / "selection.parquet", tmp_path / "cache")
    assert {row["id"] for row in sidecar if row["left_out_of_alpaca"]} == {"many", "tools"}


def test_datasets_reads_templated_text_and_pairs_as_they_were(bundled, tmp_path):
    """A text that holds its own template arrives whole; both answers of a pair and their prompt to the last character."""
    texts = [f"### Instruction:\n{text}\n\n### Response:\n{text[::-1]} " for text in HOSTILE]
    write_bundle(bundled([{"text": text} for text in texts], range(len(texts))), tmp_path / "texts", "bundle")
    assert _read(tmp_path / "texts" / "train.text.jsonl", tmp_path / "cache")["text"][:] == texts
    pairs = [{"prompt": f"q {text}", "chosen": text, "rejected": text[::-1]} for text in HOSTILE]
    write_bundle(bundled(pairs, range(len(pairs))), tmp_path / "pairs", "bundle")
    rows = _read(tmp_path / "pairs" / "train.preference.jsonl", tmp_path / "cache")
    read = [
        {name: "".join(turn["content"] for turn in row[name]) for name in ("prompt", "chosen", "rejected")}
        for row in rows
    ]
    assert read == pairs


def test_parquet_has_what_the_hub_asks_for(bundled, tmp_path):
    """Row groups that a viewer pages through, an index of pages, and one schema."""
    records = [{"id": f"r{k}", "instruction": f"q{k}", "output": "a" * (k % 50)} for k in range(26_000)]
    write_bundle(bundled(records, range(26_000)), tmp_path, "bundle")
    file = pyarrow.parquet.ParquetFile(tmp_path / "data" / "train-00000-of-00001.parquet")
    groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
    assert [each.num_rows for each in groups] == [25_000, 1_000]
    assert all(each.column(0).has_offset_index and each.column(0).has_column_index for each in groups)
    assert file.read_row_group(1).column("messages")[0].as_py()[0]["content"] == "q25000"


# TRL.


def test_trl_puts_every_row_into_its_template(bundled, tmp_path, tokenizer):
    """Rows of the exported file pass TRL's own check and template with every turn and text."""
    from transformers import AutoTokenizer
    from trl.data_utils import apply_chat_template, is_conversational

    write_bundle(bundled(RECORDS, ORDER), tmp_path / "out", "bundle")
    rows = _read(tmp_path / "out" / "train.messages.jsonl", tmp_path / "cache")
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    for row, k in zip(rows, ORDER, strict=True):
        assert is_conversational(row)
        text = apply_chat_template({"messages": row["messages"]}, loaded)["text"]
        turns = RECORDS[k]["messages"]
        calls = [
            "".join(f"({call['function']['name']})" for call in each.get("tool_calls", [])) for each in turns
        ]
        assert text == "".join(
            f"[{each['role']}]{each['content'] or ''}{call}" for each, call in zip(turns, calls, strict=True)
        )


@pytest.mark.parametrize(("file", "developer"), [("qwen3.jinja", "left out"), ("gemma.jinja", "refused")])
def test_chat_templates_refuse_unknown_roles_or_leave_them_out(tokenizer, file, developer):
    """What the preflight says of them, of two templates that TRL brings along."""
    from jinja2.exceptions import TemplateError
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tokenizer)
    template = (TEMPLATES / file).read_text("utf-8")
    asked = [*_chat(("critic", "unseen text"), ("user", "q"), ("assistant", "a"))]
    if developer == "left out":
        assert "unseen text" not in loaded.apply_chat_template(asked, chat_template=template, tokenize=False)
    else:
        with pytest.raises(TemplateError):
            loaded.apply_chat_template(asked, chat_template=template, tokenize=False)


@pytest.mark.parametrize("file", ["qwen3.jinja", "llama3_1.jinja", "deepseekv3.jinja"])
def test_chat_templates_refuse_tool_calls_without_a_function(tokenizer, file):
    """What the preflight says of them, of templates that TRL brings along; with a function they are taken."""
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tokenizer)
    template = (TEMPLATES / file).read_text("utf-8")

    def text(call):
        turns = _chat(("user", "q"), ("assistant", ""), ("tool", "2"), ("assistant", "two"))
        turns[1]["tool_calls"] = [call]
        turns[2]["tool_call_id"] = "c1"
        return loaded.apply_chat_template(turns, chat_template=template, tokenize=False)

    assert "add" in text(CALL)
    with pytest.raises(Exception, match=r"(?i)undefined|no attribute"):
        text({"id": "c1", "type": "function"})


def test_tokens_are_those_of_the_chosen_tokenizer(bundled, tokenizer):
    """Counted in the chat template; rows that it refuses are marked, and the trainers' fate follows."""
    from transformers import AutoTokenizer

    records = [
        {"id": "fits", "messages": _chat(("user", "hello there"), ("assistant", "hi"))},
        {"id": "refused", "messages": _chat(("developer", "d"), ("user", "hello"), ("assistant", "hi"))},
        {"id": "not asked", "messages": _chat(("user", "x"), ("assistant", "y"))},
    ]
    dataset = bundled(records, [0]).dataset
    found = trainer_lengths(dataset, np.array([1, 0]), str(tokenizer))
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    text = "[user]hello there[assistant]hi"
    assert found.tokens.tolist()[0] == len(loaded(text, add_special_tokens=False)["input_ids"])
    assert found.tokens.tolist()[2] == 0
    assert found.refused.tolist() == [False, True, False]
    seen = preflight(dataset, np.array([0, 1]), "trl", tokens=found.tokens, limit=99, refused=found.refused)
    assert [(each.issue, each.examples) for each in seen.findings] == [("template", ("refused",))]


# By documented rules.


def _llama_factory_takes(roles):
    """Its code: after a leading system turn, odd places ask (user, observation), even ones answer; an even number of turns, and some."""
    turns = roles[1:] if roles[:1] == ["system"] else roles
    asks = all(role in ("user", "tool") for role in turns[::2])
    answers = all(role == "assistant" for role in turns[1::2])
    return asks and answers and len(turns) % 2 == 0 and len(turns) > 0


def _torchtune_takes(roles):
    """Its code: two turns or more, a system turn only first, answers after a question, no two questions in a row."""
    pairs = list(zip(["assistant", *roles], roles, strict=False))
    return (
        len(roles) > 1
        and "system" not in roles[1:]
        and ("assistant", "assistant") not in pairs
        and ("user", "user") not in pairs
        and ("system", "assistant") not in pairs
    )


def test_order_of_roles_is_judged_as_the_trainers_do(bundled):
    """All conversations of up to five turns; texts are there, so that roles alone decide."""
    roles = [
        list(each)
        for n in range(1, 6)
        for each in itertools.product(["system", "user", "assistant"], repeat=n)
    ]
    records = [
        {"id": f"r{k}", "messages": _chat(*[(role, f"{k} {place}") for place, role in enumerate(each)])}
        for k, each in enumerate(roles)
    ]
    dataset = bundled(records, [0]).dataset
    by_id = dict(
        zip(
            dataset.frame["id"],
            (m.struct.field("role").to_list() for m in dataset.frame["messages"]),
            strict=True,
        )
    )
    rows = np.arange(len(dataset))
    for name, fate, takes in (
        ("llama-factory", Fate.SKIPPED, _llama_factory_takes),
        ("torchtune", Fate.REJECTED, _torchtune_takes),
        ("openai", Fate.REJECTED, lambda roles: roles[-1] == "assistant"),
    ):
        refused = sum(not takes(each) for each in by_id.values())
        assert preflight(dataset, rows, name).count(fate) == refused > 0


def test_what_is_mended_is_taken_by_every_trainer(bundled):
    """The same conversations after all fixes: those with a question and an answer after it are all taken."""
    roles = [
        list(each)
        for n in range(1, 5)
        for each in itertools.product(["system", "user", "assistant"], repeat=n)
    ]
    records = [
        {"id": f"r{k}", "messages": _chat(*[(role, f"{k} {place}") for place, role in enumerate(each)])}
        for k, each in enumerate(roles)
    ]
    dataset = bundled(records, [0]).dataset
    found = prepare(dataset, np.arange(len(dataset)), Mending(fixes=MENDABLE))
    for messages in found.dataset.frame["messages"].to_list():
        now = [each["role"] for each in messages]
        if "user" in now and "assistant" in now[now.index("user") :]:
            assert _llama_factory_takes(now) and _torchtune_takes(now) and now[-1] == "assistant"


OPENAI_KEYS = {"role", "content", "name", "tool_calls", "tool_call_id", "weight", "function_call"}


def test_openai_s_documented_checks_pass(bundled):
    """Each line an object with messages; known roles and keys; text or a call in each; an answer at the end."""
    mending = Mending(left_out=("silent-turn",))
    dataset = bundled(
        [*RECORDS, {"id": "mute", "messages": _chat(("user", "q"), ("assistant", ""))}], [0]
    ).dataset
    found = prepare(dataset, np.arange(len(dataset)), mending)
    FORMATS["openai"].write(found.dataset, found.rows, out := io.BytesIO())
    lines = [json.loads(line) for line in out.getvalue().split(b"\n")[:-1]]
    assert len(lines) == len(RECORDS)
    for line in lines:
        assert isinstance(line["messages"], list)
        assert any(each["role"] == "assistant" for each in line["messages"])
        assert line["messages"][-1]["role"] == "assistant"
        for each in line["messages"]:
            assert each.keys() <= OPENAI_KEYS
            assert each["role"] in ("system", "user", "assistant", "tool")
            assert each["content"] or each.get("tool_calls")
            assert all(isinstance(call["function"]["arguments"], str) for call in each.get("tool_calls", []))


def test_settings_in_the_bundle_name_files_that_are_there(bundled, tmp_path):
    """axolotl's and LLaMA-Factory's paths, and the columns that they are told to read."""
    write_bundle(bundled(RECORDS, ORDER), tmp_path, "bundle")
    axolotl = yaml.safe_load((tmp_path / "axolotl.yaml").read_text())["datasets"][0]
    factory = json.loads((tmp_path / "dataset_info.json").read_text())["winnow"]
    assert axolotl["path"] == factory["file_name"] == "train.messages.jsonl"
    first = json.loads((tmp_path / "train.messages.jsonl").read_bytes().split(b"\n")[0])
    assert {axolotl["field_messages"], factory["columns"]["messages"]} <= first.keys()
    assert factory["formatting"] == "openai"  # there are tool calls


def test_the_zip_of_everything_is_the_folder(bundled, tmp_path):
    """The same names with the same bytes."""
    import zipfile

    bundle = bundled(RECORDS, ORDER)
    files = write_bundle(bundle, tmp_path / "out", "bundle", also=["openai"])
    with archive(bundle, "bundle", also=["openai"]) as file, zipfile.ZipFile(file) as zipped:
        names = {str(each.relative_to(tmp_path / "out")) for each in files}
        assert set(zipped.namelist()) == names
        assert all(zipped.read(name) == (tmp_path / "out" / name).read_bytes() for name in names)
    assert {"train.openai.jsonl", "data/train-00000-of-00001.parquet"} <= names
