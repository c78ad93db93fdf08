"""The decisions of a selection in words: the same on every page, in every scene and on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from core.domain import OptionValue, SelectParams
from core.selection import JudgeOption, Strategy, of_clusters, strategies
from core.wording import counted

MOST_QUOTAS = 3  # that are named one by one
SAID_APART = {"judge", "min_score", "count", "strategy", "options", "pins", "max_tokens", "dedup_distance"}


def decisions(params: SelectParams, rows: int, pool: int) -> str:
    """Such as "1,000 of 52,002 rows: k-center among rows with accuracy of 4 or more; 2 rows always in"."""
    return f"{rows:,} of {counted(pool, 'row')}: {in_words(params)}"


def in_words(params: SelectParams) -> str:
    """Strategy, eligible rows, and every other decision that is not at its default; not the count."""
    said = [f"{title(params)} among {_eligible(params)}", *_settings(params), *_limits(params)]
    default = SelectParams()
    said += [
        f"{each.name.replace('_', ' ')} {_value(value)}"
        for each in fields(params)
        if each.name not in SAID_APART
        and (value := getattr(params, each.name)) != getattr(default, each.name)
    ]
    always = params.pins.include - params.pins.exclude
    if always:
        said.append(f"{counted(len(always), 'row')} always in")
    if params.pins.exclude:
        said.append(f"{counted(len(params.pins.exclude), 'row')} never in")
    return "; ".join(said)


def title(params: SelectParams) -> str:
    """The strategy as people read it; one that this version does not know, by its name."""
    known = strategies().get(params.strategy)
    return known.title if known else params.strategy


def least(params: SelectParams) -> str:
    """The threshold, such as "4.5 or more"."""
    return f"{params.min_score:g} or more"


def _eligible(params: SelectParams) -> str:
    if params.judge is None:
        return "all rows"
    if params.min_score is None:
        return f"rows that {params.judge} scored"
    return f"rows with {params.judge} of {least(params)}"


def _settings(params: SelectParams) -> Iterator[str]:
    """The settings of the strategy that are not at their default, then the quotas of single clusters."""
    known, given = strategies().get(params.strategy), dict(params.options)
    quotas = of_clusters(given, known.keyed.name) if known and known.keyed else {}
    named = {f"{known.keyed.name} {label}" for label in quotas} if known and known.keyed else set()
    for name, value in given.items():
        if name not in named:
            yield from _setting(known, name, value)
    if len(quotas) > MOST_QUOTAS:
        yield f"quotas of {len(quotas)} clusters"
    else:
        yield from (f"{counted(rows, 'row')} of {_cluster(label)}" for label, rows in sorted(quotas.items()))


def _setting(known: Strategy | None, name: str, value: OptionValue) -> Iterator[str]:
    option = next((each for each in known.options if each.name == name), None) if known else None
    if option is None:
        yield f"{name} {_value(value)}"
    elif value != option.default:
        said = f"{option.title.lower()} {_value(value)}"
        yield f"scores multiplied with those of {value}" if isinstance(option, JudgeOption) else said


def _cluster(label: int) -> str:
    return "noise" if label < 0 else f"cluster {label}"


def _limits(params: SelectParams) -> Iterator[str]:
    if params.max_tokens is not None:
        yield f"at most {counted(params.max_tokens, 'token')}"
    if params.dedup_distance is not None:
        yield f"near copies within {_value(params.dedup_distance)} left out"


def _value(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
