"""What users ask of an experiment that is recorded already, and what a decision opens for it.

More calls and other limits count from the decision on that learns of them. A trial of the user's
own, and a failed one once more, are opened by the next decision that has room for them, and trained
to their end whatever prunes. Steps for trials that have ended are given once nothing else is left.
The decision that does what a request asks carries it; so does the one that ends the experiment,
which says why nothing came of it. Its doors are `open_requested` and `give_steps`.
"""

from amc.config.schema import ExperimentConfig
from amc.driver.draft import Draft
from amc.driver.following import stages_of
from amc.ledger import History, Request
from amc.ledger.asking import chosen, is_population

AT_ONCE = frozenset({"calls", "limits"})


def open_requested(config: ExperimentConfig, past: History, draft: Draft) -> None:
    """Open trials of the user's own, and failed ones once more, as far as there is room."""
    if is_population(config):
        return
    for request in past.asked:
        if request.kind == "trial" and request.hyperparameters is not None:
            if draft.may_start(1):
                number = _next_suggestion(past, draft)
                draft.start(request.hyperparameters, number, request=request.number)
                draft.answered.append(request)
        elif request.kind == "retry":
            _retry(request, config, past, draft)


def give_steps(config: ExperimentConfig, past: History, draft: Draft) -> None:
    """Let trials that have ended go on, and answer whatever was asked and has no place any more."""
    goals: dict[int, int] = {}
    for request in past.asked:
        if request in draft.answered:
            continue
        draft.answered.append(request)
        found = chosen(request, config, past) if request.kind == "steps" else []
        if not found:
            draft.remarks.append(f"Nothing came of request {request.number} ({request.kind}).")
        for trial in found:
            goals[trial] = max(request.steps, goals.get(trial, 0))
    for trial, steps in goals.items():
        if not draft.extend(trial, steps):
            draft.remarks.append(f"No steps were left for trial {trial}.")


def _retry(request: Request, config: ExperimentConfig, past: History, draft: Draft) -> None:
    results = {n: past.result(n) for n in request.trials if n in past.trials}
    done = {trial.retry_of for trial in draft.trials}
    if not all(results.values()):
        return  # one of them is at work: whether it fails is not known
    again = [number for number in results if number in past.failed and number not in done]
    if not draft.may_start(len(again)):
        return
    for number in again:
        trial = past.trials[number]
        draft.start(
            trial.hyperparameters,
            trial.suggestion,
            kind=trial.kind,
            until=stages_of(config, past, trial.suggestion)[0].until,
            request=request.number,
            retry_of=number,
        )
    draft.answered.append(request)


def _next_suggestion(past: History, draft: Draft) -> int:
    return len(past.suggestions) + sum(trial.retry_of is None for trial in draft.trials)
