from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace

import polars as pl
import pytest
import yaml

from core.domain import Pins, SelectParams
from core.errors import ParameterError, StoreError
from core.exporting import (
    CARD_CONTENTS,
    CONTENTS,
    FORMATS,
    LICENCES,
    Card,
    archive,
    licence_beside,
    licence_of,
    write_bundle,
)

FORMS = [
    name for name in FORMATS if name not in ("preference", "preference-sharegpt", "text")
]  # what rows without pairs can be written as
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


@pytest.fixture
def bundle(bundled):
    """Three of six rows, one of them pinned, and the licence of their source."""
    card = Card("cc-by-4.0", FIGURES, decided="3 of 6 rows: k-center.", method="k-center: spreads. LTD.")
    return replace(bundled(RECORDS, [4, 2, 1], params=PARAMS), card=card)


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


@pytest.mark.parametrize("form", FORMS)
def test_each_config_names_a_file_of_the_bundle(bundle, tmp_path, form):
    """It is there, it can be read, and it has the rows that the name promises."""
    front, _ = _card(bundle, tmp_path, form)
    rows = {}
    for config in front["configs"]:
        (part,) = config["data_files"]
        assert part["split"] == "train"
        path = tmp_path / part["path"]
        rows[config["config_name"]] = pl.read_parquet(path)
    assert {name: frame.height for name, frame in rows.items()} == {
        "default": 3, "random_control": 3, "all_scored": 6,
    }  # fmt: skip
    assert rows["default"].columns == rows["random_control"].columns
    assert "score_score" in rows["all_scored"].columns
    if form in ("jsonl", "json", "csv", "parquet"):
        assert rows["random_control"]["id"].to_list() == (tmp_path / "control_ids.txt").read_text().split()


ALOUD = (
    "Non-commercial",
    "Research only",
    "No derivatives",
    "Share alike",
    "Limits of use",
    "Output of a model",
)


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("cc-by-nc-4.0", ["Non-commercial"]),
        ("CC-BY-NC-SA-4.0", ["Non-commercial", "Share alike"]),
        ("cc-by-nd-4.0", ["No derivatives"]),
        ("odbl", ["Share alike"]),
        ("intel-research", ["Research only"]),
        ("fair-noncommercial-research-license", ["Non-commercial", "Research only"]),
        ("bigcode-openrail-m", ["Limits of use"]),
        ("llama3.1", ["Output of a model"]),
        ("apache-2.0", []),
    ],
)
def test_the_terms_of_the_licence_are_said(bundle, tmp_path, licence, said):
    """Non-commercial above all: in bold, in the body, not only as a part of an identifier."""
    front, body = _card(replace(bundle, card=Card(licence, FIGURES)), tmp_path)
    assert front["license"] == licence.lower()
    assert f"As the source: `{licence.lower()}`." in body
    assert [term for term in ALOUD if f"**{term}.**" in body] == said
    assert "the terms of its provider hold beside the licence" in body


def test_a_licence_that_the_hub_does_not_know_is_named_as_other(bundle, tmp_path):
    """With its name and the link to its text, which the hub asks for."""
    card = Card("my-data-terms https://example.org/terms", FIGURES)
    front, body = _card(replace(bundle, card=card), tmp_path)
    assert (front["license"], front["license_name"]) == ("other", "my-data-terms")
    assert front["license_link"] == "https://example.org/terms"
    assert "`my-data-terms` ([its text](https://example.org/terms))" in body


def test_an_unknown_licence_is_said_and_warned_of(bundle, tmp_path):
    """The hub has a word for it, and the body says what may not be done."""
    front, body = _card(replace(bundle, card=Card("unknown", FIGURES)), tmp_path)
    assert front["license"] == "unknown"
    assert "**The licence of the source is unknown.**" in body
    assert "As the source" not in body


@pytest.mark.parametrize(
    ("beside", "licence"),
    [
        ("---\nlicense: CC-BY-NC-4.0\n---\n# x", "cc-by-nc-4.0"),
        ("---\nlicense: [mit]\n---\n", "mit"),
        (
            "---\nlicense: other\nlicense_name: mine\nlicense_link: https://a.org/l\n---\n",
            "mine https://a.org/l",
        ),
        ("---\nlicense: [mit, odbl]\n---\n", ""),
        ("---\nlicense: 5\n---\n", ""),
        ("---\n: [\n---\n", ""),
        ("---\n- a\n---\n", ""),
        ("license: mit\n", ""),
        ("\ufeff---\r\nlicense: mit\r\n---\r\n", "mit"),
        (None, ""),
    ],
)
def test_the_licence_of_a_card_beside_the_file_is_found(tmp_path, beside, licence):
    """And nothing where there is no card, or none that names one licence."""
    if beside is not None:
        (tmp_path / "README.md").write_bytes(beside.encode())
    assert licence_beside(tmp_path / "rows.jsonl") == licence


def test_every_identifier_of_the_hub_is_taken_as_it_stands():
    """None is twice in the list, and each is what is kept."""
    assert len(set(LICENCES)) == len(LICENCES) > 70
    assert [licence_of(each.upper()).identifier for each in LICENCES] == list(LICENCES)


@pytest.mark.parametrize(
    ("licence", "problem"),
    [
        ("", "needs the licence"),
        ("  ", "needs"),
        ("mine: all", "not the id"),
        ("other", "not the id"),
        ("mit https://a.org", "nor a name with a link"),
        ("mine javascript:alert(1)", "nor a name with a link"),
    ],
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
        "Licence", "Configs", "How the rows were chosen", "Figures", "Judges", "What was looked for", "Limits",
        "Files", "Again",
    ]  # fmt: skip
    assert "\n\n3 of 6 rows: k-center.\n\nk-center: spreads. LTD.\n\n" in body
    assert "3 rows of the 6 of rows.jsonl" in body
    for line in (
        "| eligible rows | 4 |", "| count asked for | 3 |", "| seed | 7 |",
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
    names = {file.relative_to(out).as_posix() for file in files}
    assert names == {"train.jsonl", *CONTENTS, *CARD_CONTENTS}
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


def test_the_card_says_what_the_training_file_leaves_out(bundled, tmp_path):
    """The count and the reason; the control is without such rows too, in the same columns."""
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    records = [{"id": f"r{k}", "messages": turns * (1 + k % 2)} for k in range(6)]
    made = replace(bundled(records, [0, 1, 2, 3]), card=Card("cc-by-4.0", FIGURES))
    _, body = _card(made, tmp_path, "alpaca")
    assert "* Of the chosen rows, the training file: 2 left out: is not one user turn and one answer" in body
    assert pl.read_parquet(tmp_path / "control.parquet").height == 2
    _, body = _card(made, tmp_path, "messages")
    assert "the training file:" not in body


def test_what_is_known_besides_is_said_and_what_is_not_is_left_out(bundle, tmp_path):
    """Languages in the front matter, what was taken out in the body; without them neither."""
    card = replace(bundle.card, languages=("en", "de"), taken_out=("12 copies were taken out.",))
    front, body = _card(replace(bundle, card=card), tmp_path)
    assert front["language"] == ["en", "de"]
    assert "* 12 copies were taken out." in body
    front, _ = _card(bundle, tmp_path)
    assert "language" not in front


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("tatsu-lab/alpaca", "tatsu-lab/alpaca"),
        ("hf://datasets/tatsu-lab/alpaca@main/data/train.parquet", "tatsu-lab/alpaca"),
        ("https://huggingface.co/datasets/tatsu-lab/alpaca", "tatsu-lab/alpaca"),
        ("rows.jsonl", "rows.jsonl"),
    ],
)
def test_a_source_on_the_hub_is_named_by_its_id(bundle, tmp_path, source, named):
    """So that the hub links the two; another source is called what it is called."""
    named_so = replace(bundle, dataset=replace(bundle.dataset, name=source))
    assert _card(named_so, tmp_path)[0]["source_datasets"] == [named]


def test_the_agreement_of_the_judges_stands_in_the_card(bundled, tmp_path):
    """Alpha with its interval, and each two of them; one judge alone agrees with nobody."""
    both = [{"instruction": f"{k}", "output": "x", "a_score": k % 3, "b_score": k % 2} for k in range(9)]
    _, body = _card(replace(bundled(both, [1]), card=Card("mit", FIGURES)), tmp_path / "two")
    assert "Krippendorff's alpha (ordinal) of all judges is" in body
    assert "| a\\_score, b\\_score | 9 | 0.00 |" in body
    alone = [{"instruction": f"{k}", "output": "x", "a_score": k % 3} for k in range(9)]
    _, body = _card(replace(bundled(alone, [1]), card=Card("mit", FIGURES)), tmp_path / "one")
    assert "agree" not in body


READ = """
import json, sys
import datasets
found = {name: datasets.load_dataset(sys.argv[1], name, split="train") for name in datasets.get_dataset_config_names(sys.argv[1])}
default = datasets.load_dataset(sys.argv[1], split="train")
print(json.dumps({name: [list(each.features), each.to_list()] for name, each in {**found, "": default}.items()}))
"""


@pytest.mark.parametrize("form", ["jsonl", "sharegpt"])
def test_datasets_loads_every_config_of_the_folder(bundle, tmp_path, form):
    """The right rows in the right columns, offline; without a name it is the default."""
    out = tmp_path / "out"
    write_bundle(bundle, out, form)
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(out)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == ["default", "random_control", "all_scored", ""]
    assert {name: len(rows) for name, (_, rows) in found.items()} == {
        "default": 3, "random_control": 3, "all_scored": 6, "": 3,
    }  # fmt: skip
    assert found["default"][0] == found["random_control"][0]
    assert found[""] == found["default"]
    assert [row["id"] for row in found["all_scored"][1]] == [f"r{k}" for k in range(6)]
    if form == "jsonl":
        assert found["default"][1] == [RECORDS[row] for row in (4, 2, 1)]


def test_the_hub_library_parses_the_card(bundle, tmp_path):
    """Every field of the front matter arrives where its documentation says; nothing is left over."""
    from huggingface_hub import DatasetCard, DatasetCardData

    write_bundle(replace(bundle, card=replace(bundle.card, languages=("en",))), tmp_path, "jsonl")
    data = DatasetCard.load(tmp_path / "README.md", ignore_metadata_errors=False).data
    assert isinstance(data, DatasetCardData)
    assert (data.license, data.language, data.size_categories) == ("cc-by-4.0", ["en"], ["n<1K"])
    assert data.configs[0]["data_files"] == [{"split": "train", "path": "data/train-00000-of-00001.parquet"}]
    known = set(inspect.signature(DatasetCardData.__init__).parameters) | {"tags", "configs"}
    assert set(data.to_dict()) <= known
