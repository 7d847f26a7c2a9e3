"""What a training came through is recorded, and two kernels are never mixed."""

from dataclasses import replace

import pytest

from amc.config import kernel
from amc.errors import CheckpointError
from amc.training import provenance
from amc.version import VERSION
from amc.workers.base import BaseWorker


def on_another_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "instruction_set", lambda: "another")


def stopped_after(steps: int, context):
    seen = []
    return replace(
        context,
        mark=lambda kind, num_timesteps: seen.append(num_timesteps),
        should_stop=lambda: max(seen, default=0) >= steps,
    )


def test_an_outcome_tells_version_kernel_and_instruction_set(small, attempts):
    outcome = BaseWorker(0, small("ppo"), "unused", trial=attempts()).run()

    assert (outcome.amc, outcome.kernel) == ((VERSION,), "fast@1")
    assert outcome.cpu == (provenance.instruction_set(),)
    assert outcome.cpu[0] in {"avx512", "avx2", "neon", "default"} or outcome.cpu[0].isalnum()


def test_the_plain_kernel_is_told_from_the_fast_one(small, attempts):
    config = small("ppo", {"training.kernel": "reference"})

    outcome = BaseWorker(0, config, "unused", trial=attempts()).run()

    assert outcome.kernel == "reference@1"


def test_an_attempt_that_went_on_elsewhere_tells_of_both(small, attempts, monkeypatch):
    BaseWorker(0, small("ppo"), "unused", trial=stopped_after(200, attempts())).run()
    here = provenance.instruction_set()
    on_another_cpu(monkeypatch)

    outcome = BaseWorker(0, small("ppo"), "unused", trial=attempts()).run()

    assert outcome.cpu == (here, "another")


def test_a_segment_tells_what_its_start_came_through(small, segments, monkeypatch):
    trained = segments(small("ppo"))
    first = trained.context(256)
    start = trained.reported(first, trained.run(first))
    here = provenance.instruction_set()
    on_another_cpu(monkeypatch)

    outcome = trained.run(trained.context(512, start))

    assert outcome.cpu == (here, "another")


def test_a_checkpoint_of_another_kernel_is_refused(small, attempts, monkeypatch):
    BaseWorker(0, small("ppo"), "unused", trial=stopped_after(200, attempts())).run()
    monkeypatch.setitem(kernel.VERSIONS, "fast", 2)

    with pytest.raises(CheckpointError, match="by kernel fast@1, here they are by fast@2"):
        BaseWorker(0, small("ppo"), "unused", trial=attempts()).run()
