"""Builds one ONNX graph, node by node, in fp32 or int8.

B rows, S positions, D model width, H heads, F features of a linear layer's output.

int8 is static: each linear layer has one activation scale, calibrated at export, so that a row's answer does not depend on its
neighbours in the batch. Weights are unsigned around 128, because the signed kernel saturates on AVX2 without VNNI (up to 11 % error).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
Precision = Literal["fp32", "int8"]

MICROSOFT = "com.microsoft"  # domain of ONNX Runtime's fused operators
MIDDLE = 128  # the unsigned weight that stands for zero
OPSET, IR_VERSION = 18, 10


@dataclass(frozen=True)
class Range:
    """The smallest and largest activation that a linear layer has read in calibration."""

    low: float
    high: float

    @property
    def scale(self) -> np.float32:
        """Size of one of the 255 steps of the range, widened to hold zero."""
        return np.float32(max(max(self.high, 0.0) - min(self.low, 0.0), 1e-6) / 255)

    @property
    def zero(self) -> np.uint8:
        """The step that stands for zero."""
        return np.uint8(np.clip(np.round(-min(self.low, 0.0) / self.scale), 0, 255))


def quantize_weight(weight: Array) -> tuple[Array, Array]:
    """A weight (D, F) as unsigned integers around 128 and one scale per output column, (D, F) and (F,)."""
    scale = (np.maximum(np.abs(weight).max(axis=0), 1e-9) / 127).astype(np.float32)
    return (np.clip(np.round(weight / scale), -127, 127) + MIDDLE).astype(np.uint8), scale


class Graph:
    """Collects nodes and weights; each method returns the name of its output.

    Args:
        precision: of the linear layers; everything between them is fp32.
        ranges: activation range per linear layer, by the layer's name in the checkpoint; int8 only.
    """

    def __init__(self, precision: Precision, ranges: Mapping[str, Range]) -> None:
        self._precision = precision
        self._ranges = ranges
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, kind: int, shape: Sequence[str | int]) -> str:
        """Declare an input of the graph."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, value: str, kind: int, shape: Sequence[str | int]) -> None:
        """Give `value` out under `name`."""
        if value != name:
            self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def weight(self, name: str, value: Array | np.generic) -> str:
        """A constant; the same name is stored once."""
        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, operator: str, inputs: Sequence[str], *, outputs: Sequence[str] = (), domain: str = "", **attributes: Any) -> str:
        """One operator; the name of its first output."""
        names = list(outputs) or [f"{operator}_{len(self._nodes)}"]
        self._nodes.append(helper.make_node(operator, list(inputs), names, name=names[0], domain=domain, **attributes))
        return names[0]

    def fused(self, operator: str, inputs: Sequence[str], *, outputs: Sequence[str] = (), **attributes: Any) -> str:
        """One of ONNX Runtime's fused operators."""
        return self.node(operator, inputs, outputs=outputs, domain=MICROSOFT, **attributes)

    def linear(self, x: str, weight: Array, bias: Array, name: str, layer: str) -> str:
        """X W + b: (B, S, D) -> (B, S, F).

        Args:
            x: what goes in.
            weight: (D, F).
            bias: (F,).
            name: of the constants; unique per weight.
            layer: the checkpoint's layer whose calibrated range holds for `x`.
        """
        bias_name = self.weight(f"{name}.bias", bias)
        if self._precision == "fp32":
            return self.node("Add", [self.node("MatMul", [x, self.weight(f"{name}.weight", weight)]), bias_name])
        quantized, column_scale = quantize_weight(weight)
        activation = self._ranges[layer]
        scale = self.weight(f"{layer}.input_scale", activation.scale)
        zero = self.weight(f"{layer}.input_zero", activation.zero)
        rows = self.node("QuantizeLinear", [x, scale, zero])
        weights = [self.weight(f"{name}.quantized", quantized), scale, self.weight(f"{name}.scale", column_scale)]
        zeros = [zero, self.weight("middle", np.uint8(MIDDLE))]
        return self.fused("MatMulIntegerToFloat", [rows, *weights, *zeros, bias_name])

    def add_and_norm(self, x: str, skip: str, gamma: Array, beta: Array, name: str, epsilon: float) -> str:
        """LayerNorm(x + skip), (B, S, D)."""
        constants = [self.weight(f"{name}.gamma", gamma), self.weight(f"{name}.beta", beta)]
        return self.fused("SkipLayerNormalization", [x, skip, *constants], epsilon=epsilon)

    def mask_from_lengths(self, positions: str, lengths: str) -> str:
        """1 where a position is within its row's length, else 0: (S,), (B,) -> int32 (B, S)."""
        column = self.node("Unsqueeze", [lengths, self.weight("axis_1", np.array([1]))])
        inside = self.node("Less", [positions, column])
        return self.node("Cast", [inside], to=TensorProto.INT32)

    def positions_of(self, ids: str) -> str:
        """0, 1, ... of the second axis of `ids`: (B, S) -> int32 (S,)."""
        size = self.node("Squeeze", [self.node("Shape", [ids], start=1, end=2)])
        counted = self.node("Range", [self.weight("zero_64", np.int64(0)), size, self.weight("one_64", np.int64(1))])
        return self.node("Cast", [counted], to=TensorProto.INT32)

    def model(self, name: str) -> onnx.ModelProto:
        """The finished model, checked.

        Raises:
            onnx.checker.ValidationError: the graph is not well-formed.
        """
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, list(self._weights.values()))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="quayside")
        onnx.checker.check_model(model)
        return model
