"""The files of one export, written to a folder or into one zip."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, NamedTuple

from core.domain import Coords, Dataset, Labels, Positions, ScoreColumn, Selection
from core.errors import ParameterError, StoreError
from core.exporting.card import Card, card_text
from core.exporting.croissant import Config, FileSum, croissant_text
from core.exporting.earlier import (
    beside_earlier,
    digest_of,
    earlier_card,
    earlier_ratings,
    earlier_report,
    earlier_snippets,
    earlier_tables,
    sha256_of,
)
from core.exporting.formats import FORMATS, write_parquet
from core.exporting.formats.shape import tools_of
from core.exporting.issues import Lengths
from core.exporting.layout import Layout, Part, contents, layout_of, parts_of
from core.exporting.mending import AS_IS, Mending, Prepared, prepare
from core.exporting.names import (
    BORDER,
    CONTROL,
    CONTROL_IDS,
    CROISSANT,
    DATA,
    IDS,
    README,
    RECIPE,
    REPORT,
    SIDECAR,
    SUMS,
    configs,
)
from core.exporting.recipe import Recipe, Traces, Training, ids_text, recipe_of
from core.exporting.report import Report, report_html
from core.exporting.sidecar import Edge, border, sidecar
from core.exporting.snippets import snippets
from core.exporting.taken import Out, taken_out

Write = Callable[[IO[bytes]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Everything that an export writes.

    mending, lengths: what is done to rows before they are written, and how long they are. edge: the rows at
    the cut, which the whole bundle holds. out: what was taken out of the file before, if anything was.
    ratings: name -> content of the files of scores that are judges: people's ratings, models' frozen scores.
    frozen: the models that are judges without a decision, as the recipe has them.
    why: why these rows, as ``checked_why`` keeps it.
    """

    dataset: Dataset
    selection: Selection
    labels: Labels
    names: Mapping[int, str]
    coords: Coords
    made: dict[str, Any]
    map_settings: dict[str, Any]
    control: Positions
    traces: Traces
    card: Card | None = None
    report: Report | None = None
    mending: Mending = AS_IS
    lengths: Lengths | None = None
    edge: Edge | None = None
    out: Out | None = None
    ratings: Mapping[str, str] = field(default_factory=dict)
    frozen: tuple[ScoreColumn, ...] = ()
    why: str = ""


def write_bundle(
    bundle: Bundle, out: Path, form: str, *, spreadsheet: bool = False, also: Sequence[str] = ()
) -> list[Path]:
    """Write all files into a folder, each under a temporary name first; the paths written.

    ``form``: one of the forms, or ``bundle`` for all that trainers read, with those of ``also``. An earlier
    export into the folder is replaced. Its training files in other forms stay if they hold the same rows, and
    the recipe names them too. If they hold other rows they are removed once everything new is written, since
    no recipe would fit them. Only files that the earlier recipe names are touched.

    Raises:
        ParameterError: an unknown form, or one that has no place for any of the rows.
        StoreError: the folder cannot be written.
    """
    written = _written(bundle, layout_of(bundle.dataset, form, spreadsheet=spreadsheet, also=also))
    recipe, outdated = beside_earlier(_recipe(bundle, written), out)
    sums: dict[str, FileSum] = {}
    files = _files(bundle, written, recipe, sums)
    training_files = recipe.outcome.training_files
    staying, gone = earlier_snippets(out, files, training_files)
    outdated += [*earlier_card(out, files), *earlier_report(out, files), *earlier_tables(out, files), *gone]
    outdated += earlier_ratings(out, files)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, write in files.items():
            _replace(out / name, write)
            sums[name] = _sum_of(out / name)
        sums |= {name: _sum_of(out / name) for name in (*training_files, *staying) if name not in sums}
        _replace(out / SUMS, lambda file: _write_text(file, _sums_text(sums)))
        _remove(out, dict.fromkeys(outdated))  # a training file may be the card's table as well
    except OSError as cause:
        raise StoreError(
            f"The export to {out} could not be written: {cause.strerror or cause}.",
            "Free some space or choose another folder.",
        ) from cause
    return [out / name for name in (*files, SUMS)]


def archive(
    bundle: Bundle, form: str, *, spreadsheet: bool = False, also: Sequence[str] = ()
) -> BufferedReader:
    """The same files as one zip: an open file without a name, whose space is free again once it is closed.

    Raises:
        ParameterError: an unknown form, or one that has no place for any of the rows.
        StoreError: the folder for temporary files is full or cannot be written.
    """
    written = _written(bundle, layout_of(bundle.dataset, form, spreadsheet=spreadsheet, also=also))
    sums: dict[str, FileSum] = {}
    files = _files(bundle, written, _recipe(bundle, written), sums)
    try:
        with tempfile.NamedTemporaryFile(prefix="winnow-", suffix=".zip") as temporary:
            _write_zip(files, temporary, sums)
            temporary.flush()
            return Path(temporary.name).open("rb")
    except OSError as cause:
        raise StoreError(
            f"The zip could not be written to {tempfile.gettempdir()}: {cause.strerror or cause}.",
            "Free some space, or name a folder with more of it in TMPDIR.",
        ) from cause


class Written(NamedTuple):
    """The rows that are written, and the files that hold them.

    prepared: the rows of the selection after mending. control: those of the random draw. dataset: the one in
    which both are mended.
    """

    layout: Layout
    dataset: Dataset
    prepared: Prepared
    control: Positions
    parts: tuple[Part, ...]

    @property
    def sentence(self) -> str:
        """What was changed and what each file leaves out, in words; empty where nothing was."""
        by_file = [f"{form.file}: {held.sentence}" for form, held in self.parts if held.left_out]
        alone = [held.sentence for _, held in self.parts if held.left_out]
        return "; ".join(filter(None, [self.prepared.sentence, *(by_file if len(self.parts) > 1 else alone)]))


def _written(bundle: Bundle, chosen: Layout) -> Written:
    prepared = prepared_rows(bundle.dataset, bundle.selection.rows, chosen, bundle.mending, bundle.lengths)
    control = prepare(prepared.dataset, bundle.control, bundle.mending, bundle.lengths)
    parts = parts_of(chosen, prepared.dataset, prepared.rows)
    return Written(chosen, control.dataset, prepared, control.rows, parts)


def prepared_rows(
    dataset: Dataset, rows: Positions, chosen: Layout, mending: Mending, lengths: Lengths | None = None
) -> Prepared:
    """The rows as they are written in such a layout.

    Raises:
        ParameterError: the decisions cannot be used, none of the rows is left, or the file is verbatim.
    """
    if mending.fixes and chosen.verbatim:
        raise ParameterError(
            f"{chosen.name} holds the source's own columns, in which nothing is mended.",
            "Choose the format messages or bundle, or leave such rows out.",
        )
    prepared = prepare(dataset, rows, mending, lengths)
    if len(rows) and not len(prepared.rows):
        raise ParameterError(
            f"Nothing is left to write: {prepared.sentence}.",
            "Mend some of the rows, or leave them as they are.",
        )
    return prepared


def bundled_report(bundle: Bundle) -> bytes:
    """The report of a bundle alone; its recipe names no training file."""
    assert bundle.report is not None
    return report_html(bundle.report, _recipe(bundle))


def _write_zip(files: Mapping[str, Write], out: IO[bytes], sums: dict[str, FileSum]) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, write in files.items():
            with zipped.open(name, "w", force_zip64=True) as file:
                write(file)
            with zipped.open(name) as written:
                sums[name] = FileSum(digest_of(written), zipped.getinfo(name).file_size)
        zipped.writestr(SUMS, _sums_text(sums))


def _replace(path: Path, write: Write) -> None:
    """Write a file under a temporary name, sync it, then rename it into place."""
    temporary = path.with_name(f".{path.name}.writing")
    path.parent.mkdir(exist_ok=True)
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _remove(out: Path, names: Iterable[str]) -> None:
    """Remove files of an earlier export, and the folders of theirs that are empty then."""
    for name in names:
        (out / name).unlink()
        folder = (out / name).parent
        if folder != out and not any(folder.iterdir()):
            folder.rmdir()


def _sum_of(path: Path) -> FileSum:
    return FileSum(sha256_of(path), path.stat().st_size)


def _sums_text(sums: Mapping[str, FileSum]) -> str:
    """One line a file, as ``sha256sum -c`` reads them."""
    return "".join(f"{each.sha256}  {name}\n" for name, each in sums.items())


def _recipe(bundle: Bundle, written: Written | None = None) -> Recipe:
    recipe = recipe_of(
        bundle.dataset,
        bundle.selection,
        made=bundle.made,
        map_settings=bundle.map_settings,
        traces=bundle.traces,
        training_files=[] if written is None else [part.form.file for part in written.parts],
        taken_out=() if bundle.out is None else taken_out(bundle.out),
        frozen=bundle.frozen,
    )
    mended = {} if written is None or not bundle.mending else {"training": training_of(written.prepared)}
    return recipe.model_copy(update={"why": bundle.why, **mended})


def training_of(prepared: Prepared) -> Training:
    """What was done to rows, so that a replay can do it again and check."""
    mending = prepared.mending
    return Training(
        fixes=list(mending.fixes),
        left_out=list(mending.left_out),
        limit=mending.limit,
        tokenizer=_portable(mending.tokenizer),
        exported=len(prepared.rows),
        changed=len(prepared.changed),
        rows_sha256=prepared.digest(),
    )


def _portable(tokenizer: str) -> str:
    """A name as it is; of a folder, its last part: the path is nobody's business."""
    folder = Path(tokenizer).expanduser()
    return folder.name if folder.is_absolute() or folder.is_dir() else tokenizer


def _files(bundle: Bundle, written: Written, recipe: Recipe, sums: Mapping[str, FileSum]) -> dict[str, Write]:
    """What is written under each name; ``sums`` grows as it is written."""
    ids = bundle.dataset.frame["id"]
    main = written.layout.main
    parts = _with_earlier(written, recipe)
    files: dict[str, Write] = {part.form.file: _saving(part, written.dataset) for part in written.parts} | {
        IDS: _text(ids_text(bundle.selection.ids)),
        SIDECAR: lambda out: write_parquet(sidecar(bundle, parts, written.prepared), out),
        CONTROL_IDS: _text(ids_text(ids.gather(bundle.control).to_list())),
        RECIPE: _text(recipe.to_yaml()),
    }
    if (edge := bundle.edge) is not None and BORDER in written.layout.others:
        files[BORDER] = lambda out: write_parquet(border(bundle, edge), out)
    tools = tools_of(written.dataset, written.prepared.rows)
    beside = [part.form for part in written.parts if len(part.held.rows)]
    files |= {name: _text(content) for name, content in snippets(main, tools, beside).items()}
    files |= {name: _text(content) for name, content in bundle.ratings.items()}
    if bundle.card is not None:
        files |= _card_files(bundle.card, bundle, written, recipe, sums)
    if (report := bundle.report) is not None:
        files[REPORT] = lambda out: _write_bytes(out, report_html(report, recipe))
    return files


def _card_files(
    card: Card, bundle: Bundle, written: Written, recipe: Recipe, sums: Mapping[str, FileSum]
) -> dict[str, Write]:
    """The card, its tables and the Croissant description, which comes last: it names what the others are."""
    judges, form = bundle.dataset.judges, written.layout.table
    held = next(part.held for part in written.parts if part.form is form)
    table = form.table(written.dataset, held.rows)
    control = form.table(written.dataset, form.held(written.dataset, written.control).rows)
    pool = sidecar(bundle, _with_earlier(written, recipe), written.prepared)
    named = configs()  # all of one kind: datasets reads no others beside each other
    described = {
        name: Config(file, frame.clear())
        for (name, file), frame in zip(named.items(), (table, control, pool), strict=True)
    }
    inside = contents(
        written.layout, _with_earlier(written, recipe), with_card=True,
        with_report=bundle.report is not None, scores=bundle.ratings,
    )  # fmt: skip
    page = card_text(card, recipe, judges, named, left_out=written.sentence, inside=inside)
    files: dict[str, Write] = {README: _text(page)}
    if form.file != DATA:  # else it is one of the training files
        files[DATA] = lambda out: write_parquet(table, out)
    files[CONTROL] = lambda out: write_parquet(control, out)
    files[CROISSANT] = lambda out: _write_text(out, croissant_text(card, recipe, judges, described, sums))
    return files


def _saving(part: Part, dataset: Dataset) -> Write:
    return lambda out: part.form.save(dataset, part.held.rows, out)


def _with_earlier(written: Written, recipe: Recipe) -> list[Part]:
    """The files that are written, and those of an earlier export that stay beside them."""
    prepared, names = written.prepared, {part.form.name for part in written.parts}
    staying = [
        form
        for form in FORMATS.values()
        if form.file in recipe.outcome.training_files and form.name not in names
    ]
    return [*written.parts, *(Part(form, form.held(prepared.dataset, prepared.rows)) for form in staying)]


def _text(content: str) -> Write:
    return lambda out: _write_text(out, content)


def _write_text(out: IO[bytes], content: str) -> None:
    _write_bytes(out, content.encode())


def _write_bytes(out: IO[bytes], content: bytes) -> None:
    out.write(content)
