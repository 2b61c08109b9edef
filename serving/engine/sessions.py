"""ONNX Runtime sessions, and the decoder's memory.

B rows, S source pieces, H heads, K head size, C cache capacity, V pieces of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

Array = npt.NDArray[Any]
MASKED = np.float32(-1e9)  # added to the attention score of padding


def open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A session on the processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a waiting service must not burn a core
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def pad(rows: Sequence[Sequence[int]], value: int = 0) -> tuple[Array, Array]:
    """Rows of any length as one array, and their lengths: (B, S), (B,)."""
    lengths = np.array([len(row) for row in rows], np.int32)
    ids = np.full((len(rows), int(lengths.max())), value, np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids, lengths


class DecoderState:
    """The rows of one call between steps: cross-attention of their sources, and the keys and values of what they have written.

    The step graph writes the new key and value into the same memory that it reads the past from, so a step copies nothing.
    """

    def __init__(self, step: onnxruntime.InferenceSession, cross: list[Array], lengths: Array, capacity: int) -> None:
        self._step = step
        self._cross = cross  # key and value per layer, each (B, H, S, K)
        inside = np.arange(cross[0].shape[2])[None, :] < lengths[:, None]
        self._source_bias = np.where(inside, np.float32(0), MASKED)[:, None, None, :]  # (B, 1, 1, S)
        rows, heads, _, head_size = cross[0].shape
        self._past = [np.zeros((rows, heads, capacity, head_size), np.float32) for _ in cross]
        self._sources = np.arange(rows)  # of each row
        self.length = 0

    def step(self, ids: Array) -> Array:
        """Feed one piece per row: (B,) -> logits (B, V)."""
        rows = len(ids)
        feeds: dict[str, Array] = {
            "ids": np.ascontiguousarray(ids[:, None], np.int64),
            "positions": np.full((rows, 1), self.length, np.int64),
            "past_lengths": np.full(rows, self.length, np.int32),
            "total_length": np.array([self.length + 1], np.int32),
            "source_bias": self._source_bias,
        }
        binding = self._step.io_binding()
        binding.bind_output("logits", "cpu")  # first: `get_outputs` follows the order of binding
        for name, value in feeds.items():
            _bind_input(binding, name, value)
        for i, (cross, past) in enumerate(zip(self._cross, self._past, strict=True)):
            part, layer = ("key", "value")[i % 2], i // 2
            _bind_input(binding, f"cross_{part}_{layer}", cross)
            _bind_input(binding, f"past_{part}_{layer}", past)
            binding.bind_output(f"present_{part}_{layer}", "cpu", 0, past.dtype, past.shape, past.ctypes.data)
        self._step.run_with_iobinding(binding)
        self.length += 1
        logits: Array = binding.get_outputs()[0].numpy()
        return logits[:, 0]

    def select(self, rows: Array) -> None:
        """Keep the rows named, in that order; a row may be named more than once.

        Only what moves is copied: beams of one source share its cross-attention, and of the past only what is written counts.
        """
        sources = self._sources[rows]
        if not np.array_equal(sources, self._sources):
            self._cross = [np.ascontiguousarray(value[rows]) for value in self._cross]
            self._source_bias = np.ascontiguousarray(self._source_bias[rows])
        if len(rows) == len(self._sources):
            moved = np.flatnonzero(rows != np.arange(len(rows)))
            for past in self._past:
                past[moved, :, : self.length] = past[rows[moved], :, : self.length]
        else:
            self._past = [self._taken(past, rows) for past in self._past]
        self._sources = sources

    def _taken(self, past: Array, rows: Array) -> Array:
        """The rows named, with what is written so far: (B, H, C, K) -> (rows, H, C, K)."""
        taken = np.zeros((len(rows), *past.shape[1:]), past.dtype)
        taken[:, :, : self.length] = past[rows, :, : self.length]
        return taken


def _bind_input(binding: Any, name: str, value: Array) -> None:
    binding.bind_input(name, "cpu", 0, value.dtype, value.shape, value.ctypes.data)
