"""Fast kernels: the same updates as the reference, compiled, for multilayer perceptrons on a CPU.

Its doors: `ppo.FastPPOLearner` and `ddpg.FastDDPGLearner` stand in for the reference learners, over
the same parameter memory; `amc.config.kernel` says which of the two a config gets. Importing them
compiles, or loads what an earlier process compiled,
so a parent that imports them spares its children the time.

This room must not know how environments are stepped or who asks for an update.
"""
