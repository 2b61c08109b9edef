"""Checkpoints into bundles: the directories that serving loads.

A bundle's content is a pure function of its inputs. How far its graphs are from PyTorch goes to a file beside it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from transformers import MarianMTModel
from transformers.utils import logging as transformers_logging

from configs.schema import ExportModel, Params
from data.glossary import glossary_versions
from data.normalize import normalize
from data.pieces import MarianPieces, XlmrPieces
from data.records import OUT_OF_SCOPE, Segment, Utterance, read_jsonl, tree_sha256, write_json
from training import xlmr
from training.confidence import fit_temperature, out_of_scope_threshold, softmax
from training.manifest import MANIFEST, write_bundle_manifest
from training.marian import Collate, Samples, pad_rows
from training.onnx.calibration import activation_ranges
from training.onnx.graph import Array, Precision, Range
from training.onnx.marian import MarianGraphs, check_vocabulary, decoding
from training.onnx.parity import classifier_difference, marian_difference, session
from training.onnx.xlmr import XlmrGraph, check_encoder
from training.samples import number, sentence_pairs

BATCH = 16  # sentences compared or calibrated on together; changes no result but the time
MARIAN_FILES = ("source.spm", "target.spm", "vocab.json", "target_vocab.json")  # the last only where the vocabularies are separate


def export_translation(params: Params, prepared: Path, glossaries: Path, checkpoint: Path, out: Path) -> dict[str, float]:
    """Write the bundle of a translation model; returns its logits' differences from PyTorch.

    Raises:
        ExportError: the checkpoint has an option that the graphs do not implement.
        GlossaryError: broken glossaries.
        OSError: the checkpoint is not there.
    """
    settings = params.export_translation
    manifest, versions = _manifest(checkpoint), glossary_versions(glossaries)
    pieces = MarianPieces(checkpoint, manifest.get("codes"))
    transformers_logging.disable_progress_bar()
    model = MarianMTModel.from_pretrained(checkpoint).eval()
    check_vocabulary(model, pieces.sizes)
    written = decoding(model)
    rows = max(settings.calibration_segments, settings.parity_segments)
    batches = _marian_batches(model.config, pieces, manifest["pairs"], prepared, params, rows)
    _start(out)
    ranges = activation_ranges(model, _first(batches, settings.calibration_segments))
    for precision in settings.precisions:
        graphs = MarianGraphs(model, precision, _ranges_for(precision, ranges))
        _save(graphs.encoder(), out / precision / "encoder.onnx")
        _save(graphs.decoder_step(), out / precision / "decoder_step.onnx")
    for file in filter(Path.is_file, (checkpoint / name for name in MARIAN_FILES)):
        shutil.copyfile(file, out / file.name)
    shutil.copytree(glossaries, out / "glossaries", ignore=lambda _, names: [n for n in names if not n.endswith(".yaml")])
    content = {
        **manifest,
        "languages": sorted({language for pair in manifest["pairs"] for language in pair}),
        "glossaries": tree_sha256(out / "glossaries"),
        "glossary_versions": versions,
        "decoding": written,
        **_precisions(settings),
    }
    write_bundle_manifest(out, content)
    compared = list(_first(batches, settings.parity_segments))
    return {p: marian_difference(model, compared, out / p) for p in settings.precisions}


def export_intents(params: Params, prepared: Path, checkpoint: Path, out: Path) -> dict[str, float]:
    """Write the bundle of the classifier; returns its logits' differences from PyTorch.

    Raises:
        ExportError: the checkpoint has an option that the graph does not implement.
        OSError: the checkpoint is not there.
    """
    settings = params.export_intents
    labels: dict[str, list[str]] = json.loads((checkpoint / xlmr.LABELS).read_text(encoding="utf-8"))
    model = xlmr.load(checkpoint, labels)
    messages = read_jsonl(prepared / "validation.jsonl", Utterance)
    pieces = XlmrPieces(checkpoint, params.train_intents.model.max_pieces)
    check_encoder(model.encoder.config, len(pieces), pieces.max_pieces)
    batches = _message_batches(messages, pieces)
    _start(out)
    ranges = activation_ranges(model, _first(batches, settings.calibration_segments))
    for precision in settings.precisions:
        _save(XlmrGraph(model, precision, _ranges_for(precision, ranges)).model(), out / precision / "classifier.onnx")
    shutil.copyfile(checkpoint / "tokenizer.json", out / "tokenizer.json")
    write_json(out / "labels.json", labels)
    write_json(out / "confidence.json", _confidence(out / settings.serve / "classifier.onnx", messages, pieces, labels["intent"]))
    languages = sorted({message.language for message in messages})
    extra = {"languages": languages, "max_pieces": pieces.max_pieces, **_precisions(settings)}
    write_bundle_manifest(out, {**_manifest(checkpoint), **extra})
    compared = list(_first(batches, settings.parity_segments))
    return {p: classifier_difference(model, compared, out / p / "classifier.onnx") for p in settings.precisions}


def _confidence(graph: Path, messages: Sequence[Utterance], pieces: XlmrPieces, intents: list[str]) -> dict[str, float]:
    """Temperature and out-of-scope threshold, on the validation messages, by the graph that serves."""
    running = session(graph)
    logits = []
    for message in messages:
        ids = torch.tensor([pieces.encode(normalize(message.text), message.history)]).numpy()
        logits.append(running.run(["intent"], {"ids": ids, "lengths": torch.tensor([ids.shape[1]], dtype=torch.int32).numpy()})[0][0])
    known = [i for i, message in enumerate(messages) if message.intent != OUT_OF_SCOPE]
    unknown = [i for i, message in enumerate(messages) if message.intent == OUT_OF_SCOPE]
    scores: Array = np.stack(logits)
    temperature = fit_temperature(scores[known], torch.tensor([intents.index(messages[i].intent) for i in known]).numpy())
    highest = softmax(scores / temperature).max(axis=1)
    return {"temperature": temperature, "out_of_scope_below": out_of_scope_threshold(highest[known], highest[unknown])}


def _marian_batches(
    config: Any, pieces: MarianPieces, pairs: Sequence[tuple[str, str]], prepared: Path, params: Params, count: int
) -> list[dict[str, torch.Tensor]]:
    """Validation sentences in every direction of the model, spread evenly, as batches."""
    found = sentence_pairs(read_jsonl(prepared / "validation.jsonl", Segment), [(source, target) for source, target in pairs], params.seed)
    samples = number(found, pieces, min(params.train_translation.model.max_pieces, config.max_position_embeddings))
    spread = Samples(samples[:: max(1, len(samples) // count)][:count])
    collate = Collate(config.pad_token_id, config.decoder_start_token_id)
    return [collate([spread[i] for i in chunk]) for chunk in _chunks(range(len(spread)))]


def _message_batches(messages: Sequence[Utterance], pieces: XlmrPieces) -> list[dict[str, torch.Tensor]]:
    """Messages with their earlier turns as batches."""
    rows = [pieces.encode(normalize(message.text), message.history) for message in messages]
    padded = [pad_rows([rows[i] for i in chunk], pieces.pad) for chunk in _chunks(range(len(rows)))]
    return [{"input_ids": ids, "attention_mask": (ids != pieces.pad).long()} for ids in padded]


def _chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), BATCH):
        yield numbers[start : start + BATCH]


def _first(batches: Sequence[dict[str, torch.Tensor]], rows: int) -> Sequence[dict[str, torch.Tensor]]:
    """As many batches as hold `rows` rows."""
    return batches[: -(-rows // BATCH)]


def _ranges_for(precision: Precision, ranges: dict[str, Range]) -> dict[str, Range]:
    return ranges if precision == "int8" else {}


def _precisions(settings: ExportModel) -> dict[str, Any]:
    return {"precisions": settings.precisions, "serve": settings.serve}


def _manifest(checkpoint: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))
    return content


def _start(out: Path) -> None:
    """An empty bundle folder."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)


def _save(model: onnx.ModelProto, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
