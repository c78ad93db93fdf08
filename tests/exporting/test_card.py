from __future__ import annotations

import re
import subprocess
import zipfile
from dataclasses import replace

import polars as pl
import pytest
import yaml

from core.domain import Pins, SelectParams
from core.errors import ParameterError, StoreError
from core.exporting import CARD_CONTENTS, CONTENTS, FORMATS, Card, archive, write_bundle

RECORDS = [
    {"id": f"r{k}", "instruction": f"Say {k}", "output": "x", "score": k % 3, "other_score": None if k else 1}
    for k in range(6)
]
PARAMS = SelectParams(judge="score", min_score=1, count=3, seed=7, pins=Pins(include=frozenset({"r4"})))
FIGURES = pl.DataFrame(
    {
        "metric": ["Rows", "Mean score", "Tokens"],
        "selection": [3.0, 1.5, 16871.0],
        "random mean": [3.0, 1.25, 17624.4],
        "pool": [6.0, None, 172948.0],
    }
)
READERS = {
    ".jsonl": pl.read_ndjson,
    ".json": pl.read_json,
    ".csv": pl.read_csv,
    ".parquet": pl.read_parquet,
}


@pytest.fixture
def bundle(bundled):
    """Three of six rows, one of them pinned, and the licence of their source."""
    return replace(bundled(RECORDS, [4, 2, 1], params=PARAMS), card=Card("cc-by-4.0", FIGURES))


def _parsed(text):
    """(front matter, Markdown) of a card."""
    opening, front, body = re.split(r"(?m)^---$\n?", text, maxsplit=2)
    assert opening == ""
    return yaml.safe_load(front), body


def _card(bundle, folder, form="jsonl"):
    write_bundle(bundle, folder, form)
    return _parsed((folder / "README.md").read_text("utf-8"))


def test_the_front_matter_is_what_the_hub_reads(bundle, tmp_path):
    """Licence, name, size, source, task, tags and configs, each under the hub's name."""
    front, _ = _card(bundle, tmp_path)
    configs = front.pop("configs")
    assert front == {
        "license": "cc-by-4.0",
        "pretty_name": "rows: 3 rows by k-center",
        "size_categories": ["n<1K"],
        "source_datasets": ["rows.jsonl"],
        "task_categories": ["text-generation"],
        "tags": ["instruction-tuning", "data-selection", "winnow"],
    }
    assert [each["config_name"] for each in configs] == ["default", "random_control", "all_scored"]
    assert [each.get("default", False) for each in configs] == [True, False, False]


@pytest.mark.parametrize("form", FORMATS)
def test_each_config_names_a_file_of_the_bundle(bundle, tmp_path, form):
    """It is there, it can be read, and it has the rows that the name promises."""
    front, _ = _card(bundle, tmp_path, form)
    rows = {}
    for config in front["configs"]:
        (part,) = config["data_files"]
        assert part["split"] == "train"
        path = tmp_path / part["path"]
        rows[config["config_name"]] = READERS[path.suffix](path)
    assert {name: frame.height for name, frame in rows.items()} == {
        "default": 3, "random_control": 3, "all_scored": 6,
    }  # fmt: skip
    assert rows["default"].columns == rows["random_control"].columns
    assert "score_score" in rows["all_scored"].columns
    if form != "messages":
        assert rows["random_control"]["id"].to_list() == (tmp_path / "control_ids.txt").read_text().split()


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("cc-by-nc-4.0", ["Non-commercial"]),
        ("CC-BY-NC-SA-4.0", ["Non-commercial", "Share alike"]),
        ("cc-by-nd-4.0", ["No derivatives"]),
        ("apache-2.0", []),
    ],
)
def test_the_terms_of_the_licence_are_said(bundle, tmp_path, licence, said):
    """Non-commercial above all: in bold, in the body, not only as a part of an identifier."""
    front, body = _card(replace(bundle, card=Card(licence, FIGURES)), tmp_path)
    assert front["license"] == licence.lower()
    assert f"As the source: `{licence.lower()}`." in body
    every = ("Non-commercial", "No derivatives", "Share alike")
    assert [term for term in every if f"**{term}.**" in body] == said


@pytest.mark.parametrize(
    ("licence", "problem"), [("", "needs the licence"), ("  ", "needs"), ("mine: all", "not the id")]
)
def test_a_card_without_a_licence_is_refused(bundle, tmp_path, licence, problem):
    """Nothing is written."""
    with pytest.raises(ParameterError, match=problem) as caught:
        write_bundle(replace(bundle, card=Card(licence, FIGURES)), tmp_path / "out", "jsonl")
    assert "cc-by-4.0" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_the_body_has_decisions_figures_judges_and_limits(bundle, tmp_path):
    """With the numbers of the selection."""
    _, body = _card(bundle, tmp_path)
    assert re.findall(r"(?m)^## (.+)$", body) == [
        "Licence", "Configs", "How the rows were chosen", "Figures", "Judges", "Limits", "Again",
    ]  # fmt: skip
    assert "3 rows of the 6 of rows.jsonl" in body
    for line in (
        "| judge | score |", "| threshold | at least 1 |", "| seed | 7 |", "| pinned | 1 in, 0 out |",
        "| Mean score | 1.5 | 1.25 | – |", "| Tokens | 16,871 | 17,624 | 172,948 |", "| score | 0 to 2 | 6 | 0 |", "| other\\_score | 1 to 1 | 1 | 5 |",
        "| random_control | `control.parquet` |",
    ):  # fmt: skip
        assert line in body, line


def test_a_source_without_judges_says_so(bundled, tmp_path):
    """No table of nothing."""
    plain = bundled([{"instruction": "a", "output": "b"}], [0])
    _, body = _card(replace(plain, card=Card("mit", FIGURES)), tmp_path)
    assert "None: the source has no scores." in body


def test_a_hostile_name_stays_text(bundled, tmp_path):
    """Neither YAML, nor a table, nor a heading, nor HTML comes of the name of a file or judge."""
    name = "a: [b]\n---\n# <b>|x|</b> `c`.jsonl"
    path = tmp_path / "rows.jsonl"
    path.write_text('{"instruction": "a", "output": "b", "score | <i>": 1}\n')
    bundle = bundled(path, [0])
    hostile = replace(bundle, dataset=replace(bundle.dataset, name=name), card=Card("mit", FIGURES))
    front, body = _card(hostile, tmp_path / "out")
    assert front["source_datasets"] == [name]
    assert "\n# <" not in body
    assert "<b>" not in body.replace("\\<b\\>", "")
    assert "| score \\| \\<i\\> | 1 to 1 |" in body


def test_without_a_licence_there_is_no_card(bundle, tmp_path):
    """And one of an earlier export does not stay beside the new recipe."""
    out = tmp_path / "out"
    files = write_bundle(bundle, out, "jsonl")
    assert {file.name for file in files} == {"train.jsonl", *CONTENTS, *CARD_CONTENTS}
    write_bundle(replace(bundle, card=None), out, "jsonl")
    assert {file.name for file in out.iterdir()} == {"train.jsonl", *CONTENTS}


def test_a_readme_of_a_person_is_never_replaced(bundle, tmp_path):
    """Not by a card, and not by an export without one."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "README.md").write_text("mine")
    with pytest.raises(StoreError, match="no card that Winnow wrote"):
        write_bundle(bundle, out, "jsonl")
    assert [file.name for file in out.iterdir()] == ["README.md"]
    write_bundle(replace(bundle, card=None), out, "jsonl")
    assert (out / "README.md").read_text() == "mine"


def test_the_card_is_in_the_zip_and_in_the_sums(bundle, tmp_path):
    """As in the folder."""
    with archive(bundle, "jsonl") as file, zipfile.ZipFile(file) as zipped:
        assert set(zipped.namelist()) == {"train.jsonl", *CONTENTS, *CARD_CONTENTS}
        zipped.extractall(tmp_path)
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert {"README.md: OK", "control.parquet: OK"} <= set(done.stdout.splitlines())
