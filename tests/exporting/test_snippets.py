"""The settings of trainers beside a training file: they parse, they name the file, and they fit what is in it."""

from __future__ import annotations

import ast
import json

import polars as pl
import pytest
import yaml

from core.errors import ParameterError, StoreError
from core.exporting import FORMATS, SNIPPETS, archive, layout, parts_of, snippet_files, write_bundle

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
PLAIN = [
    {
        "id": f"p{k}",
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": f"a{k}"}],
    }
    for k in range(3)
]
WITH_TOOLS = [
    PLAIN[0],
    {
        "id": "t",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "3", "tool_call_id": "c"},
            {"role": "assistant", "content": "a"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    },
]
PAIRS = [{"id": f"x{k}", "prompt": "p", "chosen": f"g{k}", "rejected": "b"} for k in range(3)]
TEXTS = [{"id": f"y{k}", "text": f"### Instruction:\nq{k}\n\n### Response:\na"} for k in range(3)]
RECORDS = {"plain": PLAIN, "tools": WITH_TOOLS, "pairs": PAIRS, "texts": TEXTS}
ALONE = {"preference": "pairs", "preference-sharegpt": "pairs", "text": "texts"}  # of one kind of rows alone
CASES = [
    (form, kind)
    for form in FORMATS
    for kind in RECORDS
    if FORMATS[form].trainers
    and kind == ALONE.get(form, kind)
    and (kind != "texts" or form in ("text", "messages"))
]


def _exported(bundled, tmp_path, form, kind):
    """(the folder, the records of its training file)."""
    write_bundle(bundled(RECORDS[kind], range(len(RECORDS[kind]))), tmp_path / "out", form)
    path = tmp_path / "out" / FORMATS[form].file
    if path.suffix == ".parquet":
        return path.parent, pl.read_parquet(path).to_dicts()
    text = path.read_text("utf-8")
    return path.parent, json.loads(text) if path.suffix == ".json" else [
        json.loads(line) for line in text.splitlines()
    ]


@pytest.mark.parametrize(("form", "kind"), CASES)
def test_every_snippet_is_there_and_names_the_training_file(bundled, tmp_path, form, kind):
    """One file a trainer of the form, each with the name of the file that it reads."""
    folder, _ = _exported(bundled, tmp_path, form, kind)
    there = {path.name for path in folder.iterdir()} & SNIPPETS.keys()
    assert there == snippet_files(FORMATS[form]).keys()
    for name in there:
        assert f'"{FORMATS[form].file}"' in (folder / name).read_text("utf-8")


@pytest.mark.parametrize(("form", "kind"), CASES)
def test_scripts_are_python_that_imports_no_file_beside_it(bundled, tmp_path, form, kind):
    """Every name that is used is imported, defined or built in; no script hides the library it imports."""
    folder, _ = _exported(bundled, tmp_path, form, kind)
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {path.stem for path in folder.iterdir()} & (imported | modules)
        names = {node.id: node.ctx for node in ast.walk(tree) if isinstance(node, ast.Name)}
        known = imported | set(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
        known |= {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        known |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        known |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | {"__file__"}
        assert names.keys() <= known
        assert imported <= names.keys()


@pytest.mark.parametrize("form", ["alpaca", "sharegpt"])
def test_scripts_turn_rows_into_messages(bundled, tmp_path, form):
    """What the script makes of a row of the file is the messages of the source."""
    folder, records = _exported(bundled, tmp_path, form, "plain")
    tree = ast.parse((folder / "unsloth_sft.py").read_text("utf-8"))
    kept = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) or (isinstance(node, ast.Assign) and "ROLES" in ast.dump(node))
    ]
    scope = {}
    exec(compile(ast.Module(kept, []), "snippet", "exec"), scope)
    assert [scope["as_messages"](record)["messages"] for record in records] == [
        record["messages"] for record in PLAIN
    ]


NAMED = {
    "columns": {
        *("prompt", "query", "response", "history", "messages", "system", "tools"),
        *("images", "videos", "audios", "chosen", "rejected", "kto_tag"),
    },
    "tags": {
        *("role_tag", "content_tag", "user_tag", "assistant_tag"),
        *("observation_tag", "function_tag", "system_tag"),
    },
}


@pytest.mark.parametrize(
    ("form", "kind"), [case for case in CASES if "llama-factory" in FORMATS[case[0]].trainers]
)
def test_llama_factory_finds_every_column_and_role_of_the_file(bundled, tmp_path, form, kind):
    """By its rules: a block names everything, a column that is named is in the file, a role is one of the tags."""
    folder, records = _exported(bundled, tmp_path, form, kind)
    (entry,) = json.loads((folder / "dataset_info.json").read_text("utf-8")).values()
    assert (folder / entry["file_name"]).is_file()
    assert entry["columns"].keys() == NAMED["columns"]
    columns = {name for record in records for name in record}
    assert {name for name in entry["columns"].values() if name} <= columns
    if entry["formatting"] == "alpaca":
        assert "tags" not in entry
        return
    tags = entry["tags"]
    assert tags.keys() == NAMED["tags"]
    roles = {turn[tags["role_tag"]] for record in records for turn in record[entry["columns"]["messages"]]}
    speakers = {value for name, value in tags.items() if name not in ("role_tag", "content_tag")}
    assert roles <= speakers
    assert all(
        tags["content_tag"] in turn for record in records for turn in record[entry["columns"]["messages"]]
    )
    calls = any(turn.get("tool_calls") for record in records for turn in record.get("messages", []))
    assert entry["formatting"] == ("openai" if calls else "sharegpt")


@pytest.mark.parametrize(("form", "kind"), [case for case in CASES if "axolotl" in FORMATS[case[0]].trainers])
def test_axolotl_is_told_the_columns_and_roles_of_the_file(bundled, tmp_path, form, kind):
    """No ``type: sharegpt``, which is gone; the names of messages, role and content are those of the file."""
    folder, records = _exported(bundled, tmp_path, form, kind)
    (data,) = yaml.safe_load((folder / "axolotl.yaml").read_text("utf-8"))["datasets"]
    assert (folder / data["path"]).is_file()
    assert data["ds_type"] == ("parquet" if data["path"].endswith(".parquet") else "json")
    if form == "alpaca":
        assert data["type"] == "alpaca"
        return
    if form == "text":
        assert (data["type"], data["field"]) == ("completion", "text")
        assert all(record.keys() == {"text"} for record in records)
        return
    assert data["type"] == "chat_template"
    names = data["message_property_mappings"]
    turns = [turn for record in records for turn in record[data["field_messages"]]]
    assert all({names["role"], names["content"]} <= turn.keys() for turn in turns)
    known = {name for several in data.get("roles", {}).values() for name in several}
    known = known or {"system", "user", "assistant", "tool"}
    assert {turn[names["role"]] for turn in turns} <= known
    assert ("field_tools" in data) == any(record.get("tools") for record in records)


# Beside an earlier export.


def test_settings_of_a_form_that_stays_stay(bundled, tmp_path):
    """Another form of the same rows without settings leaves them, and the sums have them still."""
    bundle = bundled(PLAIN, [0, 1])
    write_bundle(bundle, tmp_path, "messages")
    write_bundle(bundle, tmp_path, "csv")
    sums = (tmp_path / "SHA256SUMS").read_text()
    for name in snippet_files(FORMATS["messages"]):
        assert (tmp_path / name).is_file()
        assert f"  {name}\n" in sums


def test_settings_of_a_form_that_goes_go(bundled, tmp_path):
    """Other rows: the training file is removed, and what reads it too."""
    write_bundle(bundled(PLAIN, [0, 1]), tmp_path, "messages")
    write_bundle(bundled(PLAIN, [2]), tmp_path, "csv")
    assert not {path.name for path in tmp_path.iterdir()} & SNIPPETS.keys()
    assert "trl" not in (tmp_path / "SHA256SUMS").read_text()


def test_settings_that_a_person_changed_are_never_replaced(bundled, tmp_path):
    """Another export is refused before anything is written, unless it would not touch them."""
    bundle = bundled(PLAIN, [0, 1])
    write_bundle(bundle, tmp_path, "messages")
    mine = tmp_path / "axolotl.yaml"
    mine.write_text("mine")
    before = (tmp_path / "train.messages.jsonl").read_bytes()
    with pytest.raises(StoreError, match=r"axolotl\.yaml was written or changed by hand"):
        write_bundle(bundled(PLAIN, [2]), tmp_path, "messages")
    assert (tmp_path / "train.messages.jsonl").read_bytes() == before
    write_bundle(bundled(PLAIN, [2]), tmp_path, "csv")
    assert mine.read_text() == "mine"


# Rows that the form has no place for.


def test_a_form_without_a_place_for_any_row_is_refused(bundled, tmp_path):
    """With the reason, before a folder or a zip is made; a choice of no rows is none to refuse."""
    bundle = bundled(PLAIN, [0, 1])
    for attempt in (
        lambda: write_bundle(bundle, tmp_path / "out", "preference"),
        lambda: archive(bundle, "preference"),
    ):
        with pytest.raises(ParameterError, match="no place for any of the 2 rows: there is no pair"):
            attempt()
    assert not (tmp_path / "out").exists()
    (part,) = parts_of(layout("preference"), bundle.dataset, bundle.selection.rows[:0])
    assert len(part.held.rows) == 0


def test_the_sidecar_says_which_chosen_rows_a_training_file_leaves_out(bundled, tmp_path):
    """One column a form, with the reason; none where nothing is left out."""
    bundle = bundled(WITH_TOOLS, [1, 0])
    write_bundle(bundle, tmp_path, "alpaca")
    write_bundle(bundle, tmp_path, "messages")
    table = pl.read_parquet(tmp_path / "selection.parquet")
    said = dict(zip(table["id"], table["left_out_of_alpaca"], strict=True))
    assert said == {
        "p0": None,
        "t": "offers or calls tools, or has other fields that Alpaca has no column for",
    }
    assert "left_out_of_messages" not in table.columns
    assert len(json.loads((tmp_path / "train.alpaca.json").read_text())) == 1
