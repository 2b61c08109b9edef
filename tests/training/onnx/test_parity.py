"""The measure of how far graphs are from PyTorch: what it compares, and what it leaves out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.onnx.parity import marian_difference, source_bias, step_logits


def batch_of(labels: list[list[int]]) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    ids = torch.randint(1, 58, (len(labels), 6))
    target = torch.tensor(labels)
    decoder = torch.full_like(target, 59)
    decoder[:, 1:] = target[:, :-1].clamp(min=0)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "decoder_input_ids": decoder, "labels": target}


def test_padding_is_biased_out_of_the_source() -> None:
    bias = source_bias(np.array([1, 3]), width=3)
    assert bias.shape == (2, 1, 1, 3)
    np.testing.assert_array_equal(bias[:, 0, 0], np.array([[0, -1e9, -1e9], [0, 0, 0]], np.float32))


def test_every_step_gives_logits(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> None:
    model = tiny_marian()
    batch = batch_of([[5, 6, 7, 0], [8, 9, 0, 0]])
    given = step_logits(save_graphs(model, tmp_path), batch["input_ids"].numpy(), np.array([6, 6]), batch["decoder_input_ids"].numpy(), 4)
    assert given.shape == (2, 4, 60)
    with torch.inference_mode():
        np.testing.assert_allclose(given, model(**batch).logits.numpy(), rtol=0, atol=1e-4)


def test_what_stands_on_padding_is_not_compared(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> None:
    """The model sees another piece than the graphs behind the end of its second row; only with a label there it matters."""
    model, folder = tiny_marian(), save_graphs(tiny_marian(), tmp_path)

    class Strange:
        """The model, but for the last position of the second row."""

        config = model.config

        def __call__(self, **batch: torch.Tensor) -> Any:
            answer = model(**batch)
            answer.logits[1, -1] += 5
            return answer

    assert marian_difference(Strange(), [batch_of([[5, 6, 7], [8, 0, -100]])], folder) < 1e-4
    assert 4.9 < marian_difference(Strange(), [batch_of([[5, 6, 7], [8, 9, 0]])], folder) < 5.1


def test_the_largest_of_all_batches_counts(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> None:
    folder, model = save_graphs(tiny_marian(seed=1), tmp_path), tiny_marian(seed=2)
    first, second = batch_of([[5, 6, 0]]), batch_of([[9, 4, 20, 33, 0]])
    apart = [marian_difference(model, [batch], folder) for batch in (first, second)]
    assert marian_difference(model, [first, second], folder) == max(apart) == marian_difference(model, [second, first], folder)
    assert apart[0] != apart[1]
