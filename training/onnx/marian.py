"""MarianMT as two ONNX graphs, the encoder and one step of the decoder; and how a checkpoint wants to be decoded.

B rows, S source pieces, D model width, H heads, K head size, C cache capacity, V pieces of the target vocabulary.

The encoder gives the cross-attention keys and values of every decoder layer, so that a step reads them and computes none. The step
takes one piece per row on each row's own past (`GroupQueryAttention` honours the rows' lengths) and writes the new key and value in
place, if the caller binds each `present_*` to the memory of its `past_*`.

Source and target may have embeddings of their own, of different sizes.

Not covered: activations other than swish, relu and gelu; of `generate`'s options all that change what is written, but forbidden pieces
and renormalized scores. Such a checkpoint is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto

from training.onnx.graph import Array, Graph, Precision, Range

if TYPE_CHECKING:
    from transformers import MarianMTModel

NORM_EPSILON = 1e-5  # torch.nn.LayerNorm's default, which Marian uses
ACTIVATIONS = ("swish", "silu", "relu", "gelu")
# transformers' options that change what is written, at the values that change nothing, as `None` does.
NEUTRAL: dict[str, Any] = {
    "begin_suppress_tokens": None,
    "do_sample": False,
    "early_stopping": False,
    "encoder_no_repeat_ngram_size": 0,
    "encoder_repetition_penalty": 1.0,
    "exponential_decay_length_penalty": None,
    "forced_bos_token_id": None,
    "guidance_scale": 1.0,
    "length_penalty": 1.0,
    "min_length": 0,
    "min_new_tokens": 0,
    "no_repeat_ngram_size": 0,
    "repetition_penalty": 1.0,
    "sequence_bias": None,
    "suppress_tokens": None,
}


class ExportError(ValueError):
    """A checkpoint with an option that the builder does not implement."""


def check_supported(config: Any) -> None:
    """Refuse what the graphs would get wrong.

    Raises:
        ExportError: names every option that is not implemented.
    """
    problems = []
    if config.activation_function not in ACTIVATIONS:
        problems.append(f"activation_function={config.activation_function} (implemented: {', '.join(ACTIVATIONS)})")
    if config.encoder_attention_heads != config.decoder_attention_heads:
        problems.append("different numbers of heads in encoder and decoder")
    refuse(problems)


def decoding(model: MarianMTModel) -> dict[str, Any]:
    """How `generate` writes with a checkpoint, for a bundle's manifest: control ids, forbidden pieces, limit and the caches' shape.

    A checkpoint that forbids nothing forgot the padding, one that forces no end at the limit forgot that: both are done here.

    Raises:
        ExportError: names every option that is not implemented.
    """
    config: Any = model.config
    chosen: Any = model.generation_config
    start = config.decoder_start_token_id if chosen.decoder_start_token_id is None else chosen.decoder_start_token_id
    ends = [config.eos_token_id if chosen.eos_token_id is None else chosen.eos_token_id, chosen.forced_eos_token_id]
    end, forced = (ids[0] if isinstance(ids, list) and len(ids) == 1 else ids for ids in ends)
    forbidden = chosen.bad_words_ids or [[config.pad_token_id]]
    options = {name: getattr(chosen, name, None) for name in NEUTRAL}
    problems = [f"{name}={value}" for name, value in options.items() if value is not None and value != NEUTRAL[name]]
    if isinstance(end, list):
        problems.append(f"eos_token_id={end} (implemented: one)")
    if forced not in (None, end):
        problems.append(f"forced_eos_token_id={forced} (implemented: that of eos_token_id)")
    problems += [f"bad_words_ids with {ids} (implemented: single pieces)" for ids in forbidden if len(ids) != 1]
    refuse(problems)
    return {
        "start": start,
        "end": end,
        "suppressed": sorted({ids[0] for ids in forbidden} - {end}),
        **({"renormalized": True} if chosen.renormalize_logits else {}),
        "max_pieces": config.max_position_embeddings,
        "layers": config.decoder_layers,
        "heads": config.decoder_attention_heads,
        "head_size": config.d_model // config.decoder_attention_heads,
    }


def check_vocabulary(model: MarianMTModel, sizes: tuple[int, int]) -> None:
    """Refuse a checkpoint whose vocabulary has pieces that its embeddings have no row for.

    Args:
        model: the checkpoint.
        sizes: rows that the source and the target vocabulary need.

    Raises:
        ExportError: names what is too small.
    """
    rows = (model.get_input_embeddings().num_embeddings, model.get_output_embeddings().out_features)
    sides = zip(("source", "target"), sizes, rows, strict=True)
    refuse([f"{needed:,} {side} pieces, embeddings of {there:,}" for side, needed, there in sides if needed > there])


def refuse(problems: list[str]) -> None:
    """Do nothing where there are no problems.

    Raises:
        ExportError: there are; it names them all.
    """
    if problems:
        raise ExportError(f"this checkpoint cannot be exported: {'; '.join(problems)}")


class MarianGraphs:
    """Builds the graphs of one checkpoint.

    Args:
        model: the checkpoint, on the CPU.
        precision: of the linear layers.
        ranges: calibrated activation ranges; empty for fp32.

    Raises:
        ExportError: an option that is not implemented.
    """

    def __init__(self, model: MarianMTModel, precision: Precision, ranges: Mapping[str, Range]) -> None:
        self._config: Any = model.config
        check_supported(self._config)
        self._state: dict[str, Array] = {name: tensor.float().numpy() for name, tensor in model.state_dict().items()}
        self._precision, self._ranges = precision, ranges
        self._heads = self._config.decoder_attention_heads
        self._head_size = self._config.d_model // self._heads
        self._embedding_scale = np.float32(self._config.d_model**0.5 if self._config.scale_embedding else 1.0)

    def encoder(self) -> onnx.ModelProto:
        """Ids (B, S), lengths (B,) -> cross_key_i, cross_value_i (B, H, S, K) for each decoder layer i."""
        graph = Graph(self._precision, self._ranges)
        ids = graph.input("ids", TensorProto.INT64, ["rows", "source"])
        lengths = graph.input("lengths", TensorProto.INT32, ["rows"])
        positions = graph.positions_of(ids)
        mask = graph.mask_from_lengths(positions, lengths)
        x = self._embed(graph, ids, positions, "encoder")  # (B, S, D)
        for layer in range(self._config.encoder_layers):
            prefix = f"model.encoder.layers.{layer}"
            packed = self._packed(graph, x, f"{prefix}.self_attn")  # (B, S, 3 D)
            parts = [f"{prefix}.{part}" for part in ("query", "key", "value")]
            graph.node("Split", [packed], outputs=parts, axis=-1, num_outputs=3)
            attended = graph.fused("MultiHeadAttention", [*parts, "", mask], num_heads=self._heads, scale=self._head_size**-0.5)
            x = self._add_and_norm(
                graph, self._linear(graph, attended, f"{prefix}.self_attn.out_proj"), x, f"{prefix}.self_attn_layer_norm"
            )
            x = self._feed_forward(graph, x, prefix)
        for layer in range(self._config.decoder_layers):
            for part, name in (("key", "k_proj"), ("value", "v_proj")):
                projected = self._linear(graph, x, f"model.decoder.layers.{layer}.encoder_attn.{name}")
                shape = graph.weight("by_head", np.array([0, 0, self._heads, self._head_size]))
                split = graph.node("Transpose", [graph.node("Reshape", [projected, shape])], perm=[0, 2, 1, 3])
                graph.output(f"cross_{part}_{layer}", split, TensorProto.FLOAT, self._by_head("source"))
        return graph.model("encoder")

    def decoder_step(self) -> onnx.ModelProto:
        """One step: ids and positions (B, 1), the past and the source -> logits (B, 1, V) and the past with one more position."""
        graph = Graph(self._precision, self._ranges)
        ids = graph.input("ids", TensorProto.INT64, ["rows", 1])
        position = graph.input("positions", TensorProto.INT64, ["rows", 1])
        lengths = [graph.input("past_lengths", TensorProto.INT32, ["rows"]), graph.input("total_length", TensorProto.INT32, [1])]
        bias = graph.input("source_bias", TensorProto.FLOAT, ["rows", 1, 1, "source"])
        x = self._embed(graph, ids, position, "decoder")  # (B, 1, D)
        for layer in range(self._config.decoder_layers):
            prefix = f"model.decoder.layers.{layer}"
            attended = self._self_attention(graph, x, layer, lengths)
            x = self._add_and_norm(
                graph, self._linear(graph, attended, f"{prefix}.self_attn.out_proj"), x, f"{prefix}.self_attn_layer_norm"
            )
            query = self._linear(graph, x, f"{prefix}.encoder_attn.q_proj")
            source = [graph.input(f"cross_{p}_{layer}", TensorProto.FLOAT, self._by_head("source")) for p in ("key", "value")]
            crossed = graph.fused("MultiHeadAttention", [query, *source, "", "", bias], num_heads=self._heads, scale=self._head_size**-0.5)
            x = self._add_and_norm(
                graph, self._linear(graph, crossed, f"{prefix}.encoder_attn.out_proj"), x, f"{prefix}.encoder_attn_layer_norm"
            )
            x = self._feed_forward(graph, x, prefix)
        output, bias_row = self._state["lm_head.weight"], self._state["final_logits_bias"][0]  # (V, D), (V,)
        logits = graph.linear(x, output.T, bias_row, "output", "lm_head")
        graph.output("logits", logits, TensorProto.FLOAT, ["rows", 1, len(output)])
        return graph.model("decoder_step")

    def _self_attention(self, graph: Graph, x: str, layer: int, lengths: list[str]) -> str:
        """Attention over the row's own past, which grows in place."""
        packed = self._packed(graph, x, f"model.decoder.layers.{layer}.self_attn")  # (B, 1, 3 D)
        shape = self._by_head("capacity")
        past = [graph.input(f"past_{part}_{layer}", TensorProto.FLOAT, shape) for part in ("key", "value")]
        names = [f"attended_{layer}", f"present_key_{layer}", f"present_value_{layer}"]
        attended = graph.fused(
            "GroupQueryAttention",
            [packed, "", "", *past, *lengths],
            outputs=names,
            num_heads=self._heads,
            kv_num_heads=self._heads,
            scale=self._head_size**-0.5,
        )
        for name in names[1:]:
            graph.output(name, name, TensorProto.FLOAT, shape)
        return attended

    def _by_head(self, length: str) -> list[str | int]:
        return ["rows", self._heads, length, self._head_size]

    def _embed(self, graph: Graph, ids: str, positions: str, side: str) -> str:
        """Scaled piece embeddings plus sinusoidal positions."""
        table = graph.weight("embedding", self._state[f"model.{side}.embed_tokens.weight"] * self._embedding_scale)
        places = graph.weight("positions_table", self._state[f"model.{side}.embed_positions.weight"])
        return graph.node("Add", [graph.node("Gather", [table, ids]), graph.node("Gather", [places, positions])])

    def _packed(self, graph: Graph, x: str, attention: str) -> str:
        """Query, key and value in one product: (B, S, D) -> (B, S, 3 D)."""
        parts = [self._parameters(f"{attention}.{name}_proj") for name in "qkv"]
        weight, bias = np.concatenate([w for w, _ in parts], axis=1), np.concatenate([b for _, b in parts])
        return graph.linear(x, weight, bias, f"{attention}.qkv", f"{attention}.q_proj")

    def _feed_forward(self, graph: Graph, x: str, prefix: str) -> str:
        hidden = self._activation(graph, self._linear(graph, x, f"{prefix}.fc1"))
        return self._add_and_norm(graph, self._linear(graph, hidden, f"{prefix}.fc2"), x, f"{prefix}.final_layer_norm")

    def _activation(self, graph: Graph, x: str) -> str:
        if self._config.activation_function == "relu":
            return graph.node("Relu", [x])
        if self._config.activation_function == "gelu":
            return graph.fused("Gelu", [x])
        return graph.fused("QuickGelu", [x], alpha=1.0)  # swish

    def _linear(self, graph: Graph, x: str, layer: str) -> str:
        return graph.linear(x, *self._parameters(layer), layer, layer)

    def _add_and_norm(self, graph: Graph, x: str, skip: str, layer: str) -> str:
        return graph.add_and_norm(x, skip, self._state[f"{layer}.weight"], self._state[f"{layer}.bias"], layer, NORM_EPSILON)

    def _parameters(self, layer: str) -> tuple[Array, Array]:
        """A linear layer's weight as (D, F), and its bias."""
        return self._state[f"{layer}.weight"].T, self._state[f"{layer}.bias"]
