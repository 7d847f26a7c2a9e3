"""What a trainer of the user's own has saved, handed on as it saved it.

The door is `hand_on`.
"""

import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amc.errors import UsageError
from amc.ledger import Ledger
from amc.training import checkpoint
from amc.training.snapshot import written_for
from amc.training.trainers.payload import unpack

CONFIG, RESULTS = "config.json", "results.json"


def hand_on(ledger: Ledger, trial: int, directory: Path, results: Mapping[str, Any]) -> None:
    """Write the last checkpoint of a trial to a directory, whole or not at all.

    Beside the trainer's own file or directory lie the config of the trial and what is known of it.

    Args:
        ledger: of an experiment whose trials a command or a function trains.
        trial: its number.
        directory: a new one, or an empty one.
        results: plain JSON.

    Raises:
        UsageError: the trial has saved nothing, or there is something in the directory.
        CheckpointError: the checkpoint is damaged.
        OSError: it cannot be written.
    """
    history = ledger.history()
    result = history.result(trial) if trial in history.trials else None
    if result is None or result.checkpoint is None:
        raise UsageError(
            f"trial {trial} of {ledger.id}: it has saved nothing to hand on. A trainer saves with "
            "trial.save(path)."
        )
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory}: there is something in it. Name a new directory.")
    state = checkpoint.load(ledger.paths.trial(trial).directory / result.checkpoint)
    directory.parent.mkdir(parents=True, exist_ok=True)
    temporary = directory.with_name(f".{directory.name}.{secrets.token_hex(6)}")
    try:
        unpack(state, temporary)
        told = {"steps": result.steps, "score": result.score, **results}
        for name, content in ((CONFIG, written_for(state).to_json()), (RESULTS, told)):
            if not (temporary / name).exists():
                text = json.dumps(content, indent=2) + "\n"
                (temporary / name).write_text(text, encoding="utf-8")
        if directory.exists():
            directory.rmdir()
        temporary.replace(directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
