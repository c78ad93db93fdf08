"""The command line: ``python -m core map|select|scenes|health|judge|preflight|replay|push|store``."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from core import health_command, judge_command, pairs_command, store_command, taking_out, trust_command
from core.arguments import ids_of, option_of, push_parser
from core.data_named import data_of, fetched, named
from core.decisions import decisions
from core.domain import Pins, Selection, SelectParams
from core.errors import DataError, ParameterError, WinnowError
from core.exporting import CHOICES, Recipe, checked_licence, checked_mending, checked_why, read_recipe
from core.exporting.layout import layout, layout_of
from core.flags import add_reading, opened
from core.preflight_command import Openers, add_also, add_mending, add_preflight, mending_of, written_notes
from core.project import Project
from core.scenes import Scene, changed_ids, models_in_words, params_to_json, quoted
from core.selection import strategies, strategy
from core.task_pool import add_task_flags
from core.telling import Say as _Say
from core.wording import counted

NO_CARD = "No dataset card was written, since no licence was named (--license)."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 done, 2 bad arguments or input, and a bug raises."""
    try:
        options = _parser().parse_args(arguments)
        options.run(options)
        sys.stdout.flush()
    except WinnowError as error:
        print(" ".join(str(error).splitlines()), file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read along, as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _map(options: argparse.Namespace) -> None:
    say = _Say(quiet=options.json)
    project = opened(options, say)
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
    loaded = project.load_report(on_progress=say.progress)
    for sentence in (note, *loaded.sentences):
        say.line(sentence)
    if options.json:
        clusters = sum(label >= 0 for label in project.clusters().names)
        report = {"rows": len(project.dataset), "clusters": clusters, "seconds": times, "note": note}
        told = {**_found(project), "loaded": loaded.as_dict(), "home": str(project.home)}
        print(json.dumps({**report, **told}))


def _select(options: argparse.Namespace) -> None:
    layout(options.format, spreadsheet=options.spreadsheet, also=options.also)  # before the work
    mending = checked_mending(mending_of(options))
    licence = None if options.license is None else checked_licence(options.license)
    why = checked_why(options.why)
    say = _Say(quiet=options.json)
    project = opened(options, say)
    _say_problems(project, say)
    params = _decided(options)
    scene = None if options.scene is None else _scene_instead(project, options.scene, params)
    project = project.without(scene.removals) if scene else project
    chosen = project.select(scene.params if scene else params, on_progress=say.progress)
    files = project.export(
        chosen,
        options.out,
        format=options.format,
        spreadsheet=options.spreadsheet,
        licence=licence,
        report=options.report,
        also=options.also,
        mending=mending,
        why=why,
        on_progress=say.progress,
    )
    notes = [*chosen.notes, changed_ids(scene, chosen) if scene else ""]
    notes += models_in_words(scene, project.models()) if scene else ()
    form = layout_of(project.dataset, options.format, spreadsheet=options.spreadsheet, also=options.also)
    notes += written_notes(project, chosen, form, mending)
    for note in (*notes, NO_CARD if licence is None else ""):
        say.line(note)
    say.line(str(project.quotas(chosen).cost or ""))
    ties = chosen.ties
    say.line(f"{ties.said} Decided by {ties.rule}." if ties.tied else "")
    say.line(
        f"{counted(len(project.dataset), 'row')}, {chosen.eligible:,} eligible, {len(chosen):,} selected."
    )
    say.line(f"Written to {options.out}: {', '.join(_below(files))}")
    if options.json:
        print(_told_of(project, chosen, files, notes))


def _told_of(project: Project, chosen: Selection, files: Sequence[Path], notes: Sequence[str]) -> str:
    """The same as JSON."""
    counts = {"pool": len(project.dataset), "eligible": chosen.eligible, "selected": len(chosen)}
    tie = {"tied": chosen.ties.tied, "chosen": chosen.ties.chosen}
    said = {"ties": tie, "notes": [each for each in notes if each], **_found(project)}
    return json.dumps({**counts, **said, "files": [str(file) for file in files]})


def _below(files: Sequence[Path]) -> list[str]:
    """The files as they are named below the folder of the last one."""
    return [file.relative_to(files[-1].parent).as_posix() for file in files]


def _decided(options: argparse.Namespace) -> SelectParams:
    """The decisions that the flags name."""
    return SelectParams(
        judge=options.judge,
        min_score=options.min_score,
        count=options.count,
        strategy=options.strategy,
        seed=options.seed,
        options=tuple(sorted(option_of(text, strategy(options.strategy).options) for text in options.option)),
        pins=Pins(include=ids_of(options.include), exclude=ids_of(options.exclude)),
        max_tokens=options.max_tokens,
        dedup_distance=options.dedup_distance,
    )


def _scene_instead(project: Project, name: str, params: SelectParams) -> Scene:
    """The scene whose decisions take the place of the flags'; one that is not read whole gives other rows."""
    if params != SelectParams() or project.removals:
        raise ParameterError(
            "A scene brings its own decisions, and others are given beside it.",
            "Leave out judge, threshold, count, strategy, seed, options, limits, pins, rows, or --scene.",
        )
    scene = project.scene(name)
    if scene.problems:
        raise DataError(
            f"The scene {quoted(name)} cannot be chosen again. {' '.join(scene.problems)}",
            "Use the version of Winnow that saved it.",
        )
    return scene


def _scenes(options: argparse.Namespace) -> None:
    project = opened(options, _Say(quiet=options.json))
    found, pool = project.scenes(), len(project.dataset)
    if options.json:
        print(json.dumps({"scenes": [_scene_record(scene, pool) for scene in found]}))
        return
    for scene in found:
        print(f"{scene.name}: {decisions(scene.params, scene.rows, pool)} ({scene.made})")
        judged = [f"{name}: {each.sentence}" for name, each in scene.models.items()]
        for line in (*scene.note.splitlines(), *judged, *scene.problems):
            print(f"    {line}")
    print(f"{counted(len(found), 'scene')} of {project.dataset.name}.")


def _scene_record(scene: Scene, pool: int) -> dict[str, Any]:
    """A scene as JSON, without its picture."""
    return {
        "name": scene.name,
        "note": scene.note,
        "made": scene.made,
        "decisions": decisions(scene.params, scene.rows, pool),
        "params": json.loads(params_to_json(scene.params)),
        "figures": {name: dataclasses.asdict(each) for name, each in scene.figures.items()},
        "ids_sha256": scene.ids_digest,
        "models": {name: each.model_dump(mode="json") for name, each in scene.models.items()},
        "problems": scene.problems,
    }


def _trust(options: argparse.Namespace) -> None:
    say = _Say(quiet=options.json)
    found = trust_command.measured(opened(options, say), options)
    for line in trust_command.lines(found):
        say.line(line)
    if options.json:
        print(json.dumps(trust_command.as_dict(found)))


def _of_recipe(options: argparse.Namespace) -> Project:
    """The project of the recipe that is named in place of a file."""
    recipe = read_recipe(Path(options.file))
    say = _Say(quiet=options.json)
    data = fetched(options.data or data_of(Path(options.file), recipe), options.home, say.progress)
    return Project.of_recipe(recipe, data, home=options.home, places=(Path(options.file).parent,))


def _replay(options: argparse.Namespace) -> None:
    recipe = read_recipe(options.recipe)
    say = _Say(quiet=options.json)
    data = fetched(options.data or data_of(options.recipe, recipe), options.home, say.progress)
    named = [] if options.scores is None else [options.scores]
    places = (options.recipe.parent, *(path if path.is_dir() else path.parent for path in named))
    project = Project.of_recipe(recipe, data, home=options.home, model=options.model, places=places)
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


def _health(options: argparse.Namespace) -> None:
    say = _Say(quiet=options.json)
    print(health_command.said(options, opened(options, say), say.progress))


def _judge(options: argparse.Namespace) -> None:
    say = _Say(quiet=options.json)
    print(judge_command.said(options, opened(options, say), say))


def _pairs(options: argparse.Namespace) -> None:
    print(pairs_command.said(options, _Say(quiet=options.json)))


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


def _push(options: argparse.Namespace) -> None:
    from core.push import push

    say = _Say(quiet=options.json)
    done = push(
        options.folder,
        options.repo,
        token=os.environ.get("HF_TOKEN", ""),
        private=not options.public,
        on_progress=say.progress,
    )
    for line in done.sentences:
        say.line(line)
    if options.json:
        print(json.dumps(dataclasses.asdict(done)))


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found."""
        raise ParameterError(f"{message[:1].upper()}{message[1:]}.", f"See {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m core", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("map", help="compute vectors, clusters and coordinates")
    build.set_defaults(run=_map)

    choose = _select_parser(commands)
    saved = commands.add_parser("scenes", help="list the selections that were saved under a name")
    saved.set_defaults(run=_scenes)

    trusted = trust_command.add(commands, _trust)
    healthy = health_command.add(commands, _health)
    judging = judge_command.add(commands, _judge)
    check = add_preflight(commands, Openers(opened, _of_recipe))
    for command in (build, choose, saved, trusted, healthy, judging, check):
        add_reading(command)
    for command in (build, choose):
        taking_out.add_flags(command)
    again = _replay_parser(commands)
    sending = push_parser(commands)
    sending.set_defaults(run=_push)
    paired = pairs_command.add(commands, _pairs)
    opening = (build, choose, saved, trusted, healthy, judging, check, again, paired)
    for command in (*opening, sending):
        command.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
    for command in (*opening, *store_command.add(commands)):
        command.add_argument(
            "--home", type=Path, default=Path(".winnow"), help="where the store and ledger live"
        )
    return parser


def _select_parser(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    choose = commands.add_parser("select", help="choose rows and write them")
    choose.add_argument("--scene", metavar="NAME", help="the decisions of a saved scene, instead of flags")
    choose.add_argument("--judge", help="the score column that counts")
    choose.add_argument("--min-score", type=float, help="lowest score that is eligible (inclusive)")
    choose.add_argument("--count", type=int, help="how many rows at most; without it, all eligible ones")
    choose.add_argument("--max-tokens", type=int, help="tokens of prompts and responses at most, together")
    choose.add_argument(
        "--dedup-distance",
        type=float,
        help="leave out rows this near (cosine) to a better one of their cluster",
    )
    choose.add_argument("--strategy", default="k-center", help=f"one of {', '.join(strategies())}")
    choose.add_argument("--seed", type=int, default=0)
    choose.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the strategy")
    choose.add_argument("--include", type=Path, help="file of ids, one a line, that are always in")
    choose.add_argument("--exclude", type=Path, help="file of ids, one a line, that are never in")
    add_task_flags(choose)
    _add_outputs(choose)
    choose.set_defaults(run=_select)
    return choose


def _add_outputs(choose: argparse.ArgumentParser) -> None:
    """What is written, and where."""
    choose.add_argument("--format", default="jsonl", help=f"training file: one of {', '.join(CHOICES)}")
    add_also(choose)
    add_mending(choose)
    choose.add_argument("--spreadsheet", action="store_true", help="with csv: no text is taken for a formula")
    choose.add_argument("--license", help="of the source, such as cc-by-4.0, or unknown; writes a card")
    choose.add_argument("--why", default="", metavar="TEXT", help="why these rows, in your words")
    choose.add_argument("--report", action="store_true", help="write a page to show to others as well")
    choose.add_argument("--out", type=Path, required=True, help="folder to write to")


def _replay_parser(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    again = commands.add_parser("replay", help="choose by a recipe again: the same ids, or what differs")
    again.add_argument("recipe", type=Path)
    again.add_argument(
        "--data", type=named, help="the file; without it, looked for beside the recipe and here, or fetched"
    )
    again.add_argument(
        "--model", help="folder or name of the model, where the recipe's was in a local folder"
    )
    again.add_argument(
        "--scores",
        type=Path,
        metavar="FILE",
        help="the score file or its folder; without it, looked for beside data and recipe",
    )
    again.set_defaults(run=_replay)
    return again


def _say_problems(project: Project, say: _Say) -> None:
    for line in project.taken_in_words():
        say.line(line)
    for problem in project.dataset.problems:
        left_out = "" if problem.loaded else " (not loaded)"
        places = f" ({'; '.join(problem.places)})" if problem.places else ""
        say.line(f"{problem.kind}{left_out}: {problem.count:,}{places}")
    for lost in project.dataset.lost:
        say.line(f"The judge {lost.column.name} is left out. {lost.why}")


def _found(project: Project) -> dict[str, Any]:
    """Rows that were taken out, and the problems of the file."""
    problems = [
        {
            "kind": problem.kind,
            "count": problem.count,
            "loaded": problem.loaded,
            "places": list(problem.places),
        }
        for problem in project.dataset.problems
    ]
    return {"taken_out": project.dataset.taken_out, "problems": problems}


if __name__ == "__main__":
    sys.exit(main())
