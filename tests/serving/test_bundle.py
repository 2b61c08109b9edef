"""A bundle is served whole and unchanged, or refused with one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.records import file_sha256
from serving.bundle import BundleError, load_classifier, load_models, load_translator, verify_bundle, verify_bundles
from serving.translator import Direction


@pytest.fixture
def bundles(world: Any, tmp_path: Path) -> Path:
    """A copy of the small bundles, to be broken."""
    return Path(shutil.copytree(world.bundles, tmp_path / "bundles"))


def refusal(folder: Path, verify: Callable[[Path], object] = verify_bundle) -> str:
    """The sentence with which `folder` is refused."""
    with pytest.raises(BundleError) as caught:
        verify(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change_manifest(folder: Path, **changes: Any) -> None:
    """Set keys of the manifest; `None` takes one away."""
    path = folder / "manifest.json"
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_what_was_exported_is_served(bundles: Path) -> None:
    found = verify_bundles(bundles)
    assert [(bundle.manifest.name, bundle.manifest.kind) for bundle in found] == [
        ("en-xx", "translation"),
        ("intents", "intents"),
        ("xx-en", "translation"),
    ]
    info = found[0].info
    assert info.version == file_sha256(bundles / "en-xx/manifest.json")[:12]
    assert (info.name, info.languages, info.precision) == ("en-xx", ("de", "en", "es", "zh"), "int8")
    assert info.pairs == (("en", "zh"), ("en", "de"), ("en", "es"))


def test_a_folder_without_a_manifest_is_no_bundle(bundles: Path) -> None:
    (bundles / "en-xx/manifest.json").unlink()
    assert refusal(bundles / "en-xx") == f"{bundles / 'en-xx'} is no bundle: it has no manifest.json"
    assert refusal(bundles, verify_bundles) == f"{bundles / 'en-xx'} is no bundle: it has no manifest.json"


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 1', b"\xff\xfe\x00"])
def test_a_manifest_that_is_not_json(bundles: Path, content: bytes) -> None:
    path = bundles / "en-xx/manifest.json"
    path.write_bytes(content)
    assert refusal(bundles / "en-xx").startswith(f"{path} is not a manifest: invalid json: ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"serve": None}, "serve: field required"),
        ({"serve": "int4"}, "serve: input should be 'fp32' or 'int8'"),
        ({"kind": "speech"}, "kind: input should be 'translation' or 'intents'"),
        ({"files": ["vocab.json"]}, "files: input should be an object"),
        ({"decoding": {"start": 1}}, "decoding.end: field required"),
        ({"codes": ["de"]}, "codes: input should be an object"),
    ],
)
def test_a_manifest_that_lacks_or_garbles_something(bundles: Path, changes: dict[str, Any], said: str) -> None:
    change_manifest(bundles / "en-xx", **changes)
    assert refusal(bundles / "en-xx") == f"{bundles / 'en-xx/manifest.json'} is not a manifest: {said}"


@pytest.mark.parametrize("also", [{}, {"serve": None, "decoding": None, "files": None}])
def test_another_format_version(bundles: Path, also: dict[str, Any]) -> None:
    """Of a format to come nothing else is known, so nothing else is asked."""
    change_manifest(bundles / "en-xx", format=2, **also)
    assert refusal(bundles / "en-xx") == f"{bundles / 'en-xx'} has bundle format 2; this version serves format 1"


@pytest.mark.parametrize("name", ["vocab.json", "int8/encoder.onnx", "glossaries/machinery.yaml"])
def test_a_file_that_is_missing(bundles: Path, name: str) -> None:
    (bundles / "en-xx" / name).unlink()
    assert refusal(bundles / "en-xx") == f"{bundles / 'en-xx'} is not whole: {name} is missing"


@pytest.mark.parametrize("name", ["vocab.json", "int8/encoder.onnx", "glossaries/machinery.yaml"])
def test_a_file_that_has_changed_by_one_byte(bundles: Path, name: str) -> None:
    path = bundles / "en-xx" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert refusal(bundles / "en-xx") == f"{bundles / 'en-xx'} is not what was exported: {name} has changed"


@pytest.mark.parametrize("name", ["weights.bin", "int8/.hidden", "deep/er/manifest.json"])
def test_a_file_that_was_added(bundles: Path, name: str) -> None:
    path = bundles / "intents" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    assert refusal(bundles / "intents") == f"{bundles / 'intents'} is not what was exported: {name} was added"


def test_two_bundles_for_one_pair(bundles: Path) -> None:
    shutil.copytree(bundles / "en-xx", bundles / "en-xx.old")
    assert refusal(bundles, verify_bundles) == f"{bundles}: two bundles translate en-de"


def test_two_classifiers(bundles: Path) -> None:
    shutil.copytree(bundles / "intents", bundles / "intents.old")
    assert refusal(bundles, verify_bundles) == f"{bundles}: two bundles classify"


def test_no_classifier_or_no_translation(bundles: Path) -> None:
    shutil.rmtree(bundles / "intents")
    assert refusal(bundles, verify_bundles) == f"{bundles} has no bundle of kind intents"
    assert refusal(bundles, lambda folder: load_models(folder, 1)) == f"{bundles} has no bundle of kind intents"
    for name in ("en-xx", "xx-en"):
        shutil.rmtree(bundles / name)
    assert refusal(bundles, verify_bundles) == f"{bundles} has no bundle of kind translation"


def test_no_folder_of_bundles(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert refusal(missing, verify_bundles) == f"{missing}: no such folder of bundles; train and export first (`dvc repro`)"


def test_files_beside_the_bundles_and_hidden_folders_are_left_alone(bundles: Path) -> None:
    (bundles / ".gitignore").write_text("*")
    (bundles / "notes.txt").write_text("about")
    (bundles / ".cache").mkdir()
    assert len(verify_bundles(bundles)) == 3


def test_one_kind_can_be_had_without_the_other(bundles: Path) -> None:
    shutil.rmtree(bundles / "intents")
    assert load_translator(bundles, 1).languages == ("de", "en", "es", "zh")
    assert refusal(bundles, lambda folder: load_classifier(folder, 1)) == f"{bundles} has no bundle of kind intents"


def test_a_bad_bundle_of_another_kind_is_refused_all_the_same(bundles: Path) -> None:
    (bundles / "intents/labels.json").unlink()
    assert refusal(bundles, lambda folder: load_translator(folder, 1)) == f"{bundles / 'intents'} is not whole: labels.json is missing"


def test_a_translation_bundle_that_does_not_say_how_to_decode(bundles: Path) -> None:
    change_manifest(bundles / "en-xx", decoding=None)
    expected = f"{bundles / 'en-xx/manifest.json'} is not a manifest: a translation bundle needs decoding"
    assert refusal(bundles, lambda folder: load_models(folder, 1)) == expected


def test_a_bundle_without_the_graphs_it_wants_served(bundles: Path) -> None:
    """Every file is as the manifest says; what it wants to serve is not among them."""
    manifest = json.loads((bundles / "intents/manifest.json").read_text())
    del manifest["files"]["int8/classifier.onnx"]
    change_manifest(bundles / "intents", files=manifest["files"])
    shutil.rmtree(bundles / "intents/int8")
    said = "it lists no int8 graphs, which it wants served"
    assert refusal(bundles, verify_bundles) == f"{bundles / 'intents/manifest.json'} is not a manifest: {said}"


def test_a_bundle_may_say_which_codes_ask_for_which_language(bundles: Path) -> None:
    """As published models have them; without, a code names its language itself."""
    plain = Direction.load(verify_bundle(bundles / "en-xx"), 1)
    change_manifest(bundles / "en-xx", codes={"de": ">>zh<<", "zh": ">>de<<"})
    named = Direction.load(verify_bundle(bundles / "en-xx"), 1)
    assert (plain.pieces.languages, named.pieces.languages) == (["de", "es", "zh"], ["de", "zh"])
    assert named.encode("Hello", "de") == plain.encode("Hello", "zh") != plain.encode("Hello", "de")


def test_a_bundle_may_say_that_the_codes_of_its_vocabulary_ask_for_nothing(bundles: Path) -> None:
    plain = Direction.load(verify_bundle(bundles / "en-xx"), 1)
    change_manifest(bundles / "en-xx", codes={})
    assert Direction.load(verify_bundle(bundles / "en-xx"), 1).encode("Hello", "de") == plain.encode("Hello", "de")[1:]


def test_all_models_come_with_their_descriptions(world: Any) -> None:
    models = load_models(world.bundles, threads=1)
    assert [(info.name, info.kind, info.precision) for info in models.described] == [
        ("en-xx", "translation", "int8"),
        ("xx-en", "translation", "int8"),
        ("intents", "intents", "int8"),
    ]
    shipped = tuple(sorted(path.stem for path in (world.bundles / "en-xx/glossaries").iterdir()))
    assert models.translator.glossaries.industries == shipped
    assert "machinery" in shipped


def test_another_precision_can_be_asked_for(world: Any) -> None:
    models = load_models(world.bundles, threads=1, precision="fp32")
    assert {info.precision for info in models.described} == {"fp32"}


def test_a_precision_that_was_not_exported_is_said(bundles: Path) -> None:
    manifest = json.loads((bundles / "intents/manifest.json").read_text())
    change_manifest(bundles / "intents", files={name: digest for name, digest in manifest["files"].items() if "fp32/" not in name})
    shutil.rmtree(bundles / "intents/fp32")
    assert load_classifier(bundles, 1).info.precision == "int8"
    assert refusal(bundles, lambda folder: load_classifier(folder, 1, "fp32")) == f"{bundles / 'intents'} has no fp32 graphs"
