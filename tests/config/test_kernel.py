import subprocess
import sys
from importlib.metadata import version

import pytest

from amc.config.kernel import resolve_kernel, versioned_kernel
from amc.errors import ConfigError


@pytest.mark.parametrize("device", ["auto", "cpu"])
@pytest.mark.parametrize("kernel", ["auto", "fast"])
def test_a_standard_config_gets_the_fast_kernel(make_config, device: str, kernel: str):
    config = make_config({"training.kernel": kernel, "training.device": device})

    resolved = resolve_kernel(config)

    assert resolved == "fast"


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_gpu_gets_the_reference(make_config, device: str):
    config = make_config({"training.device": device})

    resolved = resolve_kernel(config)

    assert resolved == "reference"


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_a_precision_that_the_fast_kernel_lacks_gets_the_reference(make_config, precision: str):
    config = make_config({"training.precision": precision, "training.device": "cpu"})

    resolved = resolve_kernel(config)

    assert resolved == "reference"


def test_the_reference_is_had_for_the_asking(make_config):
    config = make_config({"training.kernel": "reference"})

    resolved = resolve_kernel(config)

    assert resolved == "reference"


def test_an_algorithm_of_a_plug_in_gets_the_reference(make_config):
    config = make_config().model_copy(update={"algorithm": "mine"})

    resolved = resolve_kernel(config)

    assert resolved == "reference"


def test_of_stable_baselines3_the_kernel_is_its_package(make_config):
    sac = make_config().model_copy(update={"algorithm": "sb3:SAC"})
    tqc = sac.model_copy(update={"algorithm": "sb3:TQC"})

    assert versioned_kernel(sac) == f"sb3@{version('stable_baselines3')}"
    assert versioned_kernel(tqc) == f"sb3@{version('sb3_contrib')}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"training.device": "cuda"}, "it computes on the CPU, but training.device is 'cuda'"),
        (
            {"training.precision": "bf16"},
            "it computes in float32, but training.precision is 'bf16'",
        ),
    ],
)
def test_asking_for_the_impossible_says_what_to_do(make_config, change: dict, reason: str):
    with pytest.raises(ConfigError) as caught:
        make_config({"training.kernel": "fast", **change})

    (fault,) = caught.value.faults
    assert fault.path == "training.kernel"
    assert fault.message == f"'fast' is not possible: {reason}. Write 'auto' or 'reference'."


def test_choosing_loads_no_learning_library():
    code = "import amc.config.kernel, sys; print(*sys.modules)"

    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert "amc.config.kernel" in process.stdout.split()
    assert not {"torch", "numba", "scipy", "gymnasium"} & set(process.stdout.split())
