"""The house's rules, held by reading the source: who may import whom, and what `amc` loads when."""

import ast
import json
import re
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import amc
from amc.cli import COMMANDS
from amc.config.schema import ExperimentConfig
from amc.ledger import Ledger

PACKAGE = Path(amc.__file__).parent
ROOT = PACKAGE.parent

# Room: the rooms it may import, as in the design's table. Everybody may know `version`, a constant.
MAY_IMPORT = {
    "version": "",
    "errors": "",
    "logs": "",
    "settings": "errors",
    "failpoints": "errors",
    "compilation": "",
    "lifeline": "",
    "trial": "",
    "plugins": "errors settings",
    "config": "errors plugins redaction",
    "permission": "errors settings broker config",
    "environments": "errors compilation plugins config",
    "algorithms": "errors compilation plugins config environments",
    "optimizers": "errors plugins config",
    "ledger": "errors failpoints config",
    "training": "lifeline errors failpoints logs plugins redaction config environments algorithms "
    "ledger trial",
    "driver": "errors config optimizers ledger",
    "celery": "errors failpoints settings broker",
    "broker": "lifeline errors failpoints settings",
    "tasks": "celery broker failpoints ledger permission plugins errors logs settings workers",
    "workers": "lifeline training broker ledger errors failpoints logs permission plugins config "
    "algorithms settings celery",
    "fleet": "lifeline errors logs settings config broker celery ledger",
    # Not `experiment`: a module of that name would hide the door `amc.experiment`.
    "experiment_view": "errors config ledger celery broker continuing findings trial_status",
    "trial_status": "ledger",
    "findings": "errors config ledger trial_status",
    "forecast": "errors config driver ledger training environments algorithms",
    "continuing": "errors config ledger",
    "client": "errors settings config ledger broker permission experiment_view",
    "reports": "errors config ledger optimizers driver training trial_status inference",
    "comparing": "errors config ledger inference reports",
    "playback": "errors config ledger environments algorithms training",
    "leftovers": "errors ledger fleet",
    "doctor": "errors settings broker fleet ledger",
    "redaction": "",
    "support": "doctor fleet ledger redaction",
    "removing": "errors ledger broker experiment_view",
    "verify": "errors config ledger driver training workers",
    "reproducing": "errors config ledger driver training workers verify",
    "inference": "",
    "testing": "errors settings config environments algorithms optimizers ledger training playback",
    "cli": "client continuing experiment_view trial_status config ledger errors plugins fleet "
    "leftovers permission removing settings",
    # The package itself and `python -m amc` are doors, not rooms.
    "__init__": "",
    "__main__": "cli",
}
# Rooms and modules that may import inside functions, and then whatever they need.
MAY_DEFER = {
    "amc",
    "amc.cli",
    "amc.doctor.drawing",
    "amc.doctor.probe",
    "amc.driver.budget",
    "amc.findings",
    "amc.fleet",
    "amc.fleet.__main__",
    "amc.playback.agent",
    "amc.tasks",
    "amc.workers.fork_server",
    "amc.workers.signals",
}
# Modules whose strings may name ours: Celery's imports, names of tasks, and `python -m` commands.
MAY_NAME = {
    "amc.celery",
    "amc.broker.messages",
    "amc.doctor.probing",
    "amc.config.known.inquiry",
    "amc.fleet.ahead",
    "amc.fleet.commands",
    "amc.fleet.flower",
    "amc.fleet.launching",
    "amc.fleet.processes",
}
# Groups of entry points that are called as a room is.
GROUPS = {"amc.algorithms", "amc.environments", "amc.optimizers"}
HEAVY = {"torch", "gymnasium", "bayes_opt", "sklearn", "matplotlib"}
SLOW_TO_LOAD = {*HEAVY, "celery", "redis", "pydantic", "numpy", "rich"}
# How many lines a room may have, so that the house can be read in a few days. Who needs more raises
# a bound on purpose, and says why in the commit; who has taken something out lowers it.
MOST_LINES = {
    "algorithms": 5700,
    "broker": 2050,
    "cli": 6200,
    "comparing": 700,
    "config": 6250,
    "driver": 1800,
    "environments": 4000,
    "doctor": 800,
    "fleet": 2600,
    "ledger": 3800,
    "optimizers": 2300,
    "playback": 1500,
    "reports": 3000,
    # As long as the contracts of five kinds of extensions, a sentence for each line of them.
    "testing": 2050,
    "training": 3800,
    "workers": 1900,
}
# Modules at the top, each.
MOST_LINES_OF_A_MODULE = 420
# Module names that mean the same wherever they stand: a contract, a table of names, a door, a trial
# as its trainer sees it; and commands that are called as what they show.
SHARED_NAMES = {"base", "registry", "__main__", "logs", "status", "tensorboard", "doctor", "trial"}
# A room is no module; a kernel is called as what it makes fast, a part of a config as what it sets.
NAMED_AFTER_OTHERS = {"amc", "amc.algorithms.kernels", "amc.config"}
# Rooms that work in an experiment's directory, and the names of files there.
KNOWS_THE_LEDGER = {"ledger", "training", "driver", "workers", "tasks", "client", "experiment_view"}
NAME_OF_A_FILE = re.compile(r"[\w.-]*\.(json|jsonl|pt|sha256)")
BRITISH = re.compile(
    "(normal|initial|optim|standard|minim|maxim|general|serial|summar|organ|util|penal)is(e|ing|ation)"
    "|colour|favour|neighbour|behaviour|centre|modelled|labelled",
    re.IGNORECASE,
)
BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"}


class Import(NamedTuple):
    target: str
    line: int
    is_deferred: bool


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return found


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imports_of(tree: ast.AST, *, is_deferred: bool = False) -> Iterator[Import]:
    """Each name that a tree imports.

    Deferred is what is imported in a function, or for the types alone.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            yield from imports_of(node, is_deferred=is_deferred or _defers(node))
            continue
        yield from (Import(name, node.lineno, is_deferred) for name in names)


def _defers(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
    return False


def own_imports_of(tree: ast.AST) -> Iterator[Import]:
    """Each module of ours that a tree imports; `from amc.x import y` may be x.y."""
    for item in imports_of(tree):
        if item.target.split(".")[0] == "amc":
            module = item.target if item.target in sources() else item.target.rpartition(".")[0]
            yield item._replace(target=module)


def loaded_by(*command_lines: list[str]) -> tuple[set[str], str]:
    """Runs `amc` on each command line, in a process of its own.

    Returns:
        The top-level modules that were loaded in the end, and what was said on standard output.
    """
    code = (
        "import contextlib, json, sys\n"
        "from amc.cli import main\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        main(arguments, prog_name='amc')\n"
        "print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, json.dumps(command_lines)], capture_output=True, text=True
    )
    said, _, loaded = process.stdout.partition("LOADED")
    assert loaded, process.stderr
    return set(loaded.split()), said


def test_every_room_is_in_the_table():
    rooms = {room_of(module) for module in sources()}

    unknown = rooms - MAY_IMPORT.keys()

    assert not unknown, "a new room needs a line in the design's table, and here"


def test_rooms_import_only_what_the_table_allows():
    offences = []

    for module, tree in sources().items():
        room = room_of(module)
        allowed = {room, "version", *MAY_IMPORT[room].split()}
        offences += [
            f"{module}:{line} imports {target}"
            for target, line, is_deferred in own_imports_of(tree)
            if room_of(target) not in allowed and not is_deferred
        ]

    assert not offences, "\n".join(offences)


def test_no_module_imports_itself_in_a_circle():
    graph = {
        module: {item.target for item in own_imports_of(tree)} for module, tree in sources().items()
    }
    finished: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail, module])
        if module not in finished:
            for target in graph.get(module, ()):
                walk(target, (*trail, module))
            finished.add(module)

    for module in graph:
        walk(module, ())


def test_only_the_doors_import_inside_functions():
    hidden = [
        f"{module}:{line}"
        for module, tree in sources().items()
        for _, line, is_deferred in imports_of(tree)
        if is_deferred and not may_defer(module)
    ]

    assert not hidden, "\n".join(hidden)


def may_defer(module: str) -> bool:
    return module in MAY_DEFER or module.startswith("amc.cli.")


def test_no_string_names_our_own_code():
    offences = []

    for module, tree in sources().items():
        if module in MAY_NAME:
            continue
        is_registry = "amc.plugins.resolve" in {item.target for item in imports_of(tree)}
        registered = set(_strings(_tables(tree))) if is_registry else set()
        offences += [
            f"{module} names {text}" for text in _strings([tree]) if text not in registered
        ]

    assert not offences, "\n".join(offences)


def _strings(trees: Iterable[ast.AST]) -> Iterator[str]:
    """What names a module of ours, or something in one. A group of entry points names none."""
    modules = sources().keys() - {"amc"}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name, colon, _ = node.value.partition(":")
            is_ours = name.startswith("amc.") and {name, name.rpartition(".")[0]} & modules
            if is_ours and (colon or name not in GROUPS):
                yield node.value


def _tables(tree: ast.Module) -> list[ast.expr]:
    """The dictionaries at the top of a module: a registry's built-in table is one."""
    values = (getattr(node, "value", None) for node in tree.body)
    return [value for value in values if isinstance(value, ast.Dict)]


def test_only_the_resolver_imports_by_name():
    offenders = [
        module
        for module, tree in sources().items()
        if {"importlib", "importlib.import_module"} & {item.target for item in imports_of(tree)}
    ]

    assert offenders == ["amc.plugins"]


def test_no_module_has_a_name_that_says_nothing():
    words = {word: module for module in sources() for word in module.split(".")[-1].split("_")}

    assert not words.keys() & BANNED_NAMES


def test_every_name_in_an_experiment_s_directory_stands_on_one_page():
    names = {"attempts", "checkpoints", "decisions", "metrics", "rounds", "segments", "trials"}

    offences = [
        f"{module}:{node.lineno} names {node.value!r}"
        for module, tree in sources().items()
        if room_of(module) in KNOWS_THE_LEDGER and module != "amc.ledger.paths"
        for node in paths_in(tree)
        if node.value in names or NAME_OF_A_FILE.fullmatch(node.value)
    ]

    assert not offences, "ask amc.ledger.paths"


def paths_in(tree: ast.AST) -> Iterator[ast.Constant]:
    """The strings that are joined to a path or looked for in a directory, and parts of names."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.BinOp(op=ast.Div(), right=part)
                | ast.Call(func=ast.Attribute(attr="glob" | "with_name"), args=[part])
            ):
                for inner in ast.walk(part):
                    if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                        yield inner


def test_names_are_spelled_as_the_libraries_spell_them():
    offences = {
        f"{module}: {name}"
        for module, tree in sources().items()
        for node in ast.walk(tree)
        for name in (getattr(node, field, None) for field in ("id", "name", "attr", "arg"))
        if isinstance(name, str) and BRITISH.search(name)
    }

    assert not offences, "prose here is British, names are American, as in NumPy, PyTorch and SB3"


def test_a_public_class_has_its_name_for_itself():
    homes: dict[str, list[str]] = {}
    for module, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module)

    shared = {name: modules for name, modules in homes.items() if len(modules) > 1}

    # Users write `def train(trial: Trial)`: what a trainer sees of what a ledger records.
    assert shared == {"Trial": ["amc.ledger.records", "amc.trial"]}, "one word, one thing"


def test_a_module_has_its_name_for_itself():
    homes: dict[str, list[str]] = {}
    for module in sources():
        parent, _, name = module.rpartition(".")
        if parent not in NAMED_AFTER_OTHERS and name not in SHARED_NAMES:
            homes.setdefault(name, []).append(module)

    shared = {name: modules for name, modules in homes.items() if len(modules) > 1}

    assert not shared, "one word, one thing"


def test_no_room_grows_unnoticed():
    lines: Counter[str] = Counter()
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        lines[room] += len(path.read_text(encoding="utf-8").splitlines())
    for room, count in lines.most_common():
        print(f"{room:<16}{count:>6}")

    too_large = [
        f"{room}: {count} lines, more than {bound}"
        for room, count in lines.items()
        if count > (bound := MOST_LINES.get(room, MOST_LINES_OF_A_MODULE))
    ]

    assert not too_large, "\n".join(too_large)


@pytest.mark.parametrize("folder", ["amc", "tests", "benchmarks", "examples"])
def test_nothing_unpickles_evaluates_or_swallows(folder: str):
    offences = []

    for path in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        offences += [f"{path.relative_to(ROOT)}:{line}" for line in _dangers(tree)]

    assert not offences, "\n".join(offences)


def _dangers(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="eval" | "exec")):
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="pickle" | "marshal" | "dill"), attr=attribute):
                # torch.load(weights_only=True) raises this one for a damaged file.
                if attribute != "UnpicklingError":
                    yield node.lineno
            case ast.keyword(arg="weights_only", value=ast.Constant(value=False)):
                yield node.lineno
            case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
                yield node.lineno
            case ast.ExceptHandler(type=None):
                yield node.lineno


def test_the_detector_sees_each_danger():
    text = (
        "eval('1')\npickle.loads(b'')\ntorch.load(f, weights_only=False)\n"
        "numpy.load(f, allow_pickle=True)\ntry:\n    pass\nexcept:\n    pass\nmodel.eval()"
    )

    lines = set(_dangers(ast.parse(text)))

    assert lines == {1, 2, 3, 4, 7}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["sumbit"]])
def test_the_command_line_answers_without_loading_anything(arguments: list[str]):
    loaded, _ = loaded_by(arguments)

    assert not loaded & SLOW_TO_LOAD


def test_importing_amc_loads_nothing():
    loaded, _ = loaded_by()

    assert not loaded & SLOW_TO_LOAD


def test_submitting_loads_no_learning_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = tmp_path / "config.json"
    environment = {"name": "CartPole-v1"}
    config.write_text(
        json.dumps(
            {
                "experiment_name": "x",
                "algorithm": "ppo",
                "environment": environment,
                "training": {"total_timesteps": 100},
            }
        )
    )
    monkeypatch.setenv("AMC_BROKER_URL", f"redis+socket://{tmp_path}/nobody.sock")

    loaded, _ = loaded_by(["submit", str(config)])

    assert {"celery", "redis"} <= loaded, "it went as far as asking the broker"
    assert not loaded & HEAVY


def test_showing_a_search_loads_nothing_that_plans_or_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_config: Callable[..., ExperimentConfig]
):
    Ledger.create(tmp_path, make_config())
    monkeypatch.setenv("AMC_SHARED_DIR", str(tmp_path))

    loaded, said = loaded_by(["ls"], ["show", "latest"])

    assert said.count("test-1") >= 2
    assert not loaded & {*HEAVY, "numpy"}


def test_every_command_has_a_help_page_and_loads_no_learning_library_for_it():
    loaded, said = loaded_by(*([name, "--help"] for name in COMMANDS))

    assert re.findall(r"^Usage: amc ([a-z-]+)", said, flags=re.MULTILINE) == list(COMMANDS)
    assert not loaded & HEAVY


def test_help_takes_less_than_half_a_second_of_a_processor():
    command = [sys.executable, "-m", "amc", "--help"]

    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert min(seconds) < 0.5
