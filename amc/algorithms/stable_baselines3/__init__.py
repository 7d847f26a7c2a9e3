"""Stable-Baselines3's algorithms as learners like any other; taken to pieces and driven from here.

    learner.py            the contract `Algorithm`, over an SB3 model
    rounds.py             one round of `learn()`, for both families
    classes.py            SB3's own algorithms, by name
    contrib_classes.py    those of sb3-contrib
    recurrent.py          its RecurrentPPO, which remembers
    vec_env.py            our environment as SB3 sees one
    construction.py       from a config to the arguments of a model
    model_state.py        what a checkpoint holds of a model
    global_generators.py  the process's generators, lent to SB3 and given back

The door is `amc.algorithms.base.algorithm_class("sb3:SAC")`.
"""
