"""The training of one trial, from environment to result.

The door is `training.Training`, driven by `amc.workers.base.BaseWorker`. `trial` and `curve` load
neither torch nor gymnasium, so the command line and the supervisor may import them early.
It must not know of queues, brokers or other trials.
"""
