"""What the figures of trust mean for the selection at hand, in sentences, and what to do about each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from core.concordance import AtThresholds, Estimate
from core.families import UNKNOWN, family_of, others
from core.leanings import DROP, Leaning
from core.trust import Trust
from core.trust_verdict import Finding, Step, Tone, joined_step, step_of
from core.wording import counted

NOTABLE, STRONG = 0.1, 0.3  # a rank correlation with length or style: said, warned of
SEQUENCES: Mapping[Tone, str] = {
    "good": "The judges put rows in much the same sequence",
    "fair": "The judges agree on part of the sequence of rows",
    "warn": "Rows stand in another sequence under each judge",
}
NAMED = 3  # clusters that a sentence names


def findings(found: Trust) -> tuple[Finding, ...]:
    """Every figure with its sentence, in the sequence of the page; the verdict is not among them."""
    return (
        *_agreement(found),
        *_filters(found),
        *_lengths(found),
        *_styles(found),
        *_clusters(found),
        *_ties(found),
        *_families(found),
    )


# Agreement.


def _agreement(found: Trust) -> Iterator[Finding]:
    known = [each for each in found.overall.pairs if not math.isnan(each.spearman.value)]
    if known:
        low, high = (end(each.spearman.value for each in known) for end in (min, max))
        mean = sum(each.spearman.value for each in known) / len(known)
        tone: Tone = "good" if low >= 0.7 else "fair" if low >= 0.4 else "warn"
        spread = f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"
        said = f"{SEQUENCES[tone]}: rank correlations of {spread}."
        yield Finding(
            "agreement", "Mean rank correlation", Estimate(mean), "", tone, said,
            "Take the top of several judges together rather than the top of one.",
            step=joined_step(found, "median"),
        )  # fmt: skip
    effective, count = found.overall.effective, len(found.judges)
    if not math.isnan(effective):
        said = f"{count} judges of this correlation say as much as {effective:.1f} independent ones."
        is_many = effective >= 0.75 * count
        advice = "Their median is steadier than any one of them." if is_many else (
            "They share a part: a judge of another family adds more than one of the same."
        )  # fmt: skip
        yield Finding("agreement", "Effective judges", Estimate(effective), "judges", "fair", said, advice)


# Filters at the threshold.


def _filters(found: Trust) -> Iterator[Finding]:
    for name, each in found.now.filters:
        yield _filter(found, name, each)


def _filter(found: Trust, name: str, each: AtThresholds) -> Finding:
    first = found.now.first
    keeps = f"{first} keeps {counted(each.passing[0], 'row')} and {name} at {each.thresholds[1]:g} or more"
    if math.isnan(each.jaccard.value):
        return Finding(
            "filters", f"Overlap with {name}", each.jaccard, "share", "fair",
            f"{keeps} {each.passing[1]:,}: no row is kept by either.", "Take a lower threshold.",
        )  # fmt: skip
    shared = each.both / max(each.passing[0], 1)
    beyond = each.jaccard.low > each.chance
    is_part = name in found.now.parts
    tone: Tone = "warn" if each.jaccard.value < 0.5 or not beyond else "fair"
    if each.jaccard.value >= 0.7 and beyond and not is_part:
        tone = "good"
    said = (
        f"{keeps} {each.passing[1]:,}; {each.both:,} are the same, {each.jaccard.value:.0%} of what either "
        f"keeps, where chance gives {each.chance:.0%}."
        + (f" {name} is a part of {first}, so some of that is bound to be." if is_part else "")
    )
    if tone == "good":
        advice = "Either judge may decide."
    elif beyond:
        advice = f"{1 - shared:.0%} of the rows kept would go under {name}: prefer rows that both keep."
    else:
        advice = "They agree no better than chance: let neither decide alone."
    step = joined_step(found, "minimum") if tone == "warn" else None
    return Finding(
        "filters", f"Overlap with {name}", each.jaccard, "share", tone, said, advice, each.chance, step
    )


# Length and style.


def _strength(value: float) -> Tone:
    return "warn" if abs(value) >= STRONG else "fair" if abs(value) >= NOTABLE else "good"


def _lengths(found: Trust) -> Iterator[Finding]:
    for each in (*([found.now.length] if found.now.length else ()), *found.overall.lengths):
        yield _length(found, each)
    shared = [
        (pair.spearman.value, beyond)
        for pair, beyond in zip(found.overall.pairs, found.overall.beyond_length, strict=True)
        if not (math.isnan(pair.spearman.value) or math.isnan(beyond))
    ]
    if shared:
        before, after = (sum(values) / len(shared) for values in zip(*shared, strict=True))
        lost = 1 - after / before if before > 0 else math.nan
        is_taste = not math.isnan(lost) and lost >= 0.25
        said = (
            f"With the length held fixed the mean rank correlation goes from {before:.2f} to {after:.2f}"
            + (": a good part of what the judges share is a taste for length." if is_taste else ".")
        )
        yield Finding(
            "length", "Agreement beyond length", Estimate(after), "", "warn" if is_taste else "good", said,
            "Judge responses of about the same length against each other." if is_taste else "Nothing to do.",
            step=joined_step(found, "length-free") if is_taste else None,
        )  # fmt: skip


def _length(found: Trust, each: Leaning) -> Finding:
    tone = _strength(each.rho.value) if not math.isnan(each.rho.value) else "good"
    longer = "longer" if each.rho.value > 0 else "shorter"
    if tone == "good":
        said = f"{each.judge} hardly minds how long a response is."
    else:
        said = f"{each.judge} scores {longer} responses higher"
        said += "" if math.isnan(each.beyond) else (
            f": {each.rho.value:.2f}, and {each.beyond:.2f} with what the others say held fixed"
        )  # fmt: skip
        said += "."
    if each.judge == found.now.first and found.now.threshold is not None:
        kept, pool = found.now.length_kept, found.now.length_pool
        if not (math.isnan(kept) or math.isnan(pool)):
            said += f" The median response has {kept:,.0f} characters in this selection"
            said += f" and {pool:,.0f} among all scored rows."
    advice = "Nothing to do." if tone == "good" else "Take the length out of the score before it decides."
    step = None
    if tone == "warn" and each.judge == found.now.first:
        step = step_of(found, "length-free", (each.judge,))
    return Finding("length", f"{each.judge} and length", each.rho, "", tone, said, advice, step=step)


def _styles(found: Trust) -> Iterator[Finding]:
    known = [
        each for each in found.overall.styles if not (math.isnan(each.rho.value) or math.isnan(each.beyond))
    ]
    if not known:
        return
    known = [each for each in known if each.judge == found.now.first] or known
    most = max(known, key=lambda each: (abs(each.beyond), each.feature))
    tone = _strength(most.beyond)
    way = "higher" if most.beyond > 0 else "lower"
    said = f"{most.judge} scores responses with {most.feature} {way} ({most.share:.1%} of the rows), " \
        f"{most.beyond:+.2f} with the length held fixed."  # fmt: skip
    if tone == "good":
        said = (
            f"Markdown, lists and code move {most.judge} little: {most.feature} most, at {most.beyond:+.2f}."
        )
    advice = (
        "Nothing to do." if tone == "good" else f"Read rows with {most.feature} on both sides of the cut."
    )
    yield Finding("style", f"{most.judge} and {most.feature}", most.rho, "", tone, said, advice)


# Clusters and ties.


def _clusters(found: Trust) -> Iterator[Finding]:
    if found.now.clusters is None:
        return
    alerts = [each for each in found.now.clusters if each.is_alert]
    overall = found.now.passing / max(found.now.scored, 1)
    figure = Estimate(float(len(alerts)))
    if not alerts:
        said = f"No cluster keeps its rows {DROP:g} times less often than the {overall:.0%} of all rows."
        yield Finding("clusters", "Clusters thinned out", figure, "count", "good", said, "Nothing to do.")
        return
    named = ", ".join(
        f"{found.now.names.get(each.label, each.label)} ({each.rate:.0%})" for each in alerts[:NAMED]
    )
    more = f" and {len(alerts) - NAMED} more" if len(alerts) > NAMED else ""
    keep = "keeps its" if len(alerts) == 1 else "keep their"
    said = (
        f"{counted(len(alerts), 'cluster')} of {len(found.now.clusters)} {keep} rows {DROP:g} times less "
        f"often than the {overall:.0%} of all rows: {named}{more}."
    )
    step = None
    if found.params.strategy != "cluster-quota":
        step = Step("strategy", "Give each cluster its quota", name="cluster-quota")
    yield Finding(
        "clusters", "Clusters thinned out", figure, "count", "warn", said,
        "Give each cluster its quota, or score these rows with a judge that knows their subject.", step=step,
    )  # fmt: skip


def _ties(found: Trust) -> Iterator[Finding]:
    levels, first = found.now.levels, found.now.first
    if not levels.height:
        return
    largest = levels.sort("rows", descending=True).row(0, named=True)
    share = largest["rows"] / max(found.now.scored, 1)
    tone: Tone = "warn" if share >= 0.25 else "fair" if share >= 0.05 else "good"
    said = f"{first} gives {counted(levels.height, 'different score')}; "
    said += f"{share:.0%} of the rows share {largest['score']:g}."
    if levels.height >= 200:
        said = f"{first} is as good as continuous: ties part few rows."
        tone = "good"
    chosen = found.chosen
    if chosen is not None and chosen.ties.said:
        said += f" {chosen.ties.said}"
    step, advice = None, "Nothing to do."
    if tone != "good":
        advice = "Only the thresholds in the table part rows: take one of them, or break ties by more judges."
        step = _nearest(found)
    yield Finding(
        "ties", "Rows of the most frequent score", Estimate(share), "share", tone, said, advice, step=step
    )


def _nearest(found: Trust) -> Step | None:
    """The attainable threshold whose rows come nearest to the count, where that is another one."""
    count, levels = found.params.count, found.now.levels
    if count is None or found.now.threshold is None:
        return None
    scores, rows = levels["score"].to_list(), levels["at or above"].to_list()
    place = min(range(len(rows)), key=lambda each: (abs(math.log(rows[each] / max(count, 1))), each))
    if scores[place] == found.now.threshold:
        return None
    title = f"Take {scores[place]:g} or more: {counted(rows[place], 'row')}"
    return Step("threshold", title, number=scores[place])


# Families.


def _families(found: Trust) -> Iterator[Finding]:
    step = Step("families", "Say who wrote, judges and evaluates")
    figure = Estimate(float(len(found.clashes)))
    if found.clashes:
        said = " ".join(each.sentence for each in found.clashes)
        free = ", ".join(others(found.families)[:NAMED])
        advice = f"Add a judge of another family, such as {free}, or ask people about a sample."
        yield Finding(
            "families", "Parts played by one family", figure, "count", "warn", said, advice, step=step
        )
        return
    silent = [
        part
        for part, name in (("the writer of the responses", found.families.writer),
                           ("the evaluator", found.families.evaluator))
        if family_of(name) == UNKNOWN
    ]  # fmt: skip
    if silent:
        said = f"Not known: {' and '.join(silent)}. Models of one family flatter each other."
        yield Finding("families", "Parts played by one family", Estimate(math.nan), "", "fair", said,
                      "Say who they are, below.", step=step)  # fmt: skip
        return
    unknown = [name for name in found.judges if found.families.of_judge(name) == UNKNOWN]
    said = "Writer, judges and evaluator are of different families."
    if unknown:
        said = f"No clash is known, but nobody said of which family {', '.join(unknown)} may be."
    tone: Tone = "fair" if unknown else "good"
    advice = "Say it below." if unknown else "Nothing to do."
    yield Finding(
        "families",
        "Parts played by one family",
        figure,
        "count",
        tone,
        said,
        advice,
        step=step if unknown else None,
    )
