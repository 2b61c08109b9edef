"""Activation ranges for int8: what every linear layer reads while the checkpoint works on real segments.

Source: static calibration as in Marian's and ONNX Runtime's quantizers (minimum and maximum).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from training.onnx.graph import Range


@torch.inference_mode()
def activation_ranges(model: torch.nn.Module, batches: Iterable[Mapping[str, torch.Tensor]]) -> dict[str, Range]:
    """The range of each linear layer's input, by the layer's name, over all batches; padding counts too.

    Args:
        model: the checkpoint; each batch is given to it as keyword arguments.
        batches: what it works on.
    """
    low: dict[str, float] = {}
    high: dict[str, float] = {}

    def watch(name: str) -> Any:
        def hook(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            low[name] = min(low.get(name, 0.0), float(inputs[0].min()))
            high[name] = max(high.get(name, 0.0), float(inputs[0].max()))

        return hook

    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    handles = [module.register_forward_pre_hook(watch(name)) for name, module in layers]
    try:
        model.eval()
        for batch in batches:
            model(**batch)
    finally:
        for handle in handles:
            handle.remove()
    return {name: Range(low[name], high[name]) for name in low}
