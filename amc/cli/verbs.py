"""What was meant by a command that amc does not have. Its door is `no_such_command`."""

from collections.abc import Collection

from amc.plugins import closest

_LONGEST = 60
# What other schedulers, tuners and process managers call it.
_WORDS = {
    "run": "tune optimize optimise optimizer search execute exec go fit study sweep hpo",
    "submit": "enqueue queue add push create send sbatch apply post",
    "train": "learn trial",
    "report": "html summary summarize paper",
    "plot": "figure figures chart graph draw picture visualize",
    "export": "csv dataframe dump data download table optuna",
    "dashboard": "optuna-dashboard board web ui",
    "watch": "follow tail monitor attach wait top live progress",
    "ls": "list experiments jobs studies history dir squeue all",
    "show": "info describe inspect view get trials detail details print cat",
    "best": "result results winner score scores leaderboard",
    "logs": "log output stdout stderr journal",
    "pause": "suspend hold halt freeze",
    "resume": "continue unpause proceed restore",
    "extend": "prolong enlarge longer more",
    "add-trial": "enqueue-trial inject addtrial",
    "retry-failed": "rerun requeue retry-trial redo",
    "cancel": "kill abort terminate revoke scancel",
    "rm": "delete remove del erase drop destroy",
    "clean": "prune gc cleanup thin tidy",
    "init": "new scaffold template example starter preset generate",
    "validate": "check lint test",
    "completion": "completions complete autocomplete tab",
    "schema": "jsonschema json-schema config fields",
    "doctor": "diagnose troubleshoot selftest",
    "support-bundle": "support bundle bugreport report-bug",
    "up": "start launch worker workers serve server boot fleet",
    "down": "shutdown teardown quit exit",
    "status": "ps health ping state stat queues sinfo gpus",
}
_MEANT = {word: (verb,) for verb, words in _WORDS.items() for word in words.split()} | {
    "start": ("up", "run"),
    "stop": ("down", "cancel"),
    "restart": ("resume", "up"),
    "retry": ("retry-failed", "resume"),
    "version": ("--version",),
    "help": ("--help",),
}


def no_such_command(name: str, commands: Collection[str]) -> str:
    """The sentence for a command that amc does not have: what was meant, or what there is."""
    meant = " or ".join(map(repr, _meant(name, commands)))
    told = f"Did you mean {meant}?" if meant else f"There are: {', '.join(commands)}."
    return f"No such command {name[:_LONGEST]!r}. {told}"


def _meant(name: str, commands: Collection[str]) -> tuple[str, ...]:
    if name.endswith(".json"):
        return ("run FILE", "validate FILE")
    known = dict(_MEANT) | {command: (command,) for command in commands}
    word = name.lower().replace("_", "-")
    return known.get(word) or known.get(closest(word, known) or "", ())
