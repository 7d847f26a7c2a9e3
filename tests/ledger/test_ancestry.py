"""A trial whose weights came through other trials: what is told of it, and the config it is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from amc.config.loader import ConfigLoader
from amc.config.schema import ExperimentConfig
from amc.errors import UsageError
from amc.ledger import Decision, History, Report, Request, Segment, Trial, files
from amc.ledger.ancestry import config_of, copies, generation
from amc.ledger.known_points import known_points
from amc.ledger.records import Copy
from amc.ledger.winner import Winner, winner

MakeConfig = Callable[..., ExperimentConfig]
END = 400
SLOW, MIDDLE, FAST = {"learning_rate": 1e-4}, {"learning_rate": 1e-3}, {"learning_rate": 1e-2}


def of_population(make_config: MakeConfig, **more: Any) -> ExperimentConfig:
    return make_config(
        {
            "training.total_timesteps": END,
            "training.eval_freq": 100,
            "hyperparameter_optimizer.type": "pbt",
            "hyperparameter_optimizer.perturbation_interval": 100,
            **more,
        }
    )


def done(past: History, scores: dict[int, float], step: int, *segments: Segment) -> History:
    """These end with these scores, and the next ones are opened."""
    fresh = tuple(
        Report(*key, "completed", step, scores[key[0]], digest=f"{key}", curve=((step, 1.0),))
        for key in past.open
    )
    return past.after(Decision(past.decisions, fresh, segments=segments))


@pytest.fixture
def population() -> History:
    """Trial 1 copied trial 0 at 104, and trial 2 copied trial 1 at 304."""
    trials = tuple(Trial(n, one, 50 + n, 0, n) for n, one in enumerate((SLOW, FAST, MIDDLE)))
    first = (
        Segment(n, 0, 0, 100, END, hyperparameters=trials[n].hyperparameters) for n in (0, 1, 2)
    )
    past = History().after(Decision(0, (), trials, tuple(first)))
    past = done(
        past,
        {0: 3.0, 1: 1.0, 2: 2.0},
        104,
        Segment(0, 1, 104, 200, END, (0, 0), SLOW),
        Segment(1, 1, 104, 200, END, (0, 0), FAST, reseed=7),
        Segment(2, 1, 104, 200, END, (2, 0), FAST),
    )
    past = done(
        past,
        {0: 3.0, 1: 4.0, 2: 2.0},
        204,
        Segment(0, 2, 204, 300, END, (0, 1), SLOW),
        Segment(1, 2, 204, 300, END, (1, 1), FAST),
        Segment(2, 2, 204, 300, END, (2, 1), FAST),
    )
    past = done(
        past,
        {0: 3.0, 1: 5.0, 2: 2.0},
        304,
        Segment(0, 3, 304, END, END, (0, 2), SLOW),
        Segment(1, 3, 304, END, END, (1, 2), FAST),
        Segment(2, 3, 304, END, END, (1, 2), FAST, reseed=8),
    )
    return done(past, {0: 1.0, 1: 2.0, 2: 9.0}, END)


def test_copies_are_told_in_their_order(population: History):
    found = [copies(population, population.newest(trial)) for trial in (0, 1, 2)]

    assert found == [(), (Copy(0, 104),), (Copy(0, 104), Copy(1, 304))]


def test_a_generation_is_known_by_what_was_opened(population: History, make_config: MakeConfig):
    assert generation(of_population(make_config), population) == (4, 4)
    assert generation(make_config(), population) is None
    assert generation(of_population(make_config), History()) is None


def test_the_config_of_a_lineage_has_its_first_trial_s_seed_and_its_schedule(
    population: History, make_config: MakeConfig
):
    config = of_population(make_config)

    found = config_of(config, population, 2)

    assert (found.seed, found.optimizer.learning_rate) == (50, 1e-4)
    told = [(one.from_step, one.hyperparameters, one.reseed) for one in found.schedule]
    # The same rate again is no change; the fork is one all the same.
    assert told == [(100, FAST, 7), (300, {}, 8)]
    assert ConfigLoader().from_mapping(found.to_json(), source="best") == found


def test_a_trial_that_copied_nobody_has_no_schedule(population: History, make_config: MakeConfig):
    found = config_of(of_population(make_config), population, 0)

    assert found.schedule == ()
    assert (found.seed, found.optimizer.learning_rate) == (50, 1e-4)


def test_a_trial_that_was_given_more_steps_is_one_of_so_many(make_config: MakeConfig):
    first, more = Segment(0, 0, 0, END, END), Segment(0, 1, END, 900, 900, (0, 0))
    past = History().after(Decision(0, (), (Trial(0, SLOW, 5),), (first,)))
    ended = Report(0, 0, "completed", END, 1.0)
    asked = (Request(0, "steps", steps=900, trials=(0,)),)
    past = past.after(Decision(1, (ended,), segments=(more,), requests=asked))

    before = config_of(make_config({"training.total_timesteps": END}), past, 0)
    after = config_of(make_config({"training.total_timesteps": END}), done(past, {0: 2.0}, 900), 0)

    assert (before.training.total_timesteps, after.training.total_timesteps) == (END, 900)
    assert after.schedule == ()


def test_what_counts_only_under_a_condition_is_written_out_where_it_counts_no_more(
    make_config: MakeConfig,
):
    space = {
        "normalize_advantage": {"choices": [True, False]},
        "ent_coef": {"low": 0.1, "high": 0.2, "if": {"normalize_advantage": False}},
    }
    config = of_population(make_config, **{"hyperparameter_optimizer.search_space": space})
    off = {"normalize_advantage": False, "ent_coef": 0.15}
    first = Segment(0, 0, 0, 100, END, hyperparameters=off)
    past = History().after(Decision(0, (), (Trial(0, off, 5),), (first,)))
    on = Segment(0, 1, 100, END, END, (0, 0), {"normalize_advantage": True}, reseed=1)
    past = done(done(past, {0: 1.0}, 100, on), {0: 1.0}, END)

    (change,) = config_of(config, past, 0).schedule

    assert change.hyperparameters == {"normalize_advantage": True, "ent_coef": 0.0}


def test_the_winner_is_a_lineage(population: History, make_config: MakeConfig):
    best = winner(of_population(make_config), population)

    assert best is not None and best.trial.number == 2
    assert best.trial.hyperparameters == FAST
    assert best.copies == (Copy(0, 104), Copy(1, 304))
    assert [step for step, _ in population.curve(2)] == [104, 204, 304, END]
    written = json.loads(files.encode(best.to_json()))
    assert Winner.from_json(written, "best.json") == best
    assert written["copies"] == [{"trial": 0, "step": 104}, {"trial": 1, "step": 304}]


def test_a_member_between_two_generations_has_not_ended(make_config: MakeConfig):
    first = Segment(0, 0, 0, 100, END)
    past = History().after(Decision(0, (), (Trial(0, SLOW, 5),), (first,)))
    report = Report(0, 0, "completed", 100, 1.0)

    waiting, left = past.seen({(0, 0): report}), past.after(Decision(1, (report,)))

    assert waiting.result(0) is None
    assert left.result(0).state == "halted"  # type: ignore[union-attr]


def test_a_population_teaches_no_other_search(population: History, make_config: MakeConfig):
    config = make_config()
    assert config.hyperparameter_optimizer is not None

    with pytest.raises(UsageError, match="changed in mid-training, so its scores say nothing"):
        known_points(
            config,
            config.hyperparameter_optimizer,
            source=of_population(make_config),
            history=population,
        )
