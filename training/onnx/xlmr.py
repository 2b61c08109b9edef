"""The classifier as one ONNX graph: XLM-R, RoBERTa or BERT encoder, mean pooling, one linear head per question.

B rows, S pieces, D model width, L labels of a head.

Not covered: other encoders, activations other than gelu, more weights than one file can hold (XLM-R large has, in fp32). Such a
checkpoint is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto

from training.onnx.graph import Array, Graph, Precision, Range
from training.onnx.marian import refuse

if TYPE_CHECKING:
    from training.xlmr import MessageModel

ENCODERS = ("bert", "roberta", "xlm-roberta")
IMPLEMENTED = {"hidden_act": "gelu", "is_decoder": False}
LARGEST_BYTES = 2**31 - 2**20  # of a protobuf message, which an ONNX file is, with room for what is no weight


def check_supported(config: Any) -> None:
    """Refuse what the graph would get wrong.

    Raises:
        ExportError: names every option that is not implemented.
    """
    if config.model_type not in ENCODERS:
        refuse([f"model_type={config.model_type} (implemented: {', '.join(ENCODERS)})"])
    options = {name: (getattr(config, name), value) for name, value in IMPLEMENTED.items()}
    refuse([f"{name}={found} (implemented: {value})" for name, (found, value) in options.items() if found != value])


def first_position(config: Any) -> int:
    """The position embedding of a text's first piece: BERT counts from 0, XLM-R and RoBERTa from behind the padding's on."""
    return 0 if config.model_type == "bert" else int(config.pad_token_id) + 1


def check_encoder(config: Any, pieces: int, longest: int) -> None:
    """Refuse a vocabulary or texts that the encoder's embeddings have no rows for.

    Args:
        config: of the encoder.
        pieces: of the vocabulary.
        longest: pieces of the longest text that is to be read.

    Raises:
        ExportError: names what is too small.
    """
    problems = []
    if pieces > config.vocab_size:
        problems.append(f"{pieces:,} pieces, embeddings of {config.vocab_size:,}")
    if longest > (positions := config.max_position_embeddings - first_position(config)):
        problems.append(f"max_pieces={longest} (it reads {positions})")
    refuse(problems)


class XlmrGraph:
    """Builds the graph of one classifier.

    Raises:
        ExportError: an option that is not implemented.
    """

    def __init__(self, model: MessageModel, precision: Precision, ranges: Mapping[str, Range]) -> None:
        self._config: Any = model.encoder.config
        check_supported(self._config)
        self._state: dict[str, Array] = {name: tensor.float().numpy() for name, tensor in model.state_dict().items()}
        size = sum(weight.nbytes for weight in self._state.values())
        if precision == "fp32" and size > LARGEST_BYTES:
            refuse([f"{size / 1e9:.1f} GB of weights in fp32 (implemented: 2 GB; take fp32 out of `precisions`)"])
        self._heads = list(model.heads)
        self._precision, self._ranges = precision, ranges

    def model(self) -> onnx.ModelProto:
        """Ids (B, S), lengths (B,) -> one output (B, L) per head, named as the head."""
        graph = Graph(self._precision, self._ranges)
        ids = graph.input("ids", TensorProto.INT64, ["rows", "pieces"])
        lengths = graph.input("lengths", TensorProto.INT32, ["rows"])
        positions = graph.positions_of(ids)
        mask = graph.mask_from_lengths(positions, lengths)  # (B, S)
        x = self._embed(graph, ids, positions)  # (B, S, D)
        for layer in range(self._config.num_hidden_layers):
            x = self._layer(graph, x, mask, f"encoder.encoder.layer.{layer}")
        pooled = self._mean(graph, x, mask, lengths)  # (B, D)
        for name in self._heads:
            logits = graph.linear(pooled, *self._parameters(f"heads.{name}"), f"heads.{name}", f"heads.{name}")
            graph.output(name, logits, TensorProto.FLOAT, ["rows", len(self._state[f"heads.{name}.bias"])])
        return graph.model("classifier")

    def _embed(self, graph: Graph, ids: str, positions: str) -> str:
        """Piece, position and type embeddings, normalised; every piece is of the first type."""
        prefix = "encoder.embeddings"
        table = graph.weight("embedding", self._state[f"{prefix}.word_embeddings.weight"])
        places = self._state[f"{prefix}.position_embeddings.weight"][first_position(self._config) :]
        places = places + self._state[f"{prefix}.token_type_embeddings.weight"][0]
        there = graph.node("Gather", [graph.weight("positions_table", places), positions])
        x = graph.node("Add", [graph.node("Gather", [table, ids]), there])
        constants = [graph.weight(f"{prefix}.{part}", self._state[f"{prefix}.LayerNorm.{part}"]) for part in ("weight", "bias")]
        return graph.node("LayerNormalization", [x, *constants], axis=-1, epsilon=self._config.layer_norm_eps)

    def _layer(self, graph: Graph, x: str, mask: str, prefix: str) -> str:
        attention = f"{prefix}.attention"
        parts = [self._linear(graph, x, f"{attention}.self.{name}") for name in ("query", "key", "value")]
        attended = graph.fused("MultiHeadAttention", [*parts, "", mask], num_heads=self._config.num_attention_heads)
        x = self._add_and_norm(graph, self._linear(graph, attended, f"{attention}.output.dense"), x, f"{attention}.output.LayerNorm")
        hidden = graph.fused("Gelu", [self._linear(graph, x, f"{prefix}.intermediate.dense")])
        return self._add_and_norm(graph, self._linear(graph, hidden, f"{prefix}.output.dense"), x, f"{prefix}.output.LayerNorm")

    def _mean(self, graph: Graph, x: str, mask: str, lengths: str) -> str:
        """The mean over each row's real pieces: (B, S, D) -> (B, D)."""
        last, middle = graph.weight("axis_2", np.array([2])), graph.weight("axis_1", np.array([1]))
        weights = graph.node("Unsqueeze", [graph.node("Cast", [mask], to=TensorProto.FLOAT), last])  # (B, S, 1)
        total = graph.node("ReduceSum", [graph.node("Mul", [x, weights]), middle], keepdims=0)
        count = graph.node("Unsqueeze", [graph.node("Cast", [lengths], to=TensorProto.FLOAT), middle])  # (B, 1)
        return graph.node("Div", [total, count])

    def _linear(self, graph: Graph, x: str, layer: str) -> str:
        return graph.linear(x, *self._parameters(layer), layer, layer)

    def _add_and_norm(self, graph: Graph, x: str, skip: str, layer: str) -> str:
        gamma, beta = self._state[f"{layer}.weight"], self._state[f"{layer}.bias"]
        return graph.add_and_norm(x, skip, gamma, beta, layer, self._config.layer_norm_eps)

    def _parameters(self, layer: str) -> tuple[Array, Array]:
        """A linear layer's weight as (D, F), and its bias."""
        return self._state[f"{layer}.weight"].T, self._state[f"{layer}.bias"]
