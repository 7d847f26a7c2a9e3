"""Random search."""

from amc.optimizers.random import RandomOptimizer


def test_draws_are_spread_evenly_over_the_scale():
    optimizer = RandomOptimizer({"lr": {"low": 1e-4, "high": 1.0, "log": True}}, n_calls=400)

    values = [suggestion["lr"] for suggestion in optimizer.suggest(400)]

    decades = [sum(10.0**-n <= value < 10.0 ** (1 - n) for value in values) for n in (1, 2, 3, 4)]
    assert sum(decades) == 400
    assert all(70 <= count <= 130 for count in decades)


def test_a_draw_depends_on_the_seed_and_its_number_only():
    space = {"x": [0.0, 1.0]}
    together, apart = RandomOptimizer(space, 10, seed=5), RandomOptimizer(space, 10, seed=5)

    one_by_one = [apart.suggest(1)[0] for _ in range(6)]

    assert together.suggest(6) == one_by_one
