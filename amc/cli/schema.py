"""`amc schema`: the JSON Schema of a config, for editors."""

import json

import click

from amc.config.json_schema import json_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of a config.

    Editors complete and check keys with it: the shipped configs begin with
    "$schema": "./schema/experiment.json", which is what this prints.
    """
    click.echo(json.dumps(json_schema(), indent=2))
