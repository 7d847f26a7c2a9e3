"""Failpoints: named on one page, come to once, and nothing where none is armed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import amc
from amc import failpoints
from amc.errors import UsageError

PACKAGE = Path(amc.__file__).parent
WRITERS = ("ledger", "training", "workers", "tasks.py")


def calls(name: str, *folders: str) -> list[tuple[str, ast.Call]]:
    """Every call of a function of that name below `amc/`, with its file."""
    paths = [path for folder in folders for path in _modules(PACKAGE / folder)]
    return [
        (str(path.relative_to(PACKAGE)), node)
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    ]


def _modules(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def point_of(call: ast.Call) -> str | None:
    """The point that a call of `files.create` or `files.replace` names."""
    named = [word.value for word in call.keywords if word.arg == "point"]
    return named[0].value if named and isinstance(named[0], ast.Constant) else None


def run(code: str, armed: str | None) -> "subprocess.CompletedProcess[str]":
    """Run a few lines in a process of its own."""
    environment = {failpoints.VARIABLE: armed} if armed else {}
    command = [sys.executable, "-c", f"import os\nfrom amc.failpoints import around\n{code}"]
    return subprocess.run(
        command, env=environment, cwd=PACKAGE.parent, capture_output=True, text=True, timeout=30
    )


def test_every_name_on_the_page_is_a_point_in_the_code_and_no_other_is():
    around = [call.args[0] for _, call in calls("failpoints.around", "")]
    direct = {part.value for part in around if isinstance(part, ast.Constant)}
    written = [
        *calls("files.create", ""),
        *calls("files.replace", ""),
        *calls("replace", "training"),
    ]
    records = {point for _, call in written if (point := point_of(call))}

    assert direct | records == failpoints.RECORDS.keys() | failpoints.MESSAGES.keys()


def test_every_record_of_an_experiment_has_a_point():
    written = [*calls("files.create", *WRITERS), *calls("files.replace", *WRITERS)]

    without = [file for file, call in written if point_of(call) is None]

    # The experiment's own is written in a staged directory, which has the point.
    assert without == ["ledger/creation.py"]


def test_where_none_is_armed_nothing_happens():
    ended = run("with around('decision'):\n    print('written')", armed=None)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "written\n", "")


@pytest.mark.parametrize(
    ("armed", "written"),
    [("before-decision", ""), ("after-decision", "1\n"), ("before-decision:3", "1\n2\n")],
)
def test_a_process_dies_where_it_is_told_to(armed: str, written: str):
    code = "for n in (1, 2, 3):\n    with around('decision'):\n        print(n, flush=True)"

    ended = run(code, armed)

    assert (ended.returncode, ended.stdout) == (-9, written)
    assert ended.stderr.startswith(f"amc: killed at the failpoint {armed.partition(':')[0]}:")


def test_a_point_is_come_to_once_by_a_process_and_all_that_it_forked():
    code = """
from amc import failpoints
failpoints.check()
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        with around('report'):
            os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""

    ended = run(code, "before-report:2")

    assert ended.stdout.split() == ["0", "-9", "0"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("before-decison", "Did you mean 'before-decision'"),
        ("decision", "'decision' is no failpoint"),
        ("before-decision:0", "a number from 1 on"),
        ("before-decision:x", "a number from 1 on"),
    ],
)
def test_a_name_that_is_none_is_told_in_a_sentence(text: str, told: str):
    with pytest.raises(UsageError, match=told):
        failpoints.arm(text)


def test_a_point_that_was_not_come_to_leaves_an_error_as_it_is():
    code = """
try:
    with around('decision'):
        raise FileExistsError('somebody was first')
except FileExistsError as error:
    print(error)
"""

    ended = run(code, "after-decision")

    assert (ended.returncode, ended.stdout) == (0, "somebody was first\n")
