"""The report in a real browser: from a file, without a network, its sliders show what choosing gives."""

from __future__ import annotations

import re
import zipfile

import pypdfium2
import pytest
from winnow_app import SAMPLE, Server

from core import Project, SelectParams
from core.__main__ import main
from core.selection import thresholds

pytestmark = pytest.mark.browser

ROWS = "winnowReport.rows()"
DRAWN = """() => {
  const canvas = document.querySelector("canvas"), pen = canvas.getContext("2d");
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  let coloured = 0;
  for (let at = 0; at < data.length; at += 4) {
    coloured += data[at + 3] > 128 && Math.max(...data.slice(at, at + 3)) - Math.min(...data.slice(at, at + 3)) > 40;
  }
  return coloured;
}"""


def number(page, name):
    return int(page.locator(f"#tile-{name}").inner_text().replace(",", ""))


def test_the_sliders_of_an_exported_report_show_what_choosing_gives(tmp_path, browser):
    """Counts and rows at every place, the exported ids at the first one; nothing is asked of any network."""
    home, out = tmp_path / "home", tmp_path / "out"
    flags = ["--judge", "accuracy", "--min-score", "4.5", "--count", "100", "--home", str(home)]
    assert main(["select", str(SAMPLE), *flags, "--report", "--out", str(out)]) == 0
    project = Project.open(SAMPLE, home=home)
    frame = project.dataset.frame
    context = browser.new_context(viewport={"width": 1024, "height": 768}, offline=True)
    try:
        page, asked, errors = context.new_page(), [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda each: errors.extend([each.text] if each.type == "error" else []))
        page.goto((out / "report.html").as_uri())
        ids = (out / "ids.txt").read_text("utf-8").split()
        assert [frame["id"][row] for row in page.evaluate(ROWS)] == ids
        assert number(page, "rows") == len(ids) == 100
        least = [float(str(each)) for each in thresholds(project.judges["accuracy"])[0]]
        slider, drawn = page.locator("#threshold"), page.evaluate(DRAWN)
        for place, count in ((0, 100), (0, 700), (3, 41), (len(least) - 1, 1008), (len(least) - 2, 1)):
            slider.focus()
            page.keyboard.press("Home")
            for _ in range(place):
                page.keyboard.press("ArrowRight")
            page.locator("#count").fill(str(count))
            chosen = project.select(SelectParams(judge="accuracy", min_score=least[place], count=count))
            assert page.evaluate(ROWS) == chosen.rows.tolist()
            assert (number(page, "rows"), number(page, "eligible")) == (len(chosen), chosen.eligible)
            assert number(page, "tokens") == project.tokens()[chosen.rows].sum()
            mean = float(page.locator("#tile-mean").inner_text())
            assert mean == pytest.approx(project.judges["accuracy"].scores[chosen.rows].mean(), abs=0.005)
            shares = page.locator(".clusters em").all_inner_texts()
            assert sum(int(re.sub(r"\D", "", each.split(" of ")[0])) for each in shares) == len(chosen)
        assert page.evaluate(DRAWN) < drawn  # one point, where there were a hundred
        page.locator("#count-slider").focus()
        page.keyboard.press("End")
        assert number(page, "rows") == number(page, "eligible")
        page.get_by_role("button", name="Back to the exported selection").click()
        assert [frame["id"][row] for row in page.evaluate(ROWS)] == ids
        assert page.get_by_text("This is the exported selection.").is_visible()
        page.locator("#count").fill("7")
        page.pdf()
        assert number(page, "rows") == 7  # printing shows what was exported, and then all is as before
        page.emulate_media(media="print")
        assert not page.locator("#threshold").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert (asked, errors) == ([(out / "report.html").as_uri()], [])
    finally:
        context.close()


def everything_is_on_paper(printed, content, count):
    """A PDF of numbered pages with every count, curve, figure, judge and text, and nothing to move or press."""
    with pypdfium2.PdfDocument(printed) as pdf:
        pages = [pdf[place].get_textpage().get_text_bounded() for place in range(len(pdf))]
    assert 5 <= len(pages) <= 20
    for place, text in enumerate(pages, start=1):
        assert f"{place} of {len(pages)}" in text
    foot = re.compile(rf"^Selection report\s+\d+ of {len(pages)}")
    text = _squeezed("".join(foot.sub("", each.strip()) for each in pages))
    counts = [f"Selected{count}", f"{content['eligible'][content['at'][0]]:,}rowseligible"]
    said = [
        *content["limits"],
        *content["notes"],
        *content["rights"],
        content["sentence"],
        *content["recipe"].split("\n"),
    ]
    said += [each["title"] for each in (*content["curves"], *content["figures"])]
    said += [f"{each['mean']}{each['low']} to {each['high']}{each['pool']}" for each in content["figures"]]
    said += [cell for line in content["judges"]["table"] for cell in line]
    for row in content["rows"]:
        said += [row["id"], row["prompt"]["text"], row["response"]["text"]]
    assert [each for each in (*counts, *said) if _squeezed(each) not in text] == []
    assert not any(
        _squeezed(each) in text for each in ("Back to the exported", "Rows to select", "Threshold")
    )


def _squeezed(text):
    """Without blanks, since a line on paper ends where it has to, and without emoji, which need a font."""
    return re.sub(r"[\s\U00010000-\U0010ffff]+", "", text.replace("\ufffe", "-"))


def test_everything_is_downloaded_from_the_app_and_its_report_opens_without_a_network(tmp_path, browser):
    """The zip as a person gets it: unpacked, its report is opened from disk, moved, compared and printed."""
    data, out = tmp_path / "data", tmp_path / "unpacked"
    data.mkdir()
    home = tmp_path / "home"
    server = Server(home, tmp_path / "log", data=data).start()
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    try:
        page = context.new_page()
        page.goto(f"{server.address}/export?judge=accuracy&min=4.5&count=60&strategy=random")
        page.get_by_text("Everything", exact=True).click(timeout=60_000)
        page.get_by_text("With the report", exact=True).click()
        page.locator(".st-key-licence input").fill("cc-by-4.0")
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)  # until the click has reached the server
        page.locator("[data-testid='stApp'][data-test-script-state='notRunning']").wait_for()
        with page.expect_download(timeout=120_000) as download:
            page.get_by_role("button", name="Download 60 rows").click()
        download.value.save_as(tmp_path / "winnow.zip")
    finally:
        context.close()
        server.stop()
    with zipfile.ZipFile(tmp_path / "winnow.zip") as zipped:
        zipped.extractall(out)
    ids = (out / "ids.txt").read_text("utf-8").split()
    assert len(ids) == len((out / "train.messages.jsonl").read_text("utf-8").splitlines()) == 60
    context = browser.new_context(viewport={"width": 1024, "height": 768})
    try:
        page, asked = context.new_page(), []
        context.set_offline(True)
        page.route(re.compile("^(?!file:)"), lambda route: (asked.append(route.request.url), route.abort()))
        page.goto((out / "report.html").as_uri())
        assert number(page, "rows") == len(page.evaluate(ROWS)) == len(ids)
        slider = page.locator("#count-slider")
        slider.focus()
        page.keyboard.press("Home")
        assert number(page, "rows") == len(page.evaluate(ROWS)) < len(ids)
        page.get_by_role("button", name="Back to the exported selection").click()
        assert number(page, "rows") == len(ids)
        printed = page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True, print_background=True)
        content = page.evaluate("JSON.parse(document.getElementById('content').textContent)")
        everything_is_on_paper(printed, content, len(ids))
        assert asked == []
    finally:
        context.close()
