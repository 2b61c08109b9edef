"""Small models made in-process; no test needs a network or a model hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def tiny_marian() -> Callable[..., Any]:
    """Makes a MarianMT model with random weights; keyword arguments change its configuration."""
    import torch
    from transformers import GenerationConfig, MarianConfig, MarianMTModel

    def make(seed: int = 0, end_bias: float = 2.0, **changes: Any) -> Any:
        torch.manual_seed(seed)
        options: dict[str, Any] = {
            "vocab_size": 60,
            "d_model": 32,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 64,
            "decoder_ffn_dim": 64,
            "max_position_embeddings": 40,
            "activation_function": "swish",
            "scale_embedding": True,
            "pad_token_id": 59,
            "eos_token_id": 0,
            "decoder_start_token_id": 59,
            "forced_eos_token_id": 0,
            "init_std": 0.2,
        }
        model = MarianMTModel(MarianConfig(**options | changes)).eval()
        with torch.no_grad():
            model.final_logits_bias[0, 0] = end_bias  # about 2 makes sentences end at different steps, less at the limit
        model.generation_config = GenerationConfig(
            pad_token_id=59, eos_token_id=0, decoder_start_token_id=59, forced_eos_token_id=0, bad_words_ids=[[59]], max_length=40
        )
        return model

    return make


@pytest.fixture(scope="session")
def save_graphs() -> Callable[..., Path]:
    """Writes a model's graphs to a folder, int8 calibrated on random sources."""

    def save(model: Any, folder: Path, precision: str = "fp32") -> Path:
        import onnx
        import torch

        from training.onnx.calibration import activation_ranges
        from training.onnx.marian import MarianGraphs

        torch.manual_seed(1)
        ids = torch.randint(1, 59, (16, 12))
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "decoder_input_ids": ids}
        graphs = MarianGraphs(model, precision, activation_ranges(model, [batch]) if precision == "int8" else {})  # type: ignore[arg-type]
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(graphs.encoder(), folder / "encoder.onnx")
        onnx.save(graphs.decoder_step(), folder / "decoder_step.onnx")
        return folder

    return save
