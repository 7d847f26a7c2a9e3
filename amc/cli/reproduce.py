"""`amc reproduce`: whether the winner comes out again, and whether its score is more than luck."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import TYPE_CHECKING

import click

from amc.cli.options import experiment_argument, json_option
from amc.cli.output import console, note, print_json, say
from amc.client import experiment as find
from amc.ledger import Ledger

if TYPE_CHECKING:
    from amc.inference import Estimate
    from amc.reproducing import Again

_DIGITS = 12


@click.command()
@experiment_argument
@click.option(
    "--seeds",
    type=click.IntRange(0, 1000),
    default=3,
    metavar="N",
    help="How many fresh ones, after its own.  [default: 3]",
)
@json_option
def reproduce(*, experiment_id: str, seeds: int, as_json: bool) -> None:
    """Train the winner of an experiment again here, then on seeds that the experiment has not used.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default. Exit
    code 1 if other parameters come out where the same ones should, or if the mean on the fresh
    seeds differs from the recorded one by more than chance.
    """
    ledger = Ledger(find(experiment_id).directory)
    from amc.workers.threads import limit_threads

    limit_threads(ledger.config.training.threads)
    from amc import inference, reproducing

    best = reproducing.winner_of(ledger)
    with console(stderr=True).status("") as status:
        which = f"trial {best.trial.number}, its own seed"

        def look(kind: str, steps: int) -> None:
            status.update(f"{which}: step {steps:,}")

        again = reproducing.again(ledger, best, look)
        note(f"{which}: score {again.score}, {'the same bits' if again.is_same else 'other bits'}")
        fresh = []
        for number in range(seeds):
            which = f"fresh seed {number + 1}"
            fresh.append(reproducing.on_fresh_seed(ledger, best, number, look))
            note(f"{which}: score {fresh[-1]:g}")
    recorded = reproducing.recorded_scores(ledger, best)
    difference = inference.difference(fresh, recorded) if fresh else None
    if as_json:
        print_json(
            {
                "experiment_id": ledger.id,
                "again": {**asdict(again), "is_same": again.is_same},
                "recorded": recorded,
                "fresh": fresh,
                "difference": None if difference is None else asdict(difference),
                "holds": None if difference is None else difference.may_be_none,
            }
        )
    else:
        _print(again, recorded, fresh, difference)
    is_wrong = not again.is_same and again.excuse is None
    sys.exit(int(is_wrong or (difference is not None and difference.may_be_none is False)))


def _print(
    again: "Again",
    recorded: Sequence[float],
    fresh: Sequence[float],
    difference: "Estimate | None",
) -> None:
    if again.is_same:
        say(f"digest    holds: {(again.digest or 'none')[:_DIGITS]}..., score {again.score}")
    else:
        told = (again.recorded_digest or "none")[:_DIGITS]
        why = "" if again.excuse is None else f". That may be: {again.excuse}"
        say(
            f"digest    does not hold: {(again.digest or 'none')[:_DIGITS]}... and not {told}..., "
            f"score {again.score} and not {again.recorded_score}{why}"
        )
    if difference is None:
        return
    say(f"recorded  {fmean(recorded):.2f} over {len(recorded)} seeds")
    say(f"fresh     {fmean(fresh):.2f} over {len(fresh)} seeds that it had not used")
    say(f"score     {_verdict(difference)}")


def _verdict(difference: "Estimate") -> str:
    if difference.may_be_none is None:
        return f"{difference.value:+.2f}: of a single seed, which says nothing. Add --seeds"
    verdict = "holds" if difference.may_be_none else "does not hold"
    interval = f"95 % interval {difference.low:+.2f} to {difference.high:+.2f}"
    return f"{verdict}: it differs by {difference.value:+.2f}, {interval}"
