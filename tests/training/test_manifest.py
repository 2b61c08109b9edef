"""What a checkpoint and a bundle say of themselves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from configs.schema import load_params
from training.manifest import read_manifest, write_bundle_manifest, write_training_manifest

BASE = {"name": "Helsinki-NLP/opus-mt-en-de", "sha256": "b" * 64}


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_checkpoint_names_its_run_beside_the_manifest(tmp_path: Path) -> None:
    params = load_params()
    about: dict[str, Any] = {"params": params, "data": "d" * 64, "run": "r1", "base": "from scratch"}
    write_training_manifest(tmp_path, kind="translation", name="en-xx", pairs=[("en", "de")], **about)
    manifest = read(tmp_path / "manifest.json")
    assert list(manifest) == ["kind", "name", "base", "pairs", "parameters", "data"]
    assert (manifest["kind"], manifest["name"], manifest["pairs"], manifest["data"]) == ("translation", "en-xx", [["en", "de"]], "d" * 64)
    assert manifest["base"] == "from scratch"
    expected = {"profile": params.profile, "seed": params.seed, **params.train_translation.model_dump()}
    assert manifest["parameters"] == expected
    assert read(tmp_path / "run.json") == {"mlflow_run": "r1"}
    assert "r1" not in (tmp_path / "manifest.json").read_text()


def test_a_classifier_has_its_own_parameters(tmp_path: Path) -> None:
    params = load_params()
    write_training_manifest(tmp_path, kind="intents", name="intents", pairs=[], params=params, data="d", run=None, base="from scratch")
    assert read(tmp_path / "manifest.json")["parameters"]["piece_dropout"] == params.train_intents.piece_dropout
    assert read(tmp_path / "run.json") == {"mlflow_run": None}


def test_a_base_is_named_with_its_hash_and_what_only_a_base_has(tmp_path: Path) -> None:
    about: dict[str, Any] = {"kind": "translation", "name": "en-xx", "pairs": [], "params": load_params(), "data": "d", "run": None}
    write_training_manifest(tmp_path, **about, base=BASE, codes={"de": ">>deu<<"}, adapter="a" * 64)
    manifest = read(tmp_path / "manifest.json")
    assert (manifest["base"], manifest["codes"], manifest["adapter"]) == (BASE, {"de": ">>deu<<"}, "a" * 64)
    write_training_manifest(tmp_path, **about, base=BASE, codes=None, adapter=None)
    assert not {"codes", "adapter"} & read(tmp_path / "manifest.json").keys()


def test_a_manifest_comes_back(tmp_path: Path) -> None:
    write_training_manifest(
        tmp_path, kind="intents", name="intents", pairs=[], params=load_params(), data="d", run="r1", base="from scratch"
    )
    assert read_manifest(tmp_path) == read(tmp_path / "manifest.json")


@pytest.mark.parametrize("content", [None, b"", b'{"kind": "transl', b"\xff\xfe"])
def test_a_folder_without_a_manifest_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ValueError, match="manifest") as caught:
        read_manifest(tmp_path)
    assert str(caught.value) == f"{tmp_path}: no checkpoint of a training here (manifest.json is missing or cannot be read)"


def test_a_bundle_lists_every_file_but_itself(tmp_path: Path) -> None:
    (tmp_path / "int8").mkdir()
    for name in ("vocab.json", "int8/encoder.onnx", "manifest.json"):
        (tmp_path / name).write_text(name)
    write_bundle_manifest(tmp_path, {"kind": "translation"})
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("int8/encoder.onnx", "vocab.json")}
    assert read(tmp_path / "manifest.json") == {"format": 1, "kind": "translation", "files": digests}
