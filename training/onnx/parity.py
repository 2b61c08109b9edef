"""How far a graph's logits are from PyTorch's on the same weights, teacher-forced.

B rows, S source pieces, T target pieces, V pieces of the vocabulary. Whole sequences are compared in `eval/parity.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from training.onnx.graph import Array


def session(path: Path) -> onnxruntime.InferenceSession:
    """A session on one processor thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def source_bias(lengths: Array, width: int) -> Array:
    """0 within each row's length and a large negative number behind it: (B,) -> (B, 1, 1, S)."""
    inside = np.arange(width)[None, :] < lengths[:, None]
    return np.where(inside, 0.0, -1e9).astype(np.float32)[:, None, None, :]


def step_logits(folder: Path, ids: Array, lengths: Array, decoder_ids: Array, heads: int) -> Array:
    """The logits of every step, fed with `decoder_ids`: (B, S), (B,), (B, T) -> (B, T, V)."""
    encoder, decoder = session(folder / "encoder.onnx"), session(folder / "decoder_step.onnx")
    names = [output.name for output in encoder.get_outputs()]
    cross = dict(zip(names, encoder.run(None, {"ids": ids, "lengths": lengths.astype(np.int32)}), strict=True))
    rows, steps = decoder_ids.shape
    head_size = cross["cross_key_0"].shape[-1]
    past = {
        f"past_{part}_{layer}": np.zeros((rows, heads, steps, head_size), np.float32)
        for layer in range(len(names) // 2)
        for part in ("key", "value")
    }
    outputs = [output.name for output in decoder.get_outputs()]
    logits = []
    for step in range(steps):
        feed: dict[str, Any] = {
            "ids": decoder_ids[:, step : step + 1],
            "positions": np.full((rows, 1), step),
            "past_lengths": np.full(rows, step, np.int32),
            "total_length": np.array([step + 1], np.int32),
            "source_bias": source_bias(lengths, ids.shape[1]),
        }
        given = dict(zip(outputs, decoder.run(None, feed | cross | past), strict=True))
        logits.append(given["logits"])
        past = {name: given[name.replace("past", "present")] for name in past}
    return np.concatenate(logits, axis=1)


@torch.inference_mode()
def marian_difference(model: Any, batches: Sequence[Mapping[str, torch.Tensor]], folder: Path) -> float:
    """The largest absolute difference between the graphs' logits and PyTorch's, over all real target positions."""
    largest = 0.0
    for batch in batches:
        expected = model(**batch).logits.numpy()  # (B, T, V)
        lengths = batch["attention_mask"].sum(dim=1).numpy()
        decoder_ids = batch["decoder_input_ids"].numpy()
        got = step_logits(folder, batch["input_ids"].numpy(), lengths, decoder_ids, model.config.decoder_attention_heads)
        real = (batch["labels"] >= 0).numpy()  # (B, T)
        largest = max(largest, float(np.abs(expected - got)[real].max()))
    return largest


@torch.inference_mode()
def classifier_difference(model: Any, batches: Sequence[Mapping[str, torch.Tensor]], path: Path) -> float:
    """The largest absolute difference of any head's logits."""
    running = session(path)
    names = [output.name for output in running.get_outputs()]
    largest = 0.0
    for batch in batches:
        expected = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])["logits"]
        lengths = batch["attention_mask"].sum(dim=1).numpy().astype(np.int32)
        for name, logits in zip(names, running.run(None, {"ids": batch["input_ids"].numpy(), "lengths": lengths}), strict=True):
            largest = max(largest, float(np.abs(expected[name].numpy() - logits).max()))
    return largest
