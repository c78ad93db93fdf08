from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from real_rows import on_real_rows
from small_project import SAMPLE, built, copied, fake_embed, fake_project, sample_home, write

from core import Project, SelectParams, frozen, reporting
from core.domain import EMBED_CHOICES, Pins
from core.errors import ParameterError, StoreError
from core.exporting import Recipe, Report, report_html
from core.exporting.report import HERE, SCRIPTS
from core.selection import strategies, thresholds

HOSTILE = (
    "</script><script>document.title='taken'</script>",
    "<img src=x onerror=document.title='taken'>",
    "<!--<script>",
    "a\u2028b\u2029c\x85d",
    "&lt;b&gt; &amp; ${1} $title `x`",
    '"]}\\u003c',
)


class Parts(html.parser.HTMLParser):
    """What a browser makes of a page: its elements with their attributes, and the text of each script."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts, self.inside = [], {}, None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = (tag, dict(attrs).get("type"))

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.texts[self.inside] = self.texts.get(self.inside, "") + data


def content_of(page):
    """The block of JSON, with its arrays unpacked."""
    content = json.loads(Parts(page.decode("ascii")).texts["script", "application/json"])
    kinds = {"u8": "<u1", "u16": "<u2", "u32": "<u4"}
    content["arrays"] = {
        name: np.frombuffer(base64.b64decode(each["data"]), kinds[each["kind"]])
        for name, each in content["arrays"].items()
    }
    return content


def shown(content, threshold, count):
    """The rows that the sliders show."""
    order, length = content["held"][threshold]
    return content["arrays"][f"order {order}"][: min(max(count, content["pinned"]), length)].tolist()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The project of the sixty rows, in a home of its own."""
    file, home = copied(tmp_path_factory.mktemp("report") / "home")
    return Project.open(file, home=home)


@pytest.fixture(scope="module")
def sample():
    """The project of the sample."""
    return Project.open(SAMPLE, home=sample_home())


# What the sliders show.


PINS = Pins(include=frozenset({"r17", "r03"}), exclude=frozenset({"r06", "r13"}))
VARIANTS = {
    "plain": {},
    "pins": {"pins": PINS},
    "budget": {"max_tokens": 150},
    "pins over the budget": {"pins": PINS, "max_tokens": 1},
    "near copies": {"dedup_distance": 0.3},
    "all at once": {"pins": PINS, "max_tokens": 600, "dedup_distance": 0.2},
    "no judge": {"judge": None, "min_score": None},
    "no threshold": {"min_score": None},
}


CASES = [(name, "plain") for name in strategies()] + [(name, "all at once") for name in strategies()]
CASES += [("k-center", variant) for variant in VARIANTS] + [("top-score", "budget")]


@pytest.mark.parametrize(("name", "variant"), sorted(set(CASES)))
def test_every_slider_position_shows_what_choosing_gives(small, name, variant):
    """Rows, their order and the eligible count, for every threshold and counts up to all rows."""
    params = replace(
        SelectParams(judge="quality", min_score=2.5, count=9, strategy=name), **VARIANTS[variant]
    )
    chosen = small.select(params)
    content = content_of(small.report(chosen))
    assert shown(content, *content["at"]) == chosen.rows.tolist()
    levels = [None] if params.judge is None else np.unique(thresholds(small.judges["quality"])[0]).tolist()
    assert content["least"] == levels
    for place, threshold in enumerate(levels):
        for count in (1, 7, 23, 60):
            again = small.select(replace(params, min_score=threshold, count=count))
            assert shown(content, place, count) == again.rows.tolist(), (threshold, count)
            assert content["eligible"][place] == again.eligible
        assert not content["ends"][place]


def test_every_row_has_its_score_cluster_and_tokens(small):
    """The figures beside the map are counted from these."""
    content = content_of(small.report(small.select(SelectParams(judge="quality", min_score=2.5, count=9))))
    arrays, levels = content["arrays"], [None, *content["levels"]]
    scores = [None if np.isnan(each) else float(each) for each in small.judges["quality"].scores]
    assert [levels[each] for each in arrays["level"]] == scores
    assert [content["clusters"][each]["number"] for each in arrays["cluster"]] == small.labels().tolist()
    assert [each["rows"] for each in content["clusters"]] == np.bincount(arrays["cluster"]).tolist()
    assert arrays["tokens"].tolist() == small.tokens().tolist()


def test_the_map_keeps_its_shape(small):
    """Distances in the file are those of the map, in one scale, and up is up."""
    content = content_of(small.report(small.select(SelectParams(count=9))))
    found = np.stack((content["arrays"]["x"], -content["arrays"]["y"].astype(np.int64)), axis=1)
    map_ = small.coords().astype(np.float64)
    scale = 65535 / np.ptp(map_, axis=0).max()
    assert np.abs((found - found[0]) - (map_ - map_[0]) * scale).max() <= 2
    assert content["sides"] == pytest.approx((np.ptp(map_, axis=0) / np.ptp(map_, axis=0).max()).tolist())


def test_an_order_that_is_too_long_ends_and_says_so(small, monkeypatch):
    """The held rows are still those that choosing gives, and never fewer than are exported."""
    monkeypatch.setattr(frozen, "MOST_PLACES", 70)
    params = SelectParams(judge="quality", min_score=2.5, count=12, strategy="random")
    content = content_of(small.report(small.select(params)))
    assert [length for _, length in content["held"]] == [12, 12, 12, 12, 12, 12, 8]
    assert content["ends"] == [True] * 6 + [False]
    assert any("the sliders end at 12 rows" in note for note in content["notes"])
    for place, threshold in enumerate(content["least"]):
        again = small.select(replace(params, min_score=threshold, count=12))
        assert shown(content, place, 50) == again.rows.tolist()


def test_orders_that_begin_alike_are_held_once(small):
    """Those of top score at every threshold are one; those of random draws are not."""
    counts = {}
    for name in ("top-score", "random"):
        params = SelectParams(judge="quality", min_score=2.5, count=9, strategy=name)
        arrays = content_of(small.report(small.select(params)))["arrays"]
        counts[name] = sum(each.startswith("order") for each in arrays)
    assert counts == {"top-score": 1, "random": 7}


# What is said.


def test_the_rows_to_read_are_those_at_the_cut_and_a_sample(small):
    """Five on each side, ten others from the selection, none twice, whatever the order of the file."""
    params = SelectParams(judge="quality", min_score=2.0, count=20)
    chosen = small.select(params)
    found = reporting.rows_to_read(small, chosen)
    longer = small.select(replace(params, count=25))
    sides = {why: [each["id"] for each in found if each["why"] == why] for why in {r["why"] for r in found}}
    assert sides["Just above the cut"] == chosen.ids[:-6:-1]
    assert sides["Just below the cut"] == longer.ids[20:]
    drawn = sides["Drawn from the selection"]
    assert len(set(drawn)) == 10
    assert set(drawn) <= set(chosen.ids[:-5])


def test_a_long_text_is_shown_in_part_and_says_so(small, monkeypatch):
    """The rest is counted in characters."""
    monkeypatch.setattr(reporting, "MOST_TEXT", 5)
    row = reporting.rows_to_read(small, small.select(SelectParams(count=3)))[0]
    frame = small.dataset.frame
    text = frame["prompt"][frame["id"].to_list().index(row["id"])]
    assert row["prompt"] == {"text": text[:5], "more": len(text) - 5}


def test_the_figures_are_those_of_the_comparison(small):
    """Every metric that there is, as it is written elsewhere, beside random draws."""
    chosen = small.select(SelectParams(judge="quality", min_score=2.5, count=9))
    content = content_of(small.report(chosen))
    titles = {each["title"]: each["value"] for each in content["figures"]}
    assert titles["Mean score"] == f"{np.nanmean(small.judges['quality'].scores[chosen.rows]):.2f}"
    assert titles["Rows"] == "9"
    assert content["judges"]["sentence"].startswith("Judge that did not choose")
    assert "Krippendorff's alpha (ordinal) of all judges is " in content["judges"]["sentence"]
    by_judge = {line[0]: line for line in content["judges"]["table"]}
    assert by_judge["quality"][1:4] == ["1 to 5", "59", "1"]
    assert "proves nothing" in by_judge["quality"][-1]
    ((names, both, _, overlap),) = content["judges"]["pairs"]
    assert (names, both) == ("quality, depth_score", "59")
    one, other = (small.judges[each].scores for each in ("quality", "depth_score"))
    pairs = [(a >= 2.5, b >= 2.5) for a, b in zip(one, other, strict=True) if a + b < np.inf]
    assert overlap == f"{sum(a and b for a, b in pairs) / sum(a or b for a, b in pairs):.0%}"


def test_the_limits_say_what_was_embedded(small):
    """For each choice of it there is a sentence; that of the dataset stands in the report."""
    assert reporting.EMBEDDED.keys() == set(EMBED_CHOICES)
    content = content_of(small.report(small.select(SelectParams(count=9))))
    assert "Vectors are made of the prompts alone" in " ".join(content["limits"])


def test_nothing_selected_is_no_report(small):
    """Neither a count of nothing nor a threshold above every score, and no file is written."""
    for params in (SelectParams(count=0), SelectParams(judge="quality", min_score=9)):
        with pytest.raises(ParameterError, match="nothing to report"):
            small.report(small.select(params))


def test_rows_that_the_decisions_do_not_give_are_no_report(small):
    """Sliders that start elsewhere than the exported file would mislead."""
    chosen = small.select(SelectParams(judge="quality", min_score=2.5, count=9))
    other = replace(chosen, rows=chosen.rows[::-1])
    with pytest.raises(ParameterError, match="not those that its decisions give"):
        small.report(other)


# The file.


def test_texts_of_strangers_stay_texts(tmp_path, monkeypatch):
    """Whatever prompts, answers, ids and columns hold, the page has its own elements and no others."""
    monkeypatch.setattr("core.embedded.embedding.embed", fake_embed)
    monkeypatch.setattr("core.stages.projection.project", fake_project)
    rows = [
        {"id": f"{k} {text}", "instruction": f"{text} {k}", "output": text, "<b>_score": float(k)}
        for k, text in enumerate(HOSTILE * 3)
    ]
    project = Project.open(write(tmp_path / "<i>&.jsonl", rows), home=tmp_path / "home")
    chosen = project.select(SelectParams(judge="<b>_score", min_score=3, count=8))
    page = project.report(chosen)
    parts = Parts(page.decode("ascii"))
    assert [tag for tag, _ in parts.elements] == [
        *("html", "head", "meta", "meta", "meta", "meta", "meta", "title", "style"),
        *("body", "noscript", "p", "main", "script", "script"),
    ]
    assert page.count(b"<!--") == 1
    content = content_of(page)
    assert content["judge"] == "<b>_score"
    said = {(each["prompt"]["text"], each["response"]["text"]) for each in content["rows"]}
    assert said <= {(row["instruction"], row["output"]) for row in rows}
    assert {answer for _, answer in said} == set(HOSTILE)
    assert Recipe.from_yaml(content["recipe"]).source.name == "<i>&.jsonl"


def test_the_page_may_run_its_own_script_and_load_nothing(small):
    """The policy forbids every request; it names the script and the style by their digests."""
    page = small.report(small.select(SelectParams(count=9))).decode("ascii")
    parts = Parts(page)
    policy = next(attrs["content"] for tag, attrs in parts.elements if attrs.get("http-equiv"))
    digests = {
        name: base64.b64encode(hashlib.sha256(parts.texts[name, None].encode()).digest()).decode()
        for name in ("script", "style")
    }
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digests['script']}'; style-src 'sha256-{digests['style']}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not [attrs for _, attrs in parts.elements if {"src", "href", "style", "srcset"} & attrs.keys()]


def test_the_script_makes_no_html_of_texts_and_asks_nobody():
    """Neither in the script nor in the style stands anything that could; both are plain ASCII."""
    script = "".join((HERE / name).read_text("ascii") for name in SCRIPTS)
    style = (HERE / "report.css").read_text("ascii")
    never = "innerHTML|outerHTML|insertAdjacentHTML|document.write|fetch|XMLHttpRequest|WebSocket|eval|import"
    assert not re.findall(rf"\b({never})\b", script)
    assert re.findall(r"https?://[^\"]+", script) == ["http://www.w3.org/2000/svg"]
    assert not re.findall(r"url\(|@import|https?:", style)
    assert "</" not in script + style


def test_the_same_selection_gives_the_same_bytes(small):
    """From the memory of one project or from the store of another."""
    file, _ = built()
    params = SelectParams(judge="quality", min_score=2.5, count=9)
    pages = {
        project.report(project.select(params)) for project in (small, Project.open(file, home=small.home))
    }
    assert len(pages) == 1


def test_it_is_one_file_of_the_export(small, tmp_path):
    """Its digest is that of ids.txt, its recipe that of the folder; an export without it takes it away."""
    chosen = small.select(SelectParams(judge="quality", min_score=2.5, count=9))
    files = small.export(chosen, tmp_path, report=True)
    assert tmp_path / "report.html" in files
    page = (tmp_path / "report.html").read_bytes()
    assert f"{hashlib.sha256(page).hexdigest()}  report.html" in (tmp_path / "SHA256SUMS").read_text()
    content = content_of(page)
    ids = (tmp_path / "ids.txt").read_bytes()
    assert content["ids_sha256"] == hashlib.sha256(ids).hexdigest()
    frame = small.dataset.frame
    assert [frame["id"][row] for row in shown(content, *content["at"])] == ids.decode().split()
    assert content["recipe"] == (tmp_path / "recipe.yaml").read_text()
    small.export(chosen, tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_page_of_somebody_else_is_never_touched(small, tmp_path):
    """An export with a report refuses, and one without leaves it."""
    (tmp_path / "report.html").write_text("mine")
    chosen = small.select(SelectParams(count=9))
    small.export(chosen, tmp_path)
    with pytest.raises(StoreError, match="no report that Winnow wrote"):
        small.export(chosen, tmp_path, report=True)
    assert (tmp_path / "report.html").read_text() == "mine"


def test_the_report_of_the_sample_is_small(sample):
    """A message's attachment, not a download."""
    chosen = sample.select(SelectParams(judge="accuracy", min_score=4.5, count=100))
    assert len(sample.report(chosen)) < 150_000


def test_as_many_orders_as_are_ever_held_stay_below_five_megabytes():
    """52,002 rows with all that is held of each, and as many places of orders as there may be."""
    n, rows = 52_002, np.arange(52_002)
    arrays = {"x": rows, "y": rows, "cluster": rows % 40, "tokens": rows % 3000, "level": rows}
    orders = frozen.MOST_PLACES // n
    arrays |= {f"order {place}": rows for place in range(orders)}
    arrays = {name: frozen.smallest(each) for name, each in arrays.items()}
    recipe = Recipe.from_yaml(
        (HERE.parents[1] / "tests" / "exporting" / "recipe.golden.yaml").read_text("utf-8")
    )
    texts = {"levels": np.linspace(0, 1, n).tolist(), "rows": ["x" * 1600] * 20}
    assert orders >= 12
    assert len(report_html(Report("t", texts, arrays), recipe)) < 5_000_000


@on_real_rows
def test_the_report_of_the_real_rows_is_below_five_megabytes(real_project):
    """With random orders, of which no two begin alike."""
    judge = next(iter(real_project.judges))
    params = SelectParams(judge=judge, count=9_229, strategy="random")
    assert len(real_project.report(real_project.select(params))) < 5_000_000
