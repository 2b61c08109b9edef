"""The graphs give PyTorch's logits, the manifest `generate`'s options, and what neither does is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GenerationConfig, MarianMTModel

from training.onnx.marian import ExportError, MarianGraphs, check_vocabulary, decoding
from training.onnx.parity import marian_difference


def batch_of(lengths: list[int], steps: int) -> dict[str, torch.Tensor]:
    """Random sources of these lengths, padded, and random targets."""
    torch.manual_seed(3)
    ids = torch.full((len(lengths), max(lengths)), 59)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(0, 58, (length,))
    decoder = torch.randint(0, 58, (len(lengths), steps))
    decoder[:, 0] = 59
    return {"input_ids": ids, "attention_mask": (ids != 59).long(), "decoder_input_ids": decoder, "labels": decoder}


@pytest.mark.parametrize("activation", ["swish", "relu", "gelu"])
@pytest.mark.parametrize("scaled", [True, False])
def test_logits_equal_pytorch_s(
    tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path, activation: str, scaled: bool
) -> None:
    model = tiny_marian(activation_function=activation, scale_embedding=scaled)
    folder = save_graphs(model, tmp_path)
    assert marian_difference(model, [batch_of([5, 12, 1, 9], 10)], folder) < 1e-4


SEPARATE = {"share_encoder_decoder_embeddings": False}
LAYOUTS: dict[str, dict[str, Any]] = {
    "pieces behind the padding": {"vocab_size": 70},
    "one vocabulary, separate embeddings": SEPARATE,
    "a larger target vocabulary": {**SEPARATE, "decoder_vocab_size": 75},
    "a smaller target vocabulary": {**SEPARATE, "vocab_size": 90, "decoder_vocab_size": 62},
    "an output of its own": {**SEPARATE, "decoder_vocab_size": 75, "tie_word_embeddings": False},
}


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_logits_equal_pytorch_s_however_the_embeddings_are_laid_out(
    tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path, layout: str, precision: str
) -> None:
    """As a checkpoint is exported: saved and loaded; with biases on the logits, as real ones have."""
    made = tiny_marian(**LAYOUTS[layout])
    with torch.no_grad():
        made.final_logits_bias.normal_()
    made.save_pretrained(tmp_path)
    model = MarianMTModel.from_pretrained(tmp_path).eval()
    difference = marian_difference(model, [batch_of([5, 12, 1, 9], 10)], save_graphs(model, tmp_path, precision))
    assert difference < 1e-4 if precision == "fp32" else 1e-4 < difference < 1.0


def test_separate_embeddings_are_not_mixed_up(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> None:
    model = tiny_marian(**SEPARATE)
    folder = save_graphs(model, tmp_path)
    for part in ("encoder", "decoder"):
        changed = tiny_marian(**SEPARATE)
        with torch.no_grad():
            getattr(changed.model, part).embed_tokens.weight += 0.1
        assert marian_difference(changed, [batch_of([4, 7], 6)], folder) > 0.01


def test_layers_may_differ_in_number(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> None:
    model = tiny_marian(encoder_layers=3, decoder_layers=1)
    assert marian_difference(model, [batch_of([4, 7], 6)], save_graphs(model, tmp_path)) < 1e-4


def test_a_wrong_weight_shows(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> None:
    """The measure itself can fail: graphs of other weights are far away."""
    folder = save_graphs(tiny_marian(seed=1), tmp_path)
    assert marian_difference(tiny_marian(seed=2), [batch_of([4, 7], 6)], folder) > 0.1


def test_int8_stays_near(tiny_marian: Callable[..., Any], save_graphs: Callable[..., Path], tmp_path: Path) -> None:
    model = tiny_marian()
    difference = marian_difference(model, [batch_of([5, 12, 9], 10)], save_graphs(model, tmp_path, "int8"))
    assert 1e-4 < difference < 1.0


def test_unsupported_options_are_refused_by_name(tiny_marian: Callable[..., Any]) -> None:
    with pytest.raises(ExportError, match=r"activation_function=tanh \(implemented: swish, silu, relu, gelu\)"):
        MarianGraphs(tiny_marian(activation_function="tanh"), "fp32", {})
    with pytest.raises(ExportError, match="different numbers of heads"):
        MarianGraphs(tiny_marian(encoder_attention_heads=2), "fp32", {})


def test_the_manifest_says_what_generate_does(tiny_marian: Callable[..., Any]) -> None:
    model = tiny_marian(vocab_size=70)
    shape = {"max_pieces": 40, "layers": 2, "heads": 4, "head_size": 8}
    assert decoding(model) == {"start": 59, "end": 0, "suppressed": [59], **shape}
    options = model.generation_config
    options.bad_words_ids, options.renormalize_logits, options.decoder_start_token_id = [[61], [59], [0]], True, 60
    assert decoding(model) == {"start": 60, "end": 0, "suppressed": [59, 61], "renormalized": True, **shape}  # an end cannot be forbidden
    options.eos_token_id, options.forced_eos_token_id = [5], [5]
    assert decoding(model)["end"] == 5


def test_what_a_checkpoint_forgot_to_say_is_marian_s_way(tiny_marian: Callable[..., Any]) -> None:
    model = tiny_marian()
    complete = decoding(model)
    model.generation_config = GenerationConfig()
    assert decoding(model) == complete


def test_settings_that_change_nothing_are_no_reason_to_refuse(tiny_marian: Callable[..., Any]) -> None:
    model = tiny_marian()
    neutral = {"length_penalty": 1.0, "early_stopping": False, "repetition_penalty": 1, "min_length": 0, "do_sample": False}
    model.generation_config.update(num_beams=6, max_length=512, bos_token_id=0, no_repeat_ngram_size=0, **neutral)
    assert decoding(model)["suppressed"] == [59]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bad_words_ids": [[59], [4, 5]]}, r"bad_words_ids with \[4, 5\] \(implemented: single pieces\)$"),
        ({"forced_eos_token_id": 7}, r"forced_eos_token_id=7 \(implemented: that of eos_token_id\)$"),
        ({"eos_token_id": [0, 7]}, r"eos_token_id=\[0, 7\] \(implemented: one\); forced_eos_token_id=0 "),
        ({"length_penalty": 0.6, "no_repeat_ngram_size": 3}, r"length_penalty=0\.6; no_repeat_ngram_size=3$"),
        ({"early_stopping": True, "num_beams": 4}, r"early_stopping=True$"),
        ({"forced_bos_token_id": 0, "suppress_tokens": [3]}, r"forced_bos_token_id=0; suppress_tokens=\[3\]$"),
    ],
)
def test_what_our_decoder_does_not_do_is_refused_by_name(tiny_marian: Callable[..., Any], changes: dict[str, Any], said: str) -> None:
    model = tiny_marian()
    model.generation_config.update(**changes)
    with pytest.raises(ExportError, match=rf"^this checkpoint cannot be exported: {said}"):
        decoding(model)


def test_pieces_without_an_embedding_are_refused(tiny_marian: Callable[..., Any]) -> None:
    model = tiny_marian(**SEPARATE, decoder_vocab_size=75)
    check_vocabulary(model, (60, 75))
    check_vocabulary(model, (50, 60))
    with pytest.raises(ExportError, match=r"^this checkpoint cannot be exported: 61 source pieces, embeddings of 60$"):
        check_vocabulary(model, (61, 75))
    with pytest.raises(ExportError, match=r": 61 source pieces, embeddings of 60; 1,200 target pieces, embeddings of 75$"):
        check_vocabulary(model, (61, 1_200))
