"""Train the classifier: one encoder, one forward pass, three heads (intent, sentiment, urgency).

The encoder is XLM-R's, with fresh weights, or a base checkpoint: XLM-R, RoBERTa or BERT.

B rows, S pieces, D model width, L labels of a head.

The encoder's outputs are averaged over the message's pieces: from scratch, on few messages, that learns where a single `<s>` does not.

Not covered: adapters; a class for out of scope (the confidence decides that).
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import Dataset
from transformers import AutoConfig, AutoModel, TrainingArguments, XLMRobertaConfig

from configs.schema import Augmentation, Params, TrainIntents, XlmrShape
from data.augment import sometimes
from data.normalize import normalize
from data.pieces import XlmrPieces
from data.records import OUT_OF_SCOPE, Utterance, read_jsonl, tree_sha256, write_json
from training import tracking
from training.bases import Base, find, start_encoder
from training.batching import LengthGroups
from training.callbacks import write_curves
from training.checkpoints import checkpoint_folder
from training.judging import IntentJudge
from training.manifest import write_training_manifest
from training.marian import IGNORED, pad_rows
from training.segmentation import SampledSegmentation
from training.trainer import StreamTrainer, fit, make_repeatable, optimizers, recorded, result_inputs, spread_weights, training_arguments
from training.vocabulary import write_xlmr_vocabulary

PAD_ID = 1  # XLM-R's
LABELS = "labels.json"


class MessageModel(nn.Module):
    """Encoder, mean pooling, one linear head per question.

    Args:
        config: of the encoder.
        labels: head -> its labels, in the order of its outputs.
        encoder: with weights; `None`: fresh ones.
        dropout: on the pooled vector.
    """

    def __init__(self, config: Any, labels: dict[str, list[str]], encoder: Any = None, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config  # transformers' trainer asks for it
        self.encoder = AutoModel.from_config(config, add_pooling_layer=False) if encoder is None else encoder
        self.heads = nn.ModuleDict({name: nn.Linear(config.hidden_size, len(names)) for name, names in labels.items()})
        self.dropout = nn.Dropout(dropout)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, Any]:
        """(B, S) -> `logits`, head -> (B, L)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (B, S, D)
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = self.dropout((states * weights).sum(dim=1) / weights.sum(dim=1))  # (B, D)
        return {"logits": {name: head(pooled) for name, head in self.heads.items()}}


class MessageLoss:
    """Cross-entropy of every head, in training with pieces hidden.

    Args:
        settings: the share of hidden pieces (Iyyer et al. 2015), label smoothing.
        pieces: the unknown piece, which stands for a hidden one, and those that are never hidden.
    """

    unit = "messages"

    def __init__(self, settings: TrainIntents, pieces: XlmrPieces) -> None:
        self._settings, self._unknown = settings, pieces.unknown
        self._kept = torch.tensor(sorted(pieces.control | {pieces.unknown}))

    def items(self, batch: dict[str, torch.Tensor]) -> int:
        """Messages."""
        return len(batch["input_ids"])

    def __call__(self, model: Any, batch: dict[str, torch.Tensor], items: torch.Tensor | int) -> tuple[torch.Tensor, Any]:
        """The heads' losses, each its mean over the messages that have its label, which counts by their part of the batch."""
        ids, smoothing = batch["input_ids"], 0.0
        if model.training:
            smoothing = self._settings.optimizer.label_smoothing
            hidden = torch.rand_like(ids, dtype=torch.float) < self._settings.piece_dropout
            ids = ids.masked_fill(hidden & ~torch.isin(ids, self._kept.to(ids.device)), self._unknown)
        outputs = model(ids, batch["attention_mask"])
        losses = [
            nn.functional.cross_entropy(logits, batch[head], ignore_index=IGNORED, label_smoothing=smoothing)
            for head, logits in outputs["logits"].items()
            if bool((batch[head] != IGNORED).any())
        ]
        return sum(losses, start=outputs["logits"]["intent"].sum() * 0) * len(ids) / items, outputs


class Messages(Dataset[dict[str, Any]]):
    """Labelled messages by their number in the training, made anew at each access: noise and segmentation are drawn.

    A draw is a function of (seed, number), whatever was drawn before it.

    Args:
        messages: in the order of the samples.
        pieces: the vocabulary.
        labels: head -> its labels.
        noise: how often a message gets which kind of it; `None`: never.
        segment: draws a segmentation; `None`: the likeliest always.
        seed: of the draws.
    """

    def __init__(
        self,
        messages: Sequence[Utterance],
        pieces: XlmrPieces,
        labels: dict[str, list[str]],
        noise: Augmentation | None = None,
        segment: SampledSegmentation | None = None,
        seed: int = 0,
    ) -> None:
        self._messages = messages
        self._noise, self._segment, self._seed = noise, segment, seed
        self._labels = [self._numbers(message, labels) for message in messages]
        self._pieces = pieces

    @staticmethod
    def _numbers(message: Utterance, labels: dict[str, list[str]]) -> dict[str, int]:
        named = {"intent": message.intent, "sentiment": message.sentiment, "urgency": message.urgency}
        return {head: names.index(name) if (name := named[head]) in names else IGNORED for head, names in labels.items()}

    def __len__(self) -> int:
        return len(self._messages)

    def __getitem__(self, number: int) -> dict[str, Any]:
        place = number % len(self._messages)
        message, chance = self._messages[place], random.Random(f"{self._seed}/{number}")
        text = sometimes(message.text, message.language, self._noise, chance) if self._noise else message.text
        segment = partial(self._segment, chance=chance) if self._segment else None
        return {"number": number, "input_ids": self._pieces.encode(normalize(text), message.history, segment), **self._labels[place]}


class Collate:
    """Pads messages to a batch.

    Args:
        pad: id of the padding.
    """

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Samples -> input_ids and attention_mask (B, S), labels (B,) per head, numbers (B,)."""
        ids = pad_rows([row["input_ids"] for row in rows], self._pad)
        labels = {head: torch.tensor([row[head] for row in rows]) for head in rows[0] if head not in {"input_ids", "number"}}
        numbers = {"numbers": torch.tensor([row["number"] for row in rows])} if "number" in rows[0] else {}
        return {"input_ids": ids, "attention_mask": (ids != self._pad).long(), **labels, **numbers}


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

    Stopped or killed, the same call goes on from the last whole checkpoint.

    Raises:
        ValueError: broken prepared data; a base that does not fit; what `fit` raises.
        StoppedError: it was asked to stop.
    """
    settings = params.train_intents
    base = find(settings.base, "intents") if settings.base else None
    make_repeatable(params.seed, settings.threads)
    data = tree_sha256(prepared)
    labels: dict[str, list[str]] = json.loads((prepared / LABELS).read_text(encoding="utf-8"))
    folder = checkpoint_folder("intents", {**result_inputs(params.seed, settings), "data": data, "base": base and base.sha256})
    arguments = TrainingArguments(
        **training_arguments(settings.optimizer, settings.running, params.seed, folder, "macro_f1"), label_names=list(labels)
    )
    parts = {part: read_jsonl(prepared / f"{part}.jsonl", Utterance) for part in ("train", "validation")}
    in_scope = {part: [m for m in messages if m.intent != OUT_OF_SCOPE] for part, messages in parts.items()}
    with recorded("intents", folder, params.profile, main=arguments.process_index == 0) as run:
        with arguments.main_process_first(local=False):
            work = out if arguments.process_index == 0 else Path(tempfile.mkdtemp())
            model, pieces = start(base, settings, labels, in_scope["train"], work)
        count = sum(p.numel() for p in model.parameters())
        run.params({"seed": params.seed, **settings.model_dump(), "parameters": count})
        run.dataset("intents", prepared, data)
        segment = None if base else SampledSegmentation(work / "tokenizer.json", settings.segmentation_smoothness)
        samples = {
            "train": Messages(in_scope["train"], pieces, labels, settings.augmentation, segment, params.seed),
            "validation": Messages(in_scope["validation"], pieces, labels),
        }
        trainer = message_trainer(model, pieces, samples, in_scope, labels, settings, arguments, run)
        best = fit(trainer, "train intents", run)
        spread = spread_weights(trainer)
        if arguments.process_index == 0:
            write_curves(trainer.state.log_history, out / "loss.csv")
            model.config.save_pretrained(out)
            save_file(spread or model.state_dict(), out / "model.safetensors")
            write_json(out / LABELS, labels)
            about = {"base": base.described if base else "from scratch"}
            write_training_manifest(out, kind="intents", name="intents", pairs=[], params=params, data=data, run=run.id, **about)
            run.folder(out, "model")
    trained = f"{out}: {count:,} parameters, {len(in_scope['train']):,} messages"
    return f"{trained}, validation loss {best['eval_loss']:.3f}, macro-F1 {best['eval_macro_f1']:.1f} after step {best['step']:,.0f}"


def start(
    base: Base | None, settings: TrainIntents, labels: dict[str, list[str]], messages: Sequence[Utterance], out: Path
) -> tuple[MessageModel, XlmrPieces]:
    """The model to be trained and its vocabulary, whose files go to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    dropout = settings.optimizer.dropout
    if base is None:
        size = write_xlmr_vocabulary([normalize(message.text) for message in messages], settings.model.vocabulary, out)
        model = MessageModel(encoder_config(settings.model, size, dropout), labels, dropout=dropout)
    else:
        encoder = start_encoder(base, out)
        model = MessageModel(encoder.config, labels, encoder, dropout)
    return model, XlmrPieces(out, settings.model.max_pieces)


def message_trainer(
    model: MessageModel,
    pieces: XlmrPieces,
    samples: dict[str, Messages],
    messages: dict[str, list[Utterance]],
    labels: dict[str, list[str]],
    settings: TrainIntents,
    arguments: TrainingArguments,
    run: tracking.Run,
) -> StreamTrainer:
    """The trainer of the classifier."""
    collate, validation = Collate(pieces.pad), samples["validation"]
    size = settings.optimizer.batch_size
    batches = [
        collate([validation[i] for i in range(first, min(first + size, len(validation)))]) for first in range(0, len(validation), size)
    ]
    lengths = [len(pieces.encode(normalize(message.text), message.history)) for message in messages["train"]]
    return StreamTrainer(
        LengthGroups(lengths, size, arguments.data_seed),
        MessageLoss(settings, pieces),
        IntentJudge(batches, [message.text for message in messages["validation"]], labels["intent"], run),
        lambda place: messages["train"][place].id,
        settings.running,
        model=model,
        args=arguments,
        train_dataset=samples["train"],
        eval_dataset=validation,
        data_collator=collate,
        optimizers=optimizers(model, settings.optimizer),
    )


def load(folder: Path, labels: dict[str, list[str]]) -> MessageModel:
    """A trained classifier, ready to answer."""
    model = MessageModel(AutoConfig.from_pretrained(folder), labels)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    model.eval()
    return model
