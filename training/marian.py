"""Train a MarianMT model on prepared segments: from scratch, or a base checkpoint with all its weights or with adapters.

B rows, S source pieces, T target pieces, V pieces of the target vocabulary.

Not covered: freezing parts of a base.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import GenerationConfig, MarianConfig, MarianMTModel, TrainingArguments

from configs.schema import MarianShape, Params, TrainTranslation
from data.glossary import glossary_versions, load_glossaries
from data.pieces import MarianPieces
from data.records import Segment, read_jsonl, tree_sha256
from training import tracking
from training.adapters import add_adapters, save_adapter
from training.alignment import NONE, align
from training.bases import Base, find, start_marian
from training.batching import TokenBatches
from training.callbacks import write_curves
from training.checkpoints import checkpoint_folder
from training.distillation import teacher_sha256, with_teacher
from training.judging import TranslationJudge
from training.manifest import write_training_manifest
from training.samples import Sample, SentencePair, directions, number, of_industries, sentence_pairs
from training.term_samples import TermSamples
from training.trainer import StreamTrainer, fit, make_repeatable, optimizers, recorded, result_inputs, spread_weights, training_arguments
from training.vocabulary import MARKS, write_marian_vocabulary

SMALLEST_SHARE = 1e-6  # of attention, under the logarithm
IGNORED = -100  # label that the loss leaves out


class Samples(Dataset[dict[str, Any]]):
    """Samples as the trainer wants them, by their number in the training, with their alignments if there are any."""

    def __init__(self, samples: Sequence[Sample], alignments: Sequence[list[int]] | None = None) -> None:
        self._samples = samples
        self._alignments = alignments

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, number: int) -> dict[str, Any]:
        place = number % len(self._samples)
        sample = self._samples[place]
        aligned = {} if self._alignments is None else {"alignment": self._alignments[place]}
        return {"number": number, "input_ids": sample.source, "labels": sample.target, **aligned}


class Collate:
    """Pads samples to a batch; the decoder reads the target shifted right, from `start` on.

    Args:
        pad: id of `<pad>`.
        start: id that the decoder reads first; `None`: `pad`, as in every Marian model.
    """

    def __init__(self, pad: int, start: int | None = None) -> None:
        self._pad, self._start = pad, pad if start is None else start

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Samples -> input_ids and attention_mask (B, S); decoder_input_ids, labels and, and alignment, if any, (B, T); numbers (B,)."""
        source = pad_rows([row["input_ids"] for row in rows], self._pad)
        labels = pad_rows([row["labels"] for row in rows], IGNORED)
        shifted = pad_rows([[self._start, *row["labels"][:-1]] for row in rows], self._pad)
        batch = {"input_ids": source, "attention_mask": (source != self._pad).long(), "decoder_input_ids": shifted, "labels": labels}
        if "alignment" in rows[0]:
            batch["alignment"] = pad_rows([row["alignment"] for row in rows], NONE)
        if "number" in rows[0]:
            batch["numbers"] = torch.tensor([row["number"] for row in rows])
        return batch


class MarianLoss:
    """Cross-entropy per target piece, in training with pieces hidden, and with a second loss for where some heads look.

    Args:
        settings: the share of hidden pieces, label smoothing, the guided heads and the weight of their loss.
        pieces: their control ids.
    """

    unit = "tokens"

    def __init__(self, settings: TrainTranslation, pieces: MarianPieces) -> None:
        self._settings, self._pieces = settings, pieces

    def items(self, batch: dict[str, torch.Tensor]) -> int:
        """Target pieces."""
        return int((batch["labels"] != IGNORED).sum())

    def __call__(self, model: Any, batch: dict[str, torch.Tensor], items: torch.Tensor | int) -> tuple[torch.Tensor, Any]:
        """The loss, summed over the target pieces and divided by `items`; the alignment's is a mean, which counts by its part."""
        labels, alignment = batch.pop("labels"), batch.pop("alignment", None)
        smoothing = 0.0
        if model.training:
            smoothing = self._settings.optimizer.label_smoothing
            share = self._settings.target_piece_dropout
            batch["decoder_input_ids"] = hide_pieces(batch["decoder_input_ids"], share, self._pieces.unknown, self._pieces.pad)
        outputs = model(**batch, output_attentions=alignment is not None, use_cache=False)
        logits = outputs.logits.flatten(0, 1)  # (B T, V)
        loss = torch.nn.functional.cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, label_smoothing=smoothing, reduction="sum")
        if alignment is not None:
            guide = self._settings.guided_alignment
            loss = loss + guide.weight * (labels != IGNORED).sum() * attention_loss(outputs.cross_attentions, alignment, guide.heads)
        return loss / items, outputs


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


@dataclass(frozen=True)
class Material:
    """What a training works on.

    Attributes:
        model: with fresh weights or the base's.
        pieces: its vocabulary.
        samples: `train` and `validation`.
        rows: the validation sentences as text, those among them that are too long for a sample.
    """

    model: Any
    pieces: MarianPieces
    samples: dict[str, list[Sample]]
    rows: list[SentencePair]


def train(name: str, params: Params, prepared: Path, out: Path) -> str:
    """Train the model `name` and write its checkpoint; returns a sentence about it.

    Stopped or killed, the same call goes on from the last whole checkpoint.

    Raises:
        ValueError: the name fits no language; broken prepared data; a base or a teacher that does not fit; what `fit` raises.
        StoppedError: it was asked to stop.
    """
    settings = params.train_translation
    pairs = directions(name, params.prepare_translation.languages)
    base = find(settings.bases[name], "translation", pairs) if name in settings.bases else None
    teachers = settings.distillation.teachers
    teacher = teacher_sha256(Path(teachers[name]), pairs) if name in teachers else None
    make_repeatable(params.seed, settings.threads)
    data = tree_sha256(prepared)
    inputs = {**result_inputs(params.seed, settings), "data": data, "base": base and base.sha256, "teacher": teacher}
    folder = checkpoint_folder(name, inputs)
    arguments = TrainingArguments(
        **training_arguments(settings.optimizer, settings.running, params.seed, folder, "chrf"), label_names=["labels"]
    )
    with recorded(name, folder, params.profile, main=arguments.process_index == 0) as run:
        with arguments.main_process_first(local=False):
            material = gather(name, base, params, prepared, out if arguments.process_index == 0 else Path(tempfile.mkdtemp()), folder)
        model = material.model
        run.params({"seed": params.seed, **settings.model_dump(), "parameters": model.num_parameters()})
        run.dataset("translation", prepared, data)
        run.glossaries(glossary_versions(prepared / "glossaries"))
        trainer = marian_trainer(material, settings, arguments, run)
        best = fit(trainer, f"train {name}", run)
        spread = spread_weights(trainer)
        if arguments.process_index == 0:
            write_curves(trainer.state.log_history, out / "loss.csv")
            adapter = save_adapter(trainer.model, out) if settings.tuning == "lora" and base else None
            tuned = trainer.model.merge_and_unload() if adapter else trainer.model
            tuned.save_pretrained(out, state_dict=spread)
            about: dict[str, Any] = {
                "base": base.described if base else "from scratch",
                "adapter": adapter,
                "codes": base.codes if base else None,
                "teacher": teacher,
            }
            write_training_manifest(out, kind="translation", name=name, pairs=pairs, params=params, data=data, run=run.id, **about)
            run.folder(out, "model")
    trained = f"{out}: {model.num_parameters():,} parameters, {len(material.samples['train']):,} pairs"
    return f"{trained}, validation loss {best['eval_loss']:.3f}, chrF {best['eval_chrf']:.1f} after step {best['step']:,.0f}"


def gather(name: str, base: Base | None, params: Params, prepared: Path, out: Path, work: Path) -> Material:
    """Model, vocabulary and samples; the vocabulary's files go to `out`, a teacher's translations to `work`.

    Raises:
        ValueError: broken prepared data, no segments of the industries that are asked for, or a teacher that teaches nothing.
    """
    settings = params.train_translation
    pairs = directions(name, params.prepare_translation.languages)
    out.mkdir(parents=True, exist_ok=True)
    parts = {part: read_jsonl(prepared / f"{part}.jsonl", Segment) for part in ("train", "validation")}
    noise = {"train": settings.augmentation, "validation": None}
    glossaries = load_glossaries(prepared / "glossaries")
    annotators = {"train": TermSamples(glossaries.values(), params.prepare_translation.languages, settings.terms), "validation": None}
    rows = {
        part: sentence_pairs(of_industries(segments, settings.industries), pairs, params.seed, noise[part], annotators[part])
        for part, segments in parts.items()
    }
    if name in settings.distillation.teachers:
        teacher, read_pieces = Path(settings.distillation.teachers[name]), settings.optimizer.steps * settings.batch_tokens
        rows["train"] = with_teacher(rows["train"], teacher, settings.distillation, work, read_pieces)
    if base is None:
        targets = sorted({target for _, target in pairs})
        texts = dict.fromkeys(text for row in rows["train"] for text in (row.source, row.target))
        write_marian_vocabulary(texts, settings.model.vocabulary, targets if len(targets) > 1 else [], out)
        pieces = MarianPieces(out)
        model: Any = build_model(settings.model, pieces, settings.optimizer.dropout)
    else:
        model = start_marian(base, out, MARKS, settings.optimizer.dropout)
        pieces = MarianPieces(out, base.codes)
    if base and settings.tuning == "lora":
        model = add_adapters(model, settings.lora, mark_ids(out))
    most = min(settings.model.max_pieces, model.config.max_position_embeddings)
    samples = {part: number(found, pieces, most) for part, found in rows.items()}
    return Material(model, pieces, samples, rows["validation"])


def mark_ids(folder: Path) -> list[int]:
    """The pieces of our marks in a vocabulary."""
    ids = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    return [ids[mark] for mark in MARKS]


def marian_trainer(material: Material, settings: TrainTranslation, arguments: TrainingArguments, run: tracking.Run) -> StreamTrainer:
    """The trainer of a translation model."""
    model, pieces, samples = material.model, material.pieces, material.samples["train"]
    guide = settings.guided_alignment
    alignments = align(samples, len(pieces), pieces.codes, guide) if guide.weight else None
    if guide.weight:
        model.set_attn_implementation("eager")  # the others give no attention back
    return StreamTrainer(
        TokenBatches([(len(s.source), len(s.target)) for s in samples], settings.batch_tokens, arguments.data_seed),
        MarianLoss(settings, pieces),
        TranslationJudge(material.rows, pieces, settings, run),
        lambda place: samples[place].segment,
        settings.running,
        model=model,
        args=arguments,
        train_dataset=Samples(samples, alignments),
        eval_dataset=Samples(material.samples["validation"]),
        data_collator=Collate(model.config.pad_token_id, model.config.decoder_start_token_id),
        optimizers=optimizers(model, settings.optimizer),
    )
