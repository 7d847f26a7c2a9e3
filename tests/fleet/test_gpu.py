"""GPUs are counted from outside, as CUDA would count them."""

import os
from pathlib import Path

import pytest

from amc.fleet import gpu

FOUR = "".join(f"GPU {number}: NVIDIA H200 (UUID: GPU-{number}a)\n" for number in range(4))
DIVIDED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-48aeb943)
  MIG 3g.20gb     Device  0: (UUID: MIG-fd26a4c2)
  MIG 3g.20gb     Device  1: (UUID: MIG-0d26a4c2)
"""


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for the driver's tool on the PATH; prints the text that is written to the file."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    said = tmp_path / "said"
    said.write_text(FOUR)
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat {said}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return said


def test_every_gpu_is_numbered_as_nvidia_smi_numbers_it(nvidia_smi: Path) -> None:
    assert gpu.devices() == {0: "0", 1: "1", 2: "2", 3: "3"}


def test_parts_of_a_divided_gpu_count_one_by_one(nvidia_smi: Path) -> None:
    nvidia_smi.write_text(DIVIDED)

    assert gpu.devices() == {0: "MIG-fd26a4c2", 1: "MIG-0d26a4c2"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", {}),
        ("-1", {}),
        ("2,3", {2: "2", 3: "3"}),
        ("3, 1", {3: "3", 1: "1"}),
        ("0,9,1", {0: "0"}),
        ("GPU-2a,GPU-0a", {0: "GPU-2a", 1: "GPU-0a"}),
        ("NoDevFiles", {}),
    ],
)
def test_the_user_s_choice_is_read_as_cuda_reads_it(
    nvidia_smi: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, found: dict[int, str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", wanted)

    assert gpu.devices() == found


def test_a_machine_without_nvidia_smi_and_device_files_has_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")

    assert gpu._device_files(tmp_path) == {}


def test_device_files_are_counted_where_the_tool_is_missing(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()

    assert gpu._device_files(tmp_path) == {0: "0", 1: "1"}
