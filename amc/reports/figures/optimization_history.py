"""How the search went: each trial's score in order, and the best so far. Its door is `draw`."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from matplotlib.axes import Axes

from amc.reports.figures import canvas
from amc.trial_status import BestTrial, TrialStatus

# Kind and state of a trial: its name, mark and color.
_MARKS = {
    ("search", "completed"): ("trials", "o", canvas.BLUE),
    ("search", "halted"): ("halted early", "v", canvas.GRAY),
    ("finalist", "completed"): ("finalists", "D", canvas.PURPLE),
    ("test", "completed"): ("tests", "s", canvas.GREEN),
}
_LARGE, _SMALL = 22, 7
_MANY = 300


def draw(trials: Sequence[TrialStatus], best: BestTrial | None = None) -> canvas.Picture:
    """The optimization history.

    Args:
        trials: in number order; those without a score that have ended stand at the lower edge.
        best: what won, for the line of what it is worth; None leaves it out.
    """
    scored = [trial.score for trial in trials if trial.score is not None]
    if not scored:
        return canvas.sentence("No trial has a score yet.")
    picture = canvas.Picture()
    axes = picture.add_subplot()
    canvas.dress(axes, x="trial", y="score")
    canvas.whole_numbers(axes, "x")
    low, high = canvas.limits(scored)
    axes.set_ylim(low, high)
    _marks(axes, trials, low)
    if any(trial.hyperparameters for trial in trials):
        _line_of_best(axes, trials)
    if best is not None:
        _worth(axes, best)
    canvas.legend(axes)
    return picture


def best_so_far(trials: Sequence[TrialStatus]) -> list[tuple[int, float]]:
    """Each trial with which the best of the search rose, and the score that it rose to.

    Of suggestions on several seeds it is the mean that counts, once all of them are there.
    """
    seeds: dict[int, list[TrialStatus]] = defaultdict(list)
    for trial in trials:
        if trial.kind == "search":
            seeds[trial.suggestion].append(trial)
    means = [
        (own[-1].number, fmean(one.score for one in own if one.score is not None))
        for own in seeds.values()
        if all(one.state == "completed" and one.score is not None for one in own)
    ]
    found: list[tuple[int, float]] = []
    for number, mean in sorted(means):
        if not found or mean > found[-1][1]:
            found.append((number, mean))
    return found


def _marks(axes: Axes, trials: Sequence[TrialStatus], low: float) -> None:
    size = _SMALL if len(trials) > _MANY else _LARGE
    below = 0
    for (kind, state), (name, mark, color) in _MARKS.items():
        own = [one for one in trials if (one.kind, one.state) == (kind, state)]
        scores = [one.score for one in own if one.score is not None]
        if not scores:
            continue
        heights, n_below = canvas.clipped(scores, low)
        below += n_below
        numbers = [one.number for one in own if one.score is not None]
        axes.scatter(
            *(numbers, heights),
            *(size, color),
            marker=mark,
            label=name,
            alpha=0.85,
            linewidths=0,
            clip_on=False,
            rasterized=len(trials) > canvas.MOST_ELEMENTS,
        )
    failed = [one.number for one in trials if one.state == "failed"]
    if failed:
        axes.scatter(
            *(failed, [0.0] * len(failed)),
            *(1.6 * size, canvas.RED),
            marker="x",
            label="failed",
            transform=axes.get_xaxis_transform(),
            clip_on=False,
        )
    if below:
        canvas.note(axes, f"{below} far below: drawn at the edge")


def _line_of_best(axes: Axes, trials: Sequence[TrialStatus]) -> None:
    steps = best_so_far(trials)
    searched = [trial.number for trial in trials if trial.kind == "search"]
    if steps:
        numbers, scores = zip(*steps, strict=True)
        axes.plot(
            (*numbers, max(searched)),
            (*scores, scores[-1]),
            drawstyle="steps-post",
            color=canvas.BLUE,
            linewidth=1.4,
            label="best so far",
        )


def _worth(axes: Axes, best: BestTrial) -> None:
    """The mean over the winner's seeds, where that is more than one trial's score."""
    if best.n_seeds < 2:
        return
    color = canvas.GREEN if best.chosen_by is not None else canvas.PURPLE
    axes.axhline(best.mean_score, color=color, linewidth=1.1, linestyle="--")
    if best.interval is not None:
        axes.axhspan(*best.interval, color=color, alpha=0.12, linewidth=0)
