import random

import numpy as np
import torch

from amc.algorithms.stable_baselines3.global_generators import GlobalGenerators

CPU = torch.device("cpu")


def draws():
    return [random.random(), np.random.rand(), np.random.standard_normal(), torch.rand(1).item()]


def test_what_is_drawn_follows_the_seed_alone():
    first, second, other = (GlobalGenerators(CPU, seed) for seed in (7, 7, 8))

    found = []
    for generators in (first, second, other):
        draws()
        with generators.lent():
            found.append(draws())

    assert found[0] == found[1]
    assert not set(found[0]) & set(found[2])


def test_they_go_on_where_they_were_and_so_does_the_process():
    generators = GlobalGenerators(CPU, 7)
    with GlobalGenerators(CPU, 7).lent():
        together = [draws(), draws()]
    np.random.seed(1)
    torch.manual_seed(1)
    random.seed(1)
    undisturbed = [draws(), draws()]
    np.random.seed(1)
    torch.manual_seed(1)
    random.seed(1)

    found = []
    for _ in range(2):
        found.append(draws())
        with generators.lent():
            together.append(draws())

    assert together[:2] == together[2:]
    assert found == undisturbed


def test_they_are_given_back_after_a_fault_too():
    before = torch.get_rng_state()

    try:
        with GlobalGenerators(CPU, 7).lent():
            raise KeyError
    except KeyError:
        pass

    assert torch.equal(torch.get_rng_state(), before)


def test_a_saved_state_goes_through_a_file(through_a_file):
    generators = GlobalGenerators(CPU, 7)
    with generators.lent():
        np.random.standard_normal()  # leaves a second one for later
    state = through_a_file(generators.state_dict())
    with generators.lent():
        expected = draws()

    other = GlobalGenerators(CPU, 8)
    other.load_state_dict(state)
    with other.lent():
        found = draws()

    assert found == expected
