"""Croissant: the official reader takes what was written without a word, and reads the rows back."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import polars as pl
import pytest
from chats import HOSTILE

from core.domain import SelectParams
from core.exporting import Card, archive, write_bundle

FIGURES = pl.DataFrame({"metric": ["Rows"], "selection": [3.0], "random mean": [3.0], "pool": [6.0]})
CARD = Card(
    "cc-by-nc-4.0", FIGURES, decided="3 of 6 rows: k-center.", languages=("en", "de"), made="2025-01-31"
)
PLAIN = [
    {
        "id": f"r{k}",
        "instruction": f'Say "{k}", ä',
        "output": "x\ny",
        "score": k % 3,
        "other_score": 1 + k % 2,
    }
    for k in range(6)
]
CHATS = [
    {"id": f"r{k}", "messages": [{"role": "user", "content": f"q{k}"}, {"role": "assistant", "content": "a"}]}
    for k in range(6)
]
AWKWARD = [
    {"id": f"r{k}", "instruction": f"{k} {HOSTILE[k]}", "output": HOSTILE[k + 6], "score": k}
    for k in range(6)
]
READ = """
import json, logging, os, sys
import mlcroissant
logging.disable(logging.CRITICAL)
found = mlcroissant.Dataset(sys.argv[1])
issues = found.metadata.ctx.issues
assert not issues.errors and not issues.warnings, issues.report()
def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {plain(k).rpartition("/")[2]: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value
sets = [each.id for each in found.metadata.record_sets]
print(json.dumps({each: [plain(row) for row in found.records(each)] for each in sets}), flush=True)
os._exit(0)  # pyarrow's threads break the usual way out
"""


def _read(folder, tmp_path):
    """What mlcroissant reads of a folder, set by set; it fails on any error and any warning."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, str(folder / "croissant.json")],
        capture_output=True, text=True, check=False, env={"HOME": str(tmp_path), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("records", "form"),
    [(PLAIN, "jsonl"), (PLAIN, "csv"), (AWKWARD, "jsonl"), (AWKWARD, "bundle"), (CHATS, "messages"), (CHATS, "sharegpt")],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_the_official_reader_reads_the_rows_back(bundled, tmp_path, records, form):
    """Every config, every row, every value, in the order of choice; with neither error nor warning."""
    out = tmp_path / "out"
    write_bundle(replace(bundled(records, [4, 2, 1]), card=CARD), out, form)
    found = _read(out, tmp_path)
    assert list(found) == ["default", "random_control", "all_scored"]
    chosen = [records[row] for row in (4, 2, 1)]
    if form == "sharegpt":
        said = [[turn["value"] for turn in row["conversations"]] for row in found["default"]]
        assert said == [[turn["content"] for turn in row["messages"]] for row in chosen]
    elif form == "bundle":
        said = [[turn["content"] for turn in row["messages"]] for row in found["default"]]
        assert said == [[row["instruction"], row["output"]] for row in chosen]
    elif form.startswith("messages"):
        assert [row["messages"] for row in found["default"]] == [row["messages"] for row in chosen]
    else:
        assert found["default"] == chosen
        assert found["random_control"] == [records[row] for row in (5, 4, 3)]
    assert [row["id"] for row in found["all_scored"]] == [f"r{k}" for k in range(6)]
    assert [row["order"] for row in found["all_scored"]] == [None, 3, 2, None, 1, None]


def test_files_provenance_and_terms_are_named(bundled, tmp_path):
    """Digest and size of each file, the source with its digest, recipe, judges, licence and languages."""
    params = SelectParams(judge="score", min_score=1, count=3)
    bundle = replace(bundled(PLAIN, [4, 2, 1], params=params), card=CARD)
    write_bundle(bundle, tmp_path / "out", "jsonl")
    told = json.loads((tmp_path / "out" / "croissant.json").read_text("utf-8"))
    assert "http://mlcommons.org/croissant/1.1" in told["conformsTo"]
    assert told["license"] == "https://creativecommons.org/licenses/by-nc/4.0/"
    assert (told["datePublished"], told["inLanguage"]) == ("2025-01-31", ["en", "de"])
    assert told["description"] == "3 of 6 rows: k-center. From rows.jsonl."
    assert [each["@id"] for each in told["distribution"]] == [
        "data/train-00000-of-00001.parquet", "control.parquet", "selection.parquet", "recipe.yaml",
    ]  # fmt: skip
    for each in told["distribution"]:
        content = (tmp_path / "out" / each["contentUrl"]).read_bytes()
        assert each["sha256"] == hashlib.sha256(content).hexdigest()
        assert each["contentSize"] == f"{len(content)} B"
    source = hashlib.sha256((tmp_path / "rows.jsonl").read_bytes()).hexdigest()
    assert told["prov:wasDerivedFrom"]["sha256"] == source
    assert told["prov:wasGeneratedBy"]["prov:used"] == [{"@id": "recipe.yaml"}]
    assert [each["prov:label"] for each in told["prov:wasAttributedTo"]] == ["score", "other_score"]
    assert told["rai:dataAnnotationAnalysis"][0].startswith("Krippendorff's alpha")


def test_the_zip_holds_the_same_description(bundled, tmp_path):
    """Its digests are those of the files in the same zip."""
    bundle = replace(bundled(PLAIN, [4, 2, 1]), card=CARD)
    write_bundle(bundle, tmp_path / "out", "jsonl")
    with archive(bundle, "jsonl") as file, zipfile.ZipFile(file) as zipped:
        inside = zipped.read("croissant.json")
        told = json.loads(inside)
        assert [each["sha256"] for each in told["distribution"]] == [
            hashlib.sha256(zipped.read(each["@id"])).hexdigest() for each in told["distribution"]
        ]
    assert inside == (tmp_path / "out" / "croissant.json").read_bytes()


def test_without_judges_nothing_is_said_of_any(bundled, tmp_path):
    """No agent, no agreement; nested lists and odd names are described all the same."""
    records = [{"instruction": "a", "output": "b", "history": [["q", "a"]], "it's odd": 1.5, "yes": True}] * 2
    write_bundle(replace(bundled(records, [0]), card=CARD), tmp_path / "out", "jsonl")
    told = json.loads((tmp_path / "out" / "croissant.json").read_text("utf-8"))
    assert "rai:machineAnnotationTools" not in told
    fields = {each["@id"]: each for each in told["recordSet"][0]["field"]}
    assert fields["default/history"]["arrayShape"] == "-1,-1"
    assert fields["default/yes"]["dataType"] == "sc:Boolean"
    (found,) = _read(tmp_path / "out", tmp_path)["default"]
    assert found == {"it_s_odd" if name == "it's odd" else name: value for name, value in records[0].items()}
