"""Bundles: near PyTorch, a pure function of the checkpoint and the data, and nothing that could run code."""

from __future__ import annotations

import json
import pickle
import pickletools
import shutil
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, MarianTokenizer

from configs.schema import ROOT, Params, load_intents, load_params
from data.glossary import GlossaryError, glossary_versions, load_glossaries
from data.normalize import normalize
from data.protect import MARKERS
from data.records import OUT_OF_SCOPE, Segment, Utterance, tree_sha256, write_json, write_jsonl
from data.utterances import head_labels, load_utterances
from eval import parity
from eval.peers.transformers import MarianPeer
from serving.bundle import load_classifier, verify_bundle
from serving.translator import Direction
from training.bases import find, start_encoder, start_marian
from training.export import export_intents, export_translation
from training.onnx.marian import ExportError
from training.xlmr import MessageModel

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
    shipped = load_glossaries(world.bundles / "en-xx" / "glossaries")
    assert manifest["glossary_versions"] == {industry: glossary.version for industry, glossary in shipped.items()}
    assert set(manifest["glossary_versions"]) == {path.stem for path in GLOSSARIES.glob("*.yaml")}
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
    before, after = read(world.bundles / "en-xx/manifest.json"), read(tmp_path / "out/manifest.json")
    assert after["glossaries"] != before["glossaries"]
    assert after["glossary_versions"] == {**before["glossary_versions"], "optics": glossary_versions(glossaries)["optics"]}
    verify_bundle(tmp_path / "out")


def test_a_broken_glossary_is_told_before_anything_is_written(world: Any, tmp_path: Path) -> None:
    (tmp_path / "glossaries").mkdir()
    (tmp_path / "glossaries/optics.yaml").write_text("industry: optics\nterms:\n  - {en: lens}\n")
    with pytest.raises(GlossaryError, match=r"optics\.yaml:3: needs an id$"):
        export_translation(world.params, world.translation, tmp_path / "glossaries", world.models / "en-xx", tmp_path / "out")
    assert not (tmp_path / "out").exists()


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


PUBLISHED = {  # the base, a look-alike -> the pairs that it was fine-tuned for
    "opus-separate": [("en", "de")],
    "opus-mul": [("en", "de"), ("en", "es"), ("en", "zh")],
}
TEXTS = {
    "en": [
        "Could you quote us your best price for 300 pumps?",
        "Order PO-482917 is late. Where is it?",
        "Thank you",
        "The seal leaks.",
    ],
    "de": ["Was kosten 300 Pumpen?", "Unsere Bestellung PO-482917 fehlt. Wo ist sie?", "Danke", "Die Dichtung ist undicht."],
    "es": ["¿Cuánto cuestan 300 bombas?", "Falta nuestro pedido PO-482917. ¿Dónde está?", "Gracias", "La junta pierde."],
    "zh": ["300台泵的最优价格是多少？", "我们的订单PO-482917晚了。在哪里？", "谢谢", "密封件漏了。"],
}


@pytest.fixture(scope="module")
def demo() -> Params:
    return load_params(ROOT / "configs/profiles/demo.yaml")


@pytest.fixture(scope="module")
def segments() -> list[Segment]:
    rows = zip(*TEXTS.values(), strict=True)
    return [Segment(id=str(i), pattern="p", texts=dict(zip(TEXTS, row, strict=True))) for i, row in enumerate(rows)]


@pytest.fixture(scope="module", params=PUBLISHED)
def published(request: pytest.FixtureRequest, hub: Any, demo: Params, segments: list[Segment], tmp_path_factory: Any) -> Any:
    """A published checkpoint with our markers, as training leaves it; and its bundle, with how far the logits are from PyTorch's."""
    root, pairs = tmp_path_factory.mktemp("published"), PUBLISHED[request.param]
    hub.add(f"export/{request.param}", request.param, config={"max_position_embeddings": 64})
    base = find(f"export/{request.param}", "translation", pairs)
    model = start_marian(base, root / "en-xx", MARKERS)
    with torch.no_grad():
        model.final_logits_bias[0, 0] = 3.0  # sentences end before the limit
    model.save_pretrained(root / "en-xx")
    codes = {"codes": base.codes} if base.codes else {}
    write_json(root / "en-xx/manifest.json", {"kind": "translation", "name": "en-xx", "pairs": pairs, "data": "d", **codes})
    write_jsonl(root / "prepared/validation.jsonl", segments)
    differences = export_translation(demo, root / "prepared", GLOSSARIES, root / "en-xx", root / "bundle")
    return root, differences


def test_a_published_checkpoint_s_bundle_says_what_is_special_about_it(published: Any) -> None:
    root, differences = published
    assert differences["fp32"] < 1e-4 < differences["int8"] < 1.0
    manifest, config = read(root / "bundle/manifest.json"), read(root / "en-xx/config.json")
    pad, shape = config["pad_token_id"], {"layers": 2, "heads": 2, "head_size": 8}
    assert manifest["decoding"] == {"start": pad, "end": 0, "suppressed": [pad], "renormalized": True, "max_pieces": 64, **shape}
    assert pad == config["vocab_size"] - len(MARKERS) - 1
    separate = not config["share_encoder_decoder_embeddings"]
    assert {"vocab.json", "source.spm", "target.spm"} | ({"target_vocab.json"} if separate else set()) == {
        name for name in files(root / "bundle") if name.endswith((".spm", "vocab.json"))
    }
    assert manifest.get("codes") == (None if separate else {"de": ">>deu<<", "es": ">>spa<<", "zh": ">>cmn_Hans<<"})


def test_a_published_checkpoint_is_served_as_transformers_runs_it(
    published: Any, demo: Params, segments: list[Segment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity, "MarianPeer", lambda checkpoint, threads: MarianPeer(checkpoint, 1))
    root, _ = published
    direction = Direction.load(verify_bundle(root / "bundle"), 1, "fp32")
    found = parity.sequence_parity(direction, root / "en-xx", segments, demo.evaluate_translation)
    assert found["sequences"] == 5 * len(direction.info.pairs)
    assert (found["sequences_equal"], found["sequences_equal_beam"], found["sequences_unexplained"]) == (100, 100, 0)


def test_from_text_to_text_a_published_checkpoint_is_transformers_own(published: Any) -> None:
    root, _ = published
    direction = Direction.load(verify_bundle(root / "bundle"), 1, "fp32")
    peer = MarianPeer(root / "en-xx", threads=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        tokenizer = MarianTokenizer.from_pretrained(root / "en-xx")
    written = set()
    for _, target in direction.info.pairs:
        code = read(root / "en-xx/manifest.json").get("codes", {}).get(target, "")
        given = tokenizer([code + text for text in TEXTS["en"]], padding=True, return_tensors="pt")
        with torch.inference_mode():
            theirs = peer.model.generate(**given, max_length=64)  # as many beams as the checkpoint asks for
        ours = direction.decoder.decode([direction.encode(text, target) for text in TEXTS["en"]], beams=6)
        texts = [direction.pieces.decode(hypothesis.ids) for hypothesis in ours]
        assert texts == tokenizer.batch_decode(theirs, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        written |= set(texts)
    assert len(written) > 2


def test_a_published_checkpoint_is_served_in_int8(published: Any) -> None:
    direction = Direction.load(verify_bundle(published[0] / "bundle"), 1)
    assert direction.info.precision == "int8"
    for _, target in direction.info.pairs:
        assert len(direction.decoder.decode([direction.encode(text, target) for text in TEXTS["en"]], beams=2)) == 4


def test_a_piece_without_an_embedding_is_refused(published: Any, demo: Params, tmp_path: Path) -> None:
    root, _ = published
    checkpoint = Path(shutil.copytree(root / "en-xx", tmp_path / "checkpoint"))
    ids = read(checkpoint / "vocab.json")
    write_json(checkpoint / "vocab.json", {**ids, "▁another": len(ids)})
    said = f": {len(ids) + 1:,} source pieces, embeddings of {len(ids):,}"
    with pytest.raises(ExportError, match=said):
        export_translation(demo, root / "prepared", GLOSSARIES, checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists(), "nothing of what was there before is lost"


def test_a_code_that_the_vocabulary_lacks_is_refused(published: Any, demo: Params, tmp_path: Path) -> None:
    root, _ = published
    checkpoint = Path(shutil.copytree(root / "en-xx", tmp_path / "checkpoint"))
    write_json(checkpoint / "manifest.json", {**read(checkpoint / "manifest.json"), "codes": {"ja": ">>jpn<<"}})
    with pytest.raises(ValueError, match=r"its vocabulary has no language code >>jpn<<$"):
        export_translation(demo, root / "prepared", GLOSSARIES, checkpoint, tmp_path / "out")


@pytest.fixture(scope="module")
def messages() -> Sequence[Utterance]:
    """Of every shipped intent two messages, some with history, and some out of scope."""
    shipped = load_utterances(ROOT / "data/utterances", load_intents())
    return [
        message for intent in (*load_intents().intents, OUT_OF_SCOPE) for message in [m for m in shipped if m.intent == intent][::40][:2]
    ]


@pytest.fixture(scope="module", params=["bert", "xlmr"])
def classifier(request: pytest.FixtureRequest, hub: Any, demo: Params, messages: Sequence[Utterance], tmp_path_factory: Any) -> Any:
    """A published encoder with heads, as training leaves it: the folder of checkpoint and bundle, the model, its tokenizer, differences."""
    root = tmp_path_factory.mktemp(request.param)
    hub.add(f"export/{request.param}", request.param)
    torch.manual_seed(5)
    (root / "intents").mkdir()
    base = find(f"export/{request.param}", "intents")
    encoder = start_encoder(base, root / "intents")
    labels = head_labels(load_intents())
    model = MessageModel(encoder.config, labels, encoder).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)  # the look-alikes' own weights are small
    model.encoder.config.save_pretrained(root / "intents")
    save_file(model.state_dict(), root / "intents/model.safetensors")
    write_json(root / "intents/labels.json", labels)
    write_json(root / "intents/manifest.json", {"kind": "intents", "name": "intents", "pairs": [], "data": "d"})
    write_jsonl(root / "prepared/validation.jsonl", messages)
    differences = export_intents(demo, root / "prepared", root / "intents", root / "bundles/intents")
    return root, model, AutoTokenizer.from_pretrained(base.folder), differences


def test_a_published_encoder_is_served_as_transformers_runs_it(classifier: Any, messages: Sequence[Utterance]) -> None:
    root, model, tokenizer, differences = classifier
    assert differences["fp32"] < 1e-4 < differences["int8"] < 1.0
    served = load_classifier(root / "bundles", threads=1, precision="fp32")
    given = served.logits([(message.text, []) for message in messages])
    for row, message in enumerate(messages):
        ids = tokenizer(normalize(message.text), return_tensors="pt", max_length=256, truncation=True).input_ids
        with torch.inference_mode():
            expected = model(ids, torch.ones_like(ids))["logits"]
        for head, logits in expected.items():
            np.testing.assert_allclose(given[head][row], logits[0].numpy(), rtol=0, atol=1e-4)
    assert len(messages) > 30
    assert np.abs(given["intent"][0] - given["intent"][1]).max() > 1e-2
    assert served.classify("Where is my order?").intent in served.labels["intent"]


def test_an_encoder_that_reads_less_than_it_is_to_read_is_refused(classifier: Any, demo: Params, tmp_path: Path) -> None:
    root = classifier[0]
    model = demo.train_intents.model.model_copy(update={"max_pieces": 513})
    wanted = demo.model_copy(update={"train_intents": demo.train_intents.model_copy(update={"model": model})})
    with pytest.raises(ExportError, match=r"^this checkpoint cannot be exported: max_pieces=513 \(it reads 512\)$"):
        export_intents(wanted, root / "prepared", root / "intents", tmp_path / "out")
    assert not (tmp_path / "out").exists()
