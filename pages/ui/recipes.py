"""Recipes in the app: opened, they bring the screen back from which they were exported."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import streamlit as st

from core import Project, SelectParams, WinnowError
from core.decisions import in_words
from core.domain import SchemaMapping
from core.errors import DataError
from core.exporting import Recipe, ids_digest, parse_recipe
from core.loading import from_roles, is_pinned, keep
from core.opening import data_of, holds_data_of
from core.replay import as_made, map_params, select_params
from core.wording import counted
from pages.ui import cached, downloads, places, state
from pages.ui.choose import Choice
from pages.ui.markup import plain
from pages.ui.state import Named
from pages.ui.view import MapSettings, View

EXPLORE = "pages/curate/explore.py"


# On Load.


def panel() -> None:
    """A recipe is chosen; where its data is not found, that is asked for."""
    uploaded = st.file_uploader(
        "The recipe.yaml of an export",
        type=["yaml", "yml"],
        key="recipe",
        help="Its data is looked for in the folders of this app, by its name and its content.",
    )
    if uploaded is not None and st.button("Open this recipe", type="primary", key="open_recipe"):
        _take(uploaded.getvalue(), uploaded.name)
    steps = state.recipes()
    if steps.asked is not None and steps.lacking:
        _ask_scores(steps.asked, steps.data, steps.lacking)
    elif steps.asked is not None:
        _ask(steps.asked)


def _take(content: bytes, name: str) -> None:
    try:
        named = Named(parse_recipe(content, name), name)
    except WinnowError as error:
        state.update_recipes(asked=None, lacking=())
        st.error(plain(error), icon=":material/error:")
        return
    state.update_recipes(lacking=())
    if is_pinned(named.recipe.source.hub):
        state.update_recipes(asked=named)
        return
    found = data_of(named.recipe, [*places.roots(), places.uploads()])
    if found is None or not holds_data_of(named.recipe, found):
        state.update_recipes(asked=named)
        return
    _open(named, found)


def _ask(named: Named) -> None:
    """What the recipe was made from, and two ways to give it."""
    source = named.recipe.source
    if is_pinned(source.hub):
        downloads.wait_for(source.hub)
        _open(named, source.hub)
        return
    digest = f", sha256 {source.sha256[:12]}…" if source.sha256 else ""
    st.warning(
        plain(
            f"{named.name} chose from {source.name} ({counted(source.rows, 'row')}{digest}), and no file of "
            "that content lies in the folders of this app. Give it here."
        ),
        icon=":material/search:",
    )
    uploaded = st.file_uploader("Its data", key="recipe_data")
    path = st.text_input("Or the path of its data", key="recipe_path", placeholder=source.name)
    if not st.button("Open with this data", key="open_recipe_data", disabled=not (uploaded or path.strip())):
        return
    try:
        found = keep(uploaded.name, uploaded.getvalue(), places.uploads()) if uploaded else Path(path.strip())
    except WinnowError as error:
        st.error(plain(error), icon=":material/error:")
        return
    _open(named, found)


def _ask_scores(named: Named, data: str, lacking: tuple[str, ...]) -> None:
    """The files of scores that are not there, of models, people or others, and the way to give them."""
    for line in lacking:
        st.warning(plain(line), icon=":material/search:")
    uploaded = st.file_uploader(
        "Files of scores", key="recipe_scores", accept_multiple_files=True,
        help="They lie in the export beside recipe.yaml. What counts is their content, by its sha256.",
    )  # fmt: skip
    if not st.button("Open with these scores", key="open_recipe_scores", disabled=not uploaded):
        return
    try:
        for each in uploaded:
            keep(each.name, each.getvalue(), places.uploads())
    except WinnowError as error:
        st.error(plain(error), icon=":material/error:")
        return
    state.update_recipes(lacking=())
    _open(named, data)


def _open(named: Named, path: Path | str) -> None:
    """Take over what the recipe decides, and turn to Explore."""
    recipe = named.recipe
    data = "sample" if path == places.SAMPLE else str(path)
    try:
        mapping, settings = _mapping(recipe, data), settings_of(recipe)
        project = cached.project(data, settings, mapping, recipe.source.embed)
        reading: dict[str, Any] = {"keep": _kept(recipe, project), "judged": recipe.source.judged}
        project = cached.project(data, settings, mapping, recipe.source.embed, **reading)
        if project.notes().get("precision") != recipe.vectors.get("precision"):
            settings = settings_of(recipe, as_it_was=True)
            project = cached.project(data, settings, mapping, recipe.source.embed, **reading)
        judged = _judged(project, recipe)
        if judged.dataset.lost:
            _wait_for_scores(named, path, judged)
        params, said = judged.reopen_recipe(recipe)
        said += (*_keep_judges(project, judged), *_frozen(judged, recipe), *_keep_why(judged, recipe))
    except WinnowError as error:
        st.error(plain(error), icon=":material/error:")
        return
    state.open_data(data, mapping, recipe.source.embed, **reading)
    fitted = judged.cleaned().dataset.scored_fingerprint
    state.update(**_decided(shown(recipe, params)), map=settings, fitted=fitted, notes=said)
    state.update_recipes(opened=named, asked=None, lacking=())
    st.switch_page(EXPLORE)


def _kept(recipe: Recipe, project: Project) -> tuple[str, ...]:
    """Keys of the shared texts that are found here and that the recipe did not leave out."""
    out = {(each.get("place"), each.get("text")) for each in recipe.source.left_out}
    return tuple(piece.key for piece in project.dataset.left_out if (piece.place, piece.text) not in out)


def _judged(project: Project, recipe: Recipe) -> Project:
    """The project with the judges of the recipe; nothing is decided yet."""
    columns = project.without_own(each.decision() for each in recipe.scores)
    if columns == project.scores:
        return project
    return project.with_scores(columns, places=(*places.roots(), places.uploads()))


def _wait_for_scores(named: Named, path: Path | str, judged: Project) -> None:
    """Ask for the files of the judges that are lost, and draw the page again; say what no file can mend.

    Raises:
        DataError: they are lost for another reason than their file.
    """
    lost = judged.dataset.lost
    lacking = tuple(
        f"The judge {each.column.name} of the recipe cannot be read. {each.why}"
        for each in lost
        if each.column.file is not None
    )
    if not lacking:
        raise DataError(f"The judge {lost[0].column.name} of the recipe cannot be read.", lost[0].why)
    state.update_recipes(asked=named, data=str(path), lacking=lacking)
    st.rerun()


def _frozen(judged: Project, recipe: Recipe) -> tuple[str, ...]:
    """Which judges are frozen scores of models, whose, and what is other about these models by now."""
    columns = [each.decision() for each in recipe.scores]
    facts = {name: each for name, each in judged.models().items() if name in {c.name for c in judged.scores}}
    said = [f"The scores of {name} are frozen: {each.sentence}." for name, each in facts.items()]
    since = judged.models_since(columns).items()
    return (*said, *(f"The scores of {name} are those of the recipe; {words}." for name, words in since))


def _keep_judges(project: Project, judged: Project) -> tuple[str, ...]:
    """Make the recipe's judges those of this home, as one step that Undo on Load takes back; what to say."""
    if judged is project:
        return ()
    project.keep_scores(judged.scores, places=(*places.roots(), places.uploads()))
    return ("The judges are those of the recipe. Undo on the Load page brings yours back.",)


def _keep_why(project: Project, recipe: Recipe) -> tuple[str, ...]:
    """Make the recipe's words those of this home; what to say. A recipe without any leaves yours alone."""
    if recipe.why in ("", project.why):
        return ()
    project.note_why(recipe.why)
    return ("Why these rows, on the Export page, has the words of the recipe.",)


def _mapping(recipe: Recipe, data: str) -> SchemaMapping | None:
    """How the recipe read the file; None where that is what is recognised anyway."""
    source = recipe.source
    if not source.mapping:
        return None
    mapping, recognised = from_roles(source.schema_name, source.mapping), cached.preview(data).best
    return None if recognised is not None and recognised.mapping == mapping else mapping


def settings_of(recipe: Recipe, *, as_it_was: bool = False) -> MapSettings:
    """The settings of the map in a recipe; what stands at its default is not named.

    as_it_was: the vectors in the precision in which the recipe's were made, not in this machine's usual one.

    Raises:
        ParameterError: a setting is unknown, missing or of no use.
    """
    params = map_params(recipe)
    return MapSettings.of(as_made(params, recipe) if as_it_was else params)


def shown(recipe: Recipe, params: SelectParams) -> SelectParams:
    """The decisions as the sliders show them: all that are eligible is a count of that many."""
    return params if params.count is not None else replace(params, count=recipe.outcome.selected)


def _decided(params: SelectParams) -> dict[str, object]:
    """What a recipe decides of the view; pins live in the ledger."""
    held = {each.name for each in fields(View)}
    return {each.name: getattr(params, each.name) for each in fields(params) if each.name in held}


# On Explore.


def remark(project: Project, choice: Choice) -> str:
    """Whether the recipe that was opened gives its ids here, as long as its decisions stand."""
    opened = state.recipes().opened
    if opened is None or choice.selection is None:
        return ""
    recipe = opened.recipe
    if choice.params != shown(recipe, select_params(recipe)):
        return ""
    if [each.ids_sha256 for each in project.removals] != [each.ids_sha256 for each in recipe.taken_out]:
        return ""
    same_data = project.dataset.origin == recipe.source.fingerprint
    if same_data and ids_digest(choice.selection.ids) == recipe.outcome.ids_sha256:
        return f"The same {counted(choice.size, 'id')} as in {opened.name}, in the same order."
    key = "replayed", project.map_key, recipe.outcome.ids_sha256, in_words(choice.params)
    return str(cached.findings().get(key, lambda: _difference(project, opened)))


def _difference(project: Project, opened: Named) -> str:
    first = project.replay(opened.recipe).first
    if first is None:  # the same ids by another way
        return f"The same ids as in {opened.name}."
    return f"Not the ids of {opened.name}. {first.problem} {first.cause}"
