"""`amc dashboard`: an experiment in optuna-dashboard."""

import tempfile
from pathlib import Path

import click

from amc.cli.interruption import as_ctrl_c, ask_again
from amc.cli.options import experiment_argument
from amc.cli.output import note, say
from amc.client import experiment as find
from amc.errors import UsageError

# Nobody else's machine may ask: the dashboard has no password.
_HOST = "127.0.0.1"


@click.command()
@experiment_argument
@click.option("--port", default=8081, show_default=True, type=click.IntRange(1, 65535))
def dashboard(*, experiment_id: str, port: int) -> None:
    """Show an experiment in optuna-dashboard, until Ctrl-C, on this machine alone.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default. What is
    shown is how it stands when the command is given.
    """
    experiment = find(experiment_id)
    try:
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
        from optuna_dashboard import run_server
    except ImportError as error:
        raise UsageError(
            "amc dashboard needs optuna-dashboard, which is not installed here. "
            "Install it: pip install 'ai-mission-control[dashboard]'."
        ) from error
    with as_ctrl_c(), tempfile.TemporaryDirectory(prefix="amc-dashboard-") as directory:
        journal = Path(directory) / "study.journal"
        experiment.export_optuna(journal)
        storage = JournalStorage(JournalFileBackend(str(journal)))
        say(f"http://{_HOST}:{port}/dashboard/studies/0")
        note(f"{experiment.id}, as it stands now; Ctrl-C ends it.")
        try:
            run_server(storage, host=_HOST, port=port)
            ask_again()  # the server takes a signal for its end, and says nothing
        except OSError as error:
            raise UsageError(
                f"--port: {port} cannot be listened on: {error.strerror}. Give another one."
            ) from error
