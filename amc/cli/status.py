"""`amc status`: queues, workers and what they are doing."""

from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import click
from rich import box
from rich.table import Table

from amc.cli import formatting
from amc.cli.options import json_option
from amc.cli.output import console, note, print_json
from amc.errors import AmcError, BrokerError

if TYPE_CHECKING:
    from amc.fleet import FleetStatus


@click.command()
@json_option
@click.option(
    "--worker",
    metavar="NAME",
    help="Only check that this worker of this machine lives; for health checks.",
)
def status(*, as_json: bool, worker: str | None) -> None:
    """Show this machine's processes, every live worker, the queues and the running trials.

    Exits with 3 where no worker is to be seen, and on a machine that is cut off from its broker.
    """
    from amc import fleet

    found = fleet.status()
    if worker is not None:
        _require(found, worker)
    is_anything_known = found.is_up or found.workers
    if as_json and is_anything_known:
        print_json({**found.to_json(), "not_allowed": _not_allowed()})
    elif worker is None and is_anything_known:
        _show(found)
        for identifier, reason in _not_allowed().items():
            note(f"{identifier}: {reason}")
    if not (found.broker_answers and is_anything_known):
        _leave_without_workers(found)


def _not_allowed() -> dict[str, str]:
    """The experiments whose command or function no live worker may run, and what to do."""
    from amc.cli.at_work import AtWork
    from amc.client import experiments
    from amc.permission import foreign_code

    at_work, found = AtWork.now(), {}
    for experiment in experiments() if at_work.missing is None else ():
        with suppress(AmcError, OSError):  # amc ls says what of a damaged one
            if experiment.state == "running":
                found[experiment.id] = at_work.forbids(foreign_code(experiment.config))
    return {identifier: reason for identifier, reason in found.items() if reason}


def _require(found: "FleetStatus", worker: str) -> None:
    if not any(item.name == worker and item.host == found.host for item in found.workers):
        raise BrokerError(f"{worker}: not heard of on {found.host}. Start the workers: amc up")


def _leave_without_workers(found: "FleetStatus") -> NoReturn:
    if found.is_up:
        raise BrokerError(
            f"A fleet is up here, but the broker {found.broker} does not answer: its trials go on, "
            "and their results are told when it is back. Look at that machine, or at the network."
        )
    where = "answers, but no worker does" if found.broker_answers else "does not answer"
    raise BrokerError(
        f"No fleet is up here, and the broker {found.broker} {where}. Start one: amc up"
    )


def _show(found: "FleetStatus") -> None:
    answers = "answers" if found.broker_answers else "DOES NOT ANSWER"
    console().print(f"Broker {found.broker} {answers}", markup=False)
    if found.is_up:
        console().print(_processes(found))
    if found.workers:
        console().print(_workers(found))
    console().print(_queues(found))


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    return table


def _processes(found: "FleetStatus") -> Table:
    up_for = formatting.duration(found.uptime_s)
    table = _table(
        f"Processes of {found.host}, up for {up_for}", "process", "pid", "up", "restarts"
    )
    for process in found.processes:
        pid = str(process.pid or "-")
        uptime = formatting.duration(process.uptime_s) if process.pid else "being restarted"
        table.add_row(process.name, pid, uptime, str(process.restarts))
    return table


def _workers(found: "FleetStatus") -> Table:
    table = _table("Live workers", "worker", "queues", "trains")
    for worker in found.workers:
        name = f"{worker.name}@{worker.host}"
        trials = [
            f"{item.experiment}/{item.trial}" for item in found.running if item.worker == name
        ]
        table.add_row(name, ", ".join(worker.queues), ", ".join(trials) or "-")
    return table


def _queues(found: "FleetStatus") -> Table:
    table = _table("Queues", "queue", "waiting")
    for name, length in found.queues:
        table.add_row(name, str(length))
    return table
