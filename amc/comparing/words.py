"""A comparison in words: the cells of its tables, and a sentence for each pair."""

from amc.comparing.verdicts import Outlook, Pair, Reached
from amc.inference import Estimate
from amc.reports.wording import counted, duration, score, spanned

COLUMNS = ("", "runs", "mean", "std", "IQM [95 %]", "solved", "steps to it", "time to it")
PAIR_COLUMNS = ("", "difference [95 %]", "P(better) [95 %]", "seeds to tell")
NOTHING = "-"


def row_cells(row: Outlook) -> list[str]:
    """What `COLUMNS` say of an entrant."""
    return [
        row.name,
        f"{row.n}{_of(row)}",
        score(row.mean),
        NOTHING if row.std is None else f"{row.std:.3g}",
        estimated(row.iqm),
        *_reached(row.reached),
    ]


def _of(row: Outlook) -> str:
    """Which trials the runs are, where a search was followed by others on further seeds."""
    if set(row.kinds) == {"search"}:
        return ""
    return f" {'/'.join(row.kinds)}{'s' * (row.n != 1)}"


def _reached(reached: Reached | None) -> list[str]:
    if reached is None:
        return [NOTHING] * 3
    steps = NOTHING if reached.steps is None else f"{reached.steps:,.0f}"
    seconds = NOTHING if reached.seconds is None else duration(reached.seconds)
    return [f"{reached.n} of {reached.of}", steps, seconds]


def pair_cells(pair: Pair) -> list[str]:
    """What `PAIR_COLUMNS` say of a pair."""
    return [
        f"{pair.ours} over {pair.theirs}",
        NOTHING if pair.difference is None else estimated(pair.difference),
        estimated(pair.improvement),
        NOTHING if pair.seeds is None else f"{pair.seeds:,}",
    ]


def estimated(estimate: Estimate) -> str:
    """A value with its interval, where there is one."""
    return spanned(estimate.value, estimate.low, estimate.high)


def sentence(pair: Pair) -> str:
    """Who is better, or how many more seeds would tell."""
    gap, ours, theirs = pair.difference, pair.ours, pair.theirs
    if gap is None:
        chance = estimated(pair.improvement)
        return f"A run of {ours} scores higher than one of {theirs} with probability {chance}."
    higher, lower = (ours, theirs) if gap.value > 0 else (theirs, ours)
    if gap.value == 0:
        return f"{ours} and {theirs} have the same mean."
    if gap.may_be_none is False:
        return f"{higher} scores higher than {lower}: by {abs(gap.value):.6g}, more than chance."
    told = f"{higher} scores higher than {lower} by {abs(gap.value):.6g}, which chance may account"
    if gap.may_be_none is None:
        return f"{told} for: a single seed says nothing. Train it on more: amc train --seeds 5"
    if pair.seeds is None:
        return f"{told} for; so small a difference takes more than 10,000 seeds to be seen."
    return (
        f"{told} for. If it is what it seems, {counted(pair.seeds, 'seed')} each would tell: "
        f"{pair.more:,} more."
    )
