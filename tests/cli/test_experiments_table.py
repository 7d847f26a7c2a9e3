import io
from dataclasses import replace

from rich.console import Console

from amc.cli.experiments_table import ExperimentRow, ExperimentsTable
from amc.cli.overview import Summary
from tests.cli.test_trials_table import DONE, best_among

PLAIN = Summary("cartpole-12", "running", best_among(DONE), 400, {"completed": 1})
ROW: ExperimentRow = (PLAIN, "ppo CartPole-v1", 0.0)


def drawn(*rows: ExperimentRow, width: int = 200) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(ExperimentsTable(rows))
    return console.file.getvalue().splitlines()


def test_where_it_is_narrow_the_ids_of_experiments_and_what_they_came_to_stay_whole():
    summary = replace(PLAIN, id="a-name-of-some-length-12")

    lines = drawn((summary, "ppo CartPole-v1", 0.0), width=50)

    assert lines[2].split() == ["a-name-of-some-length-12", "running", "1/400", "200"]
    assert max(map(len, lines)) <= 50


def test_an_id_gives_way_to_the_score_and_keeps_its_number():
    mean = replace(PLAIN.best, mean_score=491.23, standard_error=7.5, n_seeds=4)
    summary = replace(PLAIN, id="a" * 100 + "-12", best=mean)

    lines = drawn((summary, "ppo CartPole-v1", 0.0), width=80)

    assert "aaa…-12  running" in lines[2] and lines[2].endswith("491.23 ± 7.50")
    assert max(map(len, lines)) <= 80


def test_the_points_of_the_best_scores_are_below_each_other():
    other = replace(PLAIN, best=replace(PLAIN.best, mean_score=-1094.6, standard_error=91.2))

    lines = drawn(ROW, (other, "ppo", 0.0))

    assert lines[2].index("200") + 3 == lines[3].index("-1094.6 ±") + 5


def test_the_list_has_a_column_for_what_was_solved_and_for_seeds_where_there_is_any():
    best = replace(PLAIN.best, solved_at=12_288, n_seeds=4, standard_error=0.5)

    text = "\n".join(drawn(ROW, (replace(PLAIN, best=best), "ppo", 0.0)))

    assert "solved at" in text and "12,288" in text and "4 seeds" in text
    assert "solved at" not in drawn(ROW)[0] and "mean of" not in drawn(ROW)[0]
