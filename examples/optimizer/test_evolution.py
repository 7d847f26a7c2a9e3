from evolution import EvolutionStrategy

from amc.testing import OptimizerSuite


class TestEvolutionStrategy(OptimizerSuite):
    optimizer = EvolutionStrategy


def test_success_widens_the_search_and_failure_narrows_it():
    search = EvolutionStrategy({"gamma": [0.9, 0.99]})
    (first, second) = search.suggest(2)

    search.update([first], [1.0])
    wide = search.width
    search.update([second], [None])

    assert wide == 0.2 * 1.5
    assert search.width < wide
    assert search.score == 1.0
