"""Votes on pairs of answers, and what they come to: who wins, what the order decides, who agrees."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from core.review import wilson
from core.wording import counted

WIN, TIE, LOSE = 1, 0, -1  # of side A
DRAWS = 300  # of the bootstrap
ENDS = (0.025, 0.975)  # of the draws: a 95 % interval


class Vote(NamedTuple):
    """What somebody said of one pair in one order.

    a_first: whether side A was shown first. better: 1 the one shown first, 0 a tie, -1 the other.
    """

    pair: str
    person: str
    a_first: bool
    better: int

    @property
    def for_a(self) -> int:
        """``WIN``, ``TIE`` or ``LOSE`` of side A."""
        return self.better if self.a_first else -self.better


def outcome(one: int, other: int | None) -> int:
    """Side A's result out of its results in both orders: the rule of AlpaGasus (arXiv 2307.08701).

    It wins with two wins or with a win and a tie, loses with two losses or a loss and a tie, and ties
    with two ties or with one win and one loss. Where only one order was judged, that one decides.
    """
    return int(np.sign(one + (one if other is None else other)))


@dataclass(frozen=True, slots=True)
class WinRate:
    """What came of pairs.

    rate: wins and half of the ties, as a share. low, high: its 95 % interval (Wilson, on pairs).
    twice: results that were judged in both orders. flips: of them, those whose verdict the order changes.
    reversals: of the flips, those for one side in the one order and for the other side in the other.
    to_first: of the flips, those that went towards what was shown first; the rest went the other way.
    first: the share of votes without ties for what was shown first.
    """

    wins: int
    ties: int
    losses: int
    rate: float
    low: float
    high: float
    twice: int
    flips: int
    reversals: int
    to_first: int
    first: float

    @property
    def pairs(self) -> int:
        """How many there are."""
        return self.wins + self.ties + self.losses

    @property
    def flip_rate(self) -> float:
        """The share of results judged in both orders whose verdict the order changes; nan without any."""
        return self.flips / self.twice if self.twice else math.nan

    @property
    def flip_interval(self) -> tuple[float, float]:
        """The ends of the 95 % interval of the flip rate (Wilson)."""
        return wilson(self.flip_rate, self.twice)

    @property
    def lean_interval(self) -> tuple[float, float]:
        """The ends of the 95 % interval of the share of flips that went towards what was shown first.

        Without a lean it holds one half: chance would send as many flips the one way as the other.
        """
        return wilson(self.to_first / self.flips, self.flips) if self.flips else (math.nan, math.nan)

    @property
    def order_sentence(self) -> str:
        """What the order decides, and which place it favours; empty where nothing was judged in both."""
        if not self.twice:
            return ""
        low, high = self.flip_interval
        told = (
            f"The verdict changed with the order in {self.flips:,} of {self.twice:,} ({self.flip_rate:.0%}, "
            f"95 % interval {_small(low)} to {_small(high)})"
        )
        if not self.flips:
            return f"{told}."
        told += f", in {self.reversals:,} of them to its opposite"
        first, last = self.lean_interval
        place = "first" if first > 0.5 else "second"
        lean = (
            f"a lean towards what is shown {place}"
            if first > 0.5 or last < 0.5
            else "no clear lean to a place"
        )
        return f"{told}; of all these, {self.to_first:,} favoured what was shown first: {lean}."

    def sentence(self, a: str, b: str) -> str:
        """What it says."""
        if not self.pairs:
            return "No pair is decided yet."
        told = f"{a} wins {self.wins:,}, ties {self.ties:,} and loses {self.losses:,} of {self.pairs:,}"
        rate = f"{self.rate:.0%} with ties counted half (95 % interval {self.low:.0%} to {self.high:.0%})"
        if self.low > 0.5:
            verdict = f"{a} is better"
        elif self.high < 0.5:
            verdict = f"{b} is better"
        else:
            verdict = "that is not enough to tell them apart"
        return f"{told}: {rate}; {verdict}."


def _small(share: float) -> str:
    """A share, with a digit more where it would be 0 % else."""
    return f"{share:.1%}" if 0 < share < 0.01 else f"{share:.0%}"


def win_rate(votes: Iterable[Vote]) -> WinRate:
    """Wins, ties and losses of side A.

    The last vote of each person on a pair in each order counts; both orders make one result by ``outcome``. A
    pair that several people judged has the sign of the sum of their results, so that each pair counts once.
    """
    last = _last(votes)
    signs = list(_results(last).values())
    wins, ties, losses = (signs.count(sign) for sign in (WIN, TIE, LOSE))
    n = wins + ties + losses
    rate = (wins + ties / 2) / n if n else math.nan
    low, high = wilson(rate, n) if n else (math.nan, math.nan)
    decided = [vote.better for vote in last.values() if vote.better]
    both = [said for said in _by_person(last).values() if len(said) > 1]
    # The sum over both orders of who was better, the first shown or the second: 0 where the order is idle.
    moved = [sum(vote.better for vote in said) for said in both]
    return WinRate(
        wins, ties, losses, rate, low, high,
        twice=len(both), flips=sum(by != 0 for by in moved), reversals=sum(abs(by) == 2 for by in moved),
        to_first=sum(by > 0 for by in moved), first=decided.count(1) / len(decided) if decided else math.nan,
    )  # fmt: skip


def results(votes: Iterable[Vote]) -> dict[str, int]:
    """Pair -> ``WIN``, ``TIE`` or ``LOSE`` of side A over everybody who judged it, as ``win_rate`` counts."""
    return _results(_last(votes))


def _last(votes: Iterable[Vote]) -> dict[tuple[str, str, bool], Vote]:
    """(pair, person, whether A is first) -> the vote that counts, ascending."""
    last = {(each.pair, each.person, each.a_first): each for each in votes}
    return dict(sorted(last.items()))


def _by_person(last: dict[tuple[str, str, bool], Vote]) -> dict[tuple[str, str], list[Vote]]:
    found: dict[tuple[str, str], list[Vote]] = {}
    for (pair, person, _), vote in last.items():
        found.setdefault((pair, person), []).append(vote)
    return found


def _results(last: dict[tuple[str, str, bool], Vote]) -> dict[str, int]:
    """Pair -> side A's result over everybody who judged it."""
    sums: dict[str, int] = {}
    for (pair, _), said in _by_person(last).items():
        one, other = said[0].for_a, said[1].for_a if len(said) > 1 else None
        sums[pair] = sums.get(pair, 0) + outcome(one, other)
    return {pair: (total > 0) - (total < 0) for pair, total in sums.items()}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two who judged the same pairs: each says win, tie or lose of side A.

    pairs: that both judged. same: equal results. opposite: a win for the one and a loss for the other.
    share: of equal results. low, high: its 95 % interval (Wilson). kappa: Cohen's, 1 is full agreement and 0
    that of chance; nan where one says the same of every pair. kappa_low, kappa_high: by bootstrap over pairs.
    """

    pairs: int
    same: int
    opposite: int
    share: float
    low: float
    high: float
    kappa: float
    kappa_low: float
    kappa_high: float

    @property
    def sentence(self) -> str:
        """What it says."""
        if not self.pairs:
            return "No pair was judged by both."
        kappa = ""
        if not math.isnan(self.kappa):
            kappa = f"; Cohen's kappa {self.kappa:.2f} ({self.kappa_low:.2f} to {self.kappa_high:.2f})"
        return (
            f"The same result for {self.same:,} of {counted(self.pairs, 'pair')} that both judged "
            f"({self.share:.0%}, 95 % interval {self.low:.0%} to {self.high:.0%}), the opposite one for "
            f"{self.opposite:,}{kappa}."
        )


def agreement(ones: Iterable[Vote], others: Iterable[Vote], *, seed: int = 0) -> Agreement:
    """How far two agree on the pairs that both judged; each with one result a pair, as in ``win_rate``."""
    one, other = results(ones), results(others)
    table = np.zeros((3, 3), dtype=np.int64)
    for pair in one.keys() & other.keys():
        table[one[pair] + 1, other[pair] + 1] += 1
    n, same = int(table.sum()), int(np.trace(table))
    opposite = int(table[0, 2] + table[2, 0])
    if not n:
        return Agreement(0, 0, 0, *[math.nan] * 6)
    draws = np.random.default_rng(seed).multinomial(n, table.ravel() / n, size=DRAWS).reshape(-1, 3, 3)
    kappas = np.array([_kappa(each) for each in draws])
    kappas = kappas[~np.isnan(kappas)]
    ends = np.quantile(kappas, ENDS).tolist() if len(kappas) else (math.nan, math.nan)
    return Agreement(n, same, opposite, same / n, *wilson(same / n, n), _kappa(table), *ends)


def _kappa(table: np.ndarray) -> float:
    """Cohen's, of counts (3, 3)."""
    n = table.sum()
    expected = float(table.sum(0) @ table.sum(1)) / n**2
    return float((np.trace(table) / n - expected) / (1 - expected)) if expected < 1 else math.nan
