"""PPO and DDPG in the form of CleanRL's single-file scripts, written anew to be timed.

The loops, the order of operations and the way data moves follow CleanRL (`ppo.py`,
`ppo_continuous_action.py`, `ddpg_continuous_action.py`, April 2026): environments of
`gymnasium.vector.SyncVectorEnv`, storage in torch tensors, `torch.distributions`, one optimizer
step per minibatch by autograd, losses read for logging. Three things differ, none of which costs
time: ended environments reset within the same step, as its scripts assume and gymnasium 1.x no
longer does by itself; nothing is written to TensorBoard; and DDPG updates the actor at every step
instead of every second one, as the other contenders do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from torch import Tensor, nn
from torch.distributions import Categorical, Normal

Layer = nn.Linear


def layer_init(layer: Layer, std: float = np.sqrt(2), bias: float = 0.0) -> Layer:
    torch.nn.init.orthogonal_(layer.weight, std)
    torch.nn.init.constant_(layer.bias, bias)
    return layer


def network(inputs: int, outputs: int, std: float) -> nn.Sequential:
    return nn.Sequential(
        layer_init(nn.Linear(inputs, 64)),
        nn.Tanh(),
        layer_init(nn.Linear(64, 64)),
        nn.Tanh(),
        layer_init(nn.Linear(64, outputs), std=std),
    )


def plain(name: str) -> Callable[[], gymnasium.Env[Any, Any]]:
    return lambda: gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make(name))


def normalized(name: str) -> Callable[[], gymnasium.Env[Any, Any]]:
    wrappers = gymnasium.wrappers

    def make() -> gymnasium.Env[Any, Any]:
        env = wrappers.FlattenObservation(gymnasium.make(name))
        env = wrappers.ClipAction(wrappers.RecordEpisodeStatistics(env))
        env = wrappers.NormalizeObservation(env)
        env = wrappers.TransformObservation(env, lambda obs: np.clip(obs, -10, 10), None)
        env = wrappers.NormalizeReward(env, gamma=0.99)
        return wrappers.TransformReward(env, lambda reward: np.clip(reward, -10, 10))

    return make


class Agent(nn.Module):
    """Policy and value network of `ppo.py`, or of `ppo_continuous_action.py`."""

    def __init__(self, envs: SyncVectorEnv) -> None:
        super().__init__()
        inputs = int(np.prod(envs.single_observation_space.shape))
        space = envs.single_action_space
        self.is_choice = isinstance(space, gymnasium.spaces.Discrete)
        outputs = int(space.n) if self.is_choice else int(np.prod(space.shape))
        self.critic = network(inputs, 1, 1.0)
        self.actor = network(inputs, outputs, 0.01)
        self.actor_logstd = nn.Parameter(torch.zeros(1, outputs))

    def get_value(self, x: Tensor) -> Tensor:
        return self.critic(x)

    def get_action_and_value(
        self, x: Tensor, action: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if self.is_choice:
            probs = Categorical(logits=self.actor(x))
            action = probs.sample() if action is None else action
            return action, probs.log_prob(action), probs.entropy(), self.critic(x)
        mean = self.actor(x)
        probs = Normal(mean, torch.exp(self.actor_logstd.expand_as(mean)))
        action = probs.sample() if action is None else action
        return action, probs.log_prob(action).sum(1), probs.entropy().sum(1), self.critic(x)


@dataclass
class Arguments:
    """Names and defaults as in the scripts."""

    num_envs: int
    num_steps: int
    num_minibatches: int
    update_epochs: int
    gamma: float = 0.99
    gae_lambda: float = 0.95
    learning_rate: float = 3e-4
    clip_coef: float = 0.2
    clip_vloss: bool = True
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5


class PPO:
    """The loop of `ppo.py`, one iteration at a time."""

    def __init__(self, make: Callable[[], gymnasium.Env[Any, Any]], args: Arguments) -> None:
        self.args = args
        self.envs = SyncVectorEnv([make] * args.num_envs, autoreset_mode=AutoresetMode.SAME_STEP)
        self.agent = Agent(self.envs)
        self.optimizer = torch.optim.Adam(self.agent.parameters(), lr=args.learning_rate, eps=1e-5)
        shape = (args.num_steps, args.num_envs)
        self.obs = torch.zeros(shape + self.envs.single_observation_space.shape)
        self.actions = torch.zeros(shape + self.envs.single_action_space.shape)
        self.logprobs, self.rewards = torch.zeros(shape), torch.zeros(shape)
        self.dones, self.values = torch.zeros(shape), torch.zeros(shape)
        next_obs, _ = self.envs.reset(seed=1)
        self.next_obs, self.next_done = torch.Tensor(next_obs), torch.zeros(args.num_envs)

    def advance(self) -> int:
        """One rollout and its update; the steps taken."""
        self.rollout()
        self.update(*self.advantages_and_returns())
        return self.args.num_steps * self.args.num_envs

    def rollout(self) -> None:
        for step in range(self.args.num_steps):
            self.obs[step] = self.next_obs
            self.dones[step] = self.next_done
            with torch.no_grad():
                action, logprob, _, value = self.agent.get_action_and_value(self.next_obs)
                self.values[step] = value.flatten()
            self.actions[step] = action
            self.logprobs[step] = logprob
            next_obs, reward, terminations, truncations, _ = self.envs.step(action.cpu().numpy())
            next_done = np.logical_or(terminations, truncations)
            self.rewards[step] = torch.tensor(reward).view(-1)
            self.next_obs, self.next_done = torch.Tensor(next_obs), torch.Tensor(next_done)

    @torch.no_grad()
    def advantages_and_returns(self) -> tuple[Tensor, Tensor]:
        args = self.args
        next_value = self.agent.get_value(self.next_obs).reshape(1, -1)
        advantages = torch.zeros_like(self.rewards)
        lastgaelam: Tensor | int = 0
        for t in reversed(range(args.num_steps)):
            last = t == args.num_steps - 1
            nonterminal = 1.0 - (self.next_done if last else self.dones[t + 1])
            nextvalues = next_value if last else self.values[t + 1]
            delta = self.rewards[t] + args.gamma * nextvalues * nonterminal - self.values[t]
            lastgaelam = delta + args.gamma * args.gae_lambda * nonterminal * lastgaelam
            advantages[t] = lastgaelam
        return advantages, advantages + self.values

    def update(self, advantages: Tensor, returns: Tensor) -> None:
        args = self.args
        batch_size = args.num_envs * args.num_steps
        minibatch_size = batch_size // args.num_minibatches
        b_obs = self.obs.reshape((-1, *self.envs.single_observation_space.shape))
        b_actions = self.actions.reshape((-1, *self.envs.single_action_space.shape))
        b_logprobs, b_advantages = self.logprobs.reshape(-1), advantages.reshape(-1)
        b_returns, b_values = returns.reshape(-1), self.values.reshape(-1)
        b_inds = np.arange(batch_size)
        clipfracs = []
        for _ in range(args.update_epochs):
            np.random.shuffle(b_inds)
            for start in range(0, batch_size, minibatch_size):
                mb_inds = b_inds[start : start + minibatch_size]
                mb_actions = b_actions[mb_inds]
                _, newlogprob, entropy, newvalue = self.agent.get_action_and_value(
                    b_obs[mb_inds], mb_actions.long() if self.agent.is_choice else mb_actions
                )
                logratio = newlogprob - b_logprobs[mb_inds]
                ratio = logratio.exp()
                with torch.no_grad():
                    ((ratio - 1) - logratio).mean()
                    clipfracs += [((ratio - 1.0).abs() > args.clip_coef).float().mean().item()]
                mb_advantages = b_advantages[mb_inds]
                mb_advantages = (mb_advantages - mb_advantages.mean()) / (
                    mb_advantages.std() + 1e-8
                )
                pg_loss1 = -mb_advantages * ratio
                pg_loss2 = -mb_advantages * torch.clamp(
                    ratio, 1 - args.clip_coef, 1 + args.clip_coef
                )
                pg_loss = torch.max(pg_loss1, pg_loss2).mean()
                v_loss = self.value_loss(newvalue.view(-1), b_returns[mb_inds], b_values[mb_inds])
                loss = pg_loss - args.ent_coef * entropy.mean() + v_loss * args.vf_coef
                self.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.agent.parameters(), args.max_grad_norm)
                self.optimizer.step()

    def value_loss(self, newvalue: Tensor, returns: Tensor, values: Tensor) -> Tensor:
        if not self.args.clip_vloss:
            return 0.5 * ((newvalue - returns) ** 2).mean()
        v_loss_unclipped = (newvalue - returns) ** 2
        clip = self.args.clip_coef
        v_clipped = values + torch.clamp(newvalue - values, -clip, clip)
        return 0.5 * torch.max(v_loss_unclipped, (v_clipped - returns) ** 2).mean()


class QNetwork(nn.Module):
    """The critic of `ddpg_continuous_action.py`."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(inputs, 256), nn.Linear(256, 256)
        self.fc3 = nn.Linear(256, 1)

    def forward(self, x: Tensor, a: Tensor) -> Tensor:
        x = torch.cat([x, a], 1)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


class Actor(nn.Module):
    """The actor of `ddpg_continuous_action.py`."""

    def __init__(self, space: gymnasium.spaces.Box, inputs: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(inputs, 256), nn.Linear(256, 256)
        self.fc_mu = nn.Linear(256, int(np.prod(space.shape)))
        self.register_buffer("action_scale", torch.tensor((space.high - space.low) / 2.0))
        self.register_buffer("action_bias", torch.tensor((space.high + space.low) / 2.0))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.fc2(torch.relu(self.fc1(x))))
        return torch.tanh(self.fc_mu(x)) * self.action_scale + self.action_bias


class Memory:
    """The replay buffer of CleanRL's and SB3's form: an array for each part of a transition."""

    def __init__(self, size: int, observation_size: int, action_size: int) -> None:
        self.size, self.filled, self.position = size, 0, 0
        self.parts = [
            np.zeros((size, width), np.float32)
            for width in (observation_size, observation_size, action_size, 1, 1)
        ]

    def add(self, *values: Any) -> None:
        for part, value in zip(self.parts, values, strict=True):
            part[self.position] = value
        self.position = (self.position + 1) % self.size
        self.filled = min(self.filled + 1, self.size)

    def sample(self, batch_size: int) -> list[Tensor]:
        inds = np.random.randint(0, self.filled, size=batch_size)
        return [torch.tensor(part[inds]) for part in self.parts]


class DDPG:
    """The loop of `ddpg_continuous_action.py`, some steps at a time, from its first update on."""

    gamma, tau, batch_size, exploration_noise = 0.99, 0.005, 256, 0.1

    def __init__(self, name: str, learning_starts: int, steps_at_once: int) -> None:
        self.envs = SyncVectorEnv([plain(name)], autoreset_mode=AutoresetMode.SAME_STEP)
        self.steps_at_once = steps_at_once
        self.space = self.envs.single_action_space
        inputs, action_size = self.envs.single_observation_space.shape[0], self.space.shape[0]
        self.actor, self.target_actor = (Actor(self.space, inputs) for _ in range(2))
        self.qf1, self.qf1_target = (QNetwork(inputs + action_size) for _ in range(2))
        self.target_actor.load_state_dict(self.actor.state_dict())
        self.qf1_target.load_state_dict(self.qf1.state_dict())
        self.q_optimizer = torch.optim.Adam(self.qf1.parameters(), lr=3e-4)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=3e-4)
        self.rb = Memory(1_000_000, inputs, action_size)
        self.obs, _ = self.envs.reset(seed=1)
        for _ in range(learning_starts):
            self.step(np.array([self.space.sample()]))

    def advance(self) -> int:
        """Some steps with an update each; how many."""
        for _ in range(self.steps_at_once):
            with torch.no_grad():
                actions = self.actor(torch.Tensor(self.obs))
                actions += torch.normal(0, self.actor.action_scale * self.exploration_noise)
            self.step(actions.cpu().numpy().clip(self.space.low, self.space.high))
            self.update(*self.rb.sample(self.batch_size))
        return self.steps_at_once

    def step(self, actions: np.ndarray) -> None:
        next_obs, rewards, terminations, truncations, infos = self.envs.step(actions)
        real_next_obs = next_obs.copy()
        for index, truncated in enumerate(truncations):
            if truncated:
                real_next_obs[index] = infos["final_obs"][index]
        self.rb.add(self.obs, real_next_obs, actions, rewards, terminations)
        self.obs = next_obs

    def update(
        self, obs: Tensor, next_obs: Tensor, actions: Tensor, rewards: Tensor, dones: Tensor
    ) -> None:
        with torch.no_grad():
            qf1_next_target = self.qf1_target(next_obs, self.target_actor(next_obs))
            ahead = (1 - dones.flatten()) * self.gamma * qf1_next_target.view(-1)
            next_q_value = rewards.flatten() + ahead
        qf1_a_values = self.qf1(obs, actions).view(-1)
        qf1_loss = nn.functional.mse_loss(qf1_a_values, next_q_value)
        self.q_optimizer.zero_grad()
        qf1_loss.backward()
        self.q_optimizer.step()
        actor_loss = -self.qf1(obs, self.actor(obs)).mean()
        self.actor_optimizer.zero_grad()
        actor_loss.backward()
        self.actor_optimizer.step()
        for module, target in ((self.actor, self.target_actor), (self.qf1, self.qf1_target)):
            pairs = zip(module.parameters(), target.parameters(), strict=True)
            for param, target_param in pairs:
                target_param.data.copy_(self.tau * param.data + (1 - self.tau) * target_param.data)
