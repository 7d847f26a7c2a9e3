"""Films: an agent at play, each picture with the step and the return so far.

The door is `film`. MP4 is written by ffmpeg, GIF by Pillow.
"""

import secrets
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from amc.errors import AmcError, UsageError
from amc.playback.agent import Agent
from amc.playback.playing import Moment, play

Pictures = Iterator[NDArray[np.uint8]]

SUFFIXES = (".mp4", ".gif")
_USUAL_FPS = 30
# What browsers and players everywhere show: even sides, colours at half the resolution.
_H264 = ("-crf", "26", "-preset", "veryfast", "-movflags", "+faststart", "-f", "mp4")


class FilmError(AmcError):
    """Raised when a film cannot be written."""


def film(
    agent: Agent,
    path: str | Path,
    n_episodes: int = 1,
    *,
    seed: int | None = None,
    fps: float | None = None,
    on_moment: Callable[[Moment], None] = lambda _: None,
) -> None:
    """Film an agent at play.

    Args:
        agent: who plays.
        path: to be written, `.mp4` or `.gif`; it is there in whole or not at all.
        n_episodes: at least 1.
        seed: of the episodes, as `Agent.evaluate` takes it.
        fps: pictures per second; as fast as the environment says that it is if None.
        on_moment: called after every step.

    Raises:
        UsageError: the name ends in something else, or its directory is not there.
        EnvironmentFault: the environment cannot be drawn here.
        FilmError: the film could not be written.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: a film's name ends in {' or '.join(SUFFIXES)}.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no such directory. Make it: mkdir -p {path.parent}")
    fps = fps or _own_fps(agent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    write = _write_gif if path.suffix.lower() == ".gif" else _write_mp4
    try:
        write(temporary, _pictures(agent, n_episodes, seed, on_moment), fps)
        temporary.replace(path)
    except OSError as error:
        raise FilmError(f"{path}: the film could not be written: {error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _own_fps(agent: Agent) -> float:
    return float(agent.metadata.get("render_fps") or _USUAL_FPS)


def _pictures(
    agent: Agent, n_episodes: int, seed: int | None, on_moment: Callable[[Moment], None]
) -> Pictures:
    for moment in play(agent, n_episodes, seed, "rgb_array"):
        on_moment(moment)
        yield _captioned(moment, n_episodes)


def _captioned(moment: Moment, n_episodes: int) -> NDArray[np.uint8]:
    """The picture of a moment with a line at its foot."""
    assert moment.picture is not None, "asked for above"
    image = Image.fromarray(moment.picture)
    draw = ImageDraw.Draw(image, "RGBA")
    size = max(11, image.height // 30)
    font = ImageFont.load_default(size)
    which = f"episode {moment.episode + 1}  " if n_episodes > 1 else ""
    text = f"{which}step {moment.step}  return {moment.gained:.1f}"
    margin = size // 2
    left, foot = margin, image.height - margin
    box = draw.textbbox((left + margin, foot - margin), text, font=font, anchor="ls")
    around = (left, box[1] - margin // 2, box[2] + margin, foot)
    draw.rectangle(around, fill=(0, 0, 0, 110))
    draw.text((left + margin, foot - margin), text, font=font, anchor="ls", fill=(255, 255, 255))
    return np.asarray(image)


def _write_mp4(path: Path, pictures: Pictures, fps: float) -> None:
    first = next(pictures)
    height, width = (side - side % 2 for side in first.shape[:2])
    try:
        writer = imageio_ffmpeg.write_frames(
            str(path),
            (width, height),
            fps=fps,
            codec="libx264",
            quality=None,
            macro_block_size=2,
            output_params=list(_H264),
        )
        writer.send(None)
    except (RuntimeError, FileNotFoundError) as error:
        raise FilmError(
            f"film: ffmpeg cannot be started: {error}. "
            "Install it (pip install imageio-ffmpeg), or write a .gif."
        ) from error
    try:
        for picture in chain([first], pictures):
            writer.send(np.ascontiguousarray(picture[:height, :width]))
    finally:
        writer.close()


def _write_gif(path: Path, pictures: Pictures, fps: float) -> None:
    frames = [Image.fromarray(one).quantize(64) for one in pictures]
    # A GIF counts in hundredths of a second.
    frames[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=frames[1:],
        duration=max(20, round(1000 / fps / 10) * 10),
        loop=0,
        optimize=False,
    )
