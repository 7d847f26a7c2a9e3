"""`amc verify`: whether an experiment's records can be what happened."""

import sys

import click

from amc.cli.options import experiment_argument, json_option
from amc.cli.output import note, print_json, say
from amc.client import experiment as find
from amc.ledger import Ledger


@click.command()
@experiment_argument
@click.option(
    "--replay",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Train N of its segments again, and compare every bit.",
)
@json_option
def verify(*, experiment_id: str, replay: int, as_json: bool) -> None:
    """Check every record of an experiment, and decide every decision of it again.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default. Exit
    code 0 if it is sound, 1 if not; every fault is a line. Where --replay comes to other bits on
    another type of CPU, or another version, than the workers had, that is a remark and no fault.
    What a command or a function of your own trained is not trained again.
    """
    from amc import verify as oracle

    ledger = Ledger(find(experiment_id).directory)
    faults = oracle.verify(ledger)
    if replay and not faults and (own := oracle.count_own(ledger)):
        note(f"{own} segments are left out: a trainer of your own trained them.")
    remarks = [] if faults else oracle.remarks(ledger)
    again = 0
    for segment, difference in oracle.replay(ledger, replay if not faults else 0):
        again += 1
        where = f"segment {segment.index} of trial {segment.trial}"
        note(f"{where}: {'the same' if difference is None else 'not the same'}")
        if difference is not None:
            told = f"{where}: trained again, it came to {difference}"
            excuse = oracle.excuse(ledger, segment)
            faults += [f"{told}."] if excuse is None else []
            remarks += [] if excuse is None else [f"{told}. That may be: {excuse}."]
    past = None if faults else ledger.history()
    if as_json:
        document = {"faults": faults, "remarks": remarks, "replayed": again}
        print_json({"experiment_id": ledger.id, **document})
    elif past is None:
        for fault in faults:
            say(fault)
    else:
        counts = f"{past.decisions} decisions, {len(past.segments)} segments"
        say(f"{ledger.id}: sound: {counts}{f', {again} trained again' if again else ''}")
    for remark in remarks:
        note(f"remark: {remark}")
    sys.exit(1 if faults else 0)
