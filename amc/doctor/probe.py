"""The questions that a process of its own answers, one JSON document on standard output.

python -m amc.doctor.probe numerical     torch's build, its GPUs, the numerical libraries
python -m amc.doctor.probe CartPole-v1   whether an environment of gymnasium's can be drawn
"""

import json
import os
import sys
import time
from typing import Any

from amc.errors import said


def numerical() -> dict[str, Any]:
    """What computes here."""
    import numpy
    import scipy.linalg
    import torch
    from threadpoolctl import threadpool_info

    del numpy, scipy
    libraries = {
        f"{info['internal_api']} {info.get('version') or ''}".strip(): info["num_threads"]
        for info in threadpool_info()
    }
    has_cuda = torch.cuda.is_available()
    count = torch.cuda.device_count() if has_cuda else 0
    return {
        "libraries": libraries,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "gpus": [torch.cuda.get_device_name(number) for number in range(count)],
    }


def drawn(name: str) -> dict[str, Any]:
    """A picture of an environment: its size, and whether anything is on it."""
    import gymnasium

    environment: Any = gymnasium.make(name, render_mode="rgb_array")
    environment.reset(seed=0)
    environment.step(environment.action_space.sample())
    began = time.monotonic()
    picture = environment.render()
    seconds = time.monotonic() - began
    environment.close()
    height, width, _ = picture.shape
    is_blank = bool((picture == picture[0, 0]).all())
    return {"width": width, "height": height, "is_blank": is_blank, "seconds": seconds}


def main() -> None:
    """Answer the question on the command line."""
    # What a library prints while it is loaded must not get into the answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    question = sys.argv[1]
    try:
        found = numerical() if question == "numerical" else drawn(question)
    except (Exception, SystemExit) as error:
        found = {"failed": said(error)}
    with answers:
        json.dump(found, answers)


if __name__ == "__main__":
    main()
