"""The checkpoints on transformers and PyTorch: what our graphs are compared with, in results and in speed.

B rows, S source pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, MarianMTModel
from transformers.utils import logging as transformers_logging


class MarianPeer:
    """A translation checkpoint behind `generate`.

    Args:
        checkpoint: its folder.
        threads: processor threads, for the whole process.
    """

    def __init__(self, checkpoint: Path, threads: int) -> None:
        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        torch.set_num_threads(threads)
        self.model: Any = MarianMTModel.from_pretrained(checkpoint, dtype=torch.float32).eval()
        self._pad, self._end = self.model.config.pad_token_id, self.model.config.eos_token_id
        options = self.model.generation_config
        self._forbidden = options.bad_words_ids or [[self._pad]]  # single pieces; others are refused at export
        self._renormalized = bool(options.renormalize_logits)

    @torch.inference_mode()
    def generate(self, sources: Sequence[Sequence[int]], beams: int, max_pieces: int) -> list[list[int]]:
        """Written ids, without start and end, of sources decoded together.

        As in our engine, padding is forbidden and the end is forced at the limit, even if the checkpoint forgot to ask for it.
        """
        ids, mask = self._pad_rows(sources)
        limits = {"max_length": max_pieces + 1, "forced_eos_token_id": self._end, "bad_words_ids": self._forbidden}
        written = self.model.generate(input_ids=ids, attention_mask=mask, num_beams=beams, do_sample=False, **limits)
        return [self._strip(row[1:].tolist()) for row in written]

    @torch.inference_mode()
    def log_probabilities(self, source: Sequence[int], written: Sequence[int]) -> torch.Tensor:
        """Teacher-forced log-probabilities at every step of one sentence: (len(written) + 1, V)."""
        ids, mask = self._pad_rows([source])
        decoder = torch.tensor([[self.model.config.decoder_start_token_id, *written]])
        steps = torch.log_softmax(self.model(input_ids=ids, attention_mask=mask, decoder_input_ids=decoder).logits[0], dim=-1)
        steps[:, [piece for (piece,) in self._forbidden]] = -torch.inf  # as `generate` does: forbidden after normalising ...
        return torch.log_softmax(steps, dim=-1) if self._renormalized else steps  # ... and some checkpoints normalise again

    def score(self, source: Sequence[int], written: Sequence[int]) -> float:
        """Mean log-probability per piece of a whole hypothesis, the end included."""
        steps = self.log_probabilities(source, written)
        pieces = torch.tensor([*written, self._end])
        return float(steps[torch.arange(len(pieces)), pieces].mean())

    def _pad_rows(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *[self._pad] * (longest - len(row))] for row in rows])
        return ids, (ids != self._pad).long()

    def _strip(self, ids: list[int]) -> list[int]:
        return ids[: ids.index(self._end)] if self._end in ids else [i for i in ids if i != self._pad]


class XlmrPeer:
    """A classifier checkpoint's encoder; the heads, a few thousand multiplications, are left out.

    Args:
        checkpoint: its folder.
        threads: processor threads, for the whole process.
    """

    def __init__(self, checkpoint: Path, threads: int) -> None:
        from safetensors.torch import load_file

        torch.set_num_threads(threads)
        self._model: Any = AutoModel.from_config(AutoConfig.from_pretrained(checkpoint), add_pooling_layer=False)
        prefix = "encoder."
        weights = load_file(checkpoint / "model.safetensors")
        self._model.load_state_dict({name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)})
        self._model.eval()

    @torch.inference_mode()
    def encode(self, ids: Sequence[int]) -> None:
        """One message through the encoder."""
        self._model(input_ids=torch.tensor([list(ids)]))
