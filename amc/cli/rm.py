"""`amc rm`: remove experiments for good."""

import click

from amc import removing
from amc.cli import formatting
from amc.cli.options import experiment_ids, json_option, yes_option
from amc.cli.output import note, print_json, say
from amc.client import experiment as find
from amc.errors import AmcError, UsageError
from amc.experiment_view import Experiment
from amc.ledger import removal


@click.command()
@experiment_ids
@yes_option
@json_option
def rm(*, experiment_ids: tuple[str, ...], is_agreed: bool, as_json: bool) -> None:
    """Remove experiments with all that they recorded: trials, curves, agents.

    Says how much that is and asks first; with --yes every ID has to be written out. What runs is
    refused (exit code 2): cancel it first. An id is never given to another experiment.
    """
    found = list({item.id: item for item in map(find, experiment_ids)}.values())
    for item in found:
        if is_agreed and item.id not in experiment_ids:
            raise UsageError(f"--yes: {item.id} is meant, so write it out. Nothing was removed.")
        removing.require_idle(item)
    sizes = {item.id: removal.size(item.directory) for item in found}
    for item in found:
        note(f"{item.id}: {_told(item)}, {formatting.size(sizes[item.id])}")
    count = f"{len(found)} experiment{'s' * (len(found) > 1)}"
    question = f"Remove {count}, {formatting.size(sum(sizes.values()))}, for good?"
    if not is_agreed and not click.confirm(question, err=True):
        note("Nothing was removed.")
        return
    for item in found:
        removing.remove(item)
        if not as_json:
            say(f"{item.id} removed")
    if as_json:
        print_json(
            {"removed": [{"experiment_id": one, "bytes": size} for one, size in sizes.items()]}
        )


def _told(experiment: Experiment) -> str:
    try:
        states = experiment.trial_states()
        count = sum(states.values())
        created = formatting.moment(experiment.created)
        return f"{experiment.state}, {count} trial{'s' * (count != 1)}, created {created}"
    except AmcError as error:
        return f"cannot be read ({error})"
