"""The graphs give PyTorch's logits, and refuse by name what they would get wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from training.onnx.marian import ExportError, MarianGraphs
from training.onnx.parity import marian_difference


def batch_of(lengths: list[int], steps: int) -> dict[str, torch.Tensor]:
    """Random sources of these lengths, padded, and random targets."""
    torch.manual_seed(3)
    ids = torch.full((len(lengths), max(lengths)), 59)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(0, 58, (length,))
    decoder = torch.randint(0, 58, (len(lengths), steps))
    decoder[:, 0] = 59
    return {"input_ids": ids, "attention_mask": (ids != 59).long(), "decoder_input_ids": decoder, "labels": decoder}


@pytest.mark.parametrize("activation", ["swish", "relu", "gelu"])
@pytest.mark.parametrize("scaled", [True, False])
def test_logits_equal_pytorch_s(
    tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path, activation: str, scaled: bool
) -> None:
    model = tiny_marian(activation_function=activation, scale_embedding=scaled)
    folder = save_graphs(model, tmp_path)
    assert marian_difference(model, [batch_of([5, 12, 1, 9], 10)], folder) < 1e-4


def test_layers_may_differ_in_number(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> None:
    model = tiny_marian(encoder_layers=3, decoder_layers=1)
    assert marian_difference(model, [batch_of([4, 7], 6)], save_graphs(model, tmp_path)) < 1e-4


def test_a_wrong_weight_shows(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> None:
    """The measure itself can fail: graphs of other weights are far away."""
    folder = save_graphs(tiny_marian(seed=1), tmp_path)
    assert marian_difference(tiny_marian(seed=2), [batch_of([4, 7], 6)], folder) > 0.1


def test_int8_stays_near(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> None:
    model = tiny_marian()
    difference = marian_difference(model, [batch_of([5, 12, 9], 10)], save_graphs(model, tmp_path, "int8"))
    assert 1e-4 < difference < 1.0


def test_unsupported_options_are_refused_by_name(tiny_marian: Callable[..., Any]) -> None:
    with pytest.raises(ExportError, match=r"activation_function=tanh \(implemented: swish, silu, relu, gelu\)"):
        MarianGraphs(tiny_marian(activation_function="tanh"), "fp32", {})
    with pytest.raises(ExportError, match="different numbers of heads"):
        MarianGraphs(tiny_marian(encoder_attention_heads=2), "fp32", {})
