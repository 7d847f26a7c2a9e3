"""What changed of an experiment between two looks, a line for each.

Its doors are `Events` and `changes`.

It must not know what a terminal is.
"""

from collections.abc import Container, Iterator

from amc.cli import formatting
from amc.cli.overview import AT_WORK, Overview, best_of
from amc.trial_status import BestTrial, TrialStatus


class Events:
    """What happened since the last look.

    What was paused goes on; it is not told as one more attempt.
    """

    def __init__(self) -> None:
        self._last: Overview | None = None
        self._reason: str | None = None
        self._paused: dict[int, int] = {}

    def until(self, overview: Overview, waits_for: str | None = None) -> Iterator[str]:
        """A line for each event; `waits_for` is why nothing moves, if so."""
        yield from changes(self._last, overview, paused=self._paused)
        if waits_for is not None and waits_for != self._reason:
            yield waits_for
        self._last, self._reason = overview, waits_for
        # Until its next attempt is recorded, a trial that goes on is one that was paused.
        self._paused = {
            one.number: attempts
            for one in overview.trials
            if one.state in AT_WORK and (attempts := self._attempts_at_pause(one, overview))
        }

    def _attempts_at_pause(self, trial: TrialStatus, overview: Overview) -> int:
        if overview.is_halted_by_user(trial):
            return trial.attempts
        known = self._paused.get(trial.number, 0)
        return known if trial.attempts <= known else 0


def changes(
    before: Overview | None, after: Overview, *, paused: Container[int] = ()
) -> Iterator[str]:
    """One line for each thing that changed; steps and seconds alone are no change.

    Args:
        before: None at the first look.
        after: the experiment now.
        paused: trials that had been paused.
    """
    before = before or Overview(after.id, state="")
    if after.stage is not None and after.stage != before.stage:
        yield after.stage
    standing = _standing if after.generation is None else _standing_of_member
    known = {trial.number: trial for trial in before.trials}
    for trial in after.trials:
        was = known.get(trial.number)
        if was is trial:
            continue  # of 10,000 nearly all have ended, and are told only once
        goes_on = trial.number in paused and trial.state == "running"
        if goes_on and was is not None and was.state == "running":
            continue  # its attempt is recorded now
        if (("waiting",) if was is None else standing(was)) != standing(trial):
            if after.is_halted_by_user(trial) and not trial.copies:
                told = "paused, with a checkpoint" if after.has_checkpoints else "paused"
            else:
                told = _told(trial, goes_on=goes_on)
            yield f"{_name(trial)}: {told}"
    if after.best is not None and _decisive(before.best) != _decisive(after.best):
        yield f"best so far: {best_of(after.best)}"
    if after.state != before.state:
        yield after.headline


def _decisive(best: BestTrial | None) -> tuple[object, ...]:
    return () if best is None else (best.number, best.mean_score, best.n_seeds)


def _name(trial: TrialStatus) -> str:
    return f"trial {trial.number}" + (f" ({trial.kind})" if trial.kind != "search" else "")


def _standing(trial: TrialStatus) -> tuple[object, ...]:
    if trial.state == "waiting":
        return ("waiting",)
    # Between its lease and the record of its attempt a trial runs without one.
    return (trial.state, trial.worker, max(1, trial.attempts))


def _standing_of_member(trial: TrialStatus) -> tuple[object, ...]:
    """In a population all begin and end each generation together: what one copies is the news."""
    is_at_work = trial.state in AT_WORK
    return ("waiting", *trial.copies) if is_at_work else _standing(trial)


def _told(trial: TrialStatus, *, goes_on: bool) -> str:
    if trial.state in AT_WORK and trial.copies:
        copied = trial.copies[-1]
        return (
            f"goes on from trial {copied.trial} at step {copied.step:,}: "
            f"{formatting.hyperparameters(trial.hyperparameters)}"
        )
    if trial.state == "running":
        how = "goes on" if goes_on else "running"
        again = f" (attempt {trial.attempts})" if trial.attempts > 1 and not goes_on else ""
        values = formatting.hyperparameters(trial.hyperparameters)
        return f"{how} on {trial.worker}{again}" + (f": {values}" if values else "")
    if trial.state == "waiting":
        # With a report of a piece it has come to a rung, say, and nothing has interrupted it.
        return (
            f"waits at step {trial.steps:,}" if trial.steps else "interrupted, waits for a worker"
        )
    if trial.state == "completed":
        took = f"{trial.steps:,} steps in {formatting.duration(trial.seconds)} on {trial.worker}"
        score = f"{formatting.score(trial.score)}{formatting.solved(trial.solved_at)}"
        return f"completed, score {score}, {took}"
    if trial.state == "halted":
        rank = formatting.rank(trial.rank, trial.compared)
        return f"halted at step {trial.steps:,}, {rank}, score {formatting.score(trial.score)}"
    if trial.state == "failed":
        return f"failed: {formatting.error(trial.error or 'no reason recorded')}"
    return trial.state
