"""What is compared: experiments, each with the runs that say what its winner is worth.

Its doors are `Entrant` and `entrant`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gymnasium.envs.registration import EnvSpec

from amc.config.known.registry import find
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.inference import Scores
from amc.ledger import History, Ledger
from amc.ledger.ancestry import config_of
from amc.ledger.winner import Winner, winner

Points = Sequence[tuple[int, float]]
"""Step and score of a run's evaluations."""


@dataclass(frozen=True)
class Run:
    """A trial that went to its end.

    Attributes:
        trial: its number.
        seed: its own.
        score: at its end.
        curve: of the evaluations behind its weights.
        steps: environment steps.
        seconds: of training, evaluations included.
    """

    trial: int
    seed: int
    score: float
    curve: Points
    steps: int
    seconds: float


@dataclass(frozen=True)
class Entrant:
    """A contestant: one experiment, or several in different environments under one name.

    Attributes:
        name: as it is shown.
        runs: of each environment, by its name.
        configs: what trains the winner again, by environment.
        kinds: of the runs: `test`, `finalist` or `search`, by environment.
        thresholds: the mean return at which the task counts as solved, by environment.
    """

    name: str
    runs: Mapping[str, Sequence[Run]]
    configs: Mapping[str, ExperimentConfig]
    kinds: Mapping[str, str]
    thresholds: Mapping[str, float | None]

    @property
    def scores(self) -> Scores:
        """Of each run, by environment."""
        return {task: [run.score for run in runs] for task, runs in self.runs.items()}


def entrant(name: str, ledgers: Sequence[Ledger]) -> Entrant:
    """What the winners of experiments did.

    Args:
        name: as it is to be shown.
        ledgers: of the experiments, each in another environment.

    Raises:
        UsageError: one has no winner yet, or two are in the same environment.
    """
    found = Entrant(name, {}, {}, {}, {})
    for ledger in ledgers:
        past = ledger.history()
        best = winner(ledger.config, past)
        if best is None:
            raise UsageError(f"{ledger.id}: no trial was completed yet. Wait for one: amc watch")
        task = ledger.config.environment.name
        if task in found.runs:
            raise UsageError(
                f"{name}: two of its experiments are in {task}. Give each entrant one experiment "
                "per environment."
            )
        found = _with(found, task, ledger, past, best)
    return found


def _with(found: Entrant, task: str, ledger: Ledger, past: History, best: Winner) -> Entrant:
    runs = [_run(past, number) for number in best.mean_of]
    kind = past.trials[best.mean_of[0]].kind
    config = config_of(ledger.config, past, best.trial.number)
    return Entrant(
        found.name,
        {**found.runs, task: runs},
        {**found.configs, task: config},
        {**found.kinds, task: kind},
        {**found.thresholds, task: _threshold(config)},
    )


def _threshold(config: ExperimentConfig) -> float | None:
    """The config's, else that of whoever registered the environment.

    What a trainer of the user's own calls a score need not be a return.
    """
    if config.environment.reward_threshold is not None or config.has_own_trainer:
        return config.environment.reward_threshold
    try:
        registered = find(config.environment.name)
    except Exception:  # of code that is not ours: the environment need not be installed here
        return None
    return registered.reward_threshold if isinstance(registered, EnvSpec) else None


def _run(past: History, number: int) -> Run:
    result, trial = past.result(number), past.trials[number]
    assert result is not None and result.score is not None, "the winner's mean is of completed ones"
    return Run(
        trial=number,
        seed=trial.seed,
        score=result.score,
        curve=past.curve(number),
        steps=result.steps,
        seconds=result.seconds,
    )
