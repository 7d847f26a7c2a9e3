"""Log lines that carry experiment, trial, attempt and worker.

    2026-01-31T12:00:00Z INFO rl-worker-0 cartpole-1/7#2 amc.workers.attempts: trial started

The context is set once per process or task with `bind`; every line logged below `amc` shows it.
"""

import contextvars
import logging
import os
import sys
import time

_CONTEXT: contextvars.ContextVar[str] = contextvars.ContextVar("amc_log_context", default="-")


class _ContextFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.worker = os.environ.get("AMC_WORKER_NAME", "-")
        record.context = _CONTEXT.get()
        return True


def bind(experiment: str, trial: int | None = None, attempt: int | None = None) -> None:
    """Name the experiment, trial and attempt that the lines logged from here on are about."""
    text = experiment
    if trial is not None:
        text += f"/{trial}"
    if attempt is not None:
        text += f"#{attempt}"
    _CONTEXT.set(text)


def configure(level: str | None = None) -> None:
    """Send the lines of `amc` to standard error; the level is AMC_LOG_LEVEL, INFO if unset."""
    formatter = logging.Formatter(
        "%(asctime)s %(levelname)s %(worker)s %(context)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%SZ",
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_ContextFilter())
    logger = logging.getLogger("amc")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level or os.environ.get("AMC_LOG_LEVEL", "INFO"))
