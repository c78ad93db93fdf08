"""The names of all files that an export may hold, and what each one is: the one table of them."""

from __future__ import annotations

SUMS = "SHA256SUMS"
IDS = "ids.txt"
SIDECAR = "selection.parquet"
BORDER = "border.parquet"
CONTROL_IDS = "control_ids.txt"
RECIPE = "recipe.yaml"
README = "README.md"
CROISSANT = "croissant.json"
CONTROL = "control.parquet"
REPORT = "report.html"
RATINGS = "ratings-"  # begins the name of a file of people's ratings
JUDGED = "judged-"  # begins the name of a file of a model's frozen scores
DATA = "data/train-00000-of-00001.parquet"  # where the hub's viewer and load_dataset look for it

CONTENTS = {
    IDS: "the ids of the chosen rows, one a line, in order of choice",
    SIDECAR: "every row of the file: id, reason, place in the order, score, cluster, x, y",
    CONTROL_IDS: "a random draw of the same size (seed 0), to train the control on",
    RECIPE: "every decision, model, digest and version behind the choice",
    SUMS: "the sha256 of every file; sha256sum -c SHA256SUMS checks them",
}
BUNDLE_CONTENTS = {BORDER: "the rows on both sides of the cut: the ones to read before trusting it"}
CARD_CONTENTS = {
    README: "the dataset card, with the front matter that the Hugging Face hub reads",
    DATA: "the rows of the training file as a table, for the hub's viewer and load_dataset",
    CONTROL: "the rows of the random draw, in the columns of the training file",
    CROISSANT: "the same for dataset search: files, fields and provenance as Croissant 1.1",
}
REPORT_CONTENTS = {REPORT: "map, sliders, figures and rows to read in one page that needs no network"}

SCORES_OF_PEOPLE = "what people said of rows: id, score, keep, raters; a judge of the choice"
SCORES_OF_MODELS = "frozen scores of a model: id, score, status, spread of its samples; a judge of the choice"


def of_scores(name: str) -> str:
    """What a file is that holds the scores of a judge; empty where the name is no such file's."""
    if name.startswith(RATINGS):
        return SCORES_OF_PEOPLE
    return SCORES_OF_MODELS if name.startswith(JUDGED) else ""


def configs() -> dict[str, str]:
    """The configs of the dataset card by name, each with its file; the first is the default."""
    return {"default": DATA, "random_control": CONTROL, "all_scored": SIDECAR}
