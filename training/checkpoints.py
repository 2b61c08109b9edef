"""Checkpoints of a training that is not done: where they lie, which are whole, how many are kept.

    training/checkpoints/MODEL/HASH/          HASH of everything that the training's result follows from
        run.json                              the MLflow run, which goes on as one
        checkpoint-STEP/                      as transformers' trainer writes it ...
            whole.json                        ... and the SHA-256 of every file, written last

A checkpoint without a true `whole.json` was torn off (killed, disk full) and is removed; the one before it is still there, because an old
one goes only after a new one is whole. A training that is done leaves no folder.

Not covered: checkpoints of another number of processes, of another version of transformers.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from data.records import file_sha256, write_json

ROOT = Path("training/checkpoints")
WHOLE = "whole.json"
RUN = "run.json"


class StoppedError(KeyboardInterrupt):
    """A training that was asked to stop, and can go on: the message says how."""


class BusyError(ValueError):
    """Another process is at the same training."""


def checkpoint_folder(name: str, inputs: Mapping[str, Any], root: Path = ROOT) -> Path:
    """Where the training of `name` with these inputs keeps its checkpoints; `inputs` must be JSON."""
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:12]
    return root / name / digest


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """The folder for this process alone; the system lets go of it when the process dies, however it dies.

    Raises:
        BusyError: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BusyError(f"{folder}: another process runs the same training; wait for it, or stop it first") from None
    try:
        yield
    finally:
        lock.release()


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])


def mark_whole(checkpoint: Path) -> None:
    """Say that every file of a checkpoint is there, after they have reached the disk."""
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file() and path.name != WHOLE)
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    write_json(checkpoint / WHOLE, {path.relative_to(checkpoint).as_posix(): file_sha256(path) for path in files})


def is_whole(checkpoint: Path) -> bool:
    """Whether every file is as it was when the checkpoint was written."""
    try:
        stated: dict[str, str] = json.loads((checkpoint / WHOLE).read_text(encoding="utf-8"))
        return bool(stated) and all(file_sha256(checkpoint / name) == digest for name, digest in stated.items())
    except (OSError, ValueError, AttributeError):
        return False


def all_checkpoints(folder: Path) -> list[Path]:
    """Every checkpoint, whole or not, the newest last."""
    return sorted((path for path in folder.glob("checkpoint-*") if path.is_dir()), key=step_of)


def newest_whole(folder: Path) -> tuple[Path | None, list[Path]]:
    """The newest whole checkpoint, if there is one, and the torn ones that are newer; those are removed."""
    torn: list[Path] = []
    for checkpoint in reversed(all_checkpoints(folder)):
        if is_whole(checkpoint):
            return checkpoint, torn
        shutil.rmtree(checkpoint)
        torn.append(checkpoint)
    return None, torn


def keep_newest(folder: Path, count: int, best: Path | None) -> None:
    """Remove all but the newest `count` checkpoints and the best."""
    for checkpoint in all_checkpoints(folder)[:-count]:
        if best is None or checkpoint.name != best.name:
            shutil.rmtree(checkpoint)
