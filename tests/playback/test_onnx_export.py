"""An exported policy does what the agent does, in a runtime that knows nothing of it."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from amc.algorithms.base import Algorithm
from amc.errors import UsageError
from amc.playback.onnx_export import export_onnx
from tests.playback.test_agent import EVERY, NORMALIZERS, QUICK


@pytest.mark.parametrize("wrappers", [NORMALIZERS, ()], ids=["normalised", "raw"])
@pytest.mark.parametrize(
    ("algorithm", "name"),
    [pytest.param(*one, marks=[] if one in QUICK else pytest.mark.slow) for one in EVERY],
)
def test_it_acts_as_the_agent_does(trained, tmp_path: Path, algorithm, name, wrappers):
    agent = trained(algorithm, name, wrappers).agent()
    size = agent.observation_space.shape[0]
    observations = np.random.default_rng(0).normal(scale=3, size=(100, size)).astype(np.float32)

    agent.export("onnx", tmp_path / "policy.onnx")

    session = onnxruntime.InferenceSession(tmp_path / "policy.onnx")
    (actions,) = session.run(["action"], {"observation": observations})
    expected = agent.predict(observations)
    assert actions.shape == expected.shape
    np.testing.assert_allclose(actions, expected, rtol=0, atol=1e-5)


def test_another_form_is_refused(trained, tmp_path: Path):
    with pytest.raises(UsageError, match="'pickle' is not a form"):
        trained().agent().export("pickle", tmp_path / "policy.pickle")


def test_the_algorithm_of_a_plug_in_is_refused(trained, tmp_path: Path):
    class Own(Algorithm):
        def __init__(self):
            pass

        iterate = predict = named_parameters = lambda self: None

    agent = trained().agent()

    with pytest.raises(UsageError, match="PPO and DDPG, not of Own"):
        export_onnx(Own(), None, agent.action_space, tmp_path / "policy.onnx")


def test_without_the_extra_it_says_how_to_install_it(trained, tmp_path: Path, monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "amc.playback.onnx_export", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)

    with pytest.raises(UsageError, match=r"pip install 'ai-mission-control\[onnx\]'"):
        trained().agent().export("onnx", tmp_path / "policy.onnx")
