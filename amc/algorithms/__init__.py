"""Learning algorithms: what turns steps in an environment into a policy.

The door is `amc.algorithms.base`: `algorithm_class(name)` and the contract `Algorithm`.
This room must not know of trials, workers, checkpoints' files or how environments are made.
"""
