"""Padding, and the decoder's memory: a step at a time gives what PyTorch gives all at once, whatever rows are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from serving.engine.sessions import DecoderState, open_session, pad

SOURCES = [[5, 6, 7, 0], [8, 9, 10, 11, 12, 13, 0], [14, 0]]
WRITTEN = np.array([[59, 20, 21, 22], [59, 30, 31, 32], [59, 40, 41, 42]])


@pytest.fixture
def expected(tiny_marian: Callable[..., Any]) -> Any:
    """PyTorch's logits of every step, (B, T, V)."""
    ids, lengths = pad(SOURCES, 59)
    mask = np.arange(ids.shape[1])[None] < lengths[:, None]
    with torch.inference_mode():
        answer = tiny_marian()(
            input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask).long(), decoder_input_ids=torch.tensor(WRITTEN)
        )
    return answer.logits.numpy()


@pytest.fixture
def state(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> DecoderState:
    folder = save_graphs(tiny_marian(), tmp_path)
    ids, lengths = pad(SOURCES)
    cross = open_session(folder / "encoder.onnx", threads=1).run(None, {"ids": ids, "lengths": lengths})
    return DecoderState(open_session(folder / "decoder_step.onnx", threads=1), cross, lengths, capacity=6)


def test_rows_are_padded_to_the_longest() -> None:
    ids, lengths = pad([[1, 2, 3], [4]], 9)
    assert (ids.tolist(), lengths.tolist()) == ([[1, 2, 3], [4, 9, 9]], [3, 1])
    assert (ids.dtype, lengths.dtype) == (np.int64, np.int32)


def test_step_by_step_gives_pytorch_s_logits(state: DecoderState, expected: Any) -> None:
    for step in range(4):
        np.testing.assert_allclose(state.step(WRITTEN[:, step]), expected[:, step], rtol=0, atol=1e-4)
    assert state.length == 4


def test_rows_may_leave_and_change_places(state: DecoderState, expected: Any) -> None:
    state.step(WRITTEN[:, 0])
    state.select(np.array([2, 0]))
    np.testing.assert_allclose(state.step(WRITTEN[[2, 0], 1]), expected[[2, 0], 1], rtol=0, atol=1e-4)
    state.select(np.array([1]))
    np.testing.assert_allclose(state.step(WRITTEN[[0], 2]), expected[[0], 2], rtol=0, atol=1e-4)


def test_a_row_may_be_kept_more_than_once_as_beams_are(state: DecoderState, expected: Any) -> None:
    state.step(WRITTEN[:, 0])
    state.select(np.array([1, 1]))
    np.testing.assert_allclose(state.step(WRITTEN[[1, 1], 1]), expected[[1, 1], 1], rtol=0, atol=1e-4)
    apart = state.step(np.array([31, 45]))
    np.testing.assert_allclose(apart[0], expected[1, 2], rtol=0, atol=1e-4)
    assert np.abs(apart[1] - apart[0]).max() > 0.01


def test_keeping_every_row_in_place_changes_nothing(state: DecoderState, expected: Any) -> None:
    state.step(WRITTEN[:, 0])
    state.select(np.arange(3))
    np.testing.assert_allclose(state.step(WRITTEN[:, 1]), expected[:, 1], rtol=0, atol=1e-4)


def test_a_step_copies_no_memory(state: DecoderState) -> None:
    """The key and value of a step are written into the memory that the next one reads."""
    memory = state._past[0]
    assert not memory.any()
    state.step(WRITTEN[:, 0])
    assert state._past[0] is memory
    assert memory[:, :, 0].any()
    assert not memory[:, :, 1:].any()


def test_sessions_run_on_as_many_threads_as_asked(
    tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path
) -> None:
    options = open_session(save_graphs(tiny_marian(), tmp_path) / "encoder.onnx", threads=3).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
