"""The command line: ``python -m core map|select|replay|store``."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from core.domain import OptionValue, Pins, Progress, SelectParams
from core.errors import DataError, ParameterError, WinnowError
from core.exporting import FORMATS, Recipe, checked_licence, read_recipe, training_format
from core.project import Project
from core.selection import strategies
from core.store import Store
from core.wording import counted


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 done, 2 bad arguments or input, and a bug raises."""
    try:
        options = _parser().parse_args(arguments)
        options.run(options)
    except WinnowError as error:
        print(" ".join(str(error).splitlines()), file=sys.stderr)
        return 2
    return 0


def _map(options: argparse.Namespace) -> None:
    project = Project.open(options.file, home=options.home)
    say = _Say(quiet=options.json)
    say.line(
        f"{project.dataset.name}: {counted(len(project.dataset), 'row')}, schema {project.dataset.schema}"
    )
    _say_problems(project, say)
    times: dict[str, float] = {}
    stages = (
        ("draft map", project.draft), ("tokens", project.tokens), ("vectors", project.vectors),
        ("neighbours", project.neighbours), ("clusters", project.clusters), ("coordinates", project.coords),
    )  # fmt: skip
    for name, stage in stages:
        start = time.perf_counter()
        stage(on_progress=say.progress)
        times[name] = round(time.perf_counter() - start, 3)
        say.line(f"{name}: {times[name]:.1f} s")
    note = str(project.notes().get("note", ""))
    say.line(note)
    if options.json:
        clusters = sum(label >= 0 for label in project.clusters().names)
        report = {"rows": len(project.dataset), "clusters": clusters, "seconds": times, "note": note}
        print(json.dumps({**report, "problems": _problems(project), "home": str(project.home)}))


def _select(options: argparse.Namespace) -> None:
    training_format(options.format)  # said before the work begins
    licence = None if options.license is None else checked_licence(options.license)
    project = Project.open(options.file, home=options.home)
    say = _Say(quiet=options.json)
    _say_problems(project, say)
    params = SelectParams(
        judge=options.judge,
        min_score=options.min_score,
        count=options.count,
        strategy=options.strategy,
        seed=options.seed,
        options=tuple(sorted(_option(text) for text in options.option)),
        pins=Pins(include=_ids(options.include), exclude=_ids(options.exclude)),
    )
    chosen = project.select(params, on_progress=say.progress)
    files = project.export(
        chosen, options.out, format=options.format, licence=licence, on_progress=say.progress
    )
    for note in chosen.notes:
        say.line(note)
    ties = chosen.ties
    if ties.tied:
        say.line(
            f"{ties.chosen:,} of the chosen rows came out of a tie of {ties.tied:,}; decided by {ties.rule}."
        )
    say.line(
        f"{counted(len(project.dataset), 'row')}, {chosen.eligible:,} eligible, {len(chosen):,} selected."
    )
    say.line(f"Written to {options.out}: {', '.join(file.name for file in files)}")
    if options.json:
        counts = {"pool": len(project.dataset), "eligible": chosen.eligible, "selected": len(chosen)}
        tie = {"tied": ties.tied, "chosen": ties.chosen}
        said = {"ties": tie, "notes": chosen.notes, "problems": _problems(project)}
        print(json.dumps({**counts, **said, "files": [str(file) for file in files]}))


def _replay(options: argparse.Namespace) -> None:
    recipe = read_recipe(options.recipe)
    data = options.data or _data_of(options.recipe, recipe)
    project = Project.of_recipe(recipe, data, home=options.home, model=options.model)
    say = _Say(quiet=options.json)
    replayed = project.replay(recipe, on_progress=say.progress)
    first = replayed.first
    place = _first_other_id(options.recipe.parent / "ids.txt", recipe, replayed.ids)
    if options.json:
        differences = [dataclasses.asdict(each) for each in replayed.differences]
        report = {"same": replayed.same, "selected": len(replayed.ids), "recorded": recipe.outcome.selected}
        print(json.dumps({**report, "differences": differences, "first_other_id": place}))
    if first is not None:
        raise WinnowError(f"Not the same ids. {first.problem}", f"{first.cause} {place}".strip())
    say.line(f"The same {counted(len(replayed.ids), 'id')} as in the recipe, in the same order.")
    for each in replayed.differences:
        say.line(f"Without effect on them: {each.problem}")


def _data_of(path: Path, recipe: Recipe) -> Path:
    """The recipe's file beside the recipe or in this folder; its name alone counts, never a path in it."""
    name = Path(recipe.source.name).name
    places = [path.parent / name, Path(name)]
    found = next((place for place in places if name and place.is_file()), None)
    if found is None:
        raise DataError(
            f"The recipe's data {name!r} lies neither beside it nor in this folder.",
            "Name it with --data FILE.",
        )
    return found


def _first_other_id(path: Path, recipe: Recipe, ids: Sequence[str]) -> str:
    """Where the ids begin to differ, if the list that belongs to the recipe lies beside it."""
    if not ids or not path.is_file():
        return ""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != recipe.outcome.ids_sha256:
        return ""
    pairs = enumerate(
        itertools.zip_longest(content.decode(errors="replace").split("\n")[:-1], ids, fillvalue="none"),
        start=1,
    )
    differing = ((place, before, now) for place, (before, now) in pairs if before != now)
    return next((f"Place {place:,} was {old} and is {new} now." for place, old, new in differing), "")


def _store_ls(options: argparse.Namespace) -> None:
    store = Store(Path(options.home) / "store")
    for item in store.ls():
        written = time.strftime("%Y-%m-%d %H:%M", time.localtime(item.written))
        print(f"{item.size:>12,}  {written}  {item.stage:<14}  {item.digest[:12]}")
    print(f"{sum(item.size for item in store.ls()):>12,}  bytes in all")


def _store_prune(options: argparse.Namespace) -> None:
    store = Store(Path(options.home) / "store")
    freed = store.prune(older_than=options.days * 86_400, stage=options.stage)
    print(f"{freed:,} bytes freed")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found."""
        raise ParameterError(f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m core", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("map", help="compute vectors, clusters and coordinates")
    build.add_argument("file", type=Path)
    build.set_defaults(run=_map)

    choose = commands.add_parser("select", help="choose rows and write them")
    choose.add_argument("file", type=Path)
    choose.add_argument("--judge", help="the score column that counts")
    choose.add_argument("--min-score", type=float, help="lowest score that is eligible (inclusive)")
    choose.add_argument("--count", type=int, help="how many rows at most; without it, all eligible ones")
    choose.add_argument("--strategy", default="k-center", help=f"one of {', '.join(strategies())}")
    choose.add_argument("--seed", type=int, default=0)
    choose.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the strategy")
    choose.add_argument("--include", type=Path, help="file of ids, one a line, that are always in")
    choose.add_argument("--exclude", type=Path, help="file of ids, one a line, that are never in")
    choose.add_argument("--format", default="jsonl", help=f"training file: one of {', '.join(FORMATS)}")
    choose.add_argument("--license", help="of the source, such as cc-by-4.0; a dataset card is then written")
    choose.add_argument("--out", type=Path, required=True, help="folder to write to")
    choose.set_defaults(run=_select)

    again = _replay_parser(commands)
    for command in (build, choose, again):
        command.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
    for command in (build, choose, again, *_store_parsers(commands)):
        command.add_argument(
            "--home", type=Path, default=Path(".winnow"), help="where the store and ledger live"
        )
    return parser


def _replay_parser(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    again = commands.add_parser("replay", help="choose by a recipe again: the same ids, or what differs")
    again.add_argument("recipe", type=Path)
    again.add_argument(
        "--data", type=Path, help="the file; without it, looked for beside the recipe and here"
    )
    again.add_argument(
        "--model", help="folder or name of the model, where the recipe's was in a local folder"
    )
    again.set_defaults(run=_replay)
    return again


def _store_parsers(commands: argparse._SubParsersAction[_Parser]) -> tuple[_Parser, ...]:
    store = commands.add_parser("store", help="show or free what is stored")
    actions = store.add_subparsers(required=True, metavar="ACTION")
    ls = actions.add_parser("ls", help="what is stored, newest first")
    ls.set_defaults(run=_store_ls)
    prune = actions.add_parser("prune", help="free what is stored; it is computed again when needed")
    prune.add_argument("--days", type=float, default=0.0, help="only what is older than this")
    prune.add_argument("--stage", help="only this stage")
    prune.set_defaults(run=_store_prune)
    return ls, prune


def _say_problems(project: Project, say: _Say) -> None:
    for problem in project.dataset.problems:
        left_out = "" if problem.loaded else " (not loaded)"
        places = f" ({'; '.join(problem.places)})" if problem.places else ""
        say.line(f"{problem.kind}{left_out}: {problem.count:,}{places}")


def _problems(project: Project) -> list[dict[str, Any]]:
    return [
        {"kind": problem.kind, "count": problem.count, "loaded": problem.loaded}
        for problem in project.dataset.problems
    ]


def _option(text: str) -> tuple[str, OptionValue]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ParameterError(f"The option {text!r} is not a number.", "Write NAME=VALUE.") from None


def _ids(path: Path | None) -> frozenset[str]:
    if path is None:
        return frozenset()
    try:
        return frozenset(line for line in path.read_text("utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as cause:
        why = cause.strerror if isinstance(cause, OSError) else "it is not UTF-8 text"
        raise ParameterError(
            f"The ids in {path} could not be read: {why}.", "Write one id a line."
        ) from cause


class _Say:
    """Sentences for a person, progress on one line of the terminal; silent where JSON is wanted."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()

    def line(self, text: str) -> None:
        if text and not self._quiet:
            print(text)

    def progress(self, progress: Progress) -> None:
        if self._terminal and not self._quiet:
            share = f"{progress.done:,} of {progress.total:,}" if progress.total > 1 else ""
            print(f"\r\033[K{progress.stage} {share} {progress.note}", end="", file=sys.stderr, flush=True)
            if progress.done >= progress.total:
                print("\r\033[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
