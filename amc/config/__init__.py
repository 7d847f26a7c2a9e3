"""A JSON file becomes a checked, frozen `ExperimentConfig`; every fault of it is told at once.

The door is `amc.config.loader.ConfigLoader`; the shapes are in `amc.config.schema`. `text` is what
a file says, `known` what exists outside it, `search` what it says of a search. This room knows
nothing of torch or celery, and of gymnasium in `amc.config.known.registry` alone, which runs in a
process of its own, so that `amc validate` answers at once.
"""
