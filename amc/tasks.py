"""The two tasks, thin: `advance` drives an experiment, `train_trial` runs one trial.

`advance(id)` is level-triggered: it takes nothing but the experiment's id, reads the ledger, does
whatever is missing and returns. Calling it twice, late, or from two places at once is harmless.
Chord callback, chord errback, the clock, `amc resume` and submit all call it; no task waits on
another. `train_trial` catches everything and returns a word: a failed trial is a value, so it fails
no chord.
"""

import logging
import os
import shutil
import traceback
from pathlib import Path
from typing import Any

import redis
from celery import Task, chord

from amc import logs
from amc.broker import dispatch, queues
from amc.broker.connection import connect
from amc.celery import app, shared_dir
from amc.errors import LedgerError
from amc.ledger import Ledger, Result, Trial, files
from amc.ledger.standing import winner
from amc.plugins import load
from amc.worker_signals import connect_signals

_LOG = logging.getLogger(__name__)
connect_signals()


@app.task(
    name="amc.tasks.advance",
    bind=True,
    ignore_result=True,
    autoretry_for=(redis.RedisError,),
    retry_backoff=True,
    max_retries=8,
)
def advance(self: Task, experiment_id: str) -> None:
    """Do whatever the experiment needs next."""
    logs.bind(experiment_id)
    queues.clear_wake(connect(), experiment_id)
    ledger = Ledger(shared_dir() / experiment_id)
    if not ledger.paths.experiment.exists() or ledger.is_finished:
        return
    try:
        _advance(ledger)
    except (redis.RedisError, OSError):
        raise
    except LedgerError as error:
        # A misread record may be whole at the next look, and only a person can mend a damaged one.
        _LOG.error("the ledger cannot be read: %s", error)
    except Exception as error:
        # A fault of ours or of a plug-in, the same at every call: say so once instead of for ever.
        _LOG.exception("the experiment cannot go on")
        ledger.finish("failed", f"{error}\n{traceback.format_exc()}")


def _advance(ledger: Ledger) -> None:
    driver = load("amc.driver")
    fresh: tuple[Trial, ...] = ()
    while True:
        action = driver.plan(ledger.config, ledger.history())
        match action:
            case driver.OpenRound(number=number, trials=trials):
                # Whoever recorded the round sends its trials; others look for signs of life first.
                fresh = trials if ledger.open_round(number, trials) else ()
                _describe_to_tensorboard(ledger)
                _LOG.info("round %d: trials %s", number, [trial.number for trial in trials])
            case driver.CloseRound(round=item):
                _chart_best(ledger, item.number)  # before: who dies in between does it again
                ledger.close_round(item)
            case driver.Dispatch(trials=trials):
                _dispatch(ledger, [trial.number for trial in trials], fresh=bool(fresh))
                return
            case driver.Cancel(trials=trials):
                for trial in trials:
                    ledger.write_result(_cancelled(ledger, trial.number))
            case driver.Finish(state=state, reason=reason):
                _store_best(ledger)
                ledger.finish(state, reason)
                _LOG.info("finished: %s", state)
                return
            case _:
                return  # paused


def _cancelled(ledger: Ledger, trial: int) -> Result:
    attempts = ledger.attempts(trial)
    worker = attempts[-1].worker if attempts else ""
    return Result(trial, "cancelled", attempt=len(attempts), worker=worker)


def _dispatch(ledger: Ledger, outstanding: list[int], *, fresh: bool) -> None:
    client = connect()
    trials = outstanding if fresh else dispatch.lost(client, ledger.id, outstanding)
    chosen = queues.choose(client, len(trials))
    if not chosen:
        return  # nobody to send to; the clock asks again
    if not fresh:
        _LOG.warning("sending again: trials %s showed no sign of life", trials)
    header = [
        train_trial.si(ledger.id, trial).set(queue=queue, task_id=queues.task_id(ledger.id, trial))
        for trial, queue in zip(trials, chosen, strict=True)
    ]
    wake = advance.si(ledger.id)
    chord(header)(wake.on_error(advance.si(ledger.id)))
    queues.seen(client, ledger.id, trials)


def _describe_to_tensorboard(ledger: Ledger) -> None:
    search = ledger.config.hyperparameter_optimizer
    if search is not None:
        write = load("amc.workers.tensorboard:write_experiment")
        write(ledger.paths.tensorboard, search.search_space)


def _chart_best(ledger: Ledger, round_number: int) -> None:
    """The best so far, a point for each round on the curves of the root's TensorBoard."""
    history = ledger.history()
    best = winner(ledger.config, history)
    if ledger.config.hyperparameter_optimizer is None or best is None:
        return
    values = {
        "search/best_score": best.result.score,
        "search/best_mean_score": best.mean_score,
        "search/best_standard_error": best.standard_error,
        "search/best_n_seeds": best.n_seeds,
        "search/best_solved_at": best.result.solved_at,
    }
    known = {tag: value for tag, value in values.items() if value is not None}
    write = load("amc.workers.tensorboard:write_round")
    write(ledger.paths.tensorboard, round_number, len(history.trials), known)


def _store_best(ledger: Ledger) -> None:
    """Assemble best.json and best/: the winner's record, its config and its agent."""
    best = winner(ledger.config, ledger.history())
    if best is None:
        return
    paths = ledger.paths
    is_finalist = best.trial.kind == "finalist"
    config = ledger.config.for_trial(
        best.trial.hyperparameters, seed=best.trial.seed, is_finalist=is_finalist
    )
    text = files.encode(config.to_json())
    files.replace(paths.best_files / "config.json", text)
    checkpoint = paths.trial(best.trial.number).directory / (best.result.checkpoint or "")
    if checkpoint.is_file():
        _hand_out(checkpoint, paths.best_files / f"agent{checkpoint.suffix}")
    files.replace(paths.best, files.encode(files.sealed(best.to_json())))


def _hand_out(checkpoint: Path, agent: Path) -> None:
    """Copy a checkpoint, and beside it the digest without which nobody reads it."""
    digest = checkpoint.with_name(f"{checkpoint.name}.sha256").read_text(encoding="utf-8")
    temporary = agent.with_name(f".{agent.name}.{os.getpid()}.tmp")
    shutil.copyfile(checkpoint, temporary)
    files.replace(
        agent.with_name(f"{agent.name}.sha256"), digest.replace(checkpoint.name, agent.name)
    )
    temporary.replace(agent)


@app.task(name="amc.tasks.train_trial", bind=True)
def train_trial(self: Task, experiment_id: str, trial: int) -> dict[str, Any]:
    """Run one trial to its result, or hand it back."""
    logs.bind(experiment_id, trial)
    queue = (self.request.delivery_info or {}).get("routing_key") or "gpu0"
    worker = os.environ.get("AMC_WORKER_NAME") or str(self.request.hostname).partition("@")[0]
    try:
        ledger = Ledger(shared_dir() / experiment_id)
        became = load("amc.supervision:supervise")(ledger, trial, worker=worker, queue=queue)
        if became == "interrupted":
            queues.hand_back(connect(), experiment_id, trial)
            advance.delay(experiment_id)
    except Exception as error:
        # The ledger has no result, so the clock sends the trial again.
        _LOG.exception("the supervisor failed")
        became = f"supervisor failed: {error}"
    return {"experiment": experiment_id, "trial": trial, "became": became}
