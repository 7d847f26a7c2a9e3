"""Sound algorithms pass their suite, PPO and DDPG among them; each broken one fails a test."""

from collections.abc import Callable
from typing import Any

import pytest

from amc.testing import AlgorithmSuite
from tests.testing import algorithms_at_fault as broken

PPO = {"n_envs": 2, "n_steps": 32, "batch_size": 32, "n_epochs": 2, "hidden_sizes": [16]}
DDPG = {"learning_starts": 50, "batch_size": 16, "hidden_sizes": [16]}


class TestSound(AlgorithmSuite):
    algorithm = broken.Sound
    total_timesteps = 128


class TestPPO(AlgorithmSuite):
    algorithm = "ppo"
    algorithm_config = PPO
    total_timesteps = 256


class TestDDPG(AlgorithmSuite):
    algorithm = "ddpg"
    algorithm_config = DDPG
    environment: Any = {
        "name": "Pendulum-v1",
        "wrappers": ["normalize_observation", "normalize_reward"],
    }
    total_timesteps = 330


@pytest.mark.slow
class TestPPOOnRobots(AlgorithmSuite):
    algorithm = "ppo"
    algorithm_config = PPO
    environment: Any = {"name": "HalfCheetah-v4", "wrappers": ["normalize_observation"]}
    total_timesteps = 256


@pytest.mark.slow
class TestPPOWithSeveralChoices(AlgorithmSuite):
    algorithm = "ppo"
    algorithm_config = PPO
    environment = "tests.strange:Switches-v0"
    total_timesteps = 256


@pytest.mark.slow
class TestPPOWithEverything(AlgorithmSuite):
    algorithm = "ppo"
    algorithm_config = PPO | {"kl_coef": 0.2, "target_kl": 0.05, "clip_range_vf": 0.2}
    environment: Any = {"name": "CartPole-v1", "backend": "gymnasium"}
    total_timesteps = 256


def suite_for(algorithm: Any) -> type[AlgorithmSuite]:
    return type("Suite", (AlgorithmSuite,), {"algorithm": algorithm, "total_timesteps": 128})


@pytest.mark.parametrize(
    ("algorithm", "test", "said"),
    [
        ("pp0", "a_config_may_name_it", "Did you mean 'ppo'"),
        (broken.NoDefault, "its_defaults_are_allowed", "Give every field a default"),
        (broken.BadDefault, "its_defaults_are_allowed", "greater than 0"),
        (broken.Lax, "its_model_is_strict", "'extra': 'forbid'"),
        (broken.Anything, "its_model_is_strict", "depth may be Anything"),
        (broken.StrictTuple, "its_values_go_through_json", "A tuple needs Field(strict=False)"),
        (broken.BlamesOthers, "what_it_says_of_its_values_is_in_form", "['buffer_size'], which"),
        (broken.OtherSpaces, "what_it_says_of_its_values_is_in_form", "action_spaces is {"),
        (broken.TakesNoStep, "it_trains_exactly_as_long_as_it_may", "without a step, at step 0"),
        (broken.StepsBeyond, "it_trains_exactly_as_long_as_it_may", "Ask self.steps_left()"),
        (broken.Miscounts, "it_trains_exactly_as_long_as_it_may", "but the environment was ste"),
        (broken.AllAtOnce, "it_trains_exactly_as_long_as_it_may", "126 steps in 1 call."),
        (broken.StepsBeyond, "after_the_last_step_it_refuses_another", "iterate() took 32 more"),
        (broken.NoMarks, "it_gives_signs_of_life", "iterate() marked nothing"),
        (broken.BadTag, "its_metrics_are_finite_numbers_under_known_tags", "'Return (mean)'"),
        (broken.NoNumber, "its_metrics_are_finite_numbers_under_known_tags", "train/loss is nan"),
        (broken.Nameless, "its_parameters_have_names_and_are_learned", "gives the names []"),
        (broken.SameNames, "its_parameters_have_names_and_are_learned", "['w', 'w']"),
        (broken.Grows, "its_parameters_have_names_and_are_learned", "['weights', 'best']"),
        (broken.Copies, "its_parameters_have_names_and_are_learned", "no parameter has changed"),
        (broken.Diverges, "its_parameters_have_names_and_are_learned", "not finite: weights"),
        (broken.Floats, "it_predicts_actions_of_the_environment", "predict returned ndarray"),
        (broken.Column, "it_predicts_actions_of_the_environment", "of shape (5,), is meant"),
        (broken.Elsewhere, "it_predicts_actions_of_the_environment", "not all of Discrete(2)"),
        (broken.Dice, "what_it_predicts_is_decided_by_the_observation", "predict"),
        (broken.Keeps, "what_it_predicts_is_decided_by_the_observation", "state_dict()['asked']"),
        (broken.Together, "what_it_predicts_is_decided_by_the_observation", "for each alone"),
        (broken.SharedSamples, "samples_are_drawn_from_the_generator_that_is_given", "of equal"),
        (broken.Keeps, "measuring_it_changes_nothing", "must neither draw nor keep"),
        (broken.SharedDraws, "the_same_seed_gives_the_same_bits", "other parameters"),
        (broken.OneSeed, "another_seed_gives_other_bits", "the same parameters"),
        (broken.NumPyState, "its_state_is_plain", "numpy.float64"),
        (broken.OwnState, "its_state_is_plain", "lacks observation"),
        (broken.SharesState, "its_state_is_a_copy", "state_dict()['weights'] was"),
        (broken.Forgets, "stopped_and_restored_it_goes_on_with_the_same_bits", "after 1 iterati"),
        (broken.Forgets, "the_engine_trains_saves_and_resumes_it", "interrupted at step 32"),
        (broken.TakesAll, "a_state_of_another_algorithm_is_refused", "super().load_state_dict"),
        (broken.UnnamedDraws, "a_fork_goes_its_own_way_from_the_same_weights", "in generators()"),
        (broken.NoFork, "a_fork_goes_its_own_way_from_the_same_weights", "other parameters than"),
        (broken.MayNotChange, "what_may_change_may_change_in_mid_training", "from 4 to 5"),
    ],
)
def test_a_broken_algorithm_is_told_what_is_wrong(
    algorithm: Any, test: str, said: str, said_by: Callable[..., str]
):
    assert said in said_by(suite_for(algorithm), f"test_{test}")
