"""The classifier's graph gives PyTorch's logits, and in int8 each message the same ones in any company."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from transformers import XLMRobertaConfig

from training.onnx.calibration import activation_ranges
from training.onnx.marian import ExportError
from training.onnx.parity import classifier_difference, session
from training.onnx.xlmr import XlmrGraph
from training.xlmr import PAD_ID, MessageModel

LABELS = {"intent": ["a", "b", "c"], "sentiment": ["good", "bad"]}
PIECES = 60


@pytest.fixture
def make() -> Callable[..., MessageModel]:
    """Makes a classifier with random weights, far from the small ones of a fresh model; keyword arguments change its encoder."""

    def build(seed: int = 0, **changes: Any) -> MessageModel:
        torch.manual_seed(seed)
        options: dict[str, Any] = {
            "vocab_size": PIECES,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            "max_position_embeddings": 42,
            "type_vocab_size": 1,
            "pad_token_id": PAD_ID,
            "initializer_range": 0.2,
        }
        return MessageModel(XLMRobertaConfig(**options | changes), LABELS).eval()

    return build


def batch_of(*lengths: int, seed: int = 3) -> dict[str, torch.Tensor]:
    """Random messages of these lengths, padded."""
    torch.manual_seed(seed)
    ids = torch.full((len(lengths), max(lengths)), PAD_ID)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(4, PIECES, (length,))
    return {"input_ids": ids, "attention_mask": (ids != PAD_ID).long()}


def save(model: MessageModel, folder: Path, precision: str = "fp32") -> Path:
    ranges = activation_ranges(model, [batch_of(12, 30, 3, seed=4)]) if precision == "int8" else {}
    onnx.save(XlmrGraph(model, precision, ranges).model(), folder / "classifier.onnx")  # type: ignore[arg-type]
    return folder / "classifier.onnx"


def run(path: Path, batch: dict[str, torch.Tensor]) -> dict[str, Any]:
    lengths = batch["attention_mask"].sum(dim=1).numpy().astype(np.int32)
    running = session(path)
    names = [output.name for output in running.get_outputs()]
    return dict(zip(names, running.run(names, {"ids": batch["input_ids"].numpy(), "lengths": lengths}), strict=True))


@pytest.mark.parametrize("lengths", [(9,), (5, 30, 1, 12), (40, 2)])
def test_logits_equal_pytorch_s_padded_or_not(make: Callable[..., MessageModel], tmp_path: Path, lengths: tuple[int, ...]) -> None:
    model = make()
    assert classifier_difference(model, [batch_of(*lengths)], save(model, tmp_path)) < 1e-4


def test_one_layer_and_eight_heads(make: Callable[..., MessageModel], tmp_path: Path) -> None:
    model = make(num_hidden_layers=1, num_attention_heads=2, layer_norm_eps=1e-12)
    assert classifier_difference(model, [batch_of(7, 3)], save(model, tmp_path)) < 1e-4


def test_outputs_are_named_as_the_heads(make: Callable[..., MessageModel], tmp_path: Path) -> None:
    given = run(save(make(), tmp_path), batch_of(4, 9))
    assert {name: logits.shape for name, logits in given.items()} == {"intent": (2, 3), "sentiment": (2, 2)}


def test_a_wrong_weight_shows(make: Callable[..., MessageModel], tmp_path: Path) -> None:
    assert classifier_difference(make(seed=2), [batch_of(5, 12)], save(make(seed=1), tmp_path)) > 0.1


def test_int8_stays_near(make: Callable[..., MessageModel], tmp_path: Path) -> None:
    model = make()
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


def test_an_activation_that_is_not_implemented_is_refused_by_name(make: Callable[..., MessageModel]) -> None:
    with pytest.raises(ExportError, match=r"^this checkpoint cannot be exported: hidden_act=relu \(implemented: gelu\)$"):
        XlmrGraph(make(hidden_act="relu"), "fp32", {})
