"""What a checkpoint and a bundle say of themselves.

The training manifest names its MLflow run; the bundle's manifest is a pure function of the inputs and names none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.schema import Params
from data.records import file_sha256, write_json

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
RUN = "run.json"  # beside the checkpoint, not part of it: which MLflow run made it


def write_training_manifest(
    folder: Path,
    *,
    kind: str,
    name: str,
    pairs: Sequence[tuple[str, str]],
    params: Params,
    data: str,
    run: str | None,
    base: Mapping[str, Any] | str,
    **more: Any,
) -> None:
    """`manifest.json` and `run.json` of a checkpoint.

    Args:
        folder: of the checkpoint.
        kind: translation or intents.
        name: of the model.
        pairs: (source, target) that it translates.
        params: the parameters of the training.
        data: hash of the prepared data.
        run: the MLflow run.
        base: what it was fine-tuned from, with its hash.
        more: keys of some checkpoints alone (language codes, the adapter's hash, the teacher's); `None` is left out.
    """
    section = params.train_translation if kind == "translation" else params.train_intents
    content = {
        "kind": kind,
        "name": name,
        "base": base,
        "pairs": [list(pair) for pair in pairs],
        "parameters": {"profile": params.profile, "seed": params.seed, **section.model_dump()},
        "data": data,
        **{key: value for key, value in more.items() if value is not None},
    }
    write_json(folder / MANIFEST, content)
    write_json(folder / RUN, {"mlflow_run": run})


def read_manifest(folder: Path) -> dict[str, Any]:
    """`manifest.json` of a checkpoint.

    Raises:
        ValueError: there is none.
    """
    try:
        content: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ValueError(f"{folder}: no checkpoint of a training here ({MANIFEST} is missing or cannot be read)") from None
    return content


def write_bundle_manifest(folder: Path, content: dict[str, Any]) -> None:
    """`manifest.json` of a bundle: `content` and the SHA-256 of every other file in it."""
    files = {path.relative_to(folder).as_posix(): file_sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    files.pop(MANIFEST, None)
    write_json(folder / MANIFEST, {"format": FORMAT_VERSION, **content, "files": files})
