"""A segment that a trainer of the user's own trains, from its start to its outcome.

The door is `train_own`.
"""

import json
import logging
import shutil

from amc.config.schema import ExperimentConfig
from amc.ledger.paths import ExchangePaths
from amc.training.run_board import is_session, run_board
from amc.training.trainers.account import Account
from amc.training.trainers.command_run import run_command
from amc.training.trainers.facts import facts
from amc.training.trainers.function_call import call_function
from amc.training.trainers.resuming import resumed
from amc.training.trial import TrialContext, TrialOutcome

_LOG = logging.getLogger(__name__)


def train_own(config: ExperimentConfig, context: TrialContext) -> TrialOutcome:
    """Let a command or a function train a segment to its end, or until asked to stop.

    Args:
        config: with the segment's hyperparameters, seed and horizon applied.
        context: the attempt.

    Raises:
        StartLostError: what the segment starts from is gone, damaged or another one.
        TrainerError: the trainer failed, or told what makes no sense.
        UsageError: there is no such trainer here.
    """
    paths, exchange = context.paths, context.paths.exchange(context.attempt)
    if not config.resumable:
        # From nothing means also without what an earlier attempt has left there.
        shutil.rmtree(paths.files, ignore_errors=True)
    for earlier in paths.exchanges():
        _forget(earlier)  # whoever was killed had no time to
    paths.files.mkdir(parents=True, exist_ok=True)
    exchange.directory.mkdir(parents=True, exist_ok=True)
    try:
        return _train(config, context)
    finally:
        _forget(exchange)


def _train(config: ExperimentConfig, context: TrialContext) -> TrialOutcome:
    exchange = context.paths.exchange(context.attempt)
    start = resumed(config, context)
    told = facts(config, context, start)
    exchange.trial.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    with run_board(context, resumed_at=start.step, is_new=start.saved is None) as board:
        account = Account(config, context, board, start)
        _LOG.info("%s trains from step %d", config.trains, start.step)
        run = run_command if config.trainer is None else call_function
        is_over = run(config, context, account, told)
        outcome = account.outcome(is_over=is_over)
        if outcome.state != "interrupted" and is_session(context):
            board.end_session(outcome.steps)
    return outcome


def _forget(exchange: ExchangePaths) -> None:
    """Remove copies of checkpoints."""
    shutil.rmtree(exchange.checkpoint, ignore_errors=True)
    shutil.rmtree(exchange.saved, ignore_errors=True)
