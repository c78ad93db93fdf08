"""Which training files an export holds: one form, or everything that trainers read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from core.domain import Dataset, Positions
from core.errors import ParameterError
from core.exporting.formats import (
    FORMATS,
    SPREADSHEET,
    TEXT,
    TEXT_PARQUET,
    Held,
    TrainingFormat,
    holds_texts,
    training_format,
)
from core.exporting.names import (
    BUNDLE_CONTENTS,
    CARD_CONTENTS,
    CONTENTS,
    DATA,
    REPORT_CONTENTS,
    of_scores,
)
from core.exporting.snippets import snippet_files
from core.wording import counted

EVERYTHING = "bundle"
CHOICES = (*FORMATS, EVERYTHING)
TITLE = "Everything"
SUMMARY = (
    "messages as Parquet and JSON lines, Alpaca, ShareGPT and, where the source has them, preference pairs; "
    "settings of all trainers; the rows on both sides of the cut"
)
SUMMARY_OF_TEXTS = (
    "the ready texts as Parquet and JSON lines; settings of all trainers; the rows on both sides of the cut"
)
TABLE = replace(FORMATS["messages-parquet"], file=DATA)  # where the hub looks for it
TABLE_OF_TEXTS = replace(TEXT_PARQUET, file=DATA)
PAIRED = ("preference", "preference-sharegpt")
ALL = (TABLE, *(FORMATS[name] for name in ("messages", "alpaca", "sharegpt", *PAIRED)))
WHERE_HELD = frozenset({"alpaca", "sharegpt", *PAIRED})
ON_REQUEST = ("prompt-completion", "openai")
KNOWN_FILES = {each.file for each in (*FORMATS.values(), SPREADSHEET, TABLE)}
OWN_COLUMNS = tuple(name for name, each in FORMATS.items() if each.shape is None and not each.trainers)
OF_TEXTS = (TEXT.name, *OWN_COLUMNS, EVERYTHING)
OF_PAIRS = tuple(name for name in CHOICES if name != TEXT.name)
OF_CHATS = tuple(name for name in OF_PAIRS if name not in PAIRED)


@dataclass(frozen=True, slots=True)
class Layout:
    """The training files of an export.

    main: the form that the trainers' settings name, and whose rows are counted on the download.
    table: the form that the dataset card names as the default, and whose columns the control has.
    forms: all of them. where_held: names of forms of which a file is written only if they hold any row.
    """

    name: str
    title: str
    summary: str
    main: TrainingFormat
    table: TrainingFormat
    forms: tuple[TrainingFormat, ...] = field(repr=False)
    where_held: frozenset[str] = frozenset()
    spreadsheet: bool = False
    also: tuple[str, ...] = ()

    @property
    def verbatim(self) -> bool:
        """Whether the file holds the source's own columns, which nothing may change."""
        return self.main.shape is None and not self.main.trainers

    @property
    def others(self) -> dict[str, str]:
        """The files that go beside the training files, each with what it is."""
        return {**(BUNDLE_CONTENTS if self.name == EVERYTHING else {}), **snippet_files(self.main)}


class Part(NamedTuple):
    """One training file, and which of the rows it holds."""

    form: TrainingFormat
    held: Held


def contents(
    form: Layout, parts: Sequence[Part], *, with_card: bool, with_report: bool, scores: Iterable[str] = ()
) -> dict[str, str]:
    """Every file of an export with what it is: what the page lists, and what the card says.

    scores: the names of the files of scores that are judges.
    """
    inside = {
        part.form.file: f"{part.form.title}: {counted(len(part.held.rows), 'selected row')}" for part in parts
    }
    more = {**CONTENTS, **form.others}
    for part in parts:
        more |= snippet_files(part.form) if len(part.held.rows) else {}
    more |= CARD_CONTENTS if with_card else {}
    more |= REPORT_CONTENTS if with_report else {}
    more |= {name: of_scores(name) for name in scores}
    return inside | {name: what for name, what in more.items() if name not in inside}


def layout(name: str, *, spreadsheet: bool = False, also: Sequence[str] = ()) -> Layout:
    """What an export of that name holds: a form, or ``bundle``, which takes other forms ``also``.

    Raises:
        ParameterError: there is no such form, or it cannot go with the others.
    """
    if name != EVERYTHING:
        if name not in FORMATS:
            raise ParameterError(f"There is no export format {name!r}.", f"Formats: {', '.join(CHOICES)}.")
        if also:
            raise ParameterError(
                f"{also[0]} goes beside {EVERYTHING}, not beside {name}.", f"Choose the format {EVERYTHING}."
            )
        form = training_format(name, spreadsheet=spreadsheet)
        return Layout(name, form.title, form.summary, form, form, (form,), spreadsheet=spreadsheet)
    if spreadsheet:
        raise ParameterError(f"{name} is no form for a spreadsheet.", "Choose the format csv, or none.")
    for each in also:
        if each not in ON_REQUEST:
            raise ParameterError(f"{each[:60]} cannot be asked for.", f"Beside it: {', '.join(ON_REQUEST)}.")
    asked = tuple(FORMATS[each] for each in ON_REQUEST if each in also)
    forms = (*ALL, *asked)
    return Layout(name, TITLE, SUMMARY, FORMATS["messages"], TABLE, forms, WHERE_HELD, also=tuple(also))


def layout_of(dataset: Dataset, name: str, *, spreadsheet: bool = False, also: Sequence[str] = ()) -> Layout:
    """What an export of that name holds of this dataset: of ready texts, everything is the texts alone.

    Messages made of them would have a second template laid over the first. Raises as ``layout``.
    """
    found = layout(name, spreadsheet=spreadsheet, also=also)
    if name != EVERYTHING or not holds_texts(dataset):
        return found
    forms = (TABLE_OF_TEXTS, TEXT, *(each for each in found.forms if each.name in also))
    return replace(found, summary=SUMMARY_OF_TEXTS, main=TEXT, table=TABLE_OF_TEXTS, forms=forms)


def offered(dataset: Dataset) -> tuple[str, ...]:
    """What rows of this kind are offered, the form that is chosen by itself first."""
    if holds_texts(dataset):
        return OF_TEXTS
    return OF_PAIRS if "rejected" in dataset.frame.columns else OF_CHATS


def parts_of(chosen: Layout, dataset: Dataset, rows: Positions, *, empty: bool = False) -> tuple[Part, ...]:
    """Each training file with the rows that it holds; some files are left away if they would hold none.

    empty: whether a form without a place for any of the rows is an answer.

    Raises:
        ParameterError: the form of the export has no place for any of the rows.
    """
    parts = [Part(form, form.held(dataset, rows)) for form in chosen.forms]
    found = tuple(each for each in parts if len(each.held.rows) or each.form.name not in chosen.where_held)
    for part in found:
        if not empty and part.form is chosen.main and len(rows) and not len(part.held.rows):
            reasons = "; ".join(each.reason for each in part.held.left_out)
            raise ParameterError(
                f"The form {part.form.name} has no place for any of the {counted(len(rows), 'row')}: "
                f"{reasons}.",
                "Choose another form, such as messages or jsonl.",
            )
    return found
