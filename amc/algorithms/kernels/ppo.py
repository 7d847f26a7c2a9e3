"""PPO's learner with compiled updates, over the same memory as the reference."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amc.algorithms import rollout as collected
from amc.algorithms.base import Mark, Metrics
from amc.algorithms.distributions import Categorical, Distribution, MultiCategorical
from amc.algorithms.kernels.blas import SGEMM, Floats, use_one_thread
from amc.algorithms.kernels.elementwise import ACTIVATIONS, IDENTITY
from amc.algorithms.kernels.inference import infer
from amc.algorithms.kernels.networks import OUTPUTS, make_networks, place_of
from amc.algorithms.kernels.optimizer_memory import OptimizerMemory
from amc.algorithms.kernels.playing import Collected, collect, play
from amc.algorithms.kernels.ppo_epoch import POLICY, VALUE, ppo_epoch
from amc.algorithms.kernels.ppo_loss import (
    N_STATISTICS,
    OBSERVATION,
    Objective,
    RolloutRows,
    Statistics,
)
from amc.algorithms.kernels.walking import BAD_ACTION, BAD_STEP, ENDED, NOTHING, RESET, STEP, go_on
from amc.algorithms.networks import ActorCritic, linear_layers
from amc.algorithms.ppo_learner import APPROX_KL, STATISTICS, PPOLearner
from amc.algorithms.rollout import RolloutBuffer
from amc.config.hyperparameters import PPOHyperparameters
from amc.config.schema import OptimizerConfig
from amc.environments.inside import Inside
from amc.environments.vector import Ended, Episode
from amc.environments.walking import Walking
from amc.errors import EnvironmentFault

# Rows worked on at once. With 64 wide layers, 64 to 128 of them fit into the first caches, and BLAS
# takes its path for small matrices: 15 % less time than 256.
MICRO_BATCH_ROWS = 128

# Steps of all copies in one call: 30 ms of CartPole, so that signs of life come.
PIECE = 16_384

NO_FLOATS = np.empty(0, np.float32)
NO_ROWS = np.empty((0, 0), np.float32)


class FastPPOLearner(PPOLearner):
    """Arguments, attributes and results as `PPOLearner`, on the CPU and without autograd.

    Rounding apart, every number is the same: the order of sums differs.
    """

    def __init__(
        self,
        network: ActorCritic,
        optimizer: OptimizerConfig,
        *,
        settings: PPOHyperparameters,
        device: torch.device,
        mark: Mark,
    ) -> None:
        super().__init__(network, optimizer, settings=settings, device=device, mark=mark)
        use_one_thread()
        self._optimizer_config = optimizer
        self._networks = make_networks(
            self.parameters,
            self._gradient,
            [linear_layers(network.policy), linear_layers(network.value)],
            capacity=min(MICRO_BATCH_ROWS, settings.micro_batch_size or settings.batch_size),
            activation=ACTIVATIONS[settings.activation],
            blas=SGEMM,
            is_shared=True,
            is_transposed=True,
        )
        self._widths = self._networks.layers[:, -1, OUTPUTS].tolist()
        self._log_std, self._by_log_std = self._log_std_views(network.log_std)
        self._memory = OptimizerMemory(optimizer, [self.optimizer])

    def _log_std_views(self, log_std: Tensor | None) -> tuple[Floats, Floats]:
        """The logarithms of a Gaussian's standard deviations, and their gradient, as views."""
        if log_std is None:
            return NO_FLOATS, NO_FLOATS
        start = place_of(log_std, self.parameters)
        part = slice(start, start + log_std.numel())
        return self._networks.flat[part], self._networks.gradient[part]

    def act(self, observations: Floats, noise: Floats) -> NDArray[Any]:
        """See `PPOLearner`."""
        out = self._infer(POLICY, observations, noise)
        return out if self._log_std.size else out.argmax(axis=1)

    def act_greedily(self, observations: Floats) -> NDArray[Any]:
        """See `PPOLearner`."""
        return self.act(observations, NO_ROWS)

    def values(self, observations: Floats) -> Floats:
        """See `PPOLearner`."""
        return self._infer(VALUE, observations, NO_ROWS)[:, 0]

    def _infer(self, which: int, observations: Floats, noise: Floats) -> Floats:
        networks = self._networks
        result = np.empty((len(observations), self._widths[which]), np.float32)
        infer(
            (which, IDENTITY, networks.blas, networks.capacity, networks.activation),
            networks.flat,
            networks.transposed,
            networks.layers,
            networks.outputs,
            self._log_std,
            noise,
            observations,
            result,
        )
        return result

    def collect(
        self, inside: Inside, observation: Floats, noise: Floats, buffer: RolloutBuffer
    ) -> Floats:
        """Act in a compiled environment for as many steps as there is noise.

        Args:
            inside: the environment; stepped.
            observation: [N, D], what to act on first.
            noise: [T, N, A].
            buffer: where the steps go.

        Returns:
            What to act on next, [N, D].
        """
        world, vector = inside.world, inside.vector
        begin, (n_steps, n, _) = buffer.length, noise.shape
        rows = slice(begin, begin + n_steps)
        actions, size = buffer.actions[rows], observation.shape[1]
        has_choices = self._log_std.size == 0
        most_cut = n * (n_steps // world.limit + 2)
        collected = Collected(
            observations=buffer.observations[rows],
            choices=actions if has_choices else np.empty((0, n), np.int64),
            torques=np.empty((0, n, 1), np.float32) if has_choices else actions,
            rewards=buffer.rewards[rows],
            terminated=buffer.terminated[rows],
            ended=buffer.ended[rows],
            cut_at=np.empty((most_cut, 2), np.int64),
            cut=np.empty((most_cut, size), np.float32),
            finished=np.empty((n_steps * n, 2)),
            last=np.empty_like(observation),
            raw=np.empty_like(observation),
        )
        following = observation.copy()
        n_cut, n_finished = collect(
            self._networks,
            self._log_std,
            world,
            inside.normalization,
            noise,
            following,
            collected,
        )
        vector.stepped(collected.raw, collected.finished[:n_finished])
        steps, copies = collected.cut_at[:n_cut].T
        cut = [(begin + steps, copies, collected.cut[:n_cut])]
        buffer.add_all(n_steps, cut, collected.last)
        return following

    def walk(
        self, walking: Walking, observation: Floats, noise: Floats, buffer: RolloutBuffer
    ) -> Floats:
        """As `collect`, with robots of MuJoCo."""
        begin, (n_steps, n, _) = buffer.length, noise.shape
        rows = slice(begin, begin + n_steps)
        collected = Collected(
            observations=buffer.observations[rows],
            choices=np.empty((0, n), np.int64),
            torques=buffer.actions[rows],
            rewards=buffer.rewards[rows],
            terminated=buffer.terminated[rows],
            ended=buffer.ended[rows],
            cut_at=np.empty((0, 2), np.int64),
            cut=np.empty((0, observation.shape[1]), np.float32),
            finished=np.empty((0, 2)),
            last=np.empty_like(observation),
            raw=walking.begin(),
        )
        raw, given, reward = collected.raw, np.empty_like(noise), np.empty(n)
        seen = observation.copy()
        parts = (self._networks, self._log_std, walking.robots, walking.normalization, noise, given)
        room = (seen, np.empty_like(observation), reward, collected)
        cut: list[tuple[int, NDArray[np.intp], Floats]] = []
        outcome = go_on((0, NOTHING), *parts, *room)
        for t in range(n_steps):
            if outcome == BAD_ACTION:
                actions = collected.torques[t].tolist()
                raise EnvironmentFault(f"actions: {actions} are not all finite.")
            walking.step()
            outcome = go_on((t, STEP), *parts, *room)
            if outcome == BAD_STEP:
                walking.check(raw, reward)
            if outcome == ENDED:
                walking.begin_anew(t, np.flatnonzero(collected.ended[t]), given, raw)
                outcome = go_on((t, RESET), *parts, *room)
                truncated = np.flatnonzero(collected.ended[t] & ~collected.terminated[t])
                cut.append((begin + t, truncated, collected.last[truncated]))
        walking.end(n_steps, given, raw)
        buffer.add_all(n_steps, cut, collected.last)
        return seen

    def play(
        self, inside: Inside, observation: Floats, quota: NDArray[np.int64]
    ) -> Iterator[list[Ended]]:
        """Play with the most probable actions; see `Play`."""
        observation, quota = observation.copy(), quota.copy()
        n, most = len(quota), int(quota.sum())
        finished, ended = np.empty((most, 2)), np.empty((most, 2), np.int64)
        while quota.any():
            found = play(
                self._networks,
                self._log_std,
                inside.world,
                inside.normalization.observations,
                max(1, PIECE // n),
                quota,
                observation,
                finished,
                ended,
            )
            yield [
                Ended(copy, Episode(reward, int(length)), bool(is_truncated))
                for (copy, is_truncated), (reward, length) in zip(
                    ended[:found].tolist(), finished[:found].tolist(), strict=True
                )
            ]

    def _distribution(self, observations: Tensor) -> Distribution:
        out = self._infer(POLICY, observations.numpy(), NO_ROWS)
        return self.network.distribution_of(torch.from_numpy(out)).detached()

    def update(
        self, rollout: collected.Rollout, order: NDArray[np.int64], learning_rate: float
    ) -> Metrics:
        """See `PPOLearner`."""
        batch = self._batch(rollout)
        epochs = self._descend(self._rows(batch), order, learning_rate)
        means = np.concatenate(epochs).mean(axis=0)
        means[APPROX_KL] = epochs[-1][:, APPROX_KL].mean()
        metrics = dict(zip(STATISTICS, means.tolist(), strict=False))
        return {"epochs": len(epochs), **metrics, **self._std(), **self._adapt_penalty(batch)}

    def _descend(
        self, rows: RolloutRows, order: NDArray[np.int64], learning_rate: float
    ) -> list[Statistics]:
        """Statistics of each epoch begun, [minibatches, N_STATISTICS]."""
        objective = self._objective()
        minibatches = -(-order.shape[1] // objective.batch_size)
        epochs = []
        for indices in order:
            statistics = np.empty((minibatches, N_STATISTICS))
            descent = self._memory.descent(learning_rate)
            looked_at, steps = ppo_epoch(
                self._networks, rows, indices, objective, descent, statistics
            )
            self._memory.steps += steps
            epochs.append(statistics[:looked_at])
            self.mark("update")
            if steps < looked_at:
                break
        return epochs

    def _rows(self, batch: collected.Batch) -> RolloutRows:
        """A batch as one row of numbers per step, in the order that `ppo_loss` counts."""
        old = batch.distribution
        assert not isinstance(old, MultiCategorical), "PPO gives these to the reference"
        is_choice = isinstance(old, Categorical)
        policy = old.log_probs if isinstance(old, Categorical) else old.mean
        actions = batch.actions[:, None] if is_choice else batch.actions
        scalars = (batch.log_probs, batch.values, batch.advantages, batch.returns)
        rows = torch.cat(
            [torch.stack(scalars, dim=1), batch.observations, actions.float(), policy], dim=1
        )
        action = OBSERVATION + batch.observations.shape[1]
        return RolloutRows(
            rows=rows.numpy(),
            action=action,
            policy=action + actions.shape[1],
            old_log_std=NO_FLOATS if isinstance(old, Categorical) else old.log_std.numpy(),
            log_std=self._log_std,
            by_log_std=self._by_log_std,
        )

    def _objective(self) -> Objective:
        settings = self.settings
        return Objective(
            clip_range=settings.clip_range,
            clip_range_vf=settings.clip_range_vf or 0.0,
            ent_coef=settings.ent_coef,
            vf_coef=settings.vf_coef,
            kl_coef=self.kl_coefficient,
            max_grad_norm=settings.max_grad_norm,
            target_kl=settings.target_kl or 0.0,
            batch_size=settings.batch_size,
            normalize_advantage=settings.normalize_advantage,
        )

    def state_dict(self) -> dict[str, Any]:
        """See `PPOLearner`."""
        self._memory.write_back()
        return super().state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `PPOLearner`."""
        super().load_state_dict(state)
        self._memory = OptimizerMemory(self._optimizer_config, [self.optimizer])
