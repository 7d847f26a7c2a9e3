"""`amc clean`: remove leftovers, and on request the checkpoints of trials that did not win."""

import click

from amc.cli import formatting
from amc.cli.options import json_option, yes_option
from amc.cli.output import note, print_json, say, shown
from amc.leftovers import Leftover, checkpoints, leftovers
from amc.settings import shared_dir

_SHOWN = 20


@click.command()
@click.option(
    "--checkpoints",
    "with_checkpoints",
    is_flag=True,
    help="Also the checkpoints of ended experiments, but the winner's.",
)
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(min=0),
    default=7.0,
    show_default=True,
    metavar="DAYS",
    help="Of logs: only what nobody has written to for so long.",
)
@yes_option
@json_option
def clean(*, with_checkpoints: bool, days: float, is_agreed: bool, as_json: bool) -> None:
    """Remove what nobody needs: half-written files, halves of removed experiments, old logs.

    Says what and how much that is, and asks first. Experiments stay: amc rm removes those. A trial
    without its checkpoint keeps scores and curves, and is trained again before it can go on.
    """
    found = leftovers(shared_dir(), log_age_s=days * 86_400)
    if with_checkpoints:
        found += checkpoints(shared_dir())
    total = sum(one.size for one in found)
    _tell(found)
    if not found:
        note("Nothing to remove.")
    elif not is_agreed and not click.confirm(f"Remove {formatting.size(total)}?", err=True):
        note("Nothing was removed.")
        found, total = [], 0
    for one in found:
        one.remove()
    if as_json:
        documents = [{"path": str(one.path), "what": one.what, "bytes": one.size} for one in found]
        print_json({"removed": documents, "bytes": total})
    elif found:
        say(f"removed {formatting.size(total)}")


def _tell(found: list[Leftover]) -> None:
    kinds: dict[str, list[Leftover]] = {}
    for one in found:
        kinds.setdefault(one.what, []).append(one)
    for what, members in kinds.items():
        note(f"{what}: {len(members)}, {formatting.size(sum(one.size for one in members))}")
        for one in members[:_SHOWN]:
            note(f"  {formatting.size(one.size):>8}  {shown(one.path)}")
        if len(members) > _SHOWN:
            note(f"  and {len(members) - _SHOWN} more")
