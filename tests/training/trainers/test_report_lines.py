"""Lines that a trainer appends to a file."""

import os
from pathlib import Path

import pytest

from amc.errors import TrainerError
from amc.training.trainers import report_lines
from amc.training.trainers.report_lines import ReportFile, ReportLine


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_lines_are_read_as_they_come_and_each_once(tmp_path):
    path = tmp_path / "reports.jsonl"
    reports = ReportFile(path)

    before = list(reports.read())
    append(path, '{"step": 1, "score": 2}\n\n{"step": 2.0, "loss": 0.5, "score": -1e3}\n')
    first = list(reports.read())
    append(path, '{"step": 3, "checkpoint": "model.zip"}\n')
    second = list(reports.read())

    assert before == []
    assert first == [ReportLine(1, 2.0), ReportLine(2, -1000.0, {"loss": 0.5})]
    assert second == [ReportLine(3, None, {}, "model.zip")]


def test_half_a_line_waits_for_its_end(tmp_path):
    path = tmp_path / "reports.jsonl"
    reports = ReportFile(path)

    append(path, '{"step": 1, "sco')
    half = list(reports.read())
    append(path, 're": 2}\n{"step": 5}')
    whole = list(reports.read())

    assert half == []
    assert whole == [ReportLine(1, 2.0)]


def test_a_last_line_needs_no_end_once_nobody_writes_any_more(tmp_path):
    path = tmp_path / "reports.jsonl"
    append(path, '{"step": 1, "score": 2}')

    assert list(ReportFile(path).read(is_over=True)) == [ReportLine(1, 2.0)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("score 4", "line 2: not JSON: 'score 4'"),
        ('{"step": 1,', "line 2: not JSON"),
        ("[1, 2]", "line 2: must be an object"),
        ('{"score": 3}', "step must be how many steps were trained so far, but got null"),
        ('{"step": true}', "step must be"),
        ('{"step": -1}', "step must be"),
        ('{"step": 1.5}', "step must be"),
        ('{"step": 1e300}', "step must be"),
        ('{"step": 1, "score": NaN}', "score is nan, which compares with nothing"),
        ('{"step": 1, "score": Infinity}', "score is inf"),
        ('{"step": 1, "score": 1' + "0" * 400 + "}", "score is inf"),
        ('{"step": 1, "score": "high"}', 'score must be a number, but got "high"'),
        ('{"step": 1, "score": true}', "score must be a number"),
        ('{"step": 1, "loss": null}', "loss must be a number"),
        ('{"step": 1, "score": -1e308}', "score is -1e+308, which is too large to be compared"),
        ('{"step": 1, "": 2}', "a number must have a printable name of at most 1000 characters"),
        ('{"step": 1, "\\ud800": 2}', 'but got "\\ud800"'),
        ('{"step": 1, "a\\nb": 2}', 'but got "a\\nb"'),
        ('{"step": 1, "checkpoint": 4}', "checkpoint must be a path, but got 4"),
        ('{"step": 1, "checkpoint": ""}', "checkpoint must be a path"),
        ("[" * 100_000, "line 2: not JSON"),
    ],
)
def test_a_line_that_is_something_else_is_told_with_its_number(tmp_path, line, told):
    path = tmp_path / "reports.jsonl"
    append(path, '{"step": 1}\n' + line + "\n")

    with pytest.raises(TrainerError) as caught:
        list(ReportFile(path).read())

    assert told in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "reports.jsonl"
    append(path, "x" * (3 << 20))

    with pytest.raises(TrainerError, match="line 1: longer than"):
        list(ReportFile(path).read())


@pytest.mark.parametrize("again", ['{"step": 2}\n', '{"step": 2, "score": 3}\n', ""])
def test_a_file_that_is_written_anew_instead_of_appended_to_is_told(tmp_path, again):
    path = tmp_path / "reports.jsonl"
    reports = ReportFile(path)
    append(path, '{"step": 1}\n')

    before = list(reports.read())
    path.write_text(again)

    assert before == [ReportLine(1)]
    with pytest.raises(TrainerError, match=r"are not there any more\. Append to the file"):
        list(reports.read())


def test_a_file_that_was_read_and_is_removed_is_told(tmp_path):
    path = tmp_path / "reports.jsonl"
    reports = ReportFile(path)
    append(path, '{"step": 1}\n')
    list(reports.read())

    path.unlink()

    with pytest.raises(TrainerError, match="leave it where it is"):
        list(reports.read())


@pytest.mark.parametrize(
    "put",
    [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/etc/passwd")],
    ids=["pipe", "directory", "link"],
)
def test_what_is_put_in_the_file_s_place_is_neither_waited_for_nor_followed(tmp_path, put):
    path = tmp_path / "reports.jsonl"
    put(path)

    with pytest.raises(TrainerError, match="not a plain file any more"):
        list(ReportFile(path).read())


def test_who_writes_faster_than_is_read_is_heard_by_and_by(tmp_path, monkeypatch):
    monkeypatch.setattr(report_lines, "_MOST_AT_ONCE_BYTES", 100)
    path = tmp_path / "reports.jsonl"
    append(path, "".join(f'{{"step": {number}}}\n' for number in range(100)))
    reports = ReportFile(path)

    first, second, rest = list(reports.read()), list(reports.read()), reports.read(is_over=True)

    assert 0 < len(first) < 10 and 0 < len(second) < 10
    assert [one.step for one in [*first, *second, *rest]] == list(range(100))


def test_the_end_of_what_is_written_without_end_is_where_it_was_at_the_end(tmp_path):
    path = tmp_path / "reports.jsonl"
    append(path, '{"step": 1}\n')

    heard = []
    for line in ReportFile(path).read(is_over=True):
        heard.append(line.step)
        append(path, f'{{"step": {line.step + 1}}}\n')

    assert heard == [1]
