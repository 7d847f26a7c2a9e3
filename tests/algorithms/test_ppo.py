import copy
import itertools

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, Normal, kl_divergence

from amc.algorithms.rollout import Rollout
from amc.errors import TrainingError, UsageError

SMALL = {"n_envs": 4, "n_steps": 16, "batch_size": 16, "n_epochs": 4, "hidden_sizes": [16]}


def test_it_learns_to_name_what_it_sees(make_learner, train):
    learner = make_learner(
        "ppo",
        "guess",
        SMALL | {"gamma": 0.0, "gae_lambda": 0.0, "batch_size": 64},
        {"training.total_timesteps": 3000, "optimizer.learning_rate": 0.02},
    )

    train(learner)

    assert learner.predict(np.eye(4, dtype=np.float32)).tolist() == [0, 1, 2, 3]


def test_it_learns_to_name_two_things_at_once(make_learner, train):
    learner = make_learner(
        "ppo",
        "twice",
        SMALL | {"gamma": 0.0, "gae_lambda": 0.0, "batch_size": 64},
        {"training.total_timesteps": 4000, "optimizer.learning_rate": 0.02},
    )
    seen = [[*np.eye(3)[first], *np.eye(2)[second]] for first in range(3) for second in range(2)]

    train(learner)

    named = learner.predict(np.array(seen, np.float32))
    assert named.tolist() == [[first, second] for first in range(3) for second in range(2)]


@pytest.mark.parametrize("kernel", ["auto", "fast"])
def test_several_choices_are_the_references_work(make_learner, weights, train, caplog, kernel):
    reference, other = (
        make_learner("ppo", "twice", SMALL, {"training.kernel": name, "training.device": "auto"})
        for name in ("reference", kernel)
    )

    train(reference)
    train(other)

    assert other.kernel == "reference"
    assert torch.equal(weights(other), weights(reference))
    assert "training.kernel: 'reference' computes MultiDiscrete([3 2])" in caplog.text


def test_ddpg_refuses_several_choices_in_one_sentence(make_learner):
    with pytest.raises(
        UsageError, match=r"needs continuous actions, but .* multi-discrete actions"
    ):
        make_learner("ddpg", "twice", {"n_envs": 2})


def test_it_learns_a_continuous_answer(make_learner, train):
    learner = make_learner(
        "ppo",
        "follow",
        SMALL | {"n_steps": 64, "batch_size": 128, "gamma": 0.0, "log_std_init": -1.0},
        {"training.total_timesteps": 10_000, "optimizer.learning_rate": 0.02},
    )
    seen = np.linspace(-1, 1, 9, dtype=np.float32)[:, None]

    train(learner)

    np.testing.assert_allclose(learner.predict(seen), 1 + seen / 2, atol=0.25)


@pytest.mark.parametrize(("terminates", "value"), [(False, 5.0), (True, 1.0)])
def test_only_an_end_by_time_is_looked_beyond(make_learner, train, terminates, value):
    learner = make_learner(
        "ppo",
        "salary",
        SMALL | {"gamma": 0.8, "batch_size": 64},
        {"training.total_timesteps": 4000, "optimizer.learning_rate": 0.02},
    )
    learner.environment.length = 1
    learner.environment.terminates = terminates

    train(learner)

    seen = learner.learner.values(np.ones((1, 1), dtype=np.float32))
    assert seen == pytest.approx(value, rel=0.05)


def test_it_trains_exactly_the_budget_rounded_up_to_all_environments(make_learner, train):
    learner = make_learner("ppo", "guess", SMALL | {"n_envs": 3}, {"training.total_timesteps": 100})

    metrics = train(learner)

    assert learner.num_timesteps == 102
    assert len(learner.environment.given) == 34
    assert len(metrics) == 3


def test_more_environments_than_steps_still_train_once(make_learner, train):
    learner = make_learner("ppo", "guess", SMALL | {"n_envs": 8}, {"training.total_timesteps": 3})

    train(learner)

    assert learner.num_timesteps == 8


def test_beyond_the_budget_there_is_no_further_iteration(make_learner, train):
    learner = make_learner("ppo", "guess", SMALL, {"training.total_timesteps": 64})
    train(learner)

    with pytest.raises(TrainingError, match="all 64 steps were taken"):
        learner.iterate()


def test_the_linear_schedule_goes_down_by_equal_amounts_and_never_reaches_zero(make_learner, train):
    learner = make_learner(
        "ppo",
        "guess",
        SMALL,
        {
            "training.total_timesteps": 256,
            "optimizer.learning_rate": 0.004,
            "optimizer.learning_rate_schedule": "linear",
        },
    )

    rates = [metrics["train/learning_rate"] for metrics in train(learner)]

    assert rates == pytest.approx([0.004, 0.003, 0.002, 0.001])


def test_metrics_carry_the_tags_of_stable_baselines3(make_learner):
    learner = make_learner("ppo", "follow", SMALL | {"kl_coef": 0.1})

    metrics = learner.iterate()

    wanted = (
        "approx_kl clip_fraction entropy_loss policy_gradient_loss value_loss loss "
        "explained_variance learning_rate n_updates std clip_range kl_coef kl"
    )
    assert metrics.keys() == {f"train/{tag}" for tag in wanted.split()}
    assert metrics["train/n_updates"] == 4


def test_marks_show_every_step_and_every_epoch(make_learner):
    learner = make_learner("ppo", "guess", SMALL)
    marks = []
    learner.mark = learner.learner.mark = marks.append

    learner.iterate()

    assert [(mark, len(list(group))) for mark, group in itertools.groupby(marks)] == [
        ("step", 16),
        ("update", 4),
    ]


def test_actions_are_stored_as_sampled_and_clipped_by_the_environment(make_learner):
    learner = make_learner("ppo", "follow", SMALL | {"log_std_init": 2.0})
    rollouts = []
    update = learner.learner.update
    learner.learner.update = lambda rollout, *rest: (
        rollouts.append(rollout),
        update(rollout, *rest),
    )[1]

    learner.iterate()

    given = np.concatenate(learner.environment.given)
    np.testing.assert_array_equal(rollouts[0].actions, given)
    assert (np.abs(given) > 2).any()


def test_predicted_actions_of_a_box_lie_within_its_bounds(make_learner):
    learner = make_learner("ppo", "follow", SMALL)
    with torch.no_grad():
        learner.learner.network.policy[-1].bias.fill_(100.0)

    assert learner.predict(np.zeros((2, 1), dtype=np.float32)).tolist() == [[2.0], [2.0]]


def reference_loss(network, old, batch, settings, kl_coefficient):
    """PPO's loss written again, with torch's own distributions."""

    def policy(net):
        output = net.policy(batch["observations"])
        if net.log_std is None:
            return Categorical(logits=output)
        return Independent(Normal(output, net.log_std.exp()), 1)

    advantages = batch["advantages"]
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    new_policy, old_policy = policy(network), policy(old)
    ratio = (
        new_policy.log_prob(batch["actions"]) - old_policy.log_prob(batch["actions"]).detach()
    ).exp()
    clip = settings.clip_range
    gain = torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()
    values = network.value(batch["observations"])[:, 0]
    near = batch["values"] + (values - batch["values"]).clamp(
        -settings.clip_range_vf, settings.clip_range_vf
    )
    errors = torch.maximum((values - batch["returns"]) ** 2, (near - batch["returns"]) ** 2)
    divergence = kl_divergence(old_policy, new_policy).mean()
    return (
        -gain
        + settings.vf_coef * errors.mean()
        - settings.ent_coef * new_policy.entropy().mean()
        + kl_coefficient * divergence
    )


@pytest.mark.parametrize("world", ["guess", "follow"])
def test_an_update_is_gradient_descent_on_the_loss_of_the_paper(make_learner, world):
    learner = make_learner(
        "ppo",
        world,
        SMALL
        | {
            "ent_coef": 0.02,
            "clip_range_vf": 0.1,
            "kl_coef": 0.5,
            "n_epochs": 3,
            "max_grad_norm": 0.3,
        },
        {"optimizer.type": "sgd", "optimizer.learning_rate": 0.3},
    ).learner
    network, old = copy.deepcopy(learner.network), copy.deepcopy(learner.network)
    rollout, order = random_rollout(learner, 48)

    learner.update(rollout, order, 0.3)

    for rows in order.reshape(-1, 16):
        batch = {name: torch.from_numpy(column[rows]) for name, column in rollout._asdict().items()}
        network.zero_grad()
        reference_loss(network, old, batch, learner.settings, 0.5).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.3)
        torch.optim.SGD(network.parameters(), lr=0.3).step()
    for mine, other in zip(learner.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def random_rollout(learner, size):
    """Rows of a policy's own actions with arbitrary advantages, and orders to visit them in."""
    generator = np.random.default_rng(5)
    inputs = learner.network.policy[0].in_features
    observations = generator.normal(size=(size, inputs)).astype(np.float32)
    noise_shape = (size, learner.network.policy[-1].out_features)
    noise = generator.normal(size=noise_shape).astype(np.float32)
    values = learner.values(observations)
    advantages = generator.normal(size=size).astype(np.float32)
    rollout = Rollout(
        observations, learner.act(observations, noise), values, advantages, values + advantages
    )
    order = np.stack([generator.permutation(size) for _ in range(learner.settings.n_epochs)])
    return rollout, order


@pytest.mark.parametrize("micro_batch_size", [1, 5, 16])
def test_gradient_accumulation_gives_the_same_update(make_learner, micro_batch_size):
    settings = SMALL | {"ent_coef": 0.01, "clip_range_vf": 0.2, "kl_coef": 0.2}
    overrides = {"optimizer.type": "sgd", "optimizer.learning_rate": 0.3}
    whole = make_learner("ppo", "guess", settings, overrides).learner
    cut = make_learner(
        "ppo", "guess", settings | {"micro_batch_size": micro_batch_size}, overrides
    ).learner
    rollout, order = random_rollout(whole, 40)

    whole_metrics = whole.update(rollout, order, 0.3)
    cut_metrics = cut.update(rollout, order, 0.3)

    torch.testing.assert_close(cut.parameters, whole.parameters, rtol=1e-4, atol=1e-6)
    assert cut_metrics == pytest.approx(whole_metrics, rel=1e-3, abs=1e-6)


def test_a_target_divergence_ends_the_epochs_early(make_learner):
    patient = make_learner("ppo", "guess", SMALL, {"optimizer.learning_rate": 0.01})
    careful = make_learner(
        "ppo", "guess", SMALL | {"target_kl": 1e-4}, {"optimizer.learning_rate": 0.01}
    )

    far, near = patient.iterate(), careful.iterate()

    assert far["train/n_updates"] == 4
    assert near["train/n_updates"] < 4
    assert near["train/approx_kl"] < far["train/approx_kl"]


def test_the_kl_penalty_holds_the_policy_back_and_adapts(make_learner):
    settings = SMALL | {"clip_range": 1.0, "n_epochs": 10}
    free = make_learner("ppo", "guess", settings, {"optimizer.learning_rate": 0.01})
    held = make_learner(
        "ppo", "guess", settings | {"kl_coef": 50.0}, {"optimizer.learning_rate": 0.01}
    )

    free_metrics, held_metrics = free.iterate(), held.iterate()

    assert held_metrics["train/approx_kl"] < free_metrics["train/approx_kl"] / 2
    assert held_metrics["train/kl_coef"] == 50.0
    too_little = held_metrics["train/kl"] < 0.01 / 1.5
    assert held.learner.kl_coefficient == (25.0 if too_little else 50.0)
    assert "train/kl_coef" not in free_metrics


def test_a_loss_that_is_not_finite_ends_training_with_advice(make_learner):
    learner = make_learner("ppo", "salary", SMALL)
    learner.environment.amount = 1e30

    with pytest.raises(TrainingError, match=r"train/loss.*Lower optimizer\.learning_rate \(it is"):
        learner.iterate()
