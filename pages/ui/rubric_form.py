"""A rubric of a person's own, edited beside the prompt that it makes, and that prompt on a real row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import streamlit as st
import yaml

from core.errors import DataError
from core.judged import judged
from core.judging.judgement import LlmJudge
from core.judging.prompts import JSON, LINE, prompt
from core.judging.rubric import PAIR, Rubric, as_yaml, rubric_of
from core.judging.rubric import plain as number
from core.wording import counted
from pages.ui import judge_subject, state
from pages.ui.judge_subject import OfPairs, Subject
from pages.ui.markup import plain

KEPT: Literal["session"] = "session"
FIELDS = ("name", "dimension", "asks", "low", "high", "step", "reads", "grades")
READS = {"exchange": "Question and answer", "question": "Question alone"}
MOST = 12_000  # characters of a prompt that are shown


def own(subject: Subject) -> Rubric | None:
    """The rubric of the boxes, or of a file.

    Raises:
        DataError: it is no rubric, or reads something else.
    """
    known, key = judge_subject.rubrics(subject), partial(_key, subject)
    file = st.file_uploader(
        "A rubric as YAML", type=["yaml", "yml"], key=key("file"),
        help="As the command line reads it. Without one, edit below.",
    )  # fmt: skip
    if file is not None:
        rubric = rubric_of(file.getvalue(), file.name)
        if not judge_subject.fits(subject, rubric):
            wanted = f"reads: {PAIR}" if isinstance(subject, OfPairs) else "reads: exchange or question"
            raise DataError(f"The rubric {rubric.name} reads {rubric.reads}.", f"Write {wanted}.")
        return rubric
    begin = st.selectbox(
        "Begin from", list(known), key=key("begin"), persist_state=KEPT, on_change=_refill, args=(subject,)
    )
    if state.widget(key("name")) is None:
        _fill(subject, known[begin])
    rubric = _boxes(subject)
    st.download_button(
        "Download as YAML", as_yaml(rubric), f"{rubric.name}.yaml", "application/yaml", key="rubric_download",
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    return rubric


def _boxes(subject: Subject) -> Rubric:
    key = partial(_key, subject)
    filled = {field: state.widget(key(field)) for field in FIELDS}
    name, dimension, asks = _named(filled, key)
    boxes = st.columns(3)
    low, high, step = (
        box.number_input(title, value=filled[field], key=key(field), format="%g", persist_state=KEPT)
        for box, title, field in zip(
            boxes, ("Lowest grade", "Highest", "Step"), ("low", "high", "step"), strict=True
        )
    )
    grades = st.text_area(
        "Grades in words", filled["grades"], key=key("grades"), height=170, persist_state=KEPT,
        help="One a line: grade, colon, what deserves it. Grades without a line are offered all the same.",
    )  # fmt: skip
    reads = (
        PAIR
        if isinstance(subject, OfPairs)
        else st.segmented_control(
            "Shown to the judge",
            list(READS),
            default=filled["reads"],
            key=key("reads"),
            format_func=READS.__getitem__,
            required=True,
            persist_state="session",
        )
    )
    fields = {
        "name": name.strip(), "dimension": dimension.strip(), "asks": asks.strip(), "low": low, "high": high,
        "step": step, "reads": reads, "grades": _grades(grades),
    }  # fmt: skip
    return rubric_of(yaml.safe_dump(fields).encode(), name.strip() or "without a name")


def _named(filled: Mapping[str, Any], key: Callable[[str], str]) -> tuple[str, str, str]:
    """What the rubric is called, what it grades, and the instructions."""
    left, right = st.columns(2)
    name = left.text_input(
        "Name of the rubric", filled["name"], key=key("name"), max_chars=40, persist_state=KEPT
    )
    dimension = right.text_input(
        "What is graded", filled["dimension"], key=key("dimension"), max_chars=80, persist_state=KEPT
    )
    asks = st.text_area(
        "Instructions", filled["asks"], key=key("asks"), height=140, max_chars=4_000, persist_state=KEPT
    )
    return name, dimension, asks


def _grades(text: str) -> list[list[object]]:
    """(grade, words) of each line that is not empty."""
    found: list[list[object]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        grade, _, words = line.partition(":")
        try:
            found.append([float(grade), words.strip()])
        except ValueError:
            raise DataError(
                f"The line {line[:40]!r} begins with no grade.", "Write each as 4: what deserves a 4."
            ) from None
    return found


def _refill(subject: Subject) -> None:
    _fill(subject, judge_subject.rubrics(subject)[str(state.widget(_key(subject, "begin")))])


def _fill(subject: Subject, rubric: Rubric) -> None:
    """Put a rubric into the boxes, under a name of its own."""
    grades = "\n".join(f"{number(grade)}: {words}" for grade, words in rubric.grades)
    values = {**rubric.model_dump(), "name": f"my {rubric.name}", "grades": grades}
    for field in FIELDS:
        state.set_widget(_key(subject, field), values[field])


def _key(subject: Subject, field: str) -> str:
    return judge_subject.key(subject, f"rubric_{field}")


def preview(subject: Subject, rubric: Rubric, judge: LlmJudge | None) -> None:
    """The prompt as it is sent, on a real row or pair that can be changed; without a judge as usual."""
    structured, explain = (True, True) if judge is None else (judge.structured, judge.explain)
    noun, count = judge_subject.noun(subject), judge_subject.size(subject)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(f"**The prompt on a real {noun}**")
        st.space("stretch")
        row = st.number_input(
            noun.capitalize(), 1, max(count, 1), 1,
            key=f"preview_{noun}_{judge_subject.origin(subject)[:8]}", width=140,
        )  # fmt: skip
    name, question, *answers = _shown(subject, int(row) - 1)
    if not question.strip() or (rubric.reads != "question" and not all(map(str.strip, answers))):
        st.caption(f"This {noun} has nothing to grade: it is skipped and never asked.")
        return
    sent = prompt(rubric, question, *answers, form=JSON if structured else LINE, explain=explain)
    with st.container(height=430, border=True, key="prompt_preview"):
        for message in sent.messages:
            st.caption(message["role"].capitalize())
            text = message["content"]
            st.code(text if len(text) <= MOST else f"{text[:MOST]}…", language=None, wrap_lines=True)
    size = sum(len(message["content"]) for message in sent.messages)
    asked_twice = " The other order is asked as well." if isinstance(subject, OfPairs) else ""
    st.caption(plain(f"{counted(size, 'character')}. Id {name}.{asked_twice}"))


def _shown(subject: Subject, place: int) -> tuple[str, ...]:
    """Id, question and answer of a row, or id, prompt and both answers of a pair."""
    if isinstance(subject, OfPairs):
        found = subject.pairs
        return found.ids[place], found.prompts[place], found.answers_a[place], found.answers_b[place]
    dataset = subject.dataset
    texts = judged(dataset.frame[place : place + 1], dataset.judged)
    return dataset.frame["id"][place], texts.questions[0] or "", texts.answers[0] or ""
