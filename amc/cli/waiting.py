"""Why nothing moves, and what to do: one sentence. Its door is `waits_for`."""

from amc.cli.at_work import AtWork
from amc.cli.overview import Overview


def waits_for(overview: Overview, at_work: AtWork) -> str | None:
    """What an experiment waits for; None while it goes on by itself, or has ended."""
    if overview.state == "paused":
        return _of_paused(overview)
    if overview.state != "running":
        return None
    if overview.is_disk_full:
        return "its disk is full: make room, and it goes on"
    running = overview.states.get("running", 0)
    # Of a worker that was just restarted its trial's lease still tells.
    if at_work.missing and not (running and at_work.answers and not at_work.workers):
        return at_work.missing
    if not running and (forbidden := at_work.forbids(overview.code)):
        return forbidden
    if not running and overview.states.get("waiting") and not at_work.at(overview.id):
        others = sorted({worker.experiment for worker in at_work.workers})
        return f"every worker trains for another experiment: {', '.join(others)}"
    return None


def _of_paused(overview: Overview) -> str:
    running = overview.states.get("running", 0)
    if running:
        who = "1 trial writes" if running == 1 else f"{running} trials write"
        return f"pausing: {who} a checkpoint"
    return f"paused: amc resume {overview.id}"
