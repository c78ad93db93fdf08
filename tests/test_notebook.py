from __future__ import annotations

import base64
from pathlib import Path

import nbclient
import nbformat
import pytest

REPOSITORY = Path(__file__).parents[1]
NOTEBOOK = REPOSITORY / "notebooks" / "quickstart.ipynb"
PLOTLY = "application/vnd.plotly.v1+json"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook after a run in a folder of its own, which sees the repository's code and data only."""
    root = tmp_path_factory.mktemp("repository")
    for name in ("core", "data"):
        (root / name).symlink_to(REPOSITORY / name)
    (root / "notebooks").mkdir()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(root / "notebooks")}}
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=300, resources=where).execute()
    return root, notebook


def _output(executed, code):
    """Everything that the cell with this code gave, by kind; printed text as text/plain."""
    (cell,) = [cell for cell in executed[1].cells if cell.cell_type == "code" and code in cell.source]
    found = {}
    for output in cell.outputs:
        data = {"text/plain": output.text} if output.output_type == "stream" else output.data
        for kind, value in data.items():
            found[kind] = found.get(kind, "") + value if isinstance(value, str) else value
    return found


def test_every_cell_runs_without_a_word_on_standard_error(executed):
    """No exception and no warning meets a person who follows it."""
    cells = [cell for cell in executed[1].cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    streams = [output for cell in cells for output in cell.outputs if output.output_type == "stream"]
    assert [stream.text for stream in streams if stream.name == "stderr"] == []


def test_every_cell_shows_something(executed):
    """There is nothing to run on trust."""
    assert [cell.source for cell in executed[1].cells if cell.cell_type == "code" and not cell.outputs] == []


def test_it_opens_the_sample_and_shows_the_judges(executed):
    """The number of rows, and both judges with their scale."""
    assert "1,008 rows, schema alpaca, problems: none" in _output(executed, "Project.open(")["text/plain"]
    judges = _output(executed, "project.judges.items()")["text/plain"]
    assert "accuracy" in judges
    assert "helpfulness" in judges


def test_it_shows_the_map_the_choice_and_the_curve(executed):
    """Three figures; the map holds every row, the coverage falls with the count."""
    figure = _output(executed, 'project.figure(colour_by="cluster")')[PLOTLY]
    assert sum(_points(trace) for trace in figure["data"]) == 1008
    choice = _output(executed, "chosen = project.select(params)")
    assert "150 of 751 eligible rows: w" in choice["text/plain"]
    assert sum(_points(trace) for trace in choice[PLOTLY]["data"]) == 1008
    names = [trace.get("name") for trace in _output(executed, "curve_figure(")[PLOTLY]["data"]]
    assert names[1:] == ["5 random draws", "selection"]


def _points(trace):
    """How many points a trace holds, however plotly packs them."""
    x = trace["x"]
    if isinstance(x, dict):
        return len(base64.b64decode(x["bdata"])) // int(x["dtype"][1:])
    return len(x)


def test_it_gives_reasons_ties_border_and_comparison(executed):
    """The reasons add up, a tie is counted, both sides of the cut are read, the control stands beside it."""
    assert "below threshold" in _output(executed, "chosen.reasons.value_counts")["text/plain"]
    doubt = _output(executed, "sides = border(")["text/plain"]
    assert "came out of a tie of" in doubt
    assert "above" in doubt
    assert "below" in doubt
    table = _output(executed, "project.compare(")
    assert "Covering radius (cosine distance)" in table["text/html"]
    assert "random mean" in table["text/html"]


def test_one_pin_moves_one_row(executed):
    """One id out, one id in."""
    moved = _output(executed, "without = replace(")["text/plain"].split()
    assert (len(moved), moved[0], moved[2]) == (4, "out:", "in:")


def test_it_exports_into_its_own_folder(executed):
    """The files are there, beside nothing else than the store."""
    root, _ = executed
    names = [
        "SHA256SUMS",
        "axolotl.yaml",
        "control_ids.txt",
        "dataset_info.json",
        "ids.txt",
        "recipe.yaml",
        "selection.parquet",
        "train.messages.jsonl",
        "trl_sft.py",
        "unsloth_sft.py",
    ]
    assert sorted(path.name for path in (root / "out" / "quickstart").iterdir()) == names
    assert len((root / "out" / "quickstart" / "ids.txt").read_text().split()) == 150
    assert sorted(path.name for path in root.iterdir()) == [".winnow", "core", "data", "notebooks", "out"]


def test_it_is_committed_without_outputs():
    """What it shows is computed by whoever runs it; no path of another machine is in it."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert "/home/" not in NOTEBOOK.read_text("utf-8")


def test_its_cells_are_short_and_explained():
    """A sentence stands before each step, and a cell is read at a glance."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert 10 <= len(code) <= 13
    assert max(len(cell.source.splitlines()) for cell in code) <= 15
    assert sum(cell.cell_type == "markdown" for cell in cells) >= len(code)
    assert cells[0].source.startswith("# ")
