"""The report as a whole: sound HTML, whatever the experiment came to and its config says."""

import time
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from amc.experiment_view import Experiment
from amc.ledger import Trial
from tests.experiments import open_round
from tests.reports.conftest import point

Record = Callable[..., Experiment]
_VOID = {"meta", "br", "hr", "img"}


class Page(HTMLParser):
    """A page taken apart; it fails on an element that is closed in the wrong place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attributes)
        self.ids += [value for key, value in attributes if key == "id" and value]
        self.links += [found[key] or "" for key in ("src", "href", "xlink:href") if key in found]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.slow
def test_it_stands_alone_and_runs_nothing(record: Record):
    page = Page(record([float(number) for number in range(14)]).report())

    assert "script" not in page.tags
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_what_a_config_and_an_error_say_is_text(record: Record):
    experiment = record([1.0, None], end="failed", hyperparameter_optimizer=None, seeds=2)

    page = Page(experiment.report())

    assert "<b>bold</b> & <script>alert(1)</script>" in page.text
    assert "ValueError: <i>broken</i>" in page.text
    assert "ValueError: <b>nan</b>" in page.text
    assert not {"b", "i", "script"} & set(page.tags)


def test_it_has_every_chapter_and_a_table_behind_each_figure(record: Record):
    page = Page(record([float(number) for number in range(14)]).report())

    chapters = ["history", "curves", "importance", "slices", "parallel", "timeline", "reproduce"]
    assert [one for one in page.ids if one in chapters] == chapters
    assert page.tags.count("svg") == 6
    assert page.tags.count("title") == 7, "the page's own, and one that tells each figure"
    assert page.tags.count("table") == 4


def test_the_headline_says_what_the_winner_is_worth_and_what_it_cost(record: Record):
    text = Page(record([1.5, 2.5, None]).report()).text

    assert "2.5" in text
    assert "of a single trial, chosen for it" in text
    assert "6,000" in text
    assert "1 failed, 0 interrupted, 10 s lost" in text
    assert "ab" * 32 in text
    assert "compiled@1 CartPole-v1" in text


def test_seeds_without_a_search_have_an_interval_and_no_importance(record: Record):
    page = Page(record([10.0, 20.0, 30.0], hyperparameter_optimizer=None, seeds=3).report())

    assert "20.0 [-4.8, 44.8]" in page.text
    assert "over 3 seeds" in page.text
    assert "importance" not in page.ids
    assert "seeds" in page.ids


def test_an_unfinished_experiment_says_that_it_is_one(record: Record):
    experiment = record([1.0, 2.0], end=None)
    open_round(experiment._ledger, Trial(2, point(2), 2, 1, 2))

    page = Page(experiment.report())

    assert "It is running" in page.text
    assert "1 waiting" in page.text


def test_an_experiment_of_which_nothing_was_run_has_a_report(record: Record):
    page = Page(record([], end=None).report())

    assert "no trial was completed yet" in page.text
    assert "No trial has a score yet." in page.text
    assert "There is no winner yet" in page.text


def test_a_pruned_search_says_what_was_saved(record: Record):
    search = {
        "type": "random",
        "n_calls": 8,
        "search_space": {"n_epochs": [1, 9]},
        "pruner": "halving",
    }
    experiment = record([], end=None, hyperparameter_optimizer=search)

    assert "0 trials were halted early, which saved 0 % of 0" in Page(experiment.report()).text


def test_a_film_is_inside(record: Record):
    experiment = record([1.0], hyperparameter_optimizer=None)

    given, without = Page(experiment.report(film=b"\x00\x00film")), Page(experiment.report())

    assert "data:video/mp4;base64,AABmaWxt" in given.links
    assert not any("video" in link for link in without.links)


@pytest.mark.slow
def test_a_thousand_trials_stay_a_page_that_can_be_sent(record: Record):
    experiment = record([float(number % 97) for number in range(1000)])

    before = time.process_time()
    text = experiment.report()

    assert len(text.encode()) < 2_000_000
    assert time.process_time() - before < 15
    assert Page(text).tags.count("tr") > 2000
