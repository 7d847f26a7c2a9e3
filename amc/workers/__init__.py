"""One trial, from environment to result.

The door is `amc.workers.base.BaseWorker`. `trial`, `curve` and `threads` load neither torch nor
gymnasium, so the command line and the supervisor may import them early.
"""
