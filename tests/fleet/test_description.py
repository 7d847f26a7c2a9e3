"""A file and options become workers bound to queues and GPUs."""

from pathlib import Path

import pytest

from amc.errors import ConfigError, UsageError
from amc.fleet.description import Description, FleetFile, describe, read
from amc.fleet.gpu import CPU

ROOT = Path(__file__).parents[2]
FOUR_GPUS = {0: "0", 1: "1", 2: "2", 3: "3"}


def bindings(description: Description) -> list[tuple[str, str, str]]:
    return [(worker.name, worker.queue, worker.device) for worker in description.workers]


def test_workers_are_bound_to_the_named_gpus_in_turn() -> None:
    found = describe(FleetFile(workers=3, gpus=(1, 3)), FOUR_GPUS)

    assert bindings(found) == [
        ("rl-worker-0", "gpu1", "1"),
        ("rl-worker-1", "gpu3", "3"),
        ("rl-worker-2", "gpu1", "1"),
    ]


def test_without_a_word_about_gpus_all_of_the_machine_s_are_used() -> None:
    found = describe(FleetFile(workers=2), {0: "MIG-a", 1: "MIG-b"})

    assert bindings(found) == [("rl-worker-0", "gpu0", "MIG-a"), ("rl-worker-1", "gpu1", "MIG-b")]


def test_on_a_machine_without_gpus_the_queues_keep_their_names() -> None:
    found = describe(FleetFile(workers=3, gpus=(0, 1)), {})

    assert [queue for _, queue, _ in bindings(found)] == ["gpu0", "gpu1", "gpu0"]
    assert found.is_on_cpu


def test_on_a_machine_without_gpus_each_worker_has_a_queue_of_its_own() -> None:
    found = describe(FleetFile(workers=2), {})

    assert bindings(found) == [("rl-worker-0", "gpu0", CPU), ("rl-worker-1", "gpu1", CPU)]


def test_the_cpu_can_be_wanted_on_a_machine_with_gpus() -> None:
    found = describe(FleetFile(workers=2, device="cpu"), FOUR_GPUS)

    assert found.is_on_cpu


def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no GPU 4, 5\. It has: 0, 1, 2, 3"):
        describe(FleetFile(gpus=(0, 5, 4)), FOUR_GPUS)


def test_a_fleet_without_workers_needs_no_gpu() -> None:
    found = describe(FleetFile(workers=0), {})

    assert found.worker_names == ("driver",)
    assert not found.is_on_cpu


def test_a_description_survives_the_way_through_json() -> None:
    description = describe(FleetFile(), FOUR_GPUS, flower_port=5555)

    assert Description.from_json(description.to_json()) == description


def test_options_go_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "fleet.json"
    path.write_text('{"workers": 8, "gpus": [0, 1], "driver": false} // a comment')

    found = read(path, workers=2, gpus=(3,))

    assert found == FleetFile(workers=2, gpus=(3,), driver=False)


def test_no_gpus_as_an_option_means_the_cpu() -> None:
    assert read(gpus=()) == FleetFile(device="cpu")


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "fleet.json"
    path.write_text('{"workers": -1, "gpu": [1], "device": "cuda", "gpus": [0.5]}')

    with pytest.raises(ConfigError) as caught:
        read(path)

    assert [fault.path for fault in caught.value.faults] == ["workers", "gpu", "device", "gpus.0"]
    assert "Did you mean 'gpus'?" in str(caught.value)


@pytest.mark.parametrize("path", sorted((ROOT / "worker_queues").glob("*.json")), ids=str)
def test_the_files_in_worker_queues_can_be_read(path: Path) -> None:
    assert describe(read(path), FOUR_GPUS).workers
