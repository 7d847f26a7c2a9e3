"""Mutations of sound configs: whatever comes of them, the loader answers with one of two things."""

import copy
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amc.config.loader import ConfigLoader
from amc.config.text.document import MOST_FAULTS
from amc.config.text.reader import SIZE_LIMIT, read_text
from amc.errors import ConfigError

pytestmark = pytest.mark.usefixtures("nothing_old_to_collect")

MOST_S = 1.0
ROOT = Path(__file__).parents[2]
CASES = (Path(__file__).parent / "cases" / "good_configs.jsonl").read_text(encoding="utf-8")
TEXTS = [
    *(case["text"] for case in map(json.loads, CASES.splitlines()) if "text" in case),
    *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "configs").rglob("*.json"))),
]
CONFIGS = [read_text(text, "sound").value for text in TEXTS if '"$defs"' not in text]

NAMES = st.sampled_from(
    "name algorithm ppo ddpg gamma lr learning_rate if low high choices values type kwargs "
    "wrappers search_space training optimizer environment hyperparameter_optimizer $schema "
    "__class__ [key] [name] model_config CartPole-v1 Pendulum-v1 normalize_reward auto fast cuda:0 "
    "a:b a.b 4GiB".split()
)
TEXT = NAMES | st.text(max_size=20) | st.text(st.characters(), min_size=100, max_size=300)
NUMBERS = st.sampled_from(
    [0, -1, 1, 2**31, 2**53, 2**63, 10**30, 10**390, 1e-320, 1e308, -0.0, 0.5]
)
SCALARS = st.none() | st.booleans() | NUMBERS | st.integers() | st.floats() | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
CHANGES = st.tuples(
    st.sampled_from(["replace", "replace", "rename", "delete", "copy", "swap", "nest", "repeat"]),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    TEXT,
    VALUES,
)
CUTS = st.tuples(st.integers(0, 10**6), st.integers(0, 40), st.binary(max_size=20))

Holder = dict[str, Any] | list[Any]


def places(value: Any) -> Iterator[tuple[Holder, Any]]:
    """Every container in a value, with each of its keys."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def change(config: Any, how: str, place: int, other: int, name: str, value: Any) -> None:
    """Change one place of a config; `place` and `other` are numbers of any size."""
    found = list(places(config))
    if not found:
        return
    holder, key = found[place % len(found)]
    second, second_key = found[other % len(found)]
    if how == "replace":
        holder[key] = value
    elif how == "delete":
        del holder[key]
    elif how == "rename" and isinstance(holder, dict):
        holder[name] = holder.pop(key)
    elif how == "copy" and isinstance(second, dict):
        second[name] = copy.deepcopy(holder[key])
    elif how == "swap":
        holder[key], second[second_key] = (
            copy.deepcopy(second[second_key]),
            copy.deepcopy(holder[key]),
        )
    elif how == "nest":
        for _ in range(other % 300):
            holder[key] = [holder[key]] if place % 2 else {name: holder[key]}
    elif how == "repeat":
        room = SIZE_LIMIT // (3 * len(json.dumps(config)))
        holder[key] = [holder[key]] * (other % min(3000, room + 1))


def mutated(text: str, changes: list[Any], cuts: list[tuple[int, int, bytes]]) -> bytes:
    config = copy.deepcopy(read_text(text, "sound").value)
    for one in changes:
        change(config, *one)
    content = json.dumps(config, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for place, length, insertion in cuts:
        begin = place % (len(content) + 1)
        content = content[:begin] + insertion + content[begin + length :]
    return content


def check(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    loader = ConfigLoader()
    began = time.process_time()
    try:
        config = loader.load_config(path)
    except ConfigError as error:
        said = str(error)
        assert 0 < len(error.faults) <= MOST_FAULTS
    else:
        said = "\n".join(loader.warnings)
        stored = json.loads(json.dumps(config.to_json(), allow_nan=False))
        assert ConfigLoader().from_mapping(stored, accepted=True).to_json() == stored
    assert time.process_time() - began < MOST_S
    assert all(line.isprintable() for line in said.splitlines())
    said.encode()


def fuzzed(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The same examples at every run."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


ARGUMENTS = {
    "text": st.sampled_from([text for text in TEXTS if '"$defs"' not in text]),
    "changes": st.lists(CHANGES, max_size=4),
    "cuts": st.one_of(st.just([]), st.lists(CUTS, max_size=3)),
}


@pytest.mark.slow
@fuzzed(100)
@given(**ARGUMENTS)
def test_a_mutated_config_loads_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, changes: list[Any], cuts: list[Any]
):
    check(mutated(text, changes, cuts), tmp_path_factory.getbasetemp() / "mutated.json")


@pytest.mark.slow
@pytest.mark.timeout(900)
@fuzzed(5000)
@given(**ARGUMENTS)
def test_five_thousand_mutated_configs_load_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, changes: list[Any], cuts: list[Any]
):
    check(mutated(text, changes, cuts), tmp_path_factory.getbasetemp() / "mutated.json")


@fuzzed(50)
@given(key=TEXT, value=VALUES)
def test_any_override_is_taken_or_refused(key: str, value: Any):
    loader = ConfigLoader()
    config = loader.from_mapping(CONFIGS[0])

    try:
        loader.apply_overrides(config, {key: value})
    except ConfigError as error:
        str(error).encode()


@fuzzed(50)
@given(value=st.dictionaries(TEXT | st.integers() | st.none(), VALUES | st.binary(), max_size=4))
def test_any_mapping_is_taken_or_refused(value: dict[Any, Any]):
    for mapping in (value, {**CONFIGS[0], **value}):
        try:
            ConfigLoader().from_mapping(mapping)
        except ConfigError as error:
            str(error).encode()
