"""`amc package`: an agent in a folder of its own, to hand on; it is never sent anywhere."""

from pathlib import Path
from statistics import pstdev
from typing import TYPE_CHECKING, Any

import click

from amc.cli.agents import Found, find_agent
from amc.cli.options import json_option
from amc.cli.output import note, print_json, say
from amc.client import experiment as find
from amc.client import recorded
from amc.errors import UsageError

if TYPE_CHECKING:
    from amc.experiment_view import Experiment
    from amc.playback.model_card import Claim

# Of an agent of which nothing is known but what it does.
_EPISODES = 20


@click.command()
@click.argument("source", metavar="ID|PATH")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--trial", type=click.IntRange(min=0), metavar="N", help="[default: the best one]")
@click.option("--film/--no-film", "has_film", default=True, help="One episode, replay.mp4.")
@json_option
def package(
    source: str, directory: Path, *, trial: int | None, has_film: bool, as_json: bool
) -> None:
    """Write the best agent of an experiment, or the one at PATH, to DIR.

    The folder is laid out as the Hugging Face hub wants it: weights without code, config, results,
    a model card and a film. Act with it: amc enjoy DIR, or amc.load("DIR") in Python. Of a trainer
    of your own it is what that has saved, as it saved it.
    """
    own = _of_own_trainer(source)
    if own is not None:
        _hand_on(own, trial, directory, as_json=as_json)
        return
    from amc.playback.packages import package as write

    found = find_agent(source, trial)
    claim = _claim(found)
    lacking = write(found.agent, directory, claim, _origin(found), has_film=has_film)
    if lacking is not None:
        note(f"there is no film in it: {lacking}")
    names = sorted(path.name for path in directory.iterdir())
    if as_json:
        print_json({"directory": str(directory), "files": names, "claim": str(claim)})
        return
    say(f"package     {directory}")
    say(f"files       {', '.join(names)}")
    say(f"score       {claim}")


def _of_own_trainer(source: str) -> "Experiment | None":
    """The experiment, if a command or a function of the user's own trains its trials."""
    if recorded(source) is None and Path(source).exists():
        return None
    experiment = find(source)
    return experiment if experiment.config.has_own_trainer else None


def _hand_on(
    experiment: "Experiment", trial: int | None, directory: Path, *, as_json: bool
) -> None:
    from amc.ledger import Ledger
    from amc.playback.trainer_files import hand_on

    best = experiment.best
    number = trial if trial is not None or best is None else best.number
    if number is None:
        raise UsageError(f"{experiment.id}: no trial was completed yet. Wait for one: amc watch")
    hand_on(
        Ledger(experiment.directory),
        number,
        directory,
        {"experiment": experiment.id, "trial": number},
    )
    names = sorted(path.name for path in directory.iterdir())
    if as_json:
        print_json({"directory": str(directory), "files": names})
        return
    say(f"package     {directory}")
    say(f"files       {', '.join(names)}")


def _claim(found: Found) -> "Claim":
    """Over the seeds of its experiment where there are several, else over episodes."""
    from amc.playback.model_card import Claim

    best = None if found.experiment is None else found.experiment.best
    if best is None or best.number != found.trial or best.n_seeds < 2:
        played = found.agent.evaluate(_EPISODES, seed=0)
        return Claim(played.mean, played.std, _EPISODES, "episodes")
    assert found.experiment is not None
    trials = {trial.number: trial for trial in found.experiment.trials()}
    scores = [trials[number].score for number in best.mean_of]
    std = pstdev([score for score in scores if score is not None])
    of = "seeds" if best.interval is not None else "seeds, which chose it"
    return Claim(best.mean_score, std, best.n_seeds, of, best.interval)


def _origin(found: Found) -> dict[str, Any]:
    if found.experiment is None:
        return {}
    return {"experiment": found.experiment.id, "trial": found.trial}
