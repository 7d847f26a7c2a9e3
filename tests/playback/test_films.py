"""Films show what was measured, say so in every picture, and are there in whole or not at all."""

from pathlib import Path

import imageio
import mujoco
import numpy as np
import pytest
from PIL import Image

from amc.errors import EnvironmentFault, UsageError
from amc.playback import films, rendering
from amc.playback.films import film
from tests.playback.test_agent import CHOICES, VECTORS

SLOW_ROBOTS = [
    pytest.param(name, marks=pytest.mark.slow) for name in ("Hopper-v4", "Walker2d-v4", "Ant-v4")
]


def test_a_film_shows_every_step_of_every_episode(trained, tmp_path: Path):
    agent, moments = trained().agent(), []
    expected = agent.evaluate(2, seed=3)

    film(agent, tmp_path / "best.mp4", 2, seed=3, on_moment=moments.append)

    reader = imageio.get_reader(tmp_path / "best.mp4")
    assert reader.count_frames() == len(moments) == 2 + sum(expected.lengths)
    assert reader.get_meta_data()["fps"] == agent.metadata["render_fps"]
    ends = [moment.gained for moment in moments if moment.has_ended]
    assert sorted(ends) == sorted(expected.returns)
    assert [path.name for path in tmp_path.iterdir()] == ["best.mp4"]


@pytest.mark.slow
def test_a_gif_will_do(trained, tmp_path: Path):
    agent, moments = trained().agent(), []

    film(agent, tmp_path / "best.gif", fps=25, on_moment=moments.append)

    with Image.open(tmp_path / "best.gif") as gif:
        # Pictures that are alike are one that is shown for longer.
        assert 1 < gif.n_frames <= len(moments)
        assert gif.info["duration"] % 40 == 0


def test_each_picture_says_the_step_and_the_return(trained, tmp_path: Path, monkeypatch):
    said = []
    draw = films.ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        films.ImageDraw.ImageDraw,
        "text",
        lambda self, at, text, **more: (said.append(text), draw(self, at, text, **more))[1],
    )

    film(trained().agent(), tmp_path / "best.gif", 1, seed=3)

    assert said[0] == "step 0  return 0.0"
    assert said[7] == "step 7  return 7.0"


def test_a_caption_changes_a_corner_of_the_picture_alone(trained):
    agent = trained().agent()
    moment = next(films.play(agent, 1, 3, "rgb_array"))

    captioned = films._captioned(moment, 1)

    changed = np.argwhere((captioned != moment.picture).any(axis=2))
    height, width, _ = captioned.shape
    assert len(changed)
    assert changed[:, 0].min() > 0.9 * height
    assert changed[:, 1].max() < 0.5 * width


def test_a_film_that_ends_early_leaves_nothing_and_keeps_the_one_before(trained, tmp_path: Path):
    path = tmp_path / "best.mp4"
    path.write_text("the one before")

    def stop(moment):
        if moment.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        film(trained().agent(), path, on_moment=stop)

    assert [one.name for one in tmp_path.iterdir()] == ["best.mp4"]
    assert path.read_text() == "the one before"


def test_a_name_of_another_kind_is_refused(trained, tmp_path: Path):
    with pytest.raises(UsageError, match=r"ends in \.mp4 or \.gif"):
        film(trained().agent(), tmp_path / "best.avi")


def test_a_directory_that_is_not_there_is_told(trained, tmp_path: Path):
    for name in ("best.mp4", "best.gif"):
        with pytest.raises(UsageError, match="there is no such directory"):
            film(trained().agent(), tmp_path / "absent" / name)


def test_without_ffmpeg_it_says_what_to_do(trained, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "absent"))

    with pytest.raises(films.FilmError, match=r"or write a \.gif"):
        film(trained().agent(), tmp_path / "best.mp4")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CHOICES, *VECTORS])
def test_every_environment_is_filmed_without_a_screen(trained, tmp_path: Path, name: str):
    agent = trained("ppo", name, limit=20).agent()
    pictures = []

    film(agent, tmp_path / "it.mp4", on_moment=lambda moment: pictures.append(moment.picture))

    assert len(pictures) > 5
    assert all(picture.std() > 5 for picture in pictures), "there is something to be seen"
    assert not np.array_equal(pictures[0], pictures[-1]), "and it moves"


@pytest.mark.slow
def test_one_after_the_other_each_robot_is_seen(trained, tmp_path: Path):
    for name in ("HalfCheetah-v4", "Ant-v4", "HalfCheetah-v4"):
        pictures = []

        film(
            trained("ppo", name, limit=20).agent(),
            tmp_path / f"{name}.gif",
            on_moment=lambda moment, into=pictures: into.append(moment.picture),
        )

        assert all(picture.std() > 20 for picture in pictures)


def test_without_a_renderer_the_missing_package_is_named(trained, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(rendering, "has_display", lambda: False)
    monkeypatch.setattr(rendering, "find_library", lambda name: None)

    with pytest.raises(EnvironmentFault, match="apt-get install libegl1 libopengl0, or libosmesa6"):
        film(trained("ppo", "Hopper-v4").agent(), tmp_path / "it.mp4")


@pytest.mark.parametrize("name", [pytest.param("HalfCheetah-v4"), *SLOW_ROBOTS])
def test_a_robot_that_has_run_far_is_still_in_the_picture(trained, name: str):
    rendering.prepare()
    environment = trained("ppo", name).agent().make_environment("rgb_array")
    rendering.require_pictures(environment, name)
    environment.reset(seed=0)
    robot = environment.unwrapped

    def seen(x: float) -> int:
        """How many pixels have a robot's colour: floors and skies are grey or green."""
        robot.data.qpos[0] = x
        mujoco.mj_forward(robot.model, robot.data)
        picture = rendering.picture(environment, name).astype(int)
        return int((picture[..., 0] - picture[..., 2] > 30).sum())

    near, far = seen(0.0), seen(300.0)

    environment.close()
    assert near > 500
    assert far == pytest.approx(near, rel=0.2)
