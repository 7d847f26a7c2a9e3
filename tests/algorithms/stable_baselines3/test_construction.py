import numpy as np
import pytest
import torch

from amc.algorithms.base import SB3
from amc.config.hyperparameters import hyperparameters_for


def shapes(model):
    return [(name, tuple(tensor.shape)) for name, tensor in model.policy.named_parameters()]


@pytest.mark.parametrize("name", list(SB3))
def test_a_model_of_defaults_is_the_one_that_sb3_makes(make_sb3, name):
    defaults = hyperparameters_for(name)().model_dump(mode="json")
    ours = make_sb3(name, defaults)

    theirs = type(ours).kind(ours.settings.policy, ours.model.env, device="cpu")

    assert shapes(ours.model) == shapes(theirs)
    mine, other = (model.policy for model in (ours.model, theirs))
    assert mine.optimizer_class is other.optimizer_class
    assert mine.optimizer_kwargs == other.optimizer_kwargs
    assert vars(ours.model)["gamma"] == theirs.gamma


@pytest.mark.parametrize(
    ("name", "optimizer", "kind"),
    [
        ("sb3:PPO", "adam", torch.optim.Adam),
        ("sb3:PPO", "sgd", torch.optim.SGD),
        ("sb3:A2C", "rmsprop", torch.optim.RMSprop),
        ("sb3:A2C", "adam", torch.optim.Adam),
        ("sb3:A2C", "adamw", torch.optim.AdamW),
        ("sb3:SAC", "rmsprop", torch.optim.RMSprop),
    ],
)
def test_the_optimizer_is_the_one_that_the_config_names(make_sb3, name, optimizer, kind):
    model = make_sb3(name, overrides={"optimizer.type": optimizer}).model

    found = model.actor.optimizer if name == "sb3:SAC" else model.policy.optimizer
    assert type(found) is kind


def test_further_arguments_reach_the_optimizer(make_sb3):
    keywords = {"betas": [0.5, 0.9], "eps": 1e-3}
    changes = {"policy_kwargs": {"net_arch": [8], "optimizer_kwargs": keywords}}

    group = make_sb3("sb3:PPO", changes).model.policy.optimizer.param_groups[0]

    assert (group["betas"], group["eps"]) == ((0.5, 0.9), 1e-3)


def test_networks_are_made_of_what_is_written(make_sb3):
    kwargs = {"net_arch": {"pi": [3], "qf": [5, 7]}, "activation_fn": "elu", "n_critics": 3}

    policy = make_sb3("sb3:SAC", {"policy_kwargs": kwargs, "use_sde": False}).model.policy

    assert [layer.out_features for layer in policy.actor.latent_pi if hasattr(layer, "weight")] == [
        3
    ]
    assert len(policy.critic.q_networks) == 3
    assert isinstance(policy.critic.q_networks[0][1], torch.nn.ELU)


@pytest.mark.parametrize(("kind", "remembers"), [("normal", False), ("ou", True)])
def test_noise_is_of_the_kind_and_size_that_is_written(make_sb3, kind, remembers):
    noise = {"type": kind, "sigma": 0.3, "mean": 0.5, "theta": 0.2, "dt": 1.0}
    learner = make_sb3("sb3:TD3", {"action_noise": noise, "n_envs": 1})

    with learner._globals.lent():
        drawn = np.array([learner.model.action_noise() for _ in range(2000)])

    expected = 0.3 if kind == "normal" else 0.3 / np.sqrt(1 - 0.8**2)
    assert drawn.std() == pytest.approx(expected, rel=0.15)
    assert drawn.mean() == pytest.approx(0.5, abs=0.12)
    assert hasattr(learner.model.action_noise, "noise_prev") is remembers
