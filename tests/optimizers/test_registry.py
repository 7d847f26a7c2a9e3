"""The door: optimizers by name, and what loading them costs."""

import subprocess
import sys

import pytest

from amc.errors import SearchError, UsageError
from amc.optimizers import BUILT_IN, make

SPACE = {"lr": [0.001, 0.1]}


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_search_suggests_points_of_the_space(name):
    optimizer = make(name, SPACE, n_calls=8, seed=1)

    suggestions = optimizer.suggest(4)

    assert len(suggestions) == 4
    assert all(0.001 <= suggestion["lr"] <= 0.1 for suggestion in suggestions)


@pytest.mark.parametrize("name", BUILT_IN)
def test_scores_matter_to_the_searches_that_say_so_and_to_no_other(name):
    found = []

    for factor in (1.0, -1.0):
        optimizer = make(name, SPACE, n_calls=40, seed=1)
        known = [{"lr": 0.001 + index * 0.0041} for index in range(24)]
        optimizer.update(known, [factor * point["lr"] for point in known])
        found.append(optimizer.suggest(2))

    assert (found[0] != found[1]) is optimizer.uses_scores


def test_an_unknown_search_is_answered_with_a_guess():
    with pytest.raises(UsageError, match="Did you mean 'bayesian'"):
        make("baysian", SPACE, n_calls=8)


def test_a_class_without_the_two_methods_is_refused(monkeypatch):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "collections")

    with pytest.raises(SearchError, match="has no method 'suggest'"):
        make("collections:Counter", SPACE, n_calls=8)


@pytest.mark.parametrize("name", ["collections:Nothing", "no_such_module:Search"])
def test_a_plug_in_that_is_not_there_is_told_by_name(name, monkeypatch):
    monkeypatch.setenv("AMC_ALLOW_MODULES", "collections,no_such_module")

    with pytest.raises(SearchError, match=f"optimizer '{name}': cannot be loaded: .*Error"):
        make(name, SPACE, n_calls=8)


def test_a_plug_in_is_found_by_the_name_of_its_entry_point(tmp_path, monkeypatch):
    (tmp_path / "first.py").write_text(
        "class First:\n"
        "    def __init__(self, search_space): self.space = search_space\n"
        "    def suggest(self, n): return [{k: v[0] for k, v in self.space.items()}]\n"
        "    def update(self, suggestions, scores): pass\n"
    )
    information = tmp_path / "first-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: first\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[amc.optimizers]\nfirst = first:First\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert make("first", SPACE, n_calls=8).suggest(1) == [{"lr": 0.001}]


def test_a_plug_in_whose_module_is_not_allowed_is_refused():
    with pytest.raises(UsageError, match="AMC_ALLOW_MODULES=collections"):
        make("collections:Counter", SPACE, n_calls=8)


def test_the_room_is_entered_without_loading_a_model():
    code = "import amc.optimizers, sys; print(*{'bayes_opt', 'sklearn', 'scipy'} & {*sys.modules})"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout

    assert printed.strip() == b""
