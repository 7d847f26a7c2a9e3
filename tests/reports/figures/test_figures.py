"""What each figure shows, asked of the figure itself."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from amc.config.search.dimension import Dimension
from amc.reports.figures import (
    attempt_timeline,
    canvas,
    importances,
    optimization_history,
    parallel_coordinates,
    slices,
)
from amc.reports.sensitivity import Importance, Share
from amc.reports.stints import Stint
from amc.trial_status import BestTrial, TrialStatus

Make = Callable[..., list[TrialStatus]]


def points(axes: Axes, name: str) -> list[list[float]]:
    """The points that a legend calls so."""
    (found,) = (one for one in axes.collections if one.get_label() == name)
    return np.asarray(found.get_offsets()).tolist()


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def best_of(trial: TrialStatus, **more: object) -> BestTrial:
    worth = {"mean_score": 5.0, "standard_error": 1.0, "n_seeds": 3, **more}
    return BestTrial(**vars(trial), **worth)


# -- optimization history


def test_scores_stand_in_the_order_of_trials(make_trials: Make):
    figure = optimization_history.draw(make_trials(1.0, 3.0, None, 2.0))

    (axes,) = figure.axes
    assert points(axes, "trials") == [[0, 1.0], [1, 3.0], [3, 2.0]]
    assert points(axes, "failed") == [[2, 0.0]], "at the edge, wherever that is"
    (line,) = (one for one in axes.lines if one.get_label() == "best so far")
    assert np.asarray(line.get_xydata()).tolist() == [[0, 1.0], [1, 3.0], [3, 3.0]]


def test_finalists_tests_and_halted_trials_have_marks_of_their_own(make_trials: Make):
    trials = [
        *make_trials(1.0),
        *(replace(one, state="halted") for one in make_trials(0.5, first=1)),
        *make_trials(2.0, kind="finalist", first=2),
        *make_trials(3.0, kind="test", first=3),
    ]

    (axes,) = optimization_history.draw(trials).axes

    for name, where in {"halted early": [1, 0.5], "finalists": [2, 2.0], "tests": [3, 3.0]}.items():
        assert points(axes, name) == [where]


def test_the_best_so_far_of_several_seeds_is_a_mean_once_all_are_there(make_trials: Make):
    trials = make_trials(9.0, 1.0, 6.0, None, 6.0, 6.0, 6.0, 6.0)
    trials = [replace(one, suggestion=one.number // 2) for one in trials]

    assert optimization_history.best_so_far(trials) == [(1, 5.0), (5, 6.0)]


def test_what_the_winner_is_worth_is_drawn_with_its_interval(make_trials: Make):
    trials = make_trials(1.0, 9.0)
    best = best_of(trials[1], interval=(2.0, 8.0))

    (axes,) = optimization_history.draw(trials, best).axes

    assert [5.0, 5.0] in [list(line.get_ydata()) for line in axes.lines]
    assert [one.get_height() for one in axes.patches] == [6.0]


def test_a_score_far_below_does_not_flatten_the_others(make_trials: Make):
    figure = optimization_history.draw(make_trials(*[100.0, 110.0, 90.0, 105.0] * 3, -1e9))

    low, high = figure.axes[0].get_ylim()
    assert high - low < 500
    assert "1 far below" in texts(figure)


def test_without_a_score_a_sentence_stands_there(make_trials: Make):
    assert "No trial has a score yet" in texts(optimization_history.draw(make_trials(None)))


# -- slices and parallel coordinates


def test_there_is_a_panel_per_hyperparameter(make_trials: Make, space: dict[str, Dimension]):
    space["constant"] = Dimension(0, 0, choices=(3,))

    figure = slices.draw(make_trials(1.0, 2.0, None, 4.0), space)

    assert [axes.get_xlabel() for axes in figure.axes if axes.axison] == list(space)[:-1]
    name = "trial of the search"
    assert len(points(figure.axes[0], name)) == 3
    assert len(points(figure.axes[4], name)) == 1, "clip_range counts with tanh alone"


def test_a_slice_marks_the_winner_s_value(make_trials: Make, space: dict[str, Dimension]):
    trials = make_trials(1.0, 2.0)
    trials[1].hyperparameters["learning_rate"] = 1e-3

    figure = slices.draw(trials, space, trials[1])

    (line,) = (one for one in figure.axes[0].lines if one.get_label() == "winner")
    assert list(line.get_xdata()) == pytest.approx([1 / 3, 1 / 3])


def test_each_trial_is_a_line_over_all_axes(make_trials: Make, space: dict[str, Dimension]):
    trials = make_trials(*[float(number) for number in range(20)])

    figure = parallel_coordinates.draw(trials, space, trials[19])

    lines = {
        one.get_label(): [path.vertices for path in one.get_paths()]
        for one in figure.axes[0].collections
    }
    assert {name: len(paths) for name, paths in lines.items()} == {
        "trials of the search": 18,
        "best tenth": 2,
        "winner": 1,
    }
    (winner,) = lines["winner"]
    assert winner.shape == (6, 2)
    assert winner[4, 1] < 0, "without a clip_range it passes below the axis"


@pytest.mark.parametrize("draw", [slices.draw, parallel_coordinates.draw])
def test_without_a_search_there_is_nothing_to_lay_out(draw: Callable[..., Figure], make_trials):
    assert "Nothing was searched" in texts(draw(make_trials(1.0), {}))
    space = {"n_epochs": Dimension(1, 9, type="int")}
    assert "No trial of the search" in texts(draw(make_trials(None), space))


# -- importance


def test_the_most_important_stands_on_top_with_its_error_bar():
    shares = (Share("little", 0.1, 0.2, 0.15, 0.3), Share("much", 0.6, 0.7, 0.5, 0.9))

    (axes,) = importances.draw(Importance(shares, 20)).axes

    assert [label.get_text() for label in axes.get_yticklabels()] == ["little", "much"]
    assert [bar.get_width() for bar in axes.patches] == [0.2, 0.7, 0.1, 0.6]
    (errors,) = (one for one in axes.containers if one.get_label() == "95 %")
    (segments,) = errors.lines[2]
    assert np.asarray(segments.get_segments())[:, :, 0] == pytest.approx(
        np.array([[0.15, 0.3], [0.5, 0.9]])
    )


def test_where_nothing_can_be_said_it_says_why():
    assert "too few" in texts(importances.draw(Importance(why="too few scores")))


# -- timeline


def stint(worker: str, began: float, ended: float, group: str = "result", **more: str) -> Stint:
    return Stint(0, 1, worker, more.get("machine", "box"), began, ended, group, group)


def test_each_worker_has_a_lane_in_the_order_of_their_numbers():
    stints = [stint(f"rl-worker-{number}", 0.0, 1.0) for number in (10, 2, 0)]

    assert list(attempt_timeline.lanes_of(stints)) == ["rl-worker-0", "rl-worker-2", "rl-worker-10"]


def test_workers_of_two_machines_are_told_apart():
    stints = [stint("rl-worker-0", 0.0, 1.0, machine=name) for name in ("left", "right")]

    assert list(attempt_timeline.lanes_of(stints)) == ["left: rl-worker-0", "right: rl-worker-0"]
    assert len(attempt_timeline.draw(stints).axes[0].get_yticks()) == 2


def test_bars_are_as_long_as_attempts_and_tell_how_they_ended():
    stints = [
        stint("rl-worker-0", 1000.0, 1600.0),
        stint("rl-worker-0", 1600.0, 1900.0, "interruption"),
        stint("rl-worker-1", 1000.0, 1300.0, "own doing"),
    ]

    (axes,) = attempt_timeline.draw(stints).axes

    assert axes.get_xlabel() == "minutes since the first attempt"
    bars = {one.get_label(): one.get_paths()[0].get_extents() for one in axes.collections}
    assert (bars["ended with a result"].x0, bars["ended with a result"].x1) == (0.0, 10.0)
    assert (bars["interrupted"].x0, bars["interrupted"].x1) == (10.0, 15.0)
    assert bars["failed"].y0 == pytest.approx(0.65)


def test_without_attempts_there_is_no_timeline():
    assert "No attempt" in texts(attempt_timeline.draw([]))


# -- all of them


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_the_same_figure_is_the_same_file(ending: str, make_trials: Make, tmp_path):
    files = [tmp_path / name / f"figure{ending}" for name in ("once", "again")]

    for file in files:
        file.parent.mkdir()
        canvas.save(optimization_history.draw(make_trials(1.0, 2.0)), file)

    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_notebook_shows_a_figure_without_pyplot(make_trials: Make):
    assert optimization_history.draw(make_trials(1.0))._repr_png_().startswith(b"\x89PNG")
