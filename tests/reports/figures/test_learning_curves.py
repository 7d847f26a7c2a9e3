"""Learning curves, their mean and its band."""

import pytest

from amc.reports.figures.learning_curves import MeanPoint, draw, mean_curve


def test_the_mean_has_student_s_interval():
    (first, second) = mean_curve([[(10, 1.0), (20, 4.0)], [(10, 3.0), (20, 4.0)]])

    # t of one degree of freedom is 12.706; the standard error of 1 and 3 is 1.
    assert (first.step, first.mean, first.n) == (10, 2.0, 2)
    assert first.half == pytest.approx(12.706, abs=1e-3)
    assert second == MeanPoint(20, 4.0, 0.0, 2)


def test_between_evaluations_a_curve_is_a_straight_line():
    points = mean_curve([[(0, 0.0), (20, 4.0)], [(0, 0.0), (10, 6.0), (20, 4.0)]])

    assert [(point.step, point.mean) for point in points] == [(0, 0.0), (10, 4.0), (20, 4.0)]


def test_the_mean_ends_where_the_first_of_them_does():
    points = mean_curve([[(10, 1.0), (20, 1.0), (30, 1.0)], [(15, 3.0), (20, 3.0)]])

    assert [point.step for point in points] == [15, 20]


def test_one_curve_has_no_band_and_none_no_mean():
    assert mean_curve([[(10, 1.0)], []]) == [MeanPoint(10, 1.0, None, 1)]
    assert mean_curve([[]]) == []


def test_the_winner_s_seeds_stand_out_and_the_others_are_faint():
    curves = {number: [(1000, float(number)), (2000, 9.0)] for number in range(5)}

    (axes,) = draw(curves, (3, 4), threshold=8.0).axes

    named = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert named["mean of 2 seeds"] == [3.5, 9.0]
    assert named["solved"] == [8.0, 8.0]
    (others,) = (one for one in axes.collections if one.get_label() == "other trials")
    assert len(others.get_paths()) == 3
    assert {one.get_label() for one in axes.collections} >= {"its 95 % interval"}


def test_thousands_of_points_are_kept_as_pixels():
    many = {number: [(step, 1.0) for step in range(100)] for number in range(50)}

    assert draw(many).axes[0].collections[0].get_rasterized()
    assert not draw({0: many[0], 1: many[1]}).axes[0].collections[0].get_rasterized()


def test_without_an_evaluation_a_sentence_stands_there():
    (axes,) = draw({0: []}).axes

    assert "No trial was evaluated yet" in axes.texts[0].get_text()


def test_steps_are_written_short():
    (axes,) = draw({0: [(0, 0.0), (2_000_000, 1.0)]}).axes

    form = axes.xaxis.get_major_formatter()
    assert [form(step) for step in (0, 500, 25_000, 1_500_000)] == ["0", "500", "25k", "1.5M"]
