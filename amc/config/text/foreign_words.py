"""What people write who come from elsewhere, and what it is called here.

The words are those of Gym's, Stable-Baselines3's and its zoo's, CleanRL's, RLlib's, Optuna's and
Ray Tune's configs and command lines. Its door is `here`; spelling mistakes are
`amc.plugins.did_you_mean`'s.
"""

from collections.abc import Collection, Mapping

_LONGEST = 50
# Words are compared without case, dashes and underscores. A path is where the setting stands.
_SETTINGS = {
    "experiment_name": "name exp_name experiment run_name project study_name",
    "algorithm": "algo algorithm_name agent trainer policy_type",
    "environment.name": "env env_id env_name environment_id gym_id game task_id",
    "environment.max_episode_steps": "max_steps episode_length horizon time_limit max_ep_len",
    "environment.reward_threshold": "solved_at target_reward stop_reward",
    "environment.wrappers": "env_wrapper wrapper env_wrappers",
    "environment.kwargs": "env_kwargs env_config environment_kwargs make_kwargs",
    "optimizer.learning_rate": "lr alpha step_size lrate policy_lr actor_lr learningrate",
    "optimizer.learning_rate_schedule": "lr_schedule anneal_lr lr_decay lr_scheduler schedule",
    "optimizer.type": "optimizer_class optim optimizer_type",
    "hyperparameter_optimizer": "hpo tuner tune study search optuna hyperparameter_search sweep",
    "hyperparameter_optimizer.type": "sampler search_alg optimizer_name",
    "hyperparameter_optimizer.n_calls": "n_trials trials num_samples max_trials n_iter budget "
    "population_size population pop_size n_members",
    "hyperparameter_optimizer.n_initial_points": "n_startup_trials init_points n_random_starts",
    "hyperparameter_optimizer.initial_points": "points_to_evaluate enqueue enqueue_trials x0 "
    "starting_points initial_configurations start_points",
    "hyperparameter_optimizer.search_space": "space param_space parameters distributions "
    "hyperparameter_space hyperparameters hyperparams hyperparam_mutations hyperparam_bounds",
    "hyperparameter_optimizer.perturbation_interval": "perturb_interval exploit_interval",
    "hyperparameter_optimizer.quantile_fraction": "quantile truncation",
    "hyperparameter_optimizer.resample_probability": "resample_prob",
    "hyperparameter_optimizer.trials_per_round": "n_jobs max_concurrent_trials batch parallel",
    "training.total_timesteps": "timesteps n_timesteps total_steps num_timesteps max_timesteps "
    "n_steps_total total_env_steps num_env_steps",
    "training.eval_freq": "eval_frequency evaluation_interval eval_interval eval_every "
    "evaluation_frequency",
    "training.eval_episodes": "n_eval_episodes num_eval_episodes evaluation_episodes "
    "evaluation_duration",
    "training.save_freq": "save_frequency checkpoint_freq checkpoint_frequency save_interval",
    "training.device": "cuda gpu use_gpu use_cuda num_gpus",
    "training.threads": "n_threads num_threads torch_threads",
    "seed": "random_seed random_state rng_seed",
    "algorithm_config": "hyperparameter algo_config algorithm_kwargs algo_kwargs agent_config "
    "model_kwargs config params",
    "algorithm_config.n_envs": "num_envs n_env num_workers num_env_runners num_environments",
    "algorithm_config.n_steps": "num_steps rollout_length rollout_steps rollout_fragment_length "
    "steps_per_epoch steps_per_update",
    "algorithm_config.batch_size": "batchsize minibatch minibatch_size mini_batch_size "
    "sgd_minibatch_size train_batch_size num_minibatches nminibatches",
    "algorithm_config.n_epochs": "epochs update_epochs num_epochs noptepochs num_sgd_iter "
    "ppo_epochs",
    "algorithm_config.gamma": "discount discount_factor",
    "algorithm_config.gae_lambda": "lambda lam lambda_ gae",
    "algorithm_config.clip_range": "clip_coef clip clip_param cliprange clip_ratio epsilon "
    "clip_epsilon",
    "algorithm_config.clip_range_vf": "clip_vloss vf_clip_param cliprange_vf",
    "algorithm_config.normalize_advantage": "norm_adv normalize_advantages advantage_norm",
    "algorithm_config.ent_coef": "ent_coeff entropy_coef entropy_coeff entropy_coefficient "
    "entropy beta",
    "algorithm_config.vf_coef": "vf_coeff value_coef value_loss_coef vf_loss_coeff",
    "algorithm_config.max_grad_norm": "grad_clip max_gradient_norm gradient_clip clip_grad",
    "algorithm_config.hidden_sizes": "net_arch layers hidden hidden_layers fcnet_hiddens "
    "policy_kwargs hidden_size hidden_dim network architecture hiddens units",
    "algorithm_config.activation": "activation_fn nonlinearity fcnet_activation",
    "algorithm_config.ortho_init": "orthogonal_init orthogonal_initialization",
    "algorithm_config.buffer_size": "replay_size memory_size replay_buffer_size buffer "
    "replay_capacity",
    "algorithm_config.tau": "polyak soft_update_tau target_tau",
    "algorithm_config.learning_starts": "start_steps warmup_steps warmup random_steps "
    "start_timesteps",
    "algorithm_config.train_freq": "policy_frequency train_frequency update_every update_freq",
    "algorithm_config.noise_type": "action_noise noise exploration_noise_type",
    "algorithm_config.noise_std": "exploration_noise noise_sigma sigma act_noise action_noise_std",
    "algorithm_config.noise_theta": "theta",
    "low": "min minimum lower from start lo lower_bound",
    "high": "max maximum upper to stop hi upper_bound end",
    "choices": "options categories value categorical choice enum",
    "log": "log_scale log_uniform loguniform logarithmic",
    "type": "dtype kind distribution dist",
    "if": "when condition conditions depends_on only_if",
}


def _folded(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "").replace(" ", "")


_MEANT: Mapping[str, str] = {
    _folded(word): path for path, words in _SETTINGS.items() for word in words.split()
}


def here(word: str, known: Collection[str]) -> str | None:
    """What is called so elsewhere: one of the known keys, or a dotted path of another section."""
    path = _MEANT.get(_folded(word)) if len(word) < _LONGEST else None
    if path is None:
        return None
    name = path.rpartition(".")[2]
    return name if name in known else path if "." in path else None
