"""What a Celery worker is: preloaded, watched, and what its pool child does with a trial.

The doors are `signals.connect_signals` for Celery, `attempts.supervise` for the task, and
`base.BaseWorker`, which trains one trial. The pool child is long-lived and holds torch without
having used it; each attempt runs in a process of its own, forked in some 20 ms, that dies with the
pool child. The pool child must not touch CUDA: a forked child could not use it any more.

Only `base` and `preload` load torch or gymnasium.
"""
