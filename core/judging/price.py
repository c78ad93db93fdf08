"""What judging will cost: money and time as ranges, from rows that were tried."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import DataError, ParameterError
from core.judging.judgement import Price

TRIAL = 20  # rows of a trial
LEAST = 3  # replies with counted tokens below which nothing is foretold
SLOWEST = 4.0  # times as long as without any waiting: what a server that says "too many" may make of it
SURE = 2.1  # standard errors on either side: 95 % at about twenty rows


class PriceEntry(BaseModel):
    """One model's price for a million tokens, as a person looked it up.

    checked: the date (YYYY-MM-DD). batch: the share of the price that a batch costs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # built at first use

    prompt: float | None = Field(default=None, ge=0)
    completion: float | None = Field(default=None, ge=0)
    batch: float = Field(default=1.0, gt=0, le=1)
    currency: str = Field(default="USD", max_length=8)
    checked: str = ""

    @property
    def price(self) -> Price | None:
        """The price; None where a field is still to be filled in."""
        if self.prompt is None or self.completion is None:
            return None
        return Price(self.prompt, self.completion, self.batch)


def read_prices(path: str | Path) -> Mapping[str, PriceEntry]:
    """model -> price, out of a YAML file; prices change, so that each entry says when it was checked.

    Raises:
        DataError: the file cannot be read or an entry does not hold.
    """
    where = Path(path)
    try:
        entries = yaml.safe_load(where.read_text("utf-8")) or {}
        return {
            str(model): PriceEntry.model_validate(entry)
            for model, entry in dict(entries["models"] or {}).items()
        }
    except OSError as cause:
        raise DataError(
            f"The prices in {where.name} could not be read: {cause.strerror}.", "Check the path."
        ) from cause
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError, KeyError, TypeError, ValueError) as cause:
        why = str(cause).splitlines()[0]
        raise DataError(
            f"The prices in {where.name} do not hold: {why}.", "See data/prices.yaml for the form."
        ) from None


class Tried(NamedTuple):
    """One answered request: characters sent, tokens counted, seconds."""

    characters: int
    prompt: int
    completion: int
    seconds: float


class Range(NamedTuple):
    """Between which numbers it will be, most likely, and what is expected."""

    low: float
    expected: float
    high: float

    def times(self, factor: float) -> Range:
        """The same in another unit."""
        return Range(self.low * factor, self.expected * factor, self.high * factor)

    def plus(self, other: Range) -> Range:
        """Both together, each at its worst and best."""
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)


class Estimate(NamedTuple):
    """What so many requests will take. cost: None without a price; seconds: of the clock."""

    requests: int
    prompt_tokens: Range
    completion_tokens: Range
    cost: Range | None
    batch_cost: Range | None
    seconds: Range

    def priced(self, price: Price | None) -> Estimate:
        """The same at a price."""
        if price is None:
            return self._replace(cost=None, batch_cost=None)
        asked, said = self.prompt_tokens.times(price.prompt / 1e6), self.completion_tokens
        cost = asked.plus(said.times(price.completion / 1e6))
        return self._replace(cost=cost, batch_cost=cost.times(price.batch))


def estimate(
    tried: Sequence[Tried],
    *,
    requests: int,
    characters: int,
    price: Price | None = None,
    concurrency: int = 16,
) -> Estimate:
    """Foretell tokens, money and time of so many requests with so many characters.

    Prompt tokens are a ratio to the characters, which are known; completion tokens and seconds are means.
    Each range is about two standard errors of what was tried on either side.

    Raises:
        ParameterError: too few replies had their tokens counted.
    """
    if len(tried) < LEAST:
        raise ParameterError(
            f"{len(tried)} replies with counted tokens are too few to foretell a price.",
            f"Try {TRIAL} rows first; some local servers count none.",
        )
    prompt = _ratio([each.prompt for each in tried], [each.characters for each in tried]).times(characters)
    completion = _mean([each.completion for each in tried]).times(requests)
    seconds = _mean([each.seconds for each in tried]).times(requests / max(min(concurrency, requests), 1))
    time = Range(seconds.low, seconds.expected, seconds.high * SLOWEST)
    return Estimate(requests, prompt, completion, None, None, time).priced(price)


def _mean(numbers: Sequence[float]) -> Range:
    mean = math.fsum(numbers) / len(numbers)
    spread = math.sqrt(math.fsum((each - mean) ** 2 for each in numbers) / (len(numbers) - 1))
    return _about(mean, spread / math.sqrt(len(numbers)))


def _ratio(parts: Sequence[float], wholes: Sequence[float]) -> Range:
    """Sum of the parts to sum of the wholes, with the usual error of a ratio."""
    whole = math.fsum(wholes)
    ratio = math.fsum(parts) / whole if whole else 0.0
    left = math.fsum((part - ratio * each) ** 2 for part, each in zip(parts, wholes, strict=True))
    count = len(parts)
    error = math.sqrt(left / (count - 1) / count) / (whole / count) if whole else 0.0
    return _about(ratio, error)


def _about(expected: float, error: float) -> Range:
    return Range(max(expected - SURE * error, 0.0), expected, expected + SURE * error)
