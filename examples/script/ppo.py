"""PPO in CartPole in a single file, as people have theirs: arguments, TensorBoard, a checkpoint.

python ppo.py --learning-rate 1e-3 --seed 1    # writes runs/ and model.pt
"""

import argparse
from collections import deque
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.utils.tensorboard import SummaryWriter

GAMMA, GAE_LAMBDA, CLIP, EPOCHS, MINIBATCHES = 0.99, 0.95, 0.2, 4, 4


def arguments() -> argparse.Namespace:
    """What may be chosen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning-rate", type=float, default=2.5e-4)
    parser.add_argument("--ent-coef", type=float, default=0.01)
    parser.add_argument("--num-envs", type=int, default=4)
    parser.add_argument("--num-steps", type=int, default=128)
    parser.add_argument("--total-timesteps", type=int, default=25_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", default="", help="a model.pt to go on from")
    return parser.parse_args()


def layer(inputs: int, outputs: int, std: float = 2**0.5) -> nn.Linear:
    """A linear layer with orthogonal weights."""
    made = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(made.weight, std)
    nn.init.zeros_(made.bias)
    return made


def network(inputs: int, outputs: int, std: float) -> nn.Sequential:
    """Two hidden layers of 64."""
    hidden = (layer(inputs, 64), nn.Tanh(), layer(64, 64), nn.Tanh())
    return nn.Sequential(*hidden, layer(64, outputs, std))


class Agent(nn.Module):
    """Policy and value function."""

    def __init__(self, inputs: int, actions: int) -> None:
        super().__init__()
        self.actor, self.critic = network(inputs, actions, 0.01), network(inputs, 1, 1.0)

    def policy(self, obs: Tensor) -> Categorical:
        """What it does, given float32 [..., inputs]."""
        return Categorical(logits=self.actor(obs))

    def value(self, obs: Tensor) -> Tensor:
        """What it expects from there on, [...]."""
        return self.critic(obs).squeeze(-1)


def make() -> gym.Env:
    """One environment; its returns stand in its infos."""
    return gym.wrappers.RecordEpisodeStatistics(gym.make("CartPole-v1"))


def main() -> None:
    """Train."""
    args = arguments()
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    writer = SummaryWriter(f"runs/ppo__{args.seed}")
    envs = SyncVectorEnv([make] * args.num_envs, autoreset_mode=AutoresetMode.SAME_STEP)
    agent = Agent(4, 2)
    optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)
    global_step, returns = 0, deque([0.0], maxlen=20)
    if args.resume:
        saved = torch.load(args.resume, weights_only=True)
        agent.load_state_dict(saved["agent"])
        optimizer.load_state_dict(saved["optimizer"])
        global_step = saved["global_step"]

    shape = (args.num_steps, args.num_envs)
    obs, actions = torch.zeros((*shape, 4)), torch.zeros(shape)
    logprobs, rewards, dones, values = (torch.zeros(shape) for _ in range(4))
    next_obs = torch.tensor(envs.reset(seed=args.seed + global_step)[0])
    while global_step < args.total_timesteps:
        for t in range(args.num_steps):
            with torch.no_grad():
                policy = agent.policy(next_obs)
                action, values[t] = policy.sample(), agent.value(next_obs)
            obs[t], actions[t], logprobs[t] = next_obs, action, policy.log_prob(action)
            observed, reward, terminated, truncated, infos = envs.step(action.numpy())
            rewards[t] = torch.tensor(reward)
            dones[t] = torch.tensor(terminated | truncated)
            next_obs = torch.tensor(observed)
            global_step += args.num_envs
            for index in np.flatnonzero(terminated | truncated):
                returns.append(float(infos["final_info"]["episode"]["r"][index]))
                writer.add_scalar("charts/episodic_return", returns[-1], global_step)

        with torch.no_grad():
            next_value = agent.value(next_obs)
        advantages, last = torch.zeros(shape), torch.zeros(args.num_envs)
        for t in reversed(range(args.num_steps)):
            delta = rewards[t] + GAMMA * next_value * (1 - dones[t]) - values[t]
            last = delta + GAMMA * GAE_LAMBDA * (1 - dones[t]) * last
            advantages[t], next_value = last, values[t]
        batch = [x.flatten(0, 1) for x in (obs, actions, logprobs, advantages, advantages + values)]
        for _ in range(EPOCHS):
            for chosen in torch.randperm(len(batch[0])).chunk(MINIBATCHES):
                b_obs, b_actions, b_logprobs, b_advantages, b_returns = (x[chosen] for x in batch)
                policy = agent.policy(b_obs)
                ratio = (policy.log_prob(b_actions) - b_logprobs).exp()
                scaled = (b_advantages - b_advantages.mean()) / (b_advantages.std() + 1e-8)
                clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
                loss = -torch.min(scaled * ratio, scaled * clipped).mean()
                loss += 0.5 * 0.5 * (agent.value(b_obs) - b_returns).square().mean()
                loss -= args.ent_coef * policy.entropy().mean()
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
                optimizer.step()
        writer.add_scalar("charts/mean_return", np.mean(returns), global_step)
        state = {"agent": agent.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "global_step": global_step}, "model.pt")
    writer.close()
    print(f"{Path('model.pt').absolute()}: mean return {np.mean(returns):.1f}")


if __name__ == "__main__":
    main()
