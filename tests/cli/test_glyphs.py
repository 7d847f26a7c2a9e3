import io

import pytest
from rich.console import Console

from amc.cli.glyphs import ASCII, UNICODE, Glyphs


def test_a_curve_goes_from_the_lowest_block_to_the_highest():
    assert UNICODE.sparkline([0, 1, 2, 3, 4, 5, 6, 7], 20) == "▁▂▃▄▅▆▇█"
    assert ASCII.sparkline([0, 6], 20) == "_#"


def test_a_long_curve_is_shown_by_the_means_of_its_parts():
    assert UNICODE.sparkline([0, 0, 7, 7, 0, 14, 14, 14], 4) == "▁▅▅█"


def test_a_flat_curve_is_in_the_middle_and_an_empty_one_is_nothing():
    assert set(UNICODE.sparkline([3.0] * 5, 9)) == {"▄"}
    assert UNICODE.sparkline([], 9) == ""


def test_the_largest_numbers_have_a_curve():
    assert UNICODE.sparkline([-1.7e308, 1.7e308], 9) == "▁█"


@pytest.mark.parametrize(("share", "bar"), [(-1, "────"), (0.5, "━━──"), (7, "━━━━")])
def test_a_bar_is_as_long_as_it_is_wide(share: float, bar: str):
    assert UNICODE.bar(share, 4) == bar


def test_what_does_not_fit_is_cut_with_an_ellipsis_and_an_id_keeps_its_number():
    assert UNICODE.shortened("cartpole", 5) == "cart…"
    assert UNICODE.shortened_id("cartpole-distributed-12", 12) == "cartpole…-12"
    assert ASCII.shortened_id("cartpole-distributed-12", 12) == "cartpo...-12"
    assert UNICODE.shortened_id("cartpole-1", 10) == "cartpole-1"


@pytest.mark.parametrize(("encoding", "glyphs"), [("utf-8", UNICODE), ("latin-1", ASCII)])
def test_what_the_stream_cannot_encode_is_not_drawn(encoding: str, glyphs: Glyphs):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)

    assert Glyphs.of(Console(file=stream)) == glyphs
