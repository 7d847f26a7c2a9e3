"""Population based training: where all members have come to the same step, the worst copy the best.

A member is a trial of the search. Who copies goes on from a better member's checkpoint, with
hyperparameters near that member's, and with draws of its own. Source: Jaderberg et al. 2017,
https://arxiv.org/abs/1711.09846, with truncation selection (section 4.1.1). Its door is `breed`.

What a member draws hangs on the experiment's seed, the member and its generation alone.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.config.search.generations import generations
from amc.driver.draft import Draft, Fork
from amc.driver.suggesting import next_suggestions
from amc.ledger import History
from amc.ledger.pruning import best_first, score_at
from amc.ledger.sorted_map import SortedMap
from amc.optimizers.encoding import Encoding
from amc.optimizers.perturbation import perturbed

# Far from the streams of trials' seeds, which `amc.driver.seeds` has.
_STREAM = 101
# Hyperparameters that do not fit together are drawn again, so often.
_DRAWS = 100


def breed(
    config: ExperimentConfig, search: HyperparameterOptimizerConfig, past: History, draft: Draft
) -> None:
    """Open the next generation; nothing after the last, or where no member is left.

    A member that failed stays failed: a new trial, which copies one of the best as the worst do,
    takes its place.
    """
    ends = generations(search, config.training)
    members = [trial for trials in past.suggestions.values() for trial in trials]
    sent_to = {member: past.newest(member).until for member in members}
    at = max(sent_to.values(), default=0)
    if at == ends[-1]:
        return
    until = next(end for end in ends if end > at)
    if not members:
        for number, point in enumerate(
            next_suggestions(config, search, SortedMap(), search.n_calls)
        ):
            draft.start(point, number, until=until, fork=Fork(point))
    present = [member for member in members if sent_to[member] == at]
    scores = {one: score_at(past.curve(one), at) for one in present if past.is_short(one)}
    forks = _forks(config, search, past, scores, [one for one in present if one in past.failed])
    for member in present:
        if member in scores:
            draft.go_on(member, until, fork=forks.get(member))
        elif member in forks:
            fork = forks[member]
            number = len(past.suggestions) + len(draft.trials)
            draft.start(fork.hyperparameters or {}, number, until=until, fork=fork)


def _forks(
    config: ExperimentConfig,
    search: HyperparameterOptimizerConfig,
    past: History,
    scores: Mapping[int, float | None],
    failed: Sequence[int],
) -> dict[int, Fork]:
    """What becomes of those that failed, and of the worst, where what they copy is better."""
    known = {member: score for member, score in scores.items() if score is not None}
    order = best_first(known)
    count = min(max(1, round(search.quantile_fraction * len(order))), len(order) // 2)
    best, better = order[: max(1, count)], order[: len(order) - count]
    found = {}
    for member in (*failed, *scores) if best else ():
        key = (_STREAM, past.last[member], member)
        generator = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=key))
        source = best[int(generator.integers(len(best)))]
        is_among_equals = member in known and known[source] <= known[member]
        if member not in better and not is_among_equals:
            found[member] = _fork(config, search, past, source, generator)
    return found


def _fork(
    config: ExperimentConfig,
    search: HyperparameterOptimizerConfig,
    past: History,
    source: int,
    generator: np.random.Generator,
) -> Fork:
    """A copy of a member, somewhere near it."""
    start = past.newest(source)
    encoding, point = Encoding(search.search_space), past.hyperparameters(start)
    draws = (
        perturbed(encoding, point, generator, search.resample_probability) for _ in range(_DRAWS)
    )
    fitting = (
        values
        for values in draws
        if not any(config.with_hyperparameters(values).algorithm_config.problems())
    )
    near, reseed = next(fitting, point), int(generator.integers(2**32))
    return Fork(near, start=start.key, reseed=reseed)
