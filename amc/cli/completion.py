"""`amc completion`: what a shell reads to complete the command line of amc."""

from typing import ClassVar

import click
from click.shell_completion import BashComplete, ShellComplete, get_completion_class

_VARIABLE = "_AMC_COMPLETE"
_HOW = {
    "bash": 'eval "$(amc completion bash)"      # in ~/.bashrc',
    "zsh": 'eval "$(amc completion zsh)"       # in ~/.zshrc, below compinit',
    "fish": "amc completion fish > ~/.config/fish/completions/amc.fish",
}


class _Bash(BashComplete):
    """As click has it, but that no blank follows the `=` of a key."""

    source_template: ClassVar[str] = BashComplete.source_template.replace(
        "            COMPREPLY+=($value)\n",
        "            COMPREPLY+=($value)\n            [[ $value == *= ]] && compopt -o nospace\n",
    )


@click.command()
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print what completes commands, options, ids of experiments and --set keys in SHELL.

    The first line of it says where it belongs: eval "$(amc completion bash)" in ~/.bashrc.
    """
    root = context.find_root()
    kind: type[ShellComplete] | None = _Bash if shell == "bash" else get_completion_class(shell)
    if kind is not None:
        click.echo(f"# {_HOW[shell]}")
        click.echo(kind(root.command, {}, "amc", _VARIABLE).source())
