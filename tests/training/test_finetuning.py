"""Published checkpoints, or what looks like them, fine-tuned, exported and served: the same answers as transformers gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import MarianMTModel

from configs.schema import ROOT, Params
from data.annotation import TERM_MARKS
from data.protect import MARKERS
from data.records import Segment, file_sha256, read_jsonl
from serving.bundle import verify_bundle
from serving.translator import Direction, sentence_ids
from training import adapters, export, marian, xlmr
from training.bases import BaseError

STEPS = 6
OPUS = {
    "Helsinki-NLP/opus-mt-en-de": ("opus", ["en", "de"]),
    "Helsinki-NLP/opus-mt-en-de-bin": ("opus-bin", ["en", "de"]),
    "Helsinki-NLP/opus-mt-tc-big-en-de": ("opus-separate", ["en", "de"]),
    "Helsinki-NLP/opus-mt-en-mul": ("opus-mul", ["en", "zh", "de", "es"]),
}


def tuned(world: Any, **changes: Any) -> Params:
    """The world's parameters with a few steps on a base; keyword arguments change the section `train_translation`."""
    values = world.params.model_dump()
    section = values["train_translation"]
    optimizer = {"name": "adamw", "steps": STEPS, "evaluations": 1, "learning_rate": 1.0e-3, "warmup_steps": 2}
    section["optimizer"] |= optimizer
    section["guided_alignment"]["weight"] = 0.0
    section["judged_segments"] = 4
    values["train_intents"]["optimizer"] |= optimizer
    values["export_translation"] |= {"calibration_segments": 8, "parity_segments": 8}
    values["prepare_translation"]["languages"] = changes.pop("languages", ["en", "de"])
    section |= changes
    return Params.model_validate(values)


def train_and_export(world: Any, params: Params) -> Path:
    """The bundle of `en-xx`."""
    marian.train("en-xx", params, world.translation, Path("models/en-xx"))
    export.export_translation(params, world.translation, ROOT / "data/glossaries", Path("models/en-xx"), Path("bundles/en-xx"))
    return Path("bundles/en-xx")


def served_as_generated(world: Any, bundle: Path, targets: list[str]) -> None:
    """The engine writes what transformers' `generate` writes, with the checkpoint that was trained."""
    direction = Direction.load(verify_bundle(bundle), 1, "fp32")
    model: Any = MarianMTModel.from_pretrained("models/en-xx").eval()
    texts = [segment.texts["en"] for segment in read_jsonl(world.translation / "test.jsonl", Segment)[:2]]
    for target in targets:
        sources = [ids for text in texts for ids in sentence_ids(text, direction, target)]
        for beams in (1, 3):
            found = direction.decoder.decode(sources, beams=beams, max_pieces=16)
            for source, hypothesis in zip(sources, found, strict=True):
                written = model.generate(input_ids=torch.tensor([source]), num_beams=beams, do_sample=False, max_length=17)[0, 1:].tolist()
                assert hypothesis.ids == (written[: written.index(0)] if 0 in written else written)


@pytest.mark.parametrize("name", OPUS)
def test_a_base_is_fine_tuned_exported_and_served(name: str, hub: Any, world: Any, mlflow_down: None) -> None:
    like, languages = OPUS[name]
    hub.add(name, like)
    before = {path.name: file_sha256(path) for path in hub.plain(like).iterdir()}
    bundle = train_and_export(world, tuned(world, bases={"en-xx": name}, languages=languages))
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["base"]["name"] == name
    assert len(manifest["base"]["revision"]) == 40
    weights = next(digest for file, digest in before.items() if file.startswith(("model.", "pytorch_model.")))
    assert manifest["base"]["sha256"] == weights
    assert {path.name: file_sha256(path) for path in hub.plain(like).iterdir()} == before  # a base is only ever read
    served_as_generated(world, bundle, [language for language in languages if language != "en"])
    if like == "opus":
        assert all(number >= 58_101 for number in marian.mark_ids(Path("models/en-xx")))


def test_adapters_are_merged_for_the_export_and_kept_by_name(hub: Any, world: Any, mlflow_down: None) -> None:
    hub.add("Helsinki-NLP/opus-mt-en-de", "opus")
    industry = next(term.split("/")[0] for s in read_jsonl(world.translation / "train.jsonl", Segment) for term in s.terms)
    params = tuned(world, bases={"en-xx": "Helsinki-NLP/opus-mt-en-de"}, tuning="lora", industries=[industry])
    bundle = train_and_export(world, params)
    served_as_generated(world, bundle, ["de"])
    manifest = json.loads((bundle / "manifest.json").read_text())
    learned = Path("models/en-xx/adapter/adapter_model.safetensors")
    assert manifest["adapter"] == file_sha256(learned)
    assert learned.stat().st_size < 100_000  # without the embeddings, which are the base's
    base = load_file(hub.plain("opus") / "model.safetensors")
    merged = load_file(Path("models/en-xx/model.safetensors"))
    table = next(name for name in merged if merged[name].shape[0] == len(json.loads(Path("models/en-xx/vocab.json").read_text())))
    assert torch.equal(merged[table][:58_101], base[next(name for name in base if base[name].shape == (58_101, 16))])
    rows = load_file(learned)[next(name for name in load_file(learned) if "token" in name)]
    assert len(rows) == len({*MARKERS, *TERM_MARKS})  # of terms, too: else what annotates them is noise that no training touches
    adapters.keep("en-xx", industry, Path("models"), Path("kept"))
    shutil.rmtree("models/en-xx")
    adapters.use("en-xx", industry, Path("models"), Path("kept"))
    again = load_file(Path("models/en-xx/model.safetensors"))
    assert all(torch.equal(again[name], merged[name]) for name in merged)
    assert adapters.kept_adapters(Path("kept")) == [
        {"model": "en-xx", "name": industry, "base": "Helsinki-NLP/opus-mt-en-de", "industries": industry}
    ]


def test_adapters_are_refused_where_they_cannot_be(hub: Any, world: Any, mlflow_down: None, tmp_path: Path) -> None:
    hub.add("Helsinki-NLP/opus-mt-en-de", "opus")
    hub.add("Helsinki-NLP/opus-mt-tc-big-en-de", "opus-separate")
    lora = world.params.train_translation.lora.model_dump()
    params = tuned(world, bases={"en-xx": "Helsinki-NLP/opus-mt-en-de"}, tuning="lora", lora=lora | {"layers": ["q_proj", "query"]})
    with pytest.raises(
        ValueError, match=r"^lora.layers: the base has no layer query; there are fc1, fc2, k_proj, lm_head, out_proj, q_proj, v_p"
    ):
        marian.train("en-xx", params, world.translation, Path("models/en-xx"))
    params = tuned(world, bases={"en-xx": "Helsinki-NLP/opus-mt-tc-big-en-de"}, tuning="lora")
    with pytest.raises(
        ValueError, match=r"^a base with separate source and target vocabularies cannot be tuned with adapters; set tuning: full$"
    ):
        marian.train("en-xx", params, world.translation, Path("models/en-xx"))
    with pytest.raises(ValueError, match=r"kept/en-xx/machinery: no such adapter; kept for en-xx: none$"):
        adapters.use("en-xx", "machinery", Path("models"), Path("kept"))
    with pytest.raises(ValueError, match=r"was not tuned with an adapter; set train_translation.tuning: lora"):
        adapters.keep("en-xx", "machinery", world.models, Path("kept"))
    with pytest.raises(ValueError, match="is no name for an adapter"):
        adapters.keep("en-xx", "../machinery", world.models, Path("kept"))


def test_a_base_that_does_not_fit_is_refused_before_anything_is_trained(hub: Any, world: Any, mlflow_down: None) -> None:
    hub.add("Helsinki-NLP/opus-mt-en-de", "opus")
    params = tuned(world, bases={"en-xx": "Helsinki-NLP/opus-mt-en-de"}, languages=["en", "es"])
    with pytest.raises(BaseError, match="opus-mt-en-de"):
        marian.train("en-xx", params, world.translation, Path("models/en-xx"))
    assert not Path("models").exists()
    assert not Path("training").exists()


@pytest.mark.parametrize(("name", "like"), [("FacebookAI/xlm-roberta-base", "xlmr"), ("google-bert/bert-base-multilingual-cased", "bert")])
def test_an_encoder_is_fine_tuned_exported_and_served(name: str, like: str, hub: Any, world: Any, mlflow_down: None) -> None:
    from serving.bundle import load_classifier

    hub.add(name, like)
    params = tuned(world)
    section = params.train_intents.model_copy(update={"base": name})
    params = params.model_copy(update={"train_intents": section})
    xlmr.train(params, world.messages, Path("models/intents"))
    differences = export.export_intents(params, world.messages, Path("models/intents"), Path("bundles/intents"))
    assert differences["fp32"] < 1e-4
    manifest = json.loads(Path("bundles/intents/manifest.json").read_text())
    assert manifest["base"]["name"] == name
    answer = load_classifier(Path("bundles"), 1).classify("Wo bleibt meine Bestellung PO-482917?")
    assert answer.language == "de"
    assert answer.intent in world.intents.intents
