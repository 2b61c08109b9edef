"""What a checkpoint and a bundle say of themselves.

The training manifest names its MLflow run; the bundle's manifest is a pure function of the inputs and names none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from configs.schema import Params
from data.records import file_sha256, write_json

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
RUN = "run.json"  # beside the checkpoint, not part of it: which MLflow run made it


def write_training_manifest(
    folder: Path, *, kind: str, name: str, pairs: Sequence[tuple[str, str]], params: Params, data: str, run: str | None
) -> None:
    """`manifest.json` and `run.json` of a checkpoint."""
    section = params.train_translation if kind == "translation" else params.train_intents
    content = {
        "kind": kind,
        "name": name,
        "base": "from scratch",
        "pairs": [list(pair) for pair in pairs],
        "parameters": {"profile": params.profile, "seed": params.seed, **section.model_dump()},
        "data": data,
    }
    write_json(folder / MANIFEST, content)
    write_json(folder / RUN, {"mlflow_run": run})


def write_bundle_manifest(folder: Path, content: dict[str, Any]) -> None:
    """`manifest.json` of a bundle: `content` and the SHA-256 of every other file in it."""
    files = {path.relative_to(folder).as_posix(): file_sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    files.pop(MANIFEST, None)
    write_json(folder / MANIFEST, {"format": FORMAT_VERSION, **content, "files": files})
