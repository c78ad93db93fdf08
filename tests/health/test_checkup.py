"""What the checks find, kept: in the store, on the command line, on the page."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from small_project import fake_embed, write

from core import Project, WinnowError, embedding, health
from core.health import CHECKS

ROWS = [
    ("Name a harbour.", "Lisbon has one, on the Tagus."),
    ("Name a ship.", "I'm sorry, but I can't assist with that."),
    ("Name a rope.", ""),
    ("Name a sail.\n\n<noinput>", "The jib is one <b>sail</b>."),
    ("Write to Ana.", "Her address is ana.sousa77@harbour.pt <script>alert(1)</script>"),
    (
        "Which of the harbours of the western coast was the first to be closed by the storm?",
        "Leixões was, by half an hour.",
    ),
]


@pytest.fixture
def file(tmp_path):
    """Six rows in a file."""
    records = [
        {"id": f"r{place}", "instruction": prompt, "input": "", "output": response}
        for place, (prompt, response) in enumerate(ROWS)
    ]
    return write(tmp_path / "ships.jsonl", records)


def spoken(results):
    return {each.check.name: each.found.rows.tolist() for each in results if each.count}


FOUND = {
    "empty-response": [2],
    "input-noise": [3],
    "refusal": [1],
    "html": [3, 4],
    "email": [4],
    "first-person": [1],
    "below-lima-length": [0, 1, 3, 4, 5],
}


def test_the_second_look_reads_what_the_first_one_found(file, tmp_path, monkeypatch):
    """By the store: no check is run again, in another process either; a raised version is."""
    project = Project.open(file, home=tmp_path / "home")
    assert not project.has_checkup()
    first = project.checkup()
    assert spoken(first) == FOUND
    assert all(each.total == len(ROWS) for each in first)
    assert first[-1].share == 0

    def look(_):
        raise AssertionError

    for raised in (0, 1):
        checks = tuple(replace(each, find=look, version=each.version + raised) for each in CHECKS)
        monkeypatch.setattr(health, "CHECKS", checks)
        again = Project.open(file, home=tmp_path / "home")
        assert again.has_checkup() != raised
        if raised:
            with pytest.raises(AssertionError):
                again.checkup()
        else:
            assert spoken(again.checkup()) == FOUND
            assert [each.found.seen for each in again.checkup()] == [each.found.seen for each in first]


def test_no_private_data_is_stored(file, tmp_path):
    """The store holds what was seen masked."""
    project = Project.open(file, home=tmp_path / "home")
    (email,) = [each for each in project.checkup() if each.check.name == "email"]
    assert "sousa" not in email.found.seen[0]
    stored = [path.read_bytes() for path in (tmp_path / "home" / "store" / "health").rglob("*.parquet")]
    assert stored
    assert not any(b"sousa77" in each for each in stored)


def test_a_check_is_a_rule_that_takes_its_rows_out(file, tmp_path):
    """And what is out has no part in the examples' order: the checks look at the whole file."""
    project = Project.open(file, home=tmp_path / "home")
    project.take_out("refusal")
    left = project.cleaned()
    assert left.dataset.frame["id"].to_list() == ["r0", "r2", "r3", "r4", "r5"]
    assert spoken(left.checkup()) == FOUND


def test_leaks_are_taken_out_by_their_ids(file, tmp_path, monkeypatch):
    """By words alone without a model; by vectors too with one; the digest of the prompts is in the decision."""
    monkeypatch.setattr(embedding, "embed", fake_embed)
    project = Project.open(file, home=tmp_path / "home")
    asked = [ROWS[5][0].upper(), "Name a harbour."]
    leaks = project.leaks(asked)
    assert (leaks.rows.tolist(), leaks.prompts.tolist()) == ([0, 5], [1, 0])
    near = project.leaks(["Name a sail.\n\n<noinput>"], similarity=0.99)
    assert (near.rows.tolist(), near.similarity.round(3).tolist()) == ([3], [1.0])
    project.take_out("leakage", {"prompts_sha256": "ab", "similarity": 0.0}, ids=["r0", "r5"])
    assert project.cleaned().dataset.frame["id"].to_list() == ["r1", "r2", "r3", "r4"]
    for prompts, similarity in (([], None), (asked, 0.0), (asked, 1.5)):
        with pytest.raises(WinnowError):
            project.leaks(prompts, similarity=similarity)


def test_the_command_prints_a_table(run, file, tmp_path):
    """Check, rows, share and first rows with their lines; what found nothing is one line."""
    code, out, err = run("health", file, "--home", tmp_path / "home")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert ["html", "2", "33.33%", "r3", "(line", "4);", "r4", "(line", "5)"] in [
        line.split() for line in lines
    ]
    assert lines[-1].startswith("Nothing found: empty-prompt, ")
    assert len(lines) == len(FOUND) + 2


def test_the_command_prints_json_with_every_id(run, file, tmp_path):
    """And which rows hold a line of a text of evaluation prompts."""
    prompts = tmp_path / "prompts.txt"
    prompts.write_text(f"\n{ROWS[5][0]}\n\nNo such row anywhere\n")
    code, out, _ = run("health", file, "--home", tmp_path / "home", "--json", "--against", prompts)
    report = json.loads(out)
    assert code == 0
    assert {each["check"]: each["ids"] for each in report["checks"] if each["rows"]} == {
        name: [f"r{row}" for row in rows] for name, rows in FOUND.items()
    }
    (leak,) = report["leaked"]
    assert (leak["id"], leak["prompt"], leak["by"], leak["similarity"]) == ("r5", 1, "words", None)


def test_a_file_of_rows_gives_evaluation_prompts_too(run, file, tmp_path):
    """Every row is found in itself; a file that is not there is said."""
    code, out, _ = run("health", file, "--home", tmp_path / "home", "--against", file)
    assert (code, "6 rows of 6 hold one of 6 evaluation prompts." in out) == (0, True)
    code, _, err = run("health", file, "--home", tmp_path / "home", "--against", tmp_path / "no.txt")
    assert (code, "cannot be read" in err) == (2, True)
