"""Int8 layers: quantized weights, calibrated activations, no saturation, no neighbour in a row's answer."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from training.onnx.graph import MIDDLE, Array, Graph, Range, quantize_weight


def run_linear(x: Array, weight: Array, bias: Array, precision: str, activation: Range | None = None) -> Array:
    graph = Graph(precision, {"layer": activation} if activation else {})  # type: ignore[arg-type]
    name = graph.input("x", TensorProto.FLOAT, ["rows", weight.shape[0]])
    graph.output("y", graph.linear(name, weight, bias, "layer", "layer"), TensorProto.FLOAT, ["rows", weight.shape[1]])
    session = onnxruntime.InferenceSession(graph.model("linear").SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def test_weights_are_unsigned_around_the_middle() -> None:
    quantized, scale = quantize_weight(np.array([[-1.0, 0.5], [0.0, -2.0]], np.float32))
    assert quantized.dtype == np.uint8
    assert quantized.tolist() == [[1, MIDDLE + 32], [MIDDLE, 1]]
    np.testing.assert_allclose(scale, [1 / 127, 2 / 127], rtol=1e-6)


def test_a_range_always_holds_zero() -> None:
    assert Range(0.5, 2.0).zero == 0
    assert Range(-2.0, -0.5).zero == 255
    assert Range(0.0, 0.0).scale > 0


def test_int8_does_not_saturate_at_the_largest_values() -> None:
    """Every product at its extreme: pairs of 255 * 255 overflow the 16 bits of a saturating kernel, and the sum would come out short."""
    width = 512
    x, weight = np.full((3, width), 1.0, np.float32), np.full((width, 8), 1.0, np.float32)
    weight[:, 1::2] = -1.0
    got = run_linear(x, weight, np.zeros(8, np.float32), "int8", Range(-1.0, 1.0))
    exact = run_linear(x, weight, np.zeros(8, np.float32), "fp32")
    assert np.abs(got - exact).max() / width < 0.005


def test_int8_equals_integer_arithmetic_in_numpy() -> None:
    chance = np.random.default_rng(0)
    x, weight = chance.standard_normal((5, 64)).astype(np.float32), chance.standard_normal((64, 16)).astype(np.float32)
    bias, activation = chance.standard_normal(16).astype(np.float32), Range(-4.0, 4.0)
    quantized, scale = quantize_weight(weight)
    rows = np.clip(np.round(x / activation.scale) + activation.zero, 0, 255).astype(np.int64) - int(activation.zero)
    expected = (rows @ (quantized.astype(np.int64) - MIDDLE)) * activation.scale * scale + bias
    np.testing.assert_allclose(run_linear(x, weight, bias, "int8", activation), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("neighbours", [1, 7, 40])
def test_a_row_does_not_depend_on_its_neighbours(neighbours: int) -> None:
    chance = np.random.default_rng(1)
    weight, bias = chance.standard_normal((64, 32)).astype(np.float32), np.zeros(32, np.float32)
    row = chance.standard_normal((1, 64)).astype(np.float32)
    others = 8 * chance.standard_normal((neighbours, 64)).astype(np.float32)  # eight times larger: a shared scale would crush the row
    alone = run_linear(row, weight, bias, "int8", Range(-4.0, 4.0))
    together = run_linear(np.concatenate([row, others]), weight, bias, "int8", Range(-4.0, 4.0))[:1]
    np.testing.assert_array_equal(alone, together)
