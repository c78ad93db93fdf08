"""Rows taken out of a file: what is left, what is decided, and the way back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_project import copied, rows, write

from core import Project, SelectParams
from core import embedding as embedding_stage
from core.domain import Removal
from core.errors import ParameterError, StoreError
from core.removals import RULES, Rule, taken


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Sixty rows, ten of which repeat the prompt of another; every stage stored."""
    file, home = copied(tmp_path / "home")
    return Project.open(file, home=home)


def ids(project: Project) -> list[str]:
    """The ids that a project looks at."""
    return project.dataset.frame["id"].to_list()


def some(project: Project, *wanted: str) -> Removal:
    """A removal of these rows by hand."""
    return project.propose("by-hand", ids=wanted)


def test_what_is_left_is_the_file_without_those_rows(project: Project, tmp_path: Path) -> None:
    """Ids, texts, scores and file columns are those of a file that never had the rows."""
    gone = {"r03", "r17", "r59"}
    clean = project.without([some(project, *gone)])
    other = Project.open(
        write(tmp_path / "other.jsonl", [each for each in rows() if each["id"] not in gone]),
        home=tmp_path / "other",
    )
    assert clean.dataset.frame.equals(other.dataset.frame)
    assert clean.dataset.rows.equals(other.dataset.rows)
    assert clean.dataset.text_fingerprint == other.dataset.text_fingerprint
    for name, judge in other.judges.items():
        assert np.array_equal(clean.judges[name].scores, judge.scores, equal_nan=True)
        assert (clean.judges[name].scored, clean.judges[name].unscored) == (judge.scored, judge.unscored)
    assert (clean.dataset.taken_out, clean.dataset.rows_read) == (3, 60)
    assert clean.whole is project
    assert len(project.dataset) == 60


def test_the_fingerprint_tells_which_rows_are_out_and_not_how(project: Project) -> None:
    """One removal of two rows or two of one give the same pool; other rows give another."""
    both = project.without([some(project, "r01", "r02")]).dataset.fingerprint
    assert project.without([some(project, "r02"), some(project, "r01")]).dataset.fingerprint == both
    assert project.without([some(project, "r02"), some(project, "r03")]).dataset.fingerprint != both
    assert both != project.dataset.fingerprint


def test_vectors_and_tokens_are_gathered_and_never_made_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only graph, clusters and map are computed anew."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("embedded again")

    monkeypatch.setattr(embedding_stage, "embed", never)
    clean = project.without([some(project, "r00", "r30")])
    stay = np.delete(np.arange(60), [0, 30])
    assert clean.has_vectors()
    assert clean.has_tokens()
    assert not clean.has_map()
    assert np.array_equal(clean.vectors(), project.vectors()[stay])
    assert np.array_equal(clean.tokens(), project.tokens()[stay])
    assert not clean.vectors().flags.writeable
    chosen = clean.select(SelectParams(judge="quality", min_score=1, count=58))
    assert len(clean.labels()) == 58
    assert not {"r00", "r30"} & set(chosen.ids)


def test_a_row_counts_for_the_first_removal_that_finds_it(project: Project) -> None:
    """Whatever the sequence, the same rows are out; only the counts go elsewhere."""
    one, other = some(project, "r01", "r02"), some(project, "r02", "r03", "r04")
    assert [len(step) for step in taken([one, other], 60).steps] == [2, 2]
    assert [len(step) for step in taken([other, one], 60).steps] == [3, 1]
    assert np.array_equal(taken([one, other], 60).rows, taken([other, one], 60).rows)
    assert taken([one, other], 60).rows.tolist() == [1, 2, 3, 4]


def test_every_step_is_undone_and_made_again(project: Project) -> None:
    """Undo walks back to the whole file, redo forward; a new step ends what could be redone."""
    seen = [ids(project.cleaned())]
    for each in ("r05", "r06", "r07"):
        project.take_out("by-hand", ids=[each])
        seen.append(ids(project.cleaned()))
    assert [len(each) for each in seen] == [60, 59, 58, 57]
    for before in reversed(seen[:-1]):
        assert project.undo_cleaning()
        assert ids(project.cleaned()) == before
    assert not project.undo_cleaning()
    assert project.cleaned() is project
    assert project.redo_cleaning()
    assert ids(project.cleaned()) == seen[1]
    project.take_out("by-hand", ids=["r40"])
    assert not project.redo_cleaning()
    assert project.cleaning_steps == (2, 0)


def test_a_removal_is_put_back_from_the_middle(project: Project) -> None:
    """Its rows are there again; what other removals took stays out, and Undo takes that step back."""
    project.take_out("by-hand", ids=["r05", "r06"])
    project.take_out("by-hand", ids=["r06", "r07"])
    assert project.put_back(0)
    assert set(ids(project)) - set(ids(project.cleaned())) == {"r06", "r07"}
    project.undo_cleaning()
    assert set(ids(project)) - set(ids(project.cleaned())) == {"r05", "r06", "r07"}


def test_decisions_outlive_the_process_and_are_heard_at_once(project: Project) -> None:
    """Another project on the same home sees the step, and the rows found are those decided then."""
    other = Project.open(project.dataset.source, home=project.home)
    assert other.cleaned() is other
    made = project.take_out("same-prompt", {"stays": "longest"})
    heard = other.cleaning.removals
    assert heard == (made,)
    assert np.array_equal(heard[0].found, made.found)
    assert ids(other.cleaned()) == ids(project.cleaned())


def test_duplicates_leave_one_row_of_each_group(project: Project) -> None:
    """Ten prompts stand twice, two of them with one answer; near at 0 are the rows of one vector."""
    out, same = project.propose("same-prompt"), project.propose("exact-duplicates")
    assert (len(out.found), len(same.found)) == (8, 2)
    left = project.without([out, same]).dataset.frame["prompt"]
    assert len(left) == left.n_unique() == project.dataset.frame["prompt"].n_unique()
    near = project.propose("near-duplicates", {"distance": 0.0})
    assert set(near.found) == {*out.found, *same.found}
    judged = project.propose("same-prompt", {"judge": "depth_score"})
    depth = project.judges["depth_score"].scores
    for row in judged.found:
        prompt = project.dataset.frame["prompt"][int(row)]
        same = np.flatnonzero(project.dataset.frame["prompt"].to_numpy() == prompt)
        assert depth[row] < depth[same].max()


def test_kept_rows_stay_and_are_said(project: Project) -> None:
    """Marked as fine before or after, a row is in again; look again forgets the mark."""
    first = project.take_out("same-prompt")
    spared = project.dataset.frame["id"].gather(first.found[:3]).to_list()
    project.keep("same-prompt", spared)
    (left,) = project.cleaning.removals
    assert set(left.kept) == set(spared)
    assert len(left.found) == 5
    assert left.ids_sha256 == project.propose("same-prompt", kept=spared).ids_sha256
    assert set(spared) <= set(ids(project.cleaned()))
    assert len(project.take_out("same-prompt").found) == 5
    assert len(project.cleaning.removals) == 1
    project.look_again("same-prompt")
    assert len(project.take_out("same-prompt").found) == 8


def test_rules_and_settings_that_there_are_not_are_refused(project: Project) -> None:
    """The hint names those there are; a typo is guessed; nothing is decided."""
    with pytest.raises(ParameterError, match="Did you mean near-duplicates"):
        project.take_out("near-duplicate")
    with pytest.raises(ParameterError, match="distance"):
        project.take_out("near-duplicates", {"distance": "far"})
    with pytest.raises(ParameterError, match="no setting 'near'"):
        project.take_out("near-duplicates", {"near": 1})
    with pytest.raises(ParameterError, match="no judge"):
        project.take_out("same-prompt", {"judge": "nobody"})
    with pytest.raises(ParameterError, match="'r99'"):
        project.take_out("by-hand", ids=["r01", "r99"])
    with pytest.raises(ParameterError, match="nothing to take out"):
        project.take_out("by-hand")
    assert project.cleaning_steps == (0, 0)


def test_the_last_row_cannot_be_taken_out(project: Project) -> None:
    """A step that leaves nothing is refused, and the ones before it stand."""
    everything = ids(project)
    project.take_out("by-hand", ids=everything[:30])
    with pytest.raises(ParameterError, match="No row"):
        project.take_out("by-hand", ids=everything[30:])
    assert len(project.cleaned().dataset) == 30


def test_a_new_rule_needs_one_entry(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered can be taken out, with its settings, under its name."""
    rule = Rule(
        name="every",
        title="Every so many",
        settings={"step": 2},
        find=lambda asked: np.arange(0, len(asked.stages.dataset), int(asked.settings["step"])),
    )
    monkeypatch.setitem(RULES, "every", rule)
    assert len(project.take_out("every", {"step": 3}).found) == 20
    assert project.cleaned().removals[0].settings == (("step", 3),)


def test_pins_on_rows_that_are_out_rest_until_they_are_back(project: Project) -> None:
    """They have no part in the choice, are counted, and are there again after Undo."""
    project.ledger.pin(project.dataset.origin, "include", ["r01", "r02"])
    project.take_out("by-hand", ids=["r02"])
    clean = project.cleaned()
    assert clean.pins.include == {"r01"}
    assert clean.resting.include == {"r02"}
    clean.ledger.pin(clean.dataset.origin, "exclude", ["r10"])
    project.undo_cleaning()
    assert project.pins.include == {"r01", "r02"}
    assert project.pins.exclude == {"r10"}


def test_a_scene_brings_its_rows_back(project: Project) -> None:
    """Reopened after other steps, pool and pins are those of the scene; one Undo restores the others."""
    project.take_out("by-hand", ids=["r02", "r03"])
    clean = project.cleaned()
    chosen = clean.select(SelectParams(judge="quality", min_score=1, count=20))
    clean.save_scene(chosen, "first")
    project.undo_cleaning()
    project.take_out("by-hand", ids=["r50"])
    scene, said = project.cleaned().reopen_scene("first")
    assert any("2 rows" in each for each in said)
    again = project.cleaned()
    assert again.dataset.fingerprint == clean.dataset.fingerprint
    assert again.select(scene.params).ids == chosen.ids
    assert [each.name for each in project.scenes()] == ["first"]
    project.undo_cleaning()
    assert set(ids(project)) - set(ids(project.cleaned())) == {"r50"}


def test_a_group_that_loses_its_last_row_is_counted(project: Project) -> None:
    """The row that should stay goes out by hand: of that group nothing is left."""
    project.take_out("same-prompt")
    assert project.cleaned().lost_groups() == 0
    stays = project.duplicates("same-prompt").stays[0]
    project.take_out("by-hand", ids=[project.dataset.frame["id"][int(stays)]])
    assert project.cleaned().lost_groups() == 1


def test_another_embedding_looks_at_the_same_rows(project: Project) -> None:
    """What is out by hand or by one model's vectors is out for every other."""
    clean = project.without([some(project, "r00")])
    other = clean.with_model("word-counts")
    assert ids(other) == ids(clean)
    assert other.params.embed.model == "word-counts"
    assert other.whole.dataset is project.dataset


def test_steps_that_were_changed_by_hand_are_said(project: Project) -> None:
    """A ledger that holds something else is an error with a way out, never a crash or an empty pool."""
    import sqlite3

    project.take_out("by-hand", ids=["r02"])
    with sqlite3.connect(project.home / "ledger.sqlite") as connection:
        connection.execute("UPDATE removal_steps SET decided = '{}'")
    connection.close()
    with pytest.raises(StoreError, match="could not be read"):
        Project.open(project.dataset.source, home=project.home).cleaned()
