"""Points that a search tries first: completed from the config, every fault named at its place."""

from collections.abc import Callable
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.errors import ConfigError

SPACE = {
    "learning_rate": [1e-4, 1e-2],
    "batch_size": {"low": 16, "high": 512, "type": "int"},
    "hidden_sizes": {"choices": [[64, 64], [256, 256]]},
    "activation": {"choices": ["tanh", "relu"]},
    "target_kl": {"low": 0.01, "high": 0.1, "if": {"activation": "relu"}},
}
WHOLE = {
    "learning_rate": 0.0005,
    "batch_size": 128,
    "hidden_sizes": [256, 256],
    "activation": "relu",
    "target_kl": 0.05,
}
PLACE = "hyperparameter_optimizer.initial_points"


@pytest.fixture
def starting(base: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """A factory: a config whose search begins with these points."""

    def make(*points: Any, **search: Any) -> dict[str, Any]:
        own = {"type": "sobol", "n_calls": 4, "search_space": SPACE, "initial_points": list(points)}
        return {**base, "hyperparameter_optimizer": own | search}

    return make


def points_of(config: dict[str, Any]) -> list[dict[str, Any]]:
    search = ConfigLoader().from_mapping(config).hyperparameter_optimizer
    assert search is not None
    return list(search.initial_points)


def faults_of(config: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        ConfigLoader().from_mapping(config)
    return {fault.path.removeprefix(f"{PLACE}."): fault.message for fault in caught.value.faults}


def test_a_whole_point_is_kept_as_it_is_with_each_value_in_its_type(starting):
    (point,) = points_of(starting({**WHOLE, "batch_size": 128.0}))

    assert point == WHOLE
    assert isinstance(point["batch_size"], int)
    assert list(point) == list(SPACE)


def test_what_a_point_does_not_name_keeps_its_value_in_the_config(starting):
    config = starting({}, {"learning_rate": 0.01}, {"activation": "relu", "target_kl": 0.02})
    config["algorithm_config"] = {"batch_size": 32}
    config["optimizer"] = {"learning_rate": 0.002}

    points = points_of(config)

    kept = {
        "learning_rate": 0.002,
        "batch_size": 32,
        "hidden_sizes": [64, 64],
        "activation": "tanh",
    }
    assert points[0] == kept
    assert points[1] == kept | {"learning_rate": 0.01}
    assert points[2] == kept | {"activation": "relu", "target_kl": 0.02}


def test_a_config_with_points_loads_again_to_the_same(starting):
    config = ConfigLoader().from_mapping(starting({}, WHOLE))

    again = ConfigLoader().from_mapping(config.to_json())

    assert again == config


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        ({"learning_rate": 0.5}, "0.learning_rate", "0.5 is not within 0.0001 to 0.01."),
        ({"learning_rate": "0.001"}, "0.learning_rate", '"0.001" is not within 0.0001 to 0.01.'),
        ({"learning_rate": None}, "0.learning_rate", "null is not within 0.0001 to 0.01."),
        ({"batch_size": 32.5}, "0.batch_size", "must be a whole number, but got 32.5."),
        ({"batch_size": True}, "0.batch_size", "true is not within 16 to 512."),
        ({"hidden_sizes": [64]}, "0.hidden_sizes", "[64] is not one of [64, 64], [256, 256]."),
        (
            {"activation": "tanh"},
            "0.target_kl",
            'no effect here: it counts only if activation is "relu". R',
        ),
        ({"batchsize": 64}, "0.batchsize", "Did you mean 'batch_size'? Searched: learning_rate, b"),
        ({"gamma": 0.9}, "0.gamma", "not searched, so it is the same in every trial."),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_point_is_told_with_its_number_and_field(
    starting, change, place, said
):
    faults = faults_of(starting({**WHOLE, **change}))

    assert faults.keys() == {place}
    assert said in faults[place]


def test_what_is_missing_and_outside_the_space_in_the_config_must_be_named(starting):
    faults = faults_of(starting({"activation": "relu"}))

    assert faults == {
        "0": "'target_kl' is missing, and the config's own value is not in the space: null is not "
        "within 0.01 to 0.1. Give a value for it."
    }


def test_all_faults_of_all_points_are_told_at_once(starting):
    faults = faults_of(
        starting({"learning_rate": 5, "gama": 1}, {}, {"batch_size": 1}, {}, n_calls=2)
    )
    assert faults.keys() == {PLACE, "0.learning_rate", "0.gama", "2.batch_size", "3"}
    assert faults[PLACE].startswith("4 points are more than the 2 suggestions of the search.")
    assert faults["3"] == "the same as initial_points.1. Remove one of them."


def test_a_point_is_an_object(starting):
    assert "must be an object" in faults_of(starting({}, "point"))["1"]


def test_values_that_do_not_fit_together_are_told(starting):
    config = starting({"batch_size": 512})
    config["algorithm_config"] = {"n_envs": 1, "n_steps": 256, "batch_size": 64}

    faults = faults_of(config)

    assert "512 is more than the 256 samples of an update" in faults["0.batch_size"]


def test_a_grid_has_points_of_its_own(starting):
    assert "a grid tries points of its own" in faults_of(starting({}, type="grid"))[PLACE]


KNOWN = "hyperparameter_optimizer.warm_start.points"


def knowing(*points):
    return {"experiment": "test-1", "points": [{"hyperparameters": p, "score": 3} for p in points]}


def test_a_warm_start_is_named_by_the_experiment_alone(starting):
    config = ConfigLoader().from_mapping(starting(warm_start="test-1"))

    assert config.hyperparameter_optimizer.warm_start.experiment == "test-1"
    assert config.hyperparameter_optimizer.warm_start.points is None


def test_known_points_are_completed_and_load_again_to_the_same(starting):
    config = ConfigLoader().from_mapping(starting(warm_start=knowing({"batch_size": 64.0}, WHOLE)))

    first, second = config.hyperparameter_optimizer.warm_start.points
    assert (first.hyperparameters["batch_size"], first.score) == (64, 3.0)
    assert first.hyperparameters["activation"] == "tanh"
    assert second.hyperparameters == WHOLE
    assert ConfigLoader().from_mapping(config.to_json()) == config


def test_a_known_point_outside_the_space_is_told_with_its_number_and_field(starting):
    faults = faults_of(starting(warm_start=knowing({}, {"batch_size": 1, "gama": 2})))

    place = f"{KNOWN}.1.hyperparameters"
    assert faults.keys() == {f"{place}.batch_size", f"{place}.gama"}


def test_a_grid_learns_nothing(starting):
    faults = faults_of(starting(type="grid", warm_start="test-1"))

    assert "a grid learns nothing" in faults["hyperparameter_optimizer.warm_start"]
