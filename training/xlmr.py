"""Train the classifier from scratch: one XLM-R encoder, one forward pass, three heads (intent, sentiment, urgency).

B rows, S pieces, D model width, L labels of a head.

The encoder's outputs are averaged over the message's pieces: from scratch, on few messages, that learns where a single `<s>` does not.

Not covered: fine-tuning a checkpoint, resuming; a class for out of scope (the confidence decides that).
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import Dataset
from transformers import TrainingArguments, XLMRobertaConfig, XLMRobertaModel

from configs.schema import Augmentation, Params, XlmrShape
from data.augment import sometimes
from data.normalize import normalize
from data.pieces import XlmrPieces
from data.records import OUT_OF_SCOPE, Utterance, read_jsonl, tree_sha256, write_json
from training import tracking
from training.manifest import write_training_manifest
from training.marian import IGNORED, pad_rows
from training.trainer import LengthGroupedTrainer, fit, make_repeatable, optimizers, training_arguments
from training.vocabulary import sampled_segmentation, write_xlmr_vocabulary

PAD_ID, UNKNOWN_ID = 1, 3  # XLM-R's
LABELS = "labels.json"


class MessageModel(nn.Module):
    """XLM-R encoder, mean pooling, one linear head per question.

    Args:
        config: of the encoder.
        labels: head -> its labels, in the order of its outputs.
        dropout: on the pooled vector.
        piece_dropout: share of the pieces replaced by `<unk>` in training (Iyyer et al. 2015).
        label_smoothing: share of the probability that is spread over all labels in training.
    """

    def __init__(
        self,
        config: XLMRobertaConfig,
        labels: dict[str, list[str]],
        dropout: float = 0.0,
        piece_dropout: float = 0.0,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.config = config  # transformers' trainer asks for it
        self.encoder = XLMRobertaModel(config, add_pooling_layer=False)
        self.heads = nn.ModuleDict({name: nn.Linear(config.hidden_size, len(names)) for name, names in labels.items()})
        self.dropout = nn.Dropout(dropout)
        self._piece_dropout, self._label_smoothing = piece_dropout, label_smoothing

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **labels: torch.Tensor) -> dict[str, Any]:
        """(B, S) -> `logits`, head -> (B, L); with labels (B,) per head, `loss` too."""
        if self.training and self._piece_dropout:
            hidden = torch.rand_like(input_ids, dtype=torch.float) < self._piece_dropout
            input_ids = input_ids.masked_fill(hidden & (input_ids > UNKNOWN_ID), UNKNOWN_ID)
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (B, S, D)
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = self.dropout((states * weights).sum(dim=1) / weights.sum(dim=1))  # (B, D)
        logits = {name: head(pooled) for name, head in self.heads.items()}
        given = [name for name in logits if name in labels and bool((labels[name] != IGNORED).any())]
        smoothing = self._label_smoothing if self.training else 0.0
        losses = [
            nn.functional.cross_entropy(logits[name], labels[name], ignore_index=IGNORED, label_smoothing=smoothing) for name in given
        ]
        return {"loss": torch.stack(losses).sum(), "logits": logits} if losses else {"logits": logits}


class Messages(Dataset[dict[str, Any]]):
    """Labelled messages as numbered samples, made anew at each access: `pieces` may sample, and `noise` is drawn.

    Args:
        messages: in the order of the samples.
        pieces: the vocabulary.
        labels: head -> its labels.
        noise: how often a message gets which kind of it; `None`: never.
        seed: of the noise.
    """

    def __init__(
        self,
        messages: Sequence[Utterance],
        pieces: XlmrPieces,
        labels: dict[str, list[str]],
        noise: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self._messages = messages
        self._noise, self._chance = noise, random.Random(seed)
        self._labels = [self._numbers(message, labels) for message in messages]
        self._pieces = pieces

    @staticmethod
    def _numbers(message: Utterance, labels: dict[str, list[str]]) -> dict[str, int]:
        named = {"intent": message.intent, "sentiment": message.sentiment, "urgency": message.urgency}
        return {head: names.index(name) if (name := named[head]) in names else IGNORED for head, names in labels.items()}

    def __len__(self) -> int:
        return len(self._messages)

    def __getitem__(self, index: int) -> dict[str, Any]:
        message = self._messages[index]
        text = sometimes(message.text, message.language, self._noise, self._chance) if self._noise else message.text
        return {"input_ids": self._pieces.encode(normalize(text), message.history), **self._labels[index]}


def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Samples -> input_ids and attention_mask (B, S), labels (B,) per head."""
    ids = pad_rows([row["input_ids"] for row in rows], PAD_ID)
    labels = {head: torch.tensor([row[head] for row in rows]) for head in rows[0] if head != "input_ids"}
    return {"input_ids": ids, "attention_mask": (ids != PAD_ID).long(), **labels}


def encoder_config(shape: XlmrShape, pieces: int, dropout: float) -> XLMRobertaConfig:
    """The configuration of an encoder with fresh weights."""
    return XLMRobertaConfig(
        vocab_size=pieces,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.ffn,
        max_position_embeddings=shape.max_pieces + PAD_ID + 1,
        type_vocab_size=1,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=0.0,
        pad_token_id=PAD_ID,
        bos_token_id=0,
        eos_token_id=2,
    )


def train(params: Params, prepared: Path, out: Path) -> str:
    """Train the classifier and write its checkpoint; returns a sentence about it.

    Raises:
        ValueError: broken prepared data.
    """
    settings = params.train_intents
    make_repeatable(params.seed, settings.threads)
    out.mkdir(parents=True, exist_ok=True)
    parts = {part: read_jsonl(prepared / f"{part}.jsonl", Utterance) for part in ("train", "validation")}
    in_scope = {part: [m for m in messages if m.intent != OUT_OF_SCOPE] for part, messages in parts.items()}
    texts = [normalize(message.text) for message in in_scope["train"]]
    size = write_xlmr_vocabulary(texts, settings.model.vocabulary, out)
    labels = json.loads((prepared / LABELS).read_text(encoding="utf-8"))
    segment = sampled_segmentation(out, settings.segmentation_smoothness, params.seed)
    pieces = {
        "train": XlmrPieces(out, settings.model.max_pieces, segment),
        "validation": XlmrPieces(out, settings.model.max_pieces),
    }
    config = encoder_config(settings.model, size, settings.optimizer.dropout)
    model = MessageModel(config, labels, settings.optimizer.dropout, settings.piece_dropout, settings.optimizer.label_smoothing)
    data_hash = tree_sha256(prepared)
    count = sum(p.numel() for p in model.parameters())
    with tracking.run("train intents", kind="train", profile=params.profile) as run:
        run.params({"seed": params.seed, **settings.model_dump(), "parameters": count})
        run.dataset("intents", prepared, data_hash)
        noise = {"train": settings.augmentation, "validation": None}
        samples = {part: Messages(found, pieces[part], labels, noise[part], params.seed) for part, found in in_scope.items()}
        loss = _fit(model, samples, params, run, out)
        config.save_pretrained(out)
        save_file(model.state_dict(), out / "model.safetensors")
        write_json(out / LABELS, labels)
        write_training_manifest(out, kind="intents", name="intents", pairs=[], params=params, data=data_hash, run=run.id)
        run.folder(out, "model")
    return f"{out}: {count:,} parameters, {len(in_scope['train']):,} messages, validation loss {loss:.3f}"


def _fit(model: MessageModel, samples: dict[str, Messages], params: Params, run: tracking.Run, out: Path) -> float:
    """Run transformers' trainer; returns the last validation loss."""
    settings = params.train_intents.optimizer
    arguments = TrainingArguments(
        **training_arguments(settings, params.seed, Path("training/checkpoints/intents")),
        label_names=list(model.heads),
        prediction_loss_only=True,
        remove_unused_columns=False,
    )
    trainer = LengthGroupedTrainer(
        model=model,
        args=arguments,
        train_dataset=samples["train"],
        eval_dataset=samples["validation"],
        data_collator=collate,
        optimizers=optimizers(model, settings),
    )
    return fit(trainer, "train intents", run, out / "loss.csv")["eval_loss"]


def load(folder: Path, labels: dict[str, list[str]]) -> MessageModel:
    """A trained classifier, ready to answer."""
    model = MessageModel(XLMRobertaConfig.from_pretrained(folder), labels)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    model.eval()
    return model
