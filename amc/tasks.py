"""The two tasks, thin: `advance` drives an experiment, `train_trial` runs one trial.

`advance(id)` is level-triggered: it takes nothing but the experiment's id, reads the ledger, does
whatever is missing and returns. Calling it twice, late, or from two places at once is harmless.
Chord callback, chord errback, the clock, `amc resume` and submit all call it; no task waits on
another. `train_trial` catches everything and returns a word: a failed trial is a value, so it fails
no chord.
"""

import logging
import os
import re
import shutil
import traceback
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis
from celery import Signature, Task, chord
from kombu.exceptions import OperationalError

from amc import failpoints, logs
from amc.broker import dispatch, hints, messages
from amc.broker.connection import connect
from amc.celery import app
from amc.errors import AmcError, LedgerError, UsageError
from amc.ledger import Decision, History, Ledger, Report, files
from amc.ledger.ancestry import config_of
from amc.ledger.paths import digest_path
from amc.ledger.records import EndState
from amc.ledger.winner import Winner, winner
from amc.permission import require_allowed, suits
from amc.settings import shared_dir
from amc.version import VERSION
from amc.workers.signals import connect_signals

_LOG = logging.getLogger(__name__)
# A directory right below the shared one; what begins with a dot is no experiment.
_NAME = re.compile(r"[^./\0][^/\0]*")
_LONGEST_NAME_BYTES = 255
# A chord is one message to Redis for each of its tasks and one key that counts them; what is beyond
# it is sent by the next call, so that no call holds the driver for long.
_LARGEST_CHORD = 256
connect_signals()


@app.task(name=messages.ADVANCE, bind=True, ignore_result=True)
def advance(self: Task, experiment_id: str) -> None:
    """Do whatever the experiment needs next; after any trouble the clock asks again."""
    ledger = _ledger_of(experiment_id)
    if ledger is None:
        return
    logs.bind(experiment_id)
    try:
        hints.clear_wake(connect(), experiment_id)
        hints.disturb(connect(), experiment_id)
        if not ledger.is_finished:
            _advance(ledger)
        hints.recovered(connect(), experiment_id)
    except (redis.RedisError, OperationalError, OSError, LedgerError) as error:
        # A misread record may be whole at the next look, and only a person can mend a damaged one.
        _LOG.error("not advanced: %s%s", error, _postpone(experiment_id))
    except Exception:
        _LOG.exception("not advanced, by a fault of ours%s", _postpone(experiment_id))


def _postpone(experiment_id: str) -> str:
    try:
        return f"; asked again in {hints.postpone(connect(), experiment_id)} s"
    except redis.RedisError:
        return ""


def _ledger_of(experiment_id: str) -> Ledger | None:
    """The ledger that a message names; None if it names none, which is said and changes nothing."""
    if (
        _is_name(experiment_id)
        and (ledger := Ledger(shared_dir() / experiment_id)).paths.experiment.exists()
    ):
        return ledger
    _LOG.warning("ignored a message: there is no experiment %.200r", experiment_id)
    return None


def _is_name(name: object) -> bool:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return False
    return len(name.encode(errors="replace")) <= _LONGEST_NAME_BYTES


def _is_allowed(ledger: Ledger) -> bool:
    """Whether this worker may run what trains; if not, it is said and changes nothing.

    So no attempt is made that would fail: the trial waits for a worker that may.
    """
    try:
        require_allowed(ledger.config)
    except UsageError as error:
        _LOG.warning("handed back: %s", error)
        return False
    return True


def _has_trial(ledger: Ledger, trial: int) -> bool:
    """Whether the driver has suggested that trial; if not, it is said and changes nothing."""
    # True == 1 == 1.0, but neither is a trial's number.
    if type(trial) is int and trial in ledger.past.trials:
        return True
    _LOG.warning("ignored a message: %s has no trial %.200r", ledger.id, trial)
    return False


def _advance(ledger: Ledger) -> None:
    from amc.driver.planning import plan

    while True:
        config, history = ledger.config, ledger.history()
        if history.finish is not None and not history.asked:
            _finish(ledger, history, history.finish)
            return
        if history.is_cancelled:
            history = _without_outstanding(ledger, history)
        history = _at_this_time(ledger, history)
        try:
            decision = plan(config, history)
        except AmcError as error:
            # A fault of the config or of a plug-in, the same at every call: say so once.
            _LOG.exception("the experiment cannot go on")
            decision = _failure(history, error)
        if decision is None:
            _keep_going(ledger, history)
            return
        _show(ledger, history, decision)  # before: who dies in between does it again
        is_ours = ledger.append(decision)
        if is_ours:
            _tell_of_upgrade(ledger, history)
            if config.keep_checkpoints == "best" or any(one.index for one in decision.learned):
                _let_go(ledger, history.after(decision), decision.learned, history.seen({}))
        if is_ours and decision.segments:
            # Whoever recorded them sends them; others look for signs of life first.
            _dispatch(ledger, [segment.trial for segment in decision.segments], fresh=True)
            return


def _keep_going(ledger: Ledger, history: History) -> None:
    """Send what was lost; where nothing was, let the clock wait until something changes."""
    client, search = connect(), ledger.config.hyperparameter_optimizer
    trials = [segment.trial for segment in history.outstanding]
    may_take = suits(ledger.config)
    # Before anything is looked at, so that whatever happens meanwhile is a change.
    signs = dispatch.signs(client, ledger.id, trials, dispatch.surroundings(client))
    if not history.is_paused:
        _dispatch(ledger, trials, fresh=False)
        has_workers = bool(dispatch.choose(client, 1, suits=may_take))
        if has_workers and hints.is_any_missed(client, ledger.id, trials):
            return
    if search is None or search.max_hours is None:
        hints.rest(client, ledger.id, trials, signs)


def _tell_of_upgrade(ledger: Ledger, history: History) -> None:
    """Say once that another version of amc goes on with an experiment."""
    before = history.made_by[-1][1] if history.made_by else ledger.record.versions.get("amc")
    if before not in {None, VERSION}:
        _LOG.warning(
            "until here amc %s decided, from decision %d on it is %s: what it suggests and trains "
            "may differ",
            before,
            history.decisions,
            VERSION,
        )


def _at_this_time(ledger: Ledger, history: History) -> History:
    """The same, with how long ago the experiment was submitted, where a limit of time needs it."""
    search = ledger.config.hyperparameter_optimizer
    if search is None or search.max_hours is None:
        return history
    return replace(history, now=round(hints.now(connect()) - ledger.record.created, 3))


def _without_outstanding(ledger: Ledger, history: History) -> History:
    """The same experiment, with what nobody has reported reported as cancelled."""
    for segment in history.outstanding:
        attempts = ledger.attempts(segment.trial)
        worker = attempts[-1].worker if attempts else ""
        ledger.write_report(
            Report(
                *segment.key,
                "cancelled",
                step=segment.from_step,
                attempt=len(attempts),
                worker=worker,
            )
        )
    return ledger.history()


def _failure(history: History, error: AmcError) -> Decision:
    detail = "" if isinstance(error, UsageError) else f"\n{traceback.format_exc()}"
    return Decision(
        history.decisions,
        tuple(history.fresh.values()),
        finish="failed",
        why=f"{error}{detail}",
        requests=history.asked,
        now=history.now,
    )


def _show(ledger: Ledger, history: History, decision: Decision) -> None:
    """Tell TensorBoard and the log what was learned and what comes next."""
    if decision.learned:
        _chart(ledger, history, decision)
    if decision.trials:
        _describe_to_tensorboard(ledger)
    _LOG.info("decision %d: trials %s", decision.number, [one.trial for one in decision.segments])


def _let_go(
    ledger: Ledger, past: History, reports: Collection[Report], before: History | None = None
) -> None:
    """Remove checkpoints that nothing needs any more."""
    from amc.driver.wanted import released

    for key in released(ledger.config, past, reports, before):
        try:
            ledger.remove_checkpoints(*key)
        except OSError as error:
            # It costs room on the disk, and is tried once more at the end.
            _LOG.warning("a checkpoint that is not needed any more stays: %s", error)


def _finish(ledger: Ledger, history: History, state: EndState) -> None:
    _store_best(ledger)
    _let_go(ledger, history, list(history.learned.values()))
    reason = history.why if state == "failed" else None
    ledger.finish(state, reason, handled=len(history.requests))
    _LOG.info("finished: %s", state)


def _dispatch(ledger: Ledger, outstanding: list[int], *, fresh: bool) -> None:
    client, may_take = connect(), suits(ledger.config)
    lost = [] if fresh else dispatch.lost(client, ledger.id, outstanding, may_take)
    behind = [] if fresh else dispatch.stuck(client, ledger.id, outstanding, may_take)
    trials = outstanding if fresh else lost + behind
    trials, later = trials[:_LARGEST_CHORD], trials[_LARGEST_CHORD:]
    chosen = dispatch.choose(client, len(trials), again=bool(lost), suits=may_take)
    if not chosen:
        return  # nobody to send to; the clock asks again
    if lost:
        _LOG.warning("sending again: trials %s showed no sign of life", lost)
    header = [
        train_trial.si(ledger.id, trial).set(
            queue=queue, task_id=messages.task_id(ledger.id, trial)
        )
        for trial, queue in zip(trials, chosen, strict=True)
    ]
    # A round is awaited together; where trials are learned one by one, every end is news.
    together = len(header) if ledger.config.has_rounds else 1
    for at in range(0, len(header), together):
        with failpoints.around("chord"):
            chord(header[at : at + together])(_wake(ledger.id).on_error(_wake(ledger.id)))
    hints.seen(client, ledger.id, trials)
    if later:
        for trial in later:
            hints.hand_back(client, ledger.id, trial)  # so that the next call sends it at once
        with failpoints.around("wake"):
            _wake(ledger.id).delay()


def _wake(experiment_id: str) -> Signature:
    return advance.si(experiment_id).set(task_id=messages.wake_id(experiment_id))


def _describe_to_tensorboard(ledger: Ledger) -> None:
    from amc.training.tensorboard import write_experiment

    search = ledger.config.hyperparameter_optimizer
    space = {} if search is None else search.search_space
    evaluates = ledger.config.training.eval_freq is not None
    write_experiment(ledger.paths.tensorboard, space, evaluates=evaluates)


def _chart(ledger: Ledger, history: History, decision: Decision) -> None:
    """How far a search is and its best so far, on the curves of the root's TensorBoard.

    A point for each round; where trials are learned one by one, for as many as a round would have,
    and for each that changes the best.
    """
    from amc.training.tensorboard import write_round

    config, before = ledger.config, history.seen({})
    search = config.hyperparameter_optimizer
    if search is None:
        return
    past, after = before.after(Decision(decision.number, decision.learned)), before.after(decision)
    best = winner(config, past)
    n_done = len(after.trials) - len({segment.trial for segment in after.open.values()})
    is_news = config.has_rounds or n_done % search.trials_per_round == 0
    if not is_news and best == winner(config, before):
        return
    values = {"search/trials_done": n_done, **_of_best(best)}
    scores = [one.score for one in decision.learned if one.score is not None]
    if config.has_rounds and scores:
        values["search/round_mean_score"] = sum(scores) / len(scores)
    write_round(ledger.paths.tensorboard, decision.number - 1, len(past.trials), values)


def _of_best(best: Winner | None) -> dict[str, float]:
    if best is None:
        return {}
    chosen_by = best.chosen_by or best
    values = {
        "search/best_score": best.result.score,
        "search/best_mean_score": chosen_by.mean_score,
        "search/best_standard_error": chosen_by.standard_error,
        "search/best_n_seeds": chosen_by.n_seeds,
        "search/test_mean_score": best.mean_score if best.chosen_by else None,
        "search/best_solved_at": best.result.solved_at,
    }
    return {tag: value for tag, value in values.items() if value is not None}


def _store_best(ledger: Ledger) -> None:
    """Assemble best.json and best/: the winner's record, its config and its agent."""
    stored = None
    # Whoever stalled on the way, while another driver went on to a later end, must not leave an
    # older winner: the last to write looks whether the log has grown.
    while stored != (history := ledger.history()).decisions:
        _store_winner(ledger, history)
        stored = history.decisions


def _store_winner(ledger: Ledger, history: History) -> None:
    best = winner(ledger.config, history)
    if best is None:
        return
    paths = ledger.paths
    config = config_of(ledger.config, history, best.trial.number)
    text = files.encode(config.to_json())
    files.replace(paths.best_config, text, point="best-config")
    _store_agent(ledger, best)
    files.replace(paths.best, files.encode(files.sealed(best.to_json())), point="best")


def _store_agent(ledger: Ledger, best: Winner) -> None:
    paths = ledger.paths
    if best.result.checkpoint is None:  # of a command that saves nothing
        for earlier in paths.best_files.glob("*.pt"):
            earlier.unlink()
        return
    checkpoint = paths.trial(best.trial.number).directory / best.result.checkpoint
    agent = paths.best_agent(checkpoint.suffix)
    if files.has_digest(checkpoint, digest_path(checkpoint)):
        _hand_out(checkpoint, agent)
    elif not _is_handed_out(best, paths.best, agent):
        agent.unlink(missing_ok=True)  # an earlier winner's
        _LOG.error(
            "%s: the winner's agent is gone or damaged. To train it again%s: amc train %s",
            checkpoint,
            "" if ledger.config.has_own_trainer else ", to the same bits",
            paths.best_config,
        )


def _is_handed_out(best: Winner, record: Path, agent: Path) -> bool:
    """Whether the winner has won before, as it is, and its agent was put there then."""
    try:
        stored = files.read(record) or {}
    except LedgerError:
        return False
    is_same = (stored.get("number"), stored.get("digest")) == (
        best.trial.number,
        best.result.digest,
    )
    return is_same and files.has_digest(agent, digest_path(agent))


def _hand_out(checkpoint: Path, agent: Path) -> None:
    """Copy a checkpoint, and beside it the digest without which nobody reads it."""
    digest = digest_path(checkpoint).read_text(encoding="utf-8")
    temporary = agent.with_name(f".{agent.name}.{os.getpid()}.tmp")
    shutil.copyfile(checkpoint, temporary)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())  # whoever reads of the end may rely on what came before
    text = digest.replace(checkpoint.name, agent.name)
    files.replace(digest_path(agent), text, point="best-agent-digest")
    with failpoints.around("best-agent"):
        temporary.replace(agent)


@app.task(name=messages.TRAIN_TRIAL, bind=True)
def train_trial(self: Task, experiment_id: str, trial: int) -> dict[str, Any]:
    """Run one trial to its result, or hand it back."""
    queue = (self.request.delivery_info or {}).get("routing_key") or "gpu0"
    worker = os.environ.get("AMC_WORKER_NAME") or str(self.request.hostname).partition("@")[0]
    became = "no trial of ours"
    try:
        ledger = _ledger_of(experiment_id)
        if ledger is None or not _has_trial(ledger, trial):
            return {"experiment": experiment_id, "trial": trial, "became": became}
        logs.bind(experiment_id, trial)
        if not _is_allowed(ledger):
            return {"experiment": experiment_id, "trial": trial, "became": "is not allowed"}
        from amc.workers.attempts import supervise

        became = supervise(ledger, trial, worker=worker, queue=queue)
        if became == "interrupted":
            hints.hand_back(connect(), experiment_id, trial)
            with failpoints.around("wake"):
                _wake(experiment_id).delay()
    except Exception as error:
        # The ledger has no result, so the clock sends the trial again.
        _LOG.exception("the supervisor failed")
        became = f"supervisor failed: {error}"
    return {"experiment": experiment_id, "trial": trial, "became": became}
