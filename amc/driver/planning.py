"""The next decision: a pure function of the config and the history.

Same config and history, same answer, whoever asks and however often. It reads nothing and writes
nothing; `amc.tasks` records what it says and does it. What is opened is a policy's business:
`amc.driver.policies`.
"""

from dataclasses import replace

from amc.config.schema import ExperimentConfig
from amc.driver.draft import Draft
from amc.driver.policies import learnable, open_next
from amc.driver.requested import AT_ONCE, give_steps, open_requested
from amc.ledger import Decision, History
from amc.ledger.standing import standings


def plan(config: ExperimentConfig, history: History) -> Decision | None:
    """The next decision; None while there is nothing to decide, but to see to what is open.

    Raises:
        UsageError: the config asks for what cannot be.
        SearchError: a plug-in search is at fault.
    """
    if history.finish and not history.asked:
        return None
    if history.is_cancelled:
        return None if history.outstanding else _end(history)
    learned = None if history.is_paused else learnable(config, history)
    if learned is None and (history.is_paused or not history.asked):
        return None
    base = Decision(
        history.decisions,
        learned or (),
        requests=tuple(one for one in history.asked if one.kind in AT_ONCE),
        now=history.now,
    )
    past = history.after(base)
    draft = Draft(config, past)
    open_requested(config, past, draft)
    if learned is None and not (base.requests or draft.answered):
        return None
    reason = _too_many_failures(config, past, draft)
    if reason is None and (learned is not None or not config.has_rounds):
        open_next(config, past, draft)
    if not past.open and not draft.segments:
        give_steps(config, past, draft)
    return _decision(base, past, draft, reason)


def _decision(base: Decision, past: History, draft: Draft, reason: str | None) -> Decision:
    answered = sorted((*base.requests, *draft.answered), key=lambda request: request.number)
    made = replace(
        base,
        trials=tuple(draft.trials),
        segments=tuple(draft.segments),
        requests=tuple(answered),
        why=" ".join(draft.remarks) or None,
    )
    if draft.segments or past.open:
        return made
    if reason is None and not standings(past):
        reason = "No trial was completed; `amc show` has the reason of each."
        if draft.is_late:
            reason = "The time was over before a trial was completed (max_hours)."
    return replace(made, finish="completed" if reason is None else "failed", why=reason or made.why)


def _end(history: History) -> Decision:
    learned = tuple(history.fresh[key] for key in history.open)
    return Decision(
        history.decisions, learned, finish="cancelled", requests=history.asked, now=history.now
    )


def _too_many_failures(config: ExperimentConfig, past: History, draft: Draft) -> str | None:
    search = config.hyperparameter_optimizer
    limit = None if search is None else search.max_failed_trials
    again = {trial.retry_of for trial in draft.trials}
    if limit is None or len(past.failed) <= limit:
        return None
    failed = [number for number in past.failed if number not in again]
    if len(failed) <= limit:
        return None
    return f"{len(failed)} trials failed (max_failed_trials: {limit}): {failed}."
