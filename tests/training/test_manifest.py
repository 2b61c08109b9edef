"""What a checkpoint and a bundle say of themselves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from configs.schema import load_params
from training.manifest import write_bundle_manifest, write_training_manifest


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_checkpoint_names_its_run_beside_the_manifest(tmp_path: Path) -> None:
    params = load_params()
    write_training_manifest(tmp_path, kind="translation", name="en-xx", pairs=[("en", "de")], params=params, data="d" * 64, run="r1")
    manifest = read(tmp_path / "manifest.json")
    assert (manifest["kind"], manifest["name"], manifest["pairs"], manifest["data"]) == ("translation", "en-xx", [["en", "de"]], "d" * 64)
    expected = {"profile": params.profile, "seed": params.seed, **params.train_translation.model_dump()}
    assert manifest["parameters"] == expected
    assert read(tmp_path / "run.json") == {"mlflow_run": "r1"}
    assert "r1" not in (tmp_path / "manifest.json").read_text()


def test_a_classifier_has_its_own_parameters(tmp_path: Path) -> None:
    params = load_params()
    write_training_manifest(tmp_path, kind="intents", name="intents", pairs=[], params=params, data="d", run=None)
    assert read(tmp_path / "manifest.json")["parameters"]["piece_dropout"] == params.train_intents.piece_dropout
    assert read(tmp_path / "run.json") == {"mlflow_run": None}


def test_a_bundle_lists_every_file_but_itself(tmp_path: Path) -> None:
    (tmp_path / "int8").mkdir()
    for name in ("vocab.json", "int8/encoder.onnx", "manifest.json"):
        (tmp_path / name).write_text(name)
    write_bundle_manifest(tmp_path, {"kind": "translation"})
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("int8/encoder.onnx", "vocab.json")}
    assert read(tmp_path / "manifest.json") == {"format": 1, "kind": "translation", "files": digests}
