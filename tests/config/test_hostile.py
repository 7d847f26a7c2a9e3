"""Files and options that were made to break a reader: refused like any other, and at once."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from amc.cli import main
from amc.config.loader import ConfigLoader
from amc.config.text.document import MOST_FAULTS
from amc.config.text.reader import SIZE_LIMIT
from amc.errors import ConfigError

# Of a processor: other processes may hold this one up for longer.
pytestmark = pytest.mark.usefixtures("nothing_old_to_collect")

MOST_S = 1.0

GOOD = {
    "experiment_name": "x",
    "algorithm": "ppo",
    "environment": {"name": "CartPole-v1"},
    "training": {"total_timesteps": 1000},
}
MANY = range(9_000)


def text(**sections: Any) -> str:
    """A sound config with other or more keys in some of its sections."""
    config: dict[str, Any] = dict(GOOD)
    for name, section in sections.items():
        is_merged = isinstance(section, dict) and name in config
        config[name] = {**config[name], **section} if is_merged else section
    return json.dumps(config, ensure_ascii=False)


def searching(space: dict[str, Any]) -> str:
    return text(hyperparameter_optimizer={"n_calls": 4, "search_space": space})


def conditional(values: Any) -> str:
    activation = {"choices": ["tanh", "relu"]}
    gamma = {"low": 0.9, "high": 0.99, "if": {"activation": values}}
    return searching({"activation": activation, "gamma": gamma})


HOSTILE = {
    "half_a_character_as_key": '{"\\udc00": 1}',
    "half_a_character_in_a_name": text(experiment_name="x\udc00"),
    "20000_wrappers": text(environment={"wrappers": [f"w{i}" for i in range(20_000)]}),
    "many_wrappers": text(environment={"wrappers": [f"w{i}" for i in MANY]}),
    "many_wrappers_with_arguments": text(
        environment={"wrappers": [{"name": f"w{i}", "kwargs": {"a": 1}} for i in range(2_000)]}
    ),
    "many_keys": text(**{f"k{i}": 1 for i in MANY}),
    "many_hyperparameters": text(algorithm_config={f"k{i}": 1 for i in MANY}),
    "many_near_misses": text(training={f"total_timestep{i}": 1 for i in MANY}),
    "many_dimensions": searching({f"learning_rat{i}": [0, 1] for i in range(3_000)}),
    "many_keys_of_a_dimension": searching({"gamma": {f"k{i}": 1 for i in MANY}}),
    "many_choices": searching({"n_steps": {"choices": list(MANY)}}),
    "many_equal_choices": searching({"n_steps": {"choices": [5] * 1000}}),
    "many_values_in_a_condition": conditional([f"x{i}" for i in MANY]),
    "many_conditions": searching(
        {"gamma": {"low": 0.9, "high": 0.99, "if": {f"a{i}": 1 for i in MANY}}}
    ),
    "an_empty_condition": conditional([]),
    "many_layers": text(algorithm_config={"hidden_sizes": [64] * 9_000}),
    "a_key_given_often": "{" + ",".join('"a": 1' for _ in MANY) + "}",
    "many_nan": '{"a": [' + ",".join("NaN" for _ in MANY) + "]}",
    "deep": "[" * 500_000,
    "deep_and_wide": '{"a": ' + "[" * 250 + ",".join("1" for _ in MANY) + "]" * 250 + "}",
    "a_long_name": text(experiment_name="x" * 1_000_000),
    "a_long_environment": text(environment={"name": "x:" * 500_000}),
    "a_long_algorithm": text(algorithm="p" * 1_000_000),
    "a_long_optimizer": text(optimizer={"type": "adam" * 200_000}),
    "a_long_device": text(training={"device": "cuda" * 200_000}),
    "a_long_key": text(**{"k" * 1_000_000: 1}),
    "a_long_line_of_passwords": text(broker_url="redis://u:p@h" * 70_000),
    "many_digits": text(seed=0).replace('"seed": 0', '"seed": ' + "9" * 1_000_000),
    "many_digits_of_a_size": text(training={"memory_limit": "9" * 400}),
    "many_digits_in_the_exponent": text(seed=0).replace('"seed": 0', '"seed": 1e' + "9" * 999_999),
    "a_large_float": text(optimizer={"learning_rate": 10**398}),
    "a_comment_without_end": "/*" * 500_000,
    "quotes": '"' * 1_000_000,
    "colons": '{"a"' + ":" * 1_000_000 + "}",
    "keys_of_python": text(**{"__class__": 1, "": 2, "[key]": 3, "[name]": 4, "__proto__": 5}),
    "marks_of_the_validator": text(
        environment={"wrappers": [{"name": "normalize_reward", "[object]": 1, "[key]": 2}]}
    ),
    "two_byte_order_marks": "\ufeff\ufeff" + text(),
    "a_nul_behind": text() + "\0",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_file_is_refused_like_any_other(content: str, write: Callable[..., Path]):
    path = write(content.encode("utf-8", "surrogatepass")[:SIZE_LIMIT])
    began = time.process_time()

    outcome = CliRunner().invoke(main, ["validate", str(path)])

    assert time.process_time() - began < MOST_S
    assert outcome.exit_code == 2, outcome.output
    assert isinstance(outcome.exception, SystemExit)
    assert len(outcome.stderr) < 700 * MOST_FAULTS
    assert all(line.isprintable() for line in outcome.stderr.splitlines())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "a=" + "[" * 50_000], "unknown key"),
        (["--set", "a=" + "[" * 500 + "]" * 500], "nested more than"),
        (["--set", ".".join("a" * 900) + "=1"], "900 keys deep"),
        (["--set", "training.eval_freq.x.y=1"], "must be an integer"),
        (["--set", "a..b=1"], "unknown key"),
        (["--set", "=1"], "is not KEY=VALUE"),
        (["--set", "a" * 100_000], "is not KEY=VALUE"),
        (["--set", "a=" + "9" * 100_000], "unknown key"),
        (["--set", "seed=" + "9" * 4_000], "too large"),
        (["--set", "experiment_name=\udcff"], "surrogate"),
        (["--set", "\udcff=1"], "surrogate"),
        (["--set", "seed=1e999"], "must be"),
        (["--set", "__class__=1", "--set", "a\x1b[2J=1"], "unknown key"),
        (["--overlay", "no\udcff\x1b[2Jthing.json"], "No such file"),
    ],
)
def test_a_hostile_option_is_refused_like_any_other(
    arguments: list[str], words: str, write: Callable[..., Path]
):
    path = write(text())
    began = time.process_time()

    outcome = CliRunner().invoke(main, ["train", str(path), *arguments])

    assert time.process_time() - began < MOST_S
    assert outcome.exit_code == 2, outcome.output
    assert isinstance(outcome.exception, SystemExit)
    assert words in outcome.stderr
    assert len(outcome.stderr) < 5_000
    assert all(line.isprintable() for line in outcome.stderr.splitlines())


def test_mistakes_in_options_are_told_together_with_those_of_the_file(write: Callable[..., Path]):
    path = write(text(sed=1))

    with pytest.raises(ConfigError) as caught:
        ConfigLoader().load_config(path, overrides={"training.total_timesteps": 0})

    assert {fault.path for fault in caught.value.faults} == {"sed", "training.total_timesteps"}


def test_an_option_mends_what_the_file_has_wrong(write: Callable[..., Path]):
    path = write(text(algorithm="pqo"))

    assert ConfigLoader().load_config(path, overrides={"algorithm": "ppo"}).algorithm == "ppo"


def test_mistakes_of_several_files_are_told_at_once(write: Callable[..., Path]):
    first, second = write("{", "first.json"), write("[}", "second.json")

    with pytest.raises(ConfigError) as caught:
        ConfigLoader().load_config(first, [second])

    assert [Path(fault.source).name for fault in caught.value.faults] == [
        "first.json",
        "second.json",
    ]


@pytest.mark.parametrize("algorithm", ["sac", None, 3])
def test_an_unknown_algorithm_hides_no_other_mistake(algorithm: Any):
    config = {
        **GOOD,
        "algorithm": algorithm,
        "algorithm_config": {"gamma": 7, "tau": 0.5, "nope": 1, "batch_size": 4096},
        "hyperparameter_optimizer": {
            "n_calls": 4,
            "search_space": {"gamma": [0, 9], "foo": [0, 1], "tau": [0.1, 0.5]},
        },
    }

    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(config)

    assert {fault.path for fault in caught.value.faults} == {
        "algorithm",
        "algorithm_config.gamma",
        "algorithm_config.nope",
        "hyperparameter_optimizer.search_space.gamma.1",
        "hyperparameter_optimizer.search_space.foo",
    }


def test_a_mapping_of_anything_is_refused_with_a_sentence():
    values = [{1: 2}, {("a",): 1}, {"seed": object()}, {"seed": 10**5000}, {"a": {1, 2}}, [], None]

    for value in values:
        with pytest.raises(ConfigError):
            ConfigLoader().from_mapping(value)
