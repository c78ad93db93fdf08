"""The store on the command line, a full disk, and kill -9."""

from __future__ import annotations

import hashlib
import json
import random
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from own_process import REPOSITORY, core_says, start
from small_project import built, write

from core import Project

# The store.


def test_store_ls_lists_what_is_stored(run, small):
    """One line an artefact with its bytes, time, stage and digest, and the sum of the bytes."""
    _, home = small
    code, out, _ = run("store", "ls", "--home", home)
    *lines, total = out.splitlines()
    assert code == 0
    found = {(line.split()[3], line.split()[-1]) for line in lines}
    folders = {(path.parent.name, path.name[:12]) for path in home.glob("store/*/*")}
    assert {digest for _, digest in found} == {digest for _, digest in folders}
    assert {stage for stage, _ in found} == {
        "vectors",
        "embedded-texts",
        "neighbours",
        "clusters",
        "coords",
        "draft",
        "tokens",
    }
    size = sum(path.stat().st_size for path in home.glob("store/*/*/*"))
    assert total.split() == [f"{size:,}", "bytes", "in", "all"]


def test_store_prune_frees_what_it_says(run, small):
    """One stage, or what is old enough, or everything; a map is then made again."""
    file, home = small
    size = sum(path.stat().st_size for path in home.glob("store/draft/*/*"))
    assert run("store", "prune", "--stage", "draft", "--home", home)[:2] == (0, f"{size:,} bytes freed\n")
    assert not Project.open(file, home=home).has_draft()
    assert run("store", "prune", "--days", "1", "--home", home)[1] == "0 bytes freed\n"
    assert Project.open(file, home=home).has_map()
    assert run("store", "prune", "--home", home)[0] == 0
    assert list(home.glob("store/*/*")) == []


def test_an_empty_store_is_listed_and_pruned(run, tmp_path):
    """Nothing there is no error, and no folder is made."""
    assert run("store", "ls", "--home", tmp_path / "none")[1].split() == ["0", "bytes", "in", "all"]
    assert run("store", "prune", "--home", tmp_path / "none")[1] == "0 bytes freed\n"
    assert not (tmp_path / "none").exists()


# A full disk, and kill -9.


def _check_whole(store):
    """Every artefact holds the very files that its manifest names, by size and sha256; the number of them."""
    count = 0
    for folder in store.glob("*/*"):
        if not folder.name.startswith("."):
            manifest = json.loads((folder / "manifest.json").read_bytes())
            for entry in manifest["content"]["files"].values():
                content = (folder / entry["file"]).read_bytes()
                assert len(content) == entry["bytes"]
                assert hashlib.sha256(content).hexdigest() == entry["sha256"]
            count += 1
    return count


def test_a_disk_that_takes_no_more_ends_with_2_and_the_next_start_goes_on(tmp_path):
    """The vectors do not fit: said in one line; what was stored before is whole and is not computed again."""
    file, _ = built()

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))

    code, out, err = core_says("map", file, "--home", tmp_path / "home", preexec_fn=limited)
    assert code == 2
    assert re.fullmatch(r"The store at .* could not be written: File too large\. Free some space .*\n", err)
    assert "tokens: " in out
    store = tmp_path / "home" / "store"
    assert {folder.parent.name for folder in store.glob("*/*")} == {"draft", "tokens"}
    assert _check_whole(store) == 2
    before = {path: path.stat().st_mtime_ns for path in store.glob("*/*/*")}
    project = Project.open(file, home=tmp_path / "home")
    assert project.has_draft()
    assert project.has_tokens()
    assert len(project.vectors()) == 60
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.slow
def test_a_map_that_is_killed_while_embedding_goes_on_from_its_parts(tmp_path):
    """kill -9 after the first part of three: the rest is computed, and the vectors are those of an
    undisturbed run, to a cosine of 0.999 where the two chose different precisions, else to 1e-5."""
    words = [f"{a} {b} {c}" for a in _WORDS for b in _WORDS for c in _WORDS][:4400]
    records = [{"instruction": f"Write a few lines about {each}", "output": "x"} for each in words]
    file, home = write(tmp_path / "many.jsonl", records), tmp_path / "home"
    with start("map", file, "--home", home) as process:
        deadline = time.monotonic() + 120
        while not list(home.glob("store/vectors-part/[0-9a-f]*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not list(home.glob("store/vectors/*"))
    kept = _check_whole(home / "store") - 2  # the draft and the tokens are there too
    project, other = Project.open(file, home=home), Project.open(file, home=tmp_path / "other")
    resumed, undisturbed = project.vectors(), other.vectors()
    assert f"{min(kept * 2048, 4400):,} taken from an earlier run" in project.notes()["note"]
    assert not list(home.glob("store/vectors-part/*"))
    assert (resumed * undisturbed).sum(axis=1).min() >= 0.999
    if project.notes()["precision"] == other.notes()["precision"]:
        np.testing.assert_allclose(resumed, undisturbed, atol=1e-5)


_WORDS = (
    "rain", "bread", "copper", "music", "winter", "river", "glass", "money", "paper", "garden",
    "engine", "island", "memory", "silver", "window", "forest", "letter", "market", "bridge",
)  # fmt: skip

BUILD = """
import sys
from core import MapParams, Project
from core.embedding import EmbedParams
from core.encoders import MINILM, load_encoder
load_encoder(MINILM).encode([[101, 102]], "fp32")
print("ready", flush=True)
params = MapParams(embed=EmbedParams(part_texts=2, precision="fp32"))
project = Project.open(sys.argv[1], home=sys.argv[2], params=params)
for stage in (project.draft, project.tokens, project.vectors, project.neighbours, project.clusters):
    stage()
print("done", flush=True)
"""


def _build(file, home):
    """A process that is about to compute every stage."""
    command = [sys.executable, "-c", BUILD, file, home]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_the_store_is_whole_after_ten_kills_at_random_moments(tmp_path):
    """Every artefact is complete after each kill, and the last run ends with the vectors of an
    undisturbed one, to 1e-5."""
    file, home = built()[0], tmp_path / "home"
    with _build(file, tmp_path / "undisturbed") as process:
        began = time.monotonic()
        assert process.stdout.readline() == "done\n"
        whole = time.monotonic() - began
    moments = random.Random(4)
    stored = []
    for _ in range(10):
        with _build(file, home) as process:
            time.sleep(moments.uniform(0.0, whole))
            process.kill()
        stored.append(_check_whole(home / "store"))
    assert max(stored) > 2
    done = subprocess.run(
        [sys.executable, "-c", BUILD, file, home], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout == "ready\ndone\n"
    assert "damaged" not in done.stderr
    (vectors,) = home.glob("store/vectors/*/vectors.npy")
    np.testing.assert_allclose(
        np.load(vectors), Project.open(*built()[:1], home=built()[1]).vectors(), atol=1e-5
    )
