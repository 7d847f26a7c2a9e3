"""A comparison drawn, as a page and for a paper."""

import re
from pathlib import Path

import pytest

from amc.comparing import compare
from amc.comparing import comparison_figures as figures
from amc.comparing.comparison_page import comparison_page
from amc.comparing.paper import booktabs, write_paper
from tests.comparing.test_comparing import made


@pytest.fixture(scope="module")
def comparison():
    return compare(
        [
            made("ppo_50%", 100.0, 110.0, 105.0, algorithm_config={"gamma": 0.9}),
            made("<b>tuned</b>", 480.0, 490.0, 500.0),
        ]
    )


def test_curves_end_at_the_means_that_the_table_has(comparison):
    axes = figures.curves(comparison, "CartPole-v1").axes[0]

    ends = {line.get_label(): line.get_ydata()[-1] for line in axes.lines[1:]}

    assert ends == pytest.approx({"ppo_50%": 105.0, "<b>tuned</b>": 490.0})
    assert axes.lines[0].get_ydata()[0] == 475.0, "the threshold"


def test_intervals_stand_at_the_interquartile_means(comparison):
    axes = figures.intervals(comparison).axes[0]

    shown = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]

    assert shown == [row.iqm.value for row in comparison.rows]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ppo_50%", "<b>tuned</b>"]


def test_profiles_fall_from_one_to_nothing(comparison):
    axes = figures.profiles(comparison).axes[0]

    for line in axes.lines:
        assert (line.get_ydata()[0], line.get_ydata()[-1]) == (1.0, 0.0)


def test_the_page_holds_everything_and_escapes_names(comparison):
    page = comparison_page(comparison)

    assert page.count("<svg") == 3
    assert page.count("<table>") == 3
    assert "<b>tuned" not in page and "&lt;b&gt;tuned&lt;/b&gt;" in page
    assert "scores higher than ppo_50%: by 385, more than chance." in page
    assert "algorithm_config.gamma" in page
    assert not re.search(r"(src|href)=\"https?:", page), "it needs no network"


def test_where_configs_do_not_differ_the_page_says_so():
    page = comparison_page(compare([made("a", 1.0, 2.0), made("b", 2.0, 3.0)]))

    assert "Nothing: they differ in their seeds alone." in page


def test_a_paper_gets_figures_with_fonts_and_a_table(comparison, tmp_path: Path):
    written = write_paper(comparison, tmp_path / "paper")

    assert [path.name for path in written] == [
        "curves.pdf",
        "intervals.pdf",
        "profiles.pdf",
        "scores.tex",
    ]
    for path in written[:-1]:
        content = path.read_bytes()
        assert content.startswith(b"%PDF")
        assert b"/Type3" not in content and b"/FontFile2" in content
        width = float(re.search(rb"/MediaBox \[ ?0 0 ([\d.]+)", content)[1])
        assert width == pytest.approx(3.25 * 72, abs=1)


def test_the_table_is_latex_whatever_names_are(comparison):
    text = booktabs(comparison)

    assert r"ppo\_50\% & 3 tests & 105 &" in text
    assert text.count(r"\\") == 3
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
