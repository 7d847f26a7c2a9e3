"""Event files, read back with TensorBoard's own reader."""

import itertools

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as custom_scalars
from tensorboard.plugins.hparams import metadata

from amc.config.search.search_space import parse_dimension
from amc.training.tensorboard import TensorBoard, write_experiment, write_round
from amc.workers.base import BaseWorker


def read(directory):
    accumulator = EventAccumulator(str(directory))
    accumulator.Reload()
    return accumulator


def steps(directory, tag):
    return [event.step for event in read(directory).Scalars(tag)]


def hparams(directory, tag, parse):
    return parse(read(directory).SummaryMetadata(tag).plugin_data.content)


def test_points_are_read_back(tmp_path):
    with TensorBoard(tmp_path, attempt=1) as board:
        board.scalars(10, {"train/loss": 0.5, "time/fps": 100.0})
        board.scalars(20, {"train/loss": 0.25})

    assert [(e.step, e.value) for e in read(tmp_path).Scalars("train/loss")] == [
        (10, 0.5),
        (20, 0.25),
    ]


def test_after_a_resume_no_step_is_there_twice(tmp_path):
    with TensorBoard(tmp_path, attempt=1) as board:
        for step in range(10, 60, 10):
            board.scalars(step, {"train/loss": 1.0})

    with TensorBoard(tmp_path, attempt=2, resumed_at=30) as board:
        board.scalars(45, {"train/loss": 2.0})

    assert steps(tmp_path, "train/loss") == [10, 20, 30, 45]


def test_an_attempt_that_starts_anew_purges_everything_before(tmp_path):
    with TensorBoard(tmp_path, attempt=1) as board:
        board.scalars(10, {"train/loss": 1.0})

    with TensorBoard(tmp_path, attempt=2) as board:
        board.scalars(5, {"train/loss": 2.0})

    assert steps(tmp_path, "train/loss") == [5]


def test_a_record_that_its_writer_was_killed_over_garbles_nothing(tmp_path):
    with TensorBoard(tmp_path, attempt=1) as board:
        board.scalars(10, {"train/loss": 1.0})
        board.scalars(20, {"train/loss": 1.0})
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])

    with TensorBoard(tmp_path, attempt=2, resumed_at=10) as board:
        board.scalars(20, {"train/loss": 2.0})

    assert [(e.step, e.value) for e in read(tmp_path).Scalars("train/loss")] == [
        (10, 1.0),
        (20, 2.0),
    ]


def test_a_run_says_its_hyperparameters_and_its_end(tmp_path):
    with TensorBoard(tmp_path, attempt=1) as board:
        board.start_session(
            {"gamma": 0.9, "n_steps": 64, "normalize_advantage": True, "activation": "relu"},
            group="suggestion 3",
        )
        board.end_session(100)

    start = hparams(
        tmp_path, metadata.SESSION_START_INFO_TAG, metadata.parse_session_start_info_plugin_data
    )
    end = hparams(
        tmp_path, metadata.SESSION_END_INFO_TAG, metadata.parse_session_end_info_plugin_data
    )
    assert start.group_name == "suggestion 3"
    assert start.hparams["gamma"].number_value == 0.9
    assert start.hparams["n_steps"].number_value == 64
    assert start.hparams["normalize_advantage"].bool_value is True
    assert start.hparams["activation"].string_value == "relu"
    assert end.end_time_secs >= start.start_time_secs


def test_the_root_lists_the_whole_search_space(tmp_path):
    space = {
        "gamma": [0.9, 0.999],
        "activation": {"choices": ["relu", "tanh"]},
        "normalize_advantage": {"choices": [True, False]},
        "batch_size": {"choices": [32, 64]},
    }

    write_experiment(tmp_path, {name: parse_dimension(raw) for name, raw in space.items()})

    experiment = hparams(tmp_path, metadata.EXPERIMENT_TAG, metadata.parse_experiment_plugin_data)
    columns = {column.name: column for column in experiment.hparam_infos}
    assert list(columns) == list(space)
    assert columns["gamma"].domain_interval.min_value == 0.9
    assert [value.string_value for value in columns["activation"].domain_discrete.values] == [
        "relu",
        "tanh",
    ]
    assert columns["normalize_advantage"].domain_discrete.values[0].bool_value is True
    assert columns["batch_size"].domain_discrete.values[1].number_value == 64
    tags = [metric.name.tag for metric in experiment.metric_infos]
    assert tags == ["eval/mean_reward", "eval/solved_at"]


@pytest.mark.parametrize(
    ("algorithm", "own_tag"), [("ppo", "train/approx_kl"), ("ddpg", "train/critic_loss")]
)
def test_a_trial_is_logged_under_the_tags_of_sb3(small, attempts, algorithm, own_tag):
    trial = attempts({"gamma": 0.9})

    BaseWorker(0, small(algorithm), "unused", trial=trial).run()

    accumulator = read(trial.tensorboard)
    assert {
        "rollout/ep_rew_mean",
        "rollout/ep_len_mean",
        "time/fps",
        "eval/mean_reward",
        "eval/mean_ep_length",
        own_tag,
    } <= set(accumulator.Tags()["scalars"])
    assert metadata.SESSION_START_INFO_TAG in accumulator.Tags()["tensors"]
    assert metadata.SESSION_END_INFO_TAG in accumulator.Tags()["tensors"]


def test_a_trial_stopped_anywhere_has_every_step_of_every_curve_once(small, attempts):
    config = small("ppo", {"training.save_freq": 192})
    # Some of these stop in the middle of an evaluation.
    for questions in (6, 65, 70, 10, 80, 10_000):
        answers = itertools.chain([False] * questions, itertools.repeat(True))
        trial = attempts(should_stop=lambda answers=answers: next(answers))
        outcome = BaseWorker(0, config, "unused", trial=trial).run()

    curves = {
        tag: steps(trial.tensorboard, tag) for tag in read(trial.tensorboard).Tags()["scalars"]
    }
    assert outcome.state == "completed"
    assert curves["eval/mean_reward"] == [128, 256, 384, 512]
    assert all(curve == sorted(set(curve)) for curve in curves.values()), curves


def test_the_search_space_is_written_once(tmp_path):
    space = {"gamma": parse_dimension([0.9, 0.999])}

    write_experiment(tmp_path, space)
    [file] = tmp_path.iterdir()
    size = file.stat().st_size
    write_experiment(tmp_path, space)

    assert [path.stat().st_size for path in tmp_path.iterdir()] == [size]


def test_rounds_are_points_of_the_roots_curves_each_once_whoever_writes_them(tmp_path):
    write_experiment(tmp_path, {"gamma": parse_dimension([0.9, 0.999])})

    for number, score in [(0, 1.0), (1, 2.0), (0, 9.0), (2, 3.0)]:
        write_round(tmp_path, number, 4 * (number + 1), {"search/best_mean_score": score})

    points = [
        (event.step, event.value) for event in read(tmp_path).Scalars("search/best_mean_score")
    ]
    assert points == [(4, 1.0), (8, 2.0), (12, 3.0)]
    assert not list(tmp_path.glob(".round*"))


def test_without_evaluations_the_return_of_training_is_the_metric(tmp_path):
    write_experiment(tmp_path, {"gamma": parse_dimension([0.9, 0.999])}, evaluates=False)

    experiment = hparams(tmp_path, metadata.EXPERIMENT_TAG, metadata.parse_experiment_plugin_data)
    [metric] = experiment.metric_infos
    assert metric.name.tag == "rollout/ep_rew_mean"


def page(directory):
    [layout] = read(directory).Tensors(custom_scalars.CONFIG_SUMMARY_TAG)
    return layout_pb2.Layout.FromString(layout.tensor_proto.string_val[0])


def test_the_page_of_custom_scalars_shows_what_one_looks_for_first_all_of_it_open(tmp_path):
    write_experiment(tmp_path, {})

    layout = page(tmp_path)
    tags = [tag for one in layout.category for chart in one.chart for tag in chart.multiline.tag]
    kind = read(tmp_path).SummaryMetadata(custom_scalars.CONFIG_SUMMARY_TAG).plugin_data
    assert kind.plugin_name == "custom_scalars"
    assert [one.title for one in layout.category] == ["Search", "Episodes", "Learning", "GPU"]
    assert not any(one.closed for one in layout.category)
    assert len(tags) == len(set(tags))
    assert metadata.EXPERIMENT_TAG not in read(tmp_path).Tags()["tensors"]


@pytest.mark.parametrize("algorithm", ["ppo", "ddpg"])
def test_what_the_page_names_is_what_a_trial_logs(small, attempts, tmp_path, algorithm):
    trial = attempts({"gamma": 0.9})
    write_experiment(tmp_path / "root", {})

    BaseWorker(0, small(algorithm), "unused", trial=trial).run()

    logged = read(trial.tensorboard).Tags()["scalars"]
    charts = {
        chart.title: [tag for tag in logged for wanted in chart.multiline.tag if tag == wanted]
        for category in page(tmp_path / "root").category
        for chart in category.chart
        if category.title in {"Episodes", "Learning"}
    }
    empty = {title for title, tags in charts.items() if not tags}
    assert empty <= {"solved at step", "KL divergence"}
