"""The classifier's graph gives PyTorch's logits, and in int8 each message the same ones in any company."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from transformers import AutoConfig, DistilBertConfig

from training.onnx import xlmr
from training.onnx.calibration import activation_ranges
from training.onnx.marian import ExportError
from training.onnx.parity import classifier_difference, session
from training.onnx.xlmr import XlmrGraph, check_encoder
from training.xlmr import MessageModel

LABELS = {"intent": ["a", "b", "c"], "sentiment": ["good", "bad"]}
PIECES = 60
PAD_ID = 1  # of XLM-R and RoBERTa
ENCODERS: dict[str, dict[str, Any]] = {
    "xlm-roberta": {"max_position_embeddings": 42, "type_vocab_size": 1, "pad_token_id": PAD_ID},
    "roberta": {"max_position_embeddings": 42, "type_vocab_size": 1, "pad_token_id": PAD_ID},
    "bert": {"max_position_embeddings": 40, "type_vocab_size": 2, "pad_token_id": 0},
}


@pytest.fixture
def make() -> Callable[..., MessageModel]:
    """Makes a classifier with random weights, far from the small ones of a fresh model; keyword arguments change its encoder."""

    def build(kind: str = "xlm-roberta", seed: int = 0, **changes: Any) -> MessageModel:
        torch.manual_seed(seed)
        options: dict[str, Any] = {
            "vocab_size": PIECES,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            "initializer_range": 0.2,
        }
        return MessageModel(AutoConfig.for_model(kind, **options | ENCODERS[kind] | changes), LABELS).eval()

    return build


def batch_of(*lengths: int, seed: int = 3, pad: int = PAD_ID) -> dict[str, torch.Tensor]:
    """Random messages of these lengths, padded."""
    torch.manual_seed(seed)
    ids = torch.full((len(lengths), max(lengths)), pad)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(pad + 1, PIECES, (length,))
    return {"input_ids": ids, "attention_mask": (ids != pad).long()}


def save(model: MessageModel, folder: Path, precision: str = "fp32") -> Path:
    ranges = activation_ranges(model, [batch_of(12, 30, 3, seed=4)]) if precision == "int8" else {}
    onnx.save(XlmrGraph(model, precision, ranges).model(), folder / "classifier.onnx")  # type: ignore[arg-type]
    return folder / "classifier.onnx"


def run(path: Path, batch: dict[str, torch.Tensor]) -> dict[str, Any]:
    lengths = batch["attention_mask"].sum(dim=1).numpy().astype(np.int32)
    running = session(path)
    names = [output.name for output in running.get_outputs()]
    return dict(zip(names, running.run(names, {"ids": batch["input_ids"].numpy(), "lengths": lengths}), strict=True))


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("lengths", [(9,), (5, 30, 1, 12), (40, 2)])
def test_logits_equal_pytorch_s_padded_or_not(
    make: Callable[..., MessageModel], tmp_path: Path, kind: str, lengths: tuple[int, ...]
) -> None:
    model = make(kind)
    batch = batch_of(*lengths, pad=model.config.pad_token_id)
    assert classifier_difference(model, [batch], save(model, tmp_path)) < 1e-4


def test_bert_counts_positions_from_0_and_has_a_piece_1(make: Callable[..., MessageModel], tmp_path: Path) -> None:
    """Read as an XLM-R, the same weights say something else."""
    model = make("bert")
    batch = {"input_ids": torch.tensor([[2, 1, 1, 9, 3], [2, 9, 3, 0, 0]]), "attention_mask": torch.tensor([[1] * 5, [1] * 3 + [0] * 2])}
    assert classifier_difference(model, [batch], save(model, tmp_path)) < 1e-4
    model.encoder.config.model_type = "xlm-roberta"
    assert classifier_difference(model, [batch], save(model, tmp_path)) > 0.1


def test_one_layer_and_eight_heads(make: Callable[..., MessageModel], tmp_path: Path) -> None:
    model = make(num_hidden_layers=1, num_attention_heads=2, layer_norm_eps=1e-12)
    assert classifier_difference(model, [batch_of(7, 3)], save(model, tmp_path)) < 1e-4


def test_outputs_are_named_as_the_heads(make: Callable[..., MessageModel], tmp_path: Path) -> None:
    given = run(save(make(), tmp_path), batch_of(4, 9))
    assert {name: logits.shape for name, logits in given.items()} == {"intent": (2, 3), "sentiment": (2, 2)}


def test_a_wrong_weight_shows(make: Callable[..., MessageModel], tmp_path: Path) -> None:
    assert classifier_difference(make(seed=2), [batch_of(5, 12)], save(make(seed=1), tmp_path)) > 0.1


@pytest.mark.parametrize("kind", ENCODERS)
def test_int8_stays_near(make: Callable[..., MessageModel], tmp_path: Path, kind: str) -> None:
    model = make(kind)
    assert 1e-4 < classifier_difference(model, [batch_of(5, 30, 1, 12)], save(model, tmp_path, "int8")) < 0.3


@pytest.mark.parametrize("neighbours", [(7,), (30, 7, 1), (40,) * 9])
def test_an_int8_row_is_the_same_alone_and_in_any_batch(
    make: Callable[..., MessageModel], tmp_path: Path, neighbours: tuple[int, ...]
) -> None:
    path = save(make(), tmp_path, "int8")
    batch = batch_of(7, *neighbours)
    alone = run(path, {name: values[:1, :7] for name, values in batch.items()})
    together = run(path, batch)
    for name in LABELS:
        np.testing.assert_allclose(together[name][:1], alone[name], rtol=0, atol=1e-5)


def test_options_that_are_not_implemented_are_refused_by_name(make: Callable[..., MessageModel]) -> None:
    with pytest.raises(ExportError, match=r"^this checkpoint cannot be exported: hidden_act=relu \(implemented: gelu\)$"):
        XlmrGraph(make(hidden_act="relu"), "fp32", {})
    said = r"^this checkpoint cannot be exported: hidden_act=gelu_new \(implemented: gelu\); is_decoder=True \(implemented: False\)$"
    with pytest.raises(ExportError, match=said):
        XlmrGraph(make("bert", hidden_act="gelu_new", is_decoder=True), "fp32", {})


def test_an_encoder_that_is_not_implemented_is_refused_by_name(make: Callable[..., MessageModel]) -> None:
    model = make("bert")
    model.encoder.config = DistilBertConfig()
    with pytest.raises(ExportError, match=r"^this checkpoint .* model_type=distilbert \(implemented: bert, roberta, xlm-roberta\)$"):
        XlmrGraph(model, "fp32", {})


@pytest.mark.parametrize("kind", ENCODERS)
def test_what_the_embeddings_have_no_rows_for_is_refused(make: Callable[..., MessageModel], kind: str) -> None:
    config = make(kind).encoder.config
    check_encoder(config, PIECES, 40)
    with pytest.raises(ExportError, match=r"cannot be exported: 61 pieces, embeddings of 60; max_pieces=41 \(it reads 40\)$"):
        check_encoder(config, PIECES + 1, 41)


def test_more_weights_than_one_file_holds_are_refused_in_fp32(make: Callable[..., MessageModel], monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    monkeypatch.setattr(xlmr, "LARGEST_BYTES", 50_000)
    with pytest.raises(ExportError, match=r": 0\.0 GB of weights in fp32 \(implemented: 2 GB; take fp32 out of `precisions`\)$"):
        XlmrGraph(model, "fp32", {})
    XlmrGraph(model, "int8", {})
