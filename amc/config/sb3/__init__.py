"""The hyperparameters of Stable-Baselines3's algorithms, by its names, known without loading it.

Its door is `amc.config.hyperparameters`, which names the models here; `tests/config/sb3` compares
them with the signatures of the packages. Nothing here imports torch.
"""
