"""The text of a first config: tuned settings, a search around them, and what every key means.

Meanings and defaults are the models' own. Its door is `starter`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from amc.config.fields import StrictModel
from amc.config.known.environments import KNOWN
from amc.config.loader import ConfigLoader
from amc.config.presets import Beginning
from amc.config.sb3.naming import title
from amc.config.schema import (
    EnvironmentConfig,
    ExperimentConfig,
    HyperparameterOptimizerConfig,
    OptimizerConfig,
    TrainingConfig,
)
from amc.config.search.proposal import proposed
from amc.config.text.commented import Entry, commented, mapping

# Of the keys that are left out, those that a first search may want; of an algorithm all are told.
_TOLD: dict[str, tuple[str, ...]] = {
    "environment": ("max_episode_steps", "reward_threshold", "wrappers"),
    "optimizer": ("type", "learning_rate", "learning_rate_schedule"),
    "hyperparameter_optimizer": (
        *("trials_per_round", "seeds_per_trial", "mode", "pruner"),
        *("max_timesteps", "max_hours"),
    ),
    "training": ("eval_episodes", "stop_at_reward_threshold", "device", "threads"),
}
_MODELS: dict[str, type[StrictModel]] = {
    "environment": EnvironmentConfig,
    "optimizer": OptimizerConfig,
    "hyperparameter_optimizer": HyperparameterOptimizerConfig,
    "training": TrainingConfig,
}
_SECTIONS = (
    *("algorithm_config", "environment", "optimizer", "hyperparameter_optimizer", "training"),
)


def starter(beginning: Beginning, *, file: str, schema: str) -> str:
    """The text of a config file.

    Args:
        beginning: the settings.
        file: how the file is called in what it says of itself.
        schema: where the JSON Schema lies, from there.

    Raises:
        ConfigError: the settings are none for this environment.
    """
    values = {**beginning.values, "description": _description(beginning)}
    config = ConfigLoader().from_mapping(values, source=file)
    values["hyperparameter_optimizer"] = proposed(config)
    meanings = _meanings(ExperimentConfig)
    keys = ("experiment_name", "description", "algorithm")
    head = [Entry("$schema", schema), *mapping({key: values[key] for key in keys}, {})]
    head += _hints(config, ("seed", "keep_checkpoints"), meanings)
    sections = [_section(name, values.get(name, {}), config, meanings) for name in _SECTIONS]
    return commented(_preface(file), [*head, *sections])


def _description(beginning: Beginning) -> str:
    name = beginning.values["environment"]["name"]
    of = "defaults" if beginning.preset is None else f"settings of the preset {beginning.preset}"
    elsewhere = beginning.tuned_for not in {None, name}
    tuned = f", tuned on {beginning.tuned_for}" if elsewhere else ""
    return f"{title(beginning.values['algorithm'])} on {name}: {of}{tuned}, a search around them."


def _preface(file: str) -> list[str]:
    return [
        f"amc submit --dry-run {file}    what will be tried, and how long that takes",
        f"amc run {file}                 train it here",
        "",
        "Lines that are commented out are defaults. Comments and trailing commas are fine.",
        "Every key there is: amc schema, and docs/config.md.",
    ]


def _section(
    name: str, given: Mapping[str, Any], config: ExperimentConfig, meanings: Mapping[str, str]
) -> Entry:
    section = getattr(config, name)
    model = _MODELS.get(name, type(config.algorithm_config))
    own = _meanings(model)
    told = [key for key in _TOLD.get(name, model.model_fields) if key not in given]
    written = {key: value for key, value in given.items() if key != "search_space"}
    entries = [*mapping(written, own)]
    if "search_space" in given:
        space = mapping(given["search_space"], {})
        entries.append(Entry("search_space", space, own["search_space"]))
    entries += _defaults(name, section, told, own, config)
    return Entry(name, tuple(entries), meanings[name])


def _defaults(
    name: str,
    section: StrictModel | None,
    told: Iterable[str],
    meanings: Mapping[str, str],
    config: ExperimentConfig,
) -> list[Entry]:
    model = _MODELS.get(name, type(config.algorithm_config))
    dumped = {} if section is None else section.model_dump(mode="json")
    if name == "environment":
        known = KNOWN.get(config.environment.name)
        dumped |= (
            {}
            if known is None
            else {
                "max_episode_steps": known.max_episode_steps,
                "reward_threshold": known.reward_threshold,
            }
        )
    return [
        Entry(key, dumped.get(key, model.model_fields[key].default), meanings[key], is_hint=True)
        for key in told
    ]


def _hints(
    config: ExperimentConfig, keys: Iterable[str], meanings: Mapping[str, str]
) -> list[Entry]:
    dumped = config.to_json()
    return [Entry(key, dumped[key], meanings[key], is_hint=True) for key in keys if key in dumped]


def _meanings(model: type[StrictModel]) -> dict[str, str]:
    return {name: field.description or "" for name, field in model.model_fields.items()}
