"""Train a MarianMT model from scratch on prepared segments.

B rows, S source pieces, T target pieces.

Not covered: fine-tuning a checkpoint, resuming, LoRA.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import GenerationConfig, MarianConfig, MarianMTModel, Trainer, TrainingArguments

from configs.schema import MarianShape, Params, TrainTranslation
from data.pieces import MarianPieces
from data.records import Segment, read_jsonl, tree_sha256
from training import tracking
from training.alignment import NONE, align
from training.batching import TokenBatches
from training.manifest import write_training_manifest
from training.samples import Sample, directions, number, sentence_pairs
from training.trainer import fit, make_repeatable, optimizers, training_arguments
from training.vocabulary import write_marian_vocabulary

SMALLEST_SHARE = 1e-6  # of attention, under the logarithm
IGNORED = -100  # label that the loss leaves out


class Samples(Dataset[dict[str, Any]]):
    """Numbered samples as transformers' trainer wants them, with their alignments if there are any."""

    def __init__(self, samples: Sequence[Sample], alignments: Sequence[list[int]] | None = None) -> None:
        self._samples = samples
        self._alignments = alignments

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = self._samples[index]
        aligned = {} if self._alignments is None else {"alignment": self._alignments[index]}
        return {"input_ids": sample.source, "labels": sample.target, **aligned}


class Collate:
    """Pads samples to a batch; the decoder reads the target shifted right, from `pad` on."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Samples -> input_ids and attention_mask (B, S), decoder_input_ids, labels and, if the samples have it, alignment (B, T)."""
        source = pad_rows([row["input_ids"] for row in rows], self._pad)
        labels = pad_rows([row["labels"] for row in rows], IGNORED)
        shifted = pad_rows([[self._pad, *row["labels"][:-1]] for row in rows], self._pad)
        batch = {"input_ids": source, "attention_mask": (source != self._pad).long(), "decoder_input_ids": shifted, "labels": labels}
        if "alignment" in rows[0]:
            batch["alignment"] = pad_rows([row["alignment"] for row in rows], NONE)
        return batch


class MarianTrainer(Trainer):
    """transformers' trainer with batches of so many tokens, hidden target pieces, and a second loss for where some heads look.

    Args:
        settings: the tokens of a batch, the share of hidden pieces, the guided heads and the weight of their loss.
        unknown: the piece that stands for a hidden one.
        arguments: of the trainer.
    """

    def __init__(self, settings: TrainTranslation, unknown: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._settings, self._unknown = settings, unknown

    def get_train_dataloader(self) -> Any:
        """Called by the trainer."""
        samples = [self.train_dataset[i] for i in range(len(self.train_dataset))]
        lengths = [(len(sample["input_ids"]), len(sample["labels"])) for sample in samples]
        batches = TokenBatches(lengths, self._settings.batch_tokens, self.args.data_seed)
        return self.accelerator.prepare(DataLoader(self.train_dataset, batch_sampler=batches, collate_fn=self.data_collator))

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **options: Any) -> Any:
        """The trainer's own loss; in training with pieces hidden, and with the guide's loss if the samples are aligned."""
        if model.training:
            seen = hide_pieces(inputs["decoder_input_ids"], self._settings.target_piece_dropout, self._unknown, model.config.pad_token_id)
            inputs = {**inputs, "decoder_input_ids": seen}
        alignment = inputs.pop("alignment", None)
        if alignment is None:
            return super().compute_loss(model, inputs, return_outputs, **options)
        guide = self._settings.guided_alignment
        loss, outputs = super().compute_loss(model, {**inputs, "output_attentions": True}, True, **options)
        loss = loss + guide.weight * attention_loss(outputs["cross_attentions"], alignment, guide.heads)
        return (loss, outputs) if return_outputs else loss


def hide_pieces(ids: torch.Tensor, share: float, unknown: int, pad: int) -> torch.Tensor:
    """Some of the pieces that the decoder is told it wrote, replaced by `unknown`: what it cannot read there it must find in the source.

    Trained from scratch on few wordings, a decoder otherwise goes on with a sentence that it knows, whatever the source says.

    Args:
        ids: (B, T); padding, which starts the decoder too, stays.
        share: of the pieces, 0..1.
        unknown: id of `<unk>`.
        pad: id of `<pad>`.

    Source: word dropout, Bowman et al. 2016, https://aclanthology.org/K16-1002; for translation, Sennrich and Zhang 2019,
    https://aclanthology.org/P19-1021
    """
    hidden = torch.rand(ids.shape, device=ids.device) < share
    return ids.masked_fill(hidden & (ids != pad), unknown)


def attention_loss(attentions: Sequence[torch.Tensor], alignment: torch.Tensor, heads: int) -> torch.Tensor:
    """How far the first heads of each layer look away from the alignment: cross-entropy, mean over aligned pieces, sum over layers.

    Args:
        attentions: of each layer, (B, heads, T, S).
        alignment: source place of each target piece, `NONE` for none, (B, T).
        heads: that are guided; their mean is.

    Source: Chen et al. 2016, https://aclanthology.org/2016.amta-researchers.10
    """
    aligned = alignment != NONE
    places = alignment.clamp(min=0).unsqueeze(-1)  # (B, T, 1)
    looked = (layer[:, :heads].mean(dim=1).gather(-1, places).squeeze(-1)[aligned] for layer in attentions)
    losses = [-(share + SMALLEST_SHARE).log().mean() for share in looked]
    return torch.stack(losses).sum()


def pad_rows(rows: list[list[int]], value: int) -> torch.Tensor:
    """Rows of any length as one tensor, (B, longest)."""
    longest = max(len(row) for row in rows)
    return torch.tensor([row + [value] * (longest - len(row)) for row in rows])


def build_model(shape: MarianShape, pieces: MarianPieces, dropout: float) -> MarianMTModel:
    """A MarianMT model with fresh weights, in the configuration that opus-mt checkpoints have."""
    config = MarianConfig(
        vocab_size=len(pieces),
        d_model=shape.d_model,
        encoder_layers=shape.encoder_layers,
        decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=shape.ffn,
        decoder_ffn_dim=shape.ffn,
        max_position_embeddings=shape.max_pieces,
        activation_function="swish",
        scale_embedding=True,
        dropout=dropout,
        init_std=shape.d_model**-0.5,  # with scale_embedding, rows of norm about 1 (Vaswani et al. 2017, 3.4)
        pad_token_id=pieces.pad,
        eos_token_id=pieces.eos,
        decoder_start_token_id=pieces.pad,
        forced_eos_token_id=pieces.eos,
    )
    model = MarianMTModel(config)
    model.generation_config = GenerationConfig(
        pad_token_id=pieces.pad,
        eos_token_id=pieces.eos,
        decoder_start_token_id=pieces.pad,
        forced_eos_token_id=pieces.eos,
        bad_words_ids=[[pieces.pad]],
        max_length=shape.max_pieces,
        num_beams=1,
    )
    return model


def train(name: str, params: Params, prepared: Path, out: Path) -> str:
    """Train the model `name` and write its checkpoint; returns a sentence about it.

    Raises:
        ValueError: the name fits no language; broken prepared data.
    """
    settings = params.train_translation
    pairs = directions(name, params.prepare_translation.languages)
    make_repeatable(params.seed, settings.threads)
    out.mkdir(parents=True, exist_ok=True)
    parts = {part: read_jsonl(prepared / f"{part}.jsonl", Segment) for part in ("train", "validation")}
    noise = {"train": settings.augmentation, "validation": None}
    sentences = {part: sentence_pairs(segments, pairs, params.seed, noise[part]) for part, segments in parts.items()}
    targets = sorted({target for _, target in pairs})
    texts = dict.fromkeys(text for source, target, _ in sentences["train"] for text in (source, target))
    write_marian_vocabulary(texts, settings.model.vocabulary, targets if len(targets) > 1 else [], out)
    pieces = MarianPieces(out)
    samples = {part: number(rows, pieces, settings.model.max_pieces) for part, rows in sentences.items()}
    guide = settings.guided_alignment
    alignments = align(samples["train"], len(pieces), pieces.codes, guide) if guide.weight else None
    datasets = {"train": Samples(samples["train"], alignments), "validation": Samples(samples["validation"])}
    model = build_model(settings.model, pieces, settings.optimizer.dropout)
    data_hash = tree_sha256(prepared)
    with tracking.run(f"train {name}", kind="train", profile=params.profile) as run:
        run.params({"seed": params.seed, **settings.model_dump(), "parameters": model.num_parameters()})
        run.dataset("translation", prepared, data_hash)
        loss = _fit(model, datasets, pieces.unknown, params, out, run)
        model.save_pretrained(out)
        write_training_manifest(out, kind="translation", name=name, pairs=pairs, params=params, data=data_hash, run=run.id)
        run.folder(out, "model")
    return f"{out}: {model.num_parameters():,} parameters, {len(samples['train']):,} pairs, validation loss {loss:.3f}"


def _fit(model: MarianMTModel, datasets: dict[str, Samples], unknown: int, params: Params, out: Path, run: tracking.Run) -> float:
    """Run transformers' trainer; returns the last validation loss."""
    settings = params.train_translation.optimizer
    arguments = TrainingArguments(**training_arguments(settings, params.seed, Path("training/checkpoints") / out.name))
    if params.train_translation.guided_alignment.weight:
        model.set_attn_implementation("eager")  # the others give no attention back
    trainer = MarianTrainer(
        params.train_translation,
        unknown,
        model=model,
        args=arguments,
        train_dataset=datasets["train"],
        eval_dataset=datasets["validation"],
        data_collator=Collate(model.config.pad_token_id),
        optimizers=optimizers(model, settings),
    )
    return fit(trainer, f"train {out.name}", run, out / "loss.csv")["eval_loss"]
