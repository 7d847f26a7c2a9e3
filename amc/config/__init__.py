"""A JSON file becomes a checked, frozen `ExperimentConfig`; every fault of it is told at once.

The door is `amc.config.loader.ConfigLoader`; the shapes are in `amc.config.schema`. This room knows
nothing of torch, gymnasium or celery, so that `amc validate` answers at once.
"""
