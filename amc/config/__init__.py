"""A JSON file becomes a checked, frozen `ExperimentConfig`; every fault of it is told at once.

The door is `amc.config.loader.ConfigLoader`; the shapes are in `amc.config.schema`. This room knows
nothing of torch or celery, and of gymnasium in `amc.config.registry` alone, which runs in a process
of its own, so that `amc validate` answers at once.
"""
