"""What is measured of a GPU, with a stand-in for the driver's tool on the PATH."""

import os
import time
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from amc.training.gpu_usage import Card, GpuUsage, parse
from amc.workers.base import BaseWorker

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
OWN_MEMORY = {"gpu/memory_allocated_mb", "gpu/memory_reserved_mb"}


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """A factory of stand-ins that write down how they were called and then run a line of shell."""
    asked = tmp_path / "asked"

    def make(line: str) -> Path:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f'#!/bin/sh\necho "$@" >> {asked}\n{line}\n')
        tool.chmod(0o755)
        return asked

    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return make


@pytest.fixture
def make_card():
    """A factory of cards that are asked at every look, unless told otherwise."""
    made = []

    def make(name: str = "GPU-1a", **limits: float) -> Card:
        made.append(Card(name, **{"ask_every_s": 0.0, **limits}))
        return made[-1]

    yield make
    for card in made:
        card.close()


def finish(card: Card) -> None:
    """Wait until the tool ended."""
    card._question.wait(timeout=30)


def test_the_card_is_asked_by_its_name_and_answers_at_a_later_look(nvidia_smi, make_card):
    asked = nvidia_smi("echo 37, 1024")
    card = make_card("GPU-1a", ask_every_s=60.0)

    at_first = card.look()
    finish(card)
    later = card.look()

    assert at_first == {}
    assert later == {"gpu/utilization": 37.0, "gpu/memory_used_mb": 1024.0}
    assert asked.read_text() == (
        "--id=GPU-1a --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits\n"
    )


def test_an_answer_counts_once_and_the_next_question_waits_its_time(nvidia_smi, make_card):
    asked = nvidia_smi("echo 37, 1024")
    card = make_card(ask_every_s=60.0)
    card.look()
    finish(card)

    looks = [card.look() for _ in range(3)]

    assert [bool(look) for look in looks] == [True, False, False]
    assert len(asked.read_text().splitlines()) == 1


def test_when_it_is_time_it_is_asked_again(nvidia_smi, make_card):
    nvidia_smi("echo 37, 1024")
    card = make_card()
    card.look()
    finish(card)
    nvidia_smi("echo 80, 2048")

    first = card.look()
    finish(card)
    second = card.look()

    assert [look["gpu/utilization"] for look in (first, second)] == [37.0, 80.0]


def test_a_look_never_waits_and_asks_one_question_at_a_time(nvidia_smi, make_card):
    nvidia_smi("exec sleep 100")
    card = make_card()
    began = time.monotonic()

    looks = [card.look()]
    question = card._question
    looks += [card.look(), card.look()]

    assert looks == [{}, {}, {}]
    assert card._question is question
    assert time.monotonic() - began < 50


def test_closing_ends_a_question_that_is_still_open(nvidia_smi, make_card):
    nvidia_smi("exec sleep 100")
    card = make_card()
    card.look()

    card.close()

    assert card._question.returncode == -9


def test_a_tool_that_hangs_is_given_up_and_asked_again(nvidia_smi, make_card, eventually):
    asked = nvidia_smi("exec sleep 100")
    card = make_card(answer_within_s=0.0)
    card.look()
    eventually(asked.exists)
    nvidia_smi("echo 5, 6")

    card.look()
    finish(card)
    given_up = card.look()
    finish(card)

    assert given_up == {}
    assert card.look() == {"gpu/utilization": 5.0, "gpu/memory_used_mb": 6.0}


@pytest.mark.parametrize("line", ["exit 9", "echo No devices were found", "true", r"printf '\377'"])
def test_a_useless_answer_is_left_out(nvidia_smi, make_card, line):
    nvidia_smi(line)
    card = make_card()

    card.look()
    finish(card)

    assert card.look() == {}


def test_without_the_tool_nothing_is_measured(tmp_path, monkeypatch, make_card):
    monkeypatch.setenv("PATH", str(tmp_path))
    card = make_card()

    assert [card.look(), card.look()] == [{}, {}]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("0, 3\n", {"gpu/utilization": 0.0, "gpu/memory_used_mb": 3.0}),
        ("[N/A], 512\n", {"gpu/memory_used_mb": 512.0}),
        ("[Insufficient Permissions], [N/A]\n", {}),
        ("12", {"gpu/utilization": 12.0}),
        ("", {}),
    ],
)
def test_what_the_card_does_not_tell_is_left_out(said, found):
    assert parse(said) == found


def test_a_cpu_has_no_usage(nvidia_smi):
    asked = nvidia_smi("echo 37, 1024")
    usage = GpuUsage(torch.device("cpu"))

    looks = [usage.look(), usage.look()]
    usage.close()

    assert looks == [{}, {}]
    assert not asked.exists()


@pytest.mark.parametrize(
    ("device", "tags"), [("cpu", set()), pytest.param("cuda", OWN_MEMORY, marks=GPU)]
)
@pytest.mark.parametrize("algorithm", ["ppo", "ddpg"])
def test_a_training_logs_the_memory_of_its_gpu(small, tmp_path, algorithm, device, tags):
    config = small(algorithm, {"training.device": device})

    BaseWorker(0, config, tmp_path).run()

    accumulator = EventAccumulator(str(tmp_path / "tensorboard"))
    accumulator.Reload()
    logged = {tag for tag in accumulator.Tags()["scalars"] if tag.startswith("gpu/")}
    assert logged - {"gpu/utilization", "gpu/memory_used_mb"} == tags
