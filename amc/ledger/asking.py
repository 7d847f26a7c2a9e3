"""What may be asked of a recorded experiment, and what a request means there.

Pure, from config and history. Each function gives a request, whose number is not known yet, and
sentences on what becomes of it; what the experiment's search cannot take is refused with a
sentence. The driver goes by `chosen` and `may_go_on`, the same for both.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from amc.config.fields import LARGEST_COUNT
from amc.config.longer import told_of_longer
from amc.config.schema import ExperimentConfig, HyperparameterOptimizerConfig
from amc.config.search.initial_points import own_point
from amc.errors import UsageError
from amc.ledger.history import History
from amc.ledger.records import Request
from amc.ledger.winner import winner

_HOUR_S = 3600.0
_MOST_HOURS = 1e6
Asked = tuple[Request, list[str]]
Whose = Literal["winner", "all"] | int


def more_calls(config: ExperimentConfig, past: History, calls: int) -> Asked:
    """More trials of the search.

    Raises:
        UsageError: it has none, or one that takes no more.
    """
    search = _searching(config, "calls")
    calls = _count("calls", calls)
    if search.type == "grid":
        raise UsageError(
            "calls: the search is a grid, which n_calls shaped when it was submitted, so it has no "
            "further points. Add points of your own: amc add-trial ID --set KEY=VALUE"
        )
    limit = search.max_failed_trials
    if limit is not None and len(past.failed) > limit:
        raise UsageError(
            f"calls: trials that failed: {len(past.failed)} (max_failed_trials: {limit}), so the "
            "search opens no more. Try them once more first: amc retry-failed ID"
        )
    _require_room(config, past, config.training.total_timesteps)
    trials = "trial" if calls == 1 else "trials"
    told = [f"{calls:,} more {trials} of the search; it goes on with all that it knows."]
    return Request(0, "calls", calls=calls), told


def more_steps(config: ExperimentConfig, past: History, steps: int, whose: Whose) -> Asked:
    """More environment steps for trials, once nothing else of the experiment is left.

    Args:
        config: of the experiment.
        past: what is known.
        steps: of a trial, in all.
        whose: the winner, on all of its seeds; every completed trial; or the number of one.

    Raises:
        UsageError: none could go on.
    """
    _refuse_population(config, "timesteps")
    if not config.is_segmented:
        raise UsageError(
            "timesteps: the trainer of this experiment does not say that it goes on from a "
            "checkpoint (resumable), so no trial is trained for longer. Submit the config with a "
            "larger training.total_timesteps."
        )
    steps = _count("timesteps", steps)
    if type(whose) is int:
        request = Request(0, "steps", steps=steps, of="trials", trials=(whose,))
    elif whose in {"winner", "all"}:
        request = Request(0, "steps", steps=steps, of=whose)
    else:
        raise UsageError(f"trial: {whose!r} is no trial. Write its number, 'winner' or 'all'.")
    if type(whose) is int and whose not in past.trials:
        numbers = f"0 to {len(past.trials) - 1}" if past.trials else "none yet"
        raise UsageError(f"trial: there is no trial {whose}. There are: {numbers}.")
    if not has_ended(past):
        total = config.training.total_timesteps
        if whose in {"winner", "all"} and steps <= total:
            raise UsageError(
                f"timesteps: every trial is trained {total:,} steps anyway, but got {steps:,}. "
                "Write more."
            )
        names = {"winner": "the winner, on all of its seeds,", "all": "every completed trial"}
        who = names.get(whose, f"trial {whose}")  # type: ignore[arg-type]
        return request, [
            f"{who} goes on to step {steps:,} once nothing else of the experiment is left."
        ]
    found = chosen(request, config, past)
    if not found:
        raise UsageError(f"timesteps: {_why_none(config, past, steps, whose)}")
    results = (past.result(trial) for trial in found)
    _require_room(config, past, min(steps - result.steps for result in results if result))
    return request, [_told_of(config, past, trial, steps) for trial in found]


def own_trial(config: ExperimentConfig, past: History, values: Mapping[str, Any]) -> Asked:
    """A trial with hyperparameters of the user's own, beside those that the search suggests.

    Raises:
        UsageError: there is no search.
        ConfigError: it is no point of the search space; with every fault.
    """
    _searching(config, "add-trial")
    point = own_point(config, values)
    _require_room(config, past, config.training.total_timesteps)
    shown = ", ".join(f"{key} = {value}" for key, value in point.items())
    return Request(0, "trial", hyperparameters=point), [f"a trial of your own: {shown}"]


def failed_again(config: ExperimentConfig, past: History) -> Asked:
    """The trials that failed, once more, each on a new seed.

    Raises:
        UsageError: none failed that was not tried again.
    """
    _refuse_population(config, "retry-failed")
    fresh = {key[0] for key, report in past.fresh.items() if report.state == "failed"}
    failed = sorted({*past.failed, *(n for n in fresh if _has_failed(past, n))})
    if not failed:
        raise UsageError("retry-failed: no trial failed, or each was tried once more already.")
    _require_room(config, past, len(failed) * config.training.total_timesteps)
    told = [f"trial {number} is tried once more, on a seed of its own." for number in failed]
    return Request(0, "retry", trials=tuple(failed)), told


def other_limits(
    config: ExperimentConfig, past: History, *, timesteps: int | None, hours: float | None
) -> Asked:
    """Higher limits on steps and time.

    Raises:
        UsageError: there is no such limit, or it is not below what is asked for.
    """
    timesteps = None if timesteps is None else _count("max_timesteps", timesteps)
    if hours is not None and not 0 < hours <= _MOST_HOURS:
        raise UsageError(f"max_hours: must be more than 0 and at most 1e6, but got {hours!r}.")
    told = []
    for name, wanted in (("max_timesteps", timesteps), ("max_hours", hours)):
        if wanted is None:
            continue
        now = limit(config, past, name)
        if now is None:
            raise UsageError(f"{name}: this experiment has no such limit, so none is to be raised.")
        if wanted <= now:
            raise UsageError(f"{name}: it is {now:,} already, but got {wanted:,}. Write more.")
        told.append(f"{name}: {wanted:,} in place of {now:,}.")
    return Request(0, "limits", max_timesteps=timesteps, max_hours=hours), told


def chosen(request: Request, config: ExperimentConfig, past: History) -> list[int]:
    """The trials that a request for steps lets go on, now that nothing else is left."""
    if is_population(config) or not config.is_segmented:
        return []
    trials: Iterable[int] = request.trials
    if request.of == "winner":
        best = winner(config, past)
        means = () if best is None else (best.chosen_by, best)
        trials = (trial for mean in means if mean is not None for trial in mean.mean_of)
    elif request.of == "all":
        trials = (trial.number for trial, result in past.finished() if result.state == "completed")
    return [trial for trial in trials if may_go_on(past, trial, request.steps)]


def has_ended(past: History) -> bool:
    """Whether nothing comes before longer training: the end, and nothing asked that opens more."""
    return past.finish is not None and all(one.kind == "limits" for one in past.asked)


def may_go_on(past: History, trial: int, steps: int) -> bool:
    """Whether a trial has ended before so many steps, and there is something that can go on."""
    result = past.result(trial) if trial in past.trials else None
    if result is None or result.state not in {"completed", "halted"} or result.steps >= steps:
        return False
    # What ended before it was to had reached the reward threshold, and would end there again.
    return result.state == "halted" or result.steps >= past.segments[past.standing(trial)].until


def limit(config: ExperimentConfig, past: History, name: str) -> float | None:
    """What a limit is by now, requests included that no decision has dealt with; None for none."""
    first: float | None = getattr(config.hyperparameter_optimizer, name, None)
    requests = (*past.requests.values(), *past.asked)
    return None if first is None else max(first, *(getattr(one, name) or 0 for one in requests), 0)


def limits(config: ExperimentConfig, past: History) -> dict[str, tuple[float, float]]:
    """What is spent of each limit that an experiment has, and the limit, by its name."""
    spent = {"max_timesteps": past.trained, "max_hours": past.elapsed / _HOUR_S}
    most = {name: limit(config, past, name) for name in spent}
    return {name: (spent[name], most[name] or 0) for name in spent if most[name] is not None}


def is_late(config: ExperimentConfig, past: History) -> bool:
    """Whether the time of an experiment is over."""
    hours = limit(config, past, "max_hours")
    return hours is not None and past.elapsed >= hours * _HOUR_S


def _count(name: str, value: int) -> int:
    """A number of calls or steps, as the ledger can hold it.

    Raises:
        UsageError: it is none.
    """
    if type(value) is not int or not 1 <= value <= LARGEST_COUNT:
        raise UsageError(f"{name}: must be a whole number from 1 to 2**53, but got {value!r}.")
    return value


def _searching(config: ExperimentConfig, what: str) -> HyperparameterOptimizerConfig:
    search = config.hyperparameter_optimizer
    if search is None:
        raise UsageError(
            f"{what}: the experiment has no search (hyperparameter_optimizer). Submit a config "
            "with one, or train for longer: amc extend ID --timesteps N"
        )
    _refuse_population(config, what)
    return search


def is_population(config: ExperimentConfig) -> bool:
    """Whether all trials are trained and compared together, so that none can be added."""
    search = config.hyperparameter_optimizer
    return search is not None and search.type == "pbt"


def _refuse_population(config: ExperimentConfig, what: str) -> None:
    if is_population(config):
        raise UsageError(
            f"{what}: the members of a population (type 'pbt') were trained and compared together, "
            "so none is added, repeated or trained for longer alone. Submit a larger or longer one."
        )


def _require_room(config: ExperimentConfig, past: History, steps: int) -> None:
    """Refuse what an experiment that has ended has no room for.

    Raises:
        UsageError: a limit of it is reached.
    """
    most, hours = limit(config, past, "max_timesteps"), limit(config, past, "max_hours")
    if past.finish is None:
        return
    if most is not None and past.trained + steps > most:
        raise UsageError(
            f"max_timesteps: {past.trained:,} of {most:,} steps over all trials were trained, and "
            f"this takes {steps:,} more. Raise it: amc extend ID --max-timesteps N"
        )
    if is_late(config, past):
        raise UsageError(
            f"max_hours: the {hours:g} hours of the experiment are over. "
            "Raise it: amc extend ID --max-hours H"
        )


def _has_failed(past: History, trial: int) -> bool:
    result = past.result(trial)
    return result is not None and result.state == "failed"


def _why_none(config: ExperimentConfig, past: History, steps: int, whose: Whose) -> str:
    best = winner(config, past)
    number = whose if type(whose) is int else None if best is None else best.trial.number
    result = None if number is None else past.result(number)
    if result is None:
        return "no trial was completed, so none can go on."
    if result.state == "failed":
        return f"trial {number} failed. Try it once more: amc retry-failed ID"
    name = f"trial {number}" if type(whose) is int else f"trial {number}, the winner,"
    if result.steps >= steps:
        return f"{name} was trained {result.steps:,} steps, but got {steps:,}. Write more."
    return (
        f"{name} ended at step {result.steps:,}, at the reward threshold "
        "(training.stop_at_reward_threshold), and would end there again."
    )


def _told_of(config: ExperimentConfig, past: History, number: int, steps: int) -> str:
    trial, result = past.trials[number], past.result(number)
    assert result is not None, "only what has ended is chosen"
    own = config.for_trial(trial.hyperparameters, seed=trial.seed)
    if result.state == "halted":
        return f"trial {number}: it was halted, and goes on from step {result.steps:,}."
    return f"trial {number}: {told_of_longer(own, result.steps, steps)}"
