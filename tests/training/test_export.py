"""Bundles: near PyTorch, a pure function of the checkpoint and the data, and nothing that could run code."""

from __future__ import annotations

import json
import pickle
import pickletools
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from configs.schema import ROOT
from data.records import tree_sha256
from training.export import export_intents, export_translation
from training.onnx.marian import ExportError

GRAPHS = {"fp32/decoder_step.onnx", "fp32/encoder.onnx", "int8/decoder_step.onnx", "int8/encoder.onnx"}
TRANSLATION = {"source.spm", "target.spm", "vocab.json", "manifest.json", *GRAPHS}
INTENTS = {"fp32/classifier.onnx", "int8/classifier.onnx", "tokenizer.json", "labels.json", "confidence.json", "manifest.json"}
GLOSSARIES = ROOT / "data/glossaries"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def is_pickle(content: bytes) -> bool:
    """Whether a pickle of protocol 2 or later, which begins with its protocol, runs to its end."""
    if not content.startswith(b"\x80"):
        return False
    try:
        return any(code.name == "STOP" for code, _, _ in pickletools.genops(content))
    except ValueError:
        return False


@pytest.fixture
def checkpoint(world: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world.models / "en-xx", tmp_path / "checkpoint"))


def change_config(checkpoint: Path, **changes: Any) -> None:
    config = read(checkpoint / "config.json")
    (checkpoint / "config.json").write_text(json.dumps(config | changes))


def test_a_translation_bundle_holds_what_serving_needs(world: Any) -> None:
    glossaries = {f"glossaries/{path.name}" for path in GLOSSARIES.glob("*.yaml")}
    assert len(glossaries) >= 2
    for name in ("en-xx", "xx-en"):
        assert files(world.bundles / name) == TRANSLATION | glossaries
    manifest = read(world.bundles / "en-xx" / "manifest.json")
    assert (manifest["format"], manifest["kind"], manifest["name"], manifest["serve"]) == (1, "translation", "en-xx", "int8")
    assert manifest["pairs"] == [["en", "zh"], ["en", "de"], ["en", "es"]]
    assert manifest["languages"] == ["de", "en", "es", "zh"]
    assert manifest["data"] == tree_sha256(world.translation)
    assert manifest["glossaries"] == tree_sha256(world.bundles / "en-xx" / "glossaries")
    pad = read(world.bundles / "en-xx" / "vocab.json")["<pad>"]
    shape = {"layers": 1, "heads": 4, "head_size": 8}
    assert manifest["decoding"] == {"start": pad, "end": 0, "suppressed": [pad], "max_pieces": 64, **shape}


def test_a_classifier_bundle_holds_what_serving_needs(world: Any) -> None:
    folder = world.bundles / "intents"
    assert files(folder) == INTENTS
    manifest = read(folder / "manifest.json")
    assert (manifest["kind"], manifest["languages"], manifest["max_pieces"]) == ("intents", ["de", "en", "es", "zh"], 96)
    assert read(folder / "labels.json")["intent"] == list(world.intents.intents)
    confidence = read(folder / "confidence.json")
    assert set(confidence) == {"temperature", "out_of_scope_below"}
    assert 0.2 <= confidence["temperature"] <= 5
    assert 0 < confidence["out_of_scope_below"] < 1


def test_no_bundle_holds_a_pickle(world: Any) -> None:
    assert is_pickle(pickle.dumps({"weights": [1.0, 2.0]})), "the check itself can find one"
    paths = [path for path in world.bundles.rglob("*") if path.is_file()]
    assert len(paths) == 2 * len(TRANSLATION) + 2 * len(list(GLOSSARIES.glob("*.yaml"))) + len(INTENTS)
    assert {path.suffix for path in paths} == {".onnx", ".json", ".spm", ".yaml"}
    for path in paths:
        assert not is_pickle(path.read_bytes()), path
        assert not zipfile.is_zipfile(path), path  # what torch.save writes


def test_logits_are_pytorch_s(world: Any) -> None:
    for name in ("en-xx", "xx-en", "intents"):
        differences = read(world.parity / f"{name}.json")["logits_max_abs"]
        assert differences["fp32"] < 1e-3
        assert 1e-4 < differences["int8"] < 1.0


def test_no_bundle_names_its_run(world: Any, checkpoint: Path, tmp_path: Path) -> None:
    """Another run, and other curves, of the same weights: the same bundle, byte by byte."""
    (checkpoint / "run.json").write_text('{"mlflow_run": "another"}')
    (checkpoint / "loss.csv").write_text("step,name,value\n")
    for place in ("first", "second"):
        export_translation(world.params, world.translation, GLOSSARIES, checkpoint, tmp_path / place)
        assert tree_sha256(tmp_path / place) == tree_sha256(world.bundles / "en-xx")


def test_a_classifier_bundle_is_a_function_of_its_inputs_too(world: Any, tmp_path: Path) -> None:
    export_intents(world.params, world.messages, world.models / "intents", tmp_path / "again")
    assert tree_sha256(tmp_path / "again") == tree_sha256(world.bundles / "intents")


def test_what_was_there_before_is_gone(world: Any, checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.onnx").write_text("old")
    one = world.params.model_copy(
        update={"export_translation": world.params.export_translation.model_copy(update={"precisions": ["int8"]})}
    )
    differences = export_translation(one, world.translation, GLOSSARIES, checkpoint, tmp_path / "out")
    assert set(differences) == {"int8"}
    found = {name for name in files(tmp_path / "out") if name.endswith(".onnx")}
    assert found == {name for name in GRAPHS if name.startswith("int8")}


def test_another_industry_s_glossary_goes_along(world: Any, checkpoint: Path, tmp_path: Path) -> None:
    glossaries = Path(shutil.copytree(GLOSSARIES, tmp_path / "glossaries"))
    (glossaries / "optics.yaml").write_text("industry: optics\nterms:\n  - {id: lens, en: lens, de: Linse}\n")
    (glossaries / "README.md").write_text("not a glossary")
    export_translation(world.params, world.translation, glossaries, checkpoint, tmp_path / "out")
    assert files(tmp_path / "out" / "glossaries") == {path.name for path in glossaries.glob("*.yaml")}
    assert read(tmp_path / "out/manifest.json")["glossaries"] != read(world.bundles / "en-xx/manifest.json")["glossaries"]


def test_an_option_that_the_graphs_lack_is_refused_by_name(world: Any, checkpoint: Path, tmp_path: Path) -> None:
    change_config(checkpoint, activation_function="tanh")
    with pytest.raises(ExportError, match=r"^this checkpoint cannot be exported: activation_function=tanh \(implemented: swish"):
        export_translation(world.params, world.translation, GLOSSARIES, checkpoint, tmp_path / "out")


def test_a_classifier_s_option_that_the_graph_lacks_is_refused_by_name(world: Any, tmp_path: Path) -> None:
    checkpoint = Path(shutil.copytree(world.models / "intents", tmp_path / "checkpoint"))
    change_config(checkpoint, hidden_act="relu")
    with pytest.raises(ExportError, match=r"^this checkpoint cannot be exported: hidden_act=relu \(implemented: gelu\)$"):
        export_intents(world.params, world.messages, checkpoint, tmp_path / "out")


def test_a_checkpoint_that_is_not_there_is_the_user_s_to_mend(world: Any, tmp_path: Path) -> None:
    missing = tmp_path / "models/en-xx"
    with pytest.raises(FileNotFoundError) as caught:
        export_translation(world.params, world.translation, GLOSSARIES, missing, tmp_path / "out")
    assert caught.value.filename == str(missing / "manifest.json")
    with pytest.raises(FileNotFoundError) as caught:
        export_intents(world.params, world.messages, missing, tmp_path / "out")
    assert caught.value.filename == str(missing / "labels.json")
    assert not (tmp_path / "out").exists()
