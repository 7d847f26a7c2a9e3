"""A package: an agent in a folder of its own, with a card and a film; it is never sent anywhere.

The door is `package`.
"""

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from amc.errors import EnvironmentFault, UsageError
from amc.playback.agent import Agent
from amc.playback.films import FilmError, film
from amc.playback.model_card import Claim, model_card
from amc.playback.packing import is_package, pack

CARD, FILM = "README.md", "replay.mp4"


def package(
    agent: Agent,
    directory: Path,
    claim: Claim,
    results: Mapping[str, Any],
    *,
    has_film: bool = True,
) -> str | None:
    """Write everything, or nothing; an earlier package in its place gives way.

    Args:
        agent: to be handed on.
        directory: a new one, an empty one, or that of an earlier package.
        claim: what is said of its score.
        results: what else is known of it, plain JSON.
        has_film: whether one episode is to be filmed.

    Returns:
        Why there is no film in it, though there was to be one; else None.

    Raises:
        UsageError: there is something else in the directory.
        OSError: it cannot be written.
    """
    _require_place(directory)
    temporary = directory.with_name(f".{directory.name}.{secrets.token_hex(6)}")
    try:
        pack(agent, temporary, {"claim": asdict(claim), **results})
        lacking = _film(agent, temporary / FILM) if has_film else None
        filmed = FILM if has_film and lacking is None else None
        card = model_card(agent, claim, film=filmed)
        (temporary / CARD).write_text(card, encoding="utf-8")
        if directory.exists():
            shutil.rmtree(directory)
        temporary.replace(directory)
        return lacking
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _require_place(directory: Path) -> None:
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
    elif not directory.is_dir() or (any(directory.iterdir()) and not is_package(directory)):
        raise UsageError(
            f"{directory}: there is something else in it. Name a new directory, or an earlier "
            "package to write over."
        )


def _film(agent: Agent, path: Path) -> str | None:
    try:
        film(agent, path, seed=0)
    except (EnvironmentFault, FilmError) as error:
        return str(error)
    return None
