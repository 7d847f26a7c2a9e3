"""The evaluation curve: appended by attempts, joined for readers."""

import json
import math
import resource
from contextlib import contextmanager

import pytest

from amc.errors import LedgerError
from amc.training.curve import Curve, Evaluation, evaluation_curve, solved_at


def evaluation(step, score=1.0):
    return Evaluation(step=step, score=score, std=0.5, episodes=10, length=20.0, seconds=3.0)


def test_a_trial_without_evaluations_has_an_empty_curve(tmp_path):
    assert evaluation_curve(tmp_path) == []


def test_what_is_appended_is_read_back_line_by_line(tmp_path):
    curve = Curve(tmp_path, attempt=1)

    curve.append(evaluation(10))
    curve.append(evaluation(20))

    lines = (tmp_path / "metrics" / "0001.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [10, 20]
    assert evaluation_curve(tmp_path) == [evaluation(10), evaluation(20)]


def test_attempts_are_joined_without_a_step_twice_and_the_later_attempt_wins(tmp_path):
    first, second = Curve(tmp_path, attempt=1), Curve(tmp_path, attempt=2)
    for step in (10, 20, 30):
        first.append(evaluation(step, score=1.0))

    for step in (20, 30, 40):
        second.append(evaluation(step, score=2.0))

    curve = evaluation_curve(tmp_path)
    assert [(point.step, point.score) for point in curve] == [(10, 1), (20, 2), (30, 2), (40, 2)]


def test_attempts_are_ordered_by_number_beyond_four_digits(tmp_path):
    for attempt in (9999, 10000):
        Curve(tmp_path, attempt).append(evaluation(10, score=attempt))

    assert evaluation_curve(tmp_path)[0].score == 10000


def test_a_line_that_its_writer_was_killed_over_is_left_out(tmp_path):
    curve = Curve(tmp_path, attempt=1)
    curve.append(evaluation(10))

    with curve.path.open("a") as file:
        file.write('{"step": 20, "sco')

    assert evaluation_curve(tmp_path) == [evaluation(10)]


def test_keys_of_a_later_version_are_left_out(tmp_path):
    curve = Curve(tmp_path, attempt=1)
    curve.append(evaluation(10))

    line = json.loads(curve.path.read_text()) | {"new": 1}
    del line["checksum"]
    curve.path.write_text(json.dumps(line) + "\n")

    assert evaluation_curve(tmp_path) == [evaluation(10)]


def test_a_line_of_an_earlier_version_lacks_what_came_later(tmp_path):
    curve = Curve(tmp_path, attempt=1)
    curve.append(evaluation(10))

    line = json.loads(curve.path.read_text())
    del line["cut"], line["checksum"]
    curve.path.write_text(json.dumps(line) + "\n")

    assert evaluation_curve(tmp_path)[0].cut == 0


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"[]", b"{}", b"\xff", b'{"a":' * 9999])
def test_a_line_that_is_no_evaluation_is_named(tmp_path, garbage):
    curve = Curve(tmp_path, attempt=1)
    curve.append(evaluation(10))

    with curve.path.open("ab") as file:
        file.write(garbage + b"\n")

    with pytest.raises(LedgerError, match=r"metrics/0001\.jsonl:2: not "):
        evaluation_curve(tmp_path)


def test_a_changed_digit_is_noticed(tmp_path):
    curve = Curve(tmp_path, attempt=1)
    curve.append(evaluation(10, score=1.5))

    curve.path.write_text(curve.path.read_text().replace("1.5", "9.5"))

    with pytest.raises(LedgerError, match=r"0001\.jsonl:1: .*checksum"):
        evaluation_curve(tmp_path)


@contextmanager
def room_for(size):
    """No file can grow beyond so many bytes: what fits is written, and the rest refused."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_line_that_found_no_room_leaves_nothing_and_the_next_stands_alone(tmp_path):
    curve = Curve(tmp_path, attempt=1)
    curve.append(evaluation(10))

    with room_for(curve.path.stat().st_size + 20), pytest.raises(OSError, match="large"):
        curve.append(evaluation(20))
    curve.append(evaluation(30))

    assert evaluation_curve(tmp_path) == [evaluation(10), evaluation(30)]


def test_solved_is_the_first_evaluation_at_or_above_the_threshold():
    curve = [evaluation(10, 1.0), evaluation(20, 2.0), evaluation(30, 1.5), evaluation(40, 3.0)]

    assert [solved_at(curve, bar) for bar in (0.5, 2.0, 2.5, 4.0, None)] == [10, 20, 40, None, None]


def test_a_score_that_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        Curve(tmp_path, attempt=1).append(evaluation(10, score=math.nan))
