"""Which columns are judges: those of the dataset and of other files, looked at before they are accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import polars as pl
import streamlit as st

from core import Project, WinnowError, scoring
from core.aggregates import RULES
from core.domain import ScoreColumn
from core.loading import keep
from core.model_facts import ModelFacts
from core.score_values import converted, texts_in
from core.scoring import Examined, Opened
from core.wording import counted
from pages.ui import cached, places, state
from pages.ui.markup import plain

HERE, FILE = "A column of this dataset", "Another file"
POSITION = "row by row"
MOST_LABELS = 12  # texts that are offered a score
SAMPLED = 200  # rows by which a column of ids is told from one of texts
COUNT = st.column_config.NumberColumn(format="localized")
COUNTS = {name: COUNT for name in ("scored", "unscored", "scored rows", "unscored rows")}
EXAMPLES = {
    "row": st.column_config.NumberColumn(width="small"),
    "cell": st.column_config.TextColumn(),
    "score": st.column_config.NumberColumn(format="%.4g", width="small"),
}


def panel(project: Project) -> None:
    """The judges, what became of those that are gone, and the way to others."""
    judges = project.judges
    st.markdown("#### Scores")
    if judges:
        st.caption("Each can decide a threshold.")
        st.dataframe(table(project), hide_index=True, width="stretch", column_config=COUNTS)
    else:
        st.caption("None was found. The map works without; the threshold stays off.")
    for lost in project.dataset.lost:
        st.warning(plain(f"The judge {lost.column.name} is left out. {lost.why}"), icon=":material/warning:")
    _switches(project)
    with st.expander("Add or change a judge", icon=":material/add_chart:"):
        _add(project)


def table(project: Project) -> pl.DataFrame:
    """One line a judge."""
    found = project.judges.values()
    decisions = {each.name: each for each in project.scores}
    asked = {name: f"{model}, rubric {rubric}" for name, (model, rubric) in project.asked_models().items()}
    return pl.DataFrame(
        {
            "judge": [judge.name for judge in found],
            "lowest": [judge.low for judge in found],
            "highest": [judge.high for judge in found],
            "step": ["continuous" if judge.step is None else f"{judge.step:g}" for judge in found],
            "scored rows": [judge.scored for judge in found],
            "unscored rows": [judge.unscored for judge in found],
            "from": [asked.get(judge.name) or _origin(decisions.get(judge.name)) for judge in found],
        }
    )


def _origin(column: ScoreColumn | None) -> str:
    """Where the scores of a judge come from, and what became of them."""
    if column is None:
        return "found in the file"
    if column.model:
        facts = ModelFacts.model_validate_json(column.model)
        return f"frozen scores of {facts.model}, rubric {facts.rubric_in_words}"
    if column.rule:
        return f"{RULES[column.rule]} of {', '.join(column.of)}"
    parts = [column.column if column.file is None else f"{column.column} of {column.file.name}"]
    if column.file is not None:
        parts.append(column.file.joined)
    if column.scale is not None:
        low, high, to_low, to_high = column.scale
        parts.append(f"{low:g} to {high:g} becomes {to_low:g} to {to_high:g}")
    return ", ".join([*parts, *(["lower is better"] if column.invert else [])])


def _switches(project: Project) -> None:
    """Which of the known columns count as judges, and the way back."""
    known = list(
        dict.fromkeys([*scoring.found_judges(project.dataset), *(each.name for each in project.scores)])
    )
    lost = {each.column.name for each in project.dataset.lost}  # decided on, and said to be gone
    on = [name for name in known if name in project.judges or name in lost]
    steps = project.score_steps()
    if not known and not steps:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = f"judges_on_{project.dataset.scored_fingerprint}"
        st.pills(
            "Columns that count as judges", known, selection_mode="multi", default=on, key=key,
            on_change=_switch, args=(project, key), format_func=plain,
            help="Switch off what is no score, such as a row number or a length.",
        )  # fmt: skip
        st.space("stretch")
        st.button(
            "Undo", key="undo_scores", icon=":material/undo:", disabled=not steps, on_click=_undo,
            args=(project,), help="Take back the last decision about judges.",
        )  # fmt: skip


def _switch(project: Project, key: str) -> None:
    on = set(state.widget(key) or ())
    found = scoring.found_judges(project.dataset)
    columns = {each.name: each for each in project.kept_scores()}  # by now: others decide as well
    for name in dict.fromkeys([*found, *(each.name for each in project.scores)]):
        column = columns.get(name, ScoreColumn(name=name, column=name))
        columns[name] = replace(column, off=name not in on)
    kept = [each for name, each in columns.items() if name not in found or each != _plain(name)]
    _keep(project, tuple(kept))


def _plain(name: str) -> ScoreColumn:
    """The decision that changes nothing."""
    return ScoreColumn(name=name, column=name)


def _undo(project: Project) -> None:
    _try(project.undo_scores)


def _keep(project: Project, columns: tuple[ScoreColumn, ...]) -> None:
    _try(partial(project.keep_scores, columns))


def _try(act: Callable[[], object]) -> None:
    try:
        act()
    except WinnowError as error:
        st.error(plain(error))


# What is added, on the left, and what would come of it, on the right.


def _add(project: Project) -> None:
    left, right = st.columns((2, 3), gap="medium")
    with left:
        where = st.segmented_control(
            "Where the scores are", (HERE, FILE), default=HERE, key="scores_where", required=True
        )
        opened = _file(project) if where == FILE else None
    if where == FILE and opened is None:
        return
    try:
        with left:
            column = _column(project, opened)
        if column is None:
            return
        examined = project.examine_scores(column, opened)
    except WinnowError as error:
        right.info(plain(error), icon=":material/info:")
        return
    with right:
        _preview(examined)
    with left:
        _accept(project, column, examined, opened)


def _file(project: Project) -> Opened | None:
    """The file with scores and how it is joined; None where there is none yet."""
    uploaded = st.file_uploader(
        "File with scores", key="scores_upload", help="Of any kind that can be loaded."
    )
    typed = st.text_input("or its path", key="scores_path", placeholder="data/my-scores.csv")
    try:
        if uploaded is not None:
            opened = cached.scores(str(keep(uploaded.name, uploaded.getvalue(), places.uploads())))
        elif typed.strip():
            opened = cached.scores(typed.strip())
        else:
            return None
    except WinnowError as error:
        st.error(plain(error))
        return None
    return _joined(project, opened)


def _joined(project: Project, opened: Opened) -> Opened | None:
    """The same file with its join; the match is said at once."""
    choices = [*_keys(project), POSITION]
    name = opened.file.sha256[:8]
    naming = scoring.naming_column(project.dataset, opened)
    is_keyed = naming is not None or "id" in opened.rows.columns
    by = st.selectbox(
        "Join by", choices, index=0 if is_keyed else len(choices) - 1, key=f"scores_by_{name}",
        help="The column of the dataset whose text is the same in the file; or row i to row i.",
    )  # fmt: skip
    if by != POSITION:
        columns = opened.rows.columns
        wanted = naming if by == "id" and naming is not None else by
        at = columns.index(wanted) if wanted in columns else 0
        key = st.selectbox("Column of the file", columns, index=at, key=f"scores_key_{name}_{by}")
        opened = replace(opened, file=replace(opened.file, by=by, key=key))
    try:
        scoring.matched(project.dataset, opened)
    except WinnowError as error:
        st.error(plain(error))
        return None
    return opened


def _keys(project: Project) -> list[str]:
    """The columns that a file can be joined by: id, prompt, and own ones that differ in every row."""
    frame = project.dataset.frame
    own = [
        name
        for name in project.dataset.rows.columns
        if name in frame.columns and name not in ("id", "prompt")
    ]
    plain_kinds = [name for name in own if frame[name].dtype == pl.String or frame[name].dtype.is_integer()]
    few = [name for name in plain_kinds if frame[name].head(SAMPLED).n_unique() == min(SAMPLED, frame.height)]
    return ["id", "prompt", *few]


def _column(project: Project, opened: Opened | None) -> ScoreColumn | None:
    """The decision that the boxes show."""
    rows = project.dataset.rows if opened is None else opened.rows
    key = "" if opened is None else opened.file.key
    names = [name for name in rows.columns if name != key and not rows[name].dtype.is_nested()]
    index = next((names.index(name) for name in _likely(project, opened) if name in names), None)
    mark = project.dataset.fingerprint[:8] if opened is None else opened.file.sha256[:8]
    chosen = st.selectbox(
        "Column", names, index=index, key=f"scores_column_{mark}", placeholder="Choose a column"
    )
    if chosen is None:
        if opened is not None:
            st.caption(plain(" ".join(scoring.match_sentences(scoring.matched(project.dataset, opened)))))
        return None
    mark = f"{mark}_{chosen}"
    name = st.text_input("Name of the judge", value=chosen, key=f"scores_name_{mark}")
    labels = _labels(rows[chosen], mark)
    unscored = _sentinels(mark)
    seen = converted(rows[chosen], ScoreColumn(name=chosen, labels=labels, unscored=unscored)).before
    invert = st.toggle("Lower is better", key=f"scores_invert_{mark}", help="As with perplexity or toxicity.")
    return ScoreColumn(
        name=name.strip() or chosen,
        column=chosen,
        file=None if opened is None else opened.file,
        scale=_scale(seen or (1.0, 10.0), mark),
        invert=invert,
        labels=labels,
        unscored=unscored,
    )


def _likely(project: Project, opened: Opened | None) -> list[str]:
    """The columns that may be meant: those that look like scores, else the one that holds numbers."""
    if opened is None:
        return list(scoring.found_judges(project.dataset))
    found = [each.column for each in scoring.suggested(opened)]
    rows = opened.rows.drop(opened.file.key, strict=False)
    numbers = [column.name for column in rows.iter_columns() if column.dtype.is_numeric()]
    return found or (numbers if len(numbers) == 1 else [])


def _labels(cells: pl.Series, mark: str) -> tuple[tuple[str, float], ...]:
    """A table in which each text of the column can be given a score, where the column holds labels."""
    texts = texts_in(cells, MOST_LABELS + 1)
    if not texts or len(texts) > MOST_LABELS or cells.dtype == pl.Boolean:
        return ()
    st.caption("Texts that are no numbers. Give a score to those that have one.")
    offered = pl.DataFrame(
        {"text": texts, "score": [None] * len(texts)}, schema={"text": pl.String, "score": pl.Float64}
    )
    key = f"scores_labels_{mark}"
    st.data_editor(offered, key=key, hide_index=True, disabled=["text"], width="stretch")
    given = state.edits(key, "score")
    scores = [(text, given.get(line)) for line, text in enumerate(texts)]
    return tuple((text, score) for text, score in scores if score is not None)


def _scale(seen: tuple[float, float], mark: str) -> tuple[float, float, float, float] | None:
    """The two scales, where the scores are to stand on another one; the first begins as what is seen."""
    if not st.toggle(
        "Put on another scale", key=f"scores_rescale_{mark}", help="Linear: 1 to 10 becomes 0 to 5."
    ):
        return None
    titles = ("From", "to", "becomes from", "to ")
    boxes = (*st.columns(2), *st.columns(2))
    ends = [
        each.number_input(title, value=value, key=f"scores_scale_{title}_{mark}_{seen}", format="%.6g")
        for each, title, value in zip(boxes, titles, (*seen, 0.0, 5.0), strict=True)
    ]
    return ends[0], ends[1], ends[2], ends[3]


def _sentinels(mark: str) -> tuple[float, ...]:
    typed = st.text_input(
        "Numbers that mean unscored", key=f"scores_unscored_{mark}", placeholder="such as -1",
        help="Separated by blanks. Such a cell is no score, and is counted.",
    )  # fmt: skip
    numbers = []
    for word in typed.replace(";", " ").split():
        try:
            numbers.append(float(word))
        except ValueError:
            st.error(plain(f"{word!r} is not a number."))
    return tuple(numbers)


def _preview(found: Examined) -> None:
    """Match, ranges, histogram and three rows, before anything is accepted."""
    judge = found.judge
    st.markdown("  \n".join(plain(each) for each in found.sentences))
    st.dataframe(_ranges(found), hide_index=True, width="stretch", column_config=COUNTS)
    if judge is None:
        return
    st.bar_chart(scoring.histogram(judge), x="score", y="rows", height=170, x_label="score", y_label="rows")
    rows, cells, scores = zip(*((row + 1, cell, score) for row, cell, score in found.examples), strict=True)
    shown = pl.DataFrame({"row": rows, "cell": cells, "score": scores})
    st.dataframe(shown, hide_index=True, width="stretch", column_config=EXAMPLES)


def _ranges(found: Examined) -> pl.DataFrame:
    """What stands in the file beside what the judge would have."""
    before, judge = found.counts.before or (None, None), found.judge
    cells = len(found.counts.scores)
    numbers = cells - found.counts.empty - found.counts.odd
    return pl.DataFrame(
        {
            "scores": ["in the file", "as a judge"],
            "lowest": [before[0], judge.low if judge else None],
            "highest": [before[1], judge.high if judge else None],
            "step": ["", "" if judge is None else "continuous" if judge.step is None else f"{judge.step:g}"],
            "scored": [numbers, judge.scored if judge else 0],
            "unscored": [cells - numbers, judge.unscored if judge else None],
        },
        schema_overrides={"lowest": pl.Float64, "highest": pl.Float64},
    )


def _accept(project: Project, column: ScoreColumn, found: Examined, opened: Opened | None) -> None:
    """Take it over, and all other score columns of the same file where there are several."""
    taken = column.name in project.judges
    st.button(
        f"Replace the judge {plain(column.name)}" if taken else f"Make {plain(column.name)} a judge",
        key="accept_scores", type="primary", disabled=found.judge is None or column in project.scores,
        on_click=_take, args=(project, (column,)),
    )  # fmt: skip
    others = () if opened is None else scoring.suggested(opened)
    if len(others) > 1:
        st.button(
            f"Take all {counted(len(others), 'score column')} as they are", key="accept_all_scores",
            on_click=_take, args=(project, others),
        )  # fmt: skip


def _take(project: Project, new: tuple[ScoreColumn, ...]) -> None:
    _keep(project, scoring.decided(project.kept_scores(), new))
