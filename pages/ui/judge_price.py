"""What judging will cost: the price of a model, which rows, and money and time as ranges for each choice."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass

import polars as pl
import streamlit as st

from core import Project, WinnowError
from core.asking import Asker
from core.domain import Mask
from core.errors import DataError
from core.judging.judgement import LlmJudge, Price
from core.judging.price import Estimate, PriceEntry, Range
from core.judging.run import Limits
from core.price_table import keep_price, prices
from core.wording import counted
from pages.ui import cached, judge_subject, state
from pages.ui.judge_subject import Subject
from pages.ui.markup import plain
from pages.ui.view import View

ALL, ELIGIBLE, SAMPLE = "All", "Eligible on Explore", "A sample"
FIRST_SAMPLE = 1_000
MINUTE, HOUR = 60, 3_600
THOUSAND, MILLION = 1_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person wants judged: which rows or pairs, how many that are pending, within which limits."""

    scope: str
    within: Mask | None
    most: int | None
    limits: Limits
    price: Price | None
    currency: str


def plan(subject: Subject, judge: LlmJudge) -> Plan:
    """The boxes about rows or pairs, price and limits."""
    view, rows = state.current(), judge_subject.size(subject)
    noun, chosen = judge_subject.noun(subject), judge_subject.key(subject, "judge_scope")
    scopes = [ALL, *([ELIGIBLE] if view.judge in subject.judges else []), SAMPLE]
    if state.widget(chosen) not in (None, *scopes):
        state.set_widget(chosen, ALL)
    left, right = st.columns((3, 2), vertical_alignment="bottom")
    scope = left.segmented_control(
        f"{noun.capitalize()}s to judge", scopes, default=ALL, key=chosen, required=True,
        persist_state="session", format_func=lambda scope: f"All {noun}s" if scope == ALL else scope,
    )  # fmt: skip
    most = right.number_input(
        f"{noun.capitalize()}s {'of the sample' if scope == SAMPLE else 'at most'}", 1, max(rows, 1),
        FIRST_SAMPLE if scope == SAMPLE and rows > FIRST_SAMPLE else rows if scope == SAMPLE else None,
        key=judge_subject.key(subject, f"judge_most_{scope}"), persist_state="session",
        placeholder="no limit",
        help=f"Different {noun}s that are still to be asked; drawn at random once, so a sample only grows.",
    )  # fmt: skip
    entry = _price(subject, judge)
    left, right = st.columns(2)
    most_money = left.number_input(
        f"Money at most ({entry.currency})", 0.0, None, None, key="judge_money", persist_state="session",
        placeholder="no limit", format="%.2f", disabled=entry.price is None,
        help="The run ends once that much is spent; the requests in flight then are still paid.",
    )  # fmt: skip
    at_once = right.number_input(
        "Requests at once", 1, 256, 16, key="judge_at_once", persist_state="session",
        help="At most. Fewer where the server says that these are too many.",
    )  # fmt: skip
    limits = Limits(concurrency=int(at_once), max_cost=most_money if entry.price else None)
    within = _eligible(subject, view) if scope == ELIGIBLE and isinstance(subject, Project) else None
    return Plan(str(scope), within, None if most is None else int(most), limits, entry.price, entry.currency)


def _eligible(project: Project, view: View) -> Mask:
    """(n,) the rows at or above Explore's threshold."""
    scores = project.judges[str(view.judge)].scores
    least = float("-inf") if view.min_score is None else view.min_score
    found: Mask = scores >= least
    return found


def _price(subject: Subject, judge: LlmJudge) -> PriceEntry:
    """The price of the model, which is kept as soon as it is typed."""
    try:
        known = prices(subject.home).get(judge.model, PriceEntry())
    except DataError as error:
        st.warning(plain(error), icon=":material/warning:")
        known = PriceEntry()
    keys = [f"price_{part} {judge.model}" for part in ("prompt", "completion", "currency", "batch")]
    about, noun = (subject, judge.model, *keys), judge_subject.noun(subject)
    boxes = st.columns((3, 3, 2, 2), vertical_alignment="bottom")
    for box, key, title, value in zip(
        boxes[:2],
        keys[:2],
        ("Prompts", "Replies"),
        (known.prompt, known.completion),
        strict=True,
    ):
        box.number_input(
            f"{title}, per 1M tokens", 0.0, None, value, key=key, format="%g",
            placeholder="not known", on_change=_keep, args=about,
            help="As the provider lists it today. Kept in prices.yaml of this home.",
        )  # fmt: skip
    boxes[2].text_input("Currency", known.currency, key=keys[2], max_chars=8, on_change=_keep, args=about)
    boxes[3].number_input(
        "As a batch, %", 1.0, 100.0, 100 * known.batch, key=keys[3], format="%g", on_change=_keep, args=about,
        help="What the provider charges for a batch, of the usual price. 100 where it lists none.",
    )  # fmt: skip
    if known.price is None:
        st.caption(
            "Prices change, so none are shipped: type both in, as the provider lists them today. Without "
            f"them tokens and time are foretold all the same, and limits in {noun}s hold."
        )
    elif known.checked:
        st.caption(plain(f"Typed in on {known.checked}. Prices change: check it before a long run."))
    return known


def _keep(subject: Subject, model: str, *keys: str) -> None:
    prompt, completion, currency, batch = keys
    share = state.widget(batch)
    entry = PriceEntry(
        prompt=state.widget(prompt), completion=state.widget(completion),
        batch=1.0 if share is None else share / 100,
        currency=str(state.widget(currency) or "USD"), checked=datetime.date.today().isoformat(),
    )  # fmt: skip
    try:
        keep_price(subject.home, model, entry)
    except WinnowError as error:
        st.error(plain(error))


def foretold(subject: Subject, judge: LlmJudge, wanted: Plan) -> None:
    """Money and time for all, the eligible ones and a sample, from the replies that there are."""
    asking, noun = judge_subject.asking(subject, judge), judge_subject.noun(subject)
    view = state.current()
    choices: list[tuple[str, Mask | None, int | None]] = [(f"All {noun}s", None, None)]
    if isinstance(subject, Project) and view.judge in subject.judges:
        choices.append((f"{ELIGIBLE} ({view.judge} ≥ {view.min_score:g})", _eligible(subject, view), None))
    sample = wanted.most or min(FIRST_SAMPLE, judge_subject.size(subject))
    scope = wanted.within if wanted.scope == ELIGIBLE else None
    if sample < judge_subject.size(subject):
        choices.append((f"A sample of {counted(sample, noun)}", scope, sample))
    try:
        found = [(name, _estimate(asking, within, most, wanted)) for name, within, most in choices]
    except WinnowError as error:
        st.caption(plain(error))
        return
    if not found[0][1].requests:
        st.caption(f"Nothing is pending: every {noun} that has something to grade was answered.")
        return
    st.dataframe(
        _table(f"{noun}s", found, wanted.currency), hide_index=True, width="stretch", key="estimates"
    )
    st.caption(
        "What is pending, from the replies that there are: the ranges are about two standard errors, and the "
        "longest time allows for a server that asks to wait. A batch is answered within a day. What is "
        "scored already costs nothing again."
    )


def _estimate(asking: Asker, within: Mask | None, most: int | None, wanted: Plan) -> Estimate:
    """Remembered until a run ends: at 52,002 rows it takes a moment."""
    mask = None if within is None else within.tobytes()
    at_once = wanted.limits.concurrency
    found = cached.of_judge(
        asking, "estimate", mask, most, at_once,
        compute=lambda: asking.estimate(within, rows=most, concurrency=at_once),
    )  # fmt: skip
    return found.priced(wanted.price)


def _table(title: str, found: list[tuple[str, Estimate]], currency: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            title: [name for name, _ in found],
            "requests": [f"{each.requests:,}" for _, each in found],
            f"at once ({currency})": [_money(each.cost) for _, each in found],
            f"as a batch ({currency})": [_money(each.batch_cost) for _, each in found],
            "time at once": [f"{time(each.seconds.low)} to {time(each.seconds.high)}" for _, each in found],
            "prompt tokens": [_span(each.prompt_tokens) for _, each in found],
            "reply tokens": [_span(each.completion_tokens) for _, each in found],
        }
    )


def _money(cost: Range | None) -> str:
    return "no price" if cost is None else money(cost)


def _span(tokens: Range) -> str:
    return _ends(_tokens(tokens.low), _tokens(tokens.high))


def _tokens(number: float) -> str:
    """Three digits that say something: a forecast knows no more."""
    if number >= MILLION:
        return f"{number / MILLION:,.{max(0, 2 - int(math.log10(number / MILLION)))}f}M"
    return f"{number:,.0f}" if number < THOUSAND else f"{number / THOUSAND:,.0f}k"


def _ends(low: str, high: str) -> str:
    """Both ends, or the one that they are read as."""
    return low if low == high else f"{low} to {high}"


def money(cost: Range) -> str:
    """Both ends, with as many places as the lower one needs."""
    return _ends(amount(cost.low), amount(cost.high))


def amount(number: float) -> str:
    """Cents from a tenth of a unit on, else two digits that say something."""
    return f"{number:,.2f}" if number >= 0.1 or number == 0 else f"{number:.2g}"


def time(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < MINUTE:
        return f"{seconds:,.0f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:,.0f} min"
    return f"{seconds / HOUR:,.1f} h"
