"""The peers run any checkpoint that training leaves, as transformers does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModel, GenerationConfig

from eval.peers.transformers import MarianPeer, XlmrPeer

SOURCE = [5, 6, 7, 0]


@pytest.fixture
def saved(tiny_marian: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Saves a small checkpoint in which `<pad>`, 59, is the likeliest piece; gives its peer."""

    def save(options: dict[str, Any], **changes: Any) -> MarianPeer:
        model = tiny_marian(**changes)
        model.final_logits_bias[0, 59] = 9.0
        model.generation_config = GenerationConfig(pad_token_id=59, eos_token_id=0, decoder_start_token_id=59, **options)
        model.save_pretrained(tmp_path)
        return MarianPeer(tmp_path, threads=1)

    return save


@pytest.mark.parametrize("changes", [{}, {"share_encoder_decoder_embeddings": False, "decoder_vocab_size": 75}])
def test_padding_is_never_written_and_the_end_is_forced(saved: Callable[..., MarianPeer], changes: dict[str, Any]) -> None:
    """By a checkpoint that forgot to say so, too, as our decoder has it."""
    peer = saved({}, **changes, end_bias=-9.0)
    for beams in (1, 3):
        (written,) = peer.generate([SOURCE], beams, 12)
        assert len(written) == 11  # and the end
        assert 59 not in written


def test_log_probabilities_are_those_that_a_search_adds_up(saved: Callable[..., MarianPeer]) -> None:
    plain = saved({"bad_words_ids": [[59], [8]]}).log_probabilities(SOURCE, [4, 3])
    assert plain.shape == (3, 60)
    assert torch.isinf(plain[:, [8, 59]]).all()
    assert (plain.exp().sum(dim=-1) < 0.5).all(), "the padding took its share"
    again = saved({"bad_words_ids": [[59], [8]], "renormalize_logits": True}).log_probabilities(SOURCE, [4, 3])
    assert torch.isinf(again[:, [8, 59]]).all()
    torch.testing.assert_close(again.exp().sum(dim=-1), torch.ones(3))


@pytest.mark.parametrize(("kind", "pad"), [("bert", 0), ("roberta", 1), ("xlm-roberta", 1)])
def test_any_encoder_is_loaded_with_its_weights(tmp_path: Path, kind: str, pad: int) -> None:
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 20}
    config = AutoConfig.for_model(kind, vocab_size=30, pad_token_id=pad, **size)
    encoder = AutoModel.from_config(config, add_pooling_layer=False).eval()
    weights = {f"encoder.{name}": weight for name, weight in encoder.state_dict().items()}
    save_file({**weights, "heads.intent.weight": torch.ones(2, 16)}, tmp_path / "model.safetensors")
    config.save_pretrained(tmp_path)
    peer = XlmrPeer(tmp_path, threads=1)
    peer.encode([2, 9, 3])
    ids = torch.tensor([[2, 9, 4, 3]])
    with torch.inference_mode():
        torch.testing.assert_close(peer._model(ids).last_hidden_state, encoder(ids).last_hidden_state)
