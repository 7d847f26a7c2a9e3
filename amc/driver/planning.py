"""The next decision: a pure function of the config and the history.

Same config and history, same answer, whoever asks and however often. It reads nothing and writes
nothing; `amc.tasks` records what it says and does it. What is opened is a policy's business:
`amc.driver.policies`.
"""

from dataclasses import replace

from amc.config.schema import ExperimentConfig
from amc.driver.draft import Draft
from amc.driver.policies import learnable, open_next
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
    if learned is None:
        return None
    base = Decision(history.decisions, learned, requests=history.asked, now=history.now)
    past = history.after(base)
    reason = _too_many_failures(config, past)
    draft = Draft(config, past)
    if reason is None:
        open_next(config, past, draft)
    if draft.segments:
        return replace(base, trials=tuple(draft.trials), segments=tuple(draft.segments))
    if past.open:
        return base
    if reason is None and not standings(past):
        reason = "No trial was completed; `amc show` has the reason of each."
    return replace(base, finish="completed" if reason is None else "failed", why=reason)


def _end(history: History) -> Decision:
    learned = tuple(history.fresh[key] for key in history.open)
    return Decision(
        history.decisions, learned, finish="cancelled", requests=history.asked, now=history.now
    )


def _too_many_failures(config: ExperimentConfig, past: History) -> str | None:
    search = config.hyperparameter_optimizer
    limit = None if search is None else search.max_failed_trials
    if limit is None or len(past.failed) <= limit:
        return None
    failed = list(past.failed)
    return f"{len(failed)} trials failed (max_failed_trials: {limit}): {failed}."
