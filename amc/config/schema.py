"""The shape of an experiment's config: every key, its type, range, default and meaning.

The models are strict, frozen and refuse unknown keys. They are filled by `amc.config.loader`, which
knows where in a file a value came from.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    InstanceOf,
    JsonValue,
    PlainSerializer,
    SerializeAsAny,
    Tag,
    ValidationError,
    WithJsonSchema,
)

from amc.config.fields import INTEGRAL, MAY_CHANGE, Count, CountOrZero, Fraction, Size, StrictModel
from amc.config.hyperparameters import COMMAND, Hyperparameters
from amc.config.known import names
from amc.config.own_trainer import KEYS, Command, Reference, ScoreFrom, Variables
from amc.config.schedule import MOST_CHANGES, ScheduledChange, Stage, stages
from amc.config.search.dimension import Dimension
from amc.config.search.search_keys import SearchKeys
from amc.config.search.warm_start import AnyWarmStart
from amc.config.text.document import dotted
from amc.config.text.faults import problems
from amc.errors import ConfigError, Fault, UsageError

Precision = Literal["float32", "tf32", "bf16"]
UNNAMED = "unnamed"
"""The environment of a trainer of the user's own that the config does not name."""
_LONGEST_WORDS = 200
MOST_WRAPPERS = 32
MOST_INITIAL_POINTS = 1000
LearningRate = Annotated[float, Field(ge=1e-10, le=1)]


def _or_none(value: Any) -> Any:
    return None if value == "none" else value


class WrapperConfig(StrictModel):
    """A wrapper and what it is called with."""

    name: Annotated[str, AfterValidator(names.wrapper)]
    """The wrapper's name."""
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    """Its keyword arguments; the built-in ones take none."""


def _few(value: Any) -> Any:
    """Refuse a long list before each of its names is looked for among what is installed."""
    if isinstance(value, list | tuple) and len(value) > MOST_WRAPPERS:
        raise ValueError(f"at most {MOST_WRAPPERS} are allowed, but got {len(value)}.")
    return value


def _form(value: Any) -> str | None:
    if isinstance(value, str):
        return "[name]"
    return "[object]" if isinstance(value, Mapping | WrapperConfig) else None


def _shortest(wrapper: WrapperConfig) -> str | WrapperConfig:
    """A name alone where nothing else is said, so that one wrapper has one spelling."""
    if wrapper.kwargs and wrapper.name in names.WRAPPERS:
        raise ValueError(
            f"{wrapper.name!r} takes no kwargs, but got {', '.join(wrapper.kwargs)}. Remove them."
        )
    return wrapper if wrapper.kwargs else wrapper.name


Wrapper = Annotated[
    Annotated[str, AfterValidator(names.wrapper), Tag("[name]")]
    | Annotated[WrapperConfig, AfterValidator(_shortest), Tag("[object]")],
    Discriminator(
        _form,
        custom_error_type="wrapper_type",
        custom_error_message='must be a name, or an object such as {"name": ..., "kwargs": {...}}',
    ),
]
"""A wrapper's name, or its name and arguments; without arguments it is kept as the name alone."""


class EnvironmentConfig(StrictModel):
    """What is trained in."""

    name: Annotated[str, AfterValidator(names.environment)]
    """A Gymnasium id, for example CartPole-v1."""
    max_episode_steps: Count | None = None
    """Steps after which an episode is cut off; null: the environment's own limit."""
    reward_threshold: float | None = None
    """The mean return at which the task counts as solved; null: the environment's own."""
    wrappers: Annotated[
        tuple[Wrapper, ...], Field(strict=False, max_length=MOST_WRAPPERS), BeforeValidator(_few)
    ] = ()
    """Wrappers in the order in which they are applied: names, or objects with name and kwargs."""
    kwargs: dict[Annotated[str, AfterValidator(names.environment_keyword)], JsonValue] = Field(
        default_factory=dict
    )
    """Keyword arguments of the environment."""
    backend: Literal["auto", "compiled", "envpool", "gymnasium"] = "auto"
    """Who steps the environment; auto: compiled code where there is some, else gymnasium."""


class OptimizerConfig(StrictModel):
    """What trains the networks."""

    type: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    """The rule of the gradient step."""
    learning_rate: Annotated[LearningRate, MAY_CHANGE]
    """Size of the gradient step; left out or null: the algorithm's default."""
    learning_rate_schedule: Annotated[Literal["constant", "linear"], MAY_CHANGE] = "constant"
    """Whether the learning rate stays, or falls to zero over training."""


class HyperparameterOptimizerConfig(StrictModel):
    """What searches for better hyperparameters."""

    type: Annotated[str, AfterValidator(names.search)] = "bayesian"
    """bayesian, tpe, random, sobol, grid, pbt, or a plug-in's name."""
    n_calls: Annotated[int, Field(ge=1, le=1_000_000), INTEGRAL]
    """Trials of the search; finalists and tests come on top."""
    search_space: dict[
        str,
        Annotated[InstanceOf[Dimension], PlainSerializer(lambda dimension: dimension.to_json())],
    ]
    """What is searched: a setting's name and its range or choices."""
    mode: Literal["rounds", "async"] = "rounds"
    """How trials follow each other; rounds: suggested and awaited together; async: one by one."""
    window: Annotated[int, Field(ge=1, le=10_000), INTEGRAL] = 8
    """Trials under way at the same time, in async, whatever the number of workers."""
    order: Literal["in_order", "as_they_come"] = "in_order"
    """What is learned next, in async; in_order: the oldest trial's result, so all is repeatable."""
    trials_per_round: Annotated[int, Field(ge=1, le=10_000), INTEGRAL] = 4
    """Trials suggested together, whatever the number of workers."""
    n_initial_points: CountOrZero | None = None
    """Suggestions spread over the space before the model speaks; null: the optimizer's choice."""
    initial_points: Annotated[
        tuple[dict[str, JsonValue], ...], Field(strict=False, max_length=MOST_INITIAL_POINTS)
    ] = ()
    """Points tried first, by search key; what one does not name keeps its value in this config."""
    warm_start: AnyWarmStart | None = None
    """An experiment whose scores this search knows from the start; copied when it is submitted."""
    seeds_per_trial: Annotated[int, Field(ge=1, le=1000), INTEGRAL] = 1
    """Trials of each suggestion, on different seeds; their mean counts."""
    finalists: Annotated[int, Field(ge=0, le=1000), INTEGRAL] | None = None
    """Best suggestions trained again at the end; null: 4 from 16 calls on, else none."""
    finalist_seeds: Annotated[int, Field(ge=1, le=1000), INTEGRAL] = 3
    """Further seeds of each finalist."""
    test_seeds: Annotated[int, Field(ge=0, le=1000), INTEGRAL] | None = None
    """Seeds that the winner is tested on, which chose nothing; null: 3 from 16 calls on, else 0."""
    pruner: Annotated[
        Literal["halving", "asha", "median"] | None,
        BeforeValidator(_or_none),
        WithJsonSchema({"enum": ["none", "halving", "asha", "median", None]}),
    ] = None
    """What halts hopeless trials early: halving (rounds), asha (async), median, or none."""
    perturbation_interval: Count | None = None
    """Steps after which a population's members are compared; null: a tenth of total_timesteps."""
    quantile_fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.25
    """Share of a population that copies, and that is copied, each time."""
    resample_probability: Fraction = 0.25
    """How often a hyperparameter that was copied is drawn afresh, not moved by a fifth."""
    max_failed_trials: CountOrZero | None = None
    """More failed trials than this end the experiment; null: no limit."""
    max_timesteps: Count | None = None
    """Environment steps over all trials; what would pass it is not opened; null: no limit."""
    max_hours: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Hours since submit, pauses included, after which no new trial is opened; null: no limit."""


class TrainingConfig(StrictModel):
    """How long and with what a trial is trained."""

    total_timesteps: Count
    """Environment steps of a trial, over all its environments."""
    eval_freq: Count | None = 10_000
    """Steps between two evaluations; null: none, the score is the mean of 100 training episodes."""
    save_freq: Count = 10_000
    """Steps between two checkpoints."""
    eval_episodes: Annotated[int, Field(ge=1, le=100_000), INTEGRAL] = 10
    """Episodes of an evaluation; their mean return is the score."""
    eval_max_episode_steps: Count = 50_000
    """Steps after which an evaluation cuts an episode off where there is no other limit."""
    stop_at_reward_threshold: bool = False
    """Whether a trial of the search ends at the first evaluation at reward_threshold."""
    device: Annotated[
        str,
        AfterValidator(names.device),
        Field(json_schema_extra={"pattern": names.DEVICE_PATTERN}),
    ] = "auto"
    """auto, cpu, cuda, or cuda:N."""
    threads: Annotated[int, Field(ge=1, le=1024), INTEGRAL] = 1
    """CPU threads of a trial."""
    kernel: Literal["auto", "fast", "reference"] = "auto"
    """Which implementation of the update: compiled, or plain torch."""
    precision: Precision = "float32"
    """What matrix products are rounded to, with the plain kernel; tf32: on GPUs only."""
    max_attempts: Annotated[int, Field(ge=1, le=100), INTEGRAL] = 3
    """Attempts of a trial that fails by itself, before it counts as failed."""
    stall_timeout: Annotated[float, Field(ge=1, le=1e6)] = 300.0
    """Seconds without any progress after which an attempt is killed."""
    memory_limit: Size | None = None
    """Bytes that a trial may hold, or for example "4GiB"; null: what the machine has."""


class ExperimentConfig(StrictModel):
    """One experiment, complete and checked."""

    schema_reference: Annotated[str | None, Field(alias="$schema", exclude=True)] = None
    """Where editors find the JSON Schema; without effect."""
    experiment_name: Annotated[str, AfterValidator(names.experiment)]
    """Letters, digits, dot, dash and underscore; 1 to 100 of them, the first a letter or digit."""
    description: Annotated[str, Field(max_length=10_000)] = ""
    """For people."""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1), INTEGRAL] = 0
    """Where every random draw of the experiment comes from."""
    seeds: Annotated[int, Field(ge=1, le=1000), INTEGRAL] = 1
    """Trials of the config, each on a seed of its own, without a search; their mean counts."""
    keep_checkpoints: Literal["best", "all"] = "all"
    """Whose final checkpoints stay; best: the winner's, on all of its seeds; all: every trial's."""
    algorithm: str
    """ppo, ddpg, sb3:SAC and the like, a plug-in's name, or command for a trainer of your own."""
    command: Command | None = None
    """Program and arguments that train a trial; {name} stands for a hyperparameter's value."""
    trainer: Reference | None = None
    """A Python function that trains a trial, as module:function, in place of a command."""
    resumable: bool = False
    """Whether the command, or the function, goes on from a checkpoint that it has saved."""
    score_from: ScoreFrom | None = None
    """Where the scores of a command are read that reports none itself."""
    env: Variables = Field(default_factory=dict)
    """Environment variables of the command; null: the value that the worker has."""
    source: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """The directory of the trainer's code; null: where the experiment is submitted."""
    working_directory: Literal["source", "trial"] | None = None
    """Where the command is run; null or source: in `source`; trial: in a directory of its own."""
    algorithm_config: SerializeAsAny[InstanceOf[Hyperparameters]]
    """The algorithm's hyperparameters."""
    environment: EnvironmentConfig
    """What is trained in."""
    optimizer: OptimizerConfig
    """What trains the networks."""
    hyperparameter_optimizer: HyperparameterOptimizerConfig | None = None
    """What searches for better hyperparameters; left out: one trial."""
    training: TrainingConfig
    """How long and with what a trial is trained."""
    schedule: Annotated[
        tuple[ScheduledChange, ...], Field(strict=False, max_length=MOST_CHANGES)
    ] = ()
    """Hyperparameters that change in mid-training, in the order of their steps."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The pieces of its training in which nothing changes."""
        return stages(self.schedule, self.training.total_timesteps)

    @property
    def has_rounds(self) -> bool:
        """Whether trials are suggested and awaited together."""
        search = self.hyperparameter_optimizer
        return search is None or search.mode == "rounds"

    @property
    def has_own_trainer(self) -> bool:
        """Whether a command or a function of the user's own trains."""
        return self.algorithm == COMMAND

    @property
    def is_segmented(self) -> bool:
        """Whether a training may be cut in pieces that go on from each other's checkpoints."""
        return self.resumable or not self.has_own_trainer

    @property
    def trains(self) -> str:
        """What trains, and in what, in a few words."""
        what = self.trainer or " ".join(self.command or ()) or self.algorithm
        if len(what) > _LONGEST_WORDS:
            what = f"{what[: _LONGEST_WORDS - 4]} ..."
        where = self.environment.name
        return what if where == UNNAMED else f"{what} on {where}"

    def to_json(self) -> dict[str, Any]:
        """Every setting as plain JSON values, defaults included; loads again to the same config."""
        exclude = {"optimizer"} if self.has_own_trainer else set(KEYS)
        return self.model_dump(mode="json", by_alias=True, exclude=exclude)

    def search_keys(self) -> SearchKeys:
        """The settings of this config that can be searched."""
        return searchable(type(self.algorithm_config))

    def with_hyperparameters(self, values: Mapping[str, Any]) -> "ExperimentConfig":
        """This config with some settings replaced.

        Args:
            values: keys as a search space writes them, short or dotted.

        Raises:
            ConfigError: a key cannot be searched, or a value is not allowed; every fault at once.
        """
        keys, faults = self.search_keys(), []
        changes: dict[str, dict[str, Any]] = {}
        written: dict[str, str] = {}
        for key, value in values.items():
            try:
                field = keys.field(key)
            except UsageError as error:
                faults.append(Fault(key, str(error)))
                continue
            before = changes.get(field.section) or getattr(self, field.section).model_dump()
            changes[field.section] = field.put(before, value)
            written[field.path] = key
        sections: dict[str, StrictModel] = {}
        for name, change in changes.items():
            model: type[StrictModel] = type(getattr(self, name))
            try:
                sections[name] = model.model_validate(change)
            except ValidationError as error:
                for problem in problems(error, model=model, below=(name,)):
                    path = dotted(problem.path)
                    key = next((key for at, key in written.items() if _is_in(path, at)), path)
                    faults.append(Fault(key, problem.sentence()))
        if faults:
            raise ConfigError(faults)
        return self.model_copy(update=sections)

    def for_trial(
        self, values: Mapping[str, Any], *, seed: int, goes_to_its_end: bool = False
    ) -> "ExperimentConfig":
        """The config of one trial: its hyperparameters, its seed, nothing to search or to change.

        Args:
            values: keys as a search space writes them, short or dotted.
            seed: the trial's.
            goes_to_its_end: whether it does so in any case, however good it is before.

        Raises:
            ConfigError: a key cannot be searched, or a value is not allowed; every fault at once.
        """
        changes: dict[str, Any] = {"seed": seed, "seeds": 1}
        changes |= {"hyperparameter_optimizer": None, "schedule": ()}
        if goes_to_its_end:
            to_its_end = {"stop_at_reward_threshold": False}
            changes["training"] = self.training.model_copy(update=to_its_end)
        return self.with_hyperparameters(values).model_copy(update=changes)


def _is_in(path: str, setting: str) -> bool:
    return f"{path}.".startswith(f"{setting}.")


def searchable(model: type[Hyperparameters]) -> SearchKeys:
    """What can be searched with an algorithm whose hyperparameters have this model."""
    if model.is_free:
        return SearchKeys({"algorithm_config": model})
    return SearchKeys({"algorithm_config": model, "optimizer": OptimizerConfig})
