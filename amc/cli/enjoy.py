"""`amc enjoy`: play what was learned, in a window, in a film, or for its returns alone."""

from pathlib import Path
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

import click

from amc.cli.agents import agent_options, find_agent
from amc.cli.options import json_option
from amc.cli.output import console, print_json, say
from amc.errors import UsageError

if TYPE_CHECKING:
    from amc.playback import Agent
    from amc.playback.playing import Moment


@click.command()
@agent_options
@click.option("--episodes", type=click.IntRange(min=1), default=3, help="[default: 3]")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    help="Of the episodes.  [default: those of its last evaluation]",
)
@click.option(
    "--video",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Film it, as .mp4 or .gif.",
)
@click.option(
    "--fps",
    type=click.FloatRange(1, 240),
    help="Of the film.  [default: as fast as the environment says that it is]",
)
@click.option(
    "--window/--no-window", default=None, help="[default: where there is a display and no --video]"
)
@json_option
def enjoy(
    source: str,
    *,
    trial: int | None,
    episodes: int,
    seed: int | None,
    video: Path | None,
    fps: float | None,
    window: bool | None,
    as_json: bool,
) -> None:
    """Play the best agent of an experiment, or the one at PATH.

    ID is an experiment's id, a unique beginning of one, or `latest`, which is the default. PATH is
    a checkpoint, a directory of `amc train`, or a package.
    """
    if video is None and fps is not None:
        raise UsageError("--fps: it is of a film. Add --video FILE, or leave it out.")
    if video is not None and window:
        raise UsageError("--window: a film is made without one. Leave out one of the two.")
    agent = find_agent(source, trial).agent
    from amc.playback.rendering import has_display

    if window is None:
        window = video is None and has_display()
    played = _played(agent, episodes, seed, video, fps, "human" if window else None)
    _print(agent, played, video, as_json)


def _played(
    agent: "Agent",
    episodes: int,
    seed: int | None,
    video: Path | None,
    fps: float | None,
    render_mode: str | None,
) -> list["Moment"]:
    """The last moment of each episode."""
    from amc.playback.films import film
    from amc.playback.playing import play

    ends: list[Moment] = []
    with console(stderr=True).status("") as status:

        def look(moment: "Moment") -> None:
            status.update(
                f"episode {moment.episode + 1} of {episodes}, step {moment.step}, "
                f"return {moment.gained:.1f}"
            )
            if moment.has_ended:
                ends.append(moment)

        if video is not None:
            film(agent, video, episodes, seed=seed, fps=fps, on_moment=look)
        else:
            for moment in play(agent, episodes, seed, render_mode):
                look(moment)
    return ends


def _print(agent: "Agent", ends: list["Moment"], video: Path | None, as_json: bool) -> None:
    returns = [end.gained for end in ends]
    mean, std = fmean(returns), pstdev(returns)
    if as_json:
        print_json(
            {
                "episodes": [{"return": end.gained, "steps": end.step} for end in ends],
                "mean": mean,
                "std": std,
                "score": agent.score,
                "video": None if video is None else str(video),
            }
        )
        return
    for end in ends:
        say(f"episode {end.episode + 1:<4}return {end.gained:<12.2f}{end.step} steps")
    recorded = "" if agent.score is None else f"   (its score in training: {agent.score:.2f})"
    say(f"mean        return {mean:.2f} +/- {std:.2f}{recorded}")
    if video is not None:
        say(f"video       {video}")
