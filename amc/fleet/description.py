"""What a machine's fleet consists of: a file in `worker_queues/` and options become a description.

    {"workers": 8, "gpus": [0, 1, 2, 3]}

starts rl-worker-0 to rl-worker-7; rl-worker-i serves the queue gpu<gpus[i mod 4]> and sees that GPU
only. Its doors are `read` and `describe`. It must not know how processes are started.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from amc.config.text.faults import problems
from amc.config.text.plain import plain
from amc.config.text.reader import read as read_document
from amc.config.text.reader import read_text
from amc.errors import UsageError
from amc.fleet.gpu import CPU


def _tuple_from_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Gpu = Annotated[int, Field(ge=0, le=1023)]


class FleetFile(BaseModel):
    """A file in `worker_queues/`.

    Attributes:
        workers: how many workers to start; may be 0 on a machine that only drives.
        gpus: the GPUs to bind them to, round-robin; None for those that the machine has.
        device: "cpu" leaves the GPUs alone; the queues keep their names.
        driver: whether the driver's worker runs here; one machine of a cluster is enough.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    workers: Annotated[int, Field(ge=0, le=1024)] = 4
    gpus: Annotated[tuple[Gpu, ...], BeforeValidator(_tuple_from_list)] | None = None
    device: Literal["auto", "cpu"] = "auto"
    driver: bool = True


@dataclass(frozen=True)
class WorkerDescription:
    """One worker: its name, its queue, and what CUDA_VISIBLE_DEVICES says in its process."""

    name: str
    queue: str
    device: str


@dataclass(frozen=True)
class Description:
    """Everything that a machine's fleet runs, besides a broker of its own.

    Attributes:
        workers: in the order of their numbers.
        driver: whether the driver's worker runs here.
        flower_port: port of Flower on loopback; None without Flower.
        tensorboard_port: port of TensorBoard on loopback; None without TensorBoard.
        jupyter_port: port of Jupyter Lab on loopback; None without Jupyter Lab.
    """

    workers: tuple[WorkerDescription, ...]
    driver: bool = True
    flower_port: int | None = None
    tensorboard_port: int | None = None
    jupyter_port: int | None = None

    def __str__(self) -> str:
        queues = Counter(worker.queue for worker in self.workers)
        parts = [f"{count} on {queue}" for queue, count in queues.items()]
        workers = f"{len(self.workers)} workers ({', '.join(parts)})" if parts else "no workers"
        rest = ["driver"] if self.driver else []
        rest += [f"{name} on port {port}" for name, port in self.ports.items()]
        return ", ".join([workers, *rest])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "workers": [asdict(worker) for worker in self.workers]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Description":
        """The description that `to_json` wrote down."""
        workers = tuple(WorkerDescription(**worker) for worker in data["workers"])
        return replace(cls(**{**data, "workers": ()}), workers=workers)

    @property
    def worker_names(self) -> tuple[str, ...]:
        """Names of every Celery worker, the driver's first."""
        driver = ("driver",) if self.driver else ()
        return driver + tuple(worker.name for worker in self.workers)

    @property
    def ports(self) -> dict[str, int]:
        """Dashboards that are asked for, and their ports."""
        ports = {
            "flower": self.flower_port,
            "tensorboard": self.tensorboard_port,
            "jupyter": self.jupyter_port,
        }
        return {name: port for name, port in ports.items() if port is not None}

    @property
    def is_on_cpu(self) -> bool:
        """Whether there are workers, and none of them has a GPU."""
        return bool(self.workers) and all(worker.device == CPU for worker in self.workers)


def describe(
    file: FleetFile,
    devices: Mapping[int, str],
    *,
    flower_port: int | None = None,
    tensorboard_port: int | None = None,
    jupyter_port: int | None = None,
) -> Description:
    """Bind workers to queues and GPUs, round-robin.

    On a machine without GPUs the queues keep their names and the workers train on the CPU; where
    the file names no GPUs either, each worker gets a queue of its own.

    Args:
        file: what to start.
        devices: the machine's GPUs, as `amc.fleet.gpu.devices` finds them.
        flower_port: port of Flower on loopback; None without Flower.
        tensorboard_port: port of TensorBoard on loopback; None without TensorBoard.
        jupyter_port: port of Jupyter Lab on loopback; None without Jupyter Lab.

    Raises:
        UsageError: the file names a GPU that the machine, which has others, has not.
    """
    usable = {} if file.device == "cpu" else devices
    numbers = file.gpus or tuple(usable) or tuple(range(file.workers))
    absent = sorted(set(numbers) - set(usable)) if usable else []
    if absent:
        raise UsageError(
            f"gpus: this machine has no GPU {', '.join(map(str, absent))}. "
            f"It has: {', '.join(map(str, usable))}."
        )
    workers = []
    for index in range(file.workers):
        number = numbers[index % len(numbers)]
        device = usable.get(number, CPU)
        workers.append(WorkerDescription(f"rl-worker-{index}", f"gpu{number}", device))
    return Description(tuple(workers), file.driver, flower_port, tensorboard_port, jupyter_port)


def read(
    path: Path | None = None, *, workers: int | None = None, gpus: tuple[int, ...] | None = None
) -> FleetFile:
    """Read a file of `worker_queues/`, and let options go before what it says.

    Args:
        path: the file; None for the defaults.
        workers: as in the file; None leaves it.
        gpus: as in the file; empty for the CPU; None leaves it.

    Raises:
        ConfigError: with every fault of the file and the options.
    """
    document = read_text("{}", "defaults") if path is None else read_document(path)
    if workers is not None:
        document = document.put(("workers",), workers, "--workers")
    if gpus is not None:
        document = document.put(("gpus",), list(gpus) or None, "--gpus")
        document = document.put(("device",), "auto" if gpus else "cpu", "--gpus")
    value, found = plain(document.value)
    try:
        file = FleetFile.model_validate(value)
    except ValidationError as error:
        raise document.error([*found, *problems(error, model=FleetFile)]) from error
    if found or document.notes:
        raise document.error(found)
    return file
