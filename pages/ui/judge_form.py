"""Which judge is asked: one of those that were asked before, or a new one with its settings."""

from __future__ import annotations

import streamlit as st

from core import WinnowError
from core.judging.judgement import LlmJudge
from core.judging.rubric import PAIR, Rubric
from core.wording import counted
from pages.ui import cached, judge_keys, judge_subject, rubric_form, state
from pages.ui.judge_subject import Subject
from pages.ui.markup import plain

NEW = "A new judge"
OWN = "My own"
CHOSEN = "judge_chosen"


def choose(subject: Subject) -> tuple[LlmJudge | None, Rubric | None]:
    """The judge that the boxes describe, None until it is whole; and its rubric, which is there before."""
    asked = [each.judge for each in reversed(subject.judgements.judges())]
    known = {judge.title: judge for judge in asked if judge_subject.fits(subject, judge.rubric)}
    live = cached.judge_runs().latest(judge_subject.origin(subject))
    chosen = judge_subject.key(subject, CHOSEN)
    if live is not None and live.judge.title not in known:
        known = {live.judge.title: live.judge, **known}
    if state.widget(chosen) not in (*known, NEW):
        first = live.judge.title if live is not None else next(iter(known), NEW)
        state.set_widget(chosen, first)
    if known:
        offered = [*known, NEW]
        at = state.place_of(offered, state.widget(chosen))
        st.selectbox("Judge", offered, at, key=chosen, persist_state="session")
    judge = known.get(str(state.widget(chosen)))
    if judge is not None:
        _settings(subject, judge)
        return judge, judge.rubric
    try:
        rubric = _rubric(subject)
        return (None, None) if rubric is None else (_new(rubric), rubric)
    except WinnowError as error:
        st.warning(plain(error), icon=":material/edit:")
        return None, None


def take(subject: Subject, judge: LlmJudge) -> None:
    """Show this judge from now on: it was asked something and stands among those that are known."""
    state.set_widget(judge_subject.key(subject, CHOSEN), judge.title)


def _settings(subject: Subject, judge: LlmJudge) -> None:
    """The settings of a judge that was asked before: with others its scores would not belong together."""
    rubric = judge.rubric
    temperature = "as the server sets it" if judge.temperature is None else f"{judge.temperature:g}"
    is_pair = rubric.reads == PAIR
    line = "two numbers on the first line" if is_pair else "a number on the first line"
    form = "JSON by a schema" if judge.structured else line
    each = "a pair and order" if is_pair else "a row"
    # st.text: names and addresses are data and are never read as markup.
    st.text(f"{judge.model} at {judge.base_url}")
    st.text(
        f"Rubric {rubric.name}, {rubric.low:g} to {rubric.high:g} in steps of {rubric.step:g}, version "
        f"{rubric.version} ({rubric.hash[:8]})\n"
        f"Asked {counted(judge.samples, 'time')} {each}, temperature {temperature}, {form}"
    )
    told = subject.judgements.taken(judge).odds
    if not is_pair:
        st.text(f"A score is {judge.counts(odds=told)}.")
    if judge.weighted and not told and judge.samples == 1:
        st.caption(
            "For finer scores from this server make a judge with several samples and a temperature above 0."
        )
    st.caption("A judge's settings stay as they were: with others it is a new judge.")
    _key(judge.base_url)


def _rubric(subject: Subject) -> Rubric | None:
    known = judge_subject.rubrics(subject)
    titles = {name: _title(rubric) for name, rubric in known.items()} | {OWN: "My own, or from a file"}
    name = st.selectbox(
        "Rubric", list(titles), key=judge_subject.key(subject, "judge_rubric"), persist_state="session",
        format_func=titles.__getitem__, help="What is graded, on which scale, in which words.",
    )  # fmt: skip
    if name != OWN:
        return known[name]
    return rubric_form.own(subject)


def _title(rubric: Rubric) -> str:
    more = {"question": ", question alone", PAIR: " for each answer"}.get(rubric.reads, "")
    return f"{rubric.name}: {rubric.low:g} to {rubric.high:g}{more}"


def _new(rubric: Rubric) -> LlmJudge | None:
    """The judge of the boxes; None without a model."""
    model = st.text_input(
        "Model", key="judge_model", persist_state="session", placeholder="as the server calls it"
    )
    url = st.text_input(
        "Base URL", value=judge_keys.first_address(), key="judge_url", persist_state="session",
        help="Of any server that speaks the OpenAI protocol: vLLM, Ollama and llama.cpp among them.",
    )  # fmt: skip
    _key(url)
    with st.expander("How it is asked", icon=":material/tune:"):
        settings = _how(rubric)
    if not model.strip():
        return None
    return LlmJudge(model=model.strip(), base_url=url, rubric=rubric, **settings)


def _key(url: str) -> None:
    try:
        judge_keys.ask(url)
    except WinnowError as error:
        st.warning(plain(error), icon=":material/edit:")


def _how(rubric: Rubric) -> dict:  # type: ignore[type-arg]
    """Name, samples, temperature and the form of the reply."""
    name = st.text_input(
        "Name", key="judge_name", persist_state="session", placeholder="model and rubric", max_chars=80
    )
    left, right = st.columns(2)
    of_what = "Samples of each order" if rubric.reads == PAIR else "Samples a row"
    samples = left.number_input(
        of_what, 1, 32, 1, key="judge_samples", persist_state="session",
        help="Each is a request of its own; the score is the mean of those that gave one.",
    )  # fmt: skip
    temperature = right.number_input(
        "Temperature", 0.0, 2.0, 0.0, 0.1, key="judge_temperature", persist_state="session",
        help="0 asks for the likeliest reply. Empty: as the server sets it, for models that take none.",
    )  # fmt: skip
    tokens = left.number_input(
        "Tokens of a reply at most", 1, 32_768, 512, key="judge_tokens", persist_state="session"
    )
    explain = st.toggle(
        "Ask for a reason", value=True, key="judge_explain", persist_state="session",
        help="One or two sentences after the score. They cost tokens and let a person check it.",
    )  # fmt: skip
    structured = st.toggle(
        "Ask for JSON by a schema", value=True, key="judge_structured", persist_state="session",
        help="A server that refuses it is asked for bare numbers on the first line instead.",
    )  # fmt: skip
    weighted = rubric.reads != PAIR and st.toggle(
        "Weigh the grades by their odds", key="judge_weighted", persist_state="session",
        help="Sum of odds times grade, where the server tells the odds (G-Eval); else the grade itself, or "
        "the mean of several samples. After the first replies the page says which it is.",
    )  # fmt: skip
    return {
        "name": name.strip(), "samples": int(samples), "temperature": temperature, "max_tokens": int(tokens),
        "explain": explain, "structured": structured, "weighted": weighted,
    }  # fmt: skip
