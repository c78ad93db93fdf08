"""Scenes in the app: saving what Explore shows, the cards, reopening, and the slides of the presentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial

import streamlit as st

from core import Project, SelectParams, WinnowError
from core.decisions import decisions
from core.scenes import (
    MOST_NAME,
    MOST_NOTE,
    Scene,
    Shown,
    changed_ids,
    checked_name,
    quoted,
    suggested_name,
)
from core.wording import counted
from pages.ui import contest, stage, state
from pages.ui.choose import Choice, choose
from pages.ui.figures import ABOUT
from pages.ui.markup import plain
from pages.ui.stage import Line, Slide
from pages.ui.view import View

EXPLORE, SCENES, PRESENT = "pages/curate/explore.py", "pages/curate/scenes.py", "pages/curate/present.py"
COMPARE = "pages/curate/compare.py"
SAVE = "save_scene"  # the popover; another one, closed, once a scene is saved
FORM_HEIGHT, WARNING_HEIGHT = 256, 112  # pixels
FIGURES = {
    "rows": ("Rows", ",.0f", ""),
    "tokens": ("Tokens", ",.0f", ""),
    "mean_score": ("Mean score", ".2f", ""),
    "radius": ("Covering radius", ".3f", "lower is better"),
}


# Saving, on Explore.


def save(project: Project, owner: str) -> None:
    """The button that keeps the selection as a scene; what it asks for is made when it is opened."""
    saved = state.scenes().saved
    if saved:
        st.toast(plain(f"Saved as {quoted(saved)}."), icon=":material/check:")
        state.update_scenes(saved="")
        state.numbered_key(SAVE, anew=True)
    popover = st.popover(
        "Save as scene",
        icon=":material/photo_library:",
        key=state.numbered_key(SAVE),
        on_change=partial(state.update_scenes, taken=""),
    )
    height = FORM_HEIGHT + (WARNING_HEIGHT if state.scenes().taken else 0)
    with popover, st.container(height=height, width=360, border=False):  # it opens where there is room
        if popover.open:
            choice = choose(project, state.current(), owner=owner)
            if choice.selection is None:
                st.caption(plain(choice.error or f"{choice.waiting}: open this again in a moment."))
            else:
                _form(project, choice)


def _form(project: Project, choice: Choice) -> None:
    with st.form("scene", border=False):
        name = st.text_input(
            "Name",
            value=suggested_name(choice.params, choice.size),
            max_chars=MOST_NAME,
            key="scene_name",
        )
        note = st.text_area(
            "Note",
            key="scene_note",
            max_chars=MOST_NOTE,
            height=96,
            placeholder="What it shows, and why it matters",
        )
        taken = state.scenes().taken
        if taken:
            st.warning(
                plain(f"There is a scene {quoted(taken)} already: choose another name, or replace it.")
            )
        with st.container(horizontal=True):
            wants = st.form_submit_button("Save", key="save_it", type="primary")
            replaces = bool(taken) and st.form_submit_button("Replace", key="replace_it")
    if wants or replaces:
        _save(project, choice, name, note, replace=replaces)


def _save(project: Project, choice: Choice, name: str, note: str, *, replace: bool) -> None:
    assert choice.selection is not None
    try:
        checked = checked_name(name)
        if not replace and checked in {scene.name for scene in project.scenes()}:
            state.update_scenes(taken=checked)
            st.rerun()
        with st.spinner("Saving the scene"):
            scene = project.save_scene(choice.selection, name, note, replace=replace)
    except WinnowError as error:
        st.warning(plain(error), icon=":material/info:")
        return
    state.update_scenes(saved=scene.name, taken="")
    st.rerun()


def remark(project: Project, choice: Choice) -> str:
    """What to say where the scene that was opened gives other rows now than when it was saved."""
    opened = state.scenes().opened
    if opened is None or choice.selection is None or opened[0] != project.dataset.origin:
        return ""
    return changed_ids(opened[1], choice.selection)


# The cards.


def cards(project: Project) -> None:
    """Every scene as a card, and the way back of the last deletion."""
    try:
        found = project.scenes()
    except WinnowError as error:
        st.error(plain(error), icon=":material/error:")
        return
    _deleted(project)
    if not found:
        st.write("No scene is saved yet: save a selection on Explore, and it can be shown here.")
        if st.button("Go to Explore", key="to_explore", type="primary"):
            st.switch_page(EXPLORE)
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"{counted(len(found), 'scene')}, in the sequence in which they are presented.")
        if contest.scenes(project) and st.button("Compare", key="compare_scenes", icon=":material/compare:"):
            contest.hold_scenes(project)
            st.switch_page(COMPARE)
        if st.button("Present", key="present", type="primary", icon=":material/slideshow:"):
            _present(0)
    with st.container(key="scene_cards"):
        for place, scene in enumerate(found):
            with st.container(border=True, key=f"scene_{place}"):
                _card(project, scene, place, last=place == len(found) - 1)


def _card(project: Project, scene: Scene, place: int, *, last: bool) -> None:
    st.image(scene.picture, width="stretch", alt=f"Map with the rows of {scene.name}")
    with st.container(gap="xsmall"):
        st.markdown(f"**{plain(scene.name)}**")
        if scene.note:
            st.text(scene.note)
        st.caption(plain(decisions(scene.params, scene.rows, len(project.dataset))))
        st.caption(plain(" · ".join(_short(line) for line in lines(scene) if line.title != "Rows")))
        for problem in scene.problems:
            st.warning(plain(problem), icon=":material/info:")
    with st.container(horizontal=True, gap="xsmall", key=f"actions_{place}"):
        if st.button("Open", key=f"open_{place}", help="Back to Explore with these decisions"):
            _open(project, scene)
        if st.button("", icon=":material/slideshow:", key=f"present_{place}", help="Present from here"):
            _present(place)
        _arrow(project, scene, place, by=-1, disabled=place == 0)
        _arrow(project, scene, place, by=1, disabled=last)
        with st.popover("", icon=":material/edit:", key=f"edit_{place}", help="Name, note, delete"):
            _edit(project, scene, place)


def _arrow(project: Project, scene: Scene, place: int, *, by: int, disabled: bool) -> None:
    side, icon = ("earlier", "arrow_back") if by < 0 else ("later", "arrow_forward")
    st.button(
        "",
        icon=f":material/{icon}:",
        key=f"{side}_{place}",
        help=f"Show {side}",
        disabled=disabled,
        on_click=_try,
        args=(partial(project.move_scene, scene.name, by),),
    )


def _edit(project: Project, scene: Scene, place: int) -> None:
    # Keys hold what was edited: another scene in this place has inputs of its own.
    key = f"{scene.name} {scene.made}"
    with st.form(f"edit {key}", border=False, width=360):
        name = st.text_input("Name", scene.name, max_chars=MOST_NAME, key=f"name {key}")
        note = st.text_area("Note", scene.note, max_chars=MOST_NOTE, height=96, key=f"note {key}")
        if st.form_submit_button("Save", key=f"rename_{place}", type="primary"):
            try:
                project.rename_scene(scene.name, name, note=note)
            except WinnowError as error:
                st.warning(plain(error), icon=":material/info:")
            else:
                st.rerun()
    st.button(
        "Delete",
        key=f"delete_{place}",
        icon=":material/delete:",
        on_click=_try,
        args=(partial(_delete, project, scene),),
    )


def _deleted(project: Project) -> None:
    """What went wrong with the last step, and Undo after a deletion."""
    here = state.scenes()
    if here.problem:
        st.warning(plain(here.problem), icon=":material/info:")
        state.update_scenes(problem="")
    if here.deleted is not None and here.deleted[0] == project.dataset.origin:
        _, number, name = here.deleted
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{quoted(name)} is deleted.", width="content")
            st.button(
                "Undo",
                key="undo_delete",
                icon=":material/undo:",
                on_click=_try,
                args=(partial(_bring_back, project, number),),
            )


def _try(act: Callable[[], object]) -> None:
    """Do a step; where it fails, the page says why."""
    try:
        act()
    except WinnowError as error:
        state.update_scenes(problem=str(error))


def _delete(project: Project, scene: Scene) -> None:
    number = project.delete_scene(scene.name)
    state.update_scenes(deleted=(project.dataset.origin, number, scene.name))


def _bring_back(project: Project, number: int) -> None:
    project.bring_back_scene(number)
    state.update_scenes(deleted=None)


# Opening and presenting.


def _open(project: Project, scene: Scene) -> None:
    """Take the decisions of a scene over and turn to Explore."""
    try:
        scene, said = project.reopen_scene(scene.name)
    except WinnowError as error:
        st.warning(plain(error), icon=":material/info:")
        return
    # Where the scene brought other rows back or took them out, its quotas are those of its own clusters.
    fitted = project.cleaned().dataset.fingerprint
    state.update(**_decided(scene.params), isolated=None, notes=said, fitted=fitted)
    state.update_scenes(opened=(project.dataset.origin, scene), deleted=None)
    st.switch_page(EXPLORE)


def _decided(params: SelectParams) -> dict[str, object]:
    """What a scene decides of the view; pins live in the ledger."""
    held = {each.name for each in fields(View)}
    return {each.name: getattr(params, each.name) for each in fields(params) if each.name in held}


def _present(place: int) -> None:
    state.update_scenes(start=place, deleted=None)
    st.switch_page(PRESENT)


def present(project: Project) -> None:
    """The presentation, or one sentence where there is nothing to present."""
    try:
        found = project.scenes()
    except WinnowError as error:
        st.error(plain(error), icon=":material/error:")
        return
    if not found:
        st.subheader("Nothing to present yet", anchor=False)
        st.write("Save a selection on Explore, and it is shown here.")
        if st.button("Go to Explore", key="to_explore", type="primary"):
            st.switch_page(EXPLORE)
        return
    slides = [slide(scene, len(project.dataset)) for scene in found]
    name = "the bundled sample" if state.current().data == "sample" else project.dataset.name
    if stage.show(slides, of=name, start=state.scenes().start, key="stage"):
        state.update_scenes(start=None)
        st.switch_page(SCENES)


def slide(scene: Scene, pool: int) -> Slide:
    """A scene as it is presented."""
    return Slide(
        name=scene.name,
        note=scene.note,
        decisions=f"{decisions(scene.params, scene.rows, pool)}.",
        lines=tuple(lines(scene)),
        picture=scene.picture,
    )


def lines(scene: Scene) -> list[Line]:
    """The figures of a scene in words, in the sequence in which they are shown."""
    return [
        Line(
            title=title,
            value=_number(shown, form),
            beside=", ".join(filter(None, [_beside(shown, form), way])),
        )
        for name, (title, form, way) in FIGURES.items()
        if (shown := scene.figures.get(name)) is not None
    ]


def _number(shown: Shown, form: str) -> str:
    return f"{'' if shown.is_exact else ABOUT}{shown.value:{form}}"


def _beside(shown: Shown, form: str) -> str:
    """What random draws have, with the lowest and the highest of them."""
    if shown.mean is None or shown.low is None or shown.high is None:
        return ""
    return f"random {shown.mean:{form}} ({shown.low:{form}} to {shown.high:{form}})"


def _short(line: Line) -> str:
    beside = f" ({line.beside.partition(' (')[0]})" if "random" in line.beside else ""
    return f"{line.title} {line.value}{beside}"
