"""The paragraphs that a paper needs: how an experiment was done.

Its door is `methods_section`. Every number in it is read or counted; nothing is said that was not
recorded.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from amc.config.sb3.naming import title
from amc.config.schema import HyperparameterOptimizerConfig
from amc.config.search import search_space
from amc.reports.material import Material
from amc.reports.wording import counted, duration, score, spanned
from amc.trial_status import TrialStatus

_SEARCHES = {
    "bayesian": "Bayesian optimization with a Gaussian process",
    "tpe": "a tree-structured Parzen estimator",
    "random": "random search",
    "sobol": "a Sobol sequence",
    "grid": "grid search",
    "pbt": "population based training",
}
_PRUNERS = {
    "halving": "successive halving",
    "asha": "asynchronous successive halving",
    "median": "the median rule",
}


def methods_section(material: Material) -> str:
    """The paragraphs, separated by empty lines.

    Args:
        material: what was gathered of an experiment; of an unfinished one it says so.
    """
    paragraphs = [
        " ".join(_training(material)),
        " ".join(_search(material)),
        " ".join(_result(material)),
        " ".join(_cost(material)),
        " ".join(_software(material)),
    ]
    return "\n\n".join(filter(None, paragraphs))


def _training(material: Material) -> Iterator[str]:
    config, training = material.config, material.config.training
    if material.state not in {"completed", "failed", "cancelled"}:
        yield f"The experiment is {material.state}; what follows is how it stands."
    wrappers = [
        wrapper if isinstance(wrapper, str) else wrapper.name
        for wrapper in config.environment.wrappers
    ]
    around = f" (with {', '.join(wrappers)})" if wrappers else ""
    if config.has_own_trainer:
        yield (
            f"Each trial was trained by {config.trains} for "
            f"{counted(training.total_timesteps, 'step')}; its score is the last one that this "
            "reported."
        )
        return
    yield (
        f"Agents were trained by {title(config.algorithm)} in {config.environment.name}{around} "
        f"for {counted(training.total_timesteps, 'environment step')} a trial."
    )
    if training.eval_freq is None:
        yield "The score of a trial is the mean return of its last 100 episodes of training."
    else:
        yield (
            f"The score of a trial is the mean return of "
            f"{counted(training.eval_episodes, 'episode')} of the deterministic policy, played "
            f"after training in environments of their own; it was evaluated every "
            f"{counted(training.eval_freq, 'step')}."
        )


def _search(material: Material) -> Iterator[str]:
    search = material.config.hyperparameter_optimizer
    trials = _by_kind(material)
    if search is None:
        if material.config.seeds > 1:
            yield (
                f"The config was trained on {counted(material.config.seeds, 'seed')}, drawn from "
                f"the seed {material.config.seed}; nothing was searched."
            )
        return
    how = _SEARCHES.get(search.type, f"the search {search.type!r}")
    space = "; ".join(search_space.describe(search.search_space))
    yield f"Hyperparameters were searched by {how} over {space}."
    yield (
        f"The search was given {counted(search.n_calls, 'trial')} and took "
        f"{counted(len(trials.get('search', ())), 'trial')}{_seeds_per_trial(search)}, "
        f"{_order(search)}."
    )
    if search.pruner is not None and material.pruned is not None:
        yield (
            f"Trials were halted early by {_PRUNERS[search.pruner]}: "
            f"{material.pruned.halted} were, which saved "
            f"{material.pruned.steps_saved:,} environment steps."
        )
    yield from _choice(trials, stops=material.config.training.stop_at_reward_threshold)


def _seeds_per_trial(search: HyperparameterOptimizerConfig) -> str:
    if search.seeds_per_trial == 1:
        return ", each suggestion on a seed of its own"
    return f", each suggestion on {search.seeds_per_trial} seeds, of which the mean counts"


def _order(search: HyperparameterOptimizerConfig) -> str:
    if search.type == "pbt":
        return "as one population"
    if search.mode == "rounds":
        return f"in rounds of {search.trials_per_round}"
    return f"one after another with {search.window} under way"


def _choice(trials: Mapping[str, list[TrialStatus]], *, stops: bool) -> Iterator[str]:
    finalists, tests = trials.get("finalist", []), trials.get("test", [])
    if finalists:
        suggestions = len({trial.suggestion for trial in finalists})
        seeds = len({trial.seed for trial in finalists}) // max(1, suggestions)
        # Trials of a search that stops at the threshold did not go to the end, and do not count.
        over = "these" if stops else "these and the search's own seeds"
        yield (
            f"The best {counted(suggestions, 'suggestion')} were trained again on "
            f"{counted(seeds, 'further seed')} each, and the highest mean over {over} was chosen."
        )
    else:
        yield "The suggestion with the highest mean score was chosen."
    if tests:
        yield (
            f"It was then tested on {counted(len(tests), 'seed')} that had no part in choosing it. "
            "The seeds for searching, choosing and testing are three sets that share none."
        )


def _result(material: Material) -> Iterator[str]:
    best = material.best
    if best is None:
        yield "No trial was completed."
        return
    values = ", ".join(f"{key} = {value}" for key, value in best.hyperparameters.items())
    if values:
        yield f"The chosen hyperparameters are {values}."
    low, high = best.interval or (None, None)
    seeds = counted(best.n_seeds, "seed")
    if best.interval is not None:
        yield (
            f"Their mean score is {spanned(best.mean_score, low, high)} over {seeds} "
            "(in brackets the 95 % interval by Student's t)."
        )
    else:
        biased = ", by which they were chosen, so that it is somewhat too high" if values else ""
        yield f"Their mean score is {score(best.mean_score)} over {seeds}{biased}."


def _cost(material: Material) -> Iterator[str]:
    states = Counter(trial.state for trial in material.trials)
    cost, stints = material.cost, material.stints
    workers = len({(stint.machine, stint.worker) for stint in stints})
    yield (
        f"In all, {counted(len(material.trials), 'trial')} were begun: "
        f"{', '.join(f'{count} {state}' for state, count in states.most_common())}."
    )
    yield (
        f"They took {counted(cost.steps, 'environment step')} and {duration(cost.training_s)} of "
        f"training on {counted(workers, 'worker')}, within {duration(cost.elapsed_s)}."
    )
    own = sum(stint.group == "own doing" for stint in stints)
    interrupted = sum(stint.group == "interruption" for stint in stints)
    went_on = "went on from a checkpoint"
    if not material.config.is_segmented:
        went_on = "begun again from nothing"
    if own or interrupted:
        yield (
            f"Of {counted(len(stints), 'attempt')}, {own} failed by the trial's own doing and "
            f"{interrupted} were interrupted and {went_on}; "
            f"{duration(cost.lost_s)} were spent on these."
        )


def _software(material: Material) -> Iterator[str]:
    packages = ", ".join(f"{name} {version}" for name, version in material.versions.items())
    if packages:
        yield f"It was submitted with {packages}."
    ran = "; ".join(str(kind) for kind in material.ran_with)
    if ran:
        yield f"Trials ran with {ran}."
    seeds = f"All seeds are drawn from the experiment's seed, {material.config.seed}"
    if material.config.has_own_trainer:
        yield f"{seeds}; what a trial came to from its seed is the trainer's own."
        return
    yield (
        f"{seeds}; on the same type of CPU the same config gives the same parameters, to the last "
        "bit."
    )
    if material.digest:
        yield f"Those of the winner's agent have the SHA-256 digest {material.digest}."


def _by_kind(material: Material) -> dict[str, list[TrialStatus]]:
    found: dict[str, list[TrialStatus]] = {}
    for trial in material.trials:
        found.setdefault(trial.kind, []).append(trial)
    return found
