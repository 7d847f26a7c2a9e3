"""Values as a person reads them: scores, durations, hyperparameters."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from amc.ledger.pruning import Pruned
from amc.ledger.records import Copy

# From here on numbers are written with an exponent; so many decimals are read by nobody.
_LONG, _MOST_DECIMALS = 1e7, 12
_MOST_NAMED = 8
_UNITS = ("kB", "MB", "GB", "TB", "PB")


def score(value: float | None) -> str:
    """Six significant digits, or a dash where there is no score."""
    return "-" if value is None else f"{value:.6g}"


def mean(
    value: float, standard_error: float | None, interval: tuple[float, float] | None = None
) -> str:
    """`-1094.6 ± 91.2`, or with an interval `488.2 [460.1, 516.3]`; of one like a score.

    With as many digits as the standard error, or half the interval, makes sense of.
    """
    if standard_error is None:
        return score(value)
    spread = standard_error if interval is None else (interval[1] - interval[0]) / 2
    if not spread or max(abs(value), spread) >= _LONG:
        texts = [score(number) for number in (value, *(interval or ()))] + [f"{spread:.3g}"]
    else:
        decimals = min(max(0, 2 - math.floor(math.log10(spread))), _MOST_DECIMALS)
        texts = [f"{number:.{decimals}f}" for number in (value, *(interval or ()), spread)]
    middle, *ends, error = texts
    return f"{middle} ± {error}" if interval is None else f"{middle} [{', '.join(ends)}]"


def seeds(n_seeds: int, *, are_tests: bool) -> str:
    """`4 seeds` or `3 test seeds`; nothing of a single trial, unless it was a test."""
    if n_seeds == 1 and not are_tests:
        return ""
    return f"{n_seeds} {'test ' * are_tests}seed{'s' * (n_seeds > 1)}"


def trials(numbers: Sequence[int]) -> str:
    """`trial 3`, `trials 3, 4`; of many the first."""
    more = ", ..." if len(numbers) > _MOST_NAMED else ""
    return f"trial{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers[:_MOST_NAMED]))}{more}"


def solved(step: int | None) -> str:
    """`, solved at step 12,288`, or nothing."""
    return "" if step is None else f", solved at step {step:,}"


def rank(place: int | None, compared: int | None) -> str:
    """`rank 7 of 9`, or a dash where a trial was compared with none."""
    return "-" if place is None else f"rank {place} of {compared}"


def pruned(found: Pruned) -> str:
    """What halting came to, and how often it was wrong.

    `6 trials halted, 47 % of 270,000 steps saved, wrongly halted: 0 of 2 spared`
    """
    share = found.steps_saved / found.full_steps if found.full_steps else 0.0
    wrongly = f"{found.wrongly_halted} of {found.spared} spared" if found.spared else "none spared"
    return (
        f"{found.halted:,} trial{'s' * (found.halted != 1)} halted, "
        f"{100 * share:.0f} % of {found.full_steps:,} steps saved, wrongly halted: {wrongly}"
    )


def size(n_bytes: float) -> str:
    """`512 B`, `34.1 MB`, `1.20 GB`: powers of 1000, three digits."""
    if n_bytes < 1000:
        return f"{n_bytes:.0f} B"
    unit = min(int(math.log10(n_bytes) / 3), len(_UNITS))
    value = n_bytes / 1000**unit
    digits = max(0, 2 - int(math.log10(value)))
    return f"{value:.{digits}f} {_UNITS[unit - 1]}"


def duration(seconds: float) -> str:
    """`0.8 s`, `42 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def moment(unix: float, form: str = "%Y-%m-%d %H:%M") -> str:
    """`2026-11-25 22:55` in local time; a dash where no clock shows it."""
    try:
        return time.strftime(form, time.localtime(unix))
    except (OverflowError, ValueError, OSError):
        return "-"


def budget(search: str, planned: Any) -> str:
    """What will be trained, a clause for each thing; `planned` is an `amc.driver.Budget`.

    `bayesian search, 24 trials, then 12 more: the best 4 again on 3 further seeds each`
    """
    parts = [f"{search} search, {planned.search_trials:,} trials"]
    if planned.seeds > 1:
        last = planned.search_trials % planned.seeds
        parts[-1] += f" ({planned.suggestions:,} suggestions on {planned.seeds} seeds each"
        parts[-1] += f"; the last on {last}, too few to win)" if last else ")"
    if planned.grid_points is not None:
        parts.append(f"all {planned.grid_points:,} points of its grid")
    if planned.finalists:
        seeds = planned.finalist_seeds
        more = f"the best {planned.finalists} again on {seeds} further seed{'s' * (seeds > 1)} each"
        parts.append(f"then {planned.finalists * seeds:,} more: {more}")
    if planned.test_seeds:
        parts.append(f"then {planned.test_seeds:,} more: the winner on test seeds")
    return ", ".join(parts)


def population(search: Any, interval: int, n_generations: int, n_tests: int) -> str:
    """What will be trained in a population; `search` is that section of the config.

    `population of 8, 10 generations of 5,000 steps; the worst 2 of each go on from one of the best`
    """
    copied = max(1, round(search.quantile_fraction * search.n_calls))
    tests = f", then {n_tests:,} more trials: the winner's schedule on test seeds" * bool(n_tests)
    return (
        f"population of {search.n_calls:,}, {n_generations:,} generations of {interval:,} steps; "
        f"the worst {copied:,} of each go on from one of the best{tests}"
    )


def copies(found: Sequence[Copy]) -> str:
    """Whose a trial's weights were before: `trial 3 until 5,000, trial 7 until 20,000`; a dash."""
    return ", ".join(f"trial {one.trial} until {one.step:,}" for one in found) or "-"


def hyperparameters(values: Mapping[str, Any]) -> str:
    """`gamma=0.98 learning_rate=0.0012`."""
    return " ".join(f"{key}={_number(value)}" for key, value in values.items())


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def error(text: str) -> str:
    """The first line of an error, and the last where that says what was raised."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    first, last = lines[0], lines[-1]
    return first if last in first else f"{first} ... {last}"
