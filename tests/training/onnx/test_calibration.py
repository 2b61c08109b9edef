"""Activation ranges are what linear layers read."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.onnx.calibration import activation_ranges
from training.onnx.graph import Range


class TwoLayers(nn.Module):
    """`first` reads what is given, `second` what `first` makes of it; dropout shows whether the model trains."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 2, bias=False), nn.Linear(2, 1)
        self.dropout = nn.Dropout(0.9)
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[10.0, 0.0], [0.0, -1.0]]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-1] != 2:
            raise ValueError("two columns")
        return self.second(self.dropout(self.first(x)))


def test_ranges_span_all_batches_by_the_layer_s_name() -> None:
    batches = [{"x": torch.tensor([[1.0, 2.0], [0.5, -3.0]])}, {"x": torch.tensor([[4.0, 0.0]])}]
    assert activation_ranges(TwoLayers().train(), batches) == {"first": Range(-3.0, 4.0), "second": Range(-2.0, 40.0)}


def test_zero_is_always_in_a_range() -> None:
    assert activation_ranges(TwoLayers(), [{"x": torch.tensor([[1.0, 2.0]])}])["first"] == Range(0.0, 2.0)


def test_layers_that_nothing_went_through_have_no_range() -> None:
    assert activation_ranges(TwoLayers(), []) == {}


def test_the_model_is_left_without_hooks_even_after_an_error() -> None:
    model = TwoLayers()
    activation_ranges(model, [{"x": torch.ones(1, 2)}])
    with pytest.raises(ValueError, match="two columns"):
        activation_ranges(model, [{"x": torch.ones(1, 3)}])
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_every_linear_layer_of_a_translation_model_is_watched(tiny_marian: object) -> None:
    model = tiny_marian()  # type: ignore[operator]
    ids = torch.randint(1, 58, (3, 7))
    found = activation_ranges(model, [{"input_ids": ids, "attention_mask": torch.ones_like(ids), "decoder_input_ids": ids}])
    assert set(found) == {name for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    assert len(found) == 2 * 6 + 2 * 10 + 1  # per encoder layer four projections and two of the feed-forward; the decoder's four more
    assert all(r.low < 0 < r.high for r in found.values())
