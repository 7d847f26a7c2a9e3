"""`amc methods`: the paragraphs that a paper needs of an experiment."""

import textwrap

import click

from amc.cli.options import experiment_argument
from amc.cli.output import say
from amc.client import experiment as find

_WIDTH = 88


@click.command()
@experiment_argument
@click.option("--wrap/--no-wrap", default=True, help="Break lines at 88 columns.  [default: yes]")
def methods(*, experiment_id: str, wrap: bool) -> None:
    """Say how an experiment was done, as a paper's methods section would.

    Space, budget, rule of selection, seeds of each kind, failures and hours, versions and machine:
    all of it is read from its records or counted in them.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default.
    """
    text = find(experiment_id).methods()
    for index, paragraph in enumerate(text.split("\n\n")):
        if index:
            say("")
        say(textwrap.fill(paragraph, _WIDTH, break_on_hyphens=False) if wrap else paragraph)
