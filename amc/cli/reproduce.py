"""`amc reproduce`: whether the winner comes out again, and whether its score is more than luck."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import TYPE_CHECKING

import click

from amc.cli.consent import permit
from amc.cli.options import allow_option, experiment_argument, json_option
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
@allow_option
@json_option
def reproduce(*, experiment_id: str, seeds: int, is_allowed: bool, as_json: bool) -> None:
    """Train the winner of an experiment again here, then on seeds that the experiment has not used.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default. Exit
    code 1 if other parameters come out where the same ones should, or if the mean on the fresh
    seeds differs from the recorded one by more than chance. What a command or a function of your
    own comes to is shown and not compared: its bits are its own.
    """
    ledger = Ledger(find(experiment_id).directory)
    from amc.workers.threads import limit_threads

    limit_threads(ledger.config.training.threads)
    from amc import inference, reproducing

    best = reproducing.winner_of(ledger)
    permit(ledger.config, is_agreed=is_allowed)
    with console(stderr=True).status("") as status:
        which = f"trial {best.trial.number}, its own seed"

        def look(kind: str, steps: int) -> None:
            status.update(f"{which}: step {steps:,}")

        again = reproducing.again(ledger, best, look)
        bits = "" if again.is_own else ", the same bits" if again.is_same else ", other bits"
        note(f"{which}: score {again.score}{bits}")
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
    is_wrong = not (again.is_same or again.is_own or again.excuse)
    sys.exit(int(is_wrong or (difference is not None and difference.may_be_none is False)))


def _print(
    again: "Again",
    recorded: Sequence[float],
    fresh: Sequence[float],
    difference: "Estimate | None",
) -> None:
    if again.is_own:
        say(
            f"again     score {again.score}, recorded {again.recorded_score}: not compared, since "
            "a trainer of your own trains"
        )
    elif again.is_same:
        say(f"digest    holds: {str(again.digest)[:_DIGITS]}..., score {again.score}")
    else:
        told, came_to = ((one or "none")[:_DIGITS] for one in (again.recorded_digest, again.digest))
        why = "" if again.excuse is None else f". That may be: {again.excuse}"
        say(
            f"digest    does not hold: {came_to}... and not {told}..., "
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
